//! Reread: reads again what takes something from records that have changed, been merged or
//! converted, and so bears no new stamp of its own.

use tokio::task::block_in_place;

use super::outcomes::outcomes;
use super::remap::Report;
use super::remap::settle;
use super::{Doors, Error, Stop};
use crate::model::{FieldName, Object, Purpose, SalesforceId};
use crate::salesforce;
use crate::store::{Again, Reread};

/// How many records' followers one query looks for.
const PARENTS: u32 = 200;
/// How many pages one run takes.
const PAGES_MAX: u32 = 10_000;

/// Reads again what is noted for an object; tells whether it was not stopped. What the
/// budget has no calls for waits for a later run.
pub(super) async fn run(
    doors: &Doors,
    object: Object,
    fence: u64,
    stop: &Stop,
    report: Report<'_>,
) -> Result<bool, Error> {
    let salesforce = doors.salesforce.calling_for(Purpose::Enrichment);
    let mut last: Option<(Reread, SalesforceId)> = None;
    for _ in 0..PAGES_MAX {
        let Some(reread) = block_in_place(|| doors.store.reread(object, PARENTS))? else { break };
        if *stop.borrow() {
            return Ok(false);
        }
        let prepared = doors.prepared(object).await?;
        let Ok(field) = reread.field.parse::<FieldName>() else { break };
        let query = prepared.changed(None);
        let parents = &reread.parents;
        // Where others were noted meanwhile, their followers may come before the last one.
        let after = last.as_ref().filter(|(of, _)| *of == reread).map(|(_, id)| id);
        let page = match salesforce.among(&query, &field, parents, after).await {
            Err(error @ salesforce::Error::Budget { .. }) => {
                tracing::warn!(%object, "what hangs on changed records waits: {error}");
                break;
            }
            page => page?,
        };
        let read_to = page.keys.last().map(|key| key.id.clone()).filter(|_| page.more);
        let done = if page.more { Again::Unnoted } else { Again::Reread(&reread) };
        report(block_in_place(|| {
            settle(doors, &prepared, fence, done, outcomes(&prepared, page)?)
        })?)?;
        last = read_to.map(|id| (reread, id));
    }
    Ok(true)
}
