//! Verify: holds what the org has against what is stored, record by record, and mends what
//! differs. It finds what no cursor can: what was purged, shared no more or shared again, what
//! no longer meets a mapping's condition, and formulas and parents' fields, which change
//! without a new stamp.

use jiff::{SignedDuration, Timestamp};
use tokio::task::block_in_place;

use super::prepare::Prepared;
use super::pull::outcomes;
use super::{Doors, Error, Stop};
use crate::model::{
    Direction, FieldName, FieldPath, Object, Problem, Purpose, SalesforceId, Verified,
};
use crate::salesforce::{Changed, Page, Salesforce};
use crate::store::{self, Again, Encoded, Outcome, Remap, Row, Sight};

/// How many pages one verification takes: 200 million records.
const PAGES_MAX: u32 = 100_000;
/// How many records are looked up at once.
const LOOKED_UP: usize = 500;
/// How often an object is verified by itself.
const EVERY: SignedDuration = SignedDuration::from_hours(24);

/// Is told how many records were seen so far.
pub type Seeing<'a> = &'a (dyn Fn(Object, u64) + Sync);

/// Verifies an object that was pulled, and mends what differs; none, where it was stopped.
///
/// The org is locked, as by a round.
pub async fn verify(
    doors: &Doors,
    object: Object,
    stop: &Stop,
    progress: Seeing<'_>,
) -> Result<Option<Verified>, Error> {
    let _lock = block_in_place(|| doors.control.lock_round(&doors.org))?;
    locked(doors, &doors.salesforce, object, stop, progress).await
}

/// Verifies the objects whose time has come, as far as the budget has calls for it.
pub(super) async fn due(doors: &Doors, objects: &[Object], stop: &Stop) -> Result<(), Error> {
    let salesforce = doors.salesforce.calling_for(Purpose::Verification);
    for object in objects {
        let checked = doors.store.checked_at(*object)?;
        let now = doors.clock.now();
        if checked.is_none_or(|at| now.duration_since(at) < EVERY) {
            continue;
        }
        match locked(doors, &salesforce, *object, stop, &|_, _| {}).await {
            Ok(Some(verified)) if !verified.was_complete() => {
                tracing::warn!(%object, ?verified, "the store lacked what the org has, and has it now");
            }
            Ok(_) => {}
            // The next round tries again; what is wrong with the org, its jobs tell.
            Err(error) => tracing::warn!(%object, "it can't be verified now: {error}"),
        }
    }
    Ok(())
}

async fn locked(
    doors: &Doors,
    salesforce: &Salesforce,
    object: Object,
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
    let mut verifying = Verifying { doors, salesforce, object, prepared, fence, now };
    if !verifying.see(&derived, stop, progress).await? {
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
    for ids in [difference.missing, difference.outdated].concat().chunks(LOOKED_UP) {
        if *stop.borrow() {
            return Ok(None);
        }
        verifying.fetch(ids).await?;
    }
    for ids in difference.surplus.chunks(LOOKED_UP) {
        if *stop.borrow() {
            return Ok(None);
        }
        verifying.look_up(ids, &mut verified).await?;
    }
    verified.at = doors.clock.now();
    verified.calls = salesforce.calls() - calls;
    doors.store.end_verification(&verified)?;
    Ok(Some(verified))
}

struct Verifying<'a> {
    doors: &'a Doors,
    salesforce: &'a Salesforce,
    object: Object,
    prepared: std::sync::Arc<Prepared>,
    fence: u64,
    /// When the org was looked at last, by its own clock.
    now: Timestamp,
}

impl Verifying<'_> {
    /// Reads which records the org has; tells whether it came to the end.
    async fn see(
        &mut self,
        derived: &[String],
        stop: &Stop,
        progress: Seeing<'_>,
    ) -> Result<bool, Error> {
        let store = &self.doors.store;
        let now = self.doors.clock.now();
        let reading = &self.prepared.reading;
        let mut after = store.begin_verification(self.object, reading, now)?;
        let mut count = 0;
        for _ in 0..PAGES_MAX {
            if *stop.borrow() {
                return Ok(false);
            }
            let reads: &[FieldPath] = &self.prepared.derived;
            let query = Changed { reads, successors: &[], ..self.prepared.changed(None) };
            let page = self.salesforce.listing(&query, after.as_ref()).await?;
            self.now = page.read_at.unwrap_or(self.now);
            let sights = page.keys.into_iter().zip(page.table.rows).map(|(key, derived)| Sight {
                id: key.id,
                modified_at: key.modified_at,
                derived,
            });
            let sights: Vec<_> = sights.collect();
            after = sights.last().map(|last| last.id.clone()).or(after);
            count += sights.len() as u64;
            block_in_place(|| store.see(self.object, derived, &sights))?;
            progress(self.object, count);
            if !page.more {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads records anew, whatever their stamps.
    async fn fetch(&self, ids: &[SalesforceId]) -> Result<(), Error> {
        let page = self.by_ids(&self.prepared.changed(None), ids).await?;
        let rows = block_in_place(|| outcomes(&self.prepared, page))?;
        self.settle(rows)
    }

    /// Finds out what became of records that the org did not show, and settles that.
    async fn look_up(&self, ids: &[SalesforceId], verified: &mut Verified) -> Result<(), Error> {
        let query = self.prepared.changed(None);
        let all = self.by_ids(&Changed { filter: None, ..query }, ids).await?;
        let mut rest: Vec<&SalesforceId> = ids.iter().collect();
        rest.retain(|id| !all.keys.iter().any(|key| key.id == **id));
        let mut rows = Vec::new();
        for key in all.keys {
            let outcome = if key.deleted { Outcome::Deleted } else { Outcome::Unselected };
            verified.deleted += u64::from(key.deleted);
            verified.unselected += u64::from(!key.deleted);
            let (id, modified_at, became) = (key.id, key.modified_at, key.became);
            rows.push(Row { id, modified_at, source: Vec::new(), became, outcome });
        }
        // One that was made or brought back since is there.
        if query.filter.is_none() {
            let is_there = |row: &&Row| row.outcome == Outcome::Unselected;
            let back = rows.iter().filter(is_there).map(|row| row.id.clone());
            let back: Vec<SalesforceId> = back.collect();
            rows.retain(|row| !is_there(&row));
            verified.unselected = 0;
            if !back.is_empty() {
                self.fetch(&back).await?;
            }
        }
        if !rest.is_empty() {
            let deleted = self.salesforce.deleted(self.object, self.now).await?;
            for id in rest {
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
        }
        self.settle(store::encode(rows, self.prepared.mapping.spec(), &self.prepared.columns))
    }

    async fn by_ids(&self, query: &Changed<'_>, ids: &[SalesforceId]) -> Result<Page, Error> {
        let id: FieldName = "Id".parse().expect("a name that is written here is well formed");
        Ok(self.salesforce.among(query, &id, ids, None).await?)
    }

    fn settle(&self, rows: Vec<Encoded>) -> Result<(), Error> {
        block_in_place(|| {
            self.doors.store.remap(&Remap {
                object: self.object,
                fence: self.fence,
                done: Again::Unnoted,
                kind: self.prepared.mapping.spec().kind,
                mapping: self.prepared.mapping.digest(),
                rows,
                now: self.doors.clock.now(),
            })
        })?;
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
