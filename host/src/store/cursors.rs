//! Cursors: how far each pull has come, and the fences of all jobs.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::database::{one, run};
use super::value::{int, json, micros, number, time_or_none, to_json, word_or_none};
use super::{Error, OrgStore, Result};
use crate::model::{Cursor, Direction, Object, SalesforceId};

/// How far a pull has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The last record that is settled; none before the first.
    pub cursor: Option<Cursor>,
    /// Whether a run is in the middle of its pages.
    pub paging: bool,
    /// The earliest stamp at which records may have come to be seen after they were
    /// looked for: the next run begins there.
    pub unsettled: Option<Timestamp>,
    /// What tells the mapping and the fields with which records were read; none
    /// before the first page. Records read otherwise have to be read again.
    pub reading: Option<String>,
    /// Up to when, by Salesforce's clock, all changes were read; none before they were.
    pub covered: Option<Timestamp>,
    /// What the stored records were read with; none before all were.
    pub source: Option<Reading>,
    /// Whether the run reads the object from its beginning: what it doesn't come
    /// by is no longer selected.
    pub whole: bool,
    /// Since when, by Salesforce's clock, records may have left the mapping's condition;
    /// none before all were read.
    pub left_since: Option<Timestamp>,
    /// The extract by which the object is read, until all of it is settled; the cursor
    /// stands still meanwhile.
    pub extract: Option<Extract>,
}

/// An extract of which parts are settled, or none yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extract {
    /// Salesforce's job.
    pub id: SalesforceId,
    /// When it was asked for, by Salesforce's clock.
    pub since: Timestamp,
    /// Where the next part begins; none for the first.
    pub locator: Option<String>,
}

/// What records were read with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The fields, each with the kind of its values.
    pub columns: Vec<String>,
    /// The condition that the records met; empty where there was none.
    pub filter: String,
}

impl OrgStore {
    /// Raises the fence of a job and returns it.
    ///
    /// From then on whoever held an older one can't settle a page, plan a change
    /// or end one.
    pub fn claim(&self, object: Object, direction: Direction) -> Result<u64> {
        self.database.write("claim a job", |db| {
            let sql = "INSERT INTO jobs (object, direction, fence) VALUES (?1, ?2, 1)
                       ON CONFLICT (object, direction) DO UPDATE SET fence = fence + 1
                       RETURNING fence";
            let job = [object.as_str(), direction.as_str()];
            let fence = one(db, sql, job, |row| number(row, "fence"))?;
            Ok(fence.unwrap_or_default())
        })
    }

    /// Notes that the stored records of an object are about to be mapped again: until all
    /// are, no reading tells what they are, and they hold no more than these columns.
    pub fn begin_remap(&self, object: Object, fence: u64, columns: &[String]) -> Result<()> {
        self.database.write("begin to map records again", |db| {
            check_fence(db, object, Direction::Pull, fence)?;
            let mut before = position(db, object)?;
            if let Some(source) = &mut before.source {
                source.columns.retain(|column| columns.contains(column));
            }
            save(db, object, &Position { reading: None, ..before })
        })
    }

    /// Notes that the stored records of an object were mapped again: they are as if they had
    /// been read so.
    pub fn save_reading(
        &self,
        object: Object,
        fence: u64,
        reading: &str,
        source: Reading,
    ) -> Result<()> {
        self.database.write("save how records were mapped", |db| {
            check_fence(db, object, Direction::Pull, fence)?;
            let before = position(db, object)?;
            let (reading, source) = (Some(reading.to_owned()), Some(source));
            save(db, object, &Position { reading, source, ..before })
        })
    }

    /// Notes up to when the records of an object that left the mapping's condition were found.
    pub fn save_left_since(&self, object: Object, fence: u64, to: Option<Timestamp>) -> Result<()> {
        self.database.write("save up to when records were found that left", |db| {
            check_fence(db, object, Direction::Pull, fence)?;
            save(db, object, &Position { left_since: to, ..position(db, object)? })
        })
    }

    /// Returns how far the pull of an object has come.
    pub fn position(&self, object: Object) -> Result<Position> {
        self.database.read("read a cursor", |db| position(db, object))
    }
}

/// Refuses what is done under a fence that was raised since.
pub(super) fn check_fence(
    db: &Connection,
    object: Object,
    direction: Direction,
    fence: u64,
) -> Result<()> {
    let sql = "SELECT fence FROM jobs WHERE object = ?1 AND direction = ?2";
    let job = [object.as_str(), direction.as_str()];
    let held = one(db, sql, job, |row| row.get::<_, i64>("fence"))?;
    if held == Some(int(fence)) { Ok(()) } else { Err(Error::Fenced { object, direction }) }
}

/// Refuses a page that didn't begin where the cursor is.
pub(super) fn check_position(db: &Connection, object: Object, expected: &Position) -> Result<()> {
    let stored = position(db, object)?;
    // Times are stored by the microsecond.
    let key = |position: &Position| {
        let cursor = position.cursor.clone();
        let extract = position.extract.clone().map(|extract| (extract.id, extract.locator));
        (cursor.map(|cursor| (micros(cursor.stamp), cursor.id)), position.paging, extract)
    };
    if key(&stored) == key(expected) { Ok(()) } else { Err(Error::CursorMoved { object }) }
}

fn position(db: &Connection, object: Object) -> Result<Position> {
    let sql = "SELECT stamp, record_id, paging, unsettled, covered, reading, columns, filter,
                   whole, extract_id, extract_locator, extract_since, left_since FROM jobs
               WHERE object = ?1 AND direction = 'pull'";
    let position = one(db, sql, [object.as_str()], |row| {
        let stamp: Option<Timestamp> = time_or_none(row, "stamp")?;
        let id = word_or_none(row, "record_id")?;
        let cursor = stamp.map(|stamp| Cursor { stamp, id });
        let filter: Option<String> = row.get("filter")?;
        let extract = match (word_or_none(row, "extract_id")?, time_or_none(row, "extract_since")?)
        {
            (Some(id), Some(since)) => {
                Some(Extract { id, since, locator: row.get("extract_locator")? })
            }
            _ => None,
        };
        let read_with = |filter| json(row, "columns").map(|columns| Reading { columns, filter });
        Ok(Position {
            source: filter.map(read_with).transpose()?,
            cursor,
            paging: row.get("paging")?,
            unsettled: time_or_none(row, "unsettled")?,
            covered: time_or_none(row, "covered")?,
            reading: row.get("reading")?,
            whole: row.get("whole")?,
            left_since: time_or_none(row, "left_since")?,
            extract,
        })
    })?;
    Ok(position.unwrap_or_default())
}

/// Notes when an object was read whole for the first time.
pub(super) fn note_imported(db: &Connection, object: Object, now: Timestamp) -> Result<()> {
    let sql = "UPDATE jobs SET imported_at = ?2
               WHERE object = ?1 AND direction = 'pull' AND imported_at IS NULL";
    run(db, sql, params![object.as_str(), micros(now)]).map(|_| ())
}

/// Moves the cursor of a job that was claimed.
pub(super) fn save(db: &Connection, object: Object, next: &Position) -> Result<()> {
    let sql = "UPDATE jobs SET stamp = ?2, record_id = ?3, paging = ?4, reading = ?5, whole = ?6,
                   unsettled = ?7, columns = ?8, filter = ?9, covered = ?10, extract_id = ?11,
                   extract_locator = ?12, extract_since = ?13, left_since = ?14
               WHERE object = ?1 AND direction = 'pull'";
    let stamp = next.cursor.as_ref().map(|cursor| micros(cursor.stamp));
    let id = next.cursor.as_ref().and_then(|cursor| cursor.id.as_ref());
    let id = id.map(|id| id.as_str());
    let object = object.as_str();
    let whole = next.whole && next.paging;
    let unsettled = next.unsettled.map(micros);
    let columns = next.source.as_ref().map(|source| to_json(&source.columns));
    let filter = next.source.as_ref().map(|source| &source.filter);
    let paging = next.paging;
    let covered = next.covered.map(micros);
    let extract = next.extract.as_ref();
    let values = params![
        object,
        stamp,
        id,
        paging,
        next.reading,
        whole,
        unsettled,
        columns,
        filter,
        covered,
        extract.map(|extract| extract.id.as_str()),
        extract.and_then(|extract| extract.locator.as_deref()),
        extract.map(|extract| micros(extract.since)),
        next.left_since.map(micros)
    ];
    run(db, sql, values)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::World;

    #[test]
    fn each_job_has_a_fence_of_its_own_that_only_rises() {
        let world = World::new();
        let org = world.org();
        assert_eq!(org.claim(Object::Lead, Direction::Pull).unwrap(), 1);
        assert_eq!(org.claim(Object::Lead, Direction::Pull).unwrap(), 2);
        assert_eq!(org.claim(Object::Lead, Direction::Push).unwrap(), 1);
        assert_eq!(world.org().claim(Object::Lead, Direction::Pull).unwrap(), 3);
        assert_eq!(org.position(Object::Lead).unwrap(), Position::default());
    }

    #[test]
    fn a_run_that_was_stopped_in_its_pages_goes_on_where_it_was() {
        let world = World::new();
        let org = world.org();
        let cursor = Some(Cursor { stamp: Timestamp::UNIX_EPOCH, id: None });
        let unsettled = Some(Timestamp::UNIX_EPOCH);
        let paging =
            Position { cursor, paging: true, whole: true, unsettled, ..Position::default() };
        let id = "750000000000001AAA".parse().unwrap();
        let locator = Some("next".to_owned());
        let extract = Some(Extract { id, since: Timestamp::UNIX_EPOCH, locator });
        let paging = Position { extract, left_since: unsettled, ..paging };
        org.claim(Object::Lead, Direction::Pull).unwrap();
        org.database.write("test", |db| save(db, Object::Lead, &paging)).unwrap();
        assert_eq!(org.position(Object::Lead).unwrap(), paging);
        org.claim(Object::Lead, Direction::Push).unwrap();
        org.claim(Object::Lead, Direction::Pull).unwrap();
        assert_eq!(org.position(Object::Lead).unwrap(), paging);
    }
}
