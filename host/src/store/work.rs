//! Work: what is to be pushed, and how far it has come.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::database::{all, one, run};
use super::failures::{self, Subject, Trouble, try_again};
use super::value::{int, micros, number, time, word};
use super::{Error, OrgStore, Result, cursors};
use crate::model::{Direction, Meeting, Mender, Object, SalesforceId, Work, WorkState};

/// How often work is tried again by itself.
const ATTEMPTS_MAX: u32 = 50;
/// How many pieces of work of one meeting are read.
const WORKS_MAX: u32 = 10_000;

/// How a piece of work ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkEnd {
    /// The work, as it was taken.
    pub work: Work,
    /// How it ended, for now.
    pub state: WorkState,
    /// Why, as a sentence.
    pub reason: Option<String>,
    /// What failed about the meeting or the action item as a whole.
    pub trouble: Option<Trouble>,
    /// Whether some of it failed, however it ended: that stays open.
    pub has_failed: bool,
}

impl WorkEnd {
    /// Returns an end that needs no reason.
    pub fn new(work: Work, state: WorkState) -> Self {
        Self { work, state, reason: None, trouble: None, has_failed: false }
    }
}

/// A piece of work and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The work.
    pub work: Work,
    /// How far it has come.
    pub state: WorkState,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub changed_at: Timestamp,
}

impl Standing {
    /// Returns it for a machine.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "object": self.work.object,
            "action_item": self.work.item_id,
            "state": self.state,
            "reason": self.reason,
            "changed_at": self.changed_at,
        })
    }
}

/// How much work there is in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct WorkCounts {
    /// To be done in the next push.
    pub waiting: u64,
    /// Found no record.
    pub unmatched: u64,
    /// Nothing is left to do.
    pub settled: u64,
    /// Waits for a mend.
    pub failed: u64,
}

impl OrgStore {
    /// Returns the work of an object that waits, the oldest first; action items before meetings
    /// that are to be logged, which may be waiting for a mend.
    pub fn waiting(&self, object: Object, limit: u32) -> Result<Vec<Work>> {
        self.database.read("read the work that waits", |db| {
            let sql = "SELECT * FROM works WHERE object = ?1 AND state = 'waiting'
                       ORDER BY object = 'Task' AND item_id = '', queued_at, rowid LIMIT ?2";
            all(db, sql, params![object.as_str(), limit], read_work)
        })
    }

    /// Lets the work of an object wait again that was queued since a moment and has ended: there is
    /// something more to write. What was not logged when it was told is not logged by that.
    pub fn wake_since(&self, object: Object, since: Timestamp) -> Result<()> {
        self.database.write("queue work again", |db| {
            let sql = "UPDATE works SET state = 'waiting', reason = NULL, version = version + 1
                       WHERE object = ?1 AND state = 'settled' AND queued_at >= ?2
                           AND NOT (object = 'Task' AND item_id = '' AND NOT EXISTS (
                               SELECT 1 FROM links
                               WHERE links.meeting_id = works.meeting_id AND links.item_id = ''))";
            run(db, sql, params![object.as_str(), micros(since)])?;
            Ok(())
        })
    }

    /// Returns how much work of an object waits.
    pub fn waiting_count(&self, object: Object) -> Result<u64> {
        Ok(self.work_counts(object)?.waiting)
    }

    /// Returns how much work of an object there is in each state.
    pub fn work_counts(&self, object: Object) -> Result<WorkCounts> {
        let counts = self.database.read("count the work", |db| {
            let sql = "SELECT state, count(*) AS found FROM works
                       WHERE object = ?1 GROUP BY state";
            all(db, sql, [object.as_str()], |row| {
                Ok((word::<WorkState>(row, "state")?, number(row, "found")?))
            })
        })?;
        let count =
            |state| counts.iter().find(|(of, _)| *of == state).map_or(0, |(_, found)| *found);
        Ok(WorkCounts {
            waiting: count(WorkState::Waiting),
            unmatched: count(WorkState::Unmatched),
            settled: count(WorkState::Settled),
            failed: count(WorkState::Failed),
        })
    }

    /// Lets work that found no record be matched again, where the rules, told as a text, are
    /// others than the last time.
    pub fn match_by(&self, rules: &str) -> Result<()> {
        let is_known = |db: &Connection| {
            one(db, "SELECT 1 FROM matched_by WHERE rules = ?1", [rules], |_| Ok(()))
        };
        if self.database.read("read the rules", is_known)?.is_some() {
            return Ok(());
        }
        self.database.write("save the rules", |db| {
            run(db, "DELETE FROM matched_by", [])?;
            run(db, "INSERT INTO matched_by (rules) VALUES (?1)", [rules])?;
            wake_unmatched(db)
        })
    }

    /// Ends work in one transaction, where the job wasn't claimed anew.
    ///
    /// Work whose meeting has changed since it was taken stays to be done. Work
    /// that is settled, or finds no record and has not failed, has no failure any more.
    pub fn end_work(
        &self,
        object: Object,
        fence: u64,
        ends: &[WorkEnd],
        now: Timestamp,
    ) -> Result<()> {
        self.database.write("end work", |db| {
            cursors::check_fence(db, object, Direction::Push, fence)?;
            end_all(db, ends, now)
        })
    }

    /// Lets the failed work behind a failed push wait to be done again, and
    /// returns how much it is: none for a pull, whose record is mapped again.
    ///
    /// The failure stays open until the work is settled.
    pub fn retry(&self, failure_id: i64) -> Result<u64> {
        self.database.write("retry a failure", |db| {
            let sql = "SELECT object, meeting_id, item_id FROM failures WHERE id = ?1";
            let found = one(db, sql, [failure_id], |row| {
                let meeting_id: Option<String> = row.get("meeting_id")?;
                let item_id: Option<String> = row.get("item_id")?;
                Ok((word::<Object>(row, "object")?, meeting_id, item_id))
            })?;
            let Some((object, meeting_id, item_id)) = found else {
                return Err(Error::NoFailure(failure_id));
            };
            let Some(meeting_id) = meeting_id else { return Ok(0) };
            run(db, try_again!("id = ?1"), [failure_id])?;
            wake_one(db, object, &meeting_id, item_id.as_deref())
        })
    }

    /// Lets the failed work behind all failures that share the cause of one wait to be done
    /// again, in one transaction, and returns how much it is: none for pulls.
    pub fn retry_alike(&self, failure_id: i64) -> Result<u64> {
        self.database.write("retry failures", |db| {
            let alike = try_again!(
                "(object, code, message) = (
                     SELECT object, code, message FROM failures WHERE id = ?1)"
            );
            run(db, alike, [failure_id])?;
            let sql = "UPDATE works SET state = 'waiting', reason = NULL
                       WHERE state IN ('failed', 'unmatched')
                           AND (object, meeting_id, item_id) IN (
                           SELECT object, other.meeting_id, coalesce(other.item_id, '')
                           FROM failures AS one JOIN failures AS other
                               USING (object, direction, code, message)
                           WHERE one.id = ?1 AND direction = 'push')";
            Ok(run(db, sql, [failure_id])? as u64)
        })
    }

    /// Lets that failed work of an object wait to be done again which nobody has to
    /// mend, and returns how much it is. What was tried too often stays failed.
    pub fn wake_passing(&self, object: Object) -> Result<u64> {
        self.database.write("retry work that time mends", |db| {
            let passing = try_again!("object = ?1 AND mender = ?2 AND attempts < ?3");
            let time = Mender::Time.as_str();
            run(db, passing, params![object.as_str(), time, ATTEMPTS_MAX])?;
            let sql = "UPDATE works SET state = 'waiting', reason = NULL
                       WHERE object = ?1 AND state IN ('failed', 'unmatched') AND EXISTS (
                           SELECT 1 FROM failures
                           WHERE failures.meeting_id = works.meeting_id AND direction = 'push'
                               AND failures.object = works.object
                               AND coalesce(failures.item_id, '') = works.item_id
                               AND mender = ?2 AND attempts < ?3)";
            Ok(run(db, sql, params![object.as_str(), time, ATTEMPTS_MAX])? as u64)
        })
    }

    /// Lets all failed work of an object wait to be done again, and returns how
    /// much it is.
    pub fn wake_failed(&self, object: Object) -> Result<u64> {
        self.database.write("retry failed work", |db| {
            run(db, try_again!("object = ?1"), [object.as_str()])?;
            // Some of it may wait for a record, besides.
            let sql = "UPDATE works SET state = 'waiting', reason = NULL
                       WHERE object = ?1 AND (state = 'failed' OR state = 'unmatched' AND EXISTS (
                           SELECT 1 FROM failures
                           WHERE failures.meeting_id = works.meeting_id AND direction = 'push'
                               AND failures.object = works.object
                               AND coalesce(failures.item_id, '') = works.item_id))";
            Ok(run(db, sql, [object.as_str()])? as u64)
        })
    }

    /// Returns the work of a meeting, in the order in which it came about.
    pub fn work_of(&self, meeting_id: &str) -> Result<Vec<Standing>> {
        self.database.read("read the work of a meeting", |db| {
            let sql = "SELECT * FROM works WHERE meeting_id = ?1 ORDER BY rowid LIMIT ?2";
            all(db, sql, params![meeting_id, WORKS_MAX], |row| {
                Ok(Standing {
                    work: read_work(row)?,
                    state: word(row, "state")?,
                    reason: row.get("reason")?,
                    changed_at: time(row, "changed_at")?,
                })
            })
        })
    }
}

/// Queues all the work of a meeting at its version, and ends that of action
/// items it has no more.
pub(super) fn queue(
    db: &Connection,
    meeting: &Meeting,
    version: u64,
    now: Timestamp,
) -> Result<()> {
    run(db, try_again!("meeting_id = ?1"), [&meeting.id])?;
    for object in Object::ALL {
        queue_one(db, &meeting.id, object, "", version, now)?;
    }
    for item in &meeting.action_items {
        queue_one(db, &meeting.id, Object::Task, &item.id, version, now)?;
    }
    for sql in [
        "DELETE FROM works WHERE meeting_id = ?1 AND object = 'Task' AND item_id IN (
             SELECT item_id FROM items WHERE meeting_id = ?1 AND dropped)",
        "DELETE FROM failures WHERE meeting_id = ?1 AND object = 'Task' AND item_id IN (
             SELECT item_id FROM items WHERE meeting_id = ?1 AND dropped)",
    ] {
        run(db, sql, [&meeting.id])?;
    }
    Ok(())
}

fn queue_one(
    db: &Connection,
    meeting_id: &str,
    object: Object,
    item_id: &str,
    version: u64,
    now: Timestamp,
) -> Result<()> {
    let sql =
        "INSERT INTO works (meeting_id, object, item_id, version, state, queued_at, changed_at)
               VALUES (?1, ?2, ?3, ?4, 'waiting', ?5, ?5)
               ON CONFLICT (meeting_id, object, item_id) DO UPDATE SET
                   version = max(excluded.version, works.version + 1), state = 'waiting',
                   reason = NULL,
                   queued_at = excluded.queued_at, changed_at = excluded.changed_at";
    run(db, sql, params![meeting_id, object.as_str(), item_id, int(version), micros(now)])?;
    Ok(())
}

pub(super) fn end_all(db: &Connection, ends: &[WorkEnd], now: Timestamp) -> Result<()> {
    ends.iter().try_for_each(|end| end_one(db, end, now))
}

fn end_one(db: &Connection, end: &WorkEnd, now: Timestamp) -> Result<()> {
    let work = &end.work;
    let sql = "UPDATE works SET state = ?5, reason = ?6, changed_at = ?7
               WHERE meeting_id = ?1 AND object = ?2 AND item_id = ?3 AND version = ?4";
    let item_id = work.item_id.as_deref();
    let ended = run(
        db,
        sql,
        params![
            work.meeting_id,
            work.object.as_str(),
            item_id.unwrap_or(""),
            int(work.version),
            end.state.as_str(),
            end.reason,
            micros(now),
        ],
    )?;
    if ended == 0 {
        // It was told otherwise meanwhile, and is tried as it is told now.
        let anew = try_again!("object = ?1 AND meeting_id = ?2 AND coalesce(item_id, '') = ?3");
        let key = [work.object.as_str(), &work.meeting_id, item_id.unwrap_or("")];
        return run(db, anew, key).map(|_| ());
    }
    if matches!(end.state, WorkState::Settled | WorkState::Unmatched) && !end.has_failed {
        failures::clear_work(db, work.object, &work.meeting_id, item_id)?;
    }
    let Some(trouble) = &end.trouble else { return Ok(()) };
    let meeting_id = work.meeting_id.clone();
    let subject = match work.item_id.clone() {
        Some(item_id) => Subject::Item { meeting_id, item_id },
        None => Subject::Meeting(meeting_id),
    };
    failures::save(db, Direction::Push, work.object, &subject, trouble, now)
}

/// Lets work that found no record wait to be matched again.
pub(super) fn wake_unmatched(db: &Connection) -> Result<()> {
    for object in Object::ALL {
        let sql = "UPDATE works SET state = 'waiting', reason = NULL
                   WHERE object = ?1 AND state = 'unmatched'";
        run(db, sql, [object.as_str()])?;
    }
    Ok(())
}

/// Lets the work of a meeting for one object wait again that was settled before the meeting
/// matched one of its records.
pub(super) fn wake_own(db: &Connection, meeting_id: &str, object: Object) -> Result<()> {
    let sql = "UPDATE works SET state = 'waiting', reason = NULL, version = version + 1
               WHERE meeting_id = ?1 AND object = ?2 AND state = 'settled' AND object <> 'Task'";
    run(db, sql, [meeting_id, object.as_str()])?;
    Ok(())
}

/// Lets the work of those other meetings wait again that share records with a meeting, where it
/// was settled or is about to be: it may be that another is the latest of a record now.
pub(super) fn wake_neighbours(db: &Connection, meeting_id: &str) -> Result<()> {
    let sql = "UPDATE works SET state = 'waiting', reason = NULL, version = version + 1
               WHERE state IN ('settled', 'waiting') AND object <> 'Task' AND meeting_id IN (
                   SELECT other.meeting_id FROM matches AS own
                       JOIN matches AS other USING (object, record_id)
                   WHERE own.meeting_id = ?1 AND other.meeting_id <> ?1)";
    run(db, sql, [meeting_id]).map(|_| ())
}

/// Lets the work of other meetings that are matched to a record wait again, as
/// [`wake_neighbours`] does.
pub(super) fn wake_others_of(
    db: &Connection,
    meeting_id: &str,
    object: Object,
    record_id: &SalesforceId,
) -> Result<()> {
    let sql = "UPDATE works SET state = 'waiting', reason = NULL, version = version + 1
               WHERE state IN ('settled', 'waiting') AND object <> 'Task' AND meeting_id <> ?1
                   AND meeting_id IN (
                       SELECT meeting_id FROM matches WHERE object = ?2 AND record_id = ?3)";
    run(db, sql, [meeting_id, object.as_str(), record_id.as_str()]).map(|_| ())
}

/// Lets one piece of work with a failure wait again, and returns how much that was.
fn wake_one(
    db: &Connection,
    object: Object,
    meeting_id: &str,
    item_id: Option<&str>,
) -> Result<u64> {
    let sql = "UPDATE works SET state = 'waiting', reason = NULL
               WHERE meeting_id = ?1 AND object = ?2 AND item_id = ?3
                   AND state IN ('failed', 'unmatched')";
    let woken = run(db, sql, params![meeting_id, object.as_str(), item_id.unwrap_or("")])?;
    Ok(woken as u64)
}

fn read_work(row: &Row<'_>) -> rusqlite::Result<Work> {
    let item_id: String = row.get("item_id")?;
    Ok(Work {
        meeting_id: row.get("meeting_id")?,
        item_id: Some(item_id).filter(|id| !id.is_empty()),
        object: word(row, "object")?,
        version: number(row, "version")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Error;
    use crate::store::world::{World, at, mapped, meeting, trouble};

    fn end(world: &World, object: Object, state: WorkState, trouble: Option<Trouble>) {
        let org = world.org();
        let fence = org.claim(object, Direction::Push).unwrap();
        let work = org.waiting(object, 1).unwrap().remove(0);
        let end = WorkEnd { trouble, ..WorkEnd::new(work, state) };
        org.end_work(object, fence, &[end], at(5)).unwrap();
    }

    #[test]
    fn work_waits_in_the_order_in_which_it_came() {
        let world = World::new();
        let org = world.org();
        org.add_meetings(&[meeting("late", vec![])], at(9)).unwrap();
        org.add_meetings(&[meeting("b", vec![]), meeting("a", vec![])], at(3)).unwrap();
        let waiting = org.waiting(Object::Lead, 2).unwrap();
        let ids: Vec<_> = waiting.iter().map(|work| work.meeting_id.as_str()).collect();
        assert_eq!(ids, ["b", "a"]);
        assert_eq!(org.waiting_count(Object::Lead).unwrap(), 3);
    }

    #[test]
    fn unmatched_work_waits_again_once_an_entity_changed() {
        let world = World::new();
        let org = world.org();
        org.add_meetings(&[meeting("m1", vec![])], at(1)).unwrap();
        end(&world, Object::Lead, WorkState::Unmatched, None);
        let row = mapped(1, 1, &[]);
        world.pull(Object::Contact, vec![row.clone()]);
        assert_eq!(org.waiting_count(Object::Lead).unwrap(), 1);

        end(&world, Object::Lead, WorkState::Unmatched, None);
        world.pull(Object::Contact, vec![row]);
        assert_eq!(org.waiting_count(Object::Lead).unwrap(), 0);
        assert_eq!(org.work_counts(Object::Lead).unwrap().unmatched, 1);
    }

    #[test]
    fn failed_work_is_retried_by_its_failure_and_mended_by_its_settling() {
        let world = World::new();
        let org = world.org();
        org.add_meetings(&[meeting("m1", vec![])], at(1)).unwrap();
        end(&world, Object::Contact, WorkState::Failed, Some(trouble("mapping")));
        let failure = org.failures(9).unwrap().remove(0);
        assert_eq!(failure.subject, "m1");
        assert_eq!(org.waiting_count(Object::Contact).unwrap(), 0);

        assert_eq!(org.retry(failure.id).unwrap(), 1);
        end(&world, Object::Contact, WorkState::Failed, Some(trouble("mapping")));
        assert_eq!(org.failures(9).unwrap()[0].attempts, 2);
        assert_eq!(org.wake_failed(Object::Contact).unwrap(), 1);
        end(&world, Object::Contact, WorkState::Settled, None);
        assert_eq!(org.failure_count().unwrap(), 0);
    }

    #[test]
    fn work_is_ended_only_by_who_holds_the_job() {
        let world = World::new();
        let org = world.org();
        org.add_meetings(&[meeting("m1", vec![])], at(1)).unwrap();
        let fence = org.claim(Object::Lead, Direction::Push).unwrap();
        org.claim(Object::Lead, Direction::Push).unwrap();
        let work = org.waiting(Object::Lead, 1).unwrap().remove(0);
        let ends = [WorkEnd::new(work, WorkState::Settled)];
        let error = org.end_work(Object::Lead, fence, &ends, at(2)).unwrap_err();
        assert!(matches!(error, Error::Fenced { .. }));
        assert_eq!(org.waiting_count(Object::Lead).unwrap(), 1);
    }
}
