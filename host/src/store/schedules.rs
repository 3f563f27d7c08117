//! Schedules: when each job runs next.

use jiff::Timestamp;
use rusqlite::params;

use super::database::{one, run};
use super::value::{micros, time};
use super::{Result, Store};
use crate::model::JobKey;

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
        if self.next_at(key)? == expected { self.set_next(key, at) } else { Ok(()) }
    }

    /// Sets when a job runs next.
    pub fn set_next(&self, key: &JobKey, at: Timestamp) -> Result<()> {
        self.control.write("save a schedule", |db| {
            let sql = "INSERT INTO schedules (org, object, direction, next_at) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (org, object, direction) DO UPDATE SET next_at = excluded.next_at";
            let (object, direction) = (key.object.as_str(), key.direction.as_str());
            run(db, sql, params![key.org.as_str(), object, direction, micros(at)])?;
            Ok(())
        })
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
        store.set_next(&pull, at(1)).unwrap();
        store.set_next(&pull, at(20)).unwrap();
        store.set_next(&push, at(10)).unwrap();
        assert_eq!(store.next_at(&pull).unwrap(), Some(at(20)));
        assert_eq!(store.next_at(&push).unwrap(), Some(at(10)));
    }
}
