//! Meetings as they were told, and their action items as they stand.

use std::collections::HashMap;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde_json::{Value as Json, json};

use super::database::{all, one, run};
use super::value::{hash, int, json, micros, number, time, to_json, word, word_or_none};
use super::work::{self, WorkCounts};
use super::{OrgStore, Result};
use crate::model::{ActionItem, Meeting, SalesforceId};

/// How many action items of a meeting are read, dropped ones too.
const ITEMS_MAX: u32 = 10_000;

/// What a meeting that was told is to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Added {
    /// It was not known.
    New,
    /// It is not as it was told before.
    Changed,
    /// It is as it was told before.
    Same,
}

/// Who decided whether an action item is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DoneBy {
    /// The meeting platform.
    Platform,
    /// Someone who closed or opened its task.
    Salesforce,
}

impl DoneBy {
    /// Returns the word for it, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Salesforce => "salesforce",
        }
    }
}

impl FromStr for DoneBy {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let known = [Self::Platform, Self::Salesforce].into_iter().find(|by| by.as_str() == text);
        known.ok_or_else(|| format!("\"{text}\" is nobody who does action items"))
    }
}

/// An action item as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemState {
    /// Its id within the meeting.
    pub item_id: String,
    /// What is to be done.
    pub text: String,
    /// Whether it is done.
    pub done: bool,
    /// Who decided so.
    pub done_by: DoneBy,
    /// Whether the platform has told the meeting without it since.
    pub dropped: bool,
    /// The task that stands for it.
    pub record_id: Option<SalesforceId>,
    /// Whether that task was deleted.
    pub gone: bool,
}

/// A meeting in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeetingSummary {
    /// The platform's own id.
    pub id: String,
    /// What it was about.
    pub title: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How often it was told differently.
    pub version: u64,
    /// How far its work has come.
    pub work: WorkCounts,
    /// How many of its action items are done.
    pub items_done: u64,
    /// How many action items it has.
    pub items_total: u64,
}

impl MeetingSummary {
    /// Returns it for a machine.
    pub fn to_json(&self) -> Json {
        json!({
            "id": self.id,
            "title": self.title,
            "started_at": self.started_at,
            "work": self.work,
            "items_done": self.items_done,
            "items_total": self.items_total,
        })
    }
}

impl ItemState {
    /// Returns it for a machine, by the words of the platform.
    pub fn to_json(&self) -> Json {
        json!({
            "id": self.item_id,
            "text": self.text,
            "done": self.done,
            "done_by": self.done_by.as_str(),
            "task": self.record_id,
            "task_deleted": self.gone,
        })
    }
}

impl OrgStore {
    /// Saves meetings with the work they make, all in one transaction that is on
    /// the disk before this returns, and says what each one was.
    ///
    /// A meeting that changed gets a new version, at which all its work waits
    /// again. Whether an action item is done changes only when the platform says
    /// something else than before: what Salesforce decided outlives a retelling.
    pub fn add_meetings(&self, meetings: &[Meeting], now: Timestamp) -> Result<Vec<Added>> {
        self.database.write_durably("save meetings", |db| {
            meetings.iter().map(|meeting| add(db, meeting, now)).collect()
        })
    }

    /// Returns a meeting, its action items done as they stand.
    pub fn meeting(&self, id: &str) -> Result<Option<Meeting>> {
        self.database.read("read a meeting", |db| {
            let sql = "SELECT json(meeting) AS meeting FROM meetings WHERE id = ?1";
            let meeting: Option<Meeting> = one(db, sql, [id], |row| json(row, "meeting"))?;
            let Some(mut meeting) = meeting else { return Ok(None) };
            let sql = "SELECT item_id, done FROM items WHERE meeting_id = ?1 LIMIT ?2";
            let done = all(db, sql, params![id, ITEMS_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let done: HashMap<String, bool> = done.into_iter().collect();
            for item in &mut meeting.action_items {
                item.done = done.get(&item.id).copied().unwrap_or(item.done);
            }
            Ok(Some(meeting))
        })
    }

    /// Returns the meetings, the one that began last first; those before a meeting, by when it
    /// began and its id, where one is named.
    pub fn meetings(
        &self,
        before: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<MeetingSummary>> {
        let (before, id) = before.map_or((i64::MAX, ""), |(at, id)| (micros(at), id));
        self.database.read("read the meetings", |db| {
            let sql = "
                SELECT id, title, started_at, version,
                    (SELECT count(*) FROM works
                     WHERE meeting_id = meetings.id AND state = 'waiting') AS waiting,
                    (SELECT count(*) FROM works
                     WHERE meeting_id = meetings.id AND state = 'unmatched') AS unmatched,
                    (SELECT count(*) FROM works
                     WHERE meeting_id = meetings.id AND state = 'settled') AS settled,
                    (SELECT count(*) FROM works
                     WHERE meeting_id = meetings.id AND state = 'failed') AS failed,
                    (SELECT count(*) FROM items
                     WHERE meeting_id = meetings.id AND NOT dropped AND done) AS items_done,
                    (SELECT count(*) FROM items
                     WHERE meeting_id = meetings.id AND NOT dropped) AS items_total
                FROM meetings WHERE (started_at, id) < (?1, ?2)
                ORDER BY started_at DESC, id DESC LIMIT ?3";
            all(db, sql, params![before, id, limit], summary)
        })
    }

    /// Returns the action items of a meeting as they stand, in its order, those
    /// that were dropped last.
    pub fn item_states(&self, meeting_id: &str) -> Result<Vec<ItemState>> {
        self.database.read("read action items", |db| {
            let sql = "SELECT items.item_id, text, done, done_by, dropped, record_id, gone
                       FROM items LEFT JOIN links
                           ON links.meeting_id = items.meeting_id AND links.item_id = items.item_id
                       WHERE items.meeting_id = ?1 ORDER BY dropped, position, items.item_id LIMIT ?2";
            all(db, sql, params![meeting_id, ITEMS_MAX], item_state)
        })
    }
}

fn add(db: &Connection, meeting: &Meeting, now: Timestamp) -> Result<Added> {
    let json = to_json(meeting);
    let hash = hash(json.as_bytes());
    let sql = "SELECT version, hash, started_at FROM meetings WHERE id = ?1";
    let known = one(db, sql, [&meeting.id], |row| {
        let started_at = time(row, "started_at")?;
        Ok((number(row, "version")?, row.get::<_, Vec<u8>>("hash")?, started_at))
    })?;
    let (added, version) = match &known {
        None => (Added::New, 1),
        Some((_, known, _)) if *known == hash => return Ok(Added::Same),
        Some((version, ..)) => (Added::Changed, version + 1),
    };
    let sql = "INSERT INTO meetings (id, version, title, started_at, told_at, hash, meeting)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, jsonb(?7))
               ON CONFLICT (id) DO UPDATE SET
                   version = excluded.version, title = excluded.title,
                   started_at = excluded.started_at, told_at = excluded.told_at,
                   hash = excluded.hash, meeting = excluded.meeting";
    let (started_at, told_at) = (micros(meeting.started_at), micros(now));
    let version_number = int(version);
    let title = &meeting.title;
    run(db, sql, params![meeting.id, version_number, title, started_at, told_at, hash, json])?;
    save_items(db, meeting)?;
    work::queue(db, meeting, version, now)?;
    // Another may be the latest of their records now.
    let has_moved = |known: Timestamp| micros(known) != micros(meeting.started_at);
    if known.is_some_and(|(.., started_at)| has_moved(started_at)) {
        work::wake_neighbours(db, &meeting.id)?;
    }
    Ok(added)
}

fn save_items(db: &Connection, meeting: &Meeting) -> Result<()> {
    run(db, "UPDATE items SET dropped = 1 WHERE meeting_id = ?1", [&meeting.id])?;
    for (position, item) in meeting.action_items.iter().enumerate() {
        save_item(db, &meeting.id, position, item)?;
    }
    Ok(())
}

fn save_item(db: &Connection, meeting_id: &str, position: usize, item: &ActionItem) -> Result<()> {
    let sql = "INSERT INTO items (meeting_id, item_id, position, text, done, done_by, told_done)
               VALUES (?1, ?2, ?3, ?4, ?5, 'platform', ?5)
               ON CONFLICT (meeting_id, item_id) DO UPDATE SET
                   position = excluded.position, text = excluded.text, dropped = 0,
                   done = iif(told_done = excluded.told_done, done, excluded.done),
                   done_by = iif(told_done = excluded.told_done, done_by, 'platform'),
                   told_done = excluded.told_done";
    let position = int(position as u64);
    run(db, sql, params![meeting_id, item.id, position, item.text, item.done])?;
    Ok(())
}

fn summary(row: &Row<'_>) -> rusqlite::Result<MeetingSummary> {
    Ok(MeetingSummary {
        id: row.get("id")?,
        title: row.get("title")?,
        started_at: time(row, "started_at")?,
        version: number(row, "version")?,
        work: WorkCounts {
            waiting: number(row, "waiting")?,
            unmatched: number(row, "unmatched")?,
            settled: number(row, "settled")?,
            failed: number(row, "failed")?,
        },
        items_done: number(row, "items_done")?,
        items_total: number(row, "items_total")?,
    })
}

fn item_state(row: &Row<'_>) -> rusqlite::Result<ItemState> {
    Ok(ItemState {
        item_id: row.get("item_id")?,
        text: row.get("text")?,
        done: row.get("done")?,
        done_by: word(row, "done_by")?,
        dropped: row.get("dropped")?,
        record_id: word_or_none(row, "record_id")?,
        gone: row.get::<_, Option<bool>>("gone")?.unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Direction, Object, WorkState};
    use crate::store::work::WorkEnd;
    use crate::store::world::{World, at, item, meeting, refuse_unless_durable};

    #[test]
    fn a_meeting_told_again_is_the_same_until_something_changes() {
        let world = World::new();
        let org = world.org();
        let mut told = meeting("m1", vec![item("a", false)]);
        told.extras.insert("room".to_owned(), serde_json::json!({ "floor": [3, null] }));
        assert_eq!(org.add_meetings(&[told.clone()], at(1)).unwrap(), [Added::New]);
        assert_eq!(org.meeting("m1").unwrap(), Some(told.clone()));
        let mut changed = told.clone();
        changed.title = "Renamed".to_owned();
        let added = org.add_meetings(&[told, changed.clone(), changed], at(2)).unwrap();
        assert_eq!(added, [Added::Same, Added::Changed, Added::Same]);
        let summary = org.meetings(None, 9).unwrap().remove(0);
        assert_eq!((summary.title.as_str(), summary.version), ("Renamed", 2));
        assert_eq!(org.meeting("m2").unwrap(), None);
    }

    #[test]
    fn a_meeting_is_on_the_disk_before_the_platform_hears_so() {
        let world = World::new();
        let org = world.org();
        refuse_unless_durable(&org.database.lock(), "meetings");
        assert!(org.add_meetings(&[meeting("m1", vec![])], at(1)).is_ok());
    }

    #[test]
    fn every_object_and_every_item_gets_its_work() {
        let world = World::new();
        let org = world.org();
        org.add_meetings(&[meeting("m1", vec![item("a", false), item("b", true)])], at(1)).unwrap();
        let work: Vec<_> =
            org.work_of("m1").unwrap().into_iter().map(|standing| standing.work).collect();
        let work: Vec<_> = work.iter().map(|work| (work.object, work.item_id.as_deref())).collect();
        assert_eq!(
            work,
            [
                (Object::Account, None),
                (Object::Contact, None),
                (Object::Lead, None),
                (Object::Opportunity, None),
                (Object::Task, None),
                (Object::Task, Some("a")),
                (Object::Task, Some("b")),
            ]
        );
        let summary = org.meetings(None, 9).unwrap().remove(0);
        assert_eq!((summary.items_done, summary.items_total, summary.work.waiting), (1, 2, 7));
        assert_eq!(org.meetings(None, 9).unwrap().len(), 1);
    }

    #[test]
    fn a_changed_meeting_waits_again_and_dropped_items_have_no_work() {
        let world = World::new();
        let org = world.org();
        org.add_meetings(&[meeting("m1", vec![item("a", false), item("b", false)])], at(1))
            .unwrap();
        let fence = org.claim(Object::Task, Direction::Push).unwrap();
        let taken = org.waiting(Object::Task, 9).unwrap();
        let end = |work: &crate::model::Work| WorkEnd::new(work.clone(), WorkState::Settled);
        let ends: Vec<_> = taken.iter().map(end).collect();
        org.end_work(Object::Task, fence, &ends, at(2)).unwrap();
        assert_eq!(org.waiting_count(Object::Task).unwrap(), 0);

        org.add_meetings(&[meeting("m1", vec![item("c", false), item("a", false)])], at(3))
            .unwrap();
        let waiting = org.waiting(Object::Task, 9).unwrap();
        let mut ids: Vec<_> = waiting.iter().filter_map(|work| work.item_id.as_deref()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["a", "c"]);
        assert!(waiting.iter().all(|work| work.version == 2));
        let states = org.item_states("m1").unwrap();
        let states: Vec<_> =
            states.iter().map(|item| (item.item_id.as_str(), item.dropped)).collect();
        assert_eq!(states, [("c", false), ("a", false), ("b", true)]);

        // Work that was taken from the older version stays to be done.
        org.end_work(Object::Task, fence, &ends, at(4)).unwrap();
        assert_eq!(org.waiting_count(Object::Task).unwrap(), 3);
    }

    #[test]
    fn the_platform_decides_only_when_it_says_something_else() {
        let world = World::new();
        let org = world.org();
        let done = || org.meeting("m1").unwrap().unwrap().action_items[0].done;
        for (told, expected) in [(false, false), (true, true), (true, true), (false, false)] {
            let mut told = meeting("m1", vec![item("a", told)]);
            // Another word each time, so that it is never the same meeting.
            told.title =
                format!("Told {}", org.meetings(None, 1).unwrap().first().map_or(0, |m| m.version));
            org.add_meetings(&[told], at(1)).unwrap();
            assert_eq!(done(), expected);
        }
    }
}
