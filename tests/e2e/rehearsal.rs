//! What a sync would write can be seen before, and nobody's edit is written over.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::cast::{ADA, HOST, LEO, description, meeting, stage, tasks, with_items};
use crate::world::{World, array, assert_fails, assert_says, eventually, text};

/// Returns what a sync would do.
async fn rehearsed(world: &World) -> Json {
    world.json(&["sync", "--dry-run"]).await["orgs"][0].take()
}

/// Returns what changes do, whatever their numbers and times.
fn essence(changes: &[Json]) -> BTreeSet<String> {
    let essence = changes.iter().map(|change| {
        let record = if change["does"] == "create" { &Json::Null } else { &change["record"] };
        let kept = ["object", "does", "fields", "meeting", "action_item", "mapping", "left"];
        let kept: Vec<_> = kept.iter().map(|name| &change[name]).collect();
        json!([record, kept]).to_string()
    });
    essence.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_writes_nothing_anywhere_and_tells_exactly_what_a_sync_does() {
    let (world, _) = stage().await;
    world.sync().await;
    let items = [("a", "One"), ("b", "Two")];
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA, LEO, HOST]), &items);
    told["action_items"][0]["owner_email"] = HOST.into();
    world.tell(&[told, meeting(&world.org, "m2", 3, &[ADA])]).await;
    let before = world.meeting("m1").await;
    world.org.forget_requests().await;
    let plan = rehearsed(&world).await;
    assert_eq!(world.org.writes().await, Vec::<Json>::new());
    assert_eq!(world.meeting("m1").await, before);
    assert_eq!(world.json(&["changes", "list"]).await, json!([]));
    assert_eq!(world.failures().await, Vec::<Json>::new());
    assert_eq!(rehearsed(&world).await["changes"], plan["changes"], "it can be had again");

    let said = world.ok(&["sync", "--dry-run"]).await.stdout;
    assert_says(&said, &["Contact: update", "Task: create", "\"Met at the fair.\" → ", "One"]);
    let planned = array(plan["changes"].clone());
    assert_eq!(planned.len(), 6, "{plan}");
    let sync = world.sync().await;
    let made = array(world.json(&["changes", "list", "--limit", "100"]).await);
    assert_eq!(essence(&planned), essence(&made));
    let calls: u64 = sync
        .runs()
        .iter()
        .filter(|run| run["direction"] == "push")
        .map(|run| run["counts"]["calls"].as_u64().unwrap())
        .sum();
    assert_eq!(plan["calls"], calls, "{plan}");
    assert_eq!(rehearsed(&world).await["changes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_tells_what_salesforce_would_refuse_and_what_is_left_alone() {
    let (world, cast) = stage().await;
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    let script = "export const fields = ['LastName', 'Email'];
export const columns = ['last_name', 'email'];
export const writes = { Title: 'overwrite', Phone: 'fill-if-blank', Department: 'overwrite' };
export function pull(r) { return { last_name: r.LastName, email: r.Email }; }
export function push(q) {
  return { Title: q.meeting.title.repeat(40), Phone: '1', Department: 'Sales' };
}";
    std::fs::write(folder.join("contact.js"), script).unwrap();
    world.sync().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    let plan = rehearsed(&world).await;
    let refused = array(plan["refused"].clone());
    assert_eq!(refused.len(), 1, "{plan}");
    assert_says(&text(&refused[0]["message"]), &["Contact.Title has 280 characters"]);
    assert_says(&text(&refused[0]["mend"]), &["the field holds 128"]);
    assert_eq!(world.failures().await, Vec::<Json>::new());

    std::fs::write(folder.join("contact.js"), script.replace(".repeat(40)", "")).unwrap();
    world.org.patch("Contact", &cast.contact, json!({ "Phone": "42" })).await;
    let plan = rehearsed(&world).await;
    let contact = array(plan["changes"].clone());
    let contact = contact.iter().find(|change| change["object"] == "Contact").unwrap();
    assert_eq!(contact["fields"]["Title"]["after"], "Talk m1");
    assert_eq!(contact["left"]["Phone"], "a value stands there");
    assert_eq!(contact["by"], "contact.js");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refers_to_a_record_that_is_gone_or_of_another_kind_is_refused_before_it_is_sent() {
    let (world, cast) = stage().await;
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    let gone = world.org.create("Account", json!({ "Name": "Gone" })).await;
    world.sync().await;
    world.org.delete("Account", &gone).await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    let deleted = format!("would name the Account {gone}, which was deleted");
    for (wanted, said, mend) in [
        (gone.as_str(), deleted.as_str(), "a record that is there"),
        (&cast.lead, "is the id of a record of Lead", "one of: Account"),
        ("Zebra", "\"Zebra\" for Contact.AccountId is no id", "one of: Account"),
    ] {
        let script = format!(
            "export const fields = ['LastName', 'Email', 'AccountId'];
export const columns = ['last_name', 'email', 'account_id'];
export const writes = {{ AccountId: 'overwrite' }};
export function pull(r) {{
  return {{ last_name: r.LastName, email: r.Email, account_id: r.AccountId }};
}}
export function push(q) {{ return {{ AccountId: '{wanted}' }}; }}"
        );
        std::fs::write(folder.join("contact.js"), script).unwrap();
        let refused = array(rehearsed(&world).await["refused"].take());
        assert_eq!(refused.len(), 1, "{wanted}: {refused:?}");
        assert_says(&text(&refused[0]["message"]), &[said]);
        assert_says(&text(&refused[0]["mend"]), &[mend]);
    }
    world.org.forget_requests().await;
    world.sync().await;
    assert_eq!(world.failures().await.len(), 1);
    let held = world.org.get("Contact", &cast.contact, "AccountId").await;
    assert_eq!(held["AccountId"], cast.account.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_tells_what_may_be_refused_that_only_salesforce_knows() {
    let (world, cast) = stage().await;
    world.choose(|org| org["matching"]["create"] = toml_edit::value("lead"));
    world.sync().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA, "nora@newton.example"])]).await;
    let plan = rehearsed(&world).await;
    let doubts = |plan: &Json| -> Vec<(String, String)> {
        let changes = array(plan["changes"].clone());
        let doubted = changes.iter().filter(|change| change["doubt"] != Json::Null);
        doubted.map(|change| (text(&change["object"]), text(&change["doubt"]["message"]))).collect()
    };
    assert_eq!(doubts(&plan), []);

    let rule = json!({ "object": "Lead", "name": "Same_Company", "fields": ["Company"] });
    world.org.control(Method::POST, "/duplicate-rules", rule).await;
    let waiting = json!({ "ids": [cast.contact] });
    world.org.control(Method::POST, "/records/submit", waiting.clone()).await;
    let doubted = doubts(&rehearsed(&world).await);
    assert_eq!(doubted.len(), 2, "{doubted:?}");
    for (object, said) in &doubted {
        let expected = match object.as_str() {
            "Lead" => "the duplicate rules Same Company",
            _ => "waits to be approved",
        };
        assert_says(said, &[expected]);
    }
    let said = world.ok(&["sync", "--dry-run"]).await.stdout;
    assert_says(&said, &["may be refused: the record waits to be approved", "recalled"]);

    // And so it is.
    world.sync().await;
    let failures = world.failures().await;
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0]["code"], "ENTITY_IS_LOCKED");
    world.org.control(Method::POST, "/records/approve", waiting).await;
    world.ok(&["failures", "retry"]).await;
    world.sync().await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
    let written = description(&world.org, "Contact", &cast.contact).await;
    assert_says(&written, &["Learned in m1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_names_the_line_of_a_field_map_that_wants_a_value() {
    let (world, _) = stage().await;
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    let map = "[pull]\ncustom.about = \"Description\"\n\n[push]\nTitle = { is = \"meeting.title\", policy = \"overwrite\" }\n";
    std::fs::write(folder.join("contact.toml"), map).unwrap();
    world.sync().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    let plan = array(rehearsed(&world).await["changes"].take());
    let contact = plan.iter().find(|change| change["object"] == "Contact").unwrap();
    assert_eq!(contact["by"], "contact.toml");
    assert_eq!(contact["fields"]["Title"]["by"], "contact.toml:5");
    assert_eq!(contact["fields"]["Description"]["by"], Json::Null, "the default wants that");
    let said = world.ok(&["sync", "--dry-run"]).await.stdout;
    assert_says(&said, &["by contact.toml", "nothing → \"Talk m1\"  (contact.toml:5)"]);

    // A script that leaves pushing to the default is not what decides it.
    std::fs::remove_file(folder.join("contact.toml")).unwrap();
    let script = "export const fields = ['LastName', 'Email', 'AccountId'];
export function pull(r) {
  return { last_name: r.LastName, email: r.Email, account_id: r.AccountId };
}";
    std::fs::write(folder.join("contact.js"), script).unwrap();
    world.ok(&["mapping", "accept", "Contact"]).await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m2", 1, &[ADA])]).await;
    let plan = array(rehearsed(&world).await["changes"].take());
    let contact = plan.iter().find(|change| change["object"] == "Contact").unwrap();
    assert_eq!(contact["by"], "the default mapping");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_between_reading_and_writing_is_not_written_over() {
    let (world, cast) = stage().await;
    world.sync().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    let fault = json!({
        "method": "POST", "path": "{V}/composite/sobjects/Contact", "kind": "hang",
        "milliseconds": 6_000,
    });
    world.org.fault(fault).await;
    let running = world.spawn(&["sync", "--json"]);
    eventually("the values to be read", async || world.org.has_struck().await).await;
    let edit = json!({ "Description": "Edited while efficlose was at it." });
    world.org.patch("Contact", &cast.contact, edit).await;
    running.end().await.succeeded();
    let written = description(&world.org, "Contact", &cast.contact).await;
    assert_says(&written, &["Edited while efficlose was at it.", "Learned in m1"]);
    assert_eq!(tasks(&world.org).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admins_policy_for_a_field_stands_before_the_mappings() {
    let (world, cast) = stage().await;
    let with = |field: &str| {
        world.choose(|org| {
            let mut policies = toml_edit::Table::new();
            policies.insert(field, toml_edit::value("crm-wins"));
            org["objects"]["Contact"]["policies"] = toml_edit::Item::Table(policies);
        });
    };
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    with("Descripton");
    let (sync, _) = world.sync_fails().await;
    let run = sync.run("Contact", "pull");
    assert_says(&text(&run["error"]["message"]), &["did you mean Description?"]);
    let dry = world.efficlose(&["sync", "--dry-run"]).await;
    assert_fails(dry, "did you mean Description?", "`policies` of Contact");
    with("Description");
    world.sync().await;
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, "Met at the fair.");
    let work = array(world.meeting("m1").await["work"].take());
    let work = work.iter().find(|work| work["object"] == "Contact").unwrap();
    assert_says(&text(&work["reason"]), &["Description: the settings leave it to Salesforce"]);
}
