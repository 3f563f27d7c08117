//! Merging: one record takes over what hangs on others, which then go.

use super::{Writer, live_slot, stamp};
use crate::ids::Id;
use crate::org::Org;
use crate::refusal::Refusal;
use crate::schema::{FieldIndex, ObjectIndex};
use crate::value::{Cell, Value};

/// The most records that can be merged into another at once.
const LOSER_LIMIT: usize = 2;

/// Merges records into a master. They go to the recycle bin with its id; what
/// referred to them refers to it, without a new time of change, as in Salesforce.
///
/// # Errors
///
/// Says that the records are not of one mergeable object, or gone; some may be
/// merged then, so the caller rolls back.
pub(crate) fn merge(
    org: &mut Org,
    writer: &Writer,
    master: Id,
    losers: &[Id],
) -> Result<(), Refusal> {
    let (object, _) = org.locate(master).ok_or_else(Refusal::not_found)?;
    let slot = live_slot(org, object, master)?;
    if !org.table(object).object.abilities().mergeable || losers.len() > LOSER_LIMIT {
        let message = format!("only up to {LOSER_LIMIT} accounts, contacts or leads can be merged");
        return Err(Refusal::new("INVALID_OPERATION", message));
    }
    for loser in losers {
        if *loser == master {
            let message = "a record can't be merged into itself";
            return Err(Refusal::new("INVALID_ID_FIELD", message));
        }
        take_over(org, object, *loser, master, writer)?;
    }
    let table = org.table(object);
    let mut row = table.row(slot).cloned().unwrap_or_default();
    stamp(table, &mut row, writer.user, writer.now);
    org.replace(object, slot, Some(row));
    Ok(())
}

fn take_over(
    org: &mut Org,
    object: ObjectIndex,
    loser: Id,
    master: Id,
    writer: &Writer,
) -> Result<(), Refusal> {
    let slot = live_slot(org, object, loser)?;
    for (child, field) in references(org, object) {
        let children = org.table(child).find(field, Cell::Id(loser)).to_vec();
        for place in children {
            let mut row = org.table(child).row(place).cloned().unwrap_or_default();
            row.set(field, Some(Value::Id(master)));
            org.replace(child, place, Some(row));
        }
    }
    super::set_deleted(org, writer, object, slot, true);
    let table = org.table(object);
    let mut row = table.row(slot).cloned().unwrap_or_default();
    if let Some(field) = table.object.index_of("MasterRecordId") {
        row.set(field, Some(Value::Id(master)));
    }
    org.replace(object, slot, Some(row));
    Ok(())
}

/// Returns the fields that can refer to an object, but not that which tells a
/// merged record's master.
fn references(org: &Org, object: ObjectIndex) -> Vec<(ObjectIndex, FieldIndex)> {
    let name = org.table(object).object.name;
    let mut found = Vec::new();
    for (child, table) in org.tables().iter().enumerate() {
        for (index, field) in table.object.fields().iter().enumerate() {
            let refers = field.refers_to.iter().any(|to| **to == *name);
            if refers && &*field.name != "MasterRecordId" {
                found.push((child, index));
            }
        }
    }
    found
}
