//! What a sync writes back, and what it leaves alone.

use efficlose_sandbox::{CustomField, CustomKind, Settings};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::cast::{
    ADA, Cast, HOST, LEO, assert_one_task_each, block, description, meeting, stage, tasks,
    with_items, work,
};
use crate::world::{World, assert_says, days_before, none, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_is_written_to_all_that_it_was_about() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA, LEO, HOST])]).await;
    let sync = world.sync().await;
    assert_eq!(sync.total("pushed"), 4);
    let ours = block(&world, "m1", 2);
    let theirs = format!("Met at the fair.\n\n{ours}");
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, theirs);
    for (object, id) in
        [("Lead", &cast.lead), ("Account", &cast.account), ("Opportunity", &cast.deal)]
    {
        assert_eq!(description(&world.org, object, id).await, ours, "{object}");
    }
    let matches = world.meeting("m1").await["matches"].take();
    let matched: Vec<_> =
        matches.as_array().unwrap().iter().map(|m| text(&m["record_id"])).collect();
    assert_eq!(matched, [cast.contact, cast.lead, cast.account, cast.deal]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sync_writes_nothing() {
    let (world, _) = stage().await;
    let told = with_items(meeting(&world.org, "m1", 2, &[ADA, LEO]), &[("a", "One"), ("b", "Two")]);
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    world.org.forget_requests().await;
    for _ in 0..2 {
        assert_eq!(world.sync().await.total("pushed"), 0);
        assert_eq!(world.tell(std::slice::from_ref(&told)).await["same"], 1);
    }
    assert_eq!(world.org.writes().await, Vec::<Json>::new());
    assert_one_task_each(&world, "m1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_at_a_write_is_renewed_and_the_write_is_made_once() {
    let (world, _) = stage().await;
    world.sync().await;
    let body =
        json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }]);
    let path = "{V}/composite/sobjects";
    let fault =
        json!({ "method": "POST", "path": path, "kind": "status", "status": 401, "body": body });
    world.org.fault(fault).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.org.forget_requests().await;
    world.json(&["sync", "--object", "Task"]).await;
    let requests = world.org.requests().await;
    let renewals = requests.iter().filter(|request| request["path"] == "/services/oauth2/token");
    assert_eq!(renewals.count(), 1);
    assert_one_task_each(&world, "m1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_words_stay_around_ours() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    let now = description(&world.org, "Contact", &cast.contact).await;
    let edited = now.replace("Met at the fair.", "Met at the trade fair.") + "\nCall before ten.";
    world.org.pass(600).await;
    world.org.patch("Contact", &cast.contact, json!({ "Description": edited })).await;
    world.tell(&[meeting(&world.org, "m2", 1, &[ADA])]).await;
    world.sync().await;
    let expected =
        format!("Met at the trade fair.\n\n{}\nCall before ten.", block(&world, "m2", 1));
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_a_person_has_edited_is_left_alone() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    let now = description(&world.org, "Contact", &cast.contact).await;
    let edited = now.replace("Learned in m1", "Learned by a person");
    world.org.pass(600).await;
    world.org.patch("Contact", &cast.contact, json!({ "Description": edited })).await;
    world.tell(&[meeting(&world.org, "m2", 1, &[ADA])]).await;
    world.sync().await;
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, edited);
    let (state, reason) = work(&world, "m2", "Contact").await;
    assert_eq!(
        (state.as_str(), reason.as_str()),
        ("settled", "Description: a person has edited our block")
    );
    assert_eq!(description(&world.org, "Account", &cast.account).await, block(&world, "m2", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_of_someone_unknown_waits_for_the_contact() {
    let (world, _) = stage().await;
    let new = "new@elsewhere.example";
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[new]), &[("a", "One")])]).await;
    assert_eq!(world.sync().await.total("pushed"), 0);
    let (_, reason) = work(&world, "m1", "Contact").await;
    assert_eq!(
        reason,
        "nobody at the meeting is in Salesforce; it is looked at again when records change"
    );
    world.org.pass(600).await;
    let contact = json!({ "LastName": "New", "Email": "New@Elsewhere.example" });
    let contact = world.org.create("Contact", contact).await;
    assert_eq!(world.sync().await.total("pushed"), 2);
    assert_eq!(description(&world.org, "Contact", &contact).await, block(&world, "m1", 2));
    assert_eq!(tasks(&world.org).await[0]["WhoId"], contact);
    assert_one_task_each(&world, "m1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_meeting_does_not_overwrite_a_newer_one() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "new", 1, &[ADA])]).await;
    world.sync().await;
    let before = description(&world.org, "Contact", &cast.contact).await;
    world.tell(&[meeting(&world.org, "old", 4, &[ADA])]).await;
    assert_eq!(world.sync().await.total("pushed"), 0);
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, before);
    let (_, reason) = work(&world, "old", "Contact").await;
    assert_eq!(reason, "the meeting new is the latest of the record");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_companys_own_domain_tells_the_company() {
    let (world, cast) = stage().await;
    for (name, site) in [("Mail", "gmail.com"), ("Ours", "northwind.example")] {
        world.org.create("Account", json!({ "Name": name, "Website": site })).await;
    }
    world
        .tell(&[
            meeting(&world.org, "free", 2, &["someone@gmail.com"]),
            meeting(&world.org, "own", 2, &["someone@northwind.example"]),
            meeting(&world.org, "company", 2, &["someone@zebra.example"]),
        ])
        .await;
    world.sync().await;
    for (id, count) in [("free", 0), ("own", 0), ("company", 2)] {
        let matches = world.meeting(id).await["matches"].take();
        assert_eq!(matches.as_array().unwrap().len(), count, "{id}: {matches}");
    }
    assert_eq!(
        description(&world.org, "Account", &cast.account).await,
        block(&world, "company", 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_only_imports_is_never_written() {
    let world = World::start_with(none()).await;
    let cast = Cast::create(&world.org).await;
    world.connect().await;
    world.ok(&["setup", "--yes", "--pull-only"]).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.org.forget_requests().await;
    world.sync().await;
    assert_eq!(world.org.writes().await, Vec::<Json>::new());
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, "Met at the fair.");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_with_fields_for_it_gets_the_insight_there() {
    let field = |name: &str, kind| CustomField { kind, ..CustomField::new("Contact", name) };
    let custom_fields = vec![
        field("Last_Meeting_Insight__c", CustomKind::LongText),
        field("Last_Meeting_At__c", CustomKind::DateTime),
        field("Last_Meeting_Url__c", CustomKind::Url),
    ];
    let world = World::ready_with(Settings { custom_fields, ..none() }).await;
    let cast = Cast::create(&world.org).await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    world.sync().await;
    let fields = "Last_Meeting_Insight__c, Last_Meeting_At__c, Last_Meeting_Url__c, Description";
    let contact = world.org.get("Contact", &cast.contact, fields).await;
    assert_eq!(contact["Last_Meeting_Insight__c"], "Talk m1\n- need: Learned in m1");
    assert_eq!(contact["Last_Meeting_Url__c"], "https://meetings.example/m1");
    let began = days_before(world.org.now, 2).to_string().replace('Z', ".000+0000");
    assert_eq!(contact["Last_Meeting_At__c"], began);
    assert_eq!(contact["Description"], "Met at the fair.");

    // Told anew with nothing that the contact shows, so there is nothing to write.
    let mut told = meeting(&world.org, "m1", 2, &[ADA]);
    told["room"] = "Harbour".into();
    world.tell(std::slice::from_ref(&told)).await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "push")["counts"]["pushed"], 0);
    assert_eq!(sync.run("Contact", "push")["counts"]["unchanged"], 1);

    // Salesforce keeps whole seconds.
    told["started_at"] = text(&told["started_at"]).replace('Z', ".123Z").into();
    world.tell(&[told]).await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "push")["counts"]["pushed"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_may_not_be_written_is_left_out() {
    let (world, cast) = stage().await;
    world.org.change_field("Contact", "Description", json!({ "readOnly": true })).await;
    world.org.change_field("Task", "Description", json!({ "readOnly": true })).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, "Met at the fair.");
    // Of a contact nothing else could be written, which is not passed over in silence.
    let failures = world.failures().await;
    assert_eq!(failures.len(), 1, "{failures:?}");
    let said = "the connected user may only read Contact.Description";
    assert_says(&text(&failures[0]["message"]), &[said]);
    let (state, reason) = work(&world, "m1", "Contact").await;
    assert_eq!(state, "failed");
    assert_says(&reason, &[said]);
    assert_one_task_each(&world, "m1").await;
    assert_eq!(tasks(&world.org).await[0]["Description"], Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_meetings_than_one_call_holds_are_all_written() {
    let (world, cast) = stage().await;
    let told: Vec<Json> = (0..250)
        .map(|nth| {
            let (id, text) = (format!("m{nth:03}"), format!("Item {nth:03}"));
            with_items(meeting(&world.org, &id, 2, &[ADA]), &[("a", &text)])
        })
        .collect();
    world.tell(&told).await;
    world.sync().await;
    let subjects: Vec<_> = tasks(&world.org).await.iter().map(|t| text(&t["Subject"])).collect();
    let expected: Vec<_> = (0..250).map(|nth| format!("Item {nth:03}")).collect();
    assert_eq!(subjects, expected);
    let blocks = description(&world.org, "Contact", &cast.contact).await;
    assert_eq!(blocks.matches("[efficlose: latest meeting]").count(), 1, "{blocks}");
    world.org.forget_requests().await;
    assert_eq!(world.sync().await.total("pushed"), 0);
    assert_eq!(world.org.writes().await, Vec::<Json>::new());
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_was_converted_is_written_to_as_a_contact() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 3, &[LEO])]).await;
    world.sync().await;
    assert_eq!(description(&world.org, "Lead", &cast.lead).await, block(&world, "m1", 3));
    world.org.pass(600).await;
    let convert = format!("/leads/{}/convert", cast.lead);
    let converted = world.org.control(Method::POST, &convert, json!({})).await;
    world.tell(&[meeting(&world.org, "m2", 1, &[LEO])]).await;
    world.sync().await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
    let contact = text(&converted["contactId"]);
    let written = description(&world.org, "Contact", &contact).await;
    assert!(written.contains(&block(&world, "m2", 1)), "{written}");
    assert_eq!(description(&world.org, "Lead", &cast.lead).await, block(&world, "m1", 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_two_companies_match_neither() {
    let (world, cast) = stage().await;
    let other = json!({ "Name": "Yak", "Website": "https://yak.example" });
    let other = world.org.create("Account", other).await;
    let eve = json!({ "LastName": "Yak", "Email": "eve@yak.example", "AccountId": other });
    world.org.create("Contact", eve).await;
    let told = meeting(&world.org, "m1", 2, &[ADA, "eve@yak.example"]);
    world.tell(&[with_items(told, &[("a", "Decide")])]).await;
    world.sync().await;
    for account in [&cast.account, &other] {
        assert_eq!(description(&world.org, "Account", account).await, "");
    }
    assert_eq!(description(&world.org, "Opportunity", &cast.deal).await, "");
    assert_eq!(tasks(&world.org).await[0]["WhatId"], Json::Null);
    assert_ne!(work(&world, "m1", "Account").await.0, "settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_meetings_told_together_only_the_latest_is_written() {
    let (world, cast) = stage().await;
    let told = [4, 3, 2].map(|ago| meeting(&world.org, &format!("m{ago}"), ago, &[ADA]));
    world.tell(&told).await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "push")["counts"]["pushed"], 1);
    let expected = format!("Met at the fair.\n\n{}", block(&world, "m2", 2));
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_with_someone_unknown_reaches_them_once_they_are_a_contact() {
    let (world, _) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA, "new@zebra.example"])]).await;
    world.sync().await;
    assert_ne!(work(&world, "m1", "Contact").await.0, "settled");
    let new = json!({ "LastName": "New", "Email": "new@zebra.example" });
    let new = world.org.create("Contact", new).await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "push")["counts"]["pushed"], 1);
    assert_eq!(description(&world.org, "Contact", &new).await, block(&world, "m1", 2));
    assert_eq!(work(&world, "m1", "Contact").await.0, "settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_of_our_own_people_alone_waits_for_nobody() {
    let (world, _) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 2, &["ada.marlow@northwind.example"])]).await;
    world.sync().await;
    assert_eq!(work(&world, "m1", "Contact").await.0, "settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_changes_take_five_calls_to_write_and_one_to_read() {
    let world = World::ready_with(none()).await;
    let guest = |nth: usize| format!("guest{nth}@zebra.example");
    let people =
        (0..1_000).map(|nth| json!({ "LastName": format!("G {nth}"), "Email": guest(nth) }));
    world.org.create_many("Contact", people.collect()).await;
    world.sync().await;
    let meetings: Vec<Json> =
        (0..1_000).map(|nth| meeting(&world.org, &format!("m{nth}"), 1, &[&guest(nth)])).collect();
    world.tell(&meetings).await;
    let plan = world.json(&["sync", "--dry-run", "--object", "Contact"]).await["orgs"][0].take();
    // One more asks who called the meetings, once a day.
    assert_eq!((&plan["counts"]["pushed"], &plan["calls"]), (&json!(1_000), &json!(7)));
    let sync = world.json(&["sync", "--object", "Contact"]).await;
    let runs = sync["runs"].as_array().unwrap();
    let push = runs.iter().find(|run| run["direction"] == "push").unwrap();
    assert_eq!((&push["counts"]["pushed"], &push["counts"]["calls"]), (&json!(1_000), &json!(7)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_a_call_failed_counts_and_the_rest_is_written_once() {
    let world = World::ready_with(none()).await;
    let guest = |nth: usize| format!("guest{nth}@zebra.example");
    let people = (0..500).map(|nth| json!({ "LastName": format!("G {nth}"), "Email": guest(nth) }));
    world.org.create_many("Contact", people.collect()).await;
    world.sync().await;
    let meetings: Vec<Json> =
        (0..500).map(|nth| meeting(&world.org, &format!("m{nth}"), 1, &[&guest(nth)])).collect();
    world.tell(&meetings).await;
    let closed = json!([{ "errorCode": "API_DISABLED_FOR_ORG", "message": "Not now." }]);
    let fault = json!({
        "method": "PATCH", "path": "{V}/composite/sobjects", "after": 1, "kind": "status",
        "status": 403, "body": closed,
    });
    world.org.fault(fault).await;
    let push = |sync: &Json| {
        let runs = sync["runs"].as_array().unwrap();
        runs.iter().find(|run| run["direction"] == "push").unwrap()["counts"]["pushed"].clone()
    };
    let contacts = ["sync", "--object", "Contact", "--json"];
    let first = world.efficlose(&contacts).await.failed().json();
    assert_eq!(push(&first), 200);
    world.org.forget_requests().await;
    assert_eq!(push(&world.json(&["sync", "--object", "Contact"]).await), 300);
    let writes = world.org.writes().await;
    assert_eq!(writes.iter().filter(|write| write["method"] == "PATCH").count(), 2);
    assert_eq!(world.open_changes().await, []);
    let there = world.org.soql("SELECT Description FROM Contact").await;
    assert!(there.iter().all(|one| text(&one["Description"]).contains("Learned in m")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_that_moves_behind_another_gives_way_to_it() {
    let (world, cast) = stage().await;
    let told = [meeting(&world.org, "m1", 2, &[ADA]), meeting(&world.org, "m2", 3, &[ADA])];
    world.tell(&told).await;
    world.sync().await;
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in m1"]);
    world.tell(&[meeting(&world.org, "m1", 5, &[ADA])]).await;
    world.sync().await;
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in m2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_while_a_field_was_hidden_or_locked_is_written_once_it_is_back() {
    let (world, cast) = stage().await;
    world.sync().await;
    let hide = async |object, field, is: bool| {
        world.org.change_field(object, field, json!({ "visible": !is })).await;
    };
    hide("Contact", "Description", true).await;
    let locked = json!({ "createable": false, "updateable": false });
    world.org.change_field("Task", "Description", locked).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    hide("Contact", "Description", false).await;
    let open = json!({ "createable": true, "updateable": true });
    world.org.change_field("Task", "Description", open).await;
    world.sync().await;
    let contact = description(&world.org, "Contact", &cast.contact).await;
    assert_says(&contact, &["Met at the fair.", "Learned in m1"]);
    let task = tasks(&world.org).await.remove(0);
    assert_says(&text(&task["Description"]), &["From the meeting"]);
}
