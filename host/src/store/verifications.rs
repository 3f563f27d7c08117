//! Verifications: what the org says that it has, held against what is stored.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Row, params};
use sha2::{Digest, Sha256};

use super::database::{one, run};
use super::value::{fields, hash, json, micros, number, time, to_json, word};
use super::{OrgStore, Result, jsonb};
use crate::model::{Object, SalesforceId, Tally, Value, Verified, Window};

/// For how long a listing that was stopped is gone on with: after that, too much of what was
/// seen may be otherwise.
const KEPT: SignedDuration = SignedDuration::from_hours(8);

const SEEN: &str = "
    SELECT record_id, modified_at, hash FROM seen WHERE object = ?1 ORDER BY record_id";
const STORED: &str = "
    SELECT record_id, modified_at,
        source IS NOT NULL AND state NOT IN ('deleted', 'hidden', 'unselected') AS live,
        CASE WHEN ?2 THEN json(source) END AS source
    FROM sources WHERE object = ?1 ORDER BY record_id";

/// A record as the org says it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    /// The record.
    pub id: SalesforceId,
    /// Its `SystemModstamp`.
    pub modified_at: Timestamp,
    /// Its derived values, one for each derived column.
    pub derived: Vec<Value>,
}

/// What of an object differs between the org and the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Records that the org has and the store lacks, or has another state of.
    pub missing: Vec<SalesforceId>,
    /// Records whose formulas or parents' fields are others by now.
    pub outdated: Vec<SalesforceId>,
    /// Records that the store has and the org did not show.
    pub surplus: Vec<SalesforceId>,
    /// How many records the store has, whether they differ or not.
    pub stored: u64,
}

impl OrgStore {
    /// Begins a verification of an object, or goes on with one that was stopped while records
    /// were listed; returns up to when all was pulled that is looked at, and the last record
    /// that was seen.
    ///
    /// `reading` tells what is read of each record, and `covered`, up to when, by
    /// Salesforce's clock, all was pulled.
    pub fn begin_verification(
        &self,
        object: Object,
        reading: &str,
        covered: Timestamp,
        now: Timestamp,
    ) -> Result<(Timestamp, Option<SalesforceId>)> {
        self.database.write("begin a verification", |db| {
            let sql = "SELECT covered, after FROM verifications
                       WHERE object = ?1 AND reading = ?2 AND began_at >= ?3
                           AND after IS NOT NULL AND covered IS NOT NULL";
            let oldest = micros(now.checked_sub(KEPT).unwrap_or(Timestamp::MIN));
            let under_way = params![object.as_str(), reading, oldest];
            let last = |row: &Row<'_>| Ok((time(row, "covered")?, Some(word(row, "after")?)));
            if let Some(under_way) = one(db, sql, under_way, last)? {
                return Ok(under_way);
            }
            run(db, "DELETE FROM seen WHERE object = ?1", [object.as_str()])?;
            let sql = "INSERT INTO verifications (object, began_at, reading, covered)
                       VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (object) DO UPDATE SET
                           began_at = excluded.began_at, reading = excluded.reading,
                           covered = excluded.covered, after = NULL";
            run(db, sql, params![object.as_str(), micros(now), reading, micros(covered)])?;
            Ok((covered, None))
        })
    }

    /// Adds records that the org shows. A verification that is stopped goes on behind
    /// `after`, where they come in the order of their ids; without it, it begins anew.
    pub fn see(
        &self,
        object: Object,
        derived: &[String],
        sights: &[Sight],
        after: Option<&SalesforceId>,
    ) -> Result<()> {
        self.database.write("note what the org has", |db| {
            let mut insert = db.prepare_cached(
                "INSERT OR REPLACE INTO seen (object, record_id, modified_at, hash)
                 VALUES (?1, ?2, ?3, ?4)",
            )?;
            let mut bytes = Vec::new();
            for Sight { id, modified_at, derived: values } in sights {
                let hash = derived_hash(&mut bytes, derived, |place| values.get(place));
                let at = micros(*modified_at);
                insert.execute(params![object.as_str(), id.as_str(), at, hash])?;
            }
            let sql = "UPDATE verifications SET after = ?2 WHERE object = ?1";
            run(db, sql, params![object.as_str(), after.map(|id| id.as_str())]).map(|_| ())
        })
    }

    /// Holds what was seen of an object against what is stored: by months of their stamps,
    /// and record by record. What was saved after `covered` may not have been pulled yet, and
    /// is left out; what no pull brings is found whatever its stamp.
    pub fn compare(
        &self,
        object: Object,
        derived: &[String],
        covered: Timestamp,
    ) -> Result<(Vec<Window>, Difference)> {
        self.database.read("compare the org and the store", |db| {
            let mut windows: BTreeMap<String, [Tallying; 2]> = BTreeMap::new();
            let mut difference = Difference::default();
            let mut stored = db.prepare_cached(STORED)?;
            let mut bytes = Vec::new();
            let with_source = !derived.is_empty();
            let mut stored = stored.query_map(params![object.as_str(), with_source], |row| {
                stored_side(row, derived, &mut bytes)
            })?;
            let mut seen = db.prepare_cached(SEEN)?;
            let mut seen = seen.query_map([object.as_str()], seen_side)?;
            let covered = micros(covered);
            let (mut next_ours, mut next_theirs) =
                (stored.next().transpose()?, seen.next().transpose()?);
            loop {
                let order = match (&next_ours, &next_theirs) {
                    (None, None) => break,
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (Some(ours), Some(theirs)) => ours.id.cmp(&theirs.id),
                };
                let (mut ours, mut theirs) = (None, None);
                if order.is_le() {
                    ours = std::mem::replace(&mut next_ours, stored.next().transpose()?);
                }
                if order.is_ge() {
                    theirs = std::mem::replace(&mut next_theirs, seen.next().transpose()?);
                }
                difference.stored += u64::from(ours.as_ref().is_some_and(|ours| ours.live));
                if is_left_to_pull(theirs.as_ref(), ours.as_ref(), covered) {
                    continue;
                }
                for (place, row) in [&theirs, &ours].into_iter().enumerate() {
                    let Some(row) = row.as_ref().filter(|row| row.live) else { continue };
                    windows.entry(month(row.at)).or_default()[place].add(row);
                }
                match (theirs, ours) {
                    (Some(theirs), Some(ours)) if !ours.live || ours.at != theirs.at => {
                        difference.missing.push(theirs.id);
                    }
                    (Some(theirs), Some(ours)) if ours.hash != theirs.hash => {
                        difference.outdated.push(theirs.id);
                    }
                    (Some(theirs), None) => difference.missing.push(theirs.id),
                    (None, Some(ours)) if ours.live => difference.surplus.push(ours.id),
                    _ => {}
                }
            }
            let windows = windows.into_iter().map(|(month, [org, store])| Window {
                month,
                org: org.end(),
                store: store.end(),
            });
            Ok((windows.collect(), difference))
        })
    }

    /// Ends a verification and keeps what it found; what was seen is forgotten.
    pub fn end_verification(&self, verified: &Verified) -> Result<()> {
        self.database.write("end a verification", |db| {
            let object = verified.object.as_str();
            run(db, "DELETE FROM seen WHERE object = ?1", [object])?;
            let sql = "UPDATE verifications SET verified_at = ?2, report = ?3, began_at = NULL,
                           reading = NULL, after = NULL, failed_at = NULL
                       WHERE object = ?1";
            run(db, sql, params![object, micros(verified.at), to_json(verified)]).map(|_| ())
        })
    }

    /// Notes that a verification of an object failed.
    pub fn fail_verification(&self, object: Object, now: Timestamp) -> Result<()> {
        self.database.write("note that a verification failed", |db| {
            let sql = "INSERT INTO verifications (object, failed_at) VALUES (?1, ?2)
                       ON CONFLICT (object) DO UPDATE SET failed_at = excluded.failed_at";
            run(db, sql, params![object.as_str(), micros(now)]).map(|_| ())
        })
    }

    /// Returns when a verification of an object failed last; none where one has ended since.
    pub fn verification_failed_at(&self, object: Object) -> Result<Option<Timestamp>> {
        self.database.read("read when a verification failed", |db| {
            let sql = "SELECT failed_at FROM verifications
                       WHERE object = ?1 AND failed_at IS NOT NULL";
            one(db, sql, [object.as_str()], |row| time(row, "failed_at"))
        })
    }

    /// Returns what the last verification of an object found.
    pub fn verified(&self, object: Object) -> Result<Option<Verified>> {
        self.database.read("read a verification", |db| {
            let sql = "SELECT report FROM verifications
                       WHERE object = ?1 AND report IS NOT NULL";
            one(db, sql, [object.as_str()], |row| json(row, "report"))
        })
    }

    /// Returns of how many records of an object something is stored.
    pub fn source_count(&self, object: Object) -> Result<u64> {
        self.database.read("count what is stored", |db| {
            let sql = "SELECT count(*) AS sources FROM sources WHERE object = ?1";
            Ok(one(db, sql, [object.as_str()], |row| number(row, "sources"))?.unwrap_or_default())
        })
    }

    /// Returns when an object was first read whole or last verified; none before that.
    pub fn checked_at(&self, object: Object) -> Result<Option<Timestamp>> {
        if let Some(verified) = self.verified(object)? {
            return Ok(Some(verified.at));
        }
        self.database.read("read when an object was imported", |db| {
            let sql = "SELECT imported_at FROM jobs
                       WHERE object = ?1 AND direction = 'pull' AND imported_at IS NOT NULL";
            one(db, sql, [object.as_str()], |row| time(row, "imported_at"))
        })
    }
}

/// A record on either side.
struct Side {
    id: SalesforceId,
    at: i64,
    hash: Vec<u8>,
    /// Whether it counts: the org shows what it has alone, the store keeps more.
    live: bool,
}

/// Tells whether a difference is left to the next pull: it brings what bears a stamp that the
/// store lacks. It doesn't tell of a record that is gone, nor of one whose stamp is the same.
fn is_left_to_pull(theirs: Option<&Side>, ours: Option<&Side>, covered: i64) -> bool {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => theirs.at != ours.at && theirs.at.max(ours.at) > covered,
        (Some(theirs), None) => theirs.at > covered,
        (None, _) => false,
    }
}

fn seen_side(row: &Row<'_>) -> rusqlite::Result<Side> {
    let (id, at) = (word(row, "record_id")?, row.get("modified_at")?);
    Ok(Side { id, at, hash: row.get("hash")?, live: true })
}

fn stored_side(row: &Row<'_>, derived: &[String], bytes: &mut Vec<u8>) -> rusqlite::Result<Side> {
    let (id, at, live) = (word(row, "record_id")?, row.get("modified_at")?, row.get("live")?);
    let mut hash = Vec::new();
    if live && !derived.is_empty() {
        let source = fields(row, "source")?;
        hash = derived_hash(bytes, derived, |place| {
            let named = |(name, _): &&(String, Value)| *name == derived[place];
            source.iter().find(named).map(|(_, value)| value)
        });
    }
    Ok(Side { id, at, hash, live })
}

/// Returns the hash of derived values; nothing, where there are none.
fn derived_hash<'a>(
    bytes: &mut Vec<u8>,
    derived: &'a [String],
    value: impl Fn(usize) -> Option<&'a Value>,
) -> Vec<u8> {
    if derived.is_empty() {
        return Vec::new();
    }
    let values = derived.iter().enumerate();
    let values = values.map(|(place, name)| (name.as_str(), value(place).unwrap_or(&Value::Null)));
    jsonb::write(bytes, values);
    hash(bytes).to_vec()
}

fn month(at: i64) -> String {
    let at = Timestamp::from_microsecond(at).unwrap_or_default();
    Offset::UTC.to_datetime(at).strftime("%Y-%m").to_string()
}

/// Counts and hashes records in the order of their ids.
#[derive(Default)]
struct Tallying {
    count: u64,
    hash: Sha256,
}

impl Tallying {
    fn add(&mut self, row: &Side) {
        self.count += 1;
        self.hash.update(row.id.as_str());
        self.hash.update(row.at.to_le_bytes());
    }

    fn end(self) -> Tally {
        let hash = self.hash.finalize();
        let hash = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Tally { count: self.count, hash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::{World, at, deleted, id, named};

    const OBJECT: Object = Object::Contact;

    fn sight(number: u32, stamp: i64, name: &str) -> Sight {
        Sight { id: id(number), modified_at: at(stamp), derived: vec![name.into()] }
    }

    fn found(world: &World, sights: &[Sight]) -> (Vec<Window>, Difference) {
        let (org, derived) = (world.org(), ["name".to_owned()]);
        let begun = org.begin_verification(OBJECT, "reading", at(100), at(9_000)).unwrap();
        assert_eq!(begun, (at(100), None));
        org.see(OBJECT, &derived, sights, None).unwrap();
        org.compare(OBJECT, &derived, at(100)).unwrap()
    }

    #[test]
    fn a_store_that_has_all_has_the_same_count_and_hash() {
        let world = World::new();
        let month = 3_000_000;
        world.pull(OBJECT, vec![named(1, 1, "Ann"), named(2, 2, "Bob"), deleted(2, 3)]);
        let (windows, difference) = found(&world, &[sight(1, 1, "Ann"), sight(3, month, "Eve")]);
        let same = Difference { stored: 1, ..Difference::default() };
        assert_eq!(difference, same, "what is younger is left to the pull");
        let [window] = &windows[..] else { panic!("{windows:?}") };
        assert_eq!((window.month.as_str(), window.org.count), ("1970-01", 1));
        assert_eq!(window.org, window.store);
    }

    #[test]
    fn every_difference_is_found_and_told_from_the_others() {
        let world = World::new();
        let rows = [
            named(1, 1, "Same"),
            named(2, 2, "Older"),
            named(3, 3, "Formula"),
            named(4, 4, "Gone"),
            named(5, 5, "Back"),
            deleted(5, 6),
        ];
        world.pull(OBJECT, rows.to_vec());
        let sights = [
            sight(1, 1, "Same"),
            sight(2, 9, "Newer"),
            sight(3, 3, "Other"),
            sight(5, 6, "Back"),
            sight(6, 6, "New"),
        ];
        let (windows, difference) = found(&world, &sights);
        assert_eq!(difference.missing, [id(2), id(5), id(6)]);
        assert_eq!(difference.outdated, [id(3)]);
        assert_eq!(difference.surplus, [id(4)]);
        assert_eq!(difference.stored, 4);
        assert_eq!((windows[0].org.count, windows[0].store.count), (5, 4));
        assert_ne!(windows[0].org.hash, windows[0].store.hash);
    }

    #[test]
    fn what_no_pull_brings_is_found_whatever_its_stamp() {
        let world = World::new();
        let rows = [
            named(1, 200, "Gone"),
            named(2, 200, "Formula"),
            named(3, 200, "Pulled since"),
            named(4, 50, "Saved since"),
        ];
        world.pull(OBJECT, rows.to_vec());
        let sights = [
            sight(2, 200, "Other"),
            sight(3, 50, "Before"),
            sight(4, 200, "After"),
            sight(5, 200, "New"),
        ];
        let (_, difference) = found(&world, &sights);
        let (outdated, surplus) = (vec![id(2)], vec![id(1)]);
        assert_eq!(difference, Difference { missing: vec![], outdated, surplus, stored: 4 });
    }

    #[test]
    fn a_state_with_a_younger_stamp_than_the_orgs_is_another() {
        let world = World::new();
        world.pull(OBJECT, vec![named(1, 9, "Ann")]);
        let (_, difference) = found(&world, &[sight(1, 5, "Ann")]);
        assert_eq!(difference.missing, [id(1)]);
    }

    #[test]
    fn one_that_failed_is_noted_until_one_ends() {
        let world = World::new();
        let org = world.org();
        let failed_at = || org.verification_failed_at(OBJECT).unwrap();
        assert_eq!(failed_at(), None);
        org.fail_verification(OBJECT, at(5)).unwrap();
        org.fail_verification(OBJECT, at(6)).unwrap();
        assert_eq!((failed_at(), org.checked_at(OBJECT).unwrap()), (Some(at(6)), None));
        org.begin_verification(OBJECT, "reading", at(1), at(7)).unwrap();
        assert_eq!(failed_at(), Some(at(6)));
        let verified = Verified {
            object: OBJECT,
            at: at(8),
            covered: at(1),
            windows: vec![],
            missing: 0,
            refreshed: 0,
            deleted: 0,
            hidden: 0,
            unselected: 0,
            calls: 1,
        };
        org.end_verification(&verified).unwrap();
        assert_eq!((failed_at(), org.checked_at(OBJECT).unwrap()), (None, Some(at(8))));
    }

    #[test]
    fn one_that_was_stopped_in_its_listing_goes_on_where_it_was_for_some_hours() {
        let world = World::new();
        let org = world.org();
        let begin = |reading: &str, second| {
            let begun = org.begin_verification(OBJECT, reading, at(second + 1), at(second));
            begun.map(|(covered, after)| (covered.as_second(), after)).unwrap()
        };
        assert_eq!(begin("a", 0), (1, None));
        org.see(OBJECT, &[], &[sight(1, 1, ""), sight(2, 1, "")], Some(&id(2))).unwrap();
        assert_eq!(begin("a", 60), (1, Some(id(2))), "what came since is not looked at");
        assert_eq!(begin("b", 60), (61, None), "other fields are read now");
        org.see(OBJECT, &[], &[sight(3, 1, "")], Some(&id(3))).unwrap();
        assert_eq!(begin("b", 40_000), (40_001, None), "it is too long ago");
        org.see(OBJECT, &[], &[sight(4, 1, "")], None).unwrap();
        assert_eq!(
            begin("b", 40_060),
            (40_061, None),
            "all was listed, and may be otherwise by now"
        );
    }
}
