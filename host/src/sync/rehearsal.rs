//! Rehearsal: pushes as a sync would, by the same code, on a state of the store that is
//! thrown away, and without writing anything to the org.

use std::collections::BTreeMap;

use tokio::task::block_in_place;

use super::doubt::doubts;
use super::round::push_all;
use super::{Doors, Error, Stop};
use crate::model::{
    Change, Counts, Direction, Failure, Intent, Object, Problem, SalesforceId, Sobject, Value,
};
use crate::store::ChangesOf;

/// What stands for the run of a rehearsal.
pub(super) const RUN: &str = "rehearsal";
/// How many changes and refusals are told of.
const TOLD_MAX: u32 = 100_000;

/// A change that a sync would make, and what makes it.
#[derive(Debug, Clone)]
pub struct Foreseen {
    /// The change, which has no record yet where one is to be created.
    pub change: Change,
    /// The name of the mapping that decides it, or the setting.
    pub by: String,
    /// Where the mapping decides about a field, as `lead.toml:3`, by the field's name; mappings
    /// in code don't tell.
    pub places: BTreeMap<String, String>,
    /// What may keep Salesforce from taking it, though nothing that is known here does.
    pub doubt: Option<Problem>,
}

/// What a sync would write.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    /// The changes, in the order in which they would be made.
    pub changes: Vec<Foreseen>,
    /// What would wait for a mend, since the mapping fails or Salesforce would refuse it.
    pub refused: Vec<Failure>,
    /// What keeps objects from being written at all.
    pub broken: Vec<(Object, Problem)>,
    /// How many changes there would be, and what else comes of the work.
    pub counts: Counts,
    /// How many calls the writing takes, with what is looked up for it.
    pub calls: u64,
}

/// Tells what a sync would write now, of what was imported so far.
///
/// The org is locked, as by a round; calls that look something up count against the budget.
pub async fn rehearse(real: &Doors, objects: &[Object], stop: &Stop) -> Result<Rehearsal, Error> {
    let _lock = block_in_place(|| real.control.lock_round(&real.org))?;
    // A sync knows that from its first look at all objects.
    real.look_at(objects).await?;
    let doors = real.rehearsing()?;
    let (began, calls) = (doors.clock.now(), doors.salesforce.calls());
    let total = std::sync::Mutex::new(Counts::default());
    let report = |counts: Counts| {
        *total.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += counts;
        Ok(())
    };
    let mut rehearsal = Rehearsal::default();
    for object in objects {
        let fence = doors.store.claim(*object, Direction::Push)?;
        match push_all(&doors, *object, fence, RUN, stop, &report).await {
            Ok(_) => {}
            Err(error) if error.is_org_wide() => return Err(error),
            Err(error) => rehearsal.broken.push((*object, error.problem())),
        }
    }
    rehearsal.calls = doors.salesforce.calls() - calls;
    for change in doors.store.changes(ChangesOf::Run(RUN), TOLD_MAX)?.into_iter().rev() {
        rehearsal.changes.push(foreseen(&doors, change).await?);
    }
    rehearsal.refused = doors.store.failures(TOLD_MAX)?;
    rehearsal
        .refused
        .retain(|failure| failure.direction == Direction::Push && failure.last_at >= began);
    rehearsal.counts = total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Others may write to the store from here on.
    drop(doors);
    let mut doubts =
        doubts(real, rehearsal.changes.iter().map(|foreseen| &foreseen.change)).await?;
    for foreseen in &mut rehearsal.changes {
        foreseen.doubt = doubts.remove(&foreseen.change.id);
    }
    Ok(rehearsal)
}

/// Adds to a change what decides it.
async fn foreseen(doors: &Doors, mut change: Change) -> Result<Foreseen, Error> {
    let object = change.planned.object;
    let is_made = matches!(change.planned.intent, Intent::Create { .. });
    if is_made {
        change.record_id = None;
    }
    // What the host decides itself: a mapping writes to those who are there, and names one.
    let by = match object {
        _ if object.activity().is_some() => Some("`log_meetings` in the settings"),
        Sobject::Synced(object) if is_made && object != Object::Task => {
            Some("`create` in the settings")
        }
        _ => None,
    };
    if let Some(by) = by {
        // What is made by the same sync has no id yet.
        let key = object.activity().and_then(Sobject::key_in_relations);
        let is_new = |name: &str, value: &Value| {
            Some(name) == key && value.text() == Some(SalesforceId::NOBODY)
        };
        change.planned.after.retain(|(name, value)| !is_new(name, value));
        return Ok(Foreseen { change, by: by.to_owned(), places: BTreeMap::new(), doubt: None });
    }
    let mapping = &doors.prepared(object.job()).await?.mapping;
    let named = change.planned.after.iter().map(|(name, _)| name);
    let places =
        named.filter_map(|name| Some((name.clone(), mapping.place_of_write(name)?))).collect();
    // What a customer brings is a file, whose name has an ending.
    let name = mapping.name_of_push();
    let by = if name.contains('.') { name } else { "the default mapping" };
    Ok(Foreseen { by: by.to_owned(), change, places, doubt: None })
}
