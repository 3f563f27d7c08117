//! Tries again what waits for a mend.

use tokio::task::block_in_place;

use super::remap::again;
use super::{Doors, Error};
use crate::model::{Counts, Direction, Object};

/// How many records are mapped again at once.
const BATCH: u32 = 2_000;
/// How many batches one retry takes: 10 million records.
const BATCHES_MAX: u32 = 5_000;

/// Maps the failed records of an object again from their stored rows, without one
/// API call for records; those that lack a field by now come with the next pull.
/// With [`Direction::Push`], puts failed work back in line for the next push.
pub async fn retry(doors: &Doors, object: Object, direction: Direction) -> Result<Counts, Error> {
    if direction == Direction::Push {
        let pulled = doors.store.wake_failed(object)?;
        return Ok(Counts { pulled, ..Counts::default() });
    }
    let mut counts = Counts::default();
    let mut ids = doors.store.failed_records(object, None, BATCH)?;
    if ids.is_empty() {
        return Ok(counts);
    }
    let prepared = doors.prepared(object).await?;
    let _lock = block_in_place(|| doors.control.lock_round(&doors.org))?;
    let fence = doors.store.claim(object, direction)?;
    for _ in 0..BATCHES_MAX {
        let Some(last) = ids.last().cloned() else { break };
        counts += block_in_place(|| again(doors, object, &prepared, fence, &ids, |_, _| Ok(())))?;
        ids = doors.store.failed_records(object, Some(&last), BATCH)?;
    }
    Ok(counts)
}
