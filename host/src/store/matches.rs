//! Matches: the records that a meeting was found to be about.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::database::{all, one, run};
use super::value::{int, time, word};
use super::{OrgStore, Result};
use crate::model::{Match, Object, SalesforceId};

/// How many matches of one meeting are read.
const MATCHES_MAX: u32 = 10_000;

impl OrgStore {
    /// Replaces the matches of a meeting, in one transaction.
    pub fn save_matches(&self, meeting_id: &str, matches: &[Match]) -> Result<()> {
        self.database.write("save matches", |db| {
            run(db, "DELETE FROM matches WHERE meeting_id = ?1", [meeting_id])?;
            let sql = "INSERT INTO matches (meeting_id, position, object, record_id, email, reason)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            for (position, found) in matches.iter().enumerate() {
                let position = int(position as u64);
                let (object, record_id) = (found.object.as_str(), found.record_id.as_str());
                let values =
                    params![meeting_id, position, object, record_id, found.email, found.reason];
                run(db, sql, values)?;
            }
            Ok(())
        })
    }

    /// Returns the matches of a meeting, in the order in which they were saved.
    pub fn matches(&self, meeting_id: &str) -> Result<Vec<Match>> {
        self.database.read("read matches", |db| {
            let sql = "SELECT * FROM matches WHERE meeting_id = ?1 ORDER BY position LIMIT ?2";
            all(db, sql, params![meeting_id, MATCHES_MAX], read_match)
        })
    }

    /// Returns the newest meeting that was matched to a record, and when it
    /// began.
    pub fn newest_meeting_of(
        &self,
        object: Object,
        record_id: &SalesforceId,
    ) -> Result<Option<(String, Timestamp)>> {
        self.database.read("look up a meeting", |db| {
            let sql = "SELECT id, started_at FROM matches
                       JOIN meetings ON meetings.id = matches.meeting_id
                       WHERE object = ?1 AND record_id = ?2
                       ORDER BY started_at DESC, id DESC LIMIT 1";
            let record = [object.as_str(), record_id.as_str()];
            one(db, sql, record, |row| Ok((row.get("id")?, time(row, "started_at")?)))
        })
    }
}

fn read_match(row: &Row<'_>) -> rusqlite::Result<Match> {
    Ok(Match {
        object: word(row, "object")?,
        record_id: word(row, "record_id")?,
        email: row.get("email")?,
        reason: row.get("reason")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::{World, at, id, meeting};

    fn found(record: u32) -> Match {
        Match {
            object: Object::Contact,
            record_id: id(record),
            email: Some("ann@acme.com".to_owned()),
            reason: "the address is the contact's".to_owned(),
        }
    }

    #[test]
    fn matches_are_replaced_and_keep_their_order() {
        let world = World::new();
        let org = world.org();
        org.add_meetings(&[meeting("m1", vec![])], at(1)).unwrap();
        org.save_matches("m1", &[found(9)]).unwrap();
        org.save_matches("m1", &[found(2), found(1)]).unwrap();
        assert_eq!(org.matches("m1").unwrap(), [found(2), found(1)]);
        assert!(org.save_matches("unknown", &[found(1)]).is_err());
    }

    #[test]
    fn the_newest_meeting_of_a_record_is_the_one_that_began_last() {
        let world = World::new();
        let org = world.org();
        for (name, start) in [("b", 50), ("new", 90), ("a", 90), ("c", 10)] {
            let mut told = meeting(name, vec![]);
            told.started_at = at(start);
            org.add_meetings(&[told], at(1)).unwrap();
            org.save_matches(name, &[found(1)]).unwrap();
        }
        let newest = org.newest_meeting_of(Object::Contact, &id(1)).unwrap();
        assert_eq!(newest, Some(("new".to_owned(), at(90))));
        assert_eq!(org.newest_meeting_of(Object::Lead, &id(1)).unwrap(), None);
    }
}
