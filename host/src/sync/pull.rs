//! Pull: records become entities, and the cursor moves past them. While a page is mapped,
//! the next one is fetched, and the one before is stored.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::block_in_place;

use super::glance::Seen;
use super::outcomes::outcomes;
use super::position::{self, is_new, start};
use super::prepare::{PAGE, Prepared};
use super::remap::Report;
use super::{Doors, Error, Stop, backfill, extract, remap, reread, trial, unselected};
use crate::model::{Cursor, Object, Spent};
use crate::salesforce::{self, FieldType, Page, Part};
use crate::store::{self, Encoded, Position};

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
                    Batch::Page(_) => position::after_page(
                        &prepared,
                        &position,
                        after.as_ref(),
                        &page,
                        self.window(),
                    ),
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
