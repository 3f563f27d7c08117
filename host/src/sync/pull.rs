//! Pull: records become entities, and the cursor moves past them. While a page is mapped,
//! the next one is fetched, and the one before is stored.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::block_in_place;

use super::glance::Seen;
use super::isolate::isolate;
use super::prepare::{PAGE, Prepared};
use super::{Doors, Error, Stop, backfill, extract, remap, reread, trial, unselected};
use crate::model::{Counts, Cursor, Object, Problem, Pulled, Spent, Value};
use crate::salesforce::{FieldType, Page, Part, RowKey};
use crate::store::{self, Encoded, Outcome, Position, Row};
use crate::{plugin, salesforce};

/// How many pages one run may have: 200 million records.
const PAGES_MAX: u32 = 100_000;
/// How many pages wait to be mapped: with those that are worked on, it bounds what is held
/// in memory.
const PAGES_WAITING: usize = 1;
/// How many pages are settled together, where the disk is slower than all else: a page of an
/// index that many records go to is then written once.
const TOGETHER: usize = 2;
/// How often a run begins again since stored records can be mapped anew instead of read.
const REMAPS_MAX: u32 = 3;
/// How often a run begins again with the mapping before, where one fails in use.
const FALLS_MAX: u32 = 2;
/// Of how many records a page must be for its mapping to be judged by it.
const JUDGED_MIN: usize = 100;
/// The share of a page that may fail before the mapping is held to be at fault and
/// the object is held where it is: nothing of the page is settled.
const FAILING_MAX: f64 = 0.5;

/// Is told what each settled page did.
pub(super) type Report<'a> = &'a (dyn Fn(Counts) -> Result<(), Error> + Sync);

/// A page on its way, with where the pull stood before it and stands after.
struct Fetched {
    prepared: Arc<Prepared>,
    expected: Position,
    next: Position,
    page: Page,
}

/// A page that was mapped.
struct Mapped {
    prepared: Arc<Prepared>,
    expected: Position,
    next: Position,
    rows: Vec<Encoded>,
}

/// Pulls what has changed of an object, to its end or until it is asked to stop; tells
/// which, and where its time went.
///
/// `seen` is its first page, where it was seen already. Each page is settled whole or not
/// at all, under the fence and from where the one before has ended: the process may die
/// anywhere, and the next run goes on there.
pub(super) async fn run(
    doors: &Doors,
    object: Object,
    fence: u64,
    mut seen: Option<Seen>,
    stop: &Stop,
    report: Report<'_>,
) -> Result<(bool, Spent), Error> {
    let mut spent = Spent::default();
    let mut falls = 0;
    loop {
        let run = Run { doors, object, fence, stop, report };
        match run.through(seen.take(), &mut spent).await {
            // A mapping that fails in use gives way to the one before, if there is one.
            Err(error) if error.is_of_mapping() && falls < FALLS_MAX => {
                if !block_in_place(|| trial::fall_back(doors, object, &error.problem()))? {
                    return Err(error);
                }
                doors.forget(object).await;
                falls += 1;
            }
            ended => return ended.map(|ended| (ended, spent)),
        }
    }
}

/// What all stages of a run share.
#[derive(Clone, Copy)]
struct Run<'a> {
    doors: &'a Doors,
    object: Object,
    fence: u64,
    stop: &'a Stop,
    report: Report<'a>,
}

impl Run<'_> {
    /// Does what stands before the changes, the changes, and what follows from others'.
    async fn through(self, mut seen: Option<Seen>, spent: &mut Spent) -> Result<bool, Error> {
        let Self { doors, object, fence, stop, report } = self;
        for _ in 0..REMAPS_MAX {
            let prepared = doors.prepared(object).await?;
            let position = doors.store.position(object)?;
            if is_new(&position, &prepared) && remap::suffices(&position, &prepared) {
                let mapped =
                    block_in_place(|| remap::remap(doors, object, &prepared, fence, stop, report));
                if !mapped? {
                    return Ok(false);
                }
            }
            let count = match seen {
                Some(Seen::Count(count)) => Some(count),
                _ => None,
            };
            if !extract::ready(doors, object, fence, count, stop).await? {
                return Ok(false);
            }
            let has_changed =
                !seen.as_ref().is_some_and(|seen| seen.is_empty(&position, &prepared));
            block_in_place(|| doors.store.unindex(count.unwrap_or_default()))?;
            match self.changes(seen.take(), spent)? {
                Ended::Remappable => continue,
                Ended::Stopped => return Ok(false),
                // An import that was stopped goes on without them.
                Ended::Whole => block_in_place(|| doors.store.index())?,
            }
            return Ok((!has_changed
                || unselected::run(doors, object, fence, stop, report).await?)
                && reread::run(doors, object, fence, stop, report).await?
                && backfill::run(doors, object, fence, stop, report).await?);
        }
        Ok(false)
    }

    /// Runs the three stages side by side. What one of them meets ends those before it; the
    /// pages that are past it are settled all the same.
    fn changes(self, seen: Option<Seen>, spent: &mut Spent) -> Result<Ended, Error> {
        let (to_map, fetched) = channel(PAGES_WAITING);
        let (to_store, mapped) = channel(TOGETHER - 1);
        let handle = Handle::current();
        block_in_place(|| {
            std::thread::scope(|scope| {
                let mapping = scope.spawn(move || map_all(fetched, &to_store));
                let storing = scope.spawn(move || self.store_all(mapped));
                let fetched = handle.block_on(self.fetch_all(seen, &to_map));
                drop(to_map);
                let mapped = mapping.join().unwrap_or_else(|panic| resume_unwind(panic));
                let stored = storing.join().unwrap_or_else(|panic| resume_unwind(panic));
                let (store, map) = (stored?, mapped?);
                let (ended, fetch) = fetched?;
                *spent += Spent { fetch, map, store };
                Ok(ended)
            })
        })
    }

    /// Reads page after page; tells how that ended, and how long it took.
    async fn fetch_all(
        self,
        mut seen: Option<Seen>,
        to_map: &Sender<Fetched>,
    ) -> Result<(Ended, Duration), Error> {
        let Self { doors, object, stop, .. } = self;
        let mut position = doors.store.position(object)?;
        let mut spent = Duration::ZERO;
        let (mut by_pages, mut was_looked_at) = (false, false);
        let is_lost = |error: &salesforce::Error, extract: &store::Extract| {
            extract::is_lost(error, extract, doors.clock.now())
        };
        for _ in 0..PAGES_MAX {
            if *stop.borrow() {
                return Ok((Ended::Stopped, spent));
            }
            let prepared = doors.prepared(object).await?;
            // Records that were read for another mapping, or without a field that the org
            // shows now, are read again.
            let is_new = is_new(&position, &prepared);
            if is_new && remap::suffices(&position, &prepared) {
                return Ok((Ended::Remappable, spent));
            }
            let after = if is_new { None } else { start(&position) };
            let mut begun = Instant::now();
            let under_way = position.extract.as_ref().filter(|_| !is_new && !by_pages);
            let batch = match under_way.zip(prepared.all_types()) {
                Some((extract, types)) => self.part(&prepared, extract, &types).await,
                None => self.page(&prepared, &position, after.as_ref(), &mut seen).await,
            };
            let mut batch = match batch {
                // A field may have been hidden since, or be a parent's, which only its own
                // description tells.
                Err(salesforce::Error::InvalidField(_)) if !was_looked_at => {
                    doors.look_anew(object).await?;
                    was_looked_at = true;
                    continue;
                }
                Err(error) if under_way.is_some_and(|extract| is_lost(&error, extract)) => {
                    tracing::warn!(%object, "the extract is lost, records are read by pages: {error}");
                    by_pages = true;
                    continue;
                }
                batch => batch?,
            };
            loop {
                let (page, is_last) = match batch.page(&prepared) {
                    Ok(Some(page)) => page,
                    Ok(None) => break,
                    Err(error)
                        if !by_pages
                            && position.extract.as_ref().is_some_and(|it| is_lost(&error, it)) =>
                    {
                        tracing::warn!(%object, "the extract can't be read, pages are: {error}");
                        by_pages = true;
                        break;
                    }
                    Err(error) => return Err(error.into()),
                };
                spent += begun.elapsed();
                let next = match &batch {
                    Batch::Page(_) => self.next(&prepared, &position, after.as_ref(), &page),
                    Batch::Part(part) if is_last => extract::after(&position, part, self.window()),
                    Batch::Part(_) => position.clone(),
                };
                let expected = std::mem::replace(&mut position, next.clone());
                let prepared = Arc::clone(&prepared);
                // The stage behind has ended, and tells why.
                if to_map.send(Fetched { prepared, expected, next, page }).await.is_err() {
                    return Ok((Ended::Stopped, spent));
                }
                begun = Instant::now();
            }
            if !position.paging {
                return Ok((Ended::Whole, spent));
            }
        }
        Ok((Ended::Stopped, spent))
    }

    /// Reads the next part of an extract.
    async fn part(
        self,
        prepared: &Prepared,
        extract: &store::Extract,
        types: &[FieldType],
    ) -> salesforce::Result<Batch> {
        let (query, locator) = (prepared.changed(None), extract.locator.as_deref());
        let part = self.doors.salesforce.part(&query, types, &extract.id, locator).await?;
        Ok(Batch::Part(Box::new(part)))
    }

    /// Reads the next page of what has changed, which may have been seen already.
    async fn page(
        self,
        prepared: &Prepared,
        position: &Position,
        after: Option<&Cursor>,
        seen: &mut Option<Seen>,
    ) -> salesforce::Result<Batch> {
        let page = match seen.take() {
            Some(Seen::Page(seen)) if seen.is_of(position, prepared) => seen.page,
            _ => self.doors.salesforce.changed(&prepared.changed(after)).await?,
        };
        Ok(Batch::Page(Some(page)))
    }

    fn window(self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.doors.settings.settle_minutes))
    }

    /// Returns where the pull stands after a page that was read from `after`.
    fn next(
        self,
        prepared: &Prepared,
        before: &Position,
        after: Option<&Cursor>,
        page: &Page,
    ) -> Position {
        let is_new = is_new(before, prepared);
        let last = page.keys.last();
        let last = last.map(|key| Cursor { stamp: key.modified_at, id: Some(key.id.clone()) });
        let cursor = last.or_else(|| before.cursor.clone().filter(|_| !is_new));
        let window = self.window();
        // A page in the middle of a run adds to what the ones before it left open.
        let open = before.unsettled.filter(|_| before.paging && !is_new);
        let unsettled = unsettled(open, after, cursor.as_ref(), page.read_at, window);
        let whole = is_new || before.whole;
        let source = match whole && !page.more {
            true => Some(remap::reading(prepared)),
            false => before.source.clone().filter(|_| !is_new),
        };
        Position {
            cursor,
            paging: page.more,
            unsettled,
            covered: if page.more { before.covered } else { page.read_at.or(before.covered) },
            source,
            reading: Some(prepared.reading.clone()),
            whole,
            left_since: match is_new {
                true => page.read_at.and_then(|at| at.checked_sub(window).ok()),
                false => before.left_since,
            },
            extract: None,
        }
    }

    /// Settles mapped pages in their order, those that wait by then in one transaction; tells
    /// how long that took.
    fn store_all(self, mut mapped: Receiver<Mapped>) -> Result<Duration, Error> {
        let mut spent = Duration::ZERO;
        while let Some(first) = mapped.blocking_recv() {
            let waiting = std::iter::from_fn(|| mapped.try_recv().ok()).take(TOGETHER - 1);
            let group: Vec<Mapped> = std::iter::once(first).chain(waiting).collect();
            let begun = Instant::now();
            let now = self.doors.clock.now();
            let pages = group.iter().map(|page| store::Page {
                object: self.object,
                fence: self.fence,
                expected: &page.expected,
                next: &page.next,
                kind: page.prepared.mapping.spec().kind,
                mapping: page.prepared.mapping.digest(),
                rows: &page.rows,
                now,
            });
            let counts = self.doors.store.settle(&pages.collect::<Vec<_>>())?;
            spent += begun.elapsed();
            (self.report)(counts)?;
        }
        Ok(spent)
    }
}

/// How reading page after page ended.
enum Ended {
    /// With the last page.
    Whole,
    /// Before it: the rest is read by the next run.
    Stopped,
    /// Before it: the mapping is another by now, or the org shows less, and what is stored
    /// suffices for it.
    Remappable,
}

/// Tells whether records were read so far for another mapping, or with other fields.
fn is_new(position: &Position, prepared: &Prepared) -> bool {
    position.reading.as_deref() != Some(prepared.reading.as_str())
}

/// What was read at once.
enum Batch {
    /// A page, until it was taken.
    Page(Option<Page>),
    /// A part of an extract, which has many.
    Part(Box<Part>),
}

impl Batch {
    /// Returns the next page of what was read, and whether it is the last.
    fn page(&mut self, prepared: &Prepared) -> salesforce::Result<Option<(Page, bool)>> {
        match self {
            Self::Page(page) => Ok(page.take().map(|page| (page, true))),
            Self::Part(part) => {
                let page = part.page(&prepared.changed(None), PAGE as usize)?;
                Ok(page.map(|page| (page, part.is_over())))
            }
        }
    }
}

/// Returns from where a pull reads its next page: after its cursor, or, where a run begins,
/// from where records may have come to be seen since.
pub(super) fn start(position: &Position) -> Option<Cursor> {
    match position.unsettled.filter(|_| !position.paging) {
        Some(stamp) => Some(Cursor { stamp, id: None }),
        None => position.cursor.clone(),
    }
}

/// Returns the earliest stamp at which records may still come to be seen that a read up to
/// `last` did not find; none, where it found all.
///
/// A record is stamped when it is saved and seen when its transaction ends, at most
/// `window` later. So what was read at one moment is complete but for its last `window`;
/// that is counted by Salesforce's clock, or where the answer tells no time, from the
/// youngest stamp.
fn unsettled(
    open: Option<Timestamp>,
    after: Option<&Cursor>,
    last: Option<&Cursor>,
    read_at: Option<Timestamp>,
    window: SignedDuration,
) -> Option<Timestamp> {
    let Some(last) = last else { return open };
    let read_at = read_at.unwrap_or(last.stamp);
    let horizon = read_at.checked_sub(window).unwrap_or(Timestamp::MIN);
    if last.stamp < horizon {
        return open;
    }
    let begins = after.map_or(horizon, |after| after.stamp.max(horizon));
    Some(open.map_or(begins, |open| open.min(begins)))
}

/// Maps fetched pages in their order; tells how long that took.
fn map_all(mut fetched: Receiver<Fetched>, to_store: &Sender<Mapped>) -> Result<Duration, Error> {
    let mut spent = Duration::ZERO;
    while let Some(Fetched { prepared, expected, next, page }) = fetched.blocking_recv() {
        let begun = Instant::now();
        let rows = outcomes(&prepared, page)?;
        spent += begun.elapsed();
        // The stage behind has ended, and tells why.
        if to_store.blocking_send(Mapped { prepared, expected, next, rows }).is_err() {
            break;
        }
    }
    Ok(spent)
}

/// Maps the records of a page, and encodes them as they are stored; deleted ones need no
/// mapping.
pub(super) fn outcomes(prepared: &Prepared, page: Page) -> Result<Vec<Encoded>, Error> {
    let records = page.keys.into_iter().zip(page.table.rows);
    let (gone, live): (Vec<_>, Vec<_>) = records.partition(|(key, _)| key.deleted);
    let (keys, rows): (Vec<_>, Vec<_>) = live.into_iter().unzip();
    let mapped = map(prepared, &prepared.columns, &rows)?;
    judge(prepared, &mapped)?;
    let row = |key: RowKey, source, outcome| Row {
        id: key.id,
        modified_at: key.modified_at,
        source,
        became: key.became,
        outcome,
    };
    let live = keys.into_iter().zip(rows).zip(mapped);
    let live = live.map(|((key, source), outcome)| row(key, source, Outcome::Pulled(outcome)));
    let gone = gone.into_iter().map(|(key, source)| row(key, source, Outcome::Deleted));
    let rows = live.chain(gone).collect();
    Ok(store::encode(rows, prepared.mapping.spec(), &prepared.columns))
}

/// Holds the object where most of a page fails: it is the mapping that is wrong, not
/// the records, and their entities stay as the last good one made them.
pub(super) fn judge(prepared: &Prepared, mapped: &[Pulled]) -> Result<(), Error> {
    let failed = |outcome: &&Pulled| matches!(outcome, Pulled::Failed(_));
    let count = mapped.iter().filter(failed).count();
    #[allow(clippy::cast_precision_loss)]
    let is_at_fault =
        mapped.len() >= JUDGED_MIN && count as f64 > mapped.len() as f64 * FAILING_MAX;
    let Some(Pulled::Failed(first)) = mapped.iter().find(failed).filter(|_| is_at_fault) else {
        return Ok(());
    };
    let (object, records) = (prepared.mapping.spec().object, mapped.len());
    Err(Error::Mapping(Problem {
        message: format!(
            "the mapping \"{}\" of {object} fails for {count} of {records} records, and is held: {}",
            prepared.mapping.name(),
            first.message
        ),
        at: first.at.clone(),
        hint: Some(format!(
            "Mend the mapping, or go back with `efficlose mapping back {object}`; the next sync goes \
             on where this one was."
        )),
    }))
}

/// Maps rows to entities; a record that crashes the mapping fails alone.
pub(super) fn map(
    prepared: &Prepared,
    columns: &[String],
    rows: &[Vec<Value>],
) -> Result<Vec<Pulled>, plugin::Error> {
    isolate(rows, |rows| prepared.mapping.pull(columns, rows), Pulled::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: SignedDuration = SignedDuration::from_secs(300);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn cursor(second: i64) -> Cursor {
        Cursor { stamp: at(second), id: None }
    }

    fn left(open: Option<i64>, after: Option<i64>, last: i64, read_at: i64) -> Option<i64> {
        let (open, after, last) = (open.map(at), after.map(cursor), cursor(last));
        let left = unsettled(open, after.as_ref(), Some(&last), Some(at(read_at)), WINDOW);
        left.map(Timestamp::as_second)
    }

    #[test]
    fn what_is_older_than_the_window_is_settled_for_good() {
        assert_eq!(left(None, None, 1_000, 1_301), None);
        assert_eq!(left(Some(7), None, 1_000, 1_301), Some(7));
    }

    #[test]
    fn what_is_younger_than_the_window_is_read_again_and_nothing_before_it() {
        assert_eq!(left(None, None, 1_000, 1_300), Some(1_000));
        assert_eq!(left(None, Some(10), 1_000, 1_100), Some(800));
        assert_eq!(left(None, Some(900), 1_000, 1_100), Some(900));
        assert_eq!(left(Some(850), Some(900), 1_000, 1_100), Some(850));
    }

    #[test]
    fn without_a_clock_the_youngest_stamp_is_taken_for_now() {
        let last = cursor(1_000);
        assert_eq!(unsettled(None, None, Some(&last), None, WINDOW), Some(at(700)));
        assert_eq!(unsettled(None, None, None, None, WINDOW), None);
    }
}
