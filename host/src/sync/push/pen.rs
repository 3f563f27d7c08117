//! The pen: writes planned changes, which are in the journal before they are on the wire.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::draft::{Draft, RELATIONS};
use super::ending::Endings;
use super::live::live;
use crate::model::{
    Change, ChangeState, FieldName, Fields, Intent, Object, Planned, Problem, SalesforceId,
    Sobject, Value, Work,
};
use crate::salesforce::refusals::Refusal;
use crate::salesforce::{RecordWrite, Written};
use crate::store::{self, Ended};
use crate::sync::writing::{Mark, Writing};
use crate::sync::{Doors, Error};

/// The field that tells whether a task is done.
const STATUS: &str = "Status";
/// How many changes one call writes.
pub(super) const WRITES: usize = 200;
/// How old values may be from which a change is planned, when it is written.
pub(in crate::sync) const FRESH: Duration = Duration::from_secs(5);
/// How often the values of a batch are read again because they were older.
pub(in crate::sync) const LOOKS_MAX: usize = 5;

/// Writes changes of one object.
pub(super) struct Pen<'a> {
    pub(super) doors: &'a Doors,
    pub(super) writing: &'a Writing,
    pub(super) fence: u64,
    pub(super) run_id: &'a str,
    /// What the records held when the changes were planned.
    pub(super) seen: HashMap<SalesforceId, Fields>,
    /// When that was asked for.
    pub(super) read_at: Instant,
}

impl Pen<'_> {
    /// Writes changes batch by batch; returns what keeps the rest from being written, which is
    /// planned anew.
    pub(super) async fn write_all(
        &self,
        planned: Vec<(Draft, Planned)>,
        endings: &mut Endings,
    ) -> Result<Option<Error>, Error> {
        let mut batches = batches(planned).into_iter();
        let mut stopped = None;
        for batch in batches.by_ref() {
            stopped = self.write(batch, endings).await?;
            if stopped.is_some() {
                break;
            }
        }
        batches.for_each(|batch| endings.put_off(work_of(&batch)));
        Ok(stopped)
    }

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
            let now = match live(self.doors, self.writing, records).await {
                Ok(now) => now,
                Err(error) => {
                    endings.put_off(work_of(&batch));
                    return Err(error);
                }
            };
            let is_same = |(draft, _): &(Draft, Planned)| {
                draft.record().is_none_or(|id| now.get(id) == self.seen.get(id))
            };
            let (same, others): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_same);
            endings.put_off(work_of(&others));
            batch = same;
        }
        endings.put_off(work_of(&batch));
        Err(Error::Org(slow(self.writing.object)))
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
        let Self { doors, writing, fence, run_id, .. } = *self;
        let (object, job) = (writing.object, writing.object.job());
        let (batch, until) = match self.still_right(batch, endings).await {
            Ok(right) => right,
            Err(error) => return Ok(Some(error)),
        };
        if batch.is_empty() {
            return Ok(None);
        }
        let now = doors.clock.now();
        let (drafts, planned): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let changes = doors.store.plan(job, fence, &planned, run_id, now)?;
        let writes: Vec<_> =
            changes.iter().map(|change| on_the_wire(&writing.marks, change)).collect();
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
                // What it is about was deleted meanwhile: the next pull tells what is left.
                Written::Refused(refusal) if is_lost_relation(&refusal) => {
                    let why = format!("{}; it is looked at again when records change", refusal);
                    endings.unmatched(&draft.work, why);
                    (ChangeState::Refused, None, None)
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
            let is_written = change.planned.after.iter().any(|(name, _)| name == STATUS);
            let closes = draft.item.as_ref().filter(|_| is_written).map(|item| item.done);
            ended.push(Ended { change_id: change.id, state, record_id, trouble, closes });
        }
        doors.store.end_changes(job, fence, &ended, now)?;
        let writes = unknown.len();
        Ok(unknown.pop().map(|why| Error::Unknown { writes, why }).or(stopped))
    }
}

/// Returns a change as Salesforce is told it. A created record bears its mark.
pub(in crate::sync) fn on_the_wire(marks: &[Mark], change: &Change) -> RecordWrite {
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

/// Tells whether an activity was refused since whom or what it is about is gone.
fn is_lost_relation(refusal: &Refusal) -> bool {
    ["ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"].contains(&refusal.code.as_str())
        && refusal.fields.iter().any(|field| RELATIONS.contains(&field.as_str()))
}

fn work_of(batch: &[(Draft, Planned)]) -> impl Iterator<Item = &Work> {
    batch.iter().map(|(draft, _)| &draft.work)
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
pub(in crate::sync) fn slow(object: Sobject) -> Problem {
    Problem {
        message: format!(
            "Salesforce took so long to show {object} records that nothing was written"
        ),
        at: Some(object.to_string()),
        hint: Some("Nothing need be done: the next sync tries again.".to_owned()),
    }
}
