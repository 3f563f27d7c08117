//! How meetings come in.

use serde_json::{Value as Json, json};

use crate::cast::{ADA, LEO, meeting, with_items};
use crate::world::{Output, World, assert_says, none, text};

/// Starts an org without records, connected.
async fn connected() -> World {
    let world = World::start_with(none()).await;
    world.connect().await;
    world
}

/// Writes a file of meetings and returns its path.
fn file(world: &World, text: &str) -> String {
    let file = world.home().join("meetings.jsonl");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

async fn count(world: &World) -> usize {
    world.json(&["meetings", "list"]).await.as_array().unwrap().len()
}

/// Two good meetings around two bad ones.
fn mixed(world: &World) -> String {
    let good = |id| meeting(&world.org, id, 2, &[ADA]).to_string();
    let address = meeting(&world.org, "m2", 2, &[ADA, "nobody"]).to_string();
    let field = r#"{"id":"m3","started_at":"2026-01-31T09:30:00Z"}"#;
    format!("{}\n{address}\n{field}\n\n{}\n", good("m1"), good("m4"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_is_named_with_its_field_and_nothing_is_taken_in() {
    let world = connected().await;
    let file = file(&world, &mixed(&world));
    let output = world.efficlose(&["meetings", "add", &file]).await.failed();
    assert_says(
        &output.stderr,
        &[
            &format!("nothing of {file} was taken in"),
            "line 2: participants[1].email: \"nobody\" is not an e-mail address",
            "line 3: title: missing field `title`",
            "hint: Mend the lines, or use --keep-going",
        ],
    );
    assert_eq!(count(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_good_meetings_of_a_bad_file_are_taken_in_on_request() {
    let world = connected().await;
    let file = file(&world, &mixed(&world));
    let arguments = ["meetings", "add", &file, "--keep-going", "--json"];
    let output = world.efficlose(&arguments).await.failed();
    let added = output.json();
    assert_eq!((&added["new"], &added["changed"]), (&json!(2), &json!(0)));
    let refused: Vec<_> = added["refused"].as_array().unwrap().iter().map(|r| &r["line"]).collect();
    assert_eq!(refused, [2, 3]);
    assert_eq!(text(&output.error()["message"]), "2 meetings were refused");
    let again = world.efficlose(&arguments).await.failed().json();
    assert_eq!((&again["new"], &again["same"]), (&json!(0), &json!(2)));
    assert_eq!(count(&world).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_meeting_many_in_lines_and_an_array_are_read_from_file_and_input() {
    let world = connected().await;
    let told = |id| meeting(&world.org, id, 2, &[ADA]);
    let pretty = serde_json::to_string_pretty(&told("pretty")).unwrap();
    let lines = format!("{}\n{}\n", told("line-1"), told("line-2"));
    let array = json!([told("array-1"), told("array-2")]).to_string();
    for (text, new) in [(&pretty, 1), (&lines, 2), (&array, 2)] {
        let said = |output: Output| output.succeeded().json();
        let file = file(&world, text);
        let added = said(world.efficlose(&["meetings", "add", &file, "--json"]).await);
        assert_eq!((&added["new"], &added["same"]), (&json!(new), &json!(0)), "{text}");
        let arguments = ["meetings", "add", "-", "--json"];
        let added = said(world.efficlose_fed(&arguments, text).await);
        assert_eq!((&added["new"], &added["same"]), (&json!(0), &json!(new)), "{text}");
    }
    assert_eq!(count(&world).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_is_shown_as_it_was_told() {
    let world = connected().await;
    let mut told = with_items(meeting(&world.org, "m1", 2, &[ADA, LEO]), &[("a", "One")]);
    told["room"] = json!({ "floor": [3, null] });
    world.tell(std::slice::from_ref(&told)).await;
    let shown = world.meeting("m1").await;
    assert_eq!(shown["meeting"], told);
    assert_eq!(shown["action_items"][0]["done"], false);
    assert_eq!(shown["work"].as_array().unwrap().len(), 6, "five objects and a task");
    let listed = world.ok(&["meetings", "list"]).await.stdout;
    assert_says(&listed, &["m1", "Talk m1", "0 of 1"]);
    let output = world.efficlose(&["meetings", "show", "m2"]).await.failed();
    assert_says(&output.stderr, &["there is no meeting \"m2\"", "`efficlose meetings list`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_a_missing_and_a_broken_file_are_told_apart() {
    let world = connected().await;
    for (text, said) in [
        ("", "line 1: there is no meeting in it"),
        ("no meeting", "line 1: it is not JSON: expected ident"),
        ("[{\"id\":", "line 1: it is not JSON: EOF"),
    ] {
        let output = world.efficlose_fed(&["meetings", "add", "-"], text).await.failed();
        assert_says(&output.stderr, &[said]);
    }
    let output = world.efficlose(&["meetings", "add", "nowhere.jsonl"]).await.failed();
    assert_says(&output.stderr, &["can't read nowhere.jsonl: No such file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_has_every_field_that_is_taken_in() {
    let world = World::start_with(none()).await;
    let schema: Json =
        serde_json::from_str(&world.ok(&["meetings", "schema"]).await.stdout).unwrap();
    let fields = |schema: &Json| -> Vec<String> {
        let mut names: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    let meeting = [
        "action_items",
        "ended_at",
        "id",
        "insights",
        "organizer",
        "participants",
        "started_at",
        "summary",
        "title",
        "url",
    ];
    assert_eq!(fields(&schema), meeting);
    assert_eq!(schema["required"], json!(["id", "title", "started_at"]));
    let parts = &schema["$defs"];
    assert_eq!(fields(&parts["Participant"]), ["email", "name"]);
    assert_eq!(fields(&parts["Insight"]), ["kind", "text"]);
    assert_eq!(fields(&parts["ActionItem"]), ["done", "due_on", "id", "owner_email", "text"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_org_there_is_nowhere_to_take_a_meeting() {
    let world = World::start_with(none()).await;
    let output = world.efficlose_fed(&["meetings", "add", "-"], "{}").await.failed();
    assert_says(&output.stderr, &["no org is connected", "`efficlose connect`"]);
}
