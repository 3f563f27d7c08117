use super::*;
use crate::model::{Value, WorkState};
use crate::store::world::{
    World, at, create, id, item, meeting, refuse_unless_durable, trouble, update,
};

fn ended(change: &Change, state: ChangeState) -> Ended {
    Ended { change_id: change.id, state, record_id: None, trouble: None, closes: None }
}

#[test]
fn a_planned_change_is_open_for_every_process_before_it_is_sent() {
    let world = World::new();
    let fence = world.org().claim(Object::Contact, Direction::Push).unwrap();
    let planned = [update(1, "Title", "CTO"), update(2, "Title", "CEO")];
    let changes = world.org().plan(Object::Contact, fence, &planned, "run", at(1)).unwrap();
    let other = world.reopened();
    assert_eq!(other.open_changes(Object::Contact).unwrap(), changes);
    assert_eq!(other.open_changes(Object::Lead).unwrap(), []);
    assert_eq!(changes[1].planned, planned[1]);
    assert_eq!(changes[0].record_id, Some(id(1)));
    assert!(changes[0].id < changes[1].id);
    assert_eq!(other.change(changes[0].id).unwrap().as_ref(), Some(&changes[0]));
}

#[test]
fn a_planned_change_is_on_the_disk_before_it_is_sent() {
    let world = World::new();
    let org = world.org();
    let fence = org.claim(Object::Contact, Direction::Push).unwrap();
    refuse_unless_durable(&org.database.lock(), "changes");
    let planned = [update(1, "Title", "CTO")];
    assert!(org.plan(Object::Contact, fence, &planned, "run", at(1)).is_ok());
    let careless = org.database.write("test", |db| insert(db, &planned[0], "run", at(1)));
    assert!(careless.unwrap_err().to_string().ends_with("not durable"));
}

#[test]
fn two_creates_with_one_mark_are_never_open_and_the_second_leaves_nothing() {
    let world = World::new();
    let org = world.org();
    org.add_meetings(&[meeting("m1", vec![item("a", false)])], at(1)).unwrap();
    let fence = org.claim(Object::Task, Direction::Push).unwrap();
    let first = org.plan(Object::Task, fence, &[create("m1", "a")], "run", at(1)).unwrap();
    let again = [create("m1", "b"), create("m1", "a")];
    let error = org.plan(Object::Task, fence, &again, "run", at(2)).unwrap_err();
    assert!(matches!(error, Error::MarkOpen { mark } if mark == "m1/a"));
    assert_eq!(org.open_changes(Object::Task).unwrap(), first);

    let lost = [ended(&first[0], ChangeState::Lost)];
    org.end_changes(Object::Task, fence, &lost, at(3)).unwrap();
    assert!(org.plan(Object::Task, fence, &again, "run", at(4)).is_ok());
}

#[test]
fn only_who_holds_the_job_plans_and_ends_changes() {
    let world = World::new();
    let org = world.org();
    let old = org.claim(Object::Contact, Direction::Push).unwrap();
    let planned = [update(1, "Title", "CTO")];
    let changes = org.plan(Object::Contact, old, &planned, "run", at(1)).unwrap();
    org.claim(Object::Contact, Direction::Push).unwrap();
    let done = [ended(&changes[0], ChangeState::Done)];
    let refused = [
        org.plan(Object::Contact, old, &planned, "run", at(2)).map(|_| ()),
        org.end_changes(Object::Contact, old, &done, at(2)),
    ];
    assert!(refused.iter().all(|end| matches!(end, Err(Error::Fenced { .. }))));
    assert_eq!(org.open_changes(Object::Contact).unwrap(), changes);
}

#[test]
fn a_task_that_was_made_is_linked_and_its_work_ends_with_it() {
    let world = World::new();
    let org = world.org();
    org.add_meetings(&[meeting("m1", vec![item("a", false)])], at(1)).unwrap();
    let fence = org.claim(Object::Task, Direction::Push).unwrap();
    let work = org.waiting(Object::Task, 9).unwrap();
    let changes = org.plan(Object::Task, fence, &[create("m1", "a")], "run", at(1)).unwrap();
    let done = Ended { record_id: Some(id(7)), ..ended(&changes[0], ChangeState::Done) };
    let end = |work| crate::store::WorkEnd::new(work, WorkState::Settled);
    let work: Vec<_> = work.into_iter().map(end).collect();
    org.end_changes(Object::Task, fence, &[done], at(2)).unwrap();
    org.end_work(Object::Task, fence, &work, at(2)).unwrap();

    assert_eq!(org.link("m1", Some("a")).unwrap().unwrap().record_id, id(7));
    assert_eq!(org.waiting_count(Object::Task).unwrap(), 0);
    let change = org.change(changes[0].id).unwrap().unwrap();
    assert_eq!((change.state, change.ended_at), (ChangeState::Done, Some(at(2))));
    assert_eq!(change.record_id, Some(id(7)));

    // Told a second time, as after a crash: the end stays as it was.
    let late = Ended { trouble: Some(trouble("LATE")), ..ended(&change, ChangeState::Refused) };
    org.end_changes(Object::Task, fence, &[late], at(3)).unwrap();
    assert_eq!(org.change(change.id).unwrap().unwrap(), change);
    assert_eq!(org.failure_count().unwrap(), 0);
}

#[test]
fn a_refused_change_fails_until_one_like_it_is_done() {
    let world = World::new();
    let org = world.org();
    let fence = org.claim(Object::Contact, Direction::Push).unwrap();
    let write = |state, trouble| {
        let planned = [update(1, "Title", "CTO")];
        let changes = org.plan(Object::Contact, fence, &planned, "run", at(1)).unwrap();
        let end = Ended { trouble, ..ended(&changes[0], state) };
        org.end_changes(Object::Contact, fence, &[end], at(2)).unwrap();
    };
    write(ChangeState::Refused, Some(trouble("UNABLE_TO_LOCK_ROW")));
    let failure = org.failures(9).unwrap().remove(0);
    assert_eq!(failure.subject, format!("m1 → {}", id(1)));
    assert_eq!(failure.code, "UNABLE_TO_LOCK_ROW");
    write(ChangeState::Done, None);
    assert_eq!(org.failure_count().unwrap(), 0);
}

#[test]
fn what_was_written_last_is_the_newest_that_salesforce_has() {
    let world = World::new();
    let org = world.org();
    let fence = org.claim(Object::Contact, Direction::Push).unwrap();
    for (field, value, state) in [
        ("Title", "CTO", ChangeState::Done),
        ("Phone", "1", ChangeState::Done),
        ("Title", "CEO", ChangeState::Done),
        ("Title", "no", ChangeState::Refused),
        ("Phone", "no", ChangeState::Open),
    ] {
        let planned = [update(1, field, value)];
        let changes = org.plan(Object::Contact, fence, &planned, "run", at(1)).unwrap();
        org.end_changes(Object::Contact, fence, &[ended(&changes[0], state)], at(2)).unwrap();
    }
    let mut written = org.last_written(Object::Contact, &id(1)).unwrap();
    written.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [("Phone", "1"), ("Title", "CEO")];
    assert_eq!(written, expected.map(|(name, value)| (name.to_owned(), Value::from(value))));
    assert_eq!(org.last_written(Object::Contact, &id(2)).unwrap(), []);
}

#[test]
fn changes_are_told_by_run_meeting_and_record_newest_first() {
    let world = World::new();
    let org = world.org();
    let fence = org.claim(Object::Contact, Direction::Push).unwrap();
    let plan = |record, run| {
        let planned = [update(record, "Title", "CTO")];
        org.plan(Object::Contact, fence, &planned, run, at(1)).unwrap().remove(0).id
    };
    let ids = [plan(1, "r1"), plan(2, "r1"), plan(1, "r2")];
    let told = |of| {
        let changes = org.changes(of, 9).unwrap();
        changes.iter().map(|change| change.id).collect::<Vec<_>>()
    };
    assert_eq!(told(ChangesOf::Everything), [ids[2], ids[1], ids[0]]);
    assert_eq!(told(ChangesOf::Run("r1")), [ids[1], ids[0]]);
    assert_eq!(told(ChangesOf::Meeting("m1")), [ids[2], ids[1], ids[0]]);
    assert!(told(ChangesOf::Meeting("m2")).is_empty());
    assert_eq!(told(ChangesOf::Record(&id(1))), [ids[2], ids[0]]);
    assert_eq!(org.changes(ChangesOf::Everything, 1).unwrap().len(), 1);
}

#[test]
fn what_was_taken_back_was_never_written_until_that_is_taken_back() {
    let world = World::new();
    let org = world.org();
    let fence = org.claim(Object::Contact, Direction::Push).unwrap();
    let write = |value: &str, undoes: Option<i64>| {
        let planned = Planned { undoes, ..update(1, "Title", value) };
        let changes = org.plan(Object::Contact, fence, &[planned], "run", at(1)).unwrap();
        let done = [ended(&changes[0], ChangeState::Done)];
        org.end_changes(Object::Contact, fence, &done, at(2)).unwrap();
        changes[0].id
    };
    let meeting_id = update(1, "Title", "").meeting_id;
    // Whether all was, and the one field that is written.
    let taken_back = || {
        let taken = org.taken_back(Object::Contact, &id(1), &meeting_id).unwrap();
        (taken.all, taken.fields.contains("Title"))
    };
    let last = || {
        let fields = org.last_written(Object::Contact, &id(1)).unwrap();
        fields.first().map(|(_, value)| value.text().unwrap().to_owned())
    };
    assert_eq!(taken_back(), (false, false));
    let (first, second) = (write("one", None), write("two", None));
    assert_eq!(last().as_deref(), Some("two"));
    let undo = write("one", Some(second));
    assert_eq!(last().as_deref(), Some("one"), "it is as if it was never written");
    assert_eq!(taken_back(), (false, true), "the first is still there");
    assert_eq!(org.undone(&[first, second, undo]).unwrap(), [second].into());
    write("", Some(first));
    assert_eq!((last(), taken_back()), (None, (true, true)));
    write("two", Some(undo));
    assert_eq!(last().as_deref(), Some("two"));
    assert_eq!(org.undone(&[second, undo]).unwrap(), [undo].into());
}
