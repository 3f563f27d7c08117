//! Backfills: ranges of time whose records are read again, and how far that has come.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::database::{one, run};
use super::value::{int, micros, number, time, time_or_none, word_or_none};
use super::{OrgStore, Result};
use crate::model::{Cursor, Object};

/// A range of time whose records are read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// The earliest stamp.
    pub since: Timestamp,
    /// The stamp after the last.
    pub until: Timestamp,
    /// The last record that was read; none before the first.
    pub cursor: Option<Cursor>,
    /// How many were read.
    pub records: u64,
}

impl OrgStore {
    /// Begins a backfill of an object, in the place of one that is under way.
    pub fn begin_backfill(&self, object: Object, since: Timestamp, until: Timestamp) -> Result<()> {
        self.database.write("begin a backfill", |db| {
            let sql = "INSERT OR REPLACE INTO backfills (object, since, until) VALUES (?1, ?2, ?3)";
            run(db, sql, params![object.as_str(), micros(since), micros(until)]).map(|_| ())
        })
    }

    /// Returns the backfill of an object that is under way.
    pub fn backfill(&self, object: Object) -> Result<Option<Backfill>> {
        self.database.read("read a backfill", |db| {
            let sql = "SELECT * FROM backfills WHERE object = ?1";
            one(db, sql, [object.as_str()], |row| {
                let id = word_or_none(row, "record_id")?;
                let cursor = time_or_none(row, "stamp")?.map(|stamp| Cursor { stamp, id });
                let (since, until) = (time(row, "since")?, time(row, "until")?);
                Ok(Backfill { since, until, cursor, records: number(row, "records")? })
            })
        })
    }
}

/// Moves a backfill past a page; one that has come to its end is forgotten. Another that was
/// begun in its place stays as it is.
pub(super) fn advance(
    db: &Connection,
    object: Object,
    Backfill { since, until, .. }: &Backfill,
    cursor: Option<&Cursor>,
    records: usize,
) -> Result<()> {
    let Some(cursor) = cursor else {
        let sql = "DELETE FROM backfills WHERE object = ?1 AND since = ?2 AND until = ?3";
        let values = params![object.as_str(), micros(*since), micros(*until)];
        return run(db, sql, values).map(|_| ());
    };
    let sql = "UPDATE backfills SET stamp = ?4, record_id = ?5, records = records + ?6
               WHERE object = ?1 AND since = ?2 AND until = ?3";
    let id = cursor.id.as_ref().map(|id| id.as_str());
    let (since, until, stamp) = (micros(*since), micros(*until), micros(cursor.stamp));
    let values = params![object.as_str(), since, until, stamp, id, int(records as u64)];
    run(db, sql, values).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::{World, at};

    #[test]
    fn a_backfill_goes_on_where_it_was_and_ends() {
        let org = World::new().org();
        org.begin_backfill(Object::Lead, at(1), at(9)).unwrap();
        let cursor = Cursor { stamp: at(4), id: None };
        let begun = org.backfill(Object::Lead).unwrap().unwrap();
        let advance = |cursor: Option<&Cursor>| {
            org.database.write("test", |db| advance(db, Object::Lead, &begun, cursor, 2)).unwrap();
        };
        advance(Some(&cursor));
        advance(Some(&cursor));
        let under_way = org.backfill(Object::Lead).unwrap().unwrap();
        assert_eq!((under_way.records, under_way.cursor), (4, Some(cursor)));
        advance(None);
        assert_eq!(org.backfill(Object::Lead).unwrap(), None);
        org.begin_backfill(Object::Lead, at(2), at(9)).unwrap();
        advance(None);
        assert!(org.backfill(Object::Lead).unwrap().is_some(), "it is another");
    }
}
