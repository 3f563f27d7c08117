//! Meetings that are logged: as tasks or as events, and about all whom they were with where the
//! org shares activities.

use efficlose_sandbox::{CustomField, Settings};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::cast::{ADA, Cast, HOST, LEO, description, meeting, stage, tasks, with_items};
use crate::world::{World, array, assert_says, day, days_before, none, text};

/// Says in the settings that meetings are logged, and as what.
fn log_meetings(world: &World, as_what: &str) {
    world.choose(|org| {
        org["log_meetings"] = toml_edit::value(true);
        org["log_as"] = toml_edit::value(as_what);
    });
}

/// Starts an org with the cast, whose activities have a field for our mark.
async fn marked() -> (World, Cast) {
    let mut mark = CustomField::new("Activity", "Efficlose_Id__c");
    (mark.external_id, mark.unique, mark.length) = (true, true, Some(80));
    let world = World::ready_with(Settings { custom_fields: vec![mark], ..none() }).await;
    let cast = Cast::create(&world.org).await;
    (world, cast)
}

/// Returns the events, with what tests look at.
async fn events(world: &World) -> Vec<Json> {
    let fields = "Id, Subject, Description, StartDateTime, EndDateTime, DurationInMinutes, WhoId, \
                  WhatId, OwnerId, Efficlose_Id__c";
    world.org.soql(&format!("SELECT {fields} FROM Event ORDER BY Subject")).await
}

/// Returns a meeting that took three quarters of an hour.
fn timed(world: &World, id: &str, guests: &[&str]) -> Json {
    let mut told = meeting(&world.org, id, 2, guests);
    told["started_at"] = at(world, "15:00").into();
    told["ended_at"] = at(world, "15:45").into();
    told
}

/// Returns a time of the day on which meetings are.
fn at(world: &World, time: &str) -> String {
    format!("{}T{time}:00Z", day(days_before(world.org.now, 2)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_is_logged_as_a_task_where_the_settings_want_it() {
    let (world, cast) = stage().await;
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")]);
    told["summary"] = "We agreed on stripes.".into();
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await.len(), 1, "nobody wanted it");
    log_meetings(&world, "task");
    world.sync().await;
    assert_eq!(tasks(&world.org).await.len(), 1, "what is past is not logged all at once");

    told["id"] = "m2".into();
    told["action_items"] = json!([]);
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    let all = tasks(&world.org).await;
    let log = all.iter().find(|task| text(&task["Subject"]).starts_with("Meeting: ")).unwrap();
    assert_eq!(
        (&log["Subject"], &log["Status"]),
        (&json!("Meeting: Talk m1"), &json!("Completed"))
    );
    assert_eq!((&log["WhoId"], &log["WhatId"]), (&json!(cast.contact), &json!(cast.deal)));
    assert_eq!(log["ActivityDate"], day(days_before(world.org.now, 2)));
    assert_says(
        &text(&log["Description"]),
        &["We agreed on stripes.", "- need: Learned in m1", "https://meetings.example/m1"],
    );
    let id = text(&log["Id"]);

    told["summary"] = "We agreed on spots.".into();
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await.len(), 2, "told anew, it is the same");
    assert_says(&description(&world.org, "Task", &id).await, &["We agreed on spots."]);
    world.org.delete("Task", &id).await;
    world.sync().await;
    told["summary"] = "We agreed on nothing.".into();
    world.tell(&[told]).await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await.len(), 1, "a person has deleted it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_logs_no_meeting_that_was_not_logged_when_it_was_told() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    world.sync().await;
    log_meetings(&world, "task");
    world.ok(&["matches", "choose", "m1", ADA, &cast.contact]).await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_is_logged_as_an_event_at_its_time() {
    let (world, cast) = marked().await;
    log_meetings(&world, "event");
    let mut told = with_items(timed(&world, "m1", &[ADA]), &[("a", "One")]);
    told["summary"] = "We agreed on stripes.".into();
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    assert_eq!(tasks(&world.org).await.len(), 1, "the action item is a task all the same");
    let event = events(&world).await.remove(0);
    let id = text(&event["Id"]);
    let host = world.org.soql(&format!("SELECT Id FROM User WHERE Email = '{HOST}'")).await;
    for (field, value) in [
        ("Subject", &json!("Talk m1")),
        ("DurationInMinutes", &json!(45)),
        ("WhoId", &json!(cast.contact)),
        ("WhatId", &json!(cast.deal)),
        ("OwnerId", &host[0]["Id"]),
    ] {
        assert_eq!(&event[field], value, "{field}");
    }
    assert_says(&text(&event["StartDateTime"]), &["T15:00:00"]);
    assert_says(&text(&event["Efficlose_Id__c"]), &["efficlose-"]);
    assert_says(&description(&world.org, "Event", &id).await, &["We agreed on stripes."]);

    // Told anew it is the same, and stays where a person has moved it.
    world
        .org
        .patch(
            "Event",
            &id,
            json!({ "StartDateTime": at(&world, "14:30"), "DurationInMinutes": 45 }),
        )
        .await;
    told["summary"] = "We agreed on spots.".into();
    told["started_at"] = at(&world, "15:05").into();
    told["ended_at"] = at(&world, "15:35").into();
    world.tell(std::slice::from_ref(&told)).await;
    let plan = world.ok(&["sync", "--dry-run"]).await.stdout;
    assert_says(&plan, &[&format!("Event: update {id}"), "DurationInMinutes: 45 → 30", "spots"]);
    world.sync().await;
    let event = events(&world).await.remove(0);
    assert_says(&text(&event["StartDateTime"]), &["T14:30:00"]);
    assert_eq!(event["DurationInMinutes"], 30);
    assert_says(&description(&world.org, "Event", &id).await, &["We agreed on spots."]);
    let changes = world.json(&["changes", "list", &id]).await;
    assert_eq!(array(changes).len(), 2);
    assert_eq!(world.sync().await.total("pushed"), 0);

    // What was logged stays what it is, whatever is logged from now on.
    log_meetings(&world, "task");
    told["title"] = "Another title".into();
    world.tell(std::slice::from_ref(&told)).await;
    world.tell(&[timed(&world, "m2", &[ADA])]).await;
    world.sync().await;
    assert_eq!(events(&world).await.remove(0)["Subject"], "Another title");
    let subjects: Vec<_> = tasks(&world.org).await.iter().map(|t| text(&t["Subject"])).collect();
    assert_eq!(subjects, ["Meeting: Talk m2", "One"]);

    world.org.delete("Event", &id).await;
    told["title"] = "A third title".into();
    world.tell(&[told]).await;
    world.sync().await;
    assert_eq!(events(&world).await, Vec::<Json>::new(), "a person has deleted it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_logged_is_taken_back_and_not_made_again() {
    let (world, _) = marked().await;
    log_meetings(&world, "event");
    world.tell(&[timed(&world, "m1", &[ADA])]).await;
    world.sync().await;
    let id = text(&events(&world).await[0]["Id"]);
    let seen = world.ok(&["changes", "undo", &id, "--dry-run"]).await.stdout;
    assert_says(&seen, &[&format!("Event {id}: would be deleted")]);
    assert_eq!(events(&world).await.len(), 1);
    world.ok(&["changes", "undo", "m1"]).await;
    assert_eq!(events(&world).await, Vec::<Json>::new());
    world.tell(&[timed(&world, "m1", &[ADA, LEO])]).await;
    world.sync().await;
    assert_eq!(events(&world).await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_answer_is_lost_is_found_and_not_made_again() {
    let (world, _) = marked().await;
    log_meetings(&world, "event");
    world.sync().await;
    world.tell(&[timed(&world, "m1", &[ADA])]).await;
    let path = "{V}/composite/sobjects/Event/Efficlose_Id__c";
    world.org.fault(json!({ "method": "PATCH", "path": path, "kind": "cut-after-commit" })).await;
    world.efficlose(&["sync", "--object", "Task"]).await.failed();
    assert!(world.org.has_struck().await);
    assert_eq!(events(&world).await.len(), 1);
    world.sync().await;
    assert_eq!(events(&world).await.len(), 1);
    assert_eq!(world.failures().await, Vec::<Json>::new());
    let state = text(&world.json(&["changes", "list", "m1"]).await[0]["state"]);
    assert_eq!(state, "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_could_not_be_found_again_waits_for_a_field_and_keeps_no_task() {
    let (world, _) = stage().await;
    log_meetings(&world, "event");
    world.tell(&[with_items(timed(&world, "m1", &[ADA]), &[("a", "One")])]).await;
    let (sync, error) = world.sync_fails().await;
    sync.assert_only_broken("Task", "push", "no field of Event can hold the mark");
    assert_says(&text(&error["hint"]), &["Efficlose_Id__c to Activity", "`log_as`"]);
    assert_eq!(tasks(&world.org).await.len(), 1);
    let doctor = world.efficlose(&["doctor", "--json"]).await.json();
    let said = doctor["findings"].to_string();
    assert_says(&said, &["no field can hold the mark by which events are found again"]);

    let field = json!({
        "object": "Activity", "name": "Efficlose_Id__c", "type": "text", "length": 80,
        "externalId": true, "unique": true,
    });
    world.org.control(Method::POST, "/fields", field).await;
    world.sync().await;
    assert_eq!(events(&world).await.len(), 1);
    let file = world.home().join("Efficlose.permissionset-meta.xml");
    let file = file.to_str().unwrap();
    world.ok(&["doctor", "--permission-set", file]).await;
    let set = std::fs::read_to_string(file).unwrap();
    assert_says(&set, &["Event.Efficlose_Id__c", "Event.Description", "EditEvent", "EditTask"]);
}

/// Returns whom and what activities are related to.
async fn relations(world: &World, activity: &str) -> Vec<(String, String)> {
    let key = format!("{activity}Id");
    let soql = format!(
        "SELECT Id, RelationId FROM {activity}Relation WHERE IsWhat = false AND {activity}.Subject \
         LIKE '%Talk%' ORDER BY {key}, RelationId"
    );
    let found = world.org.soql(&soql).await;
    found.iter().map(|one| (text(&one["Id"]), text(&one["RelationId"]))).collect()
}

/// Makes contacts of the company.
async fn colleagues(world: &World, cast: &Cast, emails: &[&str]) -> Vec<String> {
    let one =
        |email: &&str| json!({ "LastName": email, "Email": email, "AccountId": cast.account });
    world.org.create_many("Contact", emails.iter().map(one).collect()).await
}

const BOB: &str = "bob@zebra.example";
const CLEO: &str = "cleo@zebra.example";
const DORA: &str = "dora@zebra.example";

#[tokio::test(flavor = "multi_thread")]
async fn a_logged_meeting_is_about_all_its_contacts_where_activities_are_shared() {
    for (as_what, activity) in [("task", "Task"), ("event", "Event")] {
        let (world, cast) = marked().await;
        let colleagues = colleagues(&world, &cast, &[BOB, CLEO]).await;
        world.org.control(Method::POST, "/activities/share", json!({})).await;
        log_meetings(&world, as_what);
        world.sync().await;
        let told = timed(&world, "m1", &[ADA, BOB, CLEO]);
        world.tell(std::slice::from_ref(&told)).await;
        let plan = world.json(&["sync", "--dry-run"]).await["orgs"][0].take();
        let relation = format!("{activity}Relation");
        let of_relation = |change: &&Json| change["object"] == *relation;
        let planned: Vec<_> = array(plan["changes"].clone());
        let planned: Vec<_> = planned.iter().filter(of_relation).cloned().collect();
        assert_eq!(planned.len(), 2, "{plan}");
        assert_says(&text(&planned[0]["by"]), &["log_meetings"]);
        world.sync().await;
        let mut all: Vec<String> = colleagues.iter().chain([&cast.contact]).cloned().collect();
        all.sort();
        let related = relations(&world, activity).await;
        assert_eq!(related.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>(), all, "{activity}");
        let made = array(world.json(&["changes", "list", "m1"]).await);
        assert_eq!(made.iter().filter(of_relation).count(), 2);

        // Whom a person has taken out stays so; whoever comes to be known later is added.
        let (gone, _) = related.iter().find(|(_, id)| *id == colleagues[0]).unwrap();
        world.org.delete(&relation, gone).await;
        let mut again = told.clone();
        again["participants"].as_array_mut().unwrap().push(json!({ "email": DORA }));
        world.tell(&[again]).await;
        world.sync().await;
        assert_eq!(relations(&world, activity).await.len(), 2);
        let dora = world.org.create("Contact", json!({ "LastName": "Dora", "Email": DORA })).await;
        world.sync().await;
        let related = relations(&world, activity).await;
        assert_eq!(related.len(), 3);
        assert!(related.iter().any(|(_, id)| *id == dora));

        world.ok(&["changes", "undo", "m1"]).await;
        assert_eq!(relations(&world, activity).await, []);
        let left = world.org.soql(&format!("SELECT Id FROM {activity}")).await;
        assert_eq!(left, Vec::<Json>::new(), "{activity}");
        world.tell(&[told]).await;
        world.sync().await;
        assert_eq!(relations(&world, activity).await, [], "{activity}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relation_whose_answer_is_lost_is_found_and_one_that_is_refused_keeps_no_other() {
    let (world, cast) = marked().await;
    colleagues(&world, &cast, &[BOB, CLEO]).await;
    world.org.control(Method::POST, "/activities/share", json!({})).await;
    log_meetings(&world, "task");
    world.sync().await;
    world.tell(&[timed(&world, "m1", &[ADA, BOB, CLEO])]).await;
    // The task is upserted; relations are what is created.
    let path = "{V}/composite/sobjects";
    world.org.fault(json!({ "method": "POST", "path": path, "kind": "cut-after-commit" })).await;
    world.efficlose(&["sync", "--object", "Task"]).await.failed();
    assert!(world.org.has_struck().await);
    world.sync().await;
    assert_eq!(relations(&world, "Task").await.len(), 3);
    let states = array(world.json(&["changes", "list", "m1"]).await);
    assert!(states.iter().all(|change| change["state"] == "done"), "{states:?}");

    world
        .org
        .fault(json!({ "method": "POST", "path": path, "kind": "lock-row", "times": 9 }))
        .await;
    world.tell(&[timed(&world, "m2", &[ADA, BOB])]).await;
    world.sync().await;
    world.org.calm().await;
    let failure = world.failures().await.remove(0);
    assert_says(&text(&failure["subject"]), &["m2 → 003"]);
    world.ok(&["failures", "retry"]).await;
    world.sync().await;
    assert_eq!(relations(&world, "Task").await.len(), 5);
    assert_eq!(world.failures().await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_that_moves_takes_the_end_of_its_event_along_and_leaves_a_persons_length() {
    let (world, _) = marked().await;
    log_meetings(&world, "event");
    let mut told = timed(&world, "m1", &[ADA]);
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    let id = text(&events(&world).await[0]["Id"]);
    let moved = async |told: &mut Json, from: &str, to: &str| {
        told["started_at"] = at(&world, from).into();
        told["ended_at"] = at(&world, to).into();
        world.tell(std::slice::from_ref(told)).await;
        world.sync().await;
        let event = events(&world).await.remove(0);
        assert_says(&text(&event["StartDateTime"]), &[from]);
        event["DurationInMinutes"].clone()
    };
    assert_eq!(moved(&mut told, "17:00", "17:45").await, 45);
    world.org.patch("Event", &id, json!({ "DurationInMinutes": 20 })).await;
    assert_eq!(moved(&mut told, "17:10", "17:55").await, 20, "a person has shortened it");
    assert_eq!(moved(&mut told, "17:20", "17:50").await, 20);
    assert_eq!(world.failures().await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_person_took_out_of_an_activity_is_not_put_in_again_whoever_it_was() {
    let (world, cast) = marked().await;
    let [bob, cleo] = colleagues(&world, &cast, &[BOB, CLEO]).await.try_into().unwrap();
    world.org.control(Method::POST, "/activities/share", json!({})).await;
    log_meetings(&world, "task");
    world.sync().await;
    let mut told = timed(&world, "m1", &[ADA, BOB, CLEO]);
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    let related = async || -> Vec<String> {
        relations(&world, "Task").await.into_iter().map(|(_, id)| id).collect()
    };
    // The one whom the task names first; another is named then.
    let relation = relations(&world, "Task").await;
    let (ada, _) = relation.iter().find(|(_, id)| *id == cast.contact).unwrap();
    world.org.delete("TaskRelation", ada).await;
    told["summary"] = "Told anew".into();
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    assert_eq!(related().await.len(), 2);
    assert!(!related().await.contains(&cast.contact));

    // Nor when the one who was taken out is merged into another.
    let relation = relations(&world, "Task").await;
    let (gone, _) = relation.iter().find(|(_, id)| *id == cleo).unwrap();
    world.org.delete("TaskRelation", gone).await;
    let twin = json!({ "LastName": "Cleo", "Email": CLEO, "AccountId": cast.account });
    let twin = world.org.create("Contact", twin).await;
    world.org.merge(&twin, &[&cleo]).await;
    world.sync().await;
    told["summary"] = "Told anew, again".into();
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    assert_eq!(related().await, [bob], "{twin}");
}

#[tokio::test(flavor = "multi_thread")]
async fn relations_that_cannot_be_read_keep_no_action_item_and_a_deleted_event_gets_none() {
    let (world, cast) = marked().await;
    colleagues(&world, &cast, &[BOB]).await;
    world.org.control(Method::POST, "/activities/share", json!({})).await;
    log_meetings(&world, "event");
    world.sync().await;
    let hidden = json!({ "object": "EventRelation", "visible": false });
    world.org.secure_object(hidden).await;
    let told = with_items(timed(&world, "m1", &[ADA, BOB]), &[("a", "One")]);
    world.tell(std::slice::from_ref(&told)).await;
    let (sync, error) = world.sync_fails().await;
    sync.assert_only_broken("Task", "push", "does not see EventRelation");
    assert_says(&text(&error["hint"]), &["activities"]);
    assert_eq!(tasks(&world.org).await.len(), 1);
    let state = world.meeting("m1").await["work"].to_string();
    assert_says(&state, &["settled"]);
    world.org.secure_object(json!({ "object": "EventRelation", "visible": true })).await;
    world.sync().await;
    assert_eq!(relations(&world, "Event").await.len(), 2);

    let id = text(&events(&world).await[0]["Id"]);
    world.org.delete("Event", &id).await;
    let mut told = told;
    told["summary"] = "Told anew".into();
    world.tell(&[told]).await;
    world.sync().await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
    assert_eq!(events(&world).await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_relation_that_is_tried_again_leaves_another_waiting_for_its_mend() {
    let (world, cast) = marked().await;
    colleagues(&world, &cast, &[BOB, CLEO]).await;
    world.org.control(Method::POST, "/activities/share", json!({})).await;
    log_meetings(&world, "task");
    world.sync().await;
    world.org.secure_object(json!({ "object": "TaskRelation", "readOnly": true })).await;
    world.tell(&[timed(&world, "m1", &[ADA, BOB, CLEO])]).await;
    world.sync().await;
    assert_eq!(world.failures().await.len(), 2);
    world.org.secure_object(json!({ "object": "TaskRelation" })).await;
    let first = world.failures().await[0]["id"].to_string();
    world.ok(&["failures", "retry", &first]).await;
    world.sync().await;
    assert_eq!(relations(&world, "Task").await.len(), 2);
    assert_eq!(world.failures().await.len(), 1, "the other is not forgotten");
    world.ok(&["failures", "retry"]).await;
    world.sync().await;
    assert_eq!(relations(&world, "Task").await.len(), 3);
    assert_eq!(world.failures().await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_events_have_is_nothing_that_a_task_lacks() {
    let (world, _) = stage().await;
    let likely = json!({ "object": "Task", "name": "Start_Date_Time__c", "type": "datetime" });
    world.org.control(Method::POST, "/fields", likely).await;
    world.sync().await;
    let file = world.home().join("set.xml");
    let file = file.to_str().unwrap();
    let said = world.ok(&["doctor", "--permission-set", file]).await.stdout;
    assert_says(&said, &["good     Task: of "]);
    for said in [said, std::fs::read_to_string(file).unwrap()] {
        assert!(!said.contains("StartDateTime") && !said.contains("DurationIn"), "{said}");
    }
    let script = "export const pull = (record) => ({ name: record.Subject, closed: false });\n\
                  export const fields = ['Subject'];";
    let brought = world.home().join("task.js");
    std::fs::write(&brought, script).unwrap();
    world.ok(&["mapping", "use", brought.to_str().unwrap()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_an_activity_names_stays_while_they_are_guests_and_whom_a_person_names_is_not_undone()
{
    let (world, cast) = marked().await;
    let [bob] = colleagues(&world, &cast, &[BOB]).await.try_into().unwrap();
    world.org.control(Method::POST, "/activities/share", json!({})).await;
    log_meetings(&world, "task");
    world.sync().await;
    world.tell(&[timed(&world, "m1", &[ADA, BOB])]).await;
    world.sync().await;
    let related = relations(&world, "Task").await;
    let (gone, _) = related.iter().find(|(_, id)| *id == bob).unwrap();
    world.org.delete("TaskRelation", gone).await;
    world.tell(&[timed(&world, "m1", &[BOB, ADA])]).await;
    world.sync().await;
    let task = tasks(&world.org).await.remove(0);
    assert_eq!(task["WhoId"], cast.contact, "another order names nobody else");
    assert_eq!(relations(&world, "Task").await.len(), 1);

    world.tell(&[timed(&world, "m2", &[ADA, BOB])]).await;
    world.sync().await;
    let all = tasks(&world.org).await;
    let second = all.iter().find(|task| text(&task["Subject"]).contains("m2")).unwrap();
    let id = text(&second["Id"]);
    world.org.patch("Task", &id, json!({ "WhoId": bob })).await;
    world.sync().await;
    let said = world.ok(&["changes", "undo", "m2"]).await.stdout;
    assert_says(&said, &["the activity names the contact by now"]);
    assert_eq!(world.org.get("Task", &id, "WhoId").await["WhoId"], bob);
}
