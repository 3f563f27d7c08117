//! Backfill: reads the records of a range of time again, whatever was read before; goes on
//! where it was stopped, and where the budget had no more calls for it.

use tokio::task::block_in_place;

use super::outcomes::outcomes;
use super::remap::Report;
use super::remap::settle;
use super::{Doors, Error, Stop};
use crate::model::{Cursor, Object, Purpose};
use crate::salesforce;
use crate::store::Again;

/// How many pages one run takes: 20 million records.
const PAGES_MAX: u32 = 10_000;

/// Goes on with the backfill of an object, if one is under way; tells whether it was not
/// stopped. What the budget has no calls for waits for a later run.
pub(super) async fn run(
    doors: &Doors,
    object: Object,
    fence: u64,
    stop: &Stop,
    report: Report<'_>,
) -> Result<bool, Error> {
    let salesforce = doors.salesforce.calling_for(Purpose::Backfill);
    for _ in 0..PAGES_MAX {
        let Some(backfill) = block_in_place(|| doors.store.backfill(object))? else { break };
        if *stop.borrow() {
            return Ok(false);
        }
        let prepared = doors.prepared(object).await?;
        let begin = Cursor { stamp: backfill.since, id: None };
        let after = backfill.cursor.clone().unwrap_or(begin);
        let mut page = match salesforce.changed(&prepared.changed(Some(&after))).await {
            Err(error @ salesforce::Error::Budget { .. }) => {
                tracing::warn!(%object, "the backfill waits: {error}");
                break;
            }
            page => page?,
        };
        let within = page.keys.partition_point(|key| key.modified_at < backfill.until);
        let is_over = !page.more || within < page.keys.len();
        page.keys.truncate(within);
        page.table.rows.truncate(within);
        let last = page.keys.last();
        let last = last.map(|key| Cursor { stamp: key.modified_at, id: Some(key.id.clone()) });
        let done = Again::Backfill(&backfill, last.as_ref().filter(|_| !is_over));
        report(block_in_place(|| {
            settle(doors, &prepared, fence, done, outcomes(&prepared, page)?)
        })?)?;
    }
    Ok(true)
}
