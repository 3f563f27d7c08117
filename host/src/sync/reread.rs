//! Reread: reads again what takes something from records that have changed, been merged or
//! converted, and so bears no new stamp of its own.

use tokio::task::block_in_place;

use super::pull::{Report, outcomes};
use super::{Doors, Error, Stop};
use crate::model::{FieldName, Object, Purpose, SalesforceId};
use crate::salesforce;
use crate::store::{Again, Remap};

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
    let mut after: Option<SalesforceId> = None;
    for _ in 0..PAGES_MAX {
        let Some(reread) = block_in_place(|| doors.store.reread(object, PARENTS))? else { break };
        if *stop.borrow() {
            return Ok(false);
        }
        let prepared = doors.prepared(object).await?;
        let Ok(field) = reread.field.parse::<FieldName>() else { break };
        let query = prepared.changed(None);
        let parents = &reread.parents;
        let page = match salesforce.among(&query, &field, parents, after.as_ref()).await {
            Err(error @ salesforce::Error::Budget { .. }) => {
                tracing::warn!(%object, "what hangs on changed records waits: {error}");
                break;
            }
            page => page?,
        };
        after = page.keys.last().map(|key| key.id.clone()).filter(|_| page.more);
        let is_done = !page.more;
        let counts = block_in_place(|| -> Result<_, Error> {
            let rows = outcomes(&prepared, page)?;
            Ok(doors.store.remap(&Remap {
                object,
                fence,
                done: if is_done { Again::Reread(&reread) } else { Again::Unnoted },
                kind: prepared.mapping.spec().kind,
                mapping: prepared.mapping.digest(),
                rows,
                now: doors.clock.now(),
            })?)
        })?;
        report(counts)?;
    }
    Ok(true)
}
