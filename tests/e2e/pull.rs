//! What a sync imports.

use std::collections::BTreeSet;

use efficlose_sandbox::Records;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::world::{
    OBJECTS, World, array, assert_fails, assert_says, days_before, eventually, few, none, text,
};

/// Returns the ids of the entities of an object.
async fn ids(world: &World, object: &str) -> BTreeSet<String> {
    world.records(object).await.iter().map(|record| text(&record["id"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_sync_imports_exactly_what_the_org_has() {
    let world = World::ready().await;
    let sync = world.sync().await;
    for (object, count) in OBJECTS.into_iter().zip([10, 30, 15, 12, 20]) {
        let run = sync.run(object, "pull");
        assert_eq!(run["counts"]["mapped"], count, "{object}");
        let there = world.org.soql(&format!("SELECT Id FROM {object}")).await;
        let there: BTreeSet<_> = there.iter().map(|record| text(&record["Id"])).collect();
        assert_eq!(there.len(), count, "{object}");
        assert_eq!(ids(&world, object).await, there, "{object}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_keep_their_types() {
    let world = World::ready_with(none()).await;
    let account = json!({
        "Name": "Zebra \"Quoted\" & Söhne 株", "Website": "https://www.zebra.example/about",
        "NumberOfEmployees": 42, "AnnualRevenue": 1234567.0, "Tier__c": null,
    });
    let account = world.org.create("Account", account).await;
    let contact = json!({
        "LastName": "O'Neill", "FirstName": "Zoë", "Email": "zoe@zebra.example", "AccountId": account,
        "External_Id__c": "CRM-7", "DoNotCall": true, "Birthdate": "1990-02-28",
    });
    let contact = world.org.create("Contact", contact).await;
    let deal = json!({
        "Name": "Deal", "StageName": "Prospecting", "CloseDate": "2031-01-31", "Amount": 99.25,
        "AccountId": account, "Renewal__c": true,
    });
    let deal = world.org.create("Opportunity", deal).await;
    world.sync().await;

    let account = world.record("Account", &account).await["entity"].take();
    assert_eq!(account["name"], "Zebra \"Quoted\" & Söhne 株");
    assert_eq!(account["domain"], "zebra.example");
    assert_eq!(account["employees"], 42);
    assert_eq!(account["annual_revenue"], 1234567.0);
    assert_eq!(account["custom"]["Tier__c"], Json::Null);
    let contact = world.record("Contact", &contact).await["entity"].take();
    assert_eq!(contact["last_name"], "O'Neill");
    assert_eq!(contact["email"], "zoe@zebra.example");
    assert_eq!(contact["company"], account["name"]);
    assert_eq!(contact["account_id"], account["id"]);
    assert_eq!(contact["do_not_call"], true);
    assert_eq!(contact["birth_date"], "1990-02-28");
    assert_eq!(contact["custom"]["External_Id__c"], "CRM-7");
    assert_eq!(contact["kind"], "person");
    let deal = world.record("Opportunity", &deal).await["entity"].take();
    assert_eq!(deal["amount"], 99.25);
    assert_eq!(deal["close_on"], "2031-01-31");
    assert_eq!(deal["closed"], false);
    assert_eq!(deal["custom"]["Renewal__c"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_with_nothing_new_changes_nothing_and_writes_nothing() {
    let world = World::ready().await;
    world.sync().await;
    let before = world.records("Contact").await;
    world.org.forget_requests().await;
    let sync = world.sync().await;
    assert_eq!(sync.total("mapped"), 0);
    assert_eq!(sync.total("unchanged"), sync.total("pulled"));
    assert_eq!(sync.total("calls"), 1, "one call tells that nothing has changed");
    assert_eq!(world.org.writes().await, Vec::<Json>::new());
    assert_eq!(world.records("Contact").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_client_changes_creates_and_deletes_shows_in_one_sync() {
    let world = World::ready().await;
    world.sync().await;
    let known: Vec<String> = ids(&world, "Contact").await.into_iter().collect();
    let (changed, deleted) = (&known[3], &known[5]);

    world.org.pass(3_600).await;
    world.org.patch("Contact", changed, json!({ "Title": "Chief Zebra" })).await;
    world.org.delete("Contact", deleted).await;
    let created = world.org.create("Contact", json!({ "LastName": "New" })).await;
    let sync = world.sync().await;
    let counts = &sync.run("Contact", "pull")["counts"];
    assert_eq!((&counts["mapped"], &counts["deleted"]), (&json!(2), &json!(1)));
    assert_eq!(world.record("Contact", changed).await["entity"]["title"], "Chief Zebra");
    let now = ids(&world, "Contact").await;
    assert!(now.contains(&created) && !now.contains(deleted));
    let gone = world.record("Contact", deleted).await;
    assert_eq!((&gone["state"], &gone["entity"]), (&json!("deleted"), &Json::Null));

    world.org.pass(3_600).await;
    world.org.undelete(deleted).await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "pull")["counts"]["mapped"], 1);
    assert!(ids(&world, "Contact").await.contains(deleted));
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_with_one_stamp_are_all_read_across_the_edge_of_a_page() {
    let world = World::ready_with(none()).await;
    let people = (0..2_100).map(|nth| json!({ "LastName": format!("Person {nth}") })).collect();
    let made = world.org.create_many("Contact", people).await;
    world.org.touch(&made, days_before(world.org.now, 3)).await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "pull")["counts"]["mapped"], 2_100);
    assert_eq!(ids(&world, "Contact").await, made.into_iter().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_seen_later_than_its_stamp_is_not_lost() {
    let world = World::ready().await;
    let late = world.org.create("Contact", json!({ "LastName": "Late" })).await;
    world.sync().await;
    world.org.pass(3_600).await;
    world.org.create("Contact", json!({ "LastName": "Punctual" })).await;
    world.sync().await;
    // Saved two minutes before the cursor, seen after it.
    world.org.patch("Contact", &late, json!({ "Title": "Seen late" })).await;
    let stamp = world.org.now + SignedDuration::from_secs(3_600 - 120);
    world.org.touch(std::slice::from_ref(&late), stamp).await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "pull")["counts"]["mapped"], 1);
    assert_eq!(world.record("Contact", &late).await["entity"]["title"], "Seen late");
}

/// Returns the matches of a meeting with one person.
async fn matches(world: &World, email: &str) -> Vec<Json> {
    let meeting = json!({
        "id": "m-heir", "title": "Kick-off",
        "started_at": days_before(world.org.now, 1).to_string(),
        "participants": [{ "email": email }],
        "summary": "All agreed.",
    });
    world.tell(&[meeting]).await;
    world.sync().await;
    array(world.json(&["meetings", "show", "m-heir"]).await["matches"].take())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_a_merged_contact_hangs_on_the_one_that_is_left() {
    let world = World::ready().await;
    let left = json!({ "LastName": "Left", "Email": "left@heir.example" });
    let left = world.org.create("Contact", left).await;
    let gone = json!({ "LastName": "Gone", "Email": "gone@heir.example" });
    let gone = world.org.create("Contact", gone).await;
    let task = json!({ "Subject": "Call", "WhoId": gone });
    let task = world.org.create("Task", task).await;
    assert_eq!(matches(&world, "gone@heir.example").await[0]["record_id"], gone.as_str());
    world.org.merge(&left, &[&gone]).await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "pull")["counts"]["deleted"], 1);
    let matched = array(world.json(&["meetings", "show", "m-heir"]).await["matches"].take());
    assert_eq!(matched[0]["record_id"], left.as_str());
    assert_says(&text(&matched[0]["reason"]), &["was merged into it"]);
    let shown = world.json(&["records", "show", "Contact", &gone]).await;
    assert_eq!(shown["became"], json!([{ "object": "Contact", "id": left }]));
    // The task bears no new stamp.
    assert_eq!(world.record("Task", &task).await["entity"]["who_id"], left.as_str());
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_a_converted_lead_hangs_on_its_contact() {
    let world = World::ready().await;
    let lead = json!({ "LastName": "Ripe", "Company": "Heir", "Email": "ripe@heir.example" });
    let lead = world.org.create("Lead", lead).await;
    assert_eq!(matches(&world, "ripe@heir.example").await[0]["record_id"], lead.as_str());
    let became = world.org.convert(&lead).await;
    world.sync().await;
    let matched = array(world.json(&["meetings", "show", "m-heir"]).await["matches"].take());
    assert_eq!(matched[0]["record_id"], became["contactId"]);
    let shown = world.json(&["records", "show", "Lead", &lead]).await;
    assert!(array(shown["became"].clone()).contains(&json!({
        "object": "Contact", "id": became["contactId"],
    })));
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_of_an_account_follows_it_though_its_contacts_bear_no_new_stamp() {
    let world = World::ready().await;
    let [old, new] = ["Old", "New"].map(|name| json!({ "Name": name }));
    let (old, new) =
        (world.org.create("Account", old).await, world.org.create("Account", new).await);
    let contact = json!({ "LastName": "Loyal", "AccountId": old });
    let contact = world.org.create("Contact", contact).await;
    world.sync().await;
    world.org.pass(3_600).await;
    world.org.patch("Account", &old, json!({ "Name": "Renamed" })).await;
    world.sync().await;
    assert_eq!(world.record("Contact", &contact).await["entity"]["company"], "Renamed");
    world.org.merge(&new, &[&old]).await;
    world.sync().await;
    let loyal = world.record("Contact", &contact).await["entity"].take();
    assert_eq!((&loyal["company"], &loyal["account_id"]), (&json!("New"), &json!(new)));
    let sync = world.sync().await;
    assert_eq!(sync.total("calls"), 1, "nothing is left to be read again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_a_sync_will_take() {
    let records = Records { contact: 2_500, ..few().records };
    let world = World::ready_with(efficlose_sandbox::Settings { records, ..few() }).await;
    let plan = async || world.json(&["sync", "--plan"]).await["orgs"][0].take();
    let first = plan().await;
    assert_eq!(first["steps"].as_array().unwrap().len(), 11);
    assert_eq!(world.records("Contact").await, Vec::<Json>::new(), "nothing is done");
    let sync = world.sync().await;
    assert_eq!(first["calls"].as_u64(), Some(sync.total("calls")), "{first}");
    world.org.pass(3_600).await;
    world.sync().await;
    assert_eq!(plan().await["calls"], 1);
    assert_eq!(world.sync().await.total("calls"), 1);
    let said = world.ok(&["sync", "--plan"]).await.stdout;
    assert_says(&said, &["looks at all objects", "1 calls in all", "that the budget allows"]);
    world.org.secure_object(json!({ "object": "Lead", "visible": false })).await;
    let said = world.ok(&["sync", "--plan"]).await.stdout;
    assert_says(&said, &["can't be read: an object does not exist", "(INVALID_TYPE)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_is_left_in_peace_until_it_is_let_go_on() {
    let world = World::ready().await;
    world.ok(&["pause", "--object", "Contact", "--object", "Lead"]).await;
    let sync = world.sync().await;
    assert!(sync.runs().iter().all(|run| run["object"] != "Contact" && run["object"] != "Lead"));
    assert_says(&world.ok(&["status"]).await.stdout, &["paused since"]);
    world.ok(&["sync", "--object", "Lead"]).await;
    assert_eq!((world.records("Contact").await.len(), world.records("Lead").await.len()), (0, 15));
    assert_says(&world.ok(&["resume"]).await.stdout, &["Nothing is paused"]);
    world.sync().await;
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_reads_a_range_of_days_again_and_goes_on_where_it_was_stopped() {
    let records = Records { contact: 4_500, ..few().records };
    let world = World::ready_with(efficlose_sandbox::Settings { records, ..few() }).await;
    world.sync().await;
    let backfill = ["backfill", "--object", "Contact", "--from", "2020-01-01"];
    // The first page is what has changed, the next ones are the backfill's.
    world.org.fault(json!({ "path": "{V}/queryAll", "after": 1, "kind": "hang" })).await;
    let running = world.spawn(&backfill);
    eventually("a page to hang", async || world.org.has_struck().await).await;
    running.kill().await;
    world.org.calm().await;
    let sync = world.sync().await;
    let pulled = sync.run("Contact", "pull")["counts"]["pulled"].as_u64().unwrap();
    assert_eq!(pulled, 2_500, "the first page was done before");
    let whole = world.json(&backfill).await;
    assert_eq!(whole["runs"][0]["counts"]["pulled"], 4_500);
    let none = world.json(&[
        "backfill",
        "--object",
        "Contact",
        "--from",
        "2020-01-01",
        "--to",
        "2020-02-01",
    ]);
    assert_eq!(none.await["runs"][0]["counts"]["pulled"], 0);
    let wrong = ["backfill", "--object", "Contact", "--from", "2020-01-02", "--to", "2020-01-01"];
    assert_fails(world.efficlose(&wrong).await, "ends before it begins", "--to");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optional_field_that_the_org_hides_leaves_only_its_column_out() {
    let world = World::ready().await;
    world.org.change_field("Contact", "Title", json!({ "visible": false })).await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "pull")["counts"]["mapped"], 30);
    for contact in world.records("Contact").await {
        assert_eq!(contact["title"], Json::Null);
        assert_ne!(contact["last_name"], Json::Null);
    }
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_the_org_shows_again_is_filled_in() {
    let world = World::ready().await;
    world.org.change_field("Contact", "Title", json!({ "visible": false })).await;
    world.sync().await;
    world.org.change_field("Contact", "Title", json!({ "visible": true })).await;
    world.sync().await;
    for contact in world.records("Contact").await {
        assert_ne!(contact["title"], Json::Null, "{contact}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_field_that_the_org_hides_stops_its_object_alone() {
    let world = World::ready().await;
    world.org.change_field("Contact", "LastName", json!({ "visible": false })).await;
    let (sync, error) = world.sync_fails().await;
    let said = "the mapping of Contact reads LastName, and the org does not show it";
    sync.assert_only_broken("Contact", "pull", said);
    assert_says(&text(&error["message"]), &["Contact pull", said]);
    assert_says(&text(&error["hint"]), &["Contact.LastName", "field-level security"]);
    world.org.change_field("Contact", "LastName", json!({ "visible": true })).await;
    world.sync().await;
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_lost_takes_out_what_uses_it_and_says_so_once() {
    let world = World::ready().await;
    world.sync().await;
    world.org.change_field("Contact", "Email", json!({ "visible": false })).await;
    for _ in 0..2 {
        let sync = world.sync().await;
        assert_eq!(sync.run("Contact", "pull")["ended"], "complete");
    }
    for contact in world.records("Contact").await {
        assert_eq!(contact["email"], Json::Null);
        assert_ne!(contact["last_name"], Json::Null);
    }
    let failures = world.failures().await;
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_says(
        &text(&failures[0]["message"]),
        &["Contact.Email was deleted or hidden", "reads it", "all else goes on"],
    );
    assert_says(&text(&failures[0]["mend"]), &["field-level security"]);
    assert_says(&world.ok(&["status"]).await.stdout, &["Contact.Email was deleted or hidden"]);
    world.ok(&["failures", "retry"]).await;
    world.org.change_field("Contact", "Email", json!({ "visible": true })).await;
    world.sync().await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
    assert!(world.records("Contact").await.iter().any(|contact| contact["email"] != Json::Null));
    let status = world.json(&["status"]).await;
    assert_says(
        &text(&status["orgs"][0]["drifts"][0]["change"]),
        &["is new: \"Email\", of type email"],
    );
    world.setup().await;
    assert_eq!(world.json(&["status"]).await["orgs"][0]["drifts"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_hidden_while_pages_are_read_is_left_out_from_then_on() {
    let records = Records { contact: 4_100, ..Records::none() };
    let world = World::ready_with(efficlose_sandbox::Settings { records, ..few() }).await;
    world.org.fault(json!({ "path": "{V}/queryAll", "after": 1, "kind": "hang" })).await;
    let running = world.spawn(&["sync", "--json"]);
    eventually("the second page to hang", async || world.org.has_struck().await).await;
    world.org.change_field("Contact", "Title", json!({ "visible": false })).await;
    world.org.calm().await;
    running.end().await.succeeded();
    let contacts = world.records("Contact").await;
    assert_eq!(contacts.len(), 4_100);
    assert!(contacts.iter().all(|contact| contact["title"] == Json::Null));
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_away_for_a_moment_is_asked_for_again() {
    let world = World::ready().await;
    let fault = json!({ "path": "{V}/queryAll", "after": 1, "kind": "html-503" });
    world.org.fault(fault).await;
    world.sync().await;
    assert!(world.org.has_struck().await);
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_whose_calls_are_used_up_is_left_in_peace() {
    let world = World::ready().await;
    let limit = |used: u64| json!({ "dailyLimit": 1_000, "dailyUsage": used });
    world.org.control(Method::PATCH, "/settings", limit(996)).await;
    let (sync, error) = world.sync_fails().await;
    let said = "the org's API calls of the last 24 hours are used up";
    assert_says(&text(&error["message"]), &[said]);
    assert_eq!(sync.runs().iter().filter(|run| run["ended"] == "broken").count(), 1);
    let status = world.ok(&["status"]).await.stdout;
    assert_says(&status, &["API calls of the org in 24 hours: 1000 of 1000"]);
    world.org.control(Method::PATCH, "/settings", limit(0)).await;
    world.sync().await;
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_can_be_synced_alone() {
    let world = World::ready().await;
    let sync = world.json(&["sync", "--object", "lead"]).await;
    assert_eq!(sync["total"]["mapped"], 15);
    assert_eq!(world.records("Contact").await, Vec::<Json>::new());
    assert_eq!(world.records("Lead").await.len(), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_on_after_its_last_record() {
    let records = Records { contact: 30, ..Records::none() };
    let world = World::ready_with(efficlose_sandbox::Settings { records, ..few() }).await;
    world.sync().await;
    let whole = world.records("Contact").await;
    let list = ["records", "list", "--object", "Contact", "--limit", "20"];
    let first = world.json(&list).await;
    let last = text(&first[19]["id"]);
    let rest = world.json(&[list.as_slice(), &["--after", &last]].concat()).await;
    let both = [first.as_array().unwrap().clone(), rest.as_array().unwrap().clone()].concat();
    assert_eq!(both, whole);
    assert_says(&world.ok(&list).await.stdout, &[&format!("--after {last}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_json_to_a_machine() {
    let world = World::ready().await;
    world.sync().await;
    for list in [
        vec!["status"],
        vec!["runs"],
        vec!["records", "list", "--object", "Task"],
        vec!["meetings", "list"],
        vec!["failures", "list"],
        vec!["failures", "retry"],
        vec!["config"],
        vec!["setup", "--yes"],
        vec!["sync"],
    ] {
        let output = world.efficlose(&[list.as_slice(), &["--json"]].concat()).await.succeeded();
        assert_eq!(output.stdout.lines().count(), 1, "{list:?}: {}", output.stdout);
        assert!(output.json().is_array() || output.json().is_object(), "{list:?}");
        assert_eq!(output.stderr, "", "{list:?}");
    }
    let runs = world.json(&["runs", "--limit", "100"]).await;
    assert_eq!(runs.as_array().unwrap().len(), 20, "two syncs of five objects, both ways");
    assert!(runs.as_array().unwrap().iter().all(|run| run["ended"] == "complete"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parents_field_that_the_org_hides_leaves_only_its_column_out() {
    let world = World::ready().await;
    world.sync().await;
    world.org.forget_requests().await;
    world.org.secure_object(json!({ "object": "Account", "visible": false })).await;
    let (sync, _) = world.sync_fails().await;
    sync.assert_only_broken("Account", "pull", "the connected user does not see Account");
    let read: Vec<String> =
        world.org.requests().await.iter().map(|request| text(&request["query"])).collect();
    let from_the_beginning =
        |query: &&String| query.contains("FROM+Contact+") && !query.contains("SystemModstamp+%3E");
    assert_eq!(read.iter().filter(from_the_beginning).count(), 0, "{read:#?}");
    assert_eq!(sync.run("Contact", "pull")["counts"]["mapped"], 30);
    for contact in world.records("Contact").await {
        assert_eq!(contact["company"], Json::Null);
        assert_ne!(contact["owner_email"], Json::Null, "{contact}");
    }
    let (sync, _) = world.sync_fails().await;
    assert_eq!(sync.run("Contact", "pull")["counts"]["mapped"], 0, "nothing is read anew");
    world.org.secure_object(json!({ "object": "Account" })).await;
    world.sync().await;
    world.assert_in_step().await;
}
