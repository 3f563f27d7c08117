//! A mapping is tried before it is used, and taken back when it was wrong.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::world::{World, assert_fails, assert_says, text};

/// Writes a script beside the home, as an author would.
fn draft(world: &World, name: &str, script: &str) -> (PathBuf, String) {
    let folder = world.home().join("drafts");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    std::fs::write(&file, script).unwrap();
    (file.clone(), file.display().to_string())
}

const LOUD: &str = "export const fields = ['Email', 'LastName', 'Nowhere__c?'];
export const columns = ['email', 'last_name'];
export function pull(record) {
  if (record.LastName.startsWith('Z')) skip('the last ones');
  return { email: record.Email?.toUpperCase(), last_name: record.LastName };
}";

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_is_previewed_on_stored_records_without_a_call_or_a_change() {
    let world = World::ready().await;
    world.sync().await;
    let before = world.records("Contact").await;
    world.org.forget_requests().await;
    let (_, file) = draft(&world, "contact.js", LOUD);
    let seen = world.json(&["mapping", "preview", &file, "--records", "10"]).await;
    assert_eq!(seen["records"], 10);
    let changed = seen["changed"].as_u64().unwrap() + seen["skipped"].as_u64().unwrap();
    assert_eq!((changed, &seen["failed"]), (10, &json!(0)));
    let change = seen["changes"][0].clone();
    let contact = before.iter().find(|contact| contact["id"] == change["id"]).unwrap();
    let email = &change["columns"]["email"];
    assert_eq!(email["old"], contact["email"]);
    assert_eq!(text(&email["new"]), text(&contact["email"]).to_uppercase());
    assert_eq!(change["columns"]["first_name"]["new"], Json::Null);
    assert_eq!(seen["unread"], json!(["Nowhere__c"]));
    let all = world.json(&["mapping", "replay", &file]).await;
    assert_eq!(all["records"], 30);
    let said = world.ok(&["mapping", "preview", &file]).await.stdout;
    assert_says(&said, &["would be", "Of 30 records", "Nowhere__c"]);
    assert_eq!(world.org.requests().await, Vec::<Json>::new());
    assert_eq!(world.records("Contact").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_is_used_once_it_was_tried_and_there_is_a_way_back() {
    let world = World::ready().await;
    world.sync().await;
    let email = async || text(&world.records("Contact").await[0]["email"]);
    let first = email().await;
    let (_, loud) = draft(&world, "contact.js", LOUD);
    world.ok(&["mapping", "use", &loud]).await;
    let listed = world.json(&["mapping", "list"]).await;
    let contact = listed.as_array().unwrap().iter().find(|one| one["object"] == "Contact");
    assert_says(&text(&contact.unwrap()["from"]), &["mappings/contact.js"]);
    world.sync().await;
    assert_eq!(email().await, first.to_uppercase());

    let broken = "export const pull = (record) => { throw new Error('not this one'); };";
    let (_, broken) = draft(&world, "broken.js", broken);
    let output = world.efficlose(&["mapping", "use", &broken]).await;
    assert_fails(output, "\"broken\" is not called after an object", "--object");
    let output = world.efficlose(&["mapping", "use", &broken, "--object", "Contact"]).await;
    assert_fails(output, "of 30 records would fail that did not before", "--force");
    let quiet = LOUD.replace("?.toUpperCase()", "?.toLowerCase()");
    let (_, quiet) = draft(&world, "contact.js", &quiet);
    world.ok(&["mapping", "use", &quiet]).await;
    world.sync().await;
    assert_eq!(email().await, first.to_lowercase());

    world.ok(&["mapping", "back", "contact"]).await;
    world.sync().await;
    assert_eq!(email().await, first.to_uppercase());
    let said = world.ok(&["mapping", "back", "Contact"]).await.stdout;
    assert_says(&said, &["Contact is mapped by the default again"]);
    world.sync().await;
    assert_eq!(email().await, first);
    world.assert_in_step().await;
    let output = world.efficlose(&["mapping", "back", "Contact"]).await;
    assert_fails(output, "no other mapping of Contact was used before", "mapping list");
}
