//! Whom and what a meeting was about: what is certain is taken, what isn't is asked.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::cast::{ADA, HOST, LEO, description, meeting, stage};
use crate::world::{World, array, assert_fails, assert_says, day, days_before, text};

/// Returns the opportunity that a meeting was matched to.
async fn deal(world: &World, meeting: &str) -> Json {
    let found = array(world.meeting(meeting).await["matches"].take());
    found.into_iter().find(|found| found["object"] == "Opportunity").unwrap()
}

/// Makes a second contact with the address of the first.
async fn twin(world: &World) -> String {
    world.org.create("Contact", json!({ "LastName": "Zebra the Second", "Email": ADA })).await
}

async fn waiting(world: &World) -> Vec<Json> {
    array(world.json(&["matches", "list"]).await)
}

async fn choose(world: &World, meeting: &str, question: &str, record: &str) {
    world.ok(&["matches", "choose", meeting, question, record]).await;
    world.sync().await;
}

/// Returns which of the contacts were written to.
async fn written(world: &World, contacts: &[&str], what: &str) -> Vec<bool> {
    let mut written = Vec::new();
    for id in contacts {
        let record = world.org.get("Contact", id, "Description").await;
        written.push(text(&record["Description"]).contains(what));
    }
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_people_with_one_address_a_person_chooses_and_that_holds_for_ever() {
    let (world, cast) = stage().await;
    let twin = twin(&world).await;
    let both = [cast.contact.as_str(), &twin];
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    assert_eq!(written(&world, &both, "Learned in m1").await, [false, false], "nobody guesses");
    let review = waiting(&world).await;
    assert_eq!(review.len(), 1, "{review:?}");
    assert_eq!((&review[0]["meeting"], &review[0]["question"]), (&json!("m1"), &json!(ADA)));
    assert_eq!(array(review[0]["candidates"].clone()).len(), 2);
    let said = world.ok(&["matches", "list"]).await.stdout;
    assert_says(&said, &["who is ada@zebra.example?", "Zebra the Second", "matches choose m1"]);
    assert_says(&world.ok(&["status"]).await.stdout, &["1 question", "efficlose matches list"]);
    let work = world.meeting("m1").await["work"].take();
    let work = array(work).into_iter().find(|work| work["object"] == "Contact").unwrap();
    assert_says(&text(&work["reason"]), &["has to be chosen", "efficlose matches list"]);

    choose(&world, "m1", ADA, &twin).await;
    assert_eq!(written(&world, &both, "Learned in m1").await, [false, true]);
    assert_eq!(waiting(&world).await, Vec::<Json>::new());
    world.tell(&[meeting(&world.org, "m2", 2, &[ADA])]).await;
    world.sync().await;
    assert_eq!(written(&world, &both, "Learned in m2").await, [false, true]);
    let rules = world.json(&["meetings", "show", "m2", "--explain"]).await["rules"].take();
    let rule = &array(rules)[0];
    assert_eq!((&rule["rule"], &rule["said"]), (&json!("choice"), &json!("a person chose it")));

    // The one that was chosen is merged into the other: the choice goes along.
    world.org.merge(&cast.contact, &[&twin]).await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m3", 1, &[ADA])]).await;
    world.sync().await;
    assert_eq!(written(&world, &both[..1], "Learned in m3").await, [true]);
    choose(&world, "m3", ADA, "none").await;
    world.tell(&[meeting(&world.org, "m4", 0, &[ADA])]).await;
    world.sync().await;
    assert_eq!(written(&world, &both[..1], "Learned in m4").await, [false]);
    choose(&world, "m4", ADA, "auto").await;
    assert_eq!(written(&world, &both[..1], "Learned in m4").await, [true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opportunity_is_chosen_where_several_fit_and_each_rule_says_what_it_found() {
    let (world, cast) = stage().await;
    let other = json!({
        "Name": "Spots", "StageName": "Prospecting", "CloseDate": "2099-12-31",
        "AccountId": cast.account,
    });
    let other = world.org.create("Opportunity", other).await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    let review = waiting(&world).await.remove(0);
    assert_eq!(review["question"], "opportunity");
    let said = world.ok(&["meetings", "show", "m1", "--explain"]).await.stdout;
    assert_says(
        &said,
        &[
            "the contact with the address",
            "close-date",
            "2 of 2 close next",
            "a person has to choose",
        ],
    );
    assert!(!description(&world.org, "Contact", &cast.contact).await.is_empty());
    assert_eq!(description(&world.org, "Opportunity", &other).await, "");
    choose(&world, "m1", "opportunity", &other).await;
    assert_says(&description(&world.org, "Opportunity", &other).await, &["Learned in m1"]);
    assert_eq!(description(&world.org, "Opportunity", &cast.deal).await, "");
    for (record, said) in
        [(cast.contact.as_str(), "is no Opportunity that was imported"), ("x", "is not")]
    {
        let wrong = ["matches", "choose", "m1", "opportunity", record];
        assert_fails(world.efficlose(&wrong).await, said, "");
    }
    let nowhere = world.efficlose(&["matches", "choose", "m9", "account", "none"]).await;
    assert_fails(nowhere, "there is no meeting \"m9\"", "meetings list");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_and_what_decides_a_tie_are_settings() {
    let (world, cast) = stage().await;
    let twin = twin(&world).await;
    world.choose(|org| {
        org["matching"] = toml_edit::table();
        org["matching"]["ties"] = toml_edit::value("newest");
        org["matching"]["account"] = toml_edit::value(toml_edit::Array::new());
    });
    world.org.pass(60).await;
    world.org.patch("Contact", &twin, json!({ "Title": "Changed last" })).await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    let both = [cast.contact.as_str(), &twin];
    assert_eq!(written(&world, &both, "Learned in m1").await, [false, true]);
    let matches = array(world.meeting("m1").await["matches"].take());
    assert_eq!(matches.len(), 1, "no rule finds an account: {matches:?}");
    assert_says(&text(&matches[0]["reason"]), &["of 2 contacts", "the one changed last"]);
    world.choose(|org| org["matching"]["ties"] = toml_edit::value("oldest"));
    assert_fails(world.efficlose(&["status"]).await, "oldest", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_is_taken_back_is_asked_again_and_a_lead_leads_to_its_contact() {
    let (world, _) = stage().await;
    let twin = twin(&world).await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    choose(&world, "m1", ADA, &twin).await;
    assert_eq!(waiting(&world).await, Vec::<Json>::new());
    choose(&world, "m1", ADA, "auto").await;
    assert_eq!(waiting(&world).await.len(), 1, "nobody has chosen");

    let lead = json!({ "LastName": "Ripe", "Company": "Heir", "Email": "ripe@heir.example" });
    let lead = world.org.create("Lead", lead).await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m2", 2, &["ripe@heir.example"])]).await;
    choose(&world, "m2", "ripe@heir.example", &lead).await;
    let contact = text(&world.org.convert(&lead).await["contactId"]);
    world.sync().await;
    world.tell(&[meeting(&world.org, "m3", 1, &["ripe@heir.example"])]).await;
    world.sync().await;
    let found = array(world.meeting("m3").await["matches"].take());
    assert_eq!(found[0]["record_id"], contact.as_str(), "{found:?}");
    assert_says(&description(&world.org, "Contact", &contact).await, &["Learned in m3"]);
    assert_eq!(world.failures().await, Vec::<Json>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deal_that_was_closed_since_the_meeting_is_what_it_was_about() {
    let (world, cast) = stage().await;
    let won = json!({ "StageName": "Closed Won", "CloseDate": day(world.org.now) });
    world.org.patch("Opportunity", &cast.deal, won).await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    let deal = deal(&world, "m1").await;
    assert_eq!(deal["record_id"], cast.deal.as_str());
    assert_says(&text(&deal["reason"]), &["was open then"]);
    let late = json!({ "CloseDate": day(days_before(world.org.now, 30)) });
    world.org.pass(60).await;
    world.org.patch("Opportunity", &cast.deal, late).await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m2", 2, &[ADA])]).await;
    world.sync().await;
    let found = array(world.meeting("m2").await["matches"].take());
    assert!(found.iter().all(|found| found["object"] != "Opportunity"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_opportunities_the_one_of_a_guest_is_taken() {
    let (world, cast) = stage().await;
    let other = json!({
        "Name": "Hooves", "StageName": "Prospecting", "CloseDate": "2099-12-31",
        "AccountId": cast.account, "ContactId": cast.contact,
    });
    let other = world.org.create("Opportunity", other).await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    assert_eq!(waiting(&world).await, Vec::<Json>::new());
    let shown = world.json(&["meetings", "show", "m1", "--explain"]).await;
    let found = array(shown["matches"].clone());
    let deal = found.iter().find(|found| found["object"] == "Opportunity").unwrap();
    assert_eq!(deal["record_id"], json!(other));
    assert_says(&text(&deal["reason"]), &["a guest among its contacts"]);
    let rules = array(shown["rules"].clone());
    let said =
        rules.iter().find(|rule| rule["rule"] == "contact" && rule["question"] == "opportunity");
    assert_eq!(said.unwrap()["said"], "1 of 2 have a guest among their contacts");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_opportunities_one_in_which_a_guest_has_a_role_is_taken() {
    let (world, cast) = stage().await;
    let other = json!({
        "Name": "Hooves", "StageName": "Prospecting", "CloseDate": "2099-12-31",
        "AccountId": cast.account,
    });
    let other = world.org.create("Opportunity", other).await;
    let role = json!({ "OpportunityId": other, "ContactId": cast.contact, "Role": "Evaluator" });
    world.org.create("OpportunityContactRole", role).await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    assert_eq!(waiting(&world).await, Vec::<Json>::new());
    let deal = deal(&world, "m1").await;
    assert_eq!(deal["record_id"], json!(other));
    let said = world.ok(&["meetings", "show", "m1", "--explain"]).await.stdout;
    assert_says(&said, &["1 of 2 have a guest among their contacts"]);

    // Within the hour nobody is asked about again.
    world.org.forget_requests().await;
    world.tell(&[meeting(&world.org, "m2", 2, &[ADA])]).await;
    world.sync().await;
    let asked = world.org.requests().await;
    let asked = asked.iter().filter(|one| one.to_string().contains("OpportunityContactRole"));
    assert_eq!(asked.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_that_hides_roles_leaves_the_opportunity_to_the_other_rules() {
    let (world, cast) = stage().await;
    let other = json!({
        "Name": "Hooves", "StageName": "Prospecting", "CloseDate": "2099-11-30",
        "AccountId": cast.account,
    });
    let other = world.org.create("Opportunity", other).await;
    let hidden = json!({ "object": "OpportunityContactRole", "visible": false });
    world.org.secure_object(hidden).await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    let deal = deal(&world, "m1").await;
    assert_eq!(deal["record_id"], json!(other), "it closes first");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_cannot_be_read_just_now_are_waited_for() {
    let (world, cast) = stage().await;
    let other = json!({
        "Name": "Hooves", "StageName": "Prospecting", "CloseDate": "2099-11-30",
        "AccountId": cast.account,
    });
    world.org.create("Opportunity", other).await;
    let role = json!({ "OpportunityId": cast.deal, "ContactId": cast.contact });
    world.org.create("OpportunityContactRole", role).await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    let fault = json!({
        "method": "GET", "path": "{V}/query", "kind": "status", "status": 503, "times": 20,
        "body": [{ "errorCode": "SERVER_UNAVAILABLE", "message": "down" }],
    });
    world.org.fault(fault).await;
    world.sync_fails().await;
    world.org.control(Method::DELETE, "/faults", json!({})).await;
    world.sync().await;
    let deal = deal(&world, "m1").await;
    assert_eq!(deal["record_id"], json!(cast.deal), "not the one that closes first");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_waits_where_it_depends_on_who_was_there() {
    let (world, cast) = stage().await;
    let partner = world.org.create("Account", json!({ "Name": "Partner" })).await;
    let twin = json!({ "LastName": "Zebra the Second", "Email": ADA, "AccountId": partner });
    world.org.create("Contact", twin).await;
    let carol = json!({
        "LastName": "Carol", "Email": "carol@partner.example", "AccountId": partner,
    });
    world.org.create("Contact", carol).await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA, "carol@partner.example"])]).await;
    world.sync().await;
    let account = async |id: &str| description_or_none(&world, "Account", id).await;
    assert!(!account(&partner).await.contains("Learned in m1"), "that would be a guess");
    choose(&world, "m1", ADA, &cast.contact).await;
    choose(&world, "m1", "account", &cast.account).await;
    assert!(account(&cast.account).await.contains("Learned in m1"));
    assert!(!account(&partner).await.contains("Learned in m1"));
}

/// Returns what a record's description says; nothing, where it is empty.
async fn description_or_none(world: &World, object: &str, id: &str) -> String {
    let record = world.org.get(object, id, "Description").await;
    record["Description"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_a_meeting_leaves_shows_the_one_before() {
    let (world, cast) = stage().await;
    let told = [meeting(&world.org, "m1", 4, &[ADA]), meeting(&world.org, "m2", 2, &[ADA])];
    world.tell(&told).await;
    world.sync().await;
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in m2"]);
    world.tell(&[meeting(&world.org, "m2", 2, &["nora@newton.example"])]).await;
    world.sync().await;
    world.sync().await;
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in m1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_stays_with_the_deal_that_was_open_when_it_was_matched() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    world.sync().await;
    assert_eq!(deal(&world, "m1").await["record_id"], cast.deal.as_str());
    let won = json!({ "StageName": "Closed Won" });
    world.org.patch("Opportunity", &cast.deal, won).await;
    let renewal = json!({
        "Name": "Renewal", "StageName": "Prospecting", "CloseDate": "2099-12-31",
        "AccountId": cast.account,
    });
    world.org.create("Opportunity", renewal).await;
    let mut told = meeting(&world.org, "m1", 2, &[ADA]);
    told["title"] = json!("Told anew");
    world.tell(&[told]).await;
    world.sync().await;
    assert_eq!(deal(&world, "m1").await["record_id"], cast.deal.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_converted_leads_nobody_guesses() {
    let (world, _) = stage().await;
    let mut contacts = Vec::new();
    for name in ["One", "Two"] {
        let lead = json!({ "LastName": name, "Company": name, "Email": "twice@two.example" });
        let lead = world.org.create("Lead", lead).await;
        contacts.push(text(&world.org.convert(&lead).await["contactId"]));
    }
    for (place, contact) in contacts.iter().enumerate() {
        let other = json!({ "Email": format!("other{place}@two.example") });
        world.org.patch("Contact", contact, other).await;
    }
    world.tell(&[meeting(&world.org, "m1", 2, &["twice@two.example"])]).await;
    world.sync().await;
    let both = [contacts[0].as_str(), &contacts[1]];
    assert_eq!(written(&world, &both, "Learned in m1").await, [false, false]);
    assert_eq!(waiting(&world).await.len(), 1);
    world.org.delete("Contact", &contacts[0]).await;
    world.sync().await;
    assert!(written(&world, &both[1..], "Learned in m1").await[0], "the other one is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_sandbox_org_the_organizer_is_known_by_the_disguised_address() {
    let (world, cast) = stage().await;
    let host = world.org.soql(&format!("SELECT Id FROM User WHERE Email = '{HOST}'")).await;
    let host = text(&host[0]["Id"]);
    world.org.patch("User", &host, json!({ "Email": format!("{HOST}.invalid") })).await;
    let theirs = json!({
        "Name": "Spots", "StageName": "Prospecting", "CloseDate": "2099-12-31",
        "AccountId": cast.account, "OwnerId": host,
    });
    let theirs = world.org.create("Opportunity", theirs).await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    let deal = deal(&world, "m1").await;
    assert_eq!(deal["record_id"], theirs, "{deal}");
    assert_says(&text(&deal["reason"]), &["that the organizer owns"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_mail_domain_and_a_calendars_room_tell_nothing_of_a_company() {
    let (world, _) = stage().await;
    let room = "c_188@resource.calendar.google.com";
    let guests = ["someone@zebra.example", room];
    world.choose(|org| {
        org["matching"]["free_mail"] =
            toml_edit::value(toml_edit::Array::from_iter(["ZEBRA.Example"]));
    });
    world.tell(&[meeting(&world.org, "m1", 3, &guests)]).await;
    world.sync().await;
    let told = world.meeting("m1").await;
    assert_eq!(told["matches"], json!([]));
    assert!(!told.to_string().contains("nobody that we know has the address c_188"));
    // Without it, the company's web site is at their domain.
    world.choose(|org| org["matching"]["free_mail"] = toml_edit::value(toml_edit::Array::new()));
    world.sync().await;
    assert_eq!(array(world.meeting("m1").await["matches"].take())[0]["object"], "Account");
    let said = world.ok(&["meetings", "show", "m1", "--explain"]).await.stdout;
    assert!(!said.contains("c_188"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_meeting_comes_to_match_gets_what_was_learned_though_all_else_was_settled() {
    let (world, _) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[LEO])]).await;
    world.sync().await;
    let account = world.org.create("Account", json!({ "Name": "Lynx" })).await;
    let leo = json!({ "LastName": "Lynx", "Email": LEO, "AccountId": account });
    let leo = world.org.create("Contact", leo).await;
    world.sync().await;
    world.sync().await;
    assert_says(&description(&world.org, "Contact", &leo).await, &["Learned in m1"]);
    assert_says(&description(&world.org, "Account", &account).await, &["Learned in m1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_a_meeting_left_shows_the_one_before_though_a_deal_is_asked_about() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "old", 9, &[ADA])]).await;
    world.tell(&[meeting(&world.org, "new", 2, &[ADA])]).await;
    world.sync().await;
    assert_says(&description(&world.org, "Account", &cast.account).await, &["Learned in new"]);
    let other = world.org.create("Account", json!({ "Name": "Other" })).await;
    for name in ["Spots", "Stars"] {
        let deal = json!({
            "Name": name, "StageName": "Prospecting", "CloseDate": "2099-12-31",
            "AccountId": other,
        });
        world.org.create("Opportunity", deal).await;
    }
    world.sync().await;
    choose(&world, "new", "account", &other).await;
    world.sync().await;
    assert_eq!(waiting(&world).await[0]["question"], "opportunity");
    assert_says(&description(&world.org, "Account", &cast.account).await, &["Learned in old"]);
}
