//! Drifts: how the fields of objects have changed since someone looked at set-up.

use jiff::Timestamp;
use rusqlite::params;

use super::database::{all, run};
use super::value::{micros, time, word};
use super::{OrgStore, Result};
use crate::model::{Drift, Object};

/// How many drifts of an object are told.
const DRIFTS_MAX: u32 = 200;

impl OrgStore {
    /// Notes how fields have changed; the last change of each field is told.
    pub fn note_drifts(
        &self,
        object: Object,
        drifts: &[(String, String)],
        now: Timestamp,
    ) -> Result<()> {
        self.database.write("note how fields have changed", |db| {
            let sql = "INSERT INTO drifts (object, field, change, seen_at) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (object, field) DO UPDATE SET
                           change = excluded.change, seen_at = excluded.seen_at";
            for (field, change) in drifts {
                run(db, sql, params![object.as_str(), field, change, micros(now)])?;
            }
            Ok(())
        })
    }

    /// Returns how the fields of an object have changed, the last first.
    pub fn drifts(&self, object: Object) -> Result<Vec<Drift>> {
        self.database.read("read how fields have changed", |db| {
            let sql =
                "SELECT * FROM drifts WHERE object = ?1 ORDER BY seen_at DESC, field LIMIT ?2";
            all(db, sql, params![object.as_str(), DRIFTS_MAX], |row| {
                Ok(Drift {
                    object: word(row, "object")?,
                    field: row.get("field")?,
                    change: row.get("change")?,
                    seen_at: time(row, "seen_at")?,
                })
            })
        })
    }

    /// Forgets how fields have changed: someone has seen it.
    pub fn forget_drifts(&self) -> Result<()> {
        self.database.write("forget how fields have changed", |db| {
            run(db, "DELETE FROM drifts", []).map(|_| ())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::{World, at};

    #[test]
    fn the_last_change_of_a_field_is_told_until_someone_has_seen_it() {
        let org = World::new().org();
        let note = |change: &str, second| {
            let drift = [("Score__c".to_owned(), change.to_owned())];
            org.note_drifts(Object::Lead, &drift, at(second)).unwrap();
        };
        note("is new", 1);
        note("is gone", 2);
        let drifts = org.drifts(Object::Lead).unwrap();
        assert_eq!((drifts.len(), drifts[0].change.as_str()), (1, "is gone"));
        assert_eq!(org.drifts(Object::Contact).unwrap(), []);
        org.forget_drifts().unwrap();
        assert_eq!(org.drifts(Object::Lead).unwrap(), []);
    }
}
