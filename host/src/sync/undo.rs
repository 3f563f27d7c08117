//! Undo: takes back what was written, where it still stands as it was written. An undo is a
//! change like any other: in the journal before it is on the wire.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use tokio::task::block_in_place;

use super::push::{FRESH, LOOKS_MAX, on_the_wire, slow};
use super::{Doors, Error, recover, rehearsal};
use crate::model::{
    Change, ChangeState, Direction, Ending, FieldName, Fields, Intent, JobKey, Object, Planned,
    Problem, SalesforceId, Sobject, Value,
};
use crate::salesforce::{Description, Written};
use crate::store::{ChangesOf, Ended};

/// How many records are looked at and written at once.
const WAVE: usize = 200;
/// How many waves one undo takes: a record may have been written to that often.
const WAVES_MAX: usize = 10_000;
/// How far Salesforce's clock may be from ours.
const SKEW: SignedDuration = SignedDuration::from_mins(2);
/// How many changes of a record are looked through for our last write.
const CHANGES_LOOKED_AT: u32 = 1_000;
/// The field of an activity that names whom it is about first.
const WHO: &str = "WhoId";
/// The field that tells who has changed a record last.
const LAST_MODIFIED_BY: &str = "LastModifiedById";
/// The field that tells when.
const LAST_MODIFIED: &str = "LastModifiedDate";
/// The field that tells when anything of it was changed, by whomever.
const STAMP: &str = "SystemModstamp";

/// What became of taking back one change.
#[derive(Debug, Clone, PartialEq)]
pub struct Undone {
    /// The number of the change.
    pub change: i64,
    /// The object.
    pub object: Sobject,
    /// The record; none, where none was ever made.
    pub record: Option<SalesforceId>,
    /// What was done, or would be.
    pub fate: UndoFate,
    /// The fields that get their values back: as they are, and as they were before.
    pub restored: Vec<(String, Value, Value)>,
    /// The fields that are left as they are, and why.
    pub left: Vec<(String, String)>,
}

/// How taking back a change ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UndoFate {
    /// The values are as they were before.
    Restored,
    /// The record that was created is deleted.
    Deleted,
    /// Nothing was done, and why.
    LeftAlone(String),
    /// Salesforce refused it, or was never reached.
    Failed(Problem),
    /// The answer never came: the next sync looks what became of it.
    Unknown,
}

/// Takes back changes, the newest first; where `is_dry`, only tells what that would do.
///
/// The org is locked, as by a round. What anyone has changed since is left as it is. Needs no
/// mapping, which may be the one that has to be taken back.
pub async fn undo(doors: &Doors, changes: Vec<Change>, is_dry: bool) -> Result<Vec<Undone>, Error> {
    let _lock = block_in_place(|| doors.control.lock_round(&doors.org))?;
    let mut objects: Vec<Sobject> = changes.iter().map(|change| change.planned.object).collect();
    // What hangs on others is taken back before them.
    objects.sort_unstable_by_key(|object| std::cmp::Reverse(*object));
    objects.dedup();
    let mut jobs: Vec<Object> = objects.iter().map(|object| object.job()).collect();
    jobs.dedup();
    let of_job = |job| -> Vec<Sobject> {
        objects.iter().copied().filter(|object| object.job() == job).collect()
    };
    let mut undone = Vec::new();
    if is_dry {
        let synced: Vec<Object> = objects.iter().filter_map(|object| object.synced()).collect();
        doors.look_at(&synced).await?;
        let doors = doors.rehearsing()?;
        for job in jobs {
            undone.extend(all(&doors, job, &of_job(job), &changes, rehearsal::RUN).await?);
        }
        return Ok(undone);
    }
    for job in jobs {
        let (org, direction) = (doors.org.clone(), Direction::Push);
        let key = JobKey { org, object: job, direction };
        let run = doors.control.start_run(&key, doors.clock.now())?;
        let done = all(doors, job, &of_job(job), &changes, &run.id).await;
        let ending = match &done {
            Ok(_) => Ending::Complete,
            Err(error) => Ending::Broken(error.problem()),
        };
        doors.control.end_run(&run.id, doors.clock.now(), &ending)?;
        undone.extend(done?);
    }
    Ok(undone)
}

/// Takes back those of the changes that are of these objects, to which the pushes of one write.
async fn all(
    doors: &Doors,
    job: Object,
    objects: &[Sobject],
    changes: &[Change],
    run_id: &str,
) -> Result<Vec<Undone>, Error> {
    let us = doors.connected_user()?;
    let fence = doors.store.claim(job, Direction::Push)?;
    let mut all = Vec::new();
    for object in objects {
        let org = doors.described(*object).await?;
        recover::changes_to(doors, *object, fence, doors.clock.now()).await?;
        // What was open then has ended.
        let those = changes.iter().filter(|change| change.planned.object == *object);
        let those = those.map(|change| doors.store.change(change.id));
        let those: Vec<Change> =
            those.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        let (looked_at, untouched) = (HashSet::new(), HashSet::new());
        let us = us.clone();
        let undoing =
            Undoing { doors, object: *object, org, us, fence, run_id, looked_at, untouched };
        all.push((undoing, those));
    }
    // Taking a relation back may move the stamp of its activity.
    if objects.iter().any(|object| object.activity().is_some()) {
        for (undoing, those) in &mut all {
            undoing.look(those).await?;
        }
    }
    let mut undone = Vec::new();
    for (mut undoing, those) in all {
        undone.extend(undoing.all(those).await?);
    }
    Ok(undone)
}

/// Takes back changes of one object.
struct Undoing<'a> {
    doors: &'a Doors,
    object: Sobject,
    org: Arc<Description>,
    /// The connected user.
    us: String,
    fence: u64,
    run_id: &'a str,
    /// The records that have been looked at, and those of them that nobody else had touched
    /// before we began.
    looked_at: HashSet<SalesforceId>,
    untouched: HashSet<SalesforceId>,
}

impl Undoing<'_> {
    /// Takes changes back in waves, of each record its newest first. A wave updates records or
    /// deletes them: each call is made right after a look at what it writes to.
    async fn all(&mut self, mut rest: Vec<Change>) -> Result<Vec<Undone>, Error> {
        rest.sort_by_key(|change| std::cmp::Reverse(change.id));
        let mut undone = Vec::new();
        for _ in 0..WAVES_MAX {
            let mut taken = HashSet::new();
            let (mut wave, mut later) = (Vec::new(), Vec::new());
            for change in rest {
                let is_newest = taken.insert(change.record_id.clone());
                let is_alike = wave.first().is_none_or(|first| creates(first) == creates(&change));
                let is_next = wave.len() < WAVE && is_newest && is_alike;
                if is_next { wave.push(change) } else { later.push(change) }
            }
            if wave.is_empty() {
                break;
            }
            undone.extend(self.wave(&wave).await?);
            rest = later;
        }
        Ok(undone)
    }

    /// Looks which of the records that changes are of nobody else has touched.
    async fn look(&mut self, changes: &[Change]) -> Result<(), Error> {
        for some in changes.chunks(WAVE) {
            let live = self.live(some).await?;
            self.note_untouched(&live)?;
        }
        Ok(())
    }

    fn note_untouched(&mut self, live: &HashMap<SalesforceId, Fields>) -> Result<(), Error> {
        for (id, record) in live {
            if self.looked_at.insert(id.clone()) && self.is_untouched(id, record)? {
                self.untouched.insert(id.clone());
            }
        }
        Ok(())
    }

    /// Takes one change back of each of some records. Values that took long to come are read
    /// again: somebody may have edited them meanwhile.
    async fn wave(&mut self, wave: &[Change]) -> Result<Vec<Undone>, Error> {
        for _ in 0..LOOKS_MAX {
            let read_at = Instant::now();
            let live = self.live(wave).await?;
            self.note_untouched(&live)?;
            if read_at.elapsed() <= FRESH {
                return self.write(wave, &live, read_at + FRESH).await;
            }
        }
        Err(Error::Org(slow(self.object)))
    }

    async fn write(
        &self,
        wave: &[Change],
        live: &HashMap<SalesforceId, Fields>,
        until: Instant,
    ) -> Result<Vec<Undone>, Error> {
        let Doors { store, salesforce, clock, .. } = self.doors;
        let ids: Vec<i64> = wave.iter().map(|change| change.id).collect();
        let before = store.undone(&ids)?;
        let mut undone = Vec::new();
        let (mut places, mut planned) = (Vec::new(), Vec::new());
        for change in wave {
            let live = change.record_id.as_ref().and_then(|id| live.get(id));
            let (one, plan) = self.plan(change, live, before.contains(&change.id));
            if let Some(plan) = plan {
                places.push(undone.len());
                planned.push(plan);
            }
            undone.push(one);
        }
        if planned.is_empty() {
            return Ok(undone);
        }
        let changes =
            store.plan(self.object.job(), self.fence, &planned, self.run_id, clock.now())?;
        // Nothing is created, so no mark is needed.
        let writes: Vec<_> = changes.iter().map(|change| on_the_wire(&[], change)).collect();
        let written = salesforce.write(self.object, &writes, until).await?;
        let mut ended = Vec::new();
        for ((place, change), written) in places.into_iter().zip(&changes).zip(written) {
            let fate = &mut undone[place].fate;
            let state = match written {
                Written::Done { .. } => ChangeState::Done,
                Written::Refused(refusal) => {
                    *fate = UndoFate::Failed(refusal.problem());
                    ChangeState::Refused
                }
                Written::Lost(why) => {
                    *fate = UndoFate::Failed(Error::Salesforce(*why).problem());
                    ChangeState::Lost
                }
                Written::Unknown(_) => {
                    *fate = UndoFate::Unknown;
                    continue;
                }
            };
            let record_id = change.record_id.clone();
            ended.push(Ended {
                change_id: change.id,
                state,
                record_id,
                trouble: None,
                closes: None,
            });
        }
        store.end_changes(self.object.job(), self.fence, &ended, clock.now())?;
        Ok(undone)
    }

    /// Decides what taking back a change does to its record as it is now.
    fn plan(
        &self,
        change: &Change,
        live: Option<&Fields>,
        is_undone: bool,
    ) -> (Undone, Option<Planned>) {
        let mut one = Undone {
            change: change.id,
            object: self.object,
            record: change.record_id.clone(),
            fate: UndoFate::Restored,
            restored: Vec::new(),
            left: Vec::new(),
        };
        let why = match (change.state, &change.record_id, live) {
            _ if is_undone => "it was taken back before",
            _ if matches!(change.planned.intent, Intent::Delete(_)) => {
                "a deleted record is brought back from Salesforce's recycle bin, by hand"
            }
            (ChangeState::Open, ..) => "its end is not known yet; the next sync looks it up",
            (ChangeState::Refused | ChangeState::Lost, ..) => "it was never written",
            (_, None, _) | (_, _, None) => "the record is not there any more",
            (_, Some(id), Some(live)) => return self.against(change, id, live, one),
        };
        one.fate = UndoFate::LeftAlone(why.to_owned());
        (one, None)
    }

    /// Decides field by field, as the record is now.
    fn against(
        &self,
        change: &Change,
        id: &SalesforceId,
        live: &Fields,
        mut one: Undone,
    ) -> (Undone, Option<Planned>) {
        let Change { planned, .. } = change;
        let is_create = creates(change);
        for (name, ours) in &planned.after {
            let now = get(live, name).cloned().unwrap_or(Value::Null);
            let field = self.org.field(name);
            let why = match field {
                None => Some("the org does not show it any more".to_owned()),
                Some(_) if !now.same(ours) => Some("it was changed since".to_owned()),
                Some(field) if !is_create && !field.updateable => {
                    Some("the connected user may not write it any more".to_owned())
                }
                Some(_) => None,
            };
            let before = get(&planned.before, name).cloned().unwrap_or(Value::Null);
            match why {
                Some(why) => one.left.push((name.clone(), why)),
                None => one.restored.push((name.clone(), now, before)),
            }
        }
        if self.object.activity().is_some() && get(live, WHO) == get(live, Sobject::RELATED) {
            one.restored.clear();
            let why = "the activity names the contact by now";
            one.fate = UndoFate::LeftAlone(why.to_owned());
            return (one, None);
        }
        let intent = match &planned.intent {
            // A person may have made something else of the record: it is theirs then.
            Intent::Create { .. } if !one.left.is_empty() || !self.untouched.contains(id) => {
                one.restored.clear();
                one.fate = UndoFate::LeftAlone("somebody has changed the record since".to_owned());
                return (one, None);
            }
            Intent::Create { .. } => {
                one.fate = UndoFate::Deleted;
                Intent::Delete(id.clone())
            }
            // One that deletes was left alone before.
            Intent::Update(_) | Intent::Delete(_) => Intent::Update(id.clone()),
        };
        if matches!(intent, Intent::Update(_)) && one.restored.is_empty() {
            one.fate = UndoFate::LeftAlone("none of it is as it was written".to_owned());
            return (one, None);
        }
        let values = |of: fn(&(String, Value, Value)) -> &Value| {
            let values = one.restored.iter().map(|field| (field.0.clone(), of(field).clone()));
            values.collect::<Fields>()
        };
        let is_delete = matches!(intent, Intent::Delete(_));
        let plan = Planned {
            object: self.object,
            intent,
            meeting_id: planned.meeting_id.clone(),
            action_item_id: planned.action_item_id.clone(),
            before: values(|(_, now, _)| now),
            after: if is_delete { Fields::new() } else { values(|(_, _, before)| before) },
            mapping: planned.mapping.clone(),
            left: one.left.clone(),
            undoes: Some(change.id),
        };
        (one, Some(plan))
    }

    /// Returns what the records hold now in the fields that were written.
    async fn live(&self, wave: &[Change]) -> Result<HashMap<SalesforceId, Fields>, Error> {
        let mut ids: Vec<SalesforceId> =
            wave.iter().filter_map(|change| change.record_id.clone()).collect();
        ids.sort();
        ids.dedup();
        let names = wave.iter().flat_map(|change| &change.planned.after);
        let shown = names.filter_map(|(name, _)| self.org.field(name)?.name.parse().ok());
        let mut fields: Vec<FieldName> = shown.collect();
        fields.extend(
            ["Id", LAST_MODIFIED_BY, LAST_MODIFIED, STAMP]
                .iter()
                .flat_map(|name| name.parse::<FieldName>()),
        );
        fields.sort();
        fields.dedup();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let salesforce = &self.doors.salesforce;
        let records = salesforce.retrieve(self.object, &ids, &fields).await?;
        let found = ids.into_iter().zip(records).filter_map(|(id, record)| Some((id, record?)));
        let mut found: HashMap<SalesforceId, Fields> = found.collect();
        let Some(activity) = self.object.activity() else { return Ok(found) };
        // Whom an activity names is about it by that, too.
        let key = activity.key_in_relations().unwrap_or_default();
        let of = |relation: &Fields| get(relation, key)?.text()?.parse::<SalesforceId>().ok();
        let mut ids: Vec<SalesforceId> = found.values().filter_map(of).collect();
        ids.sort();
        ids.dedup();
        let named: Vec<FieldName> = ["Id", WHO].iter().flat_map(|name| name.parse()).collect();
        let activities = salesforce.retrieve(activity, &ids, &named).await?;
        let who: HashMap<SalesforceId, Value> = ids
            .into_iter()
            .zip(activities)
            .filter_map(|(id, record)| Some((id, get(&record?, WHO)?.clone())))
            .collect();
        for relation in found.values_mut() {
            let named = of(relation).and_then(|id| who.get(&id).cloned());
            relation.extend(named.map(|named| (WHO.to_owned(), named)));
        }
        Ok(found)
    }

    /// Tells whether nobody has changed a record since our last write to it: by who changed it
    /// last, by when, and by its stamp, where it was read since.
    fn is_untouched(&self, id: &SalesforceId, live: &Fields) -> Result<bool, Error> {
        let text = |name: &str| get(live, name).and_then(Value::text);
        let moment = |name: &str| text(name)?.parse::<Timestamp>().ok();
        let stored = self.object.synced().map(|object| self.doors.store.source_state(object, id));
        let stored = stored.transpose()?.flatten();
        let is_as_read = stored.is_none_or(|stored| Some(stored.modified_at) == moment(STAMP));
        let written = self.doors.store.changes(ChangesOf::Record(id), CHANGES_LOOKED_AT)?;
        let last = written.iter().filter(|change| change.state == ChangeState::Done);
        let last = last.filter_map(|change| change.ended_at).max();
        let is_ours = last.zip(moment(LAST_MODIFIED)).is_some_and(|(written, changed)| {
            changed <= written.checked_add(SKEW).unwrap_or(written)
        });
        Ok(text(LAST_MODIFIED_BY) == Some(self.us.as_str()) && is_as_read && is_ours)
    }
}

/// Tells whether a change created its record, which is deleted to take it back.
fn creates(change: &Change) -> bool {
    matches!(change.planned.intent, Intent::Create { .. })
}

fn get<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
