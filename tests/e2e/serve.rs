//! The daemon.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::cast::{ADA, description, meeting, stage};
use crate::world::{World, array, assert_says, eventually, text};

/// Returns the runs of an org, the latest first.
pub(crate) async fn runs(world: &World, org: &str) -> Vec<Json> {
    array(world.json(&["runs", "--org", org, "--limit", "100"]).await)
}

/// Returns how many runs of an org have completed.
pub(crate) async fn completed(world: &World, org: &str) -> usize {
    let runs = runs(world, org).await;
    runs.iter().filter(|run| run["ended"] == "complete").count()
}

/// Tells whether the jobs of all objects have completed, both ways.
pub(crate) async fn is_through(world: &World, org: &str) -> bool {
    completed(world, org).await >= 10
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_syncs_what_is_due_and_ends_when_it_is_told_to() {
    let world = World::ready().await;
    let org = world.org_id().await;
    let mut daemon = world.spawn(&["serve"]);
    assert_eq!(daemon.line_starting("Serving").await, "Serving 1 connected org; Ctrl-C stops.");
    eventually("all objects to be synced", async || is_through(&world, &org).await).await;
    daemon.terminate().await;
    let output = daemon.end().await.succeeded();
    assert_says(&output.stdout, &["Stopped."]);
    world.assert_in_step().await;
    let status = world.json(&["status"]).await;
    for object in array(status["orgs"][0]["objects"].clone()) {
        let next: jiff::Timestamp = text(&object["next_at"]).parse().unwrap();
        let hours = next.duration_since(world.org.now).as_secs_f64() / 3_600.0;
        assert!((1.9..2.1).contains(&hours), "{object}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_that_is_told_while_the_daemon_runs_is_written_soon() {
    let (world, cast) = stage().await;
    let org = world.org_id().await;
    let daemon = world.spawn(&["serve"]);
    eventually("all objects to be synced", async || is_through(&world, &org).await).await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    eventually("the meeting to be written", async || {
        description(&world.org, "Contact", &cast.contact).await.contains("Learned in m1")
    })
    .await;
    daemon.terminate().await;
    daemon.end().await.succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_ends_after_the_page_that_is_being_done() {
    let world = World::ready().await;
    let org = world.org_id().await;
    world.org.fault(json!({ "path": "{V}/queryAll", "after": 1, "kind": "hang" })).await;
    let mut daemon = world.spawn(&["serve"]);
    eventually("a page to hang", async || world.org.has_struck().await).await;
    daemon.terminate().await;
    daemon.error_saying("stops after the pages").await;
    assert!(!daemon.has_ended(), "the page is not done yet");
    world.org.calm().await;
    daemon.end().await.succeeded();
    // Accounts were done before, contacts were being done.
    assert_eq!(world.records("Account").await.len(), 10);
    assert_eq!(world.records("Contact").await.len(), 30);
    assert_eq!(world.records("Lead").await.len(), 0);
    let runs = runs(&world, &org).await;
    assert!(runs.iter().all(|run| run["ended"] != "running"), "{runs:?}");
    world.sync().await;
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_told_to_stop_ends_after_its_page_and_the_next_goes_on() {
    let world = World::ready().await;
    world.org.fault(json!({ "path": "{V}/queryAll", "after": 1, "kind": "hang" })).await;
    let mut sync = world.spawn(&["sync"]);
    eventually("a page to hang", async || world.org.has_struck().await).await;
    sync.terminate().await;
    assert!(!sync.has_ended(), "the page is not done yet");
    world.org.calm().await;
    let output = sync.end().await.failed();
    assert_says(&output.stderr, &["the sync was stopped; the next one goes on from there"]);
    assert_eq!(world.records("Contact").await.len(), 30);
    assert_eq!(world.records("Lead").await.len(), 0);
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "pull")["counts"]["mapped"], 0);
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sick_org_does_not_stop_another() {
    let world = World::ready().await;
    let sick = world.org_id().await;
    let (_org, other) = world.connect_another().await;
    assert_ne!(sick, other);
    world.org.control(Method::POST, "/refresh-tokens/revoke", json!({})).await;
    let daemon = world.spawn(&["serve"]);
    eventually("the other org to be synced", async || is_through(&world, &other).await).await;
    eventually("the sick org to be tried", async || !runs(&world, &sick).await.is_empty()).await;
    daemon.terminate().await;
    let output = daemon.end().await.succeeded();
    assert_says(&output.stderr, &["the refresh token was revoked"]);
    let status = world.json(&["status"]).await;
    let state = |org: &str| {
        let all = status["orgs"].as_array().unwrap();
        text(&all.iter().find(|one| one["org"] == org).unwrap()["state"])
    };
    assert_eq!(state(&sick), "Needs to be connected again");
    assert_eq!(state(&other), "Connected");
    let list = ["records", "list", "--object", "Contact", "--limit", "100", "--org", &other];
    assert_eq!(world.json(&list).await.as_array().unwrap().len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_of_all_orgs_names_the_sick_one_and_syncs_the_others() {
    let world = World::ready().await;
    let first = world.org_id().await;
    let (other, second) = world.connect_another().await;
    let output = world.efficlose(&["runs"]).await.failed();
    assert_says(&output.stderr, &["2 orgs are connected", "--org", &first, &second]);
    for sick in [&world.org, &other] {
        sick.control(Method::PATCH, "/settings", json!({ "apiDisabled": true })).await;
        let (sync, error) = world.sync_fails().await;
        assert_says(&text(&error["message"]), &["the API is closed to this org"]);
        let complete = sync.runs().iter().filter(|run| run["ended"] == "complete").count();
        assert_eq!(complete, 10, "{:?}", sync.runs());
        sick.control(Method::PATCH, "/settings", json!({ "apiDisabled": false })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_blackout_nothing_syncs_by_itself_and_other_orgs_do() {
    let world = World::ready().await;
    let dark = world.org_id().await;
    let (_org, other) = world.connect_another().await;
    let file = world.home().join("config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let head = format!("[orgs.{dark}]\n");
    assert!(config.contains(&head), "{config}");
    let blackout =
        format!("{head}blackouts = [\"mon-sun 00:00-00:00\"]\ntime_zone = \"Europe/Berlin\"\n");
    std::fs::write(&file, config.replace(&head, &blackout)).unwrap();
    let daemon = world.spawn(&["serve"]);
    eventually("the other org to be synced", async || is_through(&world, &other).await).await;
    daemon.terminate().await;
    daemon.end().await.succeeded();
    assert_eq!(runs(&world, &dark).await, Vec::<Json>::new());
    assert_says(&world.ok(&["status", "--org", &dark]).await.stdout, &["A blackout holds"]);
    world.ok(&["sync", "--org", &dark]).await;
    assert!(!runs(&world, &dark).await.is_empty(), "a person may all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_told_what_was_done_and_how_long_it_took() {
    let world = World::ready().await;
    let (collector, mut told) = collector().await;
    let file = world.home().join("config.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("telemetry.otlp = \"{collector}\"\n{settings}")).unwrap();
    let org = world.org_id().await;
    let daemon = world.spawn(&["serve"]);
    eventually("all objects to be synced", async || is_through(&world, &org).await).await;
    daemon.terminate().await;
    daemon.end().await.succeeded();
    let mut all = Vec::new();
    while let Ok(traces) = told.try_recv() {
        all.extend(traces);
    }
    // They are in a binary form, in which texts stand as they are.
    let all = String::from_utf8_lossy(&all);
    assert_says(&all, &["efficlose", "round", &org, "Opportunity", "call", "/services/data/"]);
    assert!(!all.contains("Bearer"), "a token was told");
}

/// Listens as a collector of traces does; returns its address and what it is told.
async fn collector() -> (String, tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>) {
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let take = move |body: axum::body::Bytes| {
        tell.send(body.to_vec()).unwrap();
        async { "" }
    };
    let pages = axum::Router::new().route("/v1/traces", axum::routing::post(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, pages).into_future());
    (address, told)
}
