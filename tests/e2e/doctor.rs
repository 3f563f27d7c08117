//! What the doctor finds in an org, and what it says mends it.

use efficlose_sandbox::Settings;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::world::{World, array, assert_fails, assert_says, few, text};

async fn findings(world: &World) -> (bool, Vec<Json>) {
    let output = world.efficlose(&["doctor", "--json"]).await;
    let is_well = output.code == Some(0);
    (is_well, array(output.json()["findings"].take()))
}

fn about<'a>(findings: &'a [Json], about: &str, health: &str) -> Vec<&'a Json> {
    let of = |one: &&Json| one["about"] == about && one["health"] == health;
    findings.iter().filter(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_in_good_health_is_told_so_and_what_could_be_better() {
    let world = World::ready().await;
    world.org.forget_requests().await;
    let (is_well, found) = findings(&world).await;
    assert!(is_well, "{found:?}");
    assert!(found.iter().all(|one| one["health"] != "trouble"));
    assert_eq!(about(&found, "Contact", "good").len(), 4, "{found:?}");
    let mark = about(&found, "Task", "warning");
    assert_says(&text(&mark[0]["said"]), &["CallObject"]);
    assert_says(&text(&mark[0]["mend"]), &["Efficlose_Id__c"]);
    assert_eq!(world.org.writes().await, Vec::<Json>::new());
    let said = world.ok(&["doctor"]).await.stdout;
    assert_says(&said, &["good", "the connected user sees 30 of about 30 records", "may be ours"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_is_wrong_is_named_with_its_mend() {
    let world = World::ready_with(Settings { ..few() }).await;
    world.sync().await;
    let hidden: Vec<Json> =
        world.records("Lead").await.iter().take(5).map(|lead| lead["id"].clone()).collect();
    world.org.control(Method::POST, "/records/hide", json!({ "ids": hidden })).await;
    world.org.change_field("Contact", "LastName", json!({ "visible": false })).await;
    world.org.change_field("Contact", "Title", json!({ "visible": false })).await;
    world.org.secure_object(json!({ "object": "Opportunity", "readOnly": true })).await;
    world.org.secure_object(json!({ "object": "Account", "visible": false })).await;
    let rule = json!({
        "object": "Task", "name": "Team__c", "type": "text", "required": true,
    });
    world.org.control(Method::POST, "/fields", rule).await;
    let (is_well, found) = findings(&world).await;
    assert!(!is_well);
    for (subject, health, said, mend) in [
        ("Contact.LastName", "trouble", "lacks or hides it", "field-level security"),
        ("Contact.Title", "warning", "lacks or hides it", "field-level security"),
        ("Opportunity", "trouble", "may not change records", "--pull-only"),
        ("Account", "trouble", "does not see Account", "read access to Account"),
        ("Task.Team__c", "trouble", "a new record needs it", "Have the mapping write it"),
        ("Lead", "warning", "sees 10 of about 15 records", "View All"),
    ] {
        let those = about(&found, subject, health);
        assert!(!those.is_empty(), "{subject}: {found:?}");
        assert!(
            those
                .iter()
                .any(|one| text(&one["said"]).contains(said) && text(&one["mend"]).contains(mend)),
            "{subject}: {those:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_set_gives_what_is_needed_and_no_more() {
    let world = World::ready().await;
    let file = world.home().join("efficlose.xml");
    world.org.change_field("Contact", "Title", json!({ "visible": false })).await;
    world.org.secure_object(json!({ "object": "Lead", "visible": false })).await;
    world.choose(|org| org["matching"]["create"] = toml_edit::value("lead"));
    let fails = world.efficlose(&["doctor", "--permission-set", file.to_str().unwrap()]).await;
    assert_fails(fails, "keeps something from syncing", "mend");
    let xml = std::fs::read_to_string(&file).unwrap();
    let field = |name: &str, editable: bool| {
        format!(
            "<editable>{editable}</editable>\n        <field>{name}</field>\n        \
             <readable>true</readable>"
        )
    };
    assert_says(
        &xml,
        &[
            &field("Contact.Title", false),
            &field("Contact.Description", true),
            &field("Task.Description", true),
            "<object>Contact</object>",
            "<object>Lead</object>",
            "<name>ApiEnabled</name>",
            "<name>EditTask</name>",
        ],
    );
    let lead = xml.split("<objectPermissions>").find(|part| part.contains("<object>Lead<"));
    assert_says(lead.unwrap(), &["<allowCreate>true", "<allowEdit>true"]);
    for never in ["LastName", "SystemModstamp", "<object>Task", "<modifyAllRecords>true"] {
        assert!(!xml.contains(never), "{never}: {xml}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_rules_that_may_refuse_guests_and_a_policy_for_nothing_are_told() {
    let world = World::ready().await;
    world.choose(|org| {
        org["matching"]["create"] = toml_edit::value("lead");
        org["objects"]["Contact"]["policies"]["Titel"] = toml_edit::value("crm-wins");
    });
    let (_, found) = findings(&world).await;
    let none = about(&found, "Lead", "good");
    assert!(none.iter().any(|one| text(&one["said"]).contains("no duplicate rule")), "{none:?}");
    let stray = about(&found, "Contact", "trouble");
    assert_says(&text(&stray[0]["said"]), &["a policy for Contact.Titel"]);

    let rule =
        json!({ "object": "Lead", "name": "Standard_Lead_Duplicate_Rule", "fields": ["Email"] });
    world.org.control(Method::POST, "/duplicate-rules", rule).await;
    let (_, found) = findings(&world).await;
    let told = about(&found, "Lead", "warning");
    assert_says(&text(&told[0]["said"]), &["Standard Lead Duplicate Rule"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn validation_rules_for_what_is_written_are_told_with_their_words() {
    let world = World::ready().await;
    for (object, message) in
        [("Contact", "Say how we met."), ("Contact", "No free mail."), ("Event", "Not here.")]
    {
        let rule = json!({ "object": object, "when": { "Description": "x" }, "message": message });
        world.org.control(Method::POST, "/validation-rules", rule).await;
    }
    let (is_well, found) = findings(&world).await;
    assert!(is_well, "{found:?}");
    let told = about(&found, "Contact", "warning");
    assert_eq!(told.len(), 1, "{told:?}");
    let said = text(&told[0]["said"]);
    assert_says(&said, &["Rule_1 (\"Say how we met.\"), Rule_2 (\"No free mail.\")"]);
    let none = about(&found, "Lead", "good");
    assert!(none.iter().any(|one| text(&one["said"]).contains("no validation rule")), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_of_the_settings_that_is_not_connected_is_named() {
    let world = World::ready().await;
    let file = world.home().join("config.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let stray = "00Dxx0000001gPLEAY";
    std::fs::write(&file, format!("{settings}\n[orgs.{stray}]\nbudget_percent = 10\n")).unwrap();
    let (is_well, found) = findings(&world).await;
    assert!(is_well, "{found:?}");
    assert_eq!(about(&found, &format!("orgs.{stray}"), "warning").len(), 1, "{found:?}");

    let (_, own) = settings.split_once("[orgs.").unwrap();
    let own = &own[..stray.len()];
    std::fs::write(&file, settings.replace(own, stray)).unwrap();
    let fails = world.efficlose(&["doctor"]).await;
    assert_fails(fails, "nothing is set up to sync", &format!("names {stray}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_is_refused_and_a_field_that_was_named_and_is_not_there_are_found() {
    let world = World::ready().await;
    world.choose(|org| {
        org["objects"]["Contact"]["mapping"]["custom_fields"] = toml_edit::value("Regionn__c");
    });
    world.sync().await;
    let (_, found) = findings(&world).await;
    let field = about(&found, "Contact.Regionn__c", "warning");
    assert_says(&text(&field[0]["said"]), &["lacks or hides it", "the org has Region__c"]);

    crate::filter::bring(&world, "lead.toml", "[pull]\nname = \"LastName | lowr\"\n");
    let (is_well, found) = findings(&world).await;
    assert!(!is_well);
    let refused = about(&found, "Lead", "trouble");
    assert_says(&text(&refused[0]["said"]), &["is not used", "lowr"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_to_the_parts_of_an_address_is_asked_for_as_the_whole() {
    let world = World::ready().await;
    world.sync().await;
    let file = world.home().join("set.xml");
    world.ok(&["doctor", "--permission-set", file.to_str().unwrap()]).await;
    let set = std::fs::read_to_string(&file).unwrap();
    assert_says(&set, &["Contact.MailingAddress<", "Account.BillingAddress<", "Lead.Address<"]);
    assert!(!set.contains("MailingCity") && !set.contains("Lead.City"), "{set}");
}
