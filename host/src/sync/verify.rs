//! Verify: holds what the org has against what is stored, record by record, and mends what
//! differs. It finds what no cursor can: what was purged, shared no more or shared again, what
//! no longer meets a mapping's condition, and formulas and parents' fields, which change
//! without a new stamp.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::task::block_in_place;

use super::prepare::{PAGE, Prepared};
use super::remap::settle;
use super::unselected::{LOOKED_UP, Looked};
use super::{Doors, Error, Stop, extract, unselected};
use crate::model::{
    Direction, FieldPath, Mender, Object, Problem, Purpose, SalesforceId, Verified,
};
use crate::salesforce::{self, Changed, FieldType, Page, Progress, Salesforce, Scope};
use crate::store::{self, Again, Outcome, Row, Sight, Subject, Trouble};

/// How many pages one verification takes: 200 million records.
const PAGES_MAX: u32 = 100_000;
/// Of how many records an object must be for its hidden ones to be judged.
const JUDGED_MIN: u64 = 100;
/// The share of the records that may be hidden at once before it is held to be the connected
/// user's access that was taken, by mistake perhaps: nothing is removed then.
const HIDDEN_MAX: f64 = 0.5;
/// How often an object is verified by itself.
const EVERY: SignedDuration = SignedDuration::from_hours(24);
/// For how long it is left alone after a verification that failed: each takes many calls.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// Is told how many records were seen so far.
pub type Seeing<'a> = &'a (dyn Fn(Object, u64) + Sync);

/// Verifies an object that was pulled, and mends what differs; none, where it was stopped.
///
/// The org is locked, as by a round. Where most records are hidden at once, that is an error
/// and they stay, unless they are to go `anyway`.
pub async fn verify(
    doors: &Doors,
    object: Object,
    anyway: bool,
    stop: &Stop,
    progress: Seeing<'_>,
) -> Result<Option<Verified>, Error> {
    let _lock = block_in_place(|| doors.control.lock_round(&doors.org))?;
    locked(doors, &doors.salesforce, object, anyway, stop, progress).await
}

/// Verifies the objects whose time has come, as far as the budget has calls for it.
pub(super) async fn due(doors: &Doors, objects: &[Object], stop: &Stop) -> Result<(), Error> {
    let salesforce = doors.salesforce.calling_for(Purpose::Verification);
    for object in objects {
        let checked = doors.store.checked_at(*object)?;
        let failed = doors.store.verification_failed_at(*object)?;
        let now = doors.clock.now();
        if checked.is_none_or(|at| now.duration_since(at) < EVERY)
            || failed.is_some_and(|at| now.duration_since(at) < AGAIN_AFTER)
        {
            continue;
        }
        match locked(doors, &salesforce, *object, false, stop, &|_, _| {}).await {
            Ok(Some(verified)) if !verified.was_complete() => {
                tracing::warn!(%object, ?verified, "the store lacked what the org has, and has it now");
            }
            Ok(_) => {}
            // A later round tries again; what is wrong with the org, its jobs tell.
            Err(error) => {
                tracing::warn!(%object, "it can't be verified now: {error}");
                doors.store.fail_verification(*object, doors.clock.now())?;
            }
        }
    }
    Ok(())
}

async fn locked(
    doors: &Doors,
    salesforce: &Salesforce,
    object: Object,
    anyway: bool,
    stop: &Stop,
    progress: Seeing<'_>,
) -> Result<Option<Verified>, Error> {
    let calls = salesforce.calls();
    // What the object was when it was pulled is what its records are held against.
    let Some(description) = doors.last_description(object)? else {
        return Err(Error::Org(unread(object)));
    };
    let prepared = doors.fitted(object, &description)?;
    let position = doors.store.position(object)?;
    let is_read = position.reading.as_deref() == Some(prepared.reading.as_str());
    let (Some(covered), true) = (position.covered, is_read && !position.whole) else {
        return Err(Error::Org(unread(object)));
    };
    let window = SignedDuration::from_mins(i64::from(doors.settings.settle_minutes));
    let covered = covered.checked_sub(window).unwrap_or(Timestamp::MIN);
    let fence = doors.store.claim(object, Direction::Pull)?;
    let derived = prepared.derived.iter().map(|path| path.as_str().to_owned());
    let derived: Vec<String> = derived.collect();
    let now = doors.clock.now();
    let (covered, after) =
        doors.store.begin_verification(object, &prepared.reading, covered, now)?;
    let mut verifying = Verifying { doors, salesforce, object, prepared, fence, now };
    if !verifying.see(after, &derived, stop, progress).await? {
        return Ok(None);
    }
    let (windows, difference) = block_in_place(|| doors.store.compare(object, &derived, covered))?;
    let mut verified = Verified {
        object,
        at: doors.clock.now(),
        covered,
        windows,
        missing: difference.missing.len() as u64,
        refreshed: difference.outdated.len() as u64,
        deleted: 0,
        hidden: 0,
        unselected: 0,
        calls: 0,
    };
    let (missing, outdated) = (&difference.missing, &difference.outdated);
    for ids in missing.chunks(LOOKED_UP).chain(outdated.chunks(LOOKED_UP)) {
        if *stop.borrow() {
            return Ok(None);
        }
        verifying.look_up(ids).await?;
    }
    let mut unseen = Vec::new();
    for ids in difference.surplus.chunks(LOOKED_UP) {
        if *stop.borrow() {
            return Ok(None);
        }
        let looked = verifying.look_up(ids).await?;
        verified.deleted += looked.deleted;
        verified.unselected += looked.unselected;
        unseen.extend(looked.unseen);
    }
    verifying.remove(&unseen, difference.stored, anyway, &mut verified).await?;
    verified.at = doors.clock.now();
    verified.calls = salesforce.calls() - calls;
    doors.store.end_verification(&verified)?;
    Ok(Some(verified))
}

struct Verifying<'a> {
    doors: &'a Doors,
    salesforce: &'a Salesforce,
    object: Object,
    prepared: Arc<Prepared>,
    fence: u64,
    /// When the org was looked at last, by its own clock.
    now: Timestamp,
}

impl Verifying<'_> {
    /// Reads which records the org has; tells whether it came to the end. What was listed whole
    /// is not gone on with: by the next time it may be otherwise.
    async fn see(
        &mut self,
        mut after: Option<SalesforceId>,
        derived: &[String],
        stop: &Stop,
        progress: Seeing<'_>,
    ) -> Result<bool, Error> {
        let store = &self.doors.store;
        let prepared = Arc::clone(&self.prepared);
        let reads: &[FieldPath] = &prepared.derived;
        let query = Changed { reads, successors: &[], ..prepared.changed(None) };
        let mut count = 0;
        let stored = store.source_count(self.object)?;
        let types = prepared.types_of(reads);
        let pays = extract::cheapest(stored, reads.len(), self.doors.budget()).is_extract;
        if let Some(types) = types.filter(|_| pays && after.is_none()) {
            match self.extracted(&query, &types, derived, stop, progress).await {
                Ok(Progress::Ready) => return Ok(true),
                Ok(Progress::Lost(_)) => {}
                Ok(Progress::Running) if *stop.borrow() => return Ok(false),
                Ok(Progress::Running) => {
                    tracing::warn!(object = %self.object, "the extract takes too long: pages are read");
                }
                Err(Error::Salesforce(error)) if extract::is_of_extract(&error) => {
                    tracing::warn!(object = %self.object, "pages are read, and no extract: {error}");
                }
                Err(error) => return Err(error),
            }
        }
        for _ in 0..PAGES_MAX {
            if *stop.borrow() {
                return Ok(false);
            }
            let page = self.salesforce.listing(&query, after.as_ref()).await?;
            let more = page.more;
            let sights = self.sights(page);
            after = sights.last().map(|last| last.id.clone()).or(after);
            count += sights.len() as u64;
            let goes_on = after.as_ref().filter(|_| more);
            block_in_place(|| store.see(self.object, derived, &sights, goes_on))?;
            progress(self.object, count);
            if !more {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Has the records that the org has extracted, and reads them; begins anew where it was
    /// stopped before.
    async fn extracted(
        &mut self,
        query: &Changed<'_>,
        types: &[FieldType],
        derived: &[String],
        stop: &Stop,
        progress: Seeing<'_>,
    ) -> Result<Progress, Error> {
        let begun = self.salesforce.begin_extract(query, Scope::Live).await?;
        let (salesforce, asks) = (self.salesforce, extract::ASKS_MAX);
        let finished = extract::finished(salesforce, self.object, &begun.id, asks, stop).await?;
        if finished != Progress::Ready {
            return Ok(finished);
        }
        let (mut locator, mut count) = (None, 0);
        for _ in 0..PAGES_MAX {
            if *stop.borrow() {
                return Ok(Progress::Running);
            }
            let locator_now = locator.as_deref();
            let mut part = self.salesforce.part(query, types, &begun.id, locator_now).await?;
            while let Some(page) = part.page(query, PAGE as usize)? {
                let sights = self.sights(page);
                count += sights.len() as u64;
                block_in_place(|| self.doors.store.see(self.object, derived, &sights, None))?;
                progress(self.object, count);
            }
            locator = part.next;
            if locator.is_none() {
                return Ok(Progress::Ready);
            }
        }
        Ok(Progress::Running)
    }

    fn sights(&mut self, page: Page) -> Vec<Sight> {
        self.now = page.read_at.unwrap_or(self.now);
        let sights = page.keys.into_iter().zip(page.table.rows);
        let sights = sights.map(|(key, derived)| {
            let (id, modified_at) = (key.id, key.modified_at);
            Sight { id, modified_at, derived }
        });
        sights.collect()
    }

    /// Reads records anew, whatever their stamps, and settles those that the org shows.
    async fn look_up(&self, ids: &[SalesforceId]) -> Result<Looked, Error> {
        let Self { doors, salesforce, prepared, fence, .. } = self;
        unselected::look_up(doors, salesforce, prepared, *fence, ids).await
    }

    /// Removes records that the org doesn't show, of so many that are stored, and tells deleted
    /// from hidden ones.
    async fn remove(
        &self,
        unseen: &[SalesforceId],
        stored: u64,
        anyway: bool,
        verified: &mut Verified,
    ) -> Result<(), Error> {
        if unseen.is_empty() {
            return Ok(());
        }
        let deleted = match self.salesforce.deleted(self.object, self.now).await {
            // Some objects can't tell, and after a very large deletion none can. Who can't tell
            // at the moment is asked another time.
            Err(error @ (salesforce::Error::Refused(_) | salesforce::Error::NotFound(_)))
                if !error.may_pass() =>
            {
                tracing::warn!(object = %self.object, "deleted ones count as hidden: {error}");
                BTreeMap::new()
            }
            deleted => deleted?,
        };
        let mut rows = Vec::new();
        for id in unseen {
            let Some(state) = self.doors.store.source_state(self.object, id)? else { continue };
            let gone = deleted.get(id).copied();
            verified.deleted += u64::from(gone.is_some());
            verified.hidden += u64::from(gone.is_none());
            rows.push(Row {
                id: id.clone(),
                modified_at: gone.unwrap_or(state.modified_at).max(state.modified_at),
                source: Vec::new(),
                became: Vec::new(),
                outcome: if gone.is_some() { Outcome::Deleted } else { Outcome::Hidden },
            });
        }
        #[allow(clippy::cast_precision_loss)]
        let is_most = verified.hidden as f64 > stored as f64 * HIDDEN_MAX;
        if stored >= JUDGED_MIN && is_most && !anyway {
            // It waits for a person's word, wherever it was found.
            let problem = most_hidden(self.object, verified.hidden, stored);
            let (code, mender) = (Subject::UNVERIFIED.to_owned(), Mender::SalesforceAdmin);
            let trouble = Trouble { code, problem: problem.clone(), mender };
            let (store, now) = (&self.doors.store, self.doors.clock.now());
            store.fail(Direction::Pull, self.object, &Subject::Verification, &trouble, now)?;
            return Err(Error::Org(problem));
        }
        self.doors.store.mend(Direction::Pull, self.object, &Subject::Verification)?;
        let (spec, columns) = (self.prepared.mapping.spec(), &self.prepared.columns);
        let rows = store::encode(rows, spec, columns);
        block_in_place(|| settle(self.doors, &self.prepared, self.fence, Again::Unnoted, rows))?;
        Ok(())
    }
}

/// Returns the problem of an object that was not read whole yet.
fn unread(object: Object) -> Problem {
    Problem {
        message: format!("{object} was not read whole yet, so there is nothing to be verified"),
        at: Some(object.to_string()),
        hint: Some("Run `efficlose sync` first.".to_owned()),
    }
}

/// Returns the problem of an object of which most records can't be seen any more.
fn most_hidden(object: Object, hidden: u64, stored: u64) -> Problem {
    Problem {
        message: format!(
            "{hidden} of {stored} records of {object} are not visible any more, and none was removed"
        ),
        at: Some(object.to_string()),
        hint: Some(format!(
            "Give the connected user access to them again (sharing, permission sets). If they are \
             to be removed: `efficlose verify --object {object} --anyway`."
        )),
    }
}
