//! What was written can be explained, and taken back.

use serde_json::{Value as Json, json};

use crate::cast::{ADA, LEO, description, meeting, stage, tasks, with_items};
use crate::world::{World, array, assert_fails, assert_says, text};

/// Takes something back, and returns what became of each change.
async fn undo(world: &World, of: &str) -> Vec<Json> {
    array(world.json(&["changes", "undo", of]).await["changes"].take())
}

/// Takes back a change whose answer is lost, and returns what is said of it.
async fn fate_unknown(world: &World, of: &str) -> Json {
    let output = world.efficlose(&["changes", "undo", of, "--json"]).await.failed();
    output.json()["changes"][0]["fate"].take()
}

async fn changes(world: &World, of: &str) -> Vec<Json> {
    array(world.json(&["changes", "list", of]).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_meeting_wrote_is_listed_explained_and_taken_back_for_good() {
    let (world, cast) = stage().await;
    let told = with_items(meeting(&world.org, "m1", 2, &[ADA, LEO]), &[("a", "One")]);
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    let written = changes(&world, "m1").await;
    assert_eq!(written.len(), 5, "{written:?}");
    let of = |object: &str| written.iter().find(|change| change["object"] == object).unwrap();
    let contact = of("Contact");
    assert_eq!(contact["fields"]["Description"]["before"], "Met at the fair.");
    assert_says(&text(&contact["fields"]["Description"]["after"]), &["Learned in m1"]);
    assert_eq!(changes(&world, &contact["id"].to_string()).await, std::slice::from_ref(contact));
    assert_eq!(changes(&world, &text(&contact["run"])).await.len(), 1);
    assert_eq!(changes(&world, &cast.contact).await.len(), 1);
    let why = world.json(&["records", "why", "Contact", &cast.contact, "description"]).await;
    assert_eq!((&why["from"], &why["change"]["meeting"]), (&json!("efficlose"), &json!("m1")));
    let why = world.json(&["records", "why", "Contact", &cast.contact, "Email"]).await;
    assert_eq!((&why["from"], &why["value"]), (&json!("salesforce"), &json!(ADA)));

    // A person has changed one of the records since.
    world.org.patch("Lead", &cast.lead, json!({ "Description": "Mine." })).await;
    let dry = world.json(&["changes", "undo", "m1", "--dry-run"]).await;
    world.org.forget_requests().await;
    let undone = undo(&world, "m1").await;
    assert_eq!(json!(undone), dry["changes"], "the rehearsal tells what is done");
    let fate =
        |object: &str| undone.iter().find(|one| one["object"] == object).unwrap()["fate"].clone();
    assert_eq!([fate("Contact"), fate("Account")], ["restored", "restored"]);
    assert_eq!([fate("Lead"), fate("Task")], ["left_alone", "deleted"]);
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, "Met at the fair.");
    assert_eq!(description(&world.org, "Lead", &cast.lead).await, "Mine.");
    assert_eq!(tasks(&world.org).await, Vec::<Json>::new());
    world.assert_in_step().await;

    // The undo is in the journal, and the meeting writes nothing of it again.
    let journal = changes(&world, "m1").await;
    assert_eq!(journal.len(), 9);
    assert_eq!(journal.iter().filter(|change| change["undone"] == true).count(), 4);
    assert!(undo(&world, "m1").await.iter().all(|one| one["fate"] != "restored"));
    let mut anew = told.clone();
    anew["title"] = "Told anew".into();
    anew["action_items"][0]["text"] = "One, again".into();
    world.tell(&[anew]).await;
    world.sync().await;
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, "Met at the fair.");
    assert_eq!(tasks(&world.org).await, Vec::<Json>::new());
    // A later meeting does.
    world.tell(&[meeting(&world.org, "m2", 1, &[ADA])]).await;
    world.sync().await;
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in m2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_to_one_record_are_taken_back_one_after_the_other() {
    let (world, cast) = stage().await;
    for (id, days_ago) in [("m1", 3), ("m2", 2)] {
        world.tell(&[meeting(&world.org, id, days_ago, &[ADA])]).await;
        world.sync().await;
    }
    let m1 = undo(&world, "m1").await;
    let of_contact = m1.iter().find(|one| one["object"] == "Contact").unwrap();
    assert_eq!(of_contact["fate"], "left_alone", "another meeting has written since");
    undo(&world, "m2").await;
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in m1"]);
    undo(&world, "m1").await;
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, "Met at the fair.");
    // Taking back the taking back writes it again.
    let newest = changes(&world, &cast.contact).await[0]["id"].to_string();
    assert_eq!(undo(&world, &newest).await[0]["fate"], "restored");
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in m1"]);
    let nothing = world.efficlose(&["changes", "undo", "m9"]).await;
    assert_fails(nothing, "nothing was written that \"m9\" stands for", "changes list");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_somebody_worked_on_is_not_deleted() {
    // What we never write is a person's work, too.
    for edit in [json!({ "Subject": "One, and more" }), json!({ "Priority": "High" })] {
        let (world, _) = stage().await;
        world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
        world.sync().await;
        let task = text(&tasks(&world.org).await[0]["Id"]);
        world.org.pass(60).await;
        world.org.patch("Task", &task, edit).await;
        let undone = undo(&world, "m1").await;
        let of_task = undone.iter().find(|one| one["object"] == "Task").unwrap();
        assert_eq!(of_task["fate"], "left_alone", "{of_task}");
        assert_eq!(tasks(&world.org).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_meeting_wrote_a_second_time_is_taken_back_alone_and_for_good() {
    let (world, cast) = stage().await;
    let mut told = meeting(&world.org, "42", 2, &[ADA]);
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    told["insights"][0]["text"] = "Learned better".into();
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    let newest = changes(&world, &cast.contact).await.remove(0);
    let both = world.json(&["changes", "undo", &cast.contact, "--dry-run"]).await;
    assert_eq!(both["changes"][1]["restored"]["Description"]["to"], "Met at the fair.");
    assert_eq!(undo(&world, &format!("change:{}", newest["id"])).await[0]["fate"], "restored");
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in 42"]);
    told["title"] = "Told once more".into();
    world.tell(&[told]).await;
    world.sync().await;
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in 42"]);
    assert_eq!(changes(&world, "meeting:42").await.len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_means_several_things_takes_nothing_back() {
    let (world, _) = stage().await;
    world.tell(&[meeting(&world.org, "1", 2, &[ADA])]).await;
    world.sync().await;
    let several = world.efficlose(&["changes", "undo", "1"]).await;
    assert_fails(several, "may mean several things", "`change:1` or `meeting:1`");
    assert_eq!(undo(&world, "change:1").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_needs_no_mapping_that_works() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    world.sync().await;
    world.hold_what_is_refused();
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("contact.js"), "export function pull(").unwrap();
    let change = changes(&world, &cast.contact).await.remove(0)["id"].to_string();
    let undone = world.efficlose(&["changes", "undo", &change, "--json"]).await;
    assert_says(&undone.stdout, &["restored"]);
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, "Met at the fair.");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_whose_answer_is_lost_is_looked_up() {
    let (world, cast) = stage().await;
    world.tell(&[with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")])]).await;
    world.sync().await;
    let cut = |method: &str| json!({ "method": method, "path": "{V}/composite/sobjects", "kind": "cut-after-commit" });
    world.org.fault(cut("DELETE")).await;
    let task = changes(&world, "m1").await;
    let task = task.iter().find(|change| change["object"] == "Task").unwrap();
    assert_eq!(fate_unknown(&world, &task["id"].to_string()).await, "unknown");
    world.org.fault(cut("PATCH")).await;
    let contact = changes(&world, &cast.contact).await.remove(0);
    assert_eq!(fate_unknown(&world, &contact["id"].to_string()).await, "unknown");
    world.tell(&[with_items(meeting(&world.org, "m2", 1, &[LEO]), &[("b", "Two")])]).await;
    world.sync().await;
    assert_eq!(world.open_changes().await, []);
    let states = changes(&world, "m1").await;
    assert!(states.iter().all(|change| change["state"] == "done"), "{states:?}");
    assert_eq!(tasks(&world.org).await.len(), 1, "that of the other meeting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_updated_since_is_taken_back_to_its_beginning() {
    let (world, _) = stage().await;
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "One")]);
    world.tell(std::slice::from_ref(&told)).await;
    world.sync().await;
    // The org's clock goes on with ours from here.
    world.org.pass(30).await;
    told["action_items"][0]["text"] = "One, but better".into();
    world.tell(&[told]).await;
    world.sync().await;
    let dry = world.json(&["changes", "undo", "m1", "--dry-run"]).await;
    let undone = undo(&world, "m1").await;
    assert_eq!(json!(undone), dry["changes"]);
    let fates: Vec<_> = undone.iter().filter(|one| one["object"] == "Task").collect();
    assert_eq!((&fates[0]["fate"], &fates[1]["fate"]), (&json!("restored"), &json!("deleted")));
    assert_eq!(tasks(&world.org).await, Vec::<Json>::new());
    let why = world.json(&["records", "list", "--object", "Contact"]).await[0]["id"].clone();
    let why = world.ok(&["records", "why", "Contact", &text(&why), "Description"]).await.stdout;
    assert_says(&why, &["what efficlose wrote was taken back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_stays_so_field_by_field_whatever_is_told_later() {
    let (world, _) = stage().await;
    let item = |subject: &str, due: &str, done: bool| {
        let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", subject)]);
        told["action_items"][0]["due_on"] = due.into();
        told["action_items"][0]["done"] = done.into();
        told
    };
    let mut told = Vec::new();
    for (subject, due) in [("One", "2031-01-01"), ("Two", "2031-01-01"), ("Two", "2031-01-02")] {
        world.tell(&[item(subject, due, false)]).await;
        world.sync().await;
        told.push(world.json(&["changes", "list", "m1"]).await);
    }
    let changes = array(told.pop().unwrap());
    let renamed = changes.iter().find(|one| one["fields"]["Subject"]["before"] == "One").unwrap();
    world.ok(&["changes", "undo", &renamed["id"].to_string()]).await;
    world.tell(&[item("Two", "2031-01-03", true)]).await;
    world.sync().await;
    let task = tasks(&world.org).await.remove(0);
    assert_eq!((&task["Subject"], &task["ActivityDate"]), (&json!("One"), &json!("2031-01-03")));
    assert_eq!(task["IsClosed"], true, "nothing else is held back by it");
}
