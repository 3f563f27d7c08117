//! The tasks that action items become.

use efficlose_sandbox::{CustomField, Settings};
use serde_json::{Value as Json, json};

use crate::cast::{
    ADA, Cast, HOST, LEO, assert_one_task_each, description, meeting, stage, tasks, with_items,
    work,
};
use crate::world::{World, assert_says, day, days_before, none, text};

#[tokio::test(flavor = "multi_thread")]
async fn an_action_item_becomes_a_task() {
    let (world, cast) = stage().await;
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "Send the offer")]);
    told["action_items"][0]["owner_email"] = HOST.into();
    told["action_items"][0]["due_on"] = "2031-03-31".into();
    world.tell(&[told]).await;
    world.sync().await;
    assert_one_task_each(&world, "m1").await;
    let task = tasks(&world.org).await.remove(0);
    let owner = world.org.soql(&format!("SELECT Id FROM User WHERE Email = '{HOST}'")).await;
    assert_eq!(task["OwnerId"], owner[0]["Id"]);
    assert_eq!(task["WhoId"], cast.contact);
    assert_eq!(task["WhatId"], cast.deal);
    assert_eq!(task["ActivityDate"], "2031-03-31");
    assert_eq!(task["Status"], "Not Started");
    assert!(text(&task["CallObject"]).starts_with("efficlose-"), "{task}");
    let from = format!("From the meeting \"Talk m1\" on {}", day(days_before(world.org.now, 2)));
    assert_says(&text(&task["Description"]), &[&from, "https://meetings.example/m1"]);
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_for_a_lead_is_about_the_lead_alone() {
    let (world, cast) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[LEO]), &[("a", "Call Leo")])]).await;
    world.sync().await;
    let task = tasks(&world.org).await.remove(0);
    assert_eq!((&task["WhoId"], &task["WhatId"]), (&json!(cast.lead), &Json::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_told_anew_changes_its_task() {
    let (world, _) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    let before = tasks(&world.org).await.remove(0);
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One, but better")]);
    assert_eq!(world.tell(std::slice::from_ref(&told)).await["changed"], 1);
    world.sync().await;
    assert_one_task_each(&world, "m1").await;
    let after = tasks(&world.org).await.remove(0);
    assert_eq!((&after["Id"], &after["Subject"]), (&before["Id"], &json!("One, but better")));

    told["action_items"][0]["done"] = true.into();
    world.tell(&[told]).await;
    world.sync().await;
    let done = tasks(&world.org).await.remove(0);
    assert_eq!((&done["Status"], &done["IsClosed"]), (&json!("Completed"), &json!(true)));
    assert_one_task_each(&world, "m1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_a_person_completes_does_its_item_for_good() {
    let (world, _) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    let task = text(&tasks(&world.org).await[0]["Id"]);
    world.org.pass(600).await;
    world.org.patch("Task", &task, json!({ "Status": "Completed" })).await;
    world.sync().await;
    let item = world.meeting("m1").await["action_items"][0].take();
    assert_eq!((&item["done"], &item["done_by"]), (&json!(true), &json!("salesforce")));

    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One, again")])]).await;
    world.sync().await;
    let after = tasks(&world.org).await.remove(0);
    assert_eq!((&after["Status"], &after["Subject"]), (&json!("Completed"), &json!("One, again")));
    assert_eq!(world.meeting("m1").await["action_items"][0]["done"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_completed_just_before_its_meeting_is_told_anew_stays_completed() {
    let (world, _) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    let task = text(&tasks(&world.org).await[0]["Id"]);
    world.org.pass(600).await;
    world.org.patch("Task", &task, json!({ "Status": "Completed" })).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One, again")])]).await;
    world.sync().await;
    world.sync().await;
    let after = tasks(&world.org).await.remove(0);
    assert_eq!((&after["Status"], &after["Subject"]), (&json!("Completed"), &json!("One, again")));
    assert_eq!(world.meeting("m1").await["action_items"][0]["done"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_of_the_orgs_own_stays() {
    let (world, _) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    let task = text(&tasks(&world.org).await[0]["Id"]);
    world.org.pass(600).await;
    world.org.patch("Task", &task, json!({ "Status": "In Progress" })).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One, again")])]).await;
    world.sync().await;
    let after = tasks(&world.org).await.remove(0);
    assert_eq!(
        (&after["Status"], &after["Subject"]),
        (&json!("In Progress"), &json!("One, again"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_a_person_deletes_is_not_made_again() {
    let (world, _) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    let task = text(&tasks(&world.org).await[0]["Id"]);
    world.org.pass(600).await;
    world.org.delete("Task", &task).await;
    world.sync().await;
    assert_eq!(world.meeting("m1").await["action_items"][0]["task_deleted"], true);
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One, again")])]).await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await, Vec::<Json>::new());
    let (state, reason) = work(&world, "m1", "Task").await;
    assert_eq!(
        (state.as_str(), reason.as_str()),
        ("settled", "the task was deleted in Salesforce")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_a_person_takes_out_of_the_bin_is_kept_in_step_again() {
    let (world, _) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    let task = text(&tasks(&world.org).await[0]["Id"]);
    world.org.pass(600).await;
    world.org.delete("Task", &task).await;
    world.sync().await;
    world.org.pass(600).await;
    world.org.undelete(&task).await;
    world.sync().await;
    assert_eq!(world.meeting("m1").await["action_items"][0]["task_deleted"], false);
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One, again")])]).await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await[0]["Id"], task);
    assert_one_task_each(&world, "m1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_a_person_has_edited_is_left_alone() {
    let (world, _) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    let task = text(&tasks(&world.org).await[0]["Id"]);
    world.org.pass(600).await;
    world.org.patch("Task", &task, json!({ "Subject": "A person's words" })).await;
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One, but better")]);
    told["action_items"][0]["due_on"] = "2031-03-31".into();
    world.tell(&[told]).await;
    world.sync().await;
    let after = tasks(&world.org).await.remove(0);
    assert_eq!(after["Subject"], "A person's words");
    assert_eq!(after["ActivityDate"], "2031-03-31", "what nobody has edited is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_with_a_field_for_it_gets_tasks_by_external_id() {
    let mut mark = CustomField::new("Task", "Efficlose_Id__c");
    (mark.external_id, mark.unique, mark.length) = (true, true, Some(80));
    let world = World::ready_with(Settings { custom_fields: vec![mark], ..none() }).await;
    Cast::create(&world.org).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.org.forget_requests().await;
    world.sync().await;
    assert_one_task_each(&world, "m1").await;
    let writes = world.org.writes().await;
    let upserts = writes.iter().filter(|write| {
        write["method"] == "PATCH" && text(&write["path"]).ends_with("/Task/Efficlose_Id__c")
    });
    assert_eq!(upserts.count(), 1, "{writes:?}");
    let marked = world.org.soql("SELECT Efficlose_Id__c FROM Task").await;
    assert!(text(&marked[0]["Efficlose_Id__c"]).starts_with("efficlose-"), "{marked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_syncs_at_once_make_one_task_each() {
    let (world, _) = stage().await;
    let items = [("a", "One"), ("b", "Two"), ("c", "Three")];
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &items)]).await;
    let (one, other) = tokio::join!(world.sync(), world.sync());
    assert_eq!(one.total("pushed") + other.total("pushed"), 6);
    assert_one_task_each(&world, "m1").await;
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_task_could_not_be_found_again_none_is_made() {
    let (world, cast) = stage().await;
    world.org.change_field("Task", "CallObject", json!({ "visible": false })).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    let (sync, _) = world.sync_fails().await;
    let said = "no field of Task can hold the mark by which a record is found again";
    sync.assert_only_broken("Task", "push", said);
    assert_says(&text(&sync.run("Task", "push")["error"]["hint"]), &["Efficlose_Id__c"]);
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in m1"]);
    assert_eq!(world.org.soql("SELECT Id FROM Task").await, Vec::<Json>::new());
    world.org.change_field("Task", "CallObject", json!({ "visible": true })).await;
    world.sync().await;
    assert_one_task_each(&world, "m1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_someone_who_is_no_active_user_is_made_all_the_same() {
    let (world, _) = stage().await;
    let items = [("a", "Left us"), ("b", "Never there")];
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &items);
    told["action_items"][0]["owner_email"] = "edith.frost@northwind.example".into();
    told["action_items"][1]["owner_email"] = "stranger@elsewhere.example".into();
    world.tell(&[told]).await;
    world.sync().await;
    assert_one_task_each(&world, "m1").await;
    let user = "SELECT Id FROM User WHERE Email = 'integration@northwind.example'";
    let user = world.org.soql(user).await.remove(0);
    for task in tasks(&world.org).await {
        assert_eq!(task["OwnerId"], user["Id"], "{task}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_lost_finds_its_tasks_and_knows_them() {
    let (world, _) = stage().await;
    let told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")]);
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    let org = world.org_id().await;
    std::fs::remove_dir_all(world.home().join("orgs").join(org)).unwrap();
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    assert_one_task_each(&world, "m1").await;
    let task = tasks(&world.org).await.remove(0);
    world.org.delete("Task", &text(&task["Id"])).await;
    world.sync().await;
    let mut again = told;
    again["title"] = "Another title".into();
    world.tell(&[again]).await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await, Vec::<Json>::new(), "it is not made again");
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_those_of_who_owns_the_item_or_called_the_meeting() {
    let (world, _) = stage().await;
    world.choose(|org| org["log_meetings"] = toml_edit::value(true));
    let host = world.org.soql(&format!("SELECT Id FROM User WHERE Email = '{HOST}'")).await;
    let far = json!({ "TimeZoneSidKey": "America/Los_Angeles" });
    world.org.patch("User", &text(&host[0]["Id"]), far).await;
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One"), ("b", "Two")]);
    let night = days_before(world.org.now, 2).to_string();
    told["started_at"] = json!(format!("{}T03:00:00Z", &night[..10]));
    told["action_items"][0]["owner_email"] = HOST.into();
    told["action_items"][0]["due_on"] = "2031-03-31T03:00:00Z".into();
    told["action_items"][1]["due_on"] = "2031-03-31".into();
    world.tell(&[told]).await;
    world.sync().await;
    let due = |subject: &str, tasks: &[Json]| {
        let task = tasks.iter().find(|task| text(&task["Subject"]).starts_with(subject));
        text(&task.unwrap()["ActivityDate"])
    };
    let tasks = tasks(&world.org).await;
    assert_eq!(due("One", &tasks), "2031-03-30", "in Los Angeles it is the day before");
    assert_eq!(due("Two", &tasks), "2031-03-31", "a day is a day");
    assert_eq!(due("Meeting", &tasks), day(days_before(world.org.now, 3)));
    let said = world.ok(&["meetings", "show", "m1", "--json"]).await.stdout;
    assert!(!said.contains("started_on"), "the platform's words stay as they are");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_is_told_later_gets_the_task_that_nobody_has_given_away() {
    let (world, _) = stage().await;
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One"), ("b", "Two")]);
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    let given = text(&tasks(&world.org).await[1]["Id"]);
    let other = world.org.soql("SELECT Id FROM User WHERE IsActive = TRUE ORDER BY Email").await;
    let host = world.org.soql(&format!("SELECT Id FROM User WHERE Email = '{HOST}'")).await;
    let other = other.iter().find(|user| user["Id"] != host[0]["Id"]).unwrap();
    world.org.patch("Task", &given, json!({ "OwnerId": other["Id"] })).await;
    for item in 0..2 {
        told["action_items"][item]["owner_email"] = HOST.into();
    }
    world.tell(&[told]).await;
    world.sync().await;
    let owners: Vec<Json> =
        tasks(&world.org).await.iter().map(|task| task["OwnerId"].clone()).collect();
    assert_eq!(owners, [host[0]["Id"].clone(), other["Id"].clone()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_a_task_in_the_recycle_bin_is_written_once_it_is_back() {
    let (world, _) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    let task = text(&tasks(&world.org).await.remove(0)["Id"]);
    world.org.delete("Task", &task).await;
    world.sync().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One anew")])]).await;
    world.sync().await;
    world.org.undelete(&task).await;
    world.sync().await;
    let tasks = tasks(&world.org).await;
    assert_eq!((tasks.len(), &tasks[0]["Subject"]), (1, &json!("One anew")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_kept_in_step_though_its_meeting_matches_nobody_any_more() {
    let (world, cast) = stage().await;
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")]);
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    told["participants"] = json!([{ "email": "nora@newton.example" }]);
    told["action_items"][0]["done"] = true.into();
    world.tell(&[told]).await;
    world.sync().await;
    let task = tasks(&world.org).await.remove(0);
    assert_eq!((&task["Status"], &task["WhoId"]), (&json!("Completed"), &json!(cast.contact)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_chose_it_is_not_about_leaves_the_task() {
    let (world, cast) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await[0]["WhatId"], cast.deal.as_str());
    for question in ["opportunity", "account"] {
        world.ok(&["matches", "choose", "m1", question, "none"]).await;
    }
    world.sync().await;
    let task = tasks(&world.org).await.remove(0);
    assert_eq!((&task["WhoId"], &task["WhatId"]), (&json!(cast.contact), &Json::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_keeps_whom_it_is_about_while_that_is_out_of_sight() {
    let (world, cast) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    let hidden = json!({ "ids": [cast.contact] });
    world.org.control(reqwest::Method::POST, "/records/hide", hidden.clone()).await;
    world.ok(&["verify", "--object", "Contact"]).await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One anew")])]).await;
    world.sync().await;
    world.org.control(reqwest::Method::POST, "/records/show", hidden).await;
    let task = tasks(&world.org).await.remove(0);
    assert_eq!((&task["Subject"], &task["WhoId"]), (&json!("One anew"), &json!(cast.contact)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_about_a_deal_is_updated_though_its_guest_is_a_lead_by_now() {
    let (world, cast) = stage().await;
    let told = |subject: &str| {
        let guests = ["new@zebra.example"];
        with_items(meeting(&world.org, "m1", 2, &guests), &[("a", subject)])
    };
    world.tell(&[told("One")]).await;
    world.sync().await;
    let task = tasks(&world.org).await.remove(0);
    assert_eq!(task["WhatId"], cast.deal);
    let lead = json!({ "LastName": "New", "Company": "Zebra", "Email": "new@zebra.example" });
    world.org.create("Lead", lead).await;
    let twin = json!({ "Name": "Zebra Two", "Website": "https://www.zebra.example" });
    world.org.create("Account", twin).await;
    world.tell(&[told("One, but better")]).await;
    world.sync().await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
    let task = tasks(&world.org).await.remove(0);
    assert_eq!((&task["Subject"], &task["WhatId"]), (&json!("One, but better"), &json!(cast.deal)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_deal_is_deleted_meanwhile_is_made_without_it() {
    let (world, cast) = stage().await;
    world.sync().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.org.delete("Opportunity", &cast.deal).await;
    // The push comes before anything tells of it.
    world.choose(|org| org["objects"]["Opportunity"]["pull"] = toml_edit::value(false));
    world.sync().await;
    assert_eq!(tasks(&world.org).await, Vec::<Json>::new());
    assert_eq!(world.failures().await, Vec::<Json>::new());
    world.choose(|org| org["objects"]["Opportunity"]["pull"] = toml_edit::value(true));
    world.sync().await;
    let task = tasks(&world.org).await.remove(0);
    assert_eq!(task["WhoId"], cast.contact);
}
