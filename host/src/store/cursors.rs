//! Cursors: how far each pull has come, and the fences of all jobs.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::database::{one, run};
use super::value::{int, micros, number, time_or_none, word_or_none};
use super::{Error, OrgStore, Result};
use crate::model::{Cursor, Direction, Object};

/// How far a pull has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The last record that is settled; none before the first.
    pub cursor: Option<Cursor>,
    /// Whether a run is in the middle of its pages.
    pub paging: bool,
    /// What tells the mapping and the fields with which records were read; none
    /// before the first page. Records read otherwise have to be read again.
    pub reading: Option<String>,
    /// Whether the run reads the object from its beginning: what it doesn't come
    /// by is no longer selected.
    pub whole: bool,
}

impl OrgStore {
    /// Raises the fence of a job and returns it.
    ///
    /// From then on whoever held an older one can't settle a page, plan a change
    /// or end one. A pull that was in the middle of its pages begins a new run: what
    /// was saved while nobody read may have an earlier stamp.
    pub fn claim(&self, object: Object, direction: Direction) -> Result<u64> {
        self.database.write("claim a job", |db| {
            let sql = "INSERT INTO jobs (object, direction, fence) VALUES (?1, ?2, 1)
                       ON CONFLICT (object, direction) DO UPDATE SET fence = fence + 1, paging = 0
                       RETURNING fence";
            let job = [object.as_str(), direction.as_str()];
            let fence = one(db, sql, job, |row| number(row, "fence"))?;
            Ok(fence.unwrap_or_default())
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
        (cursor.map(|cursor| (micros(cursor.stamp), cursor.id)), position.paging)
    };
    if key(&stored) == key(expected) { Ok(()) } else { Err(Error::CursorMoved { object }) }
}

fn position(db: &Connection, object: Object) -> Result<Position> {
    let sql = "SELECT stamp, record_id, paging, reading, whole FROM jobs
               WHERE object = ?1 AND direction = 'pull'";
    let position = one(db, sql, [object.as_str()], |row| {
        let stamp: Option<Timestamp> = time_or_none(row, "stamp")?;
        let id = word_or_none(row, "record_id")?;
        let cursor = stamp.map(|stamp| Cursor { stamp, id });
        Ok(Position {
            cursor,
            paging: row.get("paging")?,
            reading: row.get("reading")?,
            whole: row.get("whole")?,
        })
    })?;
    Ok(position.unwrap_or_default())
}

/// Moves the cursor of a job that was claimed.
pub(super) fn save(db: &Connection, object: Object, next: &Position) -> Result<()> {
    let sql = "UPDATE jobs SET stamp = ?2, record_id = ?3, paging = ?4, reading = ?5, whole = ?6
               WHERE object = ?1 AND direction = 'pull'";
    let stamp = next.cursor.as_ref().map(|cursor| micros(cursor.stamp));
    let id = next.cursor.as_ref().and_then(|cursor| cursor.id.as_ref());
    let id = id.map(|id| id.as_str());
    let object = object.as_str();
    let whole = next.whole && next.paging;
    run(db, sql, params![object, stamp, id, next.paging, next.reading, whole])?;
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
    fn a_run_that_was_stopped_in_its_pages_is_followed_by_a_new_one() {
        let world = World::new();
        let org = world.org();
        let cursor = Some(Cursor { stamp: Timestamp::UNIX_EPOCH, id: None });
        let paging = Position { cursor, paging: true, whole: true, ..Position::default() };
        org.claim(Object::Lead, Direction::Pull).unwrap();
        org.database.write("test", |db| save(db, Object::Lead, &paging)).unwrap();
        assert_eq!(org.position(Object::Lead).unwrap(), paging);
        org.claim(Object::Lead, Direction::Push).unwrap();
        assert!(org.position(Object::Lead).unwrap().paging, "a push is another job");
        org.claim(Object::Lead, Direction::Pull).unwrap();
        let resumed = org.position(Object::Lead).unwrap();
        assert_eq!(resumed, Position { paging: false, ..paging });
        assert!(resumed.whole, "it still reads the whole object");
    }
}
