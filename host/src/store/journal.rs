//! The journal: every change is here, with the values before it, before it is
//! on the wire.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Row, params};

use super::database::{all, one, run};
use super::failures::{self, Subject, Trouble};
use super::value::{fields, json, micros, time, time_or_none, to_json, word, word_or_none};
use super::{Error, OrgStore, Result, cursors, jsonb, links};
use crate::model::{
    Change, ChangeState, Direction, Fields, Intent, Object, Planned, SalesforceId, Sobject,
};

/// How many open changes are read at a time.
const OPEN_MAX: u32 = 10_000;
/// How many changes of a record are looked through for what was written last.
const WRITTEN_MAX: u32 = 1_000;
/// How often a change is taken back, and that taken back, and so on, as far as is looked at.
const UNDONE_MAX: usize = 100;

macro_rules! select_changes {
    ($which:literal) => {
        concat!(
            "SELECT id, run_id, object, meeting_id, item_id, mark, record_id,
                 json(before) AS before, json(after) AS after, mapping, state, planned_at, ended_at,
                 undoes, deletes, left_alone
             FROM changes ",
            $which
        )
    };
}

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The change.
    pub change_id: i64,
    /// How it ended. One that is said to be open stays so.
    pub state: ChangeState,
    /// The record, where it is known; needed for a create that is done.
    pub record_id: Option<SalesforceId>,
    /// What failed.
    pub trouble: Option<Trouble>,
    /// Whether the write closed its task, or opened it, as far as that is known.
    pub closes: Option<bool>,
}

/// What of a meeting's writes to a record was taken back: that is not written again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// Whether all of it was.
    pub all: bool,
    /// The fields of what was.
    pub fields: HashSet<String>,
}

/// Which changes are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangesOf<'a> {
    /// All.
    Everything,
    /// Those of a run.
    Run(&'a str),
    /// Those that came from a meeting.
    Meeting(&'a str),
    /// Those to a record.
    Record(&'a SalesforceId),
}

impl OrgStore {
    /// Puts changes that the pushes of one object make into the journal as open, in one transaction
    /// that is on the disk before this returns; only then may they be sent.
    ///
    /// Leaves nothing behind where the job was claimed anew, or where a create
    /// with the same mark is open. Returns the changes in their order.
    pub fn plan(
        &self,
        object: Object,
        fence: u64,
        planned: &[Planned],
        run_id: &str,
        now: Timestamp,
    ) -> Result<Vec<Change>> {
        self.database.write_durably("write the journal", |db| {
            cursors::check_fence(db, object, Direction::Push, fence)?;
            planned.iter().map(|planned| insert(db, planned, run_id, now)).collect()
        })
    }

    /// Returns the changes of an object of which it isn't known whether
    /// Salesforce has them, the oldest first; at most 10,000.
    pub fn open_changes(&self, object: impl Into<Sobject>) -> Result<Vec<Change>> {
        let object = object.into();
        self.database.read("read the journal", |db| {
            let sql = select_changes!("WHERE object = ?1 AND state = 'open' ORDER BY id LIMIT ?2");
            all(db, sql, params![object.as_str(), OPEN_MAX], change)
        })
    }

    /// Ends changes, in one transaction, where the job wasn't claimed anew.
    ///
    /// A create that is done links its action item, or its meeting, to the activity. A
    /// change that is done clears its failure, one with trouble opens one.
    /// A change that has ended before stays as it is.
    pub fn end_changes(
        &self,
        object: Object,
        fence: u64,
        ended: &[Ended],
        now: Timestamp,
    ) -> Result<()> {
        self.database.write("end changes", |db| {
            cursors::check_fence(db, object, Direction::Push, fence)?;
            ended.iter().try_for_each(|ended| end(db, ended, now))
        })
    }

    /// Returns a change.
    pub fn change(&self, change_id: i64) -> Result<Option<Change>> {
        self.database.read("read the journal", |db| find(db, change_id))
    }

    /// Returns changes, the newest first.
    pub fn changes(&self, of: ChangesOf<'_>, limit: u32) -> Result<Vec<Change>> {
        self.database.read("read the journal", |db| match of {
            ChangesOf::Everything => {
                all(db, select_changes!("ORDER BY id DESC LIMIT ?1"), [limit], change)
            }
            ChangesOf::Run(id) => {
                let sql = select_changes!("WHERE run_id = ?1 ORDER BY id DESC LIMIT ?2");
                all(db, sql, params![id, limit], change)
            }
            ChangesOf::Meeting(id) => {
                let sql = select_changes!("WHERE meeting_id = ?1 ORDER BY id DESC LIMIT ?2");
                all(db, sql, params![id, limit], change)
            }
            ChangesOf::Record(id) => {
                let sql = select_changes!("WHERE record_id = ?1 ORDER BY id DESC LIMIT ?2");
                all(db, sql, params![id.as_str(), limit], change)
            }
        })
    }

    /// Returns what we wrote last to each field of a record, as far as
    /// Salesforce has it and it was not taken back.
    pub fn last_written(
        &self,
        object: impl Into<Sobject>,
        record_id: &SalesforceId,
    ) -> Result<Fields> {
        let object = object.into();
        let written = self.database.read("read the journal", |db| {
            let sql = "SELECT id, undoes, json(before) AS before, json(after) AS after FROM changes
                       WHERE record_id = ?1 AND object = ?2 AND state = 'done'
                       ORDER BY id DESC LIMIT ?3";
            let key = params![record_id.as_str(), object.as_str(), WRITTEN_MAX];
            all(db, sql, key, |row| {
                // What was sent along as it was is not ours.
                let before = fields(row, "before")?;
                let mut written = fields(row, "after")?;
                written.retain(|field| !before.contains(field));
                Ok((row.get("id")?, row.get("undoes")?, written))
            })
        })?;
        let mut newest = Fields::new();
        for (name, value) in in_force(written).into_iter().flatten() {
            if !newest.iter().any(|(known, _)| *known == name) {
                newest.push((name, value));
            }
        }
        Ok(newest)
    }

    /// Tells whether a record was ever made under a mark, whatever became of it.
    pub fn was_made(&self, object: impl Into<Sobject>, mark: &str) -> Result<bool> {
        let object = object.into();
        let found = self.database.read("read the journal", |db| {
            let sql = "SELECT 1 FROM changes
                       WHERE object = ?1 AND mark = ?2 AND state = 'done' LIMIT 1";
            one(db, sql, [object.as_str(), mark], |_| Ok(()))
        })?;
        Ok(found.is_some())
    }

    /// Returns what of a meeting's writes to a record, or to one that became it, was taken back.
    pub fn taken_back(
        &self,
        object: impl Into<Sobject>,
        record_id: &SalesforceId,
        meeting_id: &str,
    ) -> Result<TakenBack> {
        let object = object.into();
        self.database.read("read the journal", |db| {
            let sql = "WITH RECURSIVE was (object, record_id) AS (
                           SELECT ?2, ?1
                           UNION
                           SELECT successors.object, successors.record_id
                           FROM successors JOIN was
                               ON becomes = was.object AND becomes_id = was.record_id
                           WHERE becomes IN (successors.object, 'Contact'))
                       SELECT id, json(after) AS after FROM changes JOIN was USING (object, record_id)
                       WHERE meeting_id = ?3 AND state = 'done' AND undoes IS NULL
                       ORDER BY id DESC LIMIT ?4";
            let key = params![record_id.as_str(), object.as_str(), meeting_id, WRITTEN_MAX];
            let written: Vec<(i64, Fields)> =
                all(db, sql, key, |row| Ok((row.get("id")?, fields(row, "after")?)))?;
            let mut taken = TakenBack { all: !written.is_empty(), fields: HashSet::new() };
            for (id, after) in written {
                match is_undone(db, id, UNDONE_MAX)? {
                    true => taken.fields.extend(after.into_iter().map(|(name, _)| name)),
                    false => taken.all = false,
                }
            }
            Ok(taken)
        })
    }

    /// Returns those of the changes that were taken back.
    pub fn undone(&self, changes: &[i64]) -> Result<HashSet<i64>> {
        self.database.read("read the journal", |db| {
            let mut undone = HashSet::new();
            for change in changes {
                if is_undone(db, *change, UNDONE_MAX)? {
                    undone.insert(*change);
                }
            }
            Ok(undone)
        })
    }
}

/// Returns what is left of changes, the newest first, once those are taken out that others
/// take back, and these with them.
fn in_force<T>(newest_first: Vec<(i64, Option<i64>, T)>) -> Vec<T> {
    let mut undone = HashSet::new();
    let mut left = Vec::new();
    for (id, undoes, change) in newest_first {
        if undone.contains(&id) {
            continue;
        }
        match undoes {
            Some(of) => {
                undone.insert(of);
            }
            None => left.push(change),
        }
    }
    left
}

fn is_undone(db: &Connection, change: i64, depth: usize) -> Result<bool> {
    let sql = "SELECT id FROM changes WHERE undoes = ?1 AND state = 'done'";
    let undos: Vec<i64> = all(db, sql, [change], |row| row.get("id"))?;
    for undo in undos {
        if depth == 0 || !is_undone(db, undo, depth - 1)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn insert(db: &Connection, planned: &Planned, run_id: &str, now: Timestamp) -> Result<Change> {
    let (mark, record_id) = match &planned.intent {
        Intent::Create { mark } => (Some(mark), None),
        Intent::Update(record_id) | Intent::Delete(record_id) => (None, Some(record_id)),
    };
    let sql = "INSERT INTO changes
                   (run_id, object, meeting_id, item_id, mark, record_id, before, after, mapping,
                    state, planned_at, undoes, deletes, left_alone)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'open', ?10, ?11, ?12,
                       ?13)";
    let values = params![
        run_id,
        planned.object.as_str(),
        planned.meeting_id,
        planned.action_item_id,
        mark,
        record_id.map(SalesforceId::as_str),
        jsonb::of(&planned.before),
        jsonb::of(&planned.after),
        planned.mapping,
        micros(now),
        planned.undoes,
        matches!(planned.intent, Intent::Delete(_)),
        to_json(&planned.left),
    ];
    match (run(db, sql, values), mark) {
        (Err(Error::Database { cause, .. }), Some(mark))
            if cause.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) =>
        {
            return Err(Error::MarkOpen { mark: mark.clone() });
        }
        (inserted, _) => inserted?,
    };
    Ok(Change {
        id: db.last_insert_rowid(),
        planned: planned.clone(),
        state: ChangeState::Open,
        record_id: record_id.cloned(),
        planned_at: now,
        ended_at: None,
        run_id: run_id.to_owned(),
    })
}

fn end(db: &Connection, ended: &Ended, now: Timestamp) -> Result<()> {
    let Some(change) = find(db, ended.change_id)? else { return Ok(()) };
    if change.state != ChangeState::Open || ended.state == ChangeState::Open {
        return Ok(());
    }
    let record_id = ended.record_id.as_ref().or(change.record_id.as_ref());
    let sql = "UPDATE changes SET state = ?2, record_id = ?3, ended_at = ?4 WHERE id = ?1";
    let values = params![
        ended.change_id,
        ended.state.as_str(),
        record_id.map(SalesforceId::as_str),
        micros(now)
    ];
    run(db, sql, values)?;
    let planned = &change.planned;
    let subject = subject(planned);
    if ended.state == ChangeState::Done {
        failures::clear(db, Direction::Push, planned.object.job(), &subject)?;
        if let (Intent::Delete(_), Some(record_id)) = (&planned.intent, record_id) {
            links::set_gone(db, record_id, true)?;
        }
        let created = matches!(planned.intent, Intent::Create { .. });
        let is_linked = created && planned.object.is_activity();
        if let (true, Some(record_id)) = (is_linked, record_id) {
            let item_id = planned.action_item_id.as_deref();
            links::save(db, &planned.meeting_id, item_id, record_id)?;
        }
        if let (Some(closes), Some(record_id)) = (ended.closes, record_id) {
            links::set_closed(db, record_id, closes)?;
        }
    }
    if let Some(trouble) = &ended.trouble {
        failures::save(db, Direction::Push, planned.object.job(), &subject, trouble, now)?;
    }
    Ok(())
}

fn subject(planned: &Planned) -> Subject {
    let meeting_id = planned.meeting_id.clone();
    match (&planned.action_item_id, &planned.intent) {
        (Some(item_id), _) => Subject::Item { meeting_id, item_id: item_id.clone() },
        (None, Intent::Update(id) | Intent::Delete(id)) => {
            Subject::Update { meeting_id, record_id: id.clone() }
        }
        (None, Intent::Create { .. }) if planned.object.is_activity() => {
            Subject::Meeting(meeting_id)
        }
        (None, Intent::Create { mark }) => match related(planned) {
            Some(record_id) => Subject::Update { meeting_id, record_id },
            None => Subject::Person { meeting_id, email: mark.clone() },
        },
    }
}

/// Returns the record that an activity is to be related to; none, where none is.
fn related(planned: &Planned) -> Option<SalesforceId> {
    planned.object.activity()?;
    let (_, id) = planned.after.iter().find(|(name, _)| name == Sobject::RELATED)?;
    id.text()?.parse().ok()
}

fn find(db: &Connection, change_id: i64) -> Result<Option<Change>> {
    one(db, select_changes!("WHERE id = ?1"), [change_id], change)
}

fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    let mark: Option<String> = row.get("mark")?;
    let intent = match mark {
        Some(mark) => Intent::Create { mark },
        None if row.get("deletes")? => Intent::Delete(word(row, "record_id")?),
        None => Intent::Update(word(row, "record_id")?),
    };
    Ok(Change {
        id: row.get("id")?,
        planned: Planned {
            object: word(row, "object")?,
            intent,
            meeting_id: row.get("meeting_id")?,
            action_item_id: row.get("item_id")?,
            before: fields(row, "before")?,
            after: fields(row, "after")?,
            mapping: row.get("mapping")?,
            left: json(row, "left_alone")?,
            undoes: row.get("undoes")?,
        },
        state: word(row, "state")?,
        record_id: word_or_none(row, "record_id")?,
        planned_at: time(row, "planned_at")?,
        ended_at: time_or_none(row, "ended_at")?,
        run_id: row.get("run_id")?,
    })
}

#[cfg(test)]
mod tests;
