//! Drift: what has changed about an object's fields since it was last looked at. A field that
//! is lost takes out what uses it, and says so once; what is new is offered.

use jiff::SignedDuration;

use super::writing::{COUNTS, is_mark};
use super::{Doors, Error};
use crate::model::{Direction, Mender, Object, Problem, Spec};
use crate::salesforce::{Description, FieldDescription};
use crate::store::{Subject, Trouble};

/// For how long after it was told a meeting is written to a field that comes, or comes back.
const WRITTEN_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Takes in how an object has changed: notes it, and opens and clears the failures of fields
/// that a mapping uses.
pub(super) fn note(
    doors: &Doors,
    before: &Description,
    after: &Description,
    spec: &Spec,
) -> Result<(), Error> {
    let (object, now) = (spec.object, doors.clock.now());
    let mut changes = changes(before, after);
    // What is ours, or comes with a feature of the org, is nothing to take in.
    changes.retain(|(name, _)| !is_mark(name) && !COUNTS.contains(&name.as_str()));
    doors.store.note_drifts(object, &changes, now)?;
    for lost in before.fields.iter().filter(|field| after.field(&field.name).is_none()) {
        let Some(uses) = uses(spec, lost) else { continue };
        let trouble = Trouble {
            code: Subject::LOST_FIELD.to_owned(),
            problem: lost_field(object, lost, uses),
            mender: Mender::SalesforceAdmin,
        };
        let subject = Subject::Field(lost.name.clone());
        doors.store.fail(Direction::Pull, object, &subject, &trouble, now)?;
    }
    for found in after.fields.iter().filter(|field| before.field(&field.name).is_none()) {
        doors.store.mend(Direction::Pull, object, &Subject::Field(found.name.clone()))?;
    }
    let may_write = |org: &Description, name: &str| org.field(name).is_some_and(|it| it.updateable);
    let is_won = |name: &str| may_write(after, name) && !may_write(before, name);
    if spec.writes.iter().any(|write| is_won(write.field.as_str())) {
        // What was told while a field was hidden or locked is written now.
        doors.store.wake_since(object, now.checked_sub(WRITTEN_FOR).unwrap_or(now))?;
    }
    Ok(())
}

/// Returns what a mapping does with a field; none, where it does nothing.
fn uses(spec: &Spec, field: &FieldDescription) -> Option<&'static str> {
    let is_way_up = |up: &str| field.relationship.as_deref() == Some(up);
    let is_read = spec.reads.iter().any(|need| match need.path.up() {
        Some((up, _)) => is_way_up(up),
        None => need.path.as_str().eq_ignore_ascii_case(&field.name),
    });
    let is_written =
        spec.writes.iter().any(|write| write.field.as_str().eq_ignore_ascii_case(&field.name));
    match (is_read, is_written) {
        (true, true) => Some("reads and writes"),
        (true, false) => Some("reads"),
        (false, true) => Some("writes"),
        (false, false) => None,
    }
}

fn lost_field(object: Object, field: &FieldDescription, uses: &str) -> Problem {
    Problem {
        message: format!(
            "{object}.{} was deleted or hidden in Salesforce, and the mapping {uses} it: what comes \
             of it stays empty, all else goes on",
            field.name
        ),
        at: Some(field.name.clone()),
        hint: Some(format!(
            "Give the connected user access to {object}.{} (field-level security), or take it out of \
             the mapping.",
            field.name
        )),
    }
}

/// Returns the fields that have changed, and how.
fn changes(before: &Description, after: &Description) -> Vec<(String, String)> {
    let mut changes = Vec::new();
    for old in before.fields.iter().filter(|field| after.field(&field.name).is_none()) {
        changes.push((old.name.clone(), "was deleted or hidden".to_owned()));
    }
    for new in &after.fields {
        let change = match before.field(&new.name) {
            None => Some(format!("is new: \"{}\", of type {}", new.label, type_of(new))),
            Some(old) if old.kind != new.kind => {
                Some(format!("is of type {} by now, and was {}", type_of(new), type_of(old)))
            }
            Some(old) if old.length != new.length => {
                Some(format!("holds {} characters by now, and held {}", new.length, old.length))
            }
            Some(_) => None,
        };
        changes.extend(change.map(|change| (new.name.clone(), change)));
    }
    changes
}

fn type_of(field: &FieldDescription) -> String {
    format!("{:?}", field.kind).to_lowercase()
}
