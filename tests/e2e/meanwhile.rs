//! What other people do while efficlose is at it: nothing of it is written over, and nothing of
//! ours is lost by it.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::cast::{ADA, LEO, description, meeting, stage, tasks, with_items};
use crate::world::{World, array, assert_says, eventually, text};

/// The path by which records are created, which those of objects begin with too.
const COLLECTION: &str = "{V}/composite/sobjects";

/// Starts a sync, does something as soon as a planned fault holds an answer back, and waits for
/// the sync's end.
async fn while_it_hangs(world: &World, arguments: &[&str], act: impl AsyncFnOnce()) {
    let mut running = world.spawn(arguments);
    eventually("the fault to strike", async || {
        assert!(!running.has_ended(), "the sync ended before the fault struck");
        world.org.has_struck().await
    })
    .await;
    act().await;
    running.end().await.succeeded();
}

/// Has a write be done whose answer is lost.
async fn lose_an_answer(world: &World, method: &str, object: &str) {
    let fault = json!({ "method": method, "path": COLLECTION, "kind": "cut-after-commit" });
    world.org.fault(fault).await;
    world.efficlose(&["sync", "--object", object]).await.failed();
    assert!(world.org.has_struck().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_a_person_deletes_before_its_answer_is_known_is_not_made_again() {
    let (world, _) = stage().await;
    world.sync().await;
    let told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")]);
    world.tell(std::slice::from_ref(&told)).await;
    lose_an_answer(&world, "POST", "Task").await;
    let task = text(&tasks(&world.org).await.remove(0)["Id"]);
    world.org.delete("Task", &task).await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await, Vec::<Json>::new());
    let change = array(world.json(&["changes", "list", &task]).await).remove(0);
    assert_eq!((&change["state"], &change["does"]), (&json!("done"), &json!("create")));
    world.tell(&[with_items(told, &[("a", "One, but better")])]).await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await, Vec::<Json>::new());
    assert_eq!(world.failures().await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_while_another_record_is_created_is_not_written_over() {
    let (world, _) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    let task = text(&tasks(&world.org).await.remove(0)["Id"]);
    let items = [("a", "One, told anew"), ("b", "Two")];
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &items)]).await;
    // The first of them asks what the task holds.
    let fault = json!({
        "method": "POST", "path": COLLECTION, "after": 1, "kind": "hang", "milliseconds": 6_000,
    });
    world.org.fault(fault).await;
    while_it_hangs(&world, &["sync", "--object", "Task"], async || {
        world.org.patch("Task", &task, json!({ "Subject": "A person's words" })).await;
    })
    .await;
    let subjects = world.org.soql("SELECT Subject FROM Task ORDER BY Subject").await;
    let subjects: Vec<String> = subjects.iter().map(|task| text(&task["Subject"])).collect();
    assert_eq!(subjects, ["A person's words", "Two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_whose_answer_was_lost_is_known_as_ours_whatever_is_written_around_it() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m2", 2, &[ADA])]).await;
    lose_an_answer(&world, "PATCH", "Contact").await;
    let edited = description(&world.org, "Contact", &cast.contact).await;
    assert_says(&edited, &["Learned in m2"]);
    let edited = edited.replace("Met at the fair.", "Met at the fair. Likes tea.");
    world.org.patch("Contact", &cast.contact, json!({ "Description": edited })).await;
    world.sync().await;
    assert_eq!(world.open_changes().await, []);
    world.tell(&[meeting(&world.org, "m3", 1, &[ADA])]).await;
    world.sync().await;
    let written = description(&world.org, "Contact", &cast.contact).await;
    assert_says(&written, &["Likes tea.", "Learned in m3"]);
    assert!(!written.contains("Learned in m2"), "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_opened_again_after_it_was_read_stays_open() {
    let (world, _) = stage().await;
    let told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")]);
    world.tell(&[told]).await;
    world.sync().await;
    let task = text(&tasks(&world.org).await.remove(0)["Id"]);
    world.org.patch("Task", &task, json!({ "Status": "Completed" })).await;
    world.sync().await;
    assert_eq!(world.meeting("m1").await["action_items"][0]["done"], true);

    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One, told anew")]);
    told["insights"][0]["text"] = "Learned anew".into();
    world.tell(&[told]).await;
    let fault = json!({
        "method": "POST", "path": format!("{COLLECTION}/Contact"), "kind": "hang",
        "milliseconds": 1_000,
    });
    world.org.fault(fault).await;
    while_it_hangs(&world, &["sync"], async || {
        world.org.patch("Task", &task, json!({ "Status": "Not Started" })).await;
    })
    .await;
    let open = tasks(&world.org).await.remove(0);
    assert_eq!(open["Status"], "Not Started");
    world.sync().await;
    let open = tasks(&world.org).await.remove(0);
    assert_eq!(
        (&open["Status"], &open["Subject"]),
        (&json!("Not Started"), &json!("One, told anew"))
    );
    assert_eq!(world.meeting("m1").await["action_items"][0]["done"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lead_was_to_get_its_contact_gets() {
    let (world, cast) = stage().await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[LEO])]).await;
    let waiting = json!({ "ids": [cast.lead] });
    world.org.control(Method::POST, "/records/submit", waiting.clone()).await;
    world.sync().await;
    assert_eq!(world.failures().await.len(), 1);
    world.org.control(Method::POST, "/records/approve", waiting).await;
    let contact = text(&world.org.convert(&cast.lead).await["contactId"]);
    world.sync().await;
    assert_says(&description(&world.org, "Contact", &contact).await, &["Learned in m1"]);
    assert_eq!(world.failures().await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_guest_whose_record_is_refused_keeps_nothing_from_another_who_comes_later() {
    let (world, cast) = stage().await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA, "nora@newton.example"])]).await;
    let waiting = json!({ "ids": [cast.contact] });
    world.org.control(Method::POST, "/records/submit", waiting.clone()).await;
    world.sync().await;
    assert_eq!(world.failures().await.len(), 1);
    let nora = json!({ "LastName": "Newton", "Email": "nora@newton.example" });
    let nora = world.org.create("Contact", nora).await;
    world.sync().await;
    assert_says(&description(&world.org, "Contact", &nora).await, &["Learned in m1"]);
    assert_eq!(world.failures().await.len(), 1, "the other one still waits for a mend");
    world.org.control(Method::POST, "/records/approve", waiting).await;
    world.ok(&["failures", "retry"]).await;
    world.sync().await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in m1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_does_half_of_what_never_arrived_is_not_taken_for_us() {
    let (world, _) = stage().await;
    let told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")]);
    world.tell(&[told]).await;
    world.sync().await;
    let task = text(&tasks(&world.org).await.remove(0)["Id"]);
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One, but better")]);
    told["action_items"][0]["done"] = true.into();
    world.tell(&[told]).await;
    let fault = json!({ "method": "PATCH", "path": COLLECTION, "kind": "cut-before" });
    world.org.fault(fault).await;
    world.efficlose(&["sync", "--object", "Task"]).await.failed();
    world.org.patch("Task", &task, json!({ "Status": "Completed" })).await;
    world.sync().await;
    assert_eq!(world.open_changes().await, []);
    let task = tasks(&world.org).await.remove(0);
    assert_eq!(
        (&task["Subject"], &task["Status"]),
        (&json!("One, but better"), &json!("Completed"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_does_not_come_back_with_a_merge() {
    let (world, cast) = stage().await;
    let heir = json!({ "LastName": "Zebra", "AccountId": cast.account });
    let heir = world.org.create("Contact", heir).await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    world.sync().await;
    world.ok(&["changes", "undo", "m1"]).await;
    world.org.merge(&heir, &[&cast.contact]).await;
    world.sync().await;
    world.sync().await;
    let kept = description(&world.org, "Contact", &heir).await;
    assert!(!kept.contains("Learned in m1"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_not_sent_again_while_its_meeting_waits_for_someone() {
    let (world, cast) = stage().await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA, "nora@newton.example"])]).await;
    let waiting = json!({ "ids": [cast.contact] });
    world.org.control(Method::POST, "/records/submit", waiting).await;
    world.sync().await;
    let failures = world.failures().await;
    assert_eq!((failures.len(), &failures[0]["attempts"]), (1, &json!(1)));
    for name in ["One", "Two"] {
        world.org.create("Contact", json!({ "LastName": name })).await;
        world.org.forget_requests().await;
        world.sync().await;
        assert_eq!(world.org.writes().await, Vec::<Json>::new());
    }
    assert_eq!(world.failures().await[0]["attempts"], 1);
    world.ok(&["failures", "retry"]).await;
    world.sync().await;
    assert_eq!(world.failures().await[0]["attempts"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_while_a_write_is_refused_is_tried() {
    let (world, _) = stage().await;
    world.sync().await;
    let rule = json!({ "object": "Task", "when": { "Subject": "One" }, "message": "Not that." });
    world.org.control(Method::POST, "/validation-rules", rule).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    let fault =
        json!({ "method": "POST", "path": COLLECTION, "kind": "hang", "milliseconds": 2_000 });
    world.org.fault(fault).await;
    while_it_hangs(&world, &["sync", "--object", "Task"], async || {
        world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "Two")])]).await;
    })
    .await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await[0]["Subject"], "Two");
    assert_eq!(world.failures().await, Vec::<Json>::new());
}
