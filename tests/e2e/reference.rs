//! What a person reads first: the help, and a home in which nothing is yet.

use std::process::Stdio;

use crate::world::{World, assert_says, none};

#[test]
fn the_help_of_every_command_is_as_it_was_read_over() {
    insta::assert_snapshot!("help", efficlose::cli::reference());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_home_says_what_to_do_first() {
    let world = World::start_with(none()).await;
    let home = world.home().to_str().unwrap().to_owned();
    let mut said = String::new();
    for command in ["status", "config", "runs", "sync", "setup --yes", "disconnect"] {
        let words: Vec<&str> = command.split(' ').collect();
        let output = world.efficlose(&words).await;
        said.push_str(&format!("$ efficlose {command}\n{}{}\n", output.stdout, output.stderr));
    }
    insta::assert_snapshot!("a_new_home", said.replace(&home, "[home]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_ends_with_code_2() {
    let world = World::start_with(none()).await;
    for words in [["dance", "now"], ["sync", "--object=Cat"], ["records", "list"]] {
        let output = world.efficlose(&words).await;
        assert_eq!(output.code, Some(2), "{words:?}");
        assert_says(&output.stderr, &["error: "]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_can_read_the_demonstration() {
    let world = World::start_with(none()).await;
    let place = tempfile::tempdir().unwrap();
    let mut command = world.command(&["demo", "--json"]);
    command.env_remove("EFFICLOSE_HOME").env("TMPDIR", place.path()).stdin(Stdio::null());
    let output = world.spawn_command(command).end().await.succeeded();
    let lines: Vec<serde_json::Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["total"]["pushed"] == 6), "{}", output.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_runs_through_and_leaves_nothing() {
    let world = World::start_with(none()).await;
    let place = tempfile::tempdir().unwrap();
    let mut command = world.command(&["demo"]);
    command.env_remove("EFFICLOSE_HOME").env("TMPDIR", place.path()).stdin(Stdio::null());
    let output = world.spawn_command(command).end().await.succeeded();
    let says = ["$ efficlose connect", "Connected to 00D", "$ efficlose sync", "Disconnected from"];
    assert_says(&output.stdout, &says);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}
