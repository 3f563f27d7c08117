//! Mappings that want only some of an object's records.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::world::{World, text};

/// A mapping that wants those with an address.
pub(crate) const PEOPLE: &str = r#"
export const fields = ["LastName", "Email", "Title"];
export const filter = "Email != null";
export function pull(record) {
  return { last_name: record.LastName, name: record.LastName, email: record.Email, title: record.Title };
}"#;

/// Puts a mapping where the customer's lie.
pub(crate) fn bring(world: &World, name: &str, mapping: &str) {
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), mapping).unwrap();
}

/// Asserts that the store has the contacts with an address, and no other.
async fn assert_people(world: &World) {
    let there = world.org.soql("SELECT Id, Email FROM Contact WHERE Email != null").await;
    let there: BTreeSet<_> = there.iter().map(|r| (text(&r["Id"]), text(&r["Email"]))).collect();
    let here = world.records("Contact").await;
    let here: BTreeSet<_> = here.iter().map(|r| (text(&r["id"]), text(&r["email"]))).collect();
    assert_eq!(here, there);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_a_change_takes_out_of_the_condition_goes_and_comes_back() {
    let world = World::ready().await;
    bring(&world, "contact.js", PEOPLE);
    world.sync().await;
    assert_people(&world).await;
    let id = text(&world.records("Contact").await[0]["id"]);
    world.org.pass(3_600).await;
    world.sync().await;
    let sync = world.sync().await;
    assert_eq!(sync.total("calls"), 1, "nothing has changed");

    world.org.patch("Contact", &id, json!({ "Email": null })).await;
    world.sync().await;
    let gone = world.record("Contact", &id).await;
    assert_eq!((&gone["state"], &gone["entity"]), (&json!("unselected"), &Json::Null));
    assert_people(&world).await;

    world.org.pass(3_600).await;
    world.org.patch("Contact", &id, json!({ "Email": "back@zebra.example" })).await;
    world.sync().await;
    assert_eq!(world.record("Contact", &id).await["entity"]["email"], "back@zebra.example");
    world.org.delete("Contact", &id).await;
    world.sync().await;
    assert_eq!(world.record("Contact", &id).await["state"], "deleted");
    assert_people(&world).await;
    world.org.pass(3_600).await;
    world.sync().await;
    assert_eq!(world.sync().await.total("calls"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_nothing_meets_costs_no_more_calls_and_is_met_one_day() {
    let world = World::ready().await;
    let nobody = PEOPLE.replace("Email != null", "Email = 'first@zebra.example'");
    bring(&world, "contact.js", &nobody);
    world.sync().await;
    world.org.pass(3_600).await;
    world.sync().await;
    assert_eq!(world.sync().await.total("calls"), 1, "nothing has changed");
    assert_eq!(world.records("Contact").await, Vec::<Json>::new());
    let plan = world.json(&["sync", "--plan"]).await["orgs"][0].take();
    assert_eq!(plan["calls"], 1, "{plan}");

    let first = json!({ "LastName": "First", "Email": "first@zebra.example" });
    let first = world.org.create("Contact", first).await;
    world.sync().await;
    assert_eq!(world.record("Contact", &first).await["entity"]["last_name"], "First");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_condition_leaves_out_stays_out_when_the_mapping_changes() {
    let world = World::ready().await;
    bring(&world, "contact.js", PEOPLE);
    world.sync().await;
    let id = text(&world.records("Contact").await[0]["id"]);
    world.org.patch("Contact", &id, json!({ "Email": null })).await;
    world.sync().await;
    // The stored records are mapped again, and those alone that are wanted.
    let loud = PEOPLE.replace("title: record.Title", "title: \"Loud\"");
    bring(&world, "contact.js", &loud);
    world.ok(&["mapping", "accept", "contact"]).await;
    world.sync().await;
    assert_people(&world).await;
    assert!(world.records("Contact").await.iter().all(|contact| contact["title"] == "Loud"));
}
