use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{Cursor, Failure, Pulled};
use crate::store::world::{World, at, columns, deleted, failed, id, mapped, named, skipped, spec};
use crate::store::{Error, Outcome, Row, encode};

const OBJECT: Object = Object::Contact;

fn settle(
    world: &World,
    fence: u64,
    expected: &Position,
    next: Position,
    rows: Vec<Row>,
) -> Result<Counts> {
    world.org().settle(&[Page {
        object: OBJECT,
        fence,
        expected,
        next: &next,
        kind: Kind::Person,
        mapping: "digest",
        rows: &encode(rows, &spec(OBJECT), &columns()),
        now: at(1_000),
    }])
}

fn position(stamp: i64) -> Position {
    let cursor = Cursor { stamp: at(stamp), id: Some(id(1)) };
    Position { cursor: Some(cursor), paging: true, ..Position::default() }
}

/// What a page would leave behind.
fn traces(world: &World) -> (u64, Vec<SalesforceId>, u64, Position) {
    let org = world.reopened();
    let sources = org.source_ids(OBJECT, None, 99).unwrap();
    let counts = (org.count(OBJECT).unwrap(), org.failure_count().unwrap());
    (counts.0, sources, counts.1, org.position(OBJECT).unwrap())
}

fn failures(world: &World) -> Vec<Failure> {
    world.org().failures(99).unwrap()
}

fn name_of(world: &World, number: u32) -> Option<String> {
    let entity = world.org().entity(OBJECT, &id(number)).unwrap()?;
    Some(entity.text("name").unwrap_or_default().to_owned())
}

#[test]
fn a_cursor_moves_only_with_its_page_and_only_under_its_fence() {
    let world = World::new();
    let org = world.org();
    let start = Position::default();
    let rows = || vec![named(1, 1, "Ann"), failed(named(2, 2, "Bob"))];
    let nothing = traces(&world);

    let unclaimed = settle(&world, 0, &start, position(2), rows());
    assert!(matches!(unclaimed, Err(Error::Fenced { .. })));
    let old = org.claim(OBJECT, Direction::Pull).unwrap();
    let fence = org.claim(OBJECT, Direction::Pull).unwrap();
    let fenced = settle(&world, old, &start, position(2), rows());
    assert!(matches!(fenced, Err(Error::Fenced { .. })));
    let moved = settle(&world, fence, &position(1), position(2), rows());
    assert!(matches!(moved, Err(Error::CursorMoved { .. })));
    assert_eq!(traces(&world), nothing);

    settle(&world, fence, &start, position(2), rows()).unwrap();
    assert_eq!(traces(&world), (1, vec![id(1), id(2)], 1, position(2)));
    let twice = settle(&world, fence, &start, position(3), rows());
    assert!(matches!(twice, Err(Error::CursorMoved { .. })));
    let no_id = Position { cursor: Some(Cursor { stamp: at(2), id: None }), ..position(2) };
    assert!(settle(&world, fence, &no_id, position(3), rows()).is_err());
    settle(&world, fence, &position(2), position(3), vec![]).unwrap();
    assert_eq!(org.position(OBJECT).unwrap(), position(3));
}

#[test]
fn a_crash_before_the_commit_leaves_nothing() {
    let world = World::new();
    let fence = world.org().claim(OBJECT, Direction::Pull).unwrap();
    let nothing = traces(&world);
    let crash = "CREATE TEMP TRIGGER crash BEFORE UPDATE OF stamp ON jobs
                 BEGIN SELECT RAISE(ABORT, 'crashed'); END";
    world.org().database.lock().execute_batch(crash).unwrap();
    let rows = || vec![named(1, 1, "Ann"), failed(named(2, 2, "Bob"))];
    let error = settle(&world, fence, &Position::default(), position(2), rows()).unwrap_err();
    assert_eq!(error.to_string(), "could not settle a page: crashed");
    assert_eq!(traces(&world), nothing);

    world.org().database.lock().execute_batch("DROP TRIGGER crash").unwrap();
    settle(&world, fence, &Position::default(), position(2), rows()).unwrap();
    assert_eq!(traces(&world).3, position(2));
}

#[test]
fn what_a_whole_reading_does_not_come_by_is_taken_out() {
    let world = World::new();
    let org = world.org();
    let page = |mapping, whole, paging, rows| {
        let next = Position { paging, whole, ..position(9) };
        org.settle(&[Page {
            object: OBJECT,
            fence: org.claim(OBJECT, Direction::Pull).unwrap(),
            expected: &org.position(OBJECT).unwrap(),
            next: &next,
            kind: Kind::Person,
            mapping,
            rows: &encode(rows, &spec(OBJECT), &columns()),
            now: at(1_000),
        }])
        .unwrap()
    };
    let all = || vec![named(1, 1, "Ann"), named(2, 2, "Bob"), failed(named(3, 3, "Cy"))];
    page("old", true, false, all());
    page("new", true, true, vec![named(1, 1, "Ann")]);
    assert_eq!((org.count(OBJECT).unwrap(), failures(&world).len()), (2, 1), "it goes on");
    let counts = page("new", true, false, vec![]);
    assert_eq!((counts.skipped, org.count(OBJECT).unwrap()), (2, 1));
    assert_eq!(name_of(&world, 1).as_deref(), Some("Ann"));
    assert_eq!(failures(&world), vec![]);
    assert!(org.source(OBJECT, &id(2)).unwrap().is_some(), "what was read is kept");

    page("newer", false, false, vec![]);
    assert_eq!(org.count(OBJECT).unwrap(), 1, "a reading of what changed takes nothing out");
}

#[test]
fn an_unchanged_record_is_not_written() {
    let world = World::new();
    let org = world.org();
    let rows = || vec![named(1, 1, "Ann"), named(2, 1, "Bob")];
    assert_eq!(world.pull(OBJECT, rows()).mapped, 2);
    let written = || org.database.lock().total_changes();
    let before = written();
    let counts = world.pull(OBJECT, rows());
    assert_eq!((counts.pulled, counts.unchanged, counts.mapped), (2, 2, 0));
    // The claim and the cursor.
    assert_eq!(written() - before, 2);
    assert_eq!(world.pull_with(OBJECT, "another mapping", rows()).mapped, 2);
}

#[test]
fn an_older_record_is_ignored_even_after_one_that_only_moved_its_stamp() {
    let world = World::new();
    world.pull(OBJECT, vec![named(1, 5, "Ann")]);
    let touched = world.pull(OBJECT, vec![named(1, 9, "Ann")]);
    assert_eq!((touched.unchanged, touched.mapped), (1, 0));
    let entity = world.org().entity(OBJECT, &id(1)).unwrap().unwrap();
    assert_eq!(entity.modified_at, at(9));

    let older = [
        named(1, 8, "Old"),
        skipped(named(1, 8, "Old")),
        failed(named(1, 8, "Old")),
        deleted(1, 8),
    ];
    for row in older {
        let counts = world.pull(OBJECT, vec![row]);
        assert_eq!((counts.pulled, counts.unchanged), (1, 1));
        assert_eq!(name_of(&world, 1).as_deref(), Some("Ann"));
    }
    assert_eq!(failures(&world), []);
}

#[test]
fn a_record_that_is_read_again_counts_though_its_stamp_went_back() {
    let world = World::new();
    let org = world.org();
    world.pull(OBJECT, vec![named(1, 9, "Ann")]);
    let again = |row: Row| {
        let fence = org.claim(OBJECT, Direction::Pull).unwrap();
        let counts = org.remap(&Remap {
            object: OBJECT,
            fence,
            done: Again::Unnoted,
            kind: Kind::Person,
            mapping: "digest",
            rows: encode(vec![row], &spec(OBJECT), &columns()),
            now: at(1_000),
        });
        let state = org.source_state(OBJECT, &id(1)).unwrap().unwrap();
        (counts.unwrap(), state.modified_at)
    };
    let (changed, stamp) = again(named(1, 5, "Anna"));
    assert_eq!((changed.mapped, stamp), (1, at(5)));
    assert_eq!(name_of(&world, 1).as_deref(), Some("Anna"));
    let (touched, stamp) = again(named(1, 4, "Anna"));
    assert_eq!((touched.unchanged, stamp), (1, at(4)));
}

#[test]
fn a_failed_record_does_not_stop_its_page_and_is_cleared_when_mended() {
    let world = World::new();
    let org = world.org();
    world.pull(OBJECT, vec![named(1, 1, "Ann")]);
    let counts = world.pull(
        OBJECT,
        vec![failed(named(1, 2, "Anna")), named(2, 2, "Bob"), failed(named(3, 2, "Eve"))],
    );
    assert_eq!((counts.pulled, counts.failed, counts.mapped), (3, 2, 1));
    // What it was before stays until it is mended.
    assert_eq!(name_of(&world, 1).as_deref(), Some("Ann"));
    assert_eq!(name_of(&world, 3), None);
    let failure = failures(&world).remove(0);
    assert_eq!((failure.code.as_str(), failure.mender), ("mapping", Mender::MappingAuthor));
    world.pull(OBJECT, vec![failed(named(3, 2, "Eve"))]);
    assert_eq!(failures(&world).iter().map(|failure| failure.attempts).sum::<u32>(), 3);

    world.pull(OBJECT, vec![skipped(named(1, 3, "Anna"))]);
    assert_eq!(name_of(&world, 1), None);
    assert_eq!(org.failed_records(OBJECT, None, 9).unwrap(), [id(3)]);
    world.pull(OBJECT, vec![deleted(3, 3)]);
    assert_eq!(failures(&world), []);
}

#[test]
fn failed_records_are_mapped_again_from_the_store_and_the_cursor_stays() {
    let world = World::new();
    let org = world.org();
    world.pull(OBJECT, vec![failed(named(1, 1, "Ann"))]);
    let before = org.position(OBJECT).unwrap();
    let fence = org.claim(OBJECT, Direction::Pull).unwrap();
    let ids = org.failed_records(OBJECT, None, 9).unwrap();
    let sources = org.sources(OBJECT, &columns(), &ids).unwrap();
    let rows = sources.ids.iter().zip(&sources.stamps).zip(sources.table.rows);
    let rows = rows.map(|((id, stamp), source)| {
        let outcome = Outcome::Pulled(Pulled::Mapped(source[1..].to_vec()));
        Row { id: id.clone(), modified_at: *stamp, source, became: vec![], outcome }
    });
    let mut remap = Remap {
        object: OBJECT,
        fence: fence - 1,
        done: Again::Unnoted,
        kind: Kind::Person,
        mapping: "digest",
        rows: encode(rows.collect(), &spec(OBJECT), &columns()),
        now: at(2),
    };
    assert!(matches!(org.remap(&remap), Err(Error::Fenced { .. })));
    remap.fence = fence;
    let counts = org.remap(&remap).unwrap();
    assert_eq!((counts.pulled, counts.mapped), (1, 1));
    assert_eq!(name_of(&world, 1).as_deref(), Some("Ann"));
    assert_eq!(failures(&world), []);
    assert_eq!(org.position(OBJECT).unwrap().cursor, before.cursor);
}

#[test]
fn nothing_is_kept_of_what_salesforce_has_deleted() {
    let world = World::new();
    let org = world.org();
    world.pull(
        OBJECT,
        vec![mapped(1, 1, &[("name", "Ann".into()), ("email", "ann@acme.com".into())])],
    );
    let counts = world.pull(OBJECT, vec![deleted(1, 2), deleted(2, 2)]);
    assert_eq!((counts.pulled, counts.deleted), (2, 1));
    assert_eq!(org.source(OBJECT, &id(1)).unwrap(), None);
    assert_eq!(org.people_by_email(&["ann@acme.com".to_owned()]).unwrap(), []);
    let state = org.source_state(OBJECT, &id(1)).unwrap().unwrap();
    assert_eq!((state.fate, state.modified_at), (Fate::Deleted, at(2)));
    assert_eq!(org.source_state(OBJECT, &id(2)).unwrap(), None);
    let kept = "SELECT count(*) FROM entities WHERE json(fields) LIKE '%Ann%' OR name = 'Ann'";
    let kept: i64 = org.database.lock().query_row(kept, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);

    assert_eq!(world.pull(OBJECT, vec![deleted(1, 2)]).deleted, 0);
    assert_eq!(world.pull(OBJECT, vec![named(1, 3, "Ann")]).mapped, 1);
    assert_eq!(name_of(&world, 1).as_deref(), Some("Ann"));
}

#[test]
fn it_is_known_why_a_record_is_no_entity() {
    let world = World::new();
    world.pull(OBJECT, vec![skipped(named(1, 1, "Ann"))]);
    let state = world.org().source_state(OBJECT, &id(1)).unwrap().unwrap();
    assert_eq!(state.fate, Fate::Skipped);
    assert_eq!(state.reason.as_deref(), Some("a test does not want it"));
    assert_eq!(state.mapping, "digest");
}

/// What a record should be after any history.
#[derive(Debug, Clone, PartialEq)]
struct Expected {
    stamp: i64,
    name: Option<String>,
    failing: bool,
}

#[derive(Debug, Clone)]
struct Step {
    number: u32,
    stamp: i64,
    name: String,
    fate: Fate,
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let fate = prop_oneof![
        4 => Just(Fate::Mapped),
        1 => Just(Fate::Skipped),
        1 => Just(Fate::Failed),
        1 => Just(Fate::Deleted),
        1 => Just(Fate::Hidden),
        1 => Just(Fate::Unselected),
    ];
    let step = (0u32..4, 0i64..6, "[ab\"\\\\é]{0,2}", fate);
    let step = step.prop_map(|(number, stamp, name, fate)| Step { number, stamp, name, fate });
    prop::collection::vec(prop::collection::vec(step, 0..6), 0..8)
}

fn row(step: &Step) -> Row {
    let row = named(step.number, step.stamp, &step.name);
    match step.fate {
        Fate::Mapped => row,
        Fate::Skipped => skipped(row),
        Fate::Failed => failed(row),
        Fate::Deleted => deleted(step.number, step.stamp),
        Fate::Hidden => Row { outcome: Outcome::Hidden, ..deleted(step.number, step.stamp) },
        Fate::Unselected => {
            Row { outcome: Outcome::Unselected, ..deleted(step.number, step.stamp) }
        }
    }
}

fn apply(model: &mut BTreeMap<u32, Expected>, step: &Step) {
    let known = model.get(&step.number).cloned();
    if known.as_ref().is_some_and(|known| step.stamp < known.stamp) {
        return;
    }
    let name = match step.fate {
        Fate::Mapped => Some(step.name.clone()),
        Fate::Failed => known.and_then(|known| known.name),
        Fate::Skipped => None,
        Fate::Deleted | Fate::Hidden | Fate::Unselected if known.is_none() => return,
        Fate::Deleted | Fate::Hidden | Fate::Unselected => None,
    };
    let failing = step.fate == Fate::Failed;
    model.insert(step.number, Expected { stamp: step.stamp, name, failing });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_sequence_of_pages_leaves_what_their_records_say(pages in steps()) {
        let world = World::new();
        let org = world.org();
        let mut model = BTreeMap::new();
        for page in &pages {
            let counts = world.pull(OBJECT, page.iter().map(row).collect());
            prop_assert_eq!(counts.pulled, page.len() as u64);
            let ended = counts.mapped + counts.unchanged + counts.skipped + counts.failed;
            prop_assert!(ended + counts.deleted <= counts.pulled);
            for step in page {
                apply(&mut model, step);
            }
        }
        let live = model.iter().filter(|(_, record)| record.name.is_some());
        let expected: Vec<_> =
            live.map(|(number, record)| (id(*number), record.name.clone())).collect();
        let entities = org.entities(OBJECT, None, 99).unwrap();
        let stored = entities.iter().map(|entity| {
            (entity.id.clone(), entity.text("name").map(str::to_owned))
        });
        prop_assert_eq!(stored.collect::<Vec<_>>(), expected);
        prop_assert_eq!(org.count(OBJECT).unwrap(), entities.len() as u64);

        let failing = model.iter().filter(|(_, record)| record.failing);
        let expected: Vec<_> = failing.map(|(number, _)| id(*number)).collect();
        let mut failing = org.failed_records(OBJECT, None, 99).unwrap();
        failing.sort();
        prop_assert_eq!(failing, expected);
        for (number, record) in &model {
            let state = org.source_state(OBJECT, &id(*number)).unwrap().unwrap();
            prop_assert_eq!(state.modified_at, at(record.stamp));
        }
    }
}
