//! Tries again what waits for a mend.

use std::collections::BTreeSet;

use tokio::task::block_in_place;

use super::remap::again;
use super::{Doors, Error};
use crate::model::{Counts, Direction, Failure, Object};

/// How many records are mapped again at once.
const BATCH: u32 = 2_000;
/// How many batches one retry takes: 10 million records.
const BATCHES_MAX: u32 = 5_000;

/// What became of what was tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retried {
    /// What the records came to that were mapped again.
    pub mapped: Counts,
    /// How many writes are back in line for the next push.
    pub queued: u64,
}

/// Tries again all that failed, of one object where one is named.
pub async fn retry_all(doors: &Doors, object: Option<Object>) -> Result<Retried, Error> {
    let mut jobs = doors.settings.jobs(&doors.org);
    jobs.retain(|job| object.is_none_or(|object| object == job.object));
    let mut retried = Retried::default();
    for job in &jobs {
        match job.direction {
            Direction::Pull => retried.mapped += records(doors, job.object).await?,
            Direction::Push => retried.queued += doors.store.wake_failed(job.object)?,
        }
    }
    Ok(retried)
}

/// Tries failures again, by their numbers. A record is mapped again with the others of its
/// object that failed.
pub async fn retry_these(doors: &Doors, numbers: &[i64]) -> Result<Retried, Error> {
    let mut retried = Retried::default();
    let mut objects = BTreeSet::new();
    for number in numbers {
        let failure = doors.store.failure(*number)?;
        retried.queued += doors.store.retry(failure.id)?;
        if failure.direction == Direction::Pull {
            objects.insert(failure.object);
        }
    }
    for object in objects {
        retried.mapped += records(doors, object).await?;
    }
    Ok(retried)
}

/// Tries again all failures that share the cause of one; returns that one, too. A record is
/// mapped again with the others of its object that failed.
pub async fn retry_alike(doors: &Doors, number: i64) -> Result<(Failure, Retried), Error> {
    let failure = doors.store.failure(number)?;
    let mut retried = Retried { queued: doors.store.retry_alike(number)?, ..Retried::default() };
    if failure.direction == Direction::Pull {
        retried.mapped = records(doors, failure.object).await?;
    }
    Ok((failure, retried))
}

/// Maps the failed records of an object again from their stored rows, without one
/// API call for records; those that lack a field by now come with the next pull.
async fn records(doors: &Doors, object: Object) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    let mut ids = doors.store.failed_records(object, None, BATCH)?;
    if ids.is_empty() {
        return Ok(counts);
    }
    let prepared = doors.prepared(object).await?;
    let _lock = block_in_place(|| doors.control.lock_round(&doors.org))?;
    let fence = doors.store.claim(object, Direction::Pull)?;
    for _ in 0..BATCHES_MAX {
        let Some(last) = ids.last().cloned() else { break };
        counts += block_in_place(|| again(doors, object, &prepared, fence, &ids, |_, _| Ok(())))?;
        ids = doors.store.failed_records(object, Some(&last), BATCH)?;
    }
    Ok(counts)
}
