//! The moments in which a process dies or an answer is lost.

use efficlose::model::Object;
use efficlose_sandbox::{CustomField, Records, Settings};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::cast::{
    ADA, Cast, LEO, assert_one_task_each, description, meeting, stage, tasks, with_items,
};
use crate::world::{World, array, assert_says, eventually, few, none, text};

/// In how many places of a sync its process is killed.
const KILLS: usize = 9;

/// Returns a meeting with three action items.
fn told(world: &World) -> Json {
    let items = [("a", "One"), ("b", "Two"), ("c", "Three")];
    with_items(meeting(&world.org, "m1", 2, &[ADA, LEO]), &items)
}

/// Starts a sync of an object, waits until a planned fault holds its answer back,
/// and kills it there.
async fn kill_while_it_hangs(world: &World, arguments: &[&str]) {
    let mut running = world.spawn(arguments);
    eventually("the fault to strike", async || {
        assert!(!running.has_ended(), "the sync ended before the fault struck");
        world.org.has_struck().await
    })
    .await;
    running.kill().await;
    world.org.calm().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_answer_is_lost_is_found_and_not_made_again() {
    let (world, _) = stage().await;
    world.sync().await;
    world.tell(&[told(&world)]).await;
    let path = "{V}/composite/sobjects";
    world.org.fault(json!({ "method": "POST", "path": path, "kind": "cut-after-commit" })).await;
    let output = world.efficlose(&["sync", "--object", "Task", "--json"]).await.failed();
    assert_says(
        &text(&output.error()["message"]),
        &["Task push", "the answer to 3 writes never came"],
    );
    assert_says(&text(&output.error()["hint"]), &["the next sync looks up what was written"]);
    assert_eq!(tasks(&world.org).await.len(), 3);
    assert_eq!(world.open_changes().await.len(), 3);
    world.sync().await;
    assert_one_task_each(&world, "m1").await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_request_never_arrives_is_made_by_the_next_sync() {
    let (world, _) = stage().await;
    world.sync().await;
    world.tell(&[told(&world)]).await;
    let path = "{V}/composite/sobjects";
    world.org.fault(json!({ "method": "POST", "path": path, "kind": "cut-before" })).await;
    world.efficlose(&["sync", "--object", "Task"]).await.failed();
    assert_eq!(tasks(&world.org).await, Vec::<Json>::new());
    world.sync().await;
    assert_one_task_each(&world, "m1").await;
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_between_write_and_answer_leaves_one_task_each() {
    let mut mark = CustomField::new("Task", "Efficlose_Id__c");
    (mark.external_id, mark.unique, mark.length) = (true, true, Some(80));
    for (fields, method) in [(vec![], "POST"), (vec![mark], "PATCH")] {
        let world = World::ready_with(Settings { custom_fields: fields, ..none() }).await;
        Cast::create(&world.org).await;
        world.sync().await;
        world.tell(&[told(&world)]).await;
        let path = "{V}/composite/sobjects";
        world.org.fault(json!({ "method": method, "path": path, "kind": "hang" })).await;
        kill_while_it_hangs(&world, &["sync", "--object", "Task"]).await;
        assert_eq!(tasks(&world.org).await.len(), 3, "{method}: they were made");
        assert_eq!(world.open_changes().await.len(), 3, "{method}: and nobody knows");
        world.org.forget_requests().await;
        world.sync().await;
        let writes = world.org.writes().await;
        let again = writes
            .iter()
            .filter(|write| write["method"] == method)
            .filter(|write| method == "POST" || text(&write["path"]).contains("Efficlose_Id__c"));
        assert_eq!(again.count(), 0, "{method}: nothing is made again: {writes:?}");
        assert_one_task_each(&world, "m1").await;
        world.assert_in_step().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_made_before_the_org_had_a_field_for_its_mark_is_still_found() {
    let (world, _) = stage().await;
    world.sync().await;
    world.tell(&[told(&world)]).await;
    let path = "{V}/composite/sobjects";
    world.org.fault(json!({ "method": "POST", "path": path, "kind": "hang" })).await;
    kill_while_it_hangs(&world, &["sync", "--object", "Task"]).await;
    let field = json!({
        "object": "Task", "name": "Efficlose_Id__c", "length": 80, "externalId": true, "unique": true,
    });
    world.org.control(Method::POST, "/fields", field).await;
    world.sync().await;
    assert_one_task_each(&world, "m1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_while_it_updates_leaves_one_block() {
    let (world, cast) = stage().await;
    world.sync().await;
    world.tell(&[told(&world)]).await;
    let path = "{V}/composite/sobjects";
    world.org.fault(json!({ "method": "PATCH", "path": path, "kind": "hang" })).await;
    kill_while_it_hangs(&world, &["sync", "--object", "Contact"]).await;
    let written = description(&world.org, "Contact", &cast.contact).await;
    assert_says(&written, &["Learned in m1"]);
    world.sync().await;
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, written);
    // It is known that the block is ours, so the next meeting replaces it.
    world.tell(&[meeting(&world.org, "m2", 1, &[ADA])]).await;
    world.sync().await;
    let written = description(&world.org, "Contact", &cast.contact).await;
    assert_says(&written, &["Met at the fair.", "Learned in m2"]);
    assert!(!written.contains("Learned in m1"), "{written}");
    assert_eq!(world.open_changes().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_anywhere_loses_nothing_and_doubles_nothing() {
    let undisturbed = scene().await;
    undisturbed.org.forget_requests().await;
    undisturbed.sync().await;
    let requests = undisturbed.org.requests().await.len();
    let changes = undisturbed.org.soql("SELECT Id FROM Task").await.len();
    for nth in 0..KILLS {
        let after = nth * (requests - 1) / (KILLS - 1);
        let world = scene().await;
        world.org.fault(json!({ "after": after, "kind": "hang" })).await;
        kill_while_it_hangs(&world, &["sync"]).await;
        let sync = world.sync().await;
        assert_eq!(sync.total("failed"), 0, "after {after} requests");
        world.assert_in_step().await;
        assert_eq!(world.open_changes().await, [], "after {after} requests");
        let tasks = tasks(&world.org).await;
        assert_eq!(tasks.len(), changes, "after {after} requests");
        for item in ["One", "Two", "Three"] {
            let its = tasks.iter().filter(|task| task["Subject"] == item).count();
            assert_eq!(its, 1, "{item} after {after} requests");
        }
        assert_eq!(world.sync().await.total("pushed"), 0, "after {after} requests");
    }
}

/// Sets up an org with records of its own, and tells of a meeting.
async fn scene() -> World {
    let world = World::ready_with(few()).await;
    Cast::create(&world.org).await;
    world.tell(&[told(&world)]).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_process_was_killed_does_not_run_for_ever() {
    let world = World::ready().await;
    world.org.fault(json!({ "path": "{V}/queryAll", "after": 1, "kind": "hang" })).await;
    kill_while_it_hangs(&world, &["sync"]).await;
    world.sync().await;
    let runs = array(world.json(&["runs", "--limit", "100"]).await);
    let running: Vec<_> = runs.iter().filter(|run| run["ended"] == "running").collect();
    assert_eq!(running, Vec::<&Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_stalls_and_comes_back_writes_nothing_once_another_has_taken_over() {
    let records = Records { contact: 4_500, ..few().records };
    let world = World::ready_with(Settings { records, ..few() }).await;
    world.org.fault(json!({ "path": "{V}/queryAll", "after": 1, "kind": "hang" })).await;
    let stalled = world.spawn(&["sync", "--object", "Contact"]);
    eventually("a page to hang", async || world.org.has_struck().await).await;
    eventually("the page before to be settled", async || {
        world.records("Contact").await.len() == 2_000
    })
    .await;
    world.take_over(Object::Contact).await;
    world.org.calm().await;
    let output = stalled.end().await.failed();
    assert_says(&output.stderr, &["another run of the Contact pull has taken over"]);
    assert_eq!(world.records("Contact").await.len(), 2_000, "its page is not settled");
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "pull")["counts"]["pulled"], 2_500, "it goes on at the page");
    world.assert_in_step().await;
}

/// Whatever goes wrong on the way, once it is over the store is in step with the
/// org and each action item has one task.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_network_loses_nothing_and_doubles_nothing() {
    tokio::join!(under_bad_network(1), under_bad_network(2), under_bad_network(3));
}

async fn under_bad_network(seed: u64) {
    let world = scene().await;
    let kinds = ["cut-before", "cut-after-commit", "html-503", "lock-row"];
    let mut kinds = kinds.map(|kind| json!({ "kind": kind })).to_vec();
    kinds.push(json!({ "kind": "request-limit", "concurrent": true }));
    let faults = json!({ "seed": seed, "rate": 0.2, "kinds": kinds, "path": "/services/data" });
    world.org.control(Method::PUT, "/faults/random", faults).await;
    for round in 0..3 {
        let mut told = told(&world);
        told["action_items"][0]["text"] = format!("One, told {round} times").into();
        // Telling is no call of the org; syncing may fail.
        world.tell(&[told]).await;
        world.efficlose(&["sync"]).await;
    }
    world.org.calm().await;
    world.sync().await;
    world.assert_in_step().await;
    assert_eq!(world.open_changes().await, [], "seed {seed}");
    assert_eq!(world.failures().await, Vec::<Json>::new(), "seed {seed}");
    let tasks = tasks(&world.org).await;
    assert_eq!(tasks.len(), 23, "seed {seed}: {tasks:?}");
    for item in ["One, told 2 times", "Two", "Three"] {
        let its = tasks.iter().filter(|task| task["Subject"] == item).count();
        assert_eq!(its, 1, "seed {seed}: {item}");
    }
}

/// Returns how many indexes the org's entities are searched by.
async fn indexes(world: &World) -> u32 {
    let store = world.home().join("orgs").join(world.org_id().await).join("store.db");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store = rusqlite::Connection::open_with_flags(store, flags).unwrap();
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'entities'";
    store.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_import_that_was_killed_has_its_indexes_once_it_is_whole() {
    let records = Records { contact: 21_000, account: 10, ..Records::none() };
    let world = World::ready_with(Settings { records, ..none() }).await;
    let fault = json!({
        "method": "GET", "path": "{V}/queryAll", "kind": "hang", "milliseconds": 60_000, "after": 4,
    });
    world.org.fault(fault).await;
    let before = indexes(&world).await;
    assert!(before > 3);
    kill_while_it_hangs(&world, &["sync", "--object", "Contact"]).await;
    assert_eq!(indexes(&world).await, 0, "they would be kept up record by record");
    world.ok(&["sync", "--object", "Contact"]).await;
    assert_eq!(indexes(&world).await, before);
    let status = world.json(&["status"]).await;
    let objects = array(status["orgs"][0]["objects"].clone());
    let contact = objects.iter().find(|one| one["object"] == "Contact").unwrap();
    assert_eq!(contact["records"], 21_000, "{contact}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_inside_the_first_block_stays_though_its_answer_was_lost() {
    let (world, cast) = stage().await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    let path = "{V}/composite/sobjects";
    world.org.fault(json!({ "method": "PATCH", "path": path, "kind": "cut-after-commit" })).await;
    world.efficlose(&["sync", "--object", "Contact"]).await.failed();
    let text = description(&world.org, "Contact", &cast.contact).await;
    let edited = text.replace("Learned in m1", "Learned, and mended by hand");
    assert_ne!(text, edited);
    world.org.patch("Contact", &cast.contact, json!({ "Description": edited })).await;
    world.sync().await;
    world.sync().await;
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, edited);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_a_person_opens_before_it_was_read_again_opens_its_item() {
    let (world, _) = stage().await;
    world.sync().await;
    for is_read in [false, true] {
        let id = format!("m-{is_read}");
        let mut told = with_items(meeting(&world.org, &id, 2, &[ADA]), &[("a", "One")]);
        if is_read {
            world.tell(std::slice::from_ref(&told)).await;
            world.sync().await;
        }
        told["action_items"][0]["done"] = true.into();
        world.tell(std::slice::from_ref(&told)).await;
        // What was written isn't read; a new task's mark is looked for before it is.
        let after = u8::from(!is_read);
        let down =
            json!({ "path": "{V}/queryAll", "after": after, "kind": "html-503", "times": 99 });
        world.org.fault(down).await;
        world.efficlose(&["sync", "--object", "Task"]).await;
        world.org.calm().await;
        let all = tasks(&world.org).await;
        let task = all.iter().find(|task| text(&task["Description"]).contains(&id)).unwrap();
        assert_eq!(task["IsClosed"], true, "{id}");
        let task = text(&task["Id"]);
        world.org.patch("Task", &task, json!({ "Status": "In Progress" })).await;
        world.sync().await;
        told["title"] = format!("Told anew {id}").into();
        world.tell(&[told]).await;
        world.sync().await;
        let status = world.org.get("Task", &task, "Status").await["Status"].take();
        assert_eq!(status, "In Progress", "{id}");
        assert_eq!(world.meeting(&id).await["action_items"][0]["done"], false, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_made_as_done_and_opened_before_it_was_ever_read_stays_open() {
    let (world, _) = stage().await;
    world.sync().await;
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")]);
    told["action_items"][0]["done"] = true.into();
    world.tell(std::slice::from_ref(&told)).await;
    let path = "{V}/composite/sobjects";
    world.org.fault(json!({ "method": "POST", "path": path, "kind": "cut-after-commit" })).await;
    world.efficlose(&["sync", "--object", "Task"]).await.failed();
    let task = tasks(&world.org).await.remove(0);
    assert_eq!(task["IsClosed"], true);
    let task = text(&task["Id"]);
    world.org.patch("Task", &task, json!({ "Status": "In Progress" })).await;
    for told_anew in [false, true] {
        if told_anew {
            told["title"] = "Told anew".into();
            world.tell(std::slice::from_ref(&told)).await;
        }
        world.sync().await;
        world.sync().await;
        let status = world.org.get("Task", &task, "Status").await["Status"].take();
        assert_eq!(status, "In Progress", "{told_anew}");
    }
    assert_eq!(world.meeting("m1").await["action_items"][0]["done"], false);
}
