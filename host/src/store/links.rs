//! Links: which task stands for which action item, and which task or event for a meeting itself.

use rusqlite::{Connection, Row, params};

use super::database::{one, run};
use super::failures::try_again;
use super::value::word;
use super::{OrgStore, Result};
use crate::model::SalesforceId;

/// The activity that stands for an action item, or for a meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The task or event.
    pub record_id: SalesforceId,
    /// Whether it was deleted in Salesforce.
    pub gone: bool,
}

impl OrgStore {
    /// Returns the link of an action item; of the meeting itself, where it is none.
    pub fn link(&self, meeting_id: &str, item_id: Option<&str>) -> Result<Option<Link>> {
        self.database.read("read a link", |db| find(db, meeting_id, item_id.unwrap_or("")))
    }

    /// Links an action item, or a meeting, to a task that was found to be its own.
    pub fn save_link(
        &self,
        meeting_id: &str,
        item_id: Option<&str>,
        record_id: &SalesforceId,
    ) -> Result<()> {
        self.database.write("save a link", |db| save(db, meeting_id, item_id, record_id))
    }

    /// Notes that the task of an action item, or of a meeting, was deleted in Salesforce.
    pub fn lose_link(&self, record_id: &SalesforceId) -> Result<()> {
        self.database.write("note a deleted task", |db| set_gone(db, record_id, true))
    }
}

fn find(db: &Connection, meeting_id: &str, item_id: &str) -> Result<Option<Link>> {
    let sql = "SELECT record_id, gone FROM links WHERE meeting_id = ?1 AND item_id = ?2";
    one(db, sql, [meeting_id, item_id], link)
}

fn link(row: &Row<'_>) -> rusqlite::Result<Link> {
    Ok(Link { record_id: word(row, "record_id")?, gone: row.get("gone")? })
}

/// Links an action item, or a meeting, to its task. Where the task was read before it was
/// known to be ours, and is closed, the item is done; where somebody has opened it, it isn't.
pub(super) fn save(
    db: &Connection,
    meeting_id: &str,
    item_id: Option<&str>,
    record_id: &SalesforceId,
) -> Result<()> {
    let item_id = item_id.unwrap_or("");
    let sql = "INSERT INTO links (meeting_id, item_id, record_id) VALUES (?1, ?2, ?3)
               ON CONFLICT (meeting_id, item_id) DO UPDATE SET
                   record_id = excluded.record_id, gone = 0";
    run(db, sql, params![meeting_id, item_id, record_id.as_str()])?;
    let sql = "SELECT closed FROM entities
               WHERE object = 'Task' AND record_id = ?1 AND deleted_at IS NULL AND closed";
    match one(db, sql, [record_id.as_str()], |_| Ok(()))? {
        Some(()) => flip_item(db, record_id, true),
        None => open_item(db, record_id),
    }
}

/// Notes that a linked task was deleted, or is there again: what was told meanwhile is written
/// then.
pub(super) fn set_gone(db: &Connection, record_id: &SalesforceId, gone: bool) -> Result<()> {
    let sql = "UPDATE links SET gone = ?2 WHERE record_id = ?1 AND gone <> ?2";
    if run(db, sql, params![record_id.as_str(), gone])? > 0 && !gone {
        let sql = "UPDATE works SET state = 'waiting', reason = NULL
                   FROM links
                   WHERE links.record_id = ?1 AND works.meeting_id = links.meeting_id
                       AND works.item_id = links.item_id AND object = 'Task'";
        run(db, sql, [record_id.as_str()])?;
        let failed = try_again!(
            "object = 'Task' AND (meeting_id, coalesce(item_id, '')) IN (
                 SELECT meeting_id, item_id FROM links WHERE record_id = ?1)"
        );
        run(db, failed, [record_id.as_str()])?;
    }
    Ok(())
}

/// Takes in whether a task is closed. Where that is other than it was when it was read or written
/// last, somebody has closed or opened it, and its item follows. `read` is how it was read last.
pub(super) fn see(
    db: &Connection,
    record_id: &SalesforceId,
    closed: bool,
    read: Option<bool>,
) -> Result<()> {
    let sql = "SELECT closed FROM links WHERE record_id = ?1 LIMIT 1";
    let known = one(db, sql, [record_id.as_str()], |row| row.get::<_, Option<bool>>("closed"))?;
    let Some(known) = known else { return Ok(()) };
    match known.or(read) {
        Some(before) if before == closed => {}
        None if !closed => open_item(db, record_id)?,
        _ => flip_item(db, record_id, closed)?,
    }
    set_closed(db, record_id, closed)
}

/// Opens the action item of a task that is open and was not known to be ours when it was read, or
/// never read before, where it has another status than we wrote: somebody has opened it since.
fn open_item(db: &Connection, record_id: &SalesforceId) -> Result<()> {
    let sql = "SELECT 1 FROM entities
               WHERE object = 'Task' AND record_id = ?1 AND NOT closed
                   AND fields ->> 'status' <> (
                   SELECT after ->> 'Status' FROM changes
                   WHERE record_id = ?1 AND object = 'Task' AND state = 'done'
                       AND after ->> 'Status' IS NOT NULL
                   ORDER BY id DESC LIMIT 1)";
    match one(db, sql, [record_id.as_str()], |_| Ok(()))? {
        Some(()) => flip_item(db, record_id, false),
        None => Ok(()),
    }
}

/// Notes whether a task is closed.
pub(super) fn set_closed(db: &Connection, record_id: &SalesforceId, closed: bool) -> Result<()> {
    let sql = "UPDATE links SET closed = ?2 WHERE record_id = ?1 AND closed IS NOT ?2";
    run(db, sql, params![record_id.as_str(), closed])?;
    Ok(())
}

/// Makes the action item of a task as done as the task is closed. There is
/// nothing to push then: Salesforce has it already.
fn flip_item(db: &Connection, record_id: &SalesforceId, closed: bool) -> Result<()> {
    let sql = "UPDATE items SET done = ?2, done_by = 'salesforce'
               FROM links
               WHERE links.record_id = ?1 AND items.meeting_id = links.meeting_id
                   AND items.item_id = links.item_id AND done <> ?2";
    run(db, sql, params![record_id.as_str(), closed])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::model::{Object, Value};
    use crate::store::meetings::DoneBy;
    use crate::store::world::{World, at, deleted, item, mapped, meeting};

    /// A meeting whose item "a" is linked to task 1.
    fn linked() -> World {
        let world = World::new();
        world.org().add_meetings(&[meeting("m1", vec![item("a", false)])], at(1)).unwrap();
        world.create_task("m1", "a", 1);
        world
    }

    fn task(stamp: i64, closed: bool) -> crate::store::Row {
        mapped(1, stamp, &[("closed", Value::Boolean(closed))])
    }

    fn done(world: &World) -> (bool, DoneBy) {
        let item = world.org().item_states("m1").unwrap().remove(0);
        (item.done, item.done_by)
    }

    #[test]
    fn closing_a_linked_task_does_its_item_and_a_retelling_does_not_undo_it() {
        let world = linked();
        let org = world.org();
        world.pull(Object::Task, vec![task(1, false)]);
        assert_eq!(done(&world), (false, DoneBy::Platform));
        world.pull(Object::Task, vec![task(2, true)]);
        assert_eq!(done(&world), (true, DoneBy::Salesforce));
        assert_eq!(org.waiting_count(Object::Task).unwrap(), 0);

        let mut retold = meeting("m1", vec![item("a", false)]);
        retold.title = "Told with another title".to_owned();
        org.add_meetings(&[retold.clone()], at(3)).unwrap();
        assert_eq!(done(&world), (true, DoneBy::Salesforce));
        assert!(org.meeting("m1").unwrap().unwrap().action_items[0].done);

        for told in [true, false] {
            retold.action_items[0].done = told;
            org.add_meetings(&[retold.clone()], at(4)).unwrap();
        }
        assert_eq!(done(&world), (false, DoneBy::Platform));
    }

    #[test]
    fn a_task_that_is_closed_when_first_read_does_its_item_and_opening_undoes_it() {
        let world = linked();
        world.pull(Object::Task, vec![task(1, true)]);
        assert_eq!(done(&world), (true, DoneBy::Salesforce));
        for told in [true, false] {
            world.org().add_meetings(&[meeting("m1", vec![item("a", told)])], at(2)).unwrap();
        }
        // Something else about the task changes: it decides nothing about done.
        let mut renamed = task(2, true);
        renamed.source[1] = "renamed".into();
        world.pull(Object::Task, vec![renamed]);
        assert_eq!(done(&world), (false, DoneBy::Platform));
        world.org().add_meetings(&[meeting("m1", vec![item("a", true)])], at(3)).unwrap();
        world.pull(Object::Task, vec![task(3, false)]);
        assert_eq!(done(&world), (false, DoneBy::Salesforce));
    }

    #[test]
    fn a_task_that_was_read_before_its_link_counts_too() {
        let world = World::new();
        world.org().add_meetings(&[meeting("m1", vec![item("a", false)])], at(1)).unwrap();
        world.pull(Object::Task, vec![task(1, true)]);
        world.create_task("m1", "a", 1);
        assert_eq!(done(&world), (true, DoneBy::Salesforce));
    }

    #[test]
    fn a_deleted_task_is_gone_until_it_is_back_read_before_or_not() {
        for read_before in [false, true] {
            let world = linked();
            let org = world.org();
            let gone = || org.link("m1", Some("a")).unwrap().unwrap().gone;
            if read_before {
                world.pull(Object::Task, vec![task(1, false)]);
            }
            world.pull(Object::Task, vec![deleted(1, 2)]);
            assert!(gone());
            assert!(org.item_states("m1").unwrap()[0].gone);
            world.pull(Object::Task, vec![task(3, false)]);
            assert!(!gone());
        }
    }
}
