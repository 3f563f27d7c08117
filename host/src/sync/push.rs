//! Push: meetings become changes, which are in the journal before they are on the
//! wire.

mod draft;
mod drafts;
mod ending;
mod live;
mod lookup;
mod newcomer;
mod pen;
mod relations;
mod request;

use std::collections::HashMap;
use std::time::Instant;

use jiff::Timestamp;
use tokio::task::block_in_place;

use self::draft::{Draft, Target};
use self::ending::Endings;
use self::live::live;
use self::pen::{Pen, WRITES};
use self::relations::Logged;
use self::request::requests;
use super::isolate::isolate;
use super::plan::{Decision, locked, plan};
use super::prepare::Prepared;
use super::writing::Writing;
use super::{Doors, Error, Next, Step, recover};
use crate::model::{
    Counts, Fields, Mender, Object, Planned, Problem, Pushed, Request, SalesforceId, Sobject, Value,
};

pub(super) use self::pen::{FRESH, LOOKS_MAX, on_the_wire, slow};

/// How many pieces of work one step takes: what their records hold is read in one call.
const WORK: u32 = 1_000;
/// How many calls look something up for one step: by mark, by id, and who owns a task.
const LOOKS: u64 = 3;
/// How many requests a mapping is asked at once: each bears a whole meeting.
const ASKED: usize = 200;

/// Returns how many calls it takes to write so many pieces of work, where each is one change:
/// their records and marks are looked up, and they are written.
pub(super) fn calls(work: u64) -> u64 {
    work.div_ceil(u64::from(WORK)) * LOOKS + work.div_ceil(WRITES as u64)
}

/// The field that tells who owns a record.
const OWNER: &str = "OwnerId";

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
    if !recover::is_open(doors, object)? && doors.store.waiting_count(object)? == 0 {
        return Ok(done);
    }
    let prepared = doors.prepared(object).await?;
    recover::open_changes(doors, object, fence, now).await?;
    let work = doors.store.waiting(object, WORK)?;
    if work.is_empty() {
        return Ok(done);
    }
    let mut endings = Endings::of(&work);
    let drafts = drafts::drafts(doors, work, now, &mut endings).await?;
    let mut drafts = hold_back(doors, object, drafts, &mut endings)?;
    let newcomers = newcomer::taken_out(object, &mut drafts);
    let writer = Writer { doors, prepared: &prepared, fence, run_id, now };
    let mut stopped = writer.newcomers(newcomers, &mut endings).await?;
    for to in Sobject::of_job(object) {
        let (those, others) = drafts.into_iter().partition(|draft: &Draft| draft.object == to);
        drafts = others;
        let work: Vec<_> = those.iter().map(|draft| draft.work.clone()).collect();
        if stopped.is_some() {
            // What was not sent is planned anew.
            endings.put_off(work.iter());
            continue;
        }
        stopped = match writer.drafts(to, those, &mut endings).await {
            // What a meeting is logged as keeps no action item from its task.
            Err(error) if to.synced().is_none() => {
                endings.put_off(work.iter());
                Some(error)
            }
            stopped => stopped?,
        };
    }
    let counts = endings.counts();
    doors.store.end_work(object, fence, &endings.take(), now)?;
    Ok(Step { counts, next: stopped.map_or(Next::Again, Next::Broken) })
}

/// Writes what one step has drafted, object by object. What each of its functions returns keeps
/// the rest from being written; an error leaves all work as it is.
struct Writer<'a> {
    doors: &'a Doors,
    /// The mapping that decides what is written.
    prepared: &'a Prepared,
    fence: u64,
    run_id: &'a str,
    now: Timestamp,
}

impl Writer<'_> {
    /// Makes people of guests, before anyone else is written to: it is asked right before whether
    /// they are there.
    async fn newcomers(
        &self,
        drafts: Vec<Draft>,
        endings: &mut Endings,
    ) -> Result<Option<Error>, Error> {
        let writing = &self.prepared.writing;
        let planned = newcomer::planned(self.doors, writing, drafts, self.now, endings).await?;
        self.pen(writing, HashMap::new(), Instant::now()).write_all(planned, endings).await
    }

    /// Writes the drafts of one object, and whom else the activities among them are about.
    async fn drafts(
        &self,
        to: Sobject,
        drafts: Vec<Draft>,
        endings: &mut Endings,
    ) -> Result<Option<Error>, Error> {
        let Self { doors, prepared, now, .. } = *self;
        if drafts.is_empty() {
            return Ok(None);
        }
        let writing = doors.writing(to).await?;
        let drafts = find_made(doors, &writing, drafts, endings).await?;
        let read_at = Instant::now();
        let seen = live(doors, &writing, drafts.iter().filter_map(Draft::record)).await?;
        let mut logged = Logged::of(&drafts, &seen);
        let requests = requests(doors, to, &seen, drafts, now, endings).await?;
        let planned = planned(doors, prepared, &writing, requests, now, endings)?;
        Logged::follow(&mut logged, &planned);
        let stopped = self.pen(&writing, seen, read_at).write_all(planned, endings).await?;
        match stopped {
            Some(_) => {
                logged.iter().for_each(|logged| endings.waiting(&logged.draft.work));
                Ok(stopped)
            }
            // Whom else it is about keeps no action item from its task.
            None => {
                let work: Vec<_> = logged.iter().map(|logged| logged.draft.work.clone()).collect();
                let related = self.relations(to, logged, endings).await;
                Ok(related.unwrap_or_else(|error| {
                    endings.put_off(work.iter());
                    Some(error)
                }))
            }
        }
    }

    /// Says whom else activities are about.
    async fn relations(
        &self,
        activity: Sobject,
        logged: Vec<Logged>,
        endings: &mut Endings,
    ) -> Result<Option<Error>, Error> {
        let Self { doors, prepared, now, .. } = *self;
        let mapping = prepared.mapping.digest();
        let planned = relations::planned(doors, activity, mapping, logged, now, endings);
        let Some((writing, planned)) = planned.await? else { return Ok(None) };
        self.pen(&writing, HashMap::new(), Instant::now()).write_all(planned, endings).await
    }

    fn pen<'b>(
        &'b self,
        writing: &'b Writing,
        seen: HashMap<SalesforceId, Fields>,
        read_at: Instant,
    ) -> Pen<'b> {
        let Self { doors, fence, run_id, .. } = *self;
        Pen { doors, writing, fence, run_id, seen, read_at }
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
    writing: &Writing,
    mut drafts: Vec<Draft>,
    endings: &mut Endings,
) -> Result<Vec<Draft>, Error> {
    let marks: Vec<String> = drafts.iter().filter_map(Draft::mark).map(str::to_owned).collect();
    if marks.is_empty() {
        return Ok(drafts);
    }
    if writing.marks.is_empty() {
        return Err(Error::Org(no_mark(writing.object)));
    }
    let made = recover::by_mark(doors, writing.object, &writing.marks, &marks).await?;
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
        endings.settled(&draft.work, &draft::deleted(writing.object));
    }
    Ok(drafts)
}

/// Asks the mapping what to write, and plans it.
fn planned(
    doors: &Doors,
    prepared: &Prepared,
    writing: &Writing,
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
                match writing.locked.first().filter(|_| writing.fields.is_empty()) {
                    None => endings.skipped(&draft.work, why),
                    Some(field) => {
                        let problem = locked(writing.object, field, &why);
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
        let (object, meeting_id) = (writing.object, &draft.work.meeting_id);
        let mut wanted = relations::still_named(&draft, &request, wanted);
        let last = match draft.record() {
            Some(id) => {
                let taken_back = doors.store.taken_back(object, id, meeting_id)?;
                let is_taken_back = |name: &str| taken_back.all || taken_back.fields.contains(name);
                let count = wanted.len();
                wanted.retain(|(name, _)| !is_taken_back(name));
                if wanted.is_empty() && count > 0 {
                    let why = "what this meeting wrote here was taken back";
                    endings.unchanged(&draft.work, why.to_owned());
                    continue;
                }
                let mut last = doors.store.last_written(object, id)?;
                // What was made without an owner got the connected user.
                if object.is_activity() && last.iter().all(|(name, _)| name != OWNER) {
                    last.push((OWNER.to_owned(), Value::from(us.as_str())));
                }
                last
            }
            None => Fields::new(),
        };
        let mut decision = plan(writing, &request, draft.intent(), wanted, &last);
        if let Decision::Write(change) = &decision
            && let Some(lost) = lookup::lost(doors, writing, change)?
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

/// Returns the problem of an org in which a created record could not be found
/// again.
fn no_mark(object: Sobject) -> Problem {
    let add = "add a text field Efficlose_Id__c to Activity that is an external id";
    Problem {
        message: format!("no field of {object} can hold the mark by which a record is found again"),
        at: Some("CallObject".to_owned()),
        hint: Some(match object {
            Sobject::Event => {
                format!("Have an admin {add}, or log meetings as tasks: `log_as` in the settings.")
            }
            _ => format!("Let the connected user edit Task.CallObject, or {add}."),
        }),
    }
}
