//! Extract: the cheapest way to read an object from its beginning. Few records are read page by
//! page; many are extracted by Salesforce first, and fetched in far fewer calls.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::task::block_in_place;

use super::prepare::{PAGE, Prepared};
use super::{Doors, Error, Stop};
use crate::model::{Cursor, Object, Problem, SalesforceId};
use crate::salesforce::{self, Part, Progress, Salesforce, Scope, part_rows};
use crate::store::{self, Position};

/// How many calls it is reckoned to take to ask for an extract, to ask whether it is ready, and
/// to read what has changed meanwhile.
const CALLS: u64 = 7;
/// How often one run asks whether an extract is ready: with the waits between, some minutes.
/// The next run goes on asking.
pub(super) const ASKS_MAX: usize = 12;
/// After how long an extract that is not ready yet is given up.
const OVERDUE: SignedDuration = SignedDuration::from_hours(6);
/// How much of the daily budget an extract must save, in percent: it takes minutes, where
/// pages come at once.
const SAVES_PERCENT: u64 = 1;
/// How many calls it must save where the budget is large.
const SAVES_MAX: u64 = 100;

/// How many calls it takes to read an object from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// By an extract, or page by page.
    pub(super) is_extract: bool,
    /// How many calls.
    pub(super) calls: u64,
}

/// Returns the cheapest way to read so many records with so many fields; none is cheaper than
/// pages that doesn't save enough calls of a daily budget.
pub(super) fn cheapest(records: u64, fields: usize, budget: u64) -> Cost {
    let pages = records.div_ceil(u64::from(PAGE)).max(1);
    let extract = CALLS + records.div_ceil(part_rows(fields) as u64);
    let saves = (budget * SAVES_PERCENT / 100).clamp(1, SAVES_MAX);
    match extract + saves <= pages {
        true => Cost { is_extract: true, calls: extract },
        false => Cost { is_extract: false, calls: pages },
    }
}

/// Sees to it that an object which has to be read from its beginning can be, the cheapest way:
/// has it extracted, where that pays, and waits until that is ready. Tells whether it was not
/// stopped; an extract that takes longer than one run waits is an error.
///
/// `count` is how many records it has, as far as that is known.
pub(super) async fn ready(
    doors: &Doors,
    object: Object,
    fence: u64,
    count: Option<u64>,
    stop: &Stop,
) -> Result<bool, Error> {
    let prepared = doors.prepared(object).await?;
    let position = doors.store.position(object)?;
    let is_new = position.reading.as_deref() != Some(prepared.reading.as_str());
    let position = match position.extract.is_some() && !is_new {
        true => position,
        false if is_new => match begin(doors, object, fence, position, count).await? {
            Some(position) => position,
            None => return Ok(true),
        },
        false => return Ok(true),
    };
    let Some(extract) = &position.extract else { return Ok(true) };
    // The types of parents' fields are not kept for long.
    if typed(doors, object).await?.all_types().is_none() {
        return to_pages(doors, object, fence, &position).await;
    }
    let is_overdue = is_overdue(extract, doors.clock.now());
    let asks = if is_overdue { 1 } else { ASKS_MAX };
    match finished(&doors.salesforce, object, &extract.id, asks, stop).await? {
        Progress::Ready => Ok(true),
        Progress::Lost(_) => to_pages(doors, object, fence, &position).await,
        Progress::Running if *stop.borrow() => Ok(false),
        Progress::Running if is_overdue => {
            tracing::warn!(%object, "the extract is given up after hours: records are read by pages");
            to_pages(doors, object, fence, &position).await
        }
        Progress::Running => Err(Error::Org(unfinished(object))),
    }
}

/// Gives up an extract: the object is read from its beginning by pages.
async fn to_pages(
    doors: &Doors,
    object: Object,
    fence: u64,
    position: &Position,
) -> Result<bool, Error> {
    let pages = Position { extract: None, ..position.clone() };
    place(doors, object, fence, position, &pages).await?;
    Ok(true)
}

/// Waits until an extract is ready or lost; it is still running where this was stopped, or has
/// asked so often.
pub(super) async fn finished(
    salesforce: &Salesforce,
    object: Object,
    id: &SalesforceId,
    asks: usize,
    stop: &Stop,
) -> Result<Progress, Error> {
    let mut stop = stop.clone();
    let mut waits = salesforce.waits(asks);
    for _ in 0..asks {
        match salesforce.progress(id).await? {
            Progress::Running => {}
            progress => {
                if let Progress::Lost(why) = &progress {
                    tracing::warn!(%object, why, "the extract is lost: records are read by pages");
                }
                return Ok(progress);
            }
        }
        let Some(wait) = waits.next() else { break };
        tracing::info!(%object, "waits for Salesforce to extract the records");
        if tokio::time::timeout(wait, stop.wait_for(|stop| *stop)).await.is_ok() {
            break;
        }
    }
    Ok(Progress::Running)
}

/// Returns the problem of an extract that is not ready yet.
fn unfinished(object: Object) -> Problem {
    Problem {
        message: format!("Salesforce has not extracted the records of {object} yet"),
        at: Some(object.to_string()),
        hint: Some("Nothing need be done: the next sync goes on when they are.".to_owned()),
    }
}

/// Asks for an extract, if that is the cheapest way; returns where the pull stands then.
async fn begin(
    doors: &Doors,
    object: Object,
    fence: u64,
    before: Position,
    count: Option<u64>,
) -> Result<Option<Position>, Error> {
    let count = match count {
        Some(count) => count,
        None => counted(doors, object, &before).await?,
    };
    let is_worth_it = async |prepared: &Prepared| {
        let filter = prepared.mapping.spec().filter.as_ref();
        let budget = doors.budget();
        let pays = |count| cheapest(count, prepared.reads.len(), budget).is_extract;
        match (pays(count), filter) {
            (false, _) => Ok::<_, Error>(false),
            (true, None) => Ok(true),
            // All were counted, and only some may be wanted.
            (true, filter) => Ok(pays(doors.salesforce.count(object, filter).await?)),
        }
    };
    if !is_worth_it(&*doors.prepared(object).await?).await? {
        return Ok(None);
    }
    let prepared = typed(doors, object).await?;
    // A parent's field that stays hidden is nothing new.
    let is_new = before.reading.as_deref() != Some(prepared.reading.as_str());
    // What an extract can't bear is read by pages.
    if !is_new || prepared.all_types().is_none() {
        return Ok(None);
    }
    let begun = match doors.salesforce.begin_extract(&prepared.changed(None), Scope::All).await {
        Err(error) if is_of_extract(&error) => {
            tracing::warn!(%object, "Salesforce extracts nothing, records are read by pages: {error}");
            return Ok(None);
        }
        begun => begun?,
    };
    tracing::info!(%object, id = %begun.id, "Salesforce extracts the records");
    let window = SignedDuration::from_mins(i64::from(doors.settings.settle_minutes));
    let left_since = begun.since.checked_sub(window).ok();
    let extract = store::Extract { id: begun.id, since: begun.since, locator: None };
    let position = Position {
        cursor: None,
        paging: true,
        unsettled: None,
        reading: Some(prepared.reading.clone()),
        covered: before.covered,
        source: None,
        whole: true,
        left_since,
        extract: Some(extract),
    };
    place(doors, object, fence, &before, &position).await?;
    Ok(Some(position))
}

/// Returns about how many records an object has, where the look at all objects did not tell.
async fn counted(doors: &Doors, object: Object, before: &Position) -> Result<u64, Error> {
    match before.covered {
        // It was read whole before.
        Some(_) => Ok(doors.store.source_count(object)?),
        None => Ok(doors.salesforce.count(object, None).await?),
    }
}

/// Returns the mapping of an object with the types of what it reads, which for parents' fields
/// only their own descriptions tell.
async fn typed(doors: &Doors, object: Object) -> Result<Arc<Prepared>, Error> {
    let prepared = doors.prepared(object).await?;
    if prepared.all_types().is_some() || !prepared.may_miss_parents() {
        return Ok(prepared);
    }
    doors.look_at_parents(object).await?;
    doors.prepared(object).await
}

/// Tells whether an error is one that an extract alone meets, so that pages may go on.
pub(super) fn is_of_extract(error: &salesforce::Error) -> bool {
    use salesforce::Error as Of;
    matches!(
        error,
        Of::Refused(_)
            | Of::NotFound(_)
            | Of::InvalidField(_)
            | Of::NotJson { .. }
            | Of::TooLarge { .. }
    )
}

/// Tells whether an error ends an extract that was begun. Where it may pass, what was extracted is
/// fetched by a later run, for some hours.
pub(super) fn is_lost(error: &salesforce::Error, extract: &store::Extract, now: Timestamp) -> bool {
    is_of_extract(error) && (is_overdue(extract, now) || !error.may_pass())
}

/// Tells whether an extract is waited for no more.
fn is_overdue(extract: &store::Extract, now: Timestamp) -> bool {
    now.duration_since(extract.since) > OVERDUE
}

/// Returns where a pull stands after a part of an extract; behind the last, it goes on with
/// what has changed since the extract was asked for, and before, as far as that may have come
/// to be seen later.
pub(super) fn after(position: &Position, part: &Part, window: SignedDuration) -> Position {
    let Some(extract) = &position.extract else { return position.clone() };
    let mut next = position.clone();
    match &part.next {
        Some(locator) => {
            next.extract =
                Some(store::Extract { locator: Some(locator.clone()), ..extract.clone() });
        }
        None => {
            next.cursor = Some(Cursor { stamp: extract.since, id: None }.rewound(window));
            next.extract = None;
        }
    }
    next
}

/// Moves a pull to another place without a record.
async fn place(
    doors: &Doors,
    object: Object,
    fence: u64,
    expected: &Position,
    next: &Position,
) -> Result<(), Error> {
    let prepared = doors.prepared(object).await?;
    let page = store::Page {
        object,
        fence,
        expected,
        next,
        kind: prepared.mapping.spec().kind,
        mapping: prepared.mapping.digest(),
        rows: &[],
        now: doors.clock.now(),
    };
    block_in_place(|| doors.store.settle(&[page]))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_way_weighs_calls_against_the_wait() {
        let way = |records, budget| {
            let Cost { is_extract, calls } = cheapest(records, 28, budget);
            (is_extract, calls)
        };
        assert_eq!(way(0, 3_000), (false, 1));
        assert_eq!(way(2_001, 3_000), (false, 2));
        assert_eq!(way(70_000, 3_000), (false, 35));
        assert_eq!(way(100_000, 3_000), (true, 14), "a small budget");
        assert_eq!(way(100_000, 20_000), (false, 50), "where calls abound, time counts");
        assert_eq!(way(1_000_000, 200_000), (true, 70));
    }
}
