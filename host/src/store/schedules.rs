//! Schedules: when each job runs next, and what is paused.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::params;

use super::database::{all, one, run};
use super::value::{micros, time, word};
use super::{Result, Store};
use crate::model::{JobKey, Object, OrgId};

impl Store {
    /// Returns when a job runs next; none where it never ran.
    pub fn next_at(&self, key: &JobKey) -> Result<Option<Timestamp>> {
        self.control.read("read a schedule", |db| {
            let sql = "SELECT next_at FROM schedules
                       WHERE org = ?1 AND object = ?2 AND direction = ?3";
            let key = [key.org.as_str(), key.object.as_str(), key.direction.as_str()];
            one(db, sql, key, |row| time(row, "next_at"))
        })
    }

    /// Sets when a job is due next, unless that was set anew since it was
    /// `expected`: a wake must not be put off.
    pub fn set_next_after(
        &self,
        key: &JobKey,
        expected: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<()> {
        self.control.write("save a schedule", |db| {
            let (org, object) = (key.org.as_str(), key.object.as_str());
            let direction = key.direction.as_str();
            match expected {
                Some(expected) => {
                    let sql = "UPDATE schedules SET next_at = ?5
                               WHERE org = ?1 AND object = ?2 AND direction = ?3 AND next_at = ?4";
                    let (expected, at) = (micros(expected), micros(at));
                    run(db, sql, params![org, object, direction, expected, at])
                }
                None => {
                    let sql = "INSERT OR IGNORE INTO schedules (org, object, direction, next_at)
                               VALUES (?1, ?2, ?3, ?4)";
                    run(db, sql, params![org, object, direction, micros(at)])
                }
            }
            .map(|_| ())
        })
    }

    /// Makes a job due now. Each wake gives it another time than it had, by which it is told
    /// from a wake that was heard already.
    pub fn wake(&self, key: &JobKey, now: Timestamp) -> Result<()> {
        self.control.write("save a schedule", |db| {
            let sql =
                "INSERT INTO schedules (org, object, direction, next_at) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (org, object, direction) DO UPDATE SET next_at =
                           iif(next_at BETWEEN ?4 AND ?4 + 999999, next_at + 1, ?4)";
            let (object, direction) = (key.object.as_str(), key.direction.as_str());
            run(db, sql, params![key.org.as_str(), object, direction, micros(now)]).map(|_| ())
        })
    }

    /// Pauses objects of an org, or lets them go on.
    pub fn pause(&self, org: &OrgId, objects: &[Object], pause: bool, at: Timestamp) -> Result<()> {
        self.control.write("save what is paused", |db| {
            for object in objects {
                let (org, object) = (org.as_str(), object.as_str());
                if pause {
                    let sql = "INSERT OR IGNORE INTO pauses (org, object, paused_at)
                               VALUES (?1, ?2, ?3)";
                    run(db, sql, params![org, object, micros(at)])?;
                } else {
                    run(db, "DELETE FROM pauses WHERE org = ?1 AND object = ?2", [org, object])?;
                }
            }
            Ok(())
        })
    }

    /// Returns the objects of an org that are paused, and since when.
    pub fn paused(&self, org: &OrgId) -> Result<BTreeMap<Object, Timestamp>> {
        let paused = self.control.read("read what is paused", |db| {
            let sql = "SELECT object, paused_at FROM pauses WHERE org = ?1";
            all(db, sql, [org.as_str()], |row| {
                Ok((word::<Object>(row, "object")?, time(row, "paused_at")?))
            })
        })?;
        Ok(paused.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Direction, JobKey, Object};
    use crate::store::world::{World, at, org};

    #[test]
    fn each_job_has_a_time_of_its_own() {
        let world = World::new();
        let store = world.store();
        let pull = JobKey { org: org(), object: Object::Task, direction: Direction::Pull };
        let push = JobKey { direction: Direction::Push, ..pull.clone() };
        assert_eq!(store.next_at(&pull).unwrap(), None);
        store.set_next_after(&pull, None, at(1)).unwrap();
        store.set_next_after(&pull, Some(at(1)), at(20)).unwrap();
        store.wake(&push, at(10)).unwrap();
        assert_eq!(store.next_at(&pull).unwrap(), Some(at(20)));
        assert_eq!(store.next_at(&push).unwrap(), Some(at(10)));
    }

    #[test]
    fn a_wake_is_not_put_off_by_a_round_that_began_before_it() {
        let world = World::new();
        let store = world.store();
        let push = JobKey { org: org(), object: Object::Task, direction: Direction::Push };
        store.set_next_after(&push, None, at(5)).unwrap();
        for _ in 0..3 {
            let heard = store.next_at(&push).unwrap();
            store.wake(&push, at(9)).unwrap();
            store.set_next_after(&push, heard, at(7_200)).unwrap();
            let next = store.next_at(&push).unwrap().unwrap();
            assert!(next < at(10), "{next}");
        }
    }

    #[test]
    fn what_is_paused_stays_so_until_it_is_let_go_on() {
        let world = World::new();
        let store = world.store();
        for second in [1, 2] {
            store.pause(&org(), &[Object::Task, Object::Lead], true, at(second)).unwrap();
        }
        store.pause(&org(), &[Object::Lead], false, at(3)).unwrap();
        let paused: Vec<_> = store.paused(&org()).unwrap().into_iter().collect();
        assert_eq!(paused, [(Object::Task, at(1))]);
    }
}
