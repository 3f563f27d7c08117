//! Guests who are nobody in Salesforce yet, and become leads or contacts where someone wants that.

use serde_json::{Value as Json, json};

use crate::cast::{ADA, LEO, meeting, stage};
use crate::world::{World, array, assert_says, text};

const NEW: &str = "Nora.Newton@Newton.example";

/// Says in the settings what becomes of those whom nobody knows.
fn make(world: &World, what: &str) {
    world.choose(|org| org["matching"]["create"] = toml_edit::value(what));
}

/// Returns a meeting with someone whom nobody knows.
fn with_newcomer(world: &World, id: &str) -> Json {
    let mut told = meeting(&world.org, id, 2, &[ADA]);
    told["participants"] = json!([{ "name": "Nora van Newton", "email": NEW }, { "email": ADA }]);
    told
}

async fn leads(world: &World) -> Vec<Json> {
    let soql = "SELECT Id, FirstName, LastName, Company, Email, Description FROM Lead \
                WHERE LastName != 'Lynx'";
    world.org.soql(soql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_whom_nobody_knows_becomes_one_lead_that_is_written_to_like_any_other() {
    let (world, _cast) = stage().await;
    world.tell(&[with_newcomer(&world, "m1"), with_newcomer(&world, "m2")]).await;
    world.sync().await;
    assert_eq!(leads(&world).await, Vec::<Json>::new(), "nobody has asked for that");

    // What has matched nobody so far is looked at again.
    make(&world, "lead");
    let plan = world.json(&["sync", "--dry-run"]).await["orgs"][0]["changes"].take();
    let made: Vec<Json> = array(plan).into_iter().filter(|one| one["does"] == "create").collect();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0]["fields"]["LastName"]["after"], "Newton");
    assert_eq!(leads(&world).await, Vec::<Json>::new(), "that was a rehearsal");

    world.sync().await;
    let lead = leads(&world).await.remove(0);
    assert_eq!(leads(&world).await.len(), 1);
    assert_eq!(
        (&lead["FirstName"], &lead["LastName"], &lead["Company"]),
        (&json!("Nora van"), &json!("Newton"), &json!("newton.example"))
    );
    assert!(text(&lead["Email"]).eq_ignore_ascii_case(NEW));
    world.sync().await;
    let lead = leads(&world).await.remove(0);
    assert_says(&text(&lead["Description"]), &["Learned in m"]);
    world.sync().await;
    assert_eq!(leads(&world).await.len(), 1);
    assert_eq!(world.failures().await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_who_is_deleted_or_taken_back_is_not_made_again() {
    let (world, _cast) = stage().await;
    make(&world, "lead");
    for (nth, is_undone) in [(1, false), (2, true)] {
        let mut told = with_newcomer(&world, &format!("m{nth}"));
        told["participants"][0]["email"] = json!(format!("nora{nth}@newton.example"));
        world.tell(&[told.clone()]).await;
        world.sync().await;
        let lead = text(&leads(&world).await.remove(0)["Id"]);
        if is_undone {
            let change = array(world.json(&["changes", "list", &lead]).await).remove(0);
            world.ok(&["changes", "undo", &format!("change:{}", change["id"])]).await;
        } else {
            world.org.delete("Lead", &lead).await;
        }
        assert_eq!(leads(&world).await, Vec::<Json>::new());
        told["title"] = json!("Told anew");
        world.tell(&[told]).await;
        world.sync().await;
        world.sync().await;
        assert_eq!(leads(&world).await, Vec::<Json>::new(), "undone: {is_undone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_whose_contact_was_deleted_does_not_come_back_as_a_lead() {
    let (world, _cast) = stage().await;
    make(&world, "lead");
    let contact = json!({ "LastName": "Newton", "Email": NEW });
    let contact = world.org.create("Contact", contact).await;
    world.sync().await;
    world.org.delete("Contact", &contact).await;
    world.tell(&[with_newcomer(&world, "m1")]).await;
    world.sync().await;
    assert_eq!(leads(&world).await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_becomes_a_contact_of_the_account_at_their_domain() {
    let (world, cast) = stage().await;
    make(&world, "contact");
    let mut told = with_newcomer(&world, "m1");
    told["participants"][0]["email"] = json!("nora@zebra.example");
    world.tell(&[told]).await;
    world.sync().await;
    let made =
        world.org.soql("SELECT LastName, AccountId FROM Contact WHERE LastName = 'Newton'").await;
    assert_eq!(made.len(), 1);
    assert_eq!(made[0]["AccountId"], json!(cast.account));
    assert_eq!(leads(&world).await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_salesforce_knows_or_refuses_is_not_made() {
    let (world, _cast) = stage().await;
    make(&world, "lead");
    world.sync().await;
    // Somebody is quicker than our next import: the first page was read before.
    world.tell(&[with_newcomer(&world, "m1")]).await;
    world.ok(&["pause", "--object", "Contact"]).await;
    world.org.create("Contact", json!({ "LastName": "Newton", "Email": NEW.to_lowercase() })).await;
    let gone = json!({ "LastName": "Newton", "Company": "Newton", "Email": NEW });
    let gone = world.org.create("Lead", gone).await;
    world.org.delete("Lead", &gone).await;
    world.sync().await;
    assert_eq!(leads(&world).await, Vec::<Json>::new());
    let work = array(world.meeting("m1").await["work"].take());
    let lead = work.iter().find(|one| one["object"] == "Lead").unwrap();
    assert!(!text(&lead["reason"]).contains("deleted"), "a contact is there: {lead}");
    // It is looked at again whenever records change.
    assert!(["unmatched", "waiting"].map(|state| json!(state)).contains(&lead["state"]), "{lead}");

    // A duplicate rule, say.
    let error = json!({ "statusCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", "fields": [] });
    let refusal = json!({
        "method": "POST", "path": "{V}/composite/sobjects", "kind": "status", "status": 200,
        "body": [{ "success": false, "errors": [error] }],
    });
    let mut told = with_newcomer(&world, "m2");
    told["participants"] = json!([{ "name": "Otto Other", "email": "otto@other.example" }]);
    world.tell(&[told]).await;
    world.org.fault(refusal).await;
    world.json(&["sync", "--object", "Lead"]).await;
    let failure = world.failures().await.remove(0);
    assert_eq!(
        (&failure["object"], &failure["code"]),
        (&json!("Lead"), &json!("DUPLICATES_DETECTED"))
    );
    assert_says(&text(&failure["subject"]), &["m2 → otto@other.example"]);
    world.ok(&["failures", "retry"]).await;
    world.sync().await;
    assert_eq!(leads(&world).await.len(), 1);
    assert_eq!(world.failures().await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_people_and_an_audience_are_no_newcomers() {
    let (world, _cast) = stage().await;
    make(&world, "lead");
    let mut own = with_newcomer(&world, "m1");
    // A user of Salesforce whose domain nobody has named, and one below a domain that is named.
    let rita = world.org.soql("SELECT Id FROM User WHERE LastName = 'Keller'").await.remove(0);
    let moved = json!({ "Email": "rita@partner.example" });
    world.org.patch("User", &text(&rita["Id"]), moved).await;
    own["participants"] =
        json!([{ "email": "rita@partner.example" }, { "email": "room1@rooms.northwind.example" }]);
    let mut talk = with_newcomer(&world, "m2");
    talk["participants"] =
        (0..40).map(|nth| json!({ "email": format!("guest{nth}@audience.example") })).collect();
    world.tell(&[own, talk]).await;
    world.sync().await;
    assert_eq!(leads(&world).await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_who_can_have_no_address_waits_and_keeps_nobody_else_waiting() {
    let (world, _cast) = stage().await;
    make(&world, "lead");
    world.org.change_field("Lead", "Email", json!({ "readOnly": true })).await;
    world.tell(&[with_newcomer(&world, "m1"), meeting(&world.org, "m2", 1, &[LEO])]).await;
    world.sync().await;
    assert_eq!(leads(&world).await, Vec::<Json>::new());
    let failure = world.failures().await.remove(0);
    assert_says(&text(&failure["message"]), &["may not give a new Lead an address"]);
    let known = world.org.soql("SELECT Description FROM Lead WHERE LastName = 'Lynx'").await;
    assert_says(&text(&known[0]["Description"]), &["Learned in m2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_whom_nothing_but_a_passing_error_kept_out_comes_by_itself() {
    let (world, _cast) = stage().await;
    make(&world, "lead");
    world.tell(&[meeting(&world.org, "m0", 3, &[ADA])]).await;
    world.sync().await;
    world.tell(&[with_newcomer(&world, "m1")]).await;
    let fault = json!({ "method": "GET", "path": "{V}/query", "kind": "html-503", "times": 4 });
    world.org.fault(fault).await;
    world.efficlose(&["sync"]).await;
    assert!(world.org.has_struck().await);
    assert_eq!(leads(&world).await, Vec::<Json>::new());
    world.org.calm().await;
    world.sync().await;
    assert_eq!(leads(&world).await.len(), 1);
    world.sync().await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
}
