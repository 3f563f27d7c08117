//! What Salesforce, the mapping or a missing right keeps from being written waits for a mend,
//! and keeps nothing else.

use serde_json::{Value as Json, json};

use crate::cast::{
    ADA, assert_one_task_each, block, description, meeting, stage, tasks, with_items,
};
use crate::world::{World, assert_says, none, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_its_field_does_not_hold_waits_for_a_mend() {
    let (world, _) = stage().await;
    world.org.change_field("Task", "Subject", json!({ "length": 10 })).await;
    let items = [("a", "Short"), ("b", "Longer than ten characters")];
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &items)]).await;
    world.org.forget_requests().await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Task", "push")["counts"]["failed"], 1);
    let failure = world.failures().await.remove(0);
    assert_eq!(failure["subject"], "m1/b");
    assert_eq!(failure["at"], "Subject");
    assert_says(&text(&failure["message"]), &["Task.Subject has 26 characters"]);
    assert_says(&text(&failure["mend"]), &["the field holds 10"]);
    assert_eq!(tasks(&world.org).await.len(), 1, "the other item has its task");
    assert_mended_by_retry(&world, async || {
        world.org.change_field("Task", "Subject", json!({ "length": 255 })).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_salesforce_refuses_waits_for_a_mend() {
    let (world, _) = stage().await;
    world.sync().await;
    let error = json!({
        "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "message": "A task needs a due date", "fields": ["ActivityDate"],
    });
    let body = json!([{ "success": false, "errors": [error] }]);
    let path = "{V}/composite/sobjects";
    let fault =
        json!({ "method": "POST", "path": path, "kind": "status", "status": 200, "body": body });
    world.org.fault(fault).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.json(&["sync", "--object", "Task"]).await;
    let failure = world.failures().await.remove(0);
    assert_eq!(failure["code"], "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert_eq!(failure["mender"], "record_owner");
    let cause = text(&failure["message"]);
    assert_says(&cause, &["a validation rule refused the record", "A task needs a due date"]);
    assert_says(&text(&failure["mend"]), &["Mend the record as the rule says"]);
    let listed = world.ok(&["failures", "list"]).await.stdout;
    assert_says(&listed, &["m1/a", "A task needs a due date", "mends: record owner"]);
    assert_eq!(tasks(&world.org).await, Vec::<Json>::new());
    assert_mended_by_retry(&world, async || {}).await;
}

/// Asserts that a failed write stays until its cause is gone and somebody says so.
async fn assert_mended_by_retry(world: &World, mend: impl AsyncFnOnce()) {
    mend().await;
    world.sync().await;
    assert_eq!(world.failures().await.len(), 1, "nothing is tried again by itself");
    assert_eq!(world.json(&["failures", "retry"]).await["writes_queued"], 1);
    world.sync().await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
    assert_one_task_each(world, "m1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_locked_for_a_moment_is_written_all_the_same() {
    let (world, _) = stage().await;
    world.sync().await;
    let fault = json!({ "method": "POST", "path": "{V}/composite/sobjects", "kind": "lock-row" });
    world.org.fault(fault).await;
    let items = [("a", "One"), ("b", "Two")];
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &items)]).await;
    world.json(&["sync", "--object", "Task"]).await;
    assert!(world.org.has_struck().await);
    assert_eq!(world.failures().await, Vec::<Json>::new());
    assert_one_task_each(&world, "m1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_a_lock_refused_is_planned_anew_by_the_next_sync() {
    let (world, cast) = stage().await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    let path = "{V}/composite/sobjects";
    let fault = json!({ "method": "PATCH", "path": path, "kind": "lock-row", "times": 99 });
    world.org.fault(fault).await;
    world.org.forget_requests().await;
    world.ok(&["sync", "--object", "Contact"]).await;
    let sent = world.org.writes().await;
    assert_eq!(sent.len(), 1, "it is not sent again: {sent:?}");
    world.org.calm().await;
    // Whoever held the lock has changed the text.
    let text = json!({ "Description": "Met at the trade fair." });
    world.org.patch("Contact", &cast.contact, text).await;
    world.sync().await;
    let expected = format!("Met at the trade fair.\n\n{}", block(&world, "m1", 2));
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, expected);
    assert_eq!(world.failures().await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_that_a_mapping_never_ends_with_keeps_no_other_from_being_written() {
    let world = World::ready_with(none()).await;
    let guest = |nth: usize| format!("guest{nth}@zebra.example");
    let people = (0..40).map(|nth| json!({ "LastName": format!("G {nth}"), "Email": guest(nth) }));
    world.org.create_many("Contact", people.collect()).await;
    let script = "export const fields = ['LastName', 'Email'];
export const columns = ['last_name', 'email'];
export const writes = { Title: 'overwrite' };
export function pull(r) { return { last_name: r.LastName, email: r.Email }; }
export function push(q) { if (q.meeting.id === 'm7') for (;;); return { Title: q.meeting.title }; }";
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("contact.js"), script).unwrap();
    world.sync().await;
    let meetings: Vec<Json> =
        (0..40).map(|nth| meeting(&world.org, &format!("m{nth}"), 1, &[&guest(nth)])).collect();
    world.tell(&meetings).await;
    let sync = world.json(&["sync", "--object", "Contact"]).await;
    let runs = sync["runs"].as_array().unwrap();
    let push = runs.iter().find(|run| run["direction"] == "push").unwrap();
    assert_eq!((&push["counts"]["pushed"], &push["counts"]["failed"]), (&json!(39), &json!(1)));
    let failures = world.failures().await;
    assert_eq!(failures.len(), 1);
    assert_says(&text(&failures[0]["message"]), &["ran longer than"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_written_for_want_of_a_right_waits_for_it_and_is_foreseen() {
    let (world, cast) = stage().await;
    world.sync().await;
    world.org.change_field("Contact", "Description", json!({ "readOnly": true })).await;
    world.org.secure_object(json!({ "object": "Task", "readOnly": true })).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    let plan = world.json(&["sync", "--dry-run"]).await["orgs"][0]["refused"].take();
    let said = plan.to_string();
    assert_says(
        &said,
        &[
            "may only read Contact.Description",
            "may not create records of Task",
            "--permission-set",
        ],
    );
    world.sync().await;
    let failures = world.failures().await;
    assert_eq!(failures.len(), 2, "{failures:?}");
    world.org.change_field("Contact", "Description", json!({ "readOnly": false })).await;
    world.org.secure_object(json!({ "object": "Task" })).await;
    world.ok(&["failures", "retry"]).await;
    world.sync().await;
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in m1"]);
    assert_one_task_each(&world, "m1").await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
}
