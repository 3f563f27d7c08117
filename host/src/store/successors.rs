//! Successors: what records became, so that an old id always leads somewhere.

use rusqlite::{Connection, params};

use super::database::{all, one, run};
use super::failures::try_again;
use super::value::word;
use super::{OrgStore, Result, rereads};
use crate::model::{Object, SalesforceId};

/// How many steps are followed from one record to what became of it.
const STEPS_MAX: usize = 20;

impl OrgStore {
    /// Returns what a record became at last: the one that it was merged into, or what a
    /// lead was converted to. Nothing, where it is what it was.
    pub fn became(&self, object: Object, id: &SalesforceId) -> Result<Vec<(Object, SalesforceId)>> {
        self.database.read("read what a record became", |db| {
            let mut last = Vec::new();
            let mut open = next(db, object, id)?;
            for _ in 0..STEPS_MAX {
                let Some((object, id)) = open.pop() else { break };
                match next(db, object, &id)? {
                    further if further.is_empty() => last.push((object, id)),
                    further => open.extend(further),
                }
            }
            last.sort();
            last.dedup();
            Ok(last)
        })
    }
}

fn next(db: &Connection, object: Object, id: &SalesforceId) -> Result<Vec<(Object, SalesforceId)>> {
    let sql = "SELECT becomes, becomes_id FROM successors WHERE object = ?1 AND record_id = ?2";
    all(db, sql, [object.as_str(), id.as_str()], |row| {
        Ok((word(row, "becomes")?, word(row, "becomes_id")?))
    })
}

/// Notes what a record became. What hung on it hangs on that from now on: matches of
/// meetings, work that failed on it or was never its own; and where it `was_known`, the records that refer to it
/// are read again.
pub(super) fn note(
    db: &Connection,
    object: Object,
    id: &SalesforceId,
    became: &[(Object, SalesforceId)],
    was_known: bool,
) -> Result<()> {
    for (becomes, successor) in became {
        let sql = "INSERT INTO successors (object, record_id, becomes, becomes_id)
                   VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (object, record_id, becomes)
                   DO UPDATE SET becomes_id = excluded.becomes_id
                   WHERE becomes_id <> excluded.becomes_id";
        let (from, to) = (object.as_str(), becomes.as_str());
        if run(db, sql, [from, id.as_str(), to, successor.as_str()])? == 0 {
            continue;
        }
        if was_known {
            rereads::want(db, *becomes, successor)?;
        }
        if is_heir(object, *becomes) {
            inherit(db, (object, id), last_heir(db, *becomes, successor)?)?;
        }
    }
    Ok(())
}

/// Tells whether what hangs on a record of one object goes over to one of another.
fn is_heir(object: Object, becomes: Object) -> bool {
    object == becomes || becomes == Object::Contact
}

/// Returns what a record, which may itself have become another, is by now.
fn last_heir(
    db: &Connection,
    mut object: Object,
    id: &SalesforceId,
) -> Result<(Object, SalesforceId)> {
    let mut id = id.clone();
    for _ in 0..STEPS_MAX {
        let further = next(db, object, &id)?.into_iter();
        let Some(heir) = further.into_iter().find(|(becomes, _)| is_heir(object, *becomes)) else {
            break;
        };
        (object, id) = heir;
    }
    Ok((object, id))
}

/// Tells whether any record of an object became another.
pub(super) fn any(db: &Connection, object: Object) -> Result<bool> {
    let sql = "SELECT 1 FROM successors WHERE object = ?1 LIMIT 1";
    Ok(one(db, sql, [object.as_str()], |_| Ok(()))?.is_some())
}

/// Forgets what a record was merged into: it is back.
pub(super) fn forget(db: &Connection, object: Object, id: &SalesforceId) -> Result<()> {
    let sql = "DELETE FROM successors WHERE object = ?1 AND record_id = ?2 AND becomes = ?1";
    run(db, sql, [object.as_str(), id.as_str()]).map(|_| ())
}

fn inherit(
    db: &Connection,
    (object, id): (Object, &SalesforceId),
    (becomes, successor): (Object, SalesforceId),
) -> Result<()> {
    let why = match object == becomes {
        true => format!("; {id} was merged into it"),
        false => format!("; the lead {id} was converted to it"),
    };
    let records = [object.as_str(), id.as_str(), becomes.as_str(), successor.as_str()];
    // A meeting may be matched to both already.
    let doubled = "DELETE FROM matches
                   WHERE object = ?1 AND record_id = ?2 AND meeting_id IN (
                       SELECT meeting_id FROM matches WHERE object = ?3 AND record_id = ?4)";
    run(db, doubled, records)?;
    let heirs = "UPDATE matches SET object = ?3, record_id = ?4, reason = reason || ?5
                 WHERE object = ?1 AND record_id = ?2";
    let [from, old, to, new] = records;
    run(db, heirs, params![from, old, to, new, why])?;
    // What was written to the heir already is there, and is not written again.
    let works = "UPDATE works SET state = 'waiting', reason = NULL
                 WHERE (object = ?2 OR state = 'failed' AND object IN (?1, 'Task'))
                     AND meeting_id IN (
                         SELECT meeting_id FROM matches WHERE object = ?2 AND record_id = ?3)";
    run(db, works, [from, to, new])?;
    let failed = try_again!(
        "meeting_id IN (SELECT meeting_id FROM matches WHERE object = ?1 AND record_id = ?2)"
    );
    run(db, failed, [to, new]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Match;
    use crate::store::world::{World, at, deleted, id, mapped, meeting};
    use crate::store::{Row, Standing};

    fn matched(object: Object, record: u32) -> Match {
        let reason = "the address".to_owned();
        Match { object, record_id: id(record), email: None, reason }
    }

    fn into(row: Row, object: Object, number: u32) -> Row {
        Row { became: vec![(object, id(number))], ..row }
    }

    #[test]
    fn an_old_id_leads_to_what_it_became_however_often() {
        let world = World::new();
        let org = world.org();
        world.pull(Object::Lead, vec![mapped(1, 1, &[]), mapped(2, 1, &[])]);
        world.pull(Object::Lead, vec![into(deleted(1, 2), Object::Lead, 2)]);
        world.pull(Object::Lead, vec![into(mapped(2, 3, &[]), Object::Contact, 3)]);
        world.pull(Object::Contact, vec![into(deleted(3, 4), Object::Contact, 4)]);
        assert_eq!(org.became(Object::Lead, &id(1)).unwrap(), [(Object::Contact, id(4))]);
        assert_eq!(org.became(Object::Contact, &id(4)).unwrap(), []);
    }

    #[test]
    fn a_merged_record_that_is_back_is_itself_again() {
        let world = World::new();
        let org = world.org();
        world.pull(Object::Contact, vec![mapped(1, 1, &[])]);
        world.pull(Object::Contact, vec![into(deleted(1, 2), Object::Contact, 2)]);
        assert_eq!(org.became(Object::Contact, &id(1)).unwrap(), [(Object::Contact, id(2))]);
        world.pull(Object::Contact, vec![mapped(1, 3, &[])]);
        assert_eq!(org.became(Object::Contact, &id(1)).unwrap(), []);
    }

    #[test]
    fn what_hung_on_a_record_hangs_on_what_it_became() {
        let world = World::new();
        let org = world.org();
        org.add_meetings(&[meeting("m1", vec![]), meeting("m2", vec![])], at(1)).unwrap();
        org.save_matches("m1", &[matched(Object::Lead, 1)], &[]).unwrap();
        org.save_matches("m2", &[matched(Object::Lead, 1), matched(Object::Contact, 3)], &[])
            .unwrap();
        let work = org.waiting(Object::Contact, 9).unwrap().remove(0);
        let failing = crate::store::WorkEnd::new(work, crate::model::WorkState::Failed);
        let fence = org.claim(Object::Contact, crate::model::Direction::Push).unwrap();
        org.end_work(Object::Contact, fence, &[failing], at(2)).unwrap();
        world.pull(Object::Lead, vec![into(mapped(1, 3, &[]), Object::Contact, 3)]);
        let heir = org.matches("m1").unwrap().remove(0);
        assert_eq!((heir.object, heir.record_id), (Object::Contact, id(3)));
        assert!(heir.reason.ends_with("was converted to it"), "{}", heir.reason);
        assert_eq!(org.matches("m2").unwrap().len(), 1);
        let state = |standing: &Standing| standing.state;
        let states: Vec<_> = org.work_of("m1").unwrap().iter().map(state).collect();
        assert!(!states.contains(&crate::model::WorkState::Failed), "{states:?}");
    }
}
