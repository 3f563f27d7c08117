//! Settings that are changed while the daemon runs: it heeds them.

use reqwest::Method;
use serde_json::json;

use crate::serve::{completed, is_through, runs};
use crate::world::{World, array, assert_fails, assert_says, eventually, text};

/// Sets how often all objects sync.
fn sync_every(world: &World, minutes: i64) {
    world.choose_of_each(|object| object["every_minutes"] = toml_edit::value(minutes));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_interval_takes_effect_at_once() {
    let world = World::ready().await;
    let org = world.org_id().await;
    sync_every(&world, 10_080);
    let daemon = world.spawn(&["serve"]);
    eventually("all objects to be synced", async || is_through(&world, &org).await).await;
    sync_every(&world, 15);
    eventually("all to be synced again", async || completed(&world, &org).await >= 20).await;
    daemon.terminate().await;
    daemon.end().await.succeeded();
    let status = world.json(&["status"]).await;
    for object in array(status["orgs"][0]["objects"].clone()) {
        let next: jiff::Timestamp = text(&object["next_at"]).parse().unwrap();
        let minutes = next.duration_since(world.org.now).as_mins();
        assert!((14..30).contains(&minutes), "{object}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blackout_that_begins_ends_the_sync_that_is_under_way() {
    let world = World::ready().await;
    let org = world.org_id().await;
    // So that the import takes longer than anything here is waited for.
    world.org.control(Method::PATCH, "/settings", json!({ "pageLimit": 1 })).await;
    let path = "{V}/queryAll";
    let slow = json!({ "path": path, "times": 1_000, "kind": "hang", "milliseconds": 500 });
    world.org.fault(slow).await;
    let daemon = world.spawn(&["serve"]);
    eventually("a sync to begin", async || !runs(&world, &org).await.is_empty()).await;
    world.choose(|org| {
        let always = toml_edit::Array::from_iter(["mon-sun 00:00-00:00"]);
        org["blackouts"] = toml_edit::value(always);
    });
    eventually("the sync to be stopped", async || {
        runs(&world, &org).await.iter().any(|run| run["ended"] == "stopped")
    })
    .await;
    daemon.terminate().await;
    daemon.end().await.succeeded();
    assert_eq!(world.records("Task").await.len(), 0);
    world.org.calm().await;
    world.org.control(Method::PATCH, "/settings", json!({ "pageLimit": 2_000 })).await;
    world.sync().await;
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signers_that_are_named_are_heeded_by_the_next_sync() {
    let world = World::ready().await;
    let org = world.org_id().await;
    let key = world.home().join("signing.key").display().to_string();
    let made = world.json(&["plugin", "keygen", &key]).await;
    let daemon = world.spawn(&["serve"]);
    eventually("all objects to be synced", async || is_through(&world, &org).await).await;
    let file = world.home().join("config.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let signers = format!("[mapping]\nsigners = [{}]\n\n{settings}", made["signer"]);
    std::fs::write(&file, signers).unwrap();
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    let forged = "export const fields = ['Email'];
export const pull = () => ({ email: 'forged@x.example' });";
    std::fs::write(folder.join("contact.js"), forged).unwrap();
    eventually("the mapping to be refused", async || {
        let status = world.json(&["status"]).await;
        let objects = array(status["orgs"][0]["objects"].clone());
        let contact = objects.iter().find(|one| one["object"] == "Contact").unwrap();
        text(&contact["mapping_refused"]["message"]).contains("it is not signed")
    })
    .await;
    daemon.terminate().await;
    daemon.end().await.succeeded();
    let contacts = world.records("Contact").await;
    assert!(contacts.iter().all(|contact| contact["email"] != "forged@x.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_domain_is_refused_wherever_it_is_told() {
    let world = World::ready().await;
    let odd = ["setup", "--yes", "--own-domain", "https://northwind.example/"];
    let output = world.efficlose(&odd).await;
    assert_eq!(output.code, Some(2));
    assert_says(&output.stderr, &["is no domain", "write it like northwind.example"]);
    world.ok(&["setup", "--yes", "--own-domain", "@Northwind.Example"]).await;
    let file = world.home().join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_says(&text, &["own_domains = [\"northwind.example\"]"]);
    std::fs::write(&file, text.replace("\"northwind.example\"", "\"not a domain\"")).unwrap();
    assert_fails(world.efficlose(&["status"]).await, "\"not a domain\" is no domain", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_of_mappings_that_are_none_are_refused_at_their_line() {
    let world = World::ready().await;
    let file = world.home().join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n[mapping]\nmemory_mib = 1\n")).unwrap();
    let output = world.efficlose(&["sync"]).await;
    assert_fails(output, "1 is not within 16 to 4096", "");
}
