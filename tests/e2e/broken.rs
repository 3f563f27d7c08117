//! Connections that break: how it is told, and what mends them.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::connect::state;
use crate::world::{World, assert_says, text};

const CLOSED: &str = "Needs to be connected again";

/// Has Salesforce refuse to renew sessions, until it is calmed.
async fn refuse_renewals(world: &World, code: &str, words: &str) {
    let refusal = json!({ "error": code, "error_description": words });
    let path = "/services/oauth2/token";
    let fault =
        json!({ "path": path, "times": 99, "kind": "status", "status": 400, "body": refusal });
    world.org.fault(fault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_is_refused_ends_the_sync_and_is_mended_by_a_later_one() {
    for (code, said, becomes) in [
        ("invalid_client_id", "the app is not known at this login URL", CLOSED),
        ("temporarily_unavailable", "Salesforce's login is down for a moment", "Connected"),
    ] {
        let world = World::ready().await;
        world.org.expire_sessions().await;
        refuse_renewals(&world, code, "not now").await;
        world.org.forget_requests().await;
        let (sync, error) = world.sync_fails().await;
        assert_says(&text(&error["message"]), &["Account pull", said]);
        assert_eq!(sync.runs().len(), 1, "no other object is tried: {:?}", sync.runs());
        let requests = world.org.requests().await;
        let renewals = requests.iter().filter(|r| r["path"] == "/services/oauth2/token");
        assert_eq!(renewals.count(), 1, "{requests:?}");
        assert_eq!(state(&world).await, becomes, "{code}");
        world.org.calm().await;
        world.sync().await;
        assert_eq!(state(&world).await, "Connected", "{code}");
        world.assert_in_step().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_in_the_middle_of_a_sync_stays_broken() {
    let world = World::ready().await;
    let ended = json!([{ "errorCode": "INVALID_SESSION_ID", "message": "Session expired" }]);
    // Accounts are read before, contacts are being read.
    let path = "{V}/queryAll";
    let fault = json!({ "path": path, "after": 1, "kind": "status", "status": 401, "body": ended });
    world.org.fault(fault).await;
    refuse_renewals(&world, "invalid_grant", "expired access/refresh token").await;
    let (sync, error) = world.sync_fails().await;
    assert_eq!(sync.run("Account", "pull")["ended"], "complete");
    assert_says(&text(&error["message"]), &["Contact pull", "the refresh token was revoked"]);
    assert_eq!(state(&world).await, CLOSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_asks_nothing_of_the_org_mends_no_connection() {
    let world = World::ready().await;
    world.org.control(Method::POST, "/refresh-tokens/revoke", json!({})).await;
    world.sync_fails().await;
    assert_eq!(state(&world).await, CLOSED);
    world.choose_of_each(|object| object["pull"] = toml_edit::value(false));
    world.org.forget_requests().await;
    let sync = world.sync().await;
    assert!(sync.runs().iter().all(|run| run["ended"] == "complete"), "{:?}", sync.runs());
    assert_eq!(world.org.requests().await, Vec::<Json>::new());
    assert_eq!(state(&world).await, CLOSED);
}
