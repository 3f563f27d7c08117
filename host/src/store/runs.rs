//! Runs: the history of every job, and how much of the API the org has used.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use ulid::Ulid;

use super::database::{all, one, run};
use super::value::{int, micros, number, time, time_or_none, word};
use super::{Error, Result, Store};
use crate::model::{Counts, Ending, JobKey, OrgId, Problem, Run, Usage};

/// How many runs of an org are kept: some weeks of them.
const RUNS_KEPT: u32 = 5_000;

/// How many runs without a change are suspicious: a day of them, at two hours.
const QUIET_RUNS: usize = 12;
/// How many runs before them are looked at.
const LIVELY_RUNS: usize = 24;

const DIED: &str = "its process ended before the run did";

impl Store {
    /// Begins a run, in one transaction with the end of those that never ended:
    /// a job runs once at a time, so their process is gone.
    ///
    /// The oldest runs of the org are forgotten.
    pub fn start_run(&self, key: &JobKey, at: Timestamp) -> Result<Run> {
        self.control.write("begin a run", |db| {
            end_dead(db, key, at)?;
            let run = Run {
                id: new_id(db, at)?,
                key: key.clone(),
                started_at: at,
                ended_at: None,
                ending: None,
                counts: Counts::default(),
                spent: None,
            };
            insert(db, &run)?;
            forget_oldest(db, &key.org)?;
            Ok(run)
        })
    }

    /// Adds to what a run did.
    pub fn count(&self, run_id: &str, more: Counts) -> Result<()> {
        self.control.write("count for a run", |db| {
            let sql = "UPDATE runs SET
                           pulled = pulled + ?2, mapped = mapped + ?3, unchanged = unchanged + ?4,
                           deleted = deleted + ?5, skipped = skipped + ?6, failed = failed + ?7,
                           pushed = pushed + ?8, calls = calls + ?9
                       WHERE id = ?1";
            let counts = params![
                run_id,
                int(more.pulled),
                int(more.mapped),
                int(more.unchanged),
                int(more.deleted),
                int(more.skipped),
                int(more.failed),
                int(more.pushed),
                int(more.calls),
            ];
            match run(db, sql, counts)? {
                0 => Err(Error::NoRun(run_id.to_owned())),
                _ => Ok(()),
            }
        })
    }

    /// Ends a run. One that was already given up stays as it was left.
    pub fn end_run(&self, run_id: &str, at: Timestamp, ending: &Ending) -> Result<()> {
        self.control.write("end a run", |db| {
            if one(db, "SELECT 1 FROM runs WHERE id = ?1", [run_id], |_| Ok(()))?.is_none() {
                return Err(Error::NoRun(run_id.to_owned()));
            }
            let problem = match ending {
                Ending::Broken(problem) => Some(problem),
                Ending::Complete | Ending::Stopped => None,
            };
            let sql = "UPDATE runs SET ended_at = ?2, ending = ?3, message = ?4, at = ?5, hint = ?6
                       WHERE id = ?1 AND ended_at IS NULL";
            let values = params![
                run_id,
                micros(at),
                ending_word(ending),
                problem.map(|problem| &problem.message),
                problem.and_then(|problem| problem.at.as_ref()),
                problem.and_then(|problem| problem.hint.as_ref()),
            ];
            run(db, sql, values)?;
            Ok(())
        })
    }

    /// Returns the runs of an org, the newest first.
    pub fn runs(&self, org: &OrgId, limit: u32) -> Result<Vec<Run>> {
        self.control.read("read the runs", |db| {
            let sql = "SELECT * FROM runs WHERE org = ?1 ORDER BY sequence DESC LIMIT ?2";
            all(db, sql, params![org.as_str(), limit], read_run)
        })
    }

    /// Returns the newest run of a job.
    pub fn last_run(&self, key: &JobKey) -> Result<Option<Run>> {
        self.control.read("read a run", |db| {
            let sql = "SELECT * FROM runs WHERE org = ?1 AND object = ?2 AND direction = ?3
                       ORDER BY sequence DESC LIMIT 1";
            let key = [key.org.as_str(), key.object.as_str(), key.direction.as_str()];
            one(db, sql, key, read_run)
        })
    }

    /// Returns the last run of a job that tells how the job stands: one that came to its end or
    /// could not go on, not one that was stopped or goes on.
    pub fn last_verdict(&self, key: &JobKey) -> Result<Option<Run>> {
        self.control.read("read a run", |db| {
            let sql = "SELECT * FROM runs WHERE org = ?1 AND object = ?2 AND direction = ?3
                           AND ending IN ('complete', 'broken')
                       ORDER BY sequence DESC LIMIT 1";
            let key = [key.org.as_str(), key.object.as_str(), key.direction.as_str()];
            one(db, sql, key, read_run)
        })
    }

    /// Returns when a job was last done to its end.
    pub fn completed_at(&self, key: &JobKey) -> Result<Option<Timestamp>> {
        let found = self.control.read("read a run", |db| {
            let sql = "SELECT ended_at FROM runs
                       WHERE org = ?1 AND object = ?2 AND direction = ?3 AND ending = 'complete'
                       ORDER BY sequence DESC LIMIT 1";
            let key = [key.org.as_str(), key.object.as_str(), key.direction.as_str()];
            one(db, sql, key, |row| time_or_none(row, "ended_at"))
        })?;
        Ok(found.flatten())
    }

    /// Returns since when a job finds nothing any more, where it used to: its last runs
    /// brought no change, and of those before them most did.
    pub fn quiet_since(&self, key: &JobKey) -> Result<Option<Timestamp>> {
        let runs = self.control.read("read the runs", |db| {
            let sql = "SELECT started_at, mapped + deleted > 0 AS changed FROM runs
                       WHERE org = ?1 AND object = ?2 AND direction = ?3 AND ending = 'complete'
                       ORDER BY sequence DESC LIMIT ?4";
            let (object, direction) = (key.object.as_str(), key.direction.as_str());
            let limit = (QUIET_RUNS + LIVELY_RUNS) as u32;
            all(db, sql, params![key.org.as_str(), object, direction, limit], |row| {
                Ok((time(row, "started_at")?, row.get::<_, bool>("changed")?))
            })
        })?;
        if runs.len() < QUIET_RUNS + LIVELY_RUNS {
            return Ok(None);
        }
        let (quiet, before) = runs.split_at(QUIET_RUNS);
        let lively = before.iter().filter(|(_, changed)| *changed).count();
        let is_quiet = quiet.iter().all(|(_, changed)| !changed) && lively * 2 > LIVELY_RUNS;
        let last = before.iter().find(|(_, changed)| *changed);
        Ok(last.filter(|_| is_quiet).map(|(at, _)| *at))
    }

    /// Saves how much of the org's API calls are used, as Salesforce says.
    pub fn save_usage(&self, org: &OrgId, usage: Usage, at: Timestamp) -> Result<()> {
        self.control.write("save the usage of an org", |db| {
            let sql = "INSERT INTO usages (org, used, allowed, seen_at) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (org) DO UPDATE SET used = excluded.used,
                           allowed = excluded.allowed, seen_at = excluded.seen_at";
            let values = params![org.as_str(), int(usage.used), int(usage.allowed), micros(at)];
            run(db, sql, values)?;
            Ok(())
        })
    }

    /// Returns how much of the org's API calls was used, and when that was.
    pub fn usage(&self, org: &OrgId) -> Result<Option<(Usage, Timestamp)>> {
        self.control.read("read the usage of an org", |db| {
            let sql = "SELECT used, allowed, seen_at FROM usages WHERE org = ?1";
            one(db, sql, [org.as_str()], |row| {
                let usage = Usage { used: number(row, "used")?, allowed: number(row, "allowed")? };
                Ok((usage, time(row, "seen_at")?))
            })
        })
    }
}

/// Returns an id that no run has: the time, and where it stands in the history.
fn new_id(db: &Connection, at: Timestamp) -> Result<String> {
    let sql = "SELECT coalesce(max(sequence), 0) + 1 AS next FROM runs";
    let next = one(db, sql, [], |row| number(row, "next"))?.unwrap_or_default();
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    Ok(Ulid::from_parts(millis, u128::from(next)).to_string())
}

fn end_dead(db: &Connection, key: &JobKey, at: Timestamp) -> Result<()> {
    let sql = "UPDATE runs SET ended_at = ?4, ending = 'broken', message = ?5
               WHERE org = ?1 AND object = ?2 AND direction = ?3 AND ended_at IS NULL";
    let (object, direction) = (key.object.as_str(), key.direction.as_str());
    run(db, sql, params![key.org.as_str(), object, direction, micros(at), DIED])?;
    Ok(())
}

fn insert(db: &Connection, new: &Run) -> Result<()> {
    let sql =
        "INSERT INTO runs (id, org, object, direction, started_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (object, direction) = (new.key.object.as_str(), new.key.direction.as_str());
    let started_at = micros(new.started_at);
    run(db, sql, params![new.id, new.key.org.as_str(), object, direction, started_at])?;
    Ok(())
}

fn forget_oldest(db: &Connection, org: &OrgId) -> Result<()> {
    let sql = "DELETE FROM runs
               WHERE org = ?1 AND ended_at IS NOT NULL AND sequence <= (
                   SELECT sequence FROM runs WHERE org = ?1
                   ORDER BY sequence DESC LIMIT 1 OFFSET ?2)";
    run(db, sql, params![org.as_str(), RUNS_KEPT])?;
    Ok(())
}

fn ending_word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Complete => "complete",
        Ending::Stopped => "stopped",
        Ending::Broken(_) => "broken",
    }
}

fn read_run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let ending: Option<String> = row.get("ending")?;
    let ending = match ending.as_deref() {
        None => None,
        Some("complete") => Some(Ending::Complete),
        Some("stopped") => Some(Ending::Stopped),
        Some(_) => Some(Ending::Broken(Problem {
            message: row.get("message")?,
            at: row.get("at")?,
            hint: row.get("hint")?,
        })),
    };
    Ok(Run {
        id: row.get("id")?,
        key: JobKey {
            org: word(row, "org")?,
            object: word(row, "object")?,
            direction: word(row, "direction")?,
        },
        started_at: time(row, "started_at")?,
        ended_at: time_or_none(row, "ended_at")?,
        ending,
        counts: Counts {
            pulled: number(row, "pulled")?,
            mapped: number(row, "mapped")?,
            unchanged: number(row, "unchanged")?,
            deleted: number(row, "deleted")?,
            skipped: number(row, "skipped")?,
            failed: number(row, "failed")?,
            pushed: number(row, "pushed")?,
            calls: number(row, "calls")?,
        },
        spent: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Direction, Object};
    use crate::store::world::{World, at, org};

    fn key(object: Object) -> JobKey {
        JobKey { org: org(), object, direction: Direction::Pull }
    }

    #[test]
    fn a_run_adds_up_what_it_did_and_ends_once() {
        let world = World::new();
        let store = world.store();
        let run = store.start_run(&key(Object::Lead), at(0)).unwrap();
        let counts = Counts { pulled: 3, mapped: 2, failed: 1, calls: 1, ..Counts::default() };
        store.count(&run.id, counts).unwrap();
        store.count(&run.id, counts).unwrap();
        let problem = Problem {
            message: "the mapping is gone".to_owned(),
            at: Some("contact.js".to_owned()),
            hint: None,
        };
        store.end_run(&run.id, at(5), &Ending::Broken(problem.clone())).unwrap();
        store.end_run(&run.id, at(6), &Ending::Complete).unwrap();

        let last = store.last_run(&key(Object::Lead)).unwrap().unwrap();
        assert_eq!((last.counts.pulled, last.counts.failed, last.counts.calls), (6, 2, 2));
        assert_eq!(last.ended_at, Some(at(5)));
        assert_eq!(last.ending, Some(Ending::Broken(problem)));
        assert!(matches!(store.count("none", counts), Err(Error::NoRun(_))));
        assert!(matches!(store.end_run("none", at(1), &Ending::Stopped), Err(Error::NoRun(_))));
    }

    #[test]
    fn a_run_whose_process_died_is_ended_by_the_next_of_its_job_alone() {
        let world = World::new();
        let store = world.store();
        let dead = store.start_run(&key(Object::Lead), at(0)).unwrap();
        let other = store.start_run(&key(Object::Task), at(1)).unwrap();
        let next = store.start_run(&key(Object::Lead), at(2)).unwrap();
        let runs = store.runs(&org(), 9).unwrap();
        let ids: Vec<_> = runs.iter().map(|run| &run.id).collect();
        assert_eq!(ids, [&next.id, &other.id, &dead.id]);
        assert!(runs[0].ended_at.is_none() && runs[1].ended_at.is_none());
        assert_eq!(runs[2].ended_at, Some(at(2)));
        let Some(Ending::Broken(problem)) = &runs[2].ending else { panic!("{:?}", runs[2]) };
        assert_eq!(problem.message, DIED);
    }

    #[test]
    fn only_the_newest_runs_are_kept_and_never_one_under_way_lost() {
        let world = World::new();
        let store = world.store();
        let under_way = store.start_run(&key(Object::Lead), at(0)).unwrap();
        let filler = "WITH RECURSIVE numbers (n) AS (
                          SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
                      INSERT INTO runs (id, org, object, direction, started_at, ended_at, ending)
                      SELECT 'old' || n, ?1, 'Task', 'pull', 0, 0, 'complete' FROM numbers";
        let org = org();
        store.control.lock().execute(filler, params![org.as_str(), RUNS_KEPT + 5]).unwrap();
        let newest = store.start_run(&key(Object::Task), at(9)).unwrap();
        let runs = store.runs(&org, RUNS_KEPT * 2).unwrap();
        assert_eq!(runs.len() as u32, RUNS_KEPT + 1);
        assert_eq!(runs[0].id, newest.id);
        assert_eq!(runs.last().unwrap().id, under_way.id);
    }

    #[test]
    fn an_object_that_used_to_change_and_does_not_any_more_is_quiet() {
        let world = World::new();
        let store = world.store();
        let mut second = 0;
        let mut runs = |count: usize, changed: bool| {
            for _ in 0..count {
                second += 1;
                let run = store.start_run(&key(Object::Lead), at(second)).unwrap();
                let counts = Counts { mapped: u64::from(changed), ..Counts::default() };
                store.count(&run.id, counts).unwrap();
                store.end_run(&run.id, at(second), &Ending::Complete).unwrap();
            }
            store.quiet_since(&key(Object::Lead)).unwrap()
        };
        assert_eq!(runs(11, false), None);
        assert_eq!(runs(13, true), None);
        assert_eq!(runs(QUIET_RUNS - 1, false), None);
        assert_eq!(runs(1, false), Some(at(24)));
        assert_eq!(runs(1, true), None);
    }

    #[test]
    fn usage_is_the_last_that_was_seen() {
        let world = World::new();
        let store = world.store();
        assert_eq!(store.usage(&org()).unwrap(), None);
        for used in [5, 7] {
            let usage = Usage { used, allowed: 100 };
            store.save_usage(&org(), usage, at(used as i64)).unwrap();
            assert_eq!(store.usage(&org()).unwrap(), Some((usage, at(used as i64))));
        }
    }
}
