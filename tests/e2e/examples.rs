//! What authors begin with: the examples and new projects, built by the command and
//! judged by their own cases.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::world::{Output, World, assert_says};

/// How long a build may take on a busy machine.
const BUILD_MAX: Duration = Duration::from_secs(900);

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples")
}

/// Runs a command with the tools for other languages, which `cargo xtask test` installs,
/// on its path, and with those for Rust.
async fn with_tools(world: &World, arguments: &[&str]) -> Output {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = workspace.join("target/clients/python/bin");
    let mut command = world.command(arguments);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", python.display()));
    for name in ["CARGO_HOME", "RUSTUP_HOME", "EFFICLOSE_GUEST_COMPILER", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    world.spawn_command(command).end_within(BUILD_MAX).await
}

/// Copies a project, so that nothing is built into the repository.
fn copied(world: &World, name: &str) -> PathBuf {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().flatten() {
            let place = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &place);
            } else {
                std::fs::copy(entry.path(), place).unwrap();
            }
        }
    }
    let folder = world.home().join("projects").join(name);
    copy(&examples().join(name), &folder);
    folder
}

async fn tested(world: &World, mapping: &Path, cases: &Path) {
    let arguments =
        ["plugin", "test", mapping.to_str().unwrap(), "--cases", cases.to_str().unwrap()];
    let output = with_tools(world, &arguments).await.succeeded();
    assert_says(&output.stdout, &["cases give what they should"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_that_is_a_file_gives_what_its_cases_say() {
    let world = World::start().await;
    for (file, cases) in
        [("contact.js", "contact"), ("account.ts", "account"), ("lead.toml", "lead")]
    {
        tested(&world, &examples().join(file), &examples().join("cases").join(cases)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_example_in_javascript_is_built_without_any_tool() {
    let world = World::start().await;
    let project = copied(&world, "javascript-opportunity");
    let built = world.json(&["plugin", "build", project.to_str().unwrap()]).await;
    assert_eq!(built["mapping"]["object"], "Opportunity", "{built}");
    tested(&world, &project.join("opportunity.wasm"), &project.join("cases")).await;
    tested(&world, &project.join("opportunity.js"), &project.join("cases")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_example_in_python_is_built_by_the_tools_of_python() {
    let world = World::start().await;
    let project = copied(&world, "python-task");
    let bare = world.efficlose(&["plugin", "build", project.to_str().unwrap()]).await;
    assert_says(&bare.stderr, &["this machine has no componentize-py", "pip install"]);
    with_tools(&world, &["plugin", "build", project.to_str().unwrap()]).await.succeeded();
    tested(&world, &project.join("task.wasm"), &project.join("cases")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_project_passes_its_test_in_every_language() {
    let world = World::start().await;
    for (language, object) in
        [("js", "account"), ("ts", "contact"), ("python", "lead"), ("rust", "task")]
    {
        let project = world.home().join(format!("new-{language}"));
        let folder = project.to_str().unwrap();
        let new = ["plugin", "new", folder, "--lang", language, "--object", object];
        let written = world.json(&new).await;
        assert!(written["files"].as_array().unwrap().len() >= 3, "{written}");
        let again = world.efficlose(&new).await;
        assert_says(&again.stderr, &["is there already"]);
        with_tools(&world, &["plugin", "build", folder]).await.succeeded();
        tested(&world, &project.join(object).with_extension("wasm"), &project.join("cases")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_a_mapping_and_one_that_fails_to_build_are_told() {
    let world = World::start().await;
    let folder = world.home().join("empty");
    std::fs::create_dir(&folder).unwrap();
    let empty = world.efficlose(&["plugin", "build", folder.to_str().unwrap()]).await;
    assert_says(&empty.stderr, &["holds no mapping to build", "plugin new --lang"]);
    std::fs::write(
        folder.join("lead.ts"),
        "export function pull(r: any) {\n  return { name: r.Name \n",
    )
    .unwrap();
    let broken = world.efficlose(&["plugin", "build", folder.to_str().unwrap()]).await;
    assert_says(&broken.stderr, &["can't be made of its script: lead.ts:2:"]);
}
