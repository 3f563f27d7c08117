//! Large objects, which Salesforce extracts before they are fetched.

use efficlose_sandbox::{Records, Settings};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::filter::bring;
use crate::world::{World, assert_fails, assert_says, eventually, few, text};

/// How many leads an extract pays for, where calls are few; it has two parts.
const LEADS: usize = 18_100;

/// Returns a world with many leads, in which no calls must be wasted.
async fn thrifty() -> World {
    let records = Records { lead: u32::try_from(LEADS).unwrap(), ..Records::none() };
    let world = World::ready_with(Settings { records, ..few() }).await;
    let limit = json!({ "dailyLimit": 200, "dailyUsage": 0 });
    world.org.control(Method::PATCH, "/settings", limit).await;
    world
}

const SYNC: [&str; 3] = ["sync", "--object", "Lead"];

/// Has an extract asked for eight hours ago.
const HOURS: &str = "UPDATE jobs SET extract_since = extract_since - 28800000000
                     WHERE extract_since IS NOT NULL";

/// Returns how many requests went to these paths.
async fn asked(world: &World, method: &str, path: &str) -> usize {
    let requests = world.org.requests().await;
    let of = |request: &&Json| request["method"] == method && text(&request["path"]).contains(path);
    requests.iter().filter(of).count()
}

/// Returns all that is kept of each lead, ordered by id.
async fn leads(world: &World) -> Vec<Json> {
    let mut leads = world.records("Lead").await;
    leads.sort_by_key(|lead| text(&lead["id"]));
    leads
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_is_extracted_and_is_the_same_as_by_pages() {
    let world = thrifty().await;
    let plan = world.json(&["sync", "--plan"]).await["orgs"][0].take();
    assert!(plan.to_string().contains("Salesforce extracts it"), "{plan}");
    world.ok(&SYNC).await;
    assert_eq!(asked(&world, "POST", "/jobs/query").await, 1);
    let extracted = leads(&world).await;
    assert_eq!(extracted.len(), LEADS);
    world.assert_in_step().await;
    // Where calls abound, pages are read, which come at once.
    let limit = json!({ "dailyLimit": 1_000_000, "dailyUsage": 0 });
    world.org.control(Method::PATCH, "/settings", limit).await;
    world.ok(&SYNC).await;
    world.org.pass(3_600).await;
    world.ok(&SYNC).await;
    let whole = ["backfill", "--object", "Lead", "--from", "2000-01-01"];
    let counts = world.json(&whole).await["runs"][0]["counts"].take();
    let all = json!(LEADS);
    assert_eq!((&counts["pulled"], &counts["unchanged"]), (&all, &all), "{counts}");
    assert_eq!(leads(&world).await, extracted);
    let sync = world.json(&SYNC).await;
    assert_eq!(sync["total"]["calls"], 1, "{sync}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_salesforce_extracts_is_read_behind_it() {
    let world = thrifty().await;
    let first = world.org.soql("SELECT Id FROM Lead ORDER BY Id LIMIT 3").await;
    let [changed, deleted, hidden] = [0, 1, 2].map(|place| text(&first[place]["Id"]));
    world.org.control(Method::PATCH, "/settings", json!({ "pollsPerJobState": 1_000 })).await;
    let running = world.spawn(&SYNC);
    eventually("the job to be looked at", async || asked(&world, "GET", "/jobs/query/").await > 0)
        .await;
    world.org.patch("Lead", &changed, json!({ "Title": "Changed meanwhile" })).await;
    world.org.delete("Lead", &deleted).await;
    let created = world.org.create("Lead", json!({ "LastName": "New", "Company": "New" })).await;
    world.org.control(Method::PATCH, "/settings", json!({ "pollsPerJobState": 0 })).await;
    running.end().await.succeeded();
    assert_eq!(world.record("Lead", &changed).await["entity"]["title"], "Changed meanwhile");
    assert_eq!(world.record("Lead", &created).await["entity"]["name"], "New");
    world.assert_in_step().await;

    // What is not there any more is found by an extract too.
    world.org.pass(3_600).await;
    world.ok(&SYNC).await;
    world.org.control(Method::POST, "/records/hide", json!({ "ids": [hidden] })).await;
    world.org.control(Method::POST, "/records/purge", json!({ "ids": [deleted] })).await;
    let found = world.json(&["verify", "--object", "Lead"]).await["objects"][0].take();
    assert_eq!(asked(&world, "POST", "/jobs/query").await, 2);
    assert_eq!((&found["hidden"], &found["missing"]), (&json!(1), &json!(0)), "{found}");
    assert_eq!(world.record("Lead", &hidden).await["state"], "hidden");
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_goes_on_with_the_same_extract_at_its_part() {
    let world = thrifty().await;
    world.org.control(Method::PATCH, "/settings", json!({ "pollsPerJobState": 0 })).await;
    // The first looks at the job, and the first part, pass.
    let second = json!({ "path": "{V}/jobs/query/", "after": 2, "kind": "hang" });
    world.org.fault(second).await;
    let mut running = world.spawn(&SYNC);
    eventually("the second part to hang", async || {
        assert!(!running.has_ended());
        world.org.has_struck().await && !world.records("Lead").await.is_empty()
    })
    .await;
    running.kill().await;
    world.org.calm().await;
    let before = world.records("Lead").await.len();
    assert!((1..LEADS).contains(&before), "{before}");
    world.org.forget_requests().await;
    let rest = world.json(&SYNC).await["total"].take();
    assert_eq!(rest["mapped"], LEADS - before, "{rest}");
    assert_eq!(asked(&world, "POST", "/jobs/query").await, 0, "the job goes on");
    assert_eq!(leads(&world).await.len(), LEADS);
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extract_that_is_refused_or_lost_gives_way_to_pages() {
    let refused = json!([{ "errorCode": "FEATURE_NOT_ENABLED", "message": "No bulk here." }]);
    let gone = json!([{ "errorCode": "NOT_FOUND", "message": "No such job." }]);
    for (path, after, status, body) in [
        ("{V}/jobs/query", 0, 400, &refused),
        ("{V}/jobs/query/", 0, 404, &gone),
        ("{V}/jobs/query/", 1, 404, &gone),
    ] {
        let world = thrifty().await;
        world.org.control(Method::PATCH, "/settings", json!({ "pollsPerJobState": 0 })).await;
        let fault = json!({
            "path": path, "after": after, "kind": "status", "status": status, "body": body,
        });
        world.org.fault(fault).await;
        let output = world.efficlose(&[&SYNC[..], &["-v"]].concat()).await.succeeded();
        assert!(world.org.has_struck().await);
        assert_says(&output.stderr, &["by pages"]);
        assert_eq!(leads(&world).await.len(), LEADS);
        world.assert_in_step().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_passes_leaves_an_extract_to_the_next_sync() {
    let world = thrifty().await;
    world.org.control(Method::PATCH, "/settings", json!({ "pollsPerJobState": 0 })).await;
    // The look at the job, and the first part, pass.
    let refused = json!([{ "errorCode": "ORG_IN_MAINTENANCE", "message": "Back soon." }]);
    let fault = json!({
        "path": "{V}/jobs/query/", "after": 2, "kind": "status", "status": 503, "body": refused,
    });
    world.org.fault(fault).await;
    let output = world.efficlose(&SYNC).await;
    assert_fails(output, "the org is in maintenance", "tried again in the next run");
    let before = world.records("Lead").await.len();
    assert!((1..LEADS).contains(&before), "{before}");
    let rest = world.json(&SYNC).await["total"].take();
    assert_eq!(rest["mapped"], LEADS - before, "{rest}");
    assert_eq!(asked(&world, "POST", "/jobs/query").await, 1, "the job goes on");
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extract_that_is_not_ready_after_hours_is_given_up() {
    let world = thrifty().await;
    world.org.control(Method::PATCH, "/settings", json!({ "pollsPerJobState": 1_000 })).await;
    let running = world.spawn(&SYNC);
    eventually("the job to be looked at", async || asked(&world, "GET", "/jobs/query/").await > 0)
        .await;
    running.terminate().await;
    let output = running.end().await.failed();
    assert_says(&output.stderr, &["the sync was stopped; the next one goes on from there"]);
    assert_eq!(world.records("Lead").await, Vec::<Json>::new());
    world.age(HOURS).await;
    world.org.forget_requests().await;
    let output = world.efficlose(&[&SYNC[..], &["-v"]].concat()).await.succeeded();
    assert_says(&output.stderr, &["given up after hours", "by pages"]);
    assert_eq!(asked(&world, "GET", "/jobs/query/").await, 1, "it is looked at once more");
    assert_eq!(asked(&world, "POST", "/jobs/query").await, 0);
    assert_eq!(leads(&world).await.len(), LEADS);
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_counted_is_extracted_too() {
    let world = thrifty().await;
    world.org.change_field("Lead", "Title", json!({ "visible": false })).await;
    // The look at all objects fails, so that each is looked at by itself.
    let refused = json!([{ "errorCode": "FEATURE_NOT_ENABLED", "message": "One at a time." }]);
    let fault = json!({
        "method": "POST", "path": "{V}/composite", "kind": "status", "status": 400, "body": refused,
    });
    world.org.fault(fault).await;
    world.ok(&SYNC).await;
    assert!(world.org.has_struck().await);
    assert_eq!(asked(&world, "POST", "/jobs/query").await, 1);
    world.org.pass(3_600).await;
    world.ok(&SYNC).await;
    // What the look brings is what has changed, by a description that is an old one by then.
    world.org.change_field("Lead", "Title", json!({ "visible": true })).await;
    world.ok(&SYNC).await;
    assert_eq!(asked(&world, "POST", "/jobs/query").await, 2);
    let leads = leads(&world).await;
    assert_eq!(leads.len(), LEADS);
    assert!(leads.iter().any(|lead| lead["title"] != Json::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parents_field_that_stays_hidden_is_no_reason_to_extract_all_again() {
    let world = thrifty().await;
    world.org.change_field("User", "Email", json!({ "visible": false })).await;
    world.ok(&SYNC).await;
    world.org.pass(3_600).await;
    world.ok(&SYNC).await;
    assert_eq!(asked(&world, "POST", "/jobs/query").await, 1);
    // What the parents show is looked at anew after a day.
    world.age("UPDATE descriptions SET seen_at = seen_at - 172800000000").await;
    let total = world.json(&SYNC).await["total"].take();
    assert_eq!(asked(&world, "POST", "/jobs/query").await, 1);
    assert_eq!(total["pulled"], 0, "{total}");
    assert_eq!(leads(&world).await.len(), LEADS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_from_the_beginning_is_not_ended_by_what_has_not_changed_since() {
    let world = thrifty().await;
    let named = r#"
export const fields = ["LastName"];
export const filter = "LastName != null";
export const pull = (record) => ({ last_name: record.LastName, name: record.LastName });"#;
    bring(&world, "lead.js", named);
    world.org.control(Method::PATCH, "/settings", json!({ "pollsPerJobState": 1_000 })).await;
    let running = world.spawn(&SYNC);
    eventually("the job to be looked at", async || asked(&world, "GET", "/jobs/query/").await > 0)
        .await;
    running.terminate().await;
    running.end().await.failed();
    // The extract is given up, and the first page that follows it doesn't come.
    world.age(HOURS).await;
    let refused = json!([{ "errorCode": "ORG_IN_MAINTENANCE", "message": "Back soon." }]);
    let fault = json!({ "path": "{V}/queryAll", "kind": "status", "status": 503, "body": refused });
    world.org.fault(fault).await;
    assert_fails(world.efficlose(&SYNC).await, "the org is in maintenance", "in the next run");
    assert!(world.org.has_struck().await);
    world.org.calm().await;
    world.org.pass(3_600).await;
    world.ok(&SYNC).await;
    assert_eq!(leads(&world).await.len(), LEADS);
}
