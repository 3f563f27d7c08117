//! Whether the store has what the org has, and how that is proven.

use efficlose_sandbox::{Records, Settings};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::filter::{PEOPLE, bring};
use crate::world::{World, array, assert_fails, assert_says, days_before, eventually, few, text};

/// Verifies one object, and returns what was found.
async fn verified(world: &World, object: &str) -> Json {
    world.json(&["verify", "--object", object]).await["objects"][0].take()
}

fn counts(verified: &Json) -> [u64; 5] {
    ["missing", "refreshed", "deleted", "hidden", "unselected"]
        .map(|name| verified[name].as_u64().unwrap())
}

/// Lets enough time pass that all that was saved so far is settled, and syncs.
async fn settled(world: &World) {
    world.org.pass(3_600).await;
    world.sync().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_has_all_is_proven_by_count_and_hash_and_says_when() {
    let world = World::ready().await;
    settled(&world).await;
    let all = world.json(&["verify"]).await;
    let objects = array(all["objects"].clone());
    assert_eq!(objects.len(), 5);
    for object in &objects {
        assert_eq!(counts(object), [0; 5], "{object}");
        assert_eq!(object["calls"], 1, "{object}");
        let windows = array(object["windows"].clone());
        assert!(windows.iter().all(|window| window["org"] == window["store"]), "{object}");
        let org: u64 = windows.iter().map(|w| w["org"]["count"].as_u64().unwrap()).sum();
        let name = text(&object["object"]);
        assert_eq!(org, world.records(&name).await.len() as u64);
    }
    let status = world.json(&["status"]).await;
    assert_eq!(status["orgs"][0]["objects"][0]["verified"]["at"], objects[0]["at"]);
    assert_says(&world.ok(&["status"]).await.stdout, &["verified", "complete"]);
    assert_says(&world.ok(&["verify"]).await.stdout, &["the same", "Contact: complete"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_cursor_sees_is_found_told_apart_and_mended() {
    let world = World::ready().await;
    settled(&world).await;
    let mut contacts = world.records("Contact").await;
    contacts.sort_by_key(|contact| text(&contact["modified_at"]));
    let id = |place: usize| text(&contacts[place]["id"]);
    let (late, hidden, purged) = (id(0), id(1), id(2));
    let last: Timestamp = text(&contacts[contacts.len() - 1]["modified_at"]).parse().unwrap();
    world.org.delete("Contact", &purged).await;
    world.org.control(Method::POST, "/records/purge", json!({ "ids": [purged] })).await;
    world.org.control(Method::POST, "/records/hide", json!({ "ids": [hidden] })).await;
    // Saved long before anyone could see it.
    world.org.patch("Contact", &late, json!({ "Title": "Seen late" })).await;
    let before_the_cursor = last - SignedDuration::from_secs(1);
    world.org.touch(std::slice::from_ref(&late), before_the_cursor).await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "pull")["counts"]["pulled"], 0, "no cursor tells of them");

    let found = verified(&world, "Contact").await;
    assert_eq!(counts(&found), [1, 0, 1, 1, 0], "{found}");
    let windows = array(found["windows"].clone());
    assert!(windows.iter().any(|window| window["org"] != window["store"]));
    assert_eq!(world.record("Contact", &late).await["entity"]["title"], "Seen late");
    let state = async |id: &str| text(&world.record("Contact", id).await["state"]);
    assert_eq!(state(&purged).await, "deleted");
    assert_eq!(state(&hidden).await, "hidden");
    world.assert_in_step().await;
    assert_eq!(counts(&verified(&world, "Contact").await), [0; 5]);

    world.org.control(Method::POST, "/records/show", json!({ "ids": [hidden] })).await;
    assert_eq!(counts(&verified(&world, "Contact").await), [1, 0, 0, 0, 0]);
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_sync_brings_is_found_right_after_one() {
    let world = World::ready().await;
    settled(&world).await;
    let young = ["Hidden", "Purged", "Kept", "Changed"].map(|name| json!({ "LastName": name }));
    let ids = world.org.create_many("Contact", young.to_vec()).await;
    let [hidden, purged, kept, changed] = <[String; 4]>::try_from(ids).unwrap();
    world.sync().await;
    let owner = text(&world.org.get("Contact", &kept, "OwnerId").await["OwnerId"]);
    world.org.pass(60).await;
    world.org.control(Method::POST, "/records/hide", json!({ "ids": [hidden] })).await;
    world.org.delete("Contact", &purged).await;
    world.org.control(Method::POST, "/records/purge", json!({ "ids": [purged] })).await;
    world.org.patch("User", &owner, json!({ "Email": "moved@ours.example" })).await;
    world.org.patch("Contact", &changed, json!({ "Title": "The next sync's" })).await;

    let found = verified(&world, "Contact").await;
    let [missing, refreshed, rest @ ..] = counts(&found);
    assert_eq!((missing, rest), (0, [1, 1, 0]), "{found}");
    assert!(refreshed > 0, "{found}");
    let entity = async |id: &str| world.record("Contact", id).await["entity"].take();
    assert_eq!(entity(&kept).await["owner_email"], "moved@ours.example");
    assert_eq!(entity(&changed).await["title"], Json::Null);
    world.sync().await;
    assert_eq!(entity(&changed).await["title"], "The next sync's");
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_stamp_went_back_is_stored_as_it_is_now() {
    let world = World::ready().await;
    settled(&world).await;
    let id = text(&world.records("Contact").await[0]["id"]);
    world.org.patch("Contact", &id, json!({ "Title": "Young" })).await;
    settled(&world).await;
    world.org.patch("Contact", &id, json!({ "Title": "Old" })).await;
    world.org.touch(std::slice::from_ref(&id), days_before(world.org.now, 3)).await;
    assert_eq!(counts(&verified(&world, "Contact").await), [1, 0, 0, 0, 0]);
    assert_eq!(world.record("Contact", &id).await["entity"]["title"], "Old");
    assert_eq!(counts(&verified(&world, "Contact").await), [0; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn formulas_and_parents_fields_are_refreshed_though_no_stamp_tells() {
    let world = World::ready().await;
    let user = world.org.soql("SELECT Id, OwnerId FROM Contact").await.remove(0);
    let (contact, owner) = (text(&user["Id"]), text(&user["OwnerId"]));
    settled(&world).await;
    world.org.patch("User", &owner, json!({ "Email": "moved@ours.example" })).await;
    assert_eq!(world.sync().await.total("mapped"), 0);
    let found = verified(&world, "Contact").await;
    assert!(counts(&found)[1] > 0, "{found}");
    let entity = world.record("Contact", &contact).await["entity"].take();
    assert_eq!(entity["owner_email"], "moved@ours.example");
    assert_says(
        &world.ok(&["status"]).await.stdout,
        &["complete;", "with new formulas or parents' fields"],
    );
    assert_eq!(counts(&verified(&world, "Contact").await), [0; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_is_kept_whatever_is_asked_for_and_says_what_it_holds_back() {
    let world = World::ready_with(Settings { ..few() }).await;
    let limit = json!({ "dailyLimit": 100, "dailyUsage": 0 });
    world.org.control(Method::PATCH, "/settings", limit).await;
    world.org.forget_requests().await;
    world.sync().await;
    for _ in 0..30 {
        world.efficlose(&["sync"]).await;
    }
    world.efficlose(&["verify"]).await.failed();
    let requests =
        world.org.control(Method::GET, "/requests?path=/services/data", Json::Null).await;
    let ours = requests["count"].as_u64().unwrap();
    let status = world.json(&["status"]).await["orgs"][0]["budget"].take();
    assert_eq!((&status["limit"], &status["percent"]), (&json!(20), &json!(20)));
    assert!(ours <= 20, "{ours} calls of the 20 that the budget allows");
    assert_eq!(status["used"], 20, "{status}");
    assert_eq!(status["held_back"].as_array().unwrap().len(), 4);
    let (_, error) = world.sync_fails().await;
    assert_says(&text(&error["message"]), &["the budget of 20 API calls in 24 hours is used up"]);
    assert_says(&text(&error["hint"]), &["budget_percent"]);
    let said = world.ok(&["status"]).await.stdout;
    assert_says(&said, &["20 of 20 that the budget allows (20%)", "Held back until"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_vanish_by_the_dozen_are_kept_until_someone_says_so() {
    let records = Records { contact: 1_500, ..Records::none() };
    let world = World::ready_with(Settings { records, ..few() }).await;
    settled(&world).await;
    let contacts = world.records("Contact").await;
    let ids: Vec<_> = contacts.iter().take(800).map(|contact| text(&contact["id"])).collect();
    world.org.control(Method::POST, "/records/hide", json!({ "ids": ids })).await;
    let refused = world.efficlose(&["verify", "--object", "Contact"]).await;
    assert_fails(refused, "800 of 1500 records of Contact are not visible", "--anyway");
    assert_eq!(world.records("Contact").await.len(), 1_500);
    // It waits for a mend, whoever has asked.
    let failure = world.failures().await.remove(0);
    assert_eq!(
        (&failure["subject"], &failure["object"]),
        (&json!("verification"), &json!("Contact"))
    );
    assert_says(&text(&failure["mend"]), &["--anyway"]);
    world.ok(&["failures", "retry"]).await;
    let anyway = ["verify", "--object", "Contact", "--anyway"];
    let found = world.json(&anyway).await["objects"][0].take();
    assert_eq!(counts(&found), [0, 0, 0, 800, 0]);
    assert_eq!(world.failures().await, Vec::<Json>::new());
    assert_eq!(found["calls"], 3, "the list, the look for those that lack, the deleted ones");
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daily_verification_that_fails_is_not_done_again_at_once_unless_it_is_asked_for() {
    let records = Records { contact: 150, ..Records::none() };
    let world = World::ready_with(Settings { records, ..few() }).await;
    settled(&world).await;
    let contacts = world.records("Contact").await;
    let ids: Vec<_> = contacts.iter().take(80).map(|contact| text(&contact["id"])).collect();
    world.org.control(Method::POST, "/records/hide", json!({ "ids": ids })).await;
    world.age("UPDATE jobs SET imported_at = imported_at - 172800000000").await;
    let asked = async || {
        world.org.forget_requests().await;
        world.sync().await;
        let requests = world.org.requests().await;
        requests.iter().filter(|one| text(&one["path"]).starts_with("/services/data")).count()
    };
    assert_eq!(asked().await, 1 + 4 + 3, "four objects are complete, and one is not");
    assert_eq!(asked().await, 1, "nothing has changed");
    let refused = world.efficlose(&["verify", "--object", "Contact"]).await;
    assert_fails(refused, "80 of 150 records of Contact are not visible", "--anyway");
    world.age("UPDATE verifications SET failed_at = failed_at - 43200000000").await;
    assert_eq!(asked().await, 1 + 3, "half a day later it is tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_salesforce_can_not_tell_at_the_moment_is_taken_for_nothing_and_asked_again() {
    let world = World::ready().await;
    settled(&world).await;
    let contacts = world.records("Contact").await;
    let [purged, hidden] = [0, 1].map(|place: usize| text(&contacts[place]["id"]));
    world.org.delete("Contact", &purged).await;
    world.org.control(Method::POST, "/records/purge", json!({ "ids": [purged] })).await;
    let refused = json!([{ "errorCode": "ORG_IN_MAINTENANCE", "message": "Back soon." }]);
    let fault = json!({
        "path": "{V}/sobjects/Contact/deleted", "kind": "status", "status": 503, "body": refused,
    });
    world.org.fault(fault).await;
    let output = world.efficlose(&["verify", "--object", "Contact"]).await;
    assert_fails(output, "the org is in maintenance", "tried again in the next run");
    assert_eq!(world.record("Contact", &purged).await["state"], "mapped");
    // All is looked at anew, not what was seen by then.
    world.org.control(Method::POST, "/records/hide", json!({ "ids": [hidden] })).await;
    assert_eq!(counts(&verified(&world, "Contact").await), [0, 0, 1, 1, 0]);
    world.sync().await;
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_goes_on_where_it_was_stopped_and_with_what_it_looked_for() {
    let records = Records { contact: 2_500, ..Records::none() };
    let world = World::ready_with(Settings { records, ..few() }).await;
    bring(&world, "contact.js", PEOPLE);
    settled(&world).await;
    world.org.fault(json!({ "path": "{V}/queryAll", "after": 1, "kind": "hang" })).await;
    let running = world.spawn(&["verify", "--object", "Contact"]);
    eventually("the second page to hang", async || world.org.has_struck().await).await;
    running.kill().await;
    world.org.calm().await;
    // It comes before those that were seen, and after that they were.
    let first = text(&world.records("Contact").await[0]["id"]);
    world.org.pass(3_600).await;
    world.org.patch("Contact", &first, json!({ "Title": "Changed since" })).await;
    world.org.create("Contact", json!({ "LastName": "Made since", "Email": "x@y.example" })).await;
    world.sync().await;
    world.org.pass(3_600).await;
    world.sync().await;
    let found = verified(&world, "Contact").await;
    assert_eq!(counts(&found), [0; 5], "{found}");
    assert!(found["calls"].as_u64() < Some(3), "{found}");
    assert_eq!(counts(&verified(&world, "Contact").await), [0; 5]);
}
