//! Preview: what a mapping would make of the records that are stored, by the code
//! of a real pull with nothing written at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Error;
use super::isolate::isolate;
use crate::model::{Counts, Fields, Object, Problem, Pulled, Pushed, SalesforceId, Spec, Value};
use crate::plugin::Mapping;
use crate::store::{Fate, OrgStore};

/// How many records are mapped at once, as in a pull.
const PAGE: u32 = 2_000;
/// How many pages one preview takes: 200 million records.
const PAGES_MAX: u32 = 100_000;

/// What a mapping would do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Preview {
    /// What became of the records; `mapped` counts those whose entity would change.
    pub counts: Counts,
    /// The records that change, as many as were asked for.
    pub changes: Vec<Change>,
    /// Fields that the mapping reads and that are not stored: the next sync reads
    /// them, a preview can't.
    pub unread: Vec<String>,
    /// How many records failed before and would not.
    pub mended: u64,
    /// How many would fail and did not before.
    pub broken: u64,
    /// How many have an entity now and would have none.
    pub lost: u64,
    /// Why the first of those would fail or have none.
    pub first: Option<Problem>,
}

/// The share of records that may fail, or lose their entity, with a mapping that is
/// taken into use.
const FAILING_MAX: f64 = 0.01;

impl Preview {
    /// Returns what speaks against using the mapping.
    pub fn against(&self) -> Option<String> {
        let records = self.counts.pulled;
        let against = if is_many(self.broken, records) {
            format!("{} of {records} records would fail that did not before", self.broken)
        } else if is_many(self.lost, records) {
            format!("{} of {records} records would lose their entity", self.lost)
        } else {
            return None;
        };
        let first = self.first.as_ref().map(|why| format!(", the first: {why}"));
        Some(against + first.as_deref().unwrap_or_default())
    }
}

/// Returns what speaks against a mapping that has another condition than the one before: what is
/// stored doesn't tell what it would read.
pub fn selects_others(spec: &Spec, before: Option<&Spec>) -> Option<String> {
    let filter = before.and_then(|before| before.filter.as_ref());
    (spec.filter.as_ref() != filter).then(|| {
        "it selects other records than the mapping before, which can't be tried".to_owned()
    })
}

#[allow(clippy::cast_precision_loss)]
fn is_many(count: u64, of: u64) -> bool {
    count as f64 > of as f64 * FAILING_MAX
}

/// What a mapping would do to one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The record.
    pub id: SalesforceId,
    /// What would become of it.
    pub fate: Fate,
    /// Why it would be skipped or fail.
    pub why: Option<Problem>,
    /// The columns that change: as they are, as they would be.
    pub columns: BTreeMap<String, (Value, Value)>,
}

/// Maps up to `limit` stored records of an object with a mapping, and compares what
/// comes out with the entities that are there. Makes no API call, writes nothing.
/// Tells of up to `shown` changes.
pub fn preview(
    store: &OrgStore,
    mapping: &Mapping,
    object: Object,
    limit: u64,
    shown: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<Preview, Error> {
    let mut seen = Preview::default();
    let mut after: Option<SalesforceId> = None;
    let columns: Vec<String> = mapping.spec().reads.iter().map(|r| r.path.to_string()).collect();
    for _ in 0..PAGES_MAX {
        let left = limit - seen.counts.pulled;
        let page = u32::try_from(left).unwrap_or(u32::MAX).min(PAGE);
        let ids = store.source_ids(object, after.as_ref(), page)?;
        let Some(last) = ids.last().cloned() else { break };
        let known = store.source(object, &ids[0])?.unwrap_or_default();
        let is_known = |column: &&String| known.iter().any(|(name, _)| name == *column);
        let (stored, unread): (Vec<&String>, Vec<&String>) = columns.iter().partition(is_known);
        seen.unread = unread.into_iter().cloned().collect();
        let stored: Arc<[String]> = stored.into_iter().cloned().collect();
        let sources = store.sources(object, &stored, &ids)?;
        let rows = &sources.table.rows;
        let outcomes = isolate(rows, |rows| mapping.pull(&stored, rows), Pulled::Failed)?;
        for (id, outcome) in sources.ids.iter().zip(outcomes) {
            let change = change(store, mapping, object, id, outcome, &mut seen)?;
            if let Some(change) = change.filter(|_| seen.changes.len() < shown) {
                seen.changes.push(change);
            }
        }
        seen.counts.pulled += ids.len() as u64;
        progress(seen.counts.pulled);
        after = Some(last);
    }
    Ok(seen)
}

/// Counts what would become of a record, and returns it where that is something
/// else than before.
fn change(
    store: &OrgStore,
    mapping: &Mapping,
    object: Object,
    id: &SalesforceId,
    outcome: Pulled,
    seen: &mut Preview,
) -> Result<Option<Change>, Error> {
    let before = store.entity(object, id)?;
    let had_failed = store.source_state(object, id)?.is_some_and(|s| s.fate == Fate::Failed);
    let (fate, why, after) = match outcome {
        Pulled::Mapped(values) => {
            let names = mapping.spec().columns.iter().map(|column| column.name.clone());
            (Fate::Mapped, None, names.zip(values).collect())
        }
        Pulled::Skipped(reason) => {
            let why = Problem { message: reason, at: None, hint: None };
            (Fate::Skipped, Some(why), Fields::new())
        }
        Pulled::Failed(problem) => (Fate::Failed, Some(problem), Fields::new()),
    };
    let is_broken = !had_failed && fate == Fate::Failed;
    let is_lost = before.is_some() && fate == Fate::Skipped;
    if (is_broken || is_lost) && seen.first.is_none() {
        seen.first.clone_from(&why);
    }
    seen.mended += u64::from(had_failed && fate != Fate::Failed);
    seen.broken += u64::from(is_broken);
    seen.lost += u64::from(is_lost);
    let old = before.map(|entity| entity.fields).unwrap_or_default();
    // The entity of a record that fails stays as it is.
    let columns = if fate == Fate::Failed { BTreeMap::new() } else { differing(&old, &after) };
    match fate {
        Fate::Failed => seen.counts.failed += 1,
        Fate::Skipped => seen.counts.skipped += 1,
        _ if columns.is_empty() => seen.counts.unchanged += 1,
        _ => seen.counts.mapped += 1,
    }
    let is_new = !columns.is_empty() || (fate == Fate::Failed && !had_failed);
    Ok(is_new.then(|| Change { id: id.clone(), fate, why, columns }))
}

/// Returns the columns whose values differ, an absent one being empty.
fn differing(old: &Fields, new: &Fields) -> BTreeMap<String, (Value, Value)> {
    let held = |fields: &Fields, name: &str| {
        let field = fields.iter().find(|(known, _)| known == name);
        field.map_or(Value::Null, |(_, value)| value.clone())
    };
    let names = old.iter().chain(new).map(|(name, _)| name.clone());
    let pairs = names.map(|name| {
        let pair = (held(old, &name), held(new, &name));
        (name, pair)
    });
    pairs.filter(|(_, (old, new))| old != new).collect()
}

/// What a mapping would give for what was asked before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Replay {
    /// How many requests were replayed.
    pub requests: u64,
    /// For how many it would give something else.
    pub changed: u64,
    /// How many would fail and did not before.
    pub broken: u64,
    /// What would change, as much as was asked for.
    pub changes: Vec<PushChange>,
}

impl Replay {
    /// Returns what speaks against using the mapping.
    pub fn against(&self) -> Option<String> {
        let (broken, requests) = (self.broken, self.requests);
        is_many(broken, requests)
            .then(|| format!("{broken} of {requests} writes would fail that did not before"))
    }
}

/// What a mapping would give otherwise for one request.
#[derive(Debug, Clone, PartialEq)]
pub struct PushChange {
    /// The meeting.
    pub meeting_id: String,
    /// The record that is written to; none where one is created.
    pub record_id: Option<SalesforceId>,
    /// Why nothing would be written.
    pub why: Option<Problem>,
    /// The fields that would be written otherwise: as they were, as they would be.
    pub fields: BTreeMap<String, (Value, Value)>,
}

/// Asks a mapping what was asked before, and compares what it gives with what was given.
/// Makes no API call, writes nothing. Tells of up to `shown` changes.
pub fn replay(
    store: &OrgStore,
    mapping: &Mapping,
    object: Object,
    shown: usize,
) -> Result<Replay, Error> {
    let asked = store.requests(object)?;
    let (requests, before): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let after = isolate(&requests, |requests| mapping.push(requests), Pushed::Failed)?;
    let mut seen = Replay { requests: requests.len() as u64, ..Replay::default() };
    for ((request, before), after) in requests.into_iter().zip(before).zip(after) {
        if before == after {
            continue;
        }
        let is_failed = |outcome: &Pushed| matches!(outcome, Pushed::Failed(_));
        seen.changed += 1;
        seen.broken += u64::from(is_failed(&after) && !is_failed(&before));
        if seen.changes.len() < shown {
            let (old, _) = given(before);
            let (new, why) = given(after);
            seen.changes.push(PushChange {
                meeting_id: request.meeting.id.clone(),
                record_id: request.target.map(|target| target.id),
                why,
                fields: differing(&old, &new),
            });
        }
    }
    Ok(seen)
}

/// Returns the fields that an outcome writes, or why it writes none.
fn given(outcome: Pushed) -> (Fields, Option<Problem>) {
    match outcome {
        Pushed::Mapped(fields) => (fields, None),
        Pushed::Skipped(reason) => {
            (Fields::new(), Some(Problem { message: reason, at: None, hint: None }))
        }
        Pushed::Failed(problem) => (Fields::new(), Some(problem)),
    }
}
