//! Push: meetings become changes, which are in the journal before they are on the
//! wire.

mod draft;
mod ending;
mod lookup;
mod newcomer;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::block_in_place;

use self::draft::{Draft, Target};
use self::ending::Endings;
use super::isolate::isolate;
use super::plan::{Decision, locked, plan};
use super::prepare::{Mark, Prepared};
use super::{Doors, Error, Next, Step, recover};
use crate::model::{
    Change, ChangeState, Counts, FieldName, Fields, Intent, Matched, Mender, Object, Planned,
    Problem, Pushed, Request, SalesforceId, Value,
};
use crate::salesforce::{RecordWrite, Written};
use crate::store::{self, Ended};

/// How many pieces of work one step takes: what their records hold is read in one call.
const WORK: u32 = 1_000;
/// How many calls look something up for one step: by mark, by id, and who owns a task.
const LOOKS: u64 = 3;
/// How many changes one call writes.
const WRITES: usize = 200;
/// How many requests a mapping is asked at once: each bears a whole meeting.
const ASKED: usize = 200;

/// Returns how many calls it takes to write so many pieces of work, where each is one change:
/// their records and marks are looked up, and they are written.
pub(super) fn calls(work: u64) -> u64 {
    work.div_ceil(u64::from(WORK)) * LOOKS + work.div_ceil(WRITES as u64)
}

/// The field that tells who owns a record.
const OWNER: &str = "OwnerId";

/// How old values may be from which a change is planned, when it is written.
pub(super) const FRESH: Duration = Duration::from_secs(5);
/// How often the values of a batch are read again because they were older.
pub(super) const LOOKS_MAX: usize = 5;

/// Plans and writes the next pieces of work of an object.
pub(super) async fn advance(
    doors: &Doors,
    object: Object,
    fence: u64,
    run_id: &str,
    now: Timestamp,
) -> Result<Step, Error> {
    let done = Step { counts: Counts::default(), next: Next::Done };
    // Most syncs have nothing to push, and then nothing is asked of the org.
    if doors.store.open_changes(object)?.is_empty() && doors.store.waiting_count(object)? == 0 {
        return Ok(done);
    }
    let prepared = doors.prepared(object).await?;
    let org = doors.description(object).await?;
    recover::open_changes(doors, object, &org, fence, now).await?;
    let work = doors.store.waiting(object, WORK)?;
    if work.is_empty() {
        return Ok(done);
    }
    let mut endings = Endings::of(&work);
    let mut drafts = draft::drafts(doors, &prepared, work, now, &mut endings).await?;
    drafts = hold_back(doors, object, drafts, &mut endings)?;
    let newcomers = newcomer::taken_out(object, &mut drafts);
    let drafts = find_made(doors, object, &prepared, drafts, &mut endings).await?;
    let read_at = Instant::now();
    let records = drafts.iter().filter_map(Draft::record);
    let seen = live(doors, object, &prepared, records).await?;
    let requests = requests(doors, object, &seen, drafts, now, &mut endings).await?;
    let planned = planned(doors, &prepared, requests, now, &mut endings)?;
    let newcomers = newcomer::planned(doors, &prepared, newcomers, now, &mut endings).await?;
    let pen = Pen { doors, object, prepared: &prepared, fence, run_id, seen, read_at };
    let mut stopped = None;
    // Whoever is new comes first: it was asked just now whether they are.
    let mut batches = batches(newcomers).into_iter().chain(batches(planned));
    for batch in batches.by_ref() {
        stopped = pen.write(batch, &mut endings).await?;
        if stopped.is_some() {
            break;
        }
    }
    // What was not sent is planned anew.
    batches.for_each(|batch| endings.all_waiting(&batch));
    let counts = endings.counts();
    doors.store.end_work(object, fence, &endings.take(), now)?;
    Ok(Step { counts, next: stopped.map_or(Next::Again, Next::Broken) })
}

/// Splits changes into those that one call writes, what belongs to one account together: rows
/// that lock the same parent don't wait for each other then. New records come first, and by
/// themselves: however long they take, what is updated is looked at again after them.
fn batches(mut planned: Vec<(Draft, Planned)>) -> Vec<Vec<(Draft, Planned)>> {
    let account = |draft: &Draft| {
        let mut accounts = draft.matching.of(Object::Account);
        accounts.next().map(|account| account.record_id.clone())
    };
    planned.sort_by_cached_key(|(draft, _)| account(draft));
    let (new, updated): (Vec<_>, Vec<_>) =
        planned.into_iter().partition(|(draft, _)| draft.record().is_none());
    let mut batches = Vec::new();
    for mut rest in [new, updated] {
        while !rest.is_empty() {
            let after = rest.split_off(rest.len().min(WRITES));
            batches.push(std::mem::replace(&mut rest, after));
        }
    }
    batches
}

/// Returns the problem of an org that answers so slowly that what is planned is old.
pub(super) fn slow(object: Object) -> Problem {
    Problem {
        message: format!(
            "Salesforce took so long to show {object} records that nothing was written"
        ),
        at: Some(object.to_string()),
        hint: Some("Nothing need be done: the next sync tries again.".to_owned()),
    }
}

/// Takes out the drafts that have failed, where there is nothing new to try: the work may wait for
/// something else besides, and be looked at with every change.
fn hold_back(
    doors: &Doors,
    object: Object,
    drafts: Vec<Draft>,
    endings: &mut Endings,
) -> Result<Vec<Draft>, Error> {
    let mut left = Vec::with_capacity(drafts.len());
    for draft in drafts {
        match doors.store.held(object, &draft.subject())? {
            Some(failure) => endings.failed(&draft.work, failure.problem.message),
            None => left.push(draft),
        }
    }
    Ok(left)
}

/// Finds the records that bear the marks of drafts already: made by an earlier
/// try of which the store knows nothing. They are updated as any other, so that
/// what people did to them stays; those that a person has deleted stay so.
async fn find_made(
    doors: &Doors,
    object: Object,
    prepared: &Prepared,
    mut drafts: Vec<Draft>,
    endings: &mut Endings,
) -> Result<Vec<Draft>, Error> {
    let marks: Vec<String> = drafts.iter().filter_map(Draft::mark).map(str::to_owned).collect();
    if marks.is_empty() {
        return Ok(drafts);
    }
    let made = recover::by_mark(doors, object, &prepared.marks, &marks).await?;
    for draft in &mut drafts {
        let Some(made) = draft.mark().and_then(|mark| made.get(mark)) else { continue };
        let item_id = draft.work.item_id.as_deref();
        doors.store.save_link(&draft.work.meeting_id, item_id, &made.id)?;
        if made.is_deleted {
            doors.store.lose_link(&made.id)?;
        }
        draft.target = Target::Record(made.id.clone());
    }
    let is_gone = |draft: &mut Draft| {
        draft.record().is_some_and(|id| made.values().any(|made| made.is_deleted && made.id == *id))
    };
    for draft in drafts.extract_if(.., is_gone) {
        endings.settled(&draft.work, draft::DELETED);
    }
    Ok(drafts)
}

/// Makes requests of drafts: with the values that the records hold now, the user who owns an
/// action item, and days as they are for who called the meeting or owns the item.
async fn requests(
    doors: &Doors,
    object: Object,
    seen: &HashMap<SalesforceId, Fields>,
    drafts: Vec<Draft>,
    now: Timestamp,
    endings: &mut Endings,
) -> Result<Vec<(Draft, Request)>, Error> {
    let users = draft::users(doors, &drafts, now).await?;
    let mut meetings = HashMap::new();
    let mut requests = Vec::new();
    for draft in drafts {
        let target = match &draft.target {
            Target::New { .. } => None,
            Target::Record(id) => match seen.get(id) {
                Some(fields) => Some(Matched {
                    object: object.to_string(),
                    id: id.clone(),
                    fields: fields.clone(),
                }),
                None => {
                    let why = format!("{object} {id} is not there any more");
                    draft::none(&draft.work, &draft.meeting, &why, now, endings);
                    continue;
                }
            },
        };
        if object == Object::Task && draft::is_stale(doors, target.as_ref())? {
            let why = "the task has changed in Salesforce; the next pull comes first";
            endings.unmatched(&draft.work, why.to_owned());
            continue;
        }
        let dated = meetings.entry(draft.work.meeting_id.clone());
        let meeting = dated.or_insert_with(|| draft::dated(&draft.meeting, &users));
        let request = Request {
            now,
            meeting: Arc::clone(meeting),
            action_item: draft.dated_item(&users),
            target,
            matches: draft.matched(doors, &users)?,
        };
        requests.push((draft, request));
    }
    Ok(requests)
}

/// Returns what the records to be updated hold now in the fields that may be
/// written.
async fn live(
    doors: &Doors,
    object: Object,
    prepared: &Prepared,
    records: impl Iterator<Item = &SalesforceId>,
) -> Result<HashMap<SalesforceId, Fields>, Error> {
    let mut ids: Vec<_> = records.cloned().collect();
    ids.sort();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    // The id is asked for too: an org may let us write nothing else.
    let id: FieldName = "Id".parse().expect("a name that is written here is well formed");
    let names = prepared.writes.iter().map(|write| write.name.clone());
    // A converted lead takes no more writes.
    let converted = (object == Object::Lead).then(|| "IsConverted".parse().ok()).flatten();
    let fields: Vec<_> = std::iter::once(id).chain(names).chain(converted).collect();
    let records = doors.salesforce.retrieve(object, &ids, &fields).await?;
    let found = ids.into_iter().zip(records).filter_map(|(id, record)| Some((id, record?)));
    let without_id = |fields: Fields| fields.into_iter().filter(|(name, _)| name != "Id").collect();
    Ok(found.map(|(id, fields)| (id, without_id(fields))).collect())
}

/// Asks the mapping what to write, and plans it.
fn planned(
    doors: &Doors,
    prepared: &Prepared,
    requests: Vec<(Draft, Request)>,
    now: Timestamp,
    endings: &mut Endings,
) -> Result<Vec<(Draft, Planned)>, Error> {
    let (drafts, requests): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
    let mut outcomes = Vec::with_capacity(requests.len());
    for part in requests.chunks(ASKED) {
        let push = |requests: &[Request]| prepared.mapping.push(requests);
        outcomes.extend(block_in_place(|| isolate(part, push, Pushed::Failed))?);
    }
    let us = doors.connected_user()?;
    let asked: Vec<_> = requests.iter().zip(&outcomes).collect();
    doors.store.keep_requests(prepared.mapping.spec().object, &asked)?;
    let mut planned = Vec::new();
    for ((draft, request), outcome) in drafts.into_iter().zip(requests).zip(outcomes) {
        let wanted = match outcome {
            Pushed::Mapped(wanted) => draft.certain(wanted),
            Pushed::Skipped(why) => {
                // It is for want of a right where no field at all may be written.
                match prepared.locked.first().filter(|_| prepared.writes.is_empty()) {
                    None => endings.skipped(&draft.work, why),
                    Some(field) => {
                        let problem = locked(prepared.mapping.spec().object, field, &why);
                        endings.failed(&draft.work, problem.message.clone());
                        draft.fail(doors, "locked", problem, Mender::SalesforceAdmin, now)?;
                    }
                }
                continue;
            }
            Pushed::Failed(problem) => {
                endings.failed(&draft.work, problem.message.clone());
                draft.fail(doors, "mapping", problem, Mender::MappingAuthor, now)?;
                continue;
            }
        };
        let (object, meeting_id) = (draft.work.object, &draft.work.meeting_id);
        let last = match draft.record() {
            Some(id) if doors.store.is_taken_back(object, id, meeting_id)? => {
                let why = "what this meeting wrote here was taken back";
                endings.unchanged(&draft.work, why.to_owned());
                continue;
            }
            Some(id) => {
                let mut last = doors.store.last_written(object, id)?;
                // A task that was made without an owner got the connected user.
                if object == Object::Task && last.iter().all(|(name, _)| name != OWNER) {
                    last.push((OWNER.to_owned(), Value::from(us.as_str())));
                }
                last
            }
            None => Fields::new(),
        };
        let mut decision = plan(prepared, &request, draft.intent(), wanted, &last);
        if let Decision::Write(change) = &decision
            && let Some(lost) = lookup::lost(doors, prepared, change)?
        {
            decision = Decision::Refused(lost);
        }
        match decision {
            Decision::Write(change) => planned.push((draft, change)),
            Decision::Nothing(why) => {
                endings.unchanged(&draft.work, why);
            }
            Decision::Refused(problem) => {
                endings.failed(&draft.work, problem.message.clone());
                draft.fail(doors, "predicted", problem, Mender::MappingAuthor, now)?;
            }
        }
    }
    Ok(planned)
}

/// Writes changes of one object.
struct Pen<'a> {
    doors: &'a Doors,
    object: Object,
    prepared: &'a Prepared,
    fence: u64,
    run_id: &'a str,
    /// What the records held when the changes were planned.
    seen: HashMap<SalesforceId, Fields>,
    /// When that was asked for.
    read_at: Instant,
}

impl Pen<'_> {
    /// Takes out of a batch what was planned for values that a record doesn't hold any more:
    /// it is planned anew. Values that were read just now are believed; also tells until when.
    async fn still_right(
        &self,
        mut batch: Vec<(Draft, Planned)>,
        endings: &mut Endings,
    ) -> Result<(Vec<(Draft, Planned)>, Instant), Error> {
        let mut read_at = self.read_at;
        for _ in 0..LOOKS_MAX {
            if batch.is_empty() || read_at.elapsed() <= FRESH {
                return Ok((batch, read_at + FRESH));
            }
            read_at = Instant::now();
            let records = batch.iter().filter_map(|(draft, _)| draft.record());
            let now = match live(self.doors, self.object, self.prepared, records).await {
                Ok(now) => now,
                Err(error) => {
                    endings.all_waiting(&batch);
                    return Err(error);
                }
            };
            let is_same = |(draft, _): &(Draft, Planned)| {
                draft.record().is_none_or(|id| now.get(id) == self.seen.get(id))
            };
            let (same, others): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_same);
            endings.all_waiting(&others);
            batch = same;
        }
        endings.all_waiting(&batch);
        Err(Error::Org(slow(self.object)))
    }

    /// Puts changes into the journal, then on the wire, then notes their ends.
    ///
    /// Where an answer never came, the change stays open and its work waiting: the
    /// next step looks up what became of it. Returns what keeps the next batch from being
    /// written; an error leaves all work as it is.
    async fn write(
        &self,
        batch: Vec<(Draft, Planned)>,
        endings: &mut Endings,
    ) -> Result<Option<Error>, Error> {
        let Self { doors, object, prepared, fence, run_id, .. } = *self;
        let (batch, until) = match self.still_right(batch, endings).await {
            Ok(right) => right,
            Err(error) => return Ok(Some(error)),
        };
        if batch.is_empty() {
            return Ok(None);
        }
        let now = doors.clock.now();
        let (drafts, planned): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let changes = doors.store.plan(object, fence, &planned, run_id, now)?;
        let writes: Vec<_> =
            changes.iter().map(|change| on_the_wire(&prepared.marks, change)).collect();
        let written = match doors.salesforce.write(object, &writes, until).await {
            Ok(written) => written,
            // The changes stay open, and are found not to be there.
            Err(error) => {
                drafts.iter().for_each(|draft| endings.waiting(&draft.work));
                return Ok(Some(Error::Salesforce(error)));
            }
        };
        let mut ended = Vec::new();
        let mut stopped = None;
        let mut unknown = Vec::new();
        for ((draft, change), written) in drafts.iter().zip(&changes).zip(written) {
            let (state, record_id, trouble) = match written {
                Written::Done { id, .. } => {
                    endings.pushed(&draft.work);
                    (ChangeState::Done, Some(id), None)
                }
                Written::Refused(refusal) => {
                    let problem = refusal.problem();
                    endings.failed(&draft.work, problem.message.clone());
                    let (code, mender) = (refusal.code.clone(), refusal.mender());
                    (ChangeState::Refused, None, Some(store::Trouble { code, problem, mender }))
                }
                Written::Lost(why) => {
                    endings.waiting(&draft.work);
                    stopped.get_or_insert(Error::Salesforce(*why));
                    (ChangeState::Lost, None, None)
                }
                Written::Unknown(why) => {
                    endings.waiting(&draft.work);
                    unknown.push(why);
                    continue;
                }
            };
            ended.push(Ended { change_id: change.id, state, record_id, trouble });
        }
        doors.store.end_changes(object, fence, &ended, now)?;
        let writes = unknown.len();
        Ok(unknown.pop().map(|why| Error::Unknown { writes, why }).or(stopped))
    }
}

/// Returns a change as Salesforce is told it. A created record bears its mark.
pub(super) fn on_the_wire(marks: &[Mark], change: &Change) -> RecordWrite {
    let mut fields = change.planned.after.clone();
    match (&change.planned.intent, marks.first()) {
        (Intent::Update(id), _) => RecordWrite::Update { id: id.clone(), fields },
        (Intent::Delete(id), _) => RecordWrite::Delete { id: id.clone() },
        (Intent::Create { mark }, Some(Mark::ExternalId(key))) => {
            RecordWrite::Upsert { key: key.clone(), value: mark.clone(), fields }
        }
        (Intent::Create { mark }, found_by) => {
            let is_there =
                |field: &FieldName| fields.iter().any(|(name, _)| name == field.as_str());
            if let Some(Mark::Searched(field)) = found_by.filter(|mark| !is_there(mark.field())) {
                fields.push((field.to_string(), Value::from(mark.as_str())));
            }
            RecordWrite::Create { fields }
        }
    }
}

/// Returns the problem of an org in which a created record could not be found
/// again.
fn no_mark(object: Object) -> Problem {
    Problem {
        message: format!("no field of {object} can hold the mark by which a record is found again"),
        at: Some("CallObject".to_owned()),
        hint: Some(
            "Let the connected user edit Task.CallObject, or add a text field Efficlose_Id__c that \
             is an external id."
                .to_owned(),
        ),
    }
}
