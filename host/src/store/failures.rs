//! Failures: records and writes that wait for a mend.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::database::{all, one, run};
use super::value::{micros, number, time, word};
use super::{Error, OrgStore, Result};
use crate::model::{Direction, Failure, Mender, Object, Problem, SalesforceId};

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A record, on a pull.
    Record(SalesforceId),
    /// A field that was lost, on a pull.
    Field(String),
    /// Holding the store against the org, on a pull.
    Verification,
    /// A meeting's write, on a push.
    Meeting(String),
    /// An action item's write, on a push.
    Item {
        /// The meeting.
        meeting_id: String,
        /// The action item.
        item_id: String,
    },
    /// A person who is made of a participant, on a push.
    Person {
        /// The meeting.
        meeting_id: String,
        /// The participant's address.
        email: String,
    },
    /// A meeting's write to one record, on a push.
    Update {
        /// The meeting.
        meeting_id: String,
        /// The record.
        record_id: SalesforceId,
    },
}

impl Subject {
    /// The code of a field that was lost.
    pub const LOST_FIELD: &str = "lost_field";
    /// The code of a verification that waits for a person's word.
    pub const UNVERIFIED: &str = "unverified";

    fn meeting_id(&self) -> Option<&str> {
        match self {
            Self::Record(_) | Self::Field(_) | Self::Verification => None,
            Self::Meeting(meeting_id)
            | Self::Item { meeting_id, .. }
            | Self::Person { meeting_id, .. }
            | Self::Update { meeting_id, .. } => Some(meeting_id),
        }
    }

    fn item_id(&self) -> Option<&str> {
        match self {
            Self::Item { item_id, .. } => Some(item_id),
            _ => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(id) => write!(f, "{id}"),
            Self::Field(name) => f.write_str(name),
            Self::Verification => f.write_str("verification"),
            Self::Meeting(meeting_id) => f.write_str(meeting_id),
            Self::Item { meeting_id, item_id } => write!(f, "{meeting_id}/{item_id}"),
            Self::Person { meeting_id, email } => write!(f, "{meeting_id} → {email}"),
            Self::Update { meeting_id, record_id } => write!(f, "{meeting_id} → {record_id}"),
        }
    }
}

/// Why something failed, and who can mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A word for the cause: `mapping`, or Salesforce's own code.
    pub code: String,
    /// What is wrong, where, and what mends it.
    pub problem: Problem,
    /// Who can mend it.
    pub mender: Mender,
}

impl OrgStore {
    /// Returns the open failures, the one seen last first.
    pub fn failures(&self, limit: u32) -> Result<Vec<Failure>> {
        self.database.read("read the failures", |db| {
            let sql = "SELECT * FROM failures ORDER BY last_at DESC, id DESC LIMIT ?1";
            all(db, sql, [limit], failure)
        })
    }

    /// Returns the causes of open failures, that of most failures first: the failure of each
    /// that was seen last, and how many share its cause.
    pub fn causes(&self, limit: u32) -> Result<Vec<(Failure, u64)>> {
        self.database.read("read the failures", |db| {
            // With max(), SQLite takes the other columns from the row that has it.
            let sql = "SELECT *, max(last_at) AS last_at, count(*) AS alike FROM failures
                       GROUP BY object, direction, code, message
                       ORDER BY alike DESC, last_at DESC LIMIT ?1";
            all(db, sql, [limit], |row| Ok((failure(row)?, number(row, "alike")?)))
        })
    }

    /// Returns an open failure by its number.
    pub fn failure(&self, id: i64) -> Result<Failure> {
        let found = self.database.read("read a failure", |db| {
            one(db, "SELECT * FROM failures WHERE id = ?1", [id], failure)
        })?;
        found.ok_or(Error::NoFailure(id))
    }

    /// Returns how many failures are open.
    pub fn failure_count(&self) -> Result<u64> {
        let count = self.database.read("count the failures", |db| {
            let sql = "SELECT count(*) AS found FROM failures";
            one(db, sql, [], |row| number(row, "found"))
        })?;
        Ok(count.unwrap_or_default())
    }

    /// Opens a failure, or counts one more attempt at an open one.
    pub fn fail(
        &self,
        direction: Direction,
        object: Object,
        subject: &Subject,
        trouble: &Trouble,
        now: Timestamp,
    ) -> Result<()> {
        self.database
            .write("save a failure", |db| save(db, direction, object, subject, trouble, now))
    }

    /// Returns the failure for which a write is held back: until somebody asks for it to be tried
    /// again, or there is something new to try.
    pub fn held(&self, object: Object, subject: &Subject) -> Result<Option<Failure>> {
        self.database.read("read a failure", |db| {
            let sql = "SELECT * FROM failures
                       WHERE object = ?1 AND direction = 'push' AND subject = ?2 AND NOT due";
            one(db, sql, [object.as_str(), &subject.to_string()], failure)
        })
    }

    /// Clears a failure, where it is open: what failed is mended.
    pub fn mend(&self, direction: Direction, object: Object, subject: &Subject) -> Result<()> {
        self.database.write("clear a failure", |db| clear(db, direction, object, subject))
    }

    /// Returns the records whose pull failed that come after an id, by id.
    pub fn failed_records(
        &self,
        object: Object,
        after: Option<&SalesforceId>,
        limit: u32,
    ) -> Result<Vec<SalesforceId>> {
        let after = after.map_or("", SalesforceId::as_str);
        self.database.read("read the failures", |db| {
            let sql = "SELECT subject FROM failures
                       WHERE object = ?1 AND direction = 'pull' AND subject > ?2
                           AND code NOT IN (?4, ?5)
                       ORDER BY subject LIMIT ?3";
            let codes = [Subject::LOST_FIELD, Subject::UNVERIFIED];
            let key = params![object.as_str(), after, limit, codes[0], codes[1]];
            all(db, sql, key, |row| word(row, "subject"))
        })
    }
}

/// Tells whether any failure of an object is open.
pub(super) fn any(db: &Connection, object: Object, direction: Direction) -> Result<bool> {
    let sql = "SELECT 1 FROM failures WHERE object = ?1 AND direction = ?2 LIMIT 1";
    Ok(one(db, sql, [object.as_str(), direction.as_str()], |_| Ok(()))?.is_some())
}

pub(super) fn save(
    db: &Connection,
    direction: Direction,
    object: Object,
    subject: &Subject,
    trouble: &Trouble,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO failures
                   (object, direction, subject, meeting_id, item_id, code, message, at, hint, mender,
                    attempts, first_at, last_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11, ?11)
               ON CONFLICT (object, direction, subject) DO UPDATE SET
                   code = excluded.code, message = excluded.message, at = excluded.at,
                   hint = excluded.hint, mender = excluded.mender, attempts = attempts + 1,
                   last_at = excluded.last_at, due = 0";
    let values = params![
        object.as_str(),
        direction.as_str(),
        subject.to_string(),
        subject.meeting_id(),
        subject.item_id(),
        trouble.code,
        trouble.problem.message,
        trouble.problem.at,
        trouble.problem.hint,
        trouble.mender.as_str(),
        micros(now),
    ];
    run(db, sql, values)?;
    Ok(())
}

pub(super) fn clear(
    db: &Connection,
    direction: Direction,
    object: Object,
    subject: &Subject,
) -> Result<()> {
    let sql = "DELETE FROM failures WHERE object = ?1 AND direction = ?2 AND subject = ?3";
    run(db, sql, params![object.as_str(), direction.as_str(), subject.to_string()])?;
    Ok(())
}

/// Is the SQL that lets failed writes be tried again which meet a condition.
macro_rules! try_again {
    ($condition:literal) => {
        concat!("UPDATE failures SET due = 1 WHERE direction = 'push' AND ", $condition)
    };
}
pub(super) use try_again;

/// Closes all failures of one piece of work.
pub(super) fn clear_work(
    db: &Connection,
    object: Object,
    meeting_id: &str,
    item_id: Option<&str>,
) -> Result<()> {
    let sql = "DELETE FROM failures WHERE meeting_id = ?1 AND object = ?2 AND item_id IS ?3";
    run(db, sql, params![meeting_id, object.as_str(), item_id])?;
    Ok(())
}

fn failure(row: &Row<'_>) -> rusqlite::Result<Failure> {
    Ok(Failure {
        id: row.get("id")?,
        object: word(row, "object")?,
        direction: word(row, "direction")?,
        subject: row.get("subject")?,
        code: row.get("code")?,
        problem: Problem {
            message: row.get("message")?,
            at: row.get("at")?,
            hint: row.get("hint")?,
        },
        mender: word(row, "mender")?,
        attempts: row.get("attempts")?,
        first_at: time(row, "first_at")?,
        last_at: time(row, "last_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::{World, at, id, trouble};

    #[test]
    fn a_subject_has_one_failure_that_counts_its_attempts() {
        let world = World::new();
        let org = world.org();
        let subject = Subject::Update { meeting_id: "m1".to_owned(), record_id: id(1) };
        let push = |now| {
            org.fail(Direction::Push, Object::Contact, &subject, &trouble("LOCKED"), at(now))
                .unwrap();
        };
        push(1);
        push(2);
        let lead = Subject::Record(id(2));
        org.fail(Direction::Pull, Object::Lead, &lead, &trouble("mapping"), at(3)).unwrap();

        let failures = org.failures(9).unwrap();
        assert_eq!(org.failure_count().unwrap(), 2);
        assert_eq!(failures[0].subject, id(2).as_str());
        let pushed = &failures[1];
        assert_eq!(pushed.subject, format!("m1 → {}", id(1)));
        assert_eq!((pushed.attempts, pushed.first_at, pushed.last_at), (2, at(1), at(2)));
        assert_eq!(pushed.problem, trouble("LOCKED").problem);
        assert_eq!(org.failed_records(Object::Lead, None, 9).unwrap(), [id(2)]);
        assert_eq!(org.failed_records(Object::Lead, Some(&id(2)), 9).unwrap(), []);
        assert_eq!(org.failed_records(Object::Contact, None, 9).unwrap(), []);

        assert_eq!(org.retry(failures[0].id).unwrap(), 0);
        assert!(matches!(org.retry(999), Err(Error::NoFailure(999))));
    }
}
