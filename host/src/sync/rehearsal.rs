//! Rehearsal: pushes as a sync would, by the same code, on a state of the store that is
//! thrown away, and without writing anything to the org.

use tokio::task::block_in_place;

use super::round::push_all;
use super::{Doors, Error, Stop};
use crate::model::{Change, Counts, Direction, Failure, Intent, Object, Problem};
use crate::store::ChangesOf;

/// What stands for the run of a rehearsal.
pub(super) const RUN: &str = "rehearsal";
/// How many changes and refusals are told of.
const TOLD_MAX: u32 = 100_000;

/// What a sync would write.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    /// The changes, in the order in which they would be made.
    pub changes: Vec<Change>,
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
pub async fn rehearse(doors: &Doors, objects: &[Object], stop: &Stop) -> Result<Rehearsal, Error> {
    let _lock = block_in_place(|| doors.control.lock_round(&doors.org))?;
    // A sync knows that from its first look at all objects.
    doors.look_at(objects).await?;
    let doors = doors.rehearsing()?;
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
    rehearsal.changes = doors.store.changes(ChangesOf::Run(RUN), TOLD_MAX)?;
    rehearsal.changes.reverse();
    for change in &mut rehearsal.changes {
        if matches!(change.planned.intent, Intent::Create { .. }) {
            change.record_id = None;
        }
    }
    rehearsal.refused = doors.store.failures(TOLD_MAX)?;
    rehearsal
        .refused
        .retain(|failure| failure.direction == Direction::Push && failure.last_at >= began);
    rehearsal.counts = total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    rehearsal.calls = doors.salesforce.calls() - calls;
    Ok(rehearsal)
}
