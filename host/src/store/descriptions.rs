//! Descriptions: what each object, and the parents of each, were to the connected user when
//! they were last looked at.

use jiff::Timestamp;
use rusqlite::params;

use super::database::{one, run};
use super::value::{micros, time};
use super::{OrgStore, Result};

impl OrgStore {
    /// Returns what was described last under a name, as the text that was saved, and when that
    /// was.
    pub fn description(&self, name: &str) -> Result<Option<(String, Timestamp)>> {
        self.database.read("read a description", |db| {
            let sql = "SELECT description, seen_at FROM descriptions WHERE name = ?1";
            one(db, sql, [name], |row| Ok((row.get("description")?, time(row, "seen_at")?)))
        })
    }

    /// Saves what was described under a name.
    pub fn save_description(&self, name: &str, text: &str, now: Timestamp) -> Result<()> {
        self.database.write("save a description", |db| {
            let sql = "INSERT INTO descriptions (name, description, seen_at) VALUES (?1, ?2, ?3)
                       ON CONFLICT (name) DO UPDATE SET
                           description = excluded.description, seen_at = excluded.seen_at";
            run(db, sql, params![name, text, micros(now)]).map(|_| ())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::store::world::{World, at};

    #[test]
    fn the_last_description_under_a_name_is_kept() {
        let org = World::new().org();
        assert_eq!(org.description("Contact").unwrap(), None);
        for (text, second) in [("first", 1), ("second", 2)] {
            org.save_description("Contact", text, at(second)).unwrap();
        }
        assert_eq!(org.description("Contact").unwrap(), Some(("second".to_owned(), at(2))));
        assert_eq!(org.description("Lead").unwrap(), None);
    }
}
