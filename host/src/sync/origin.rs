//! Origin: where the values of a record come from, Salesforce or which meeting.

use std::collections::BTreeSet;

use super::Error;
use crate::model::{Change, ChangeState, Fields, SalesforceId, Value};
use crate::store::{ChangesOf, OrgStore};

/// How many changes to a record are looked through.
const CHANGES_MAX: u32 = 1_000;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The field.
    pub field: String,
    /// Its value, as it was read last.
    pub value: Value,
    /// The change that wrote the field last, and was not taken back.
    pub change: Option<Change>,
    /// The number of the last change that wrote it, and was.
    pub undone: Option<i64>,
}

impl Origin {
    /// Tells whether the value still is what was written.
    pub fn is_ours(&self) -> bool {
        let written = self.change.iter().flat_map(|change| &change.planned.after);
        let mut of_field = written.filter(|(name, _)| *name == self.field);
        of_field.next().is_some_and(|(_, written)| written.same(&self.value))
    }

    /// Says it as a sentence.
    pub fn said(&self, store: &OrgStore) -> Result<String, Error> {
        let Some(change) = &self.change else {
            if let Some(undone) = self.undone {
                return Ok(format!(
                    "it comes from Salesforce: what efficlose wrote was taken back (change {undone})"
                ));
            }
            return Ok("it comes from Salesforce, and was never written by efficlose".to_owned());
        };
        let planned = &change.planned;
        let title = store.meeting(&planned.meeting_id)?.map(|meeting| meeting.title);
        let by = format!(
            "change {} of run {} at {}, from the meeting {} (\"{}\"), by the mapping {}",
            change.id,
            change.run_id,
            change.planned_at,
            planned.meeting_id,
            title.unwrap_or_default(),
            planned.mapping,
        );
        Ok(match self.is_ours() {
            true => format!("efficlose wrote it: {by}"),
            false => format!("it was changed in Salesforce after efficlose wrote it: {by}"),
        })
    }
}

/// Returns the origins of a record's fields, given what was read of it last: of one field, or
/// of all that were ever written.
pub fn origins(
    store: &OrgStore,
    id: &SalesforceId,
    source: &Fields,
    field: Option<&str>,
) -> Result<Vec<Origin>, Error> {
    let changes = store.changes(ChangesOf::Record(id), CHANGES_MAX)?;
    let done = changes.into_iter().filter(|change| change.state == ChangeState::Done);
    let done: Vec<Change> = done.filter(|change| change.planned.undoes.is_none()).collect();
    let undone = store.undone(&done.iter().map(|change| change.id).collect::<Vec<_>>())?;
    let writes =
        |change: &Change, field: &str| change.planned.after.iter().any(|(name, _)| name == field);
    let wrote =
        |change: &&Change, field: &str| writes(change, field) && !undone.contains(&change.id);
    let written = done.iter().flat_map(|change| change.planned.after.iter().map(|(name, _)| name));
    let known: BTreeSet<&String> = written.chain(source.iter().map(|(name, _)| name)).collect();
    let asked = |name: &&&String| match field {
        Some(field) => name.eq_ignore_ascii_case(field),
        None => done.iter().any(|change| wrote(&change, name)),
    };
    Ok(known
        .iter()
        .filter(asked)
        .map(|name| Origin {
            field: (*name).clone(),
            value: source
                .iter()
                .find(|(known, _)| known == *name)
                .map_or(Value::Null, |(_, value)| value.clone()),
            change: done.iter().find(|change| wrote(change, name)).cloned(),
            undone: done
                .iter()
                .find(|change| undone.contains(&change.id) && writes(change, name))
                .map(|change| change.id),
        })
        .collect())
}
