//! Calls: how many of an org's API calls were ours, over the last 24 hours.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::database::{one, run};
use super::value::{int, micros, number};
use super::{Result, Store};
use crate::model::{Budget, OrgId, Purpose};

/// The time that is counted over.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How long the stretches are by which calls are counted. One that the day begins in
/// counts whole, so what was used is never told too low.
const STRETCH: SignedDuration = SignedDuration::from_mins(10);
/// The shortest time from which it is told what a day will take.
const FORECAST_MIN: SignedDuration = SignedDuration::from_hours(2);

impl Store {
    /// Counts one call, unless the budget has none left for its purpose; both in one
    /// transaction, so that several processes can't pass the limit together. Returns how
    /// the budget stood before, and whether the call may be made.
    pub fn take_call(
        &self,
        org: &OrgId,
        limit: u64,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<(Budget, bool)> {
        self.control.write("count a call", |db| {
            let budget = budget(db, org, limit, now)?;
            let is_allowed = budget.allows(purpose);
            if is_allowed {
                let sql = "INSERT INTO calls (org, at, count) VALUES (?1, ?2, 1)
                           ON CONFLICT (org, at) DO UPDATE SET count = count + 1";
                run(db, sql, params![org.as_str(), stretch(now)])?;
                let old = "DELETE FROM calls WHERE org = ?1 AND at < ?2";
                run(db, old, params![org.as_str(), stretch(day_before(now))])?;
            }
            Ok((budget, is_allowed))
        })
    }

    /// Returns how much of a budget is used.
    pub fn budget(&self, org: &OrgId, limit: u64, now: Timestamp) -> Result<Budget> {
        self.control.read("read how many calls were made", |db| budget(db, org, limit, now))
    }
}

fn budget(db: &Connection, org: &OrgId, limit: u64, now: Timestamp) -> Result<Budget> {
    let sql = "SELECT coalesce(sum(count), 0) AS used, coalesce(min(at), ?3) AS first FROM calls
               WHERE org = ?1 AND at >= ?2";
    let from = stretch(day_before(now));
    let counted = one(db, sql, params![org.as_str(), from, micros(now)], |row| {
        Ok((number(row, "used")?, row.get::<_, i64>("first")?))
    })?;
    let (used, first) = counted.unwrap_or_default();
    let since = SignedDuration::from_micros(micros(now) - first).clamp(FORECAST_MIN, DAY);
    let forecast = used * DAY.as_secs().unsigned_abs() / since.as_secs().unsigned_abs();
    Ok(Budget { used, limit, forecast })
}

fn day_before(now: Timestamp) -> Timestamp {
    now.checked_sub(DAY).unwrap_or(Timestamp::MIN)
}

/// Returns when the stretch began that a moment lies in.
fn stretch(at: Timestamp) -> i64 {
    let length = int(STRETCH.as_micros().unsigned_abs() as u64);
    micros(at).div_euclid(length) * length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::{World, at, org};

    fn take(world: &World, limit: u64, second: i64) -> bool {
        world.store().take_call(&org(), limit, Purpose::Sync, at(second)).unwrap().1
    }

    #[test]
    fn a_budget_is_used_up_and_comes_back_after_a_day() {
        let world = World::new();
        for call in 0..10 {
            assert!(take(&world, 10, 1_000 + call), "call {call}");
        }
        assert!(!take(&world, 10, 1_020));
        assert!(take(&world, 11, 1_020), "the org has more by now");
        assert!(!take(&world, 11, 86_400), "the first calls are not a day old");
        assert!(take(&world, 11, 86_400 + 1_800));
        let budget = world.store().budget(&org(), 11, at(86_400 + 1_800)).unwrap();
        assert_eq!((budget.used, budget.limit), (1, 11));
    }

    #[test]
    fn a_forecast_goes_by_the_time_that_was_counted() {
        let world = World::new();
        let store = world.store();
        for _ in 0..6 {
            take(&world, 100, 0);
        }
        assert_eq!(store.budget(&org(), 100, at(60)).unwrap().forecast, 72);
        assert_eq!(store.budget(&org(), 100, at(6 * 3_600)).unwrap().forecast, 24);
        assert_eq!(store.budget(&org(), 100, at(200_000)).unwrap().forecast, 0);
    }
}
