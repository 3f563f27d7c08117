//! Lookups: what a change refers to has to be there.

use crate::model::{Object, Planned, Problem, SalesforceId};
use crate::salesforce::FieldType;
use crate::store::Fate;
use crate::sync::writing::Writing;
use crate::sync::{Doors, Error};

/// Tells of the first record that a change refers to and that Salesforce takes no more, as far
/// as was imported: one that was deleted, or a lead that was converted.
pub(super) fn lost(
    doors: &Doors,
    writing: &Writing,
    planned: &Planned,
) -> Result<Option<Problem>, Error> {
    for (name, value) in &planned.after {
        let field = writing.field(name);
        if field.is_none_or(|field| field.describe.kind != FieldType::Reference) {
            continue;
        }
        let Some(id) = value.text().and_then(|text| text.parse::<SalesforceId>().ok()) else {
            continue;
        };
        let Some(object) = Object::of(&id) else { continue };
        if let Some(fate) = fate(doors, object, &id)? {
            let about = planned.object;
            return Ok(Some(Problem {
                message: format!("{about}.{name} would name the {object} {id}, which was {fate}"),
                at: Some(name.clone()),
                hint: Some("Have the mapping name a record that is there.".to_owned()),
            }));
        }
    }
    Ok(None)
}

/// Says what became of a record that can't be referred to any more.
fn fate(doors: &Doors, object: Object, id: &SalesforceId) -> Result<Option<&'static str>, Error> {
    if doors.store.source_state(object, id)?.is_some_and(|state| state.fate == Fate::Deleted) {
        return Ok(Some("deleted"));
    }
    if object != Object::Lead {
        return Ok(None);
    }
    let lead = doors.store.entity(object, id)?;
    let is_converted = lead.is_some_and(|lead| lead.is("converted"));
    Ok(is_converted.then_some("converted"))
}
