//! Who takes part in the tests' meetings, and the meetings.

use serde_json::{Value as Json, json};

use crate::world::{Org, World, day, days_before, none, text};

/// One of our own people, who owns what comes of meetings.
pub(crate) const HOST: &str = "bruno.keller@northwind.example";
/// Someone at the company.
pub(crate) const ADA: &str = "ada@zebra.example";
/// Someone who is no contact yet.
pub(crate) const LEO: &str = "leo@lynx.example";

/// A company with a person and an open deal, and a lead from elsewhere.
pub(crate) struct Cast {
    pub(crate) account: String,
    pub(crate) contact: String,
    pub(crate) lead: String,
    pub(crate) deal: String,
}

impl Cast {
    pub(crate) async fn create(org: &Org) -> Self {
        let account = json!({ "Name": "Zebra", "Website": "https://www.zebra.example" });
        let account = org.create("Account", account).await;
        let contact = json!({
            "FirstName": "Ada", "LastName": "Zebra", "Email": ADA, "AccountId": account,
            "Description": "Met at the fair.",
        });
        let contact = org.create("Contact", contact).await;
        let lead = json!({ "LastName": "Lynx", "Company": "Lynx", "Email": LEO });
        let lead = org.create("Lead", lead).await;
        let deal = json!({
            "Name": "Stripes", "StageName": "Prospecting", "CloseDate": "2099-12-31",
            "AccountId": account,
        });
        let deal = org.create("Opportunity", deal).await;
        Self { account, contact, lead, deal }
    }
}

/// Starts an org that has the cast and nothing else, connected and set up.
pub(crate) async fn stage() -> (World, Cast) {
    let world = World::ready_with(none()).await;
    let cast = Cast::create(&world.org).await;
    (world, cast)
}

/// Returns a meeting some days ago with these guests, with an insight and
/// without action items.
pub(crate) fn meeting(org: &Org, id: &str, days_ago: i64, guests: &[&str]) -> Json {
    json!({
        "id": id,
        "title": format!("Talk {id}"),
        "started_at": days_before(org.now, days_ago).to_string(),
        "url": format!("https://meetings.example/{id}"),
        "organizer": { "email": HOST },
        "participants": guests.iter().map(|email| json!({ "email": email })).collect::<Vec<_>>(),
        "insights": [{ "kind": "need", "text": format!("Learned in {id}") }],
    })
}

/// Returns the meeting with action items of these ids and texts.
pub(crate) fn with_items(mut meeting: Json, items: &[(&str, &str)]) -> Json {
    let items = items.iter().map(|(id, text)| json!({ "id": id, "text": text, "done": false }));
    meeting["action_items"] = items.collect::<Vec<_>>().into();
    meeting
}

/// Returns the tasks that stand for action items, with what tests look at.
pub(crate) async fn tasks(org: &Org) -> Vec<Json> {
    org.soql(
        "SELECT Id, Subject, Description, Status, IsClosed, ActivityDate, WhoId, WhatId, OwnerId, \
         CallObject FROM Task ORDER BY Subject",
    )
    .await
}

/// Asserts that each action item has exactly one task, which the meeting knows.
pub(crate) async fn assert_one_task_each(world: &World, meeting_id: &str) {
    let tasks = tasks(&world.org).await;
    let items = world.meeting(meeting_id).await["action_items"].take();
    let items = items.as_array().unwrap();
    assert_eq!(tasks.len(), items.len(), "{tasks:?}");
    for item in items {
        let its: Vec<_> = tasks.iter().filter(|task| task["Subject"] == item["text"]).collect();
        assert_eq!(its.len(), 1, "{item}: {its:?}");
        assert_eq!(its[0]["Id"], item["task"], "{item}");
    }
    assert_eq!(world.open_changes().await, []);
}

/// Returns a record's description with plain line breaks.
pub(crate) async fn description(org: &Org, object: &str, id: &str) -> String {
    let record = org.get(object, id, "Description").await;
    text(&record["Description"]).replace("\r\n", "\n")
}

/// Returns the state and the reason of a meeting's work for an object.
pub(crate) async fn work(world: &World, id: &str, object: &str) -> (String, String) {
    let works = world.meeting(id).await["work"].take();
    // The meeting itself has work for Task too, besides its action items.
    let is_it = |work: &&Json| {
        work["object"] == object && (object != "Task" || work["action_item"] != Json::Null)
    };
    let work = works.as_array().unwrap().iter().find(is_it).cloned();
    let work = work.unwrap();
    (text(&work["state"]), text(&work["reason"]))
}

/// Returns our block in a description as a meeting leaves it.
pub(crate) fn block(world: &World, id: &str, days_ago: i64) -> String {
    let day = day(days_before(world.org.now, days_ago));
    format!(
        "[efficlose: latest meeting]\nLatest meeting: Talk {id} ({day})\n\
         https://meetings.example/{id}\n- need: Learned in {id}\n[/efficlose]"
    )
}
