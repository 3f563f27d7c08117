//! Unselected: finds records that a change has taken out of a mapping's condition. What has
//! changed of those that meet it doesn't tell of them.

use std::collections::HashSet;

use jiff::SignedDuration;
use tokio::task::block_in_place;

use super::outcomes::outcomes;
use super::prepare::Prepared;
use super::remap::Report;
use super::remap::settle;
use super::{Doors, Error, Stop};
use crate::model::{Counts, Cursor, Object, SalesforceId};
use crate::salesforce::{Changed, Page, Salesforce};
use crate::store::{self, Again, Outcome, Row};

/// How many pages one run takes: 20 million records.
const PAGES_MAX: u32 = 10_000;
/// How many records are looked up at once: as many as a page has, whose ids fit into one query.
pub(super) const LOOKED_UP: usize = 2_000;

/// What became of records that were looked up.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// How many are deleted, and in the recycle bin or merged.
    pub(super) deleted: u64,
    /// How many don't meet the condition.
    pub(super) unselected: u64,
    /// Those that the org doesn't show.
    pub(super) unseen: Vec<SalesforceId>,
    /// What settling the others did.
    pub(super) counts: Counts,
}

/// Settles what no longer meets the condition, of all that has changed since it was last
/// looked for; tells whether it was not stopped.
pub(super) async fn run(
    doors: &Doors,
    object: Object,
    fence: u64,
    stop: &Stop,
    report: Report<'_>,
) -> Result<bool, Error> {
    let prepared = doors.prepared(object).await?;
    let position = doors.store.position(object)?;
    let Some(mut after) = since(&position).filter(|_| prepared.has_filter()) else {
        return Ok(true);
    };
    let mut began_at = None;
    for _ in 0..PAGES_MAX {
        if *stop.borrow() {
            return Ok(false);
        }
        let page = doors.salesforce.changed(&all(&prepared, Some(&after))).await?;
        began_at = began_at.or(page.read_at);
        let live = page.keys.iter().filter(|key| !key.deleted);
        let live: Vec<_> = live.map(|key| (key.id.clone(), key.modified_at)).collect();
        let older = block_in_place(|| doors.store.older(object, &live))?;
        for ids in older.chunks(LOOKED_UP) {
            let looked = look_up(doors, &doors.salesforce, &prepared, fence, ids).await?;
            report(looked.counts)?;
        }
        match page.keys.last().filter(|_| page.more) {
            Some(last) => after = Cursor { stamp: last.modified_at, id: Some(last.id.clone()) },
            None => {
                let window = SignedDuration::from_mins(i64::from(doors.settings.settle_minutes));
                let to = began_at.and_then(|at| at.checked_sub(window).ok());
                doors.store.save_left_since(object, fence, to.or(position.left_since))?;
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Returns since when records may have left the condition; none where all are read anyway.
pub(super) fn since(position: &store::Position) -> Option<Cursor> {
    let stamp = position.left_since.or(position.covered)?;
    Some(Cursor { stamp, id: None })
}

/// Returns what to ask for all that has changed, whether it meets the condition or not.
pub(super) fn all<'a>(prepared: &'a Prepared, after: Option<&'a Cursor>) -> Changed<'a> {
    Changed { reads: &[], successors: &[], filter: None, ..prepared.changed(after) }
}

/// Reads records whatever their stamps, and settles what became of those that the org shows.
pub(super) async fn look_up(
    doors: &Doors,
    salesforce: &Salesforce,
    prepared: &Prepared,
    fence: u64,
    ids: &[SalesforceId],
) -> Result<Looked, Error> {
    let mut looked = Looked { unseen: ids.to_vec(), ..Looked::default() };
    let selected = salesforce.by_ids(&prepared.changed(None), ids).await?;
    take_out(&mut looked.unseen, &selected);
    looked.deleted += selected.keys.iter().filter(|key| key.deleted).count() as u64;
    let mut rows = block_in_place(|| outcomes(prepared, selected))?;
    if prepared.has_filter() && !looked.unseen.is_empty() {
        let others = salesforce.by_ids(&all(prepared, None), &looked.unseen).await?;
        take_out(&mut looked.unseen, &others);
        looked.unselected += others.keys.len() as u64;
        let others = others.keys.into_iter().map(|key| Row {
            id: key.id,
            modified_at: key.modified_at,
            source: Vec::new(),
            became: Vec::new(),
            outcome: if key.deleted { Outcome::Deleted } else { Outcome::Unselected },
        });
        let spec = prepared.mapping.spec();
        rows.extend(store::encode(others.collect(), spec, &prepared.columns));
    }
    looked.counts = block_in_place(|| settle(doors, prepared, fence, Again::Unnoted, rows))?;
    Ok(looked)
}

/// Takes out the records that a page has.
fn take_out(unseen: &mut Vec<SalesforceId>, page: &Page) {
    let seen: HashSet<&SalesforceId> = page.keys.iter().map(|key| &key.id).collect();
    unseen.retain(|id| !seen.contains(id));
}
