//! Matches: the records that a meeting was found to be about, what waits to be chosen, and
//! what persons chose.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::database::{all, one, run};
use super::failures::try_again;
use super::value::{int, json, micros, number, time, to_json, word, word_or_none};
use super::{OrgStore, Result, work};
use crate::model::{Choice, Match, Object, Question, Review, SalesforceId};

/// How many matches of one meeting are read.
const MATCHES_MAX: u32 = 10_000;

impl OrgStore {
    /// Replaces the matches of a meeting and what waits to be chosen, in one transaction. Of a
    /// record that it is not matched to any more, another meeting may be the latest: the work of
    /// those waits again. What may still come of a question stays until it is answered.
    pub fn save_matches(
        &self,
        meeting_id: &str,
        matches: &[Match],
        reviews: &[Review],
    ) -> Result<()> {
        self.database.write("save matches", |db| {
            run(db, "DELETE FROM reviews WHERE meeting_id = ?1", [meeting_id])?;
            for Review { question, candidates } in reviews {
                let sql = "INSERT INTO reviews (meeting_id, question, candidates)
                           VALUES (?1, ?2, ?3)";
                run(db, sql, params![meeting_id, question.as_str(), to_json(candidates)])?;
            }
            let sql = "SELECT * FROM matches WHERE meeting_id = ?1 ORDER BY position LIMIT ?2";
            let before = all(db, sql, params![meeting_id, MATCHES_MAX], read_match)?;
            let is_left = |one: &&Match| {
                matches
                    .iter()
                    .all(|new| (new.object, &new.record_id) != (one.object, &one.record_id))
            };
            let (kept, left): (Vec<&Match>, Vec<_>) =
                before.iter().filter(is_left).partition(|one| is_open(one.object, reviews));
            for left in left {
                work::wake_others_of(db, meeting_id, left.object, &left.record_id)?;
            }
            let is_new = |one: &&Match| {
                before
                    .iter()
                    .all(|old| (old.object, &old.record_id) != (one.object, &one.record_id))
            };
            for new in matches.iter().filter(is_new) {
                work::wake_own(db, meeting_id, new.object)?;
            }
            run(db, "DELETE FROM matches WHERE meeting_id = ?1", [meeting_id])?;
            let sql = "INSERT INTO matches (meeting_id, position, object, record_id, email, reason)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            for (position, found) in matches.iter().chain(kept).enumerate() {
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

    /// Returns what waits for a person to choose, with the meetings, the latest first.
    pub fn reviews(&self, limit: u32) -> Result<Vec<(String, Review)>> {
        self.database.read("read what waits to be chosen", |db| {
            let sql = "SELECT meeting_id, question, candidates FROM reviews
                       JOIN meetings ON meetings.id = meeting_id
                       ORDER BY started_at DESC, meeting_id, question LIMIT ?1";
            all(db, sql, [limit], |row| {
                let review = Review {
                    question: word(row, "question")?,
                    candidates: json(row, "candidates")?,
                };
                Ok((row.get("meeting_id")?, review))
            })
        })
    }

    /// Returns how many questions wait for a person.
    pub fn review_count(&self) -> Result<u64> {
        self.database.read("count what waits to be chosen", |db| {
            let sql = "SELECT count(*) AS waiting FROM reviews";
            Ok(one(db, sql, [], |row| number(row, "waiting"))?.unwrap_or_default())
        })
    }

    /// Returns what persons chose of a meeting, and of who has these addresses.
    pub fn choices(
        &self,
        meeting_id: &str,
        emails: &[String],
    ) -> Result<HashMap<Question, Choice>> {
        self.database.read("read what was chosen", |db| {
            let sql = "SELECT question, object, record_id FROM choices
                       WHERE meeting_id = ?1 AND question = ?2";
            let persons = emails.iter().cloned().map(Question::Person);
            let mut choices = HashMap::new();
            for question in persons.chain([Question::Account, Question::Opportunity]) {
                let key = [whose(meeting_id, &question), question.as_str()];
                if let Some(choice) = one(db, sql, key, choice)? {
                    choices.insert(question, choice);
                }
            }
            Ok(choices)
        })
    }

    /// Returns what persons have chosen, the latest first: of a meeting, or for every meeting
    /// where that is empty.
    pub fn chosen(&self, limit: u32) -> Result<Vec<(String, Question, Choice)>> {
        self.database.read("read what was chosen", |db| {
            let sql = "SELECT meeting_id, question, object, record_id FROM choices
                       ORDER BY chosen_at DESC, meeting_id, question LIMIT ?1";
            all(db, sql, [limit], |row| {
                Ok((row.get("meeting_id")?, word(row, "question")?, choice(row)?))
            })
        })
    }

    /// Notes what a person chose, or where it is none, that nobody chose any more; the work
    /// that it concerns waits to be done anew.
    ///
    /// Who has an address is chosen for every meeting.
    pub fn choose(
        &self,
        meeting_id: &str,
        question: &Question,
        choice: Option<&Choice>,
        now: Timestamp,
    ) -> Result<()> {
        self.database.write("save a choice", |db| {
            let (meeting, asked) = (whose(meeting_id, question), question.as_str());
            let sql = "DELETE FROM choices WHERE meeting_id = ?1 AND question = ?2";
            run(db, sql, [meeting, asked])?;
            if let Some(choice) = choice {
                let (object, id) = match choice {
                    Choice::Record(object, id) => (Some(object.as_str()), Some(id.as_str())),
                    Choice::Nobody => (None, None),
                };
                let sql = "INSERT INTO choices (meeting_id, question, object, record_id, chosen_at)
                           VALUES (?1, ?2, ?3, ?4, ?5)";
                run(db, sql, params![meeting, asked, object, id, micros(now)])?;
            }
            wake(db, meeting_id, question)?;
            let sql = "DELETE FROM reviews WHERE question = ?1 AND (meeting_id = ?2 OR ?3)";
            let is_person = matches!(question, Question::Person(_));
            run(db, sql, params![question.as_str(), meeting_id, is_person])?;
            // What it led to by that choice must not be taken for what it led to by itself.
            match (choice, question) {
                (None, Question::Person(email)) => {
                    let sql = "SELECT * FROM matches WHERE email = ?1";
                    leave(db, all(db, sql, [email.as_str()], read_left)?)?;
                    run(db, "DELETE FROM matches WHERE email = ?1", [email.as_str()])?;
                }
                (None, Question::Opportunity) => {
                    let sql = "SELECT * FROM matches
                               WHERE meeting_id = ?1 AND object = 'Opportunity'";
                    leave(db, all(db, sql, [meeting_id], read_left)?)?;
                    let sql = "DELETE FROM matches
                               WHERE meeting_id = ?1 AND object = 'Opportunity'";
                    run(db, sql, [meeting_id])?;
                }
                _ => {}
            }
            Ok(())
        })
    }

    /// Returns the meetings that were matched to a record, the one that began last first: id,
    /// title and beginning.
    pub fn meetings_of(
        &self,
        object: Object,
        record_id: &SalesforceId,
        limit: u32,
    ) -> Result<Vec<(String, String, Timestamp)>> {
        self.database.read("read the meetings of a record", |db| {
            let sql = "SELECT DISTINCT meetings.id, title, started_at
                       FROM matches JOIN meetings ON meetings.id = meeting_id
                       WHERE object = ?1 AND record_id = ?2
                       ORDER BY started_at DESC, meetings.id DESC LIMIT ?3";
            all(db, sql, params![object.as_str(), record_id.as_str(), limit], |row| {
                Ok((row.get("id")?, row.get("title")?, time(row, "started_at")?))
            })
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

/// Tells whether a question is open of which a record of this object may come.
fn is_open(object: Object, reviews: &[Review]) -> bool {
    // Whom and what a meeting was about hangs on who was there.
    let hangs_on_others = matches!(object, Object::Account | Object::Opportunity);
    reviews.iter().any(|review| match &review.question {
        Question::Person(_) => hangs_on_others || review.question.objects().contains(&object),
        Question::Account => hangs_on_others,
        Question::Opportunity => object == Object::Opportunity,
    })
}

/// Lets the work of other meetings wait again that are matched to records which these leave.
fn leave(db: &Connection, left: Vec<(String, Match)>) -> Result<()> {
    left.iter().try_for_each(|(meeting_id, left)| {
        work::wake_others_of(db, meeting_id, left.object, &left.record_id)
    })
}

fn read_left(row: &Row<'_>) -> rusqlite::Result<(String, Match)> {
    Ok((row.get("meeting_id")?, read_match(row)?))
}

/// Returns the meeting that a choice is kept under.
fn whose<'a>(meeting_id: &'a str, question: &Question) -> &'a str {
    match question {
        Question::Person(_) => "",
        Question::Account | Question::Opportunity => meeting_id,
    }
}

/// Lets the work of the meetings wait that a choice concerns: where it is who has an address,
/// of all at which someone has it. Work that is being done just now is done once more.
fn wake(db: &Connection, meeting_id: &str, question: &Question) -> Result<()> {
    let sql = "UPDATE works SET state = 'waiting', reason = NULL, version = version + 1
               WHERE (meeting_id = ?1 OR ?3 AND meeting_id IN (
                   SELECT id FROM meetings WHERE instr(lower(json(meeting)), ?2) > 0))
                   -- What was not logged when it was told is not logged by that.
                   AND NOT (object = 'Task' AND item_id = '' AND state = 'settled'
                       AND NOT EXISTS (
                           SELECT 1 FROM links
                           WHERE links.meeting_id = works.meeting_id AND links.item_id = ''))";
    let is_person = matches!(question, Question::Person(_));
    let failed = try_again!(
        "(meeting_id = ?1 OR ?3 AND meeting_id IN (
             SELECT id FROM meetings WHERE instr(lower(json(meeting)), ?2) > 0))"
    );
    run(db, failed, params![meeting_id, question.as_str(), is_person])?;
    run(db, sql, params![meeting_id, question.as_str(), is_person]).map(|_| ())
}

fn choice(row: &Row<'_>) -> rusqlite::Result<Choice> {
    Ok(match (word_or_none(row, "object")?, word_or_none(row, "record_id")?) {
        (Some(object), Some(id)) => Choice::Record(object, id),
        _ => Choice::Nobody,
    })
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
        org.save_matches("m1", &[found(9)], &[]).unwrap();
        org.save_matches("m1", &[found(2), found(1)], &[]).unwrap();
        assert_eq!(org.matches("m1").unwrap(), [found(2), found(1)]);
        assert!(org.save_matches("unknown", &[found(1)], &[]).is_err());
    }

    #[test]
    fn the_newest_meeting_of_a_record_is_the_one_that_began_last() {
        let world = World::new();
        let org = world.org();
        for (name, start) in [("b", 50), ("new", 90), ("a", 90), ("c", 10)] {
            let mut told = meeting(name, vec![]);
            told.started_at = at(start);
            org.add_meetings(&[told], at(1)).unwrap();
            org.save_matches(name, &[found(1)], &[]).unwrap();
        }
        let newest = org.newest_meeting_of(Object::Contact, &id(1)).unwrap();
        assert_eq!(newest, Some(("new".to_owned(), at(90))));
        assert_eq!(org.newest_meeting_of(Object::Lead, &id(1)).unwrap(), None);
    }
}
