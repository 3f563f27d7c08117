//! Approvals: a record that waits to be approved can't be written to.

use super::{Writer, live_slot, plant, stamp};
use crate::ids::Id;
use crate::org::{Org, Slot};
use crate::refusal::Refusal;
use crate::schema::ObjectIndex;
use crate::value::{Cell, Value};

const PENDING: &str = "Pending";

/// Submits a record to be approved, which locks it.
///
/// # Errors
///
/// Says that the record is gone, or waits already.
pub(crate) fn submit(org: &mut Org, writer: &Writer, id: Id) -> Result<(), Refusal> {
    let (object, _) = org.locate(id).ok_or_else(Refusal::not_found)?;
    live_slot(org, object, id)?;
    refuse_locked(org, id)?;
    let values = vec![
        ("TargetObjectId", Value::Id(id)),
        ("Status", Value::Text(PENDING.into())),
        ("SubmittedById", Value::Id(writer.user)),
    ];
    let (process, _) = processes(org, id);
    plant(org, writer, process, values);
    Ok(())
}

/// Approves a record, which unlocks it.
///
/// # Errors
///
/// Says that the record doesn't wait.
pub(crate) fn approve(org: &mut Org, writer: &Writer, id: Id) -> Result<(), Refusal> {
    let (process, pending) = processes(org, id);
    let Some(slot) = pending else {
        let message = "the record does not wait to be approved";
        return Err(Refusal::new("NO_APPLICABLE_PROCESS", message));
    };
    let table = org.table(process);
    let mut row = table.row(slot).cloned().unwrap_or_default();
    table.seed(&mut row, "Status", Some(Value::Text("Approved".into())));
    table.seed(&mut row, "CompletedDate", Some(Value::Moment(writer.now)));
    table.seed(&mut row, "LastActorId", Some(Value::Id(writer.user)));
    stamp(table, &mut row, writer.user, writer.now);
    org.replace(process, slot, Some(row));
    Ok(())
}

/// Refuses to write to a record that waits to be approved.
pub(super) fn refuse_locked(org: &Org, id: Id) -> Result<(), Refusal> {
    match processes(org, id) {
        (_, None) => Ok(()),
        (_, Some(_)) => {
            let message = "the record is locked while it waits to be approved";
            Err(Refusal::new("ENTITY_IS_LOCKED", message))
        }
    }
}

/// Returns where approvals are, and the one that a record waits for.
fn processes(org: &Org, id: Id) -> (ObjectIndex, Option<Slot>) {
    let process = org.find_object("ProcessInstance").expect("every org has approvals");
    let table = org.table(process);
    let target = table.object.index_of("TargetObjectId").expect("an approval has its record");
    let slots = table.find(target, Cell::Id(id)).iter().copied();
    let mut pending = slots.filter(|slot| table.named(*slot, "Status").as_text() == Some(PENDING));
    (process, pending.next())
}
