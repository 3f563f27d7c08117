//! `efficlose demo`

mod person;
mod platform;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use efficlose_sandbox::Sandbox;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::output::{Failed, Output};

/// Show the product at work on an invented Salesforce org
///
/// Starts a sandbox org, runs the real commands against it in a home of its own,
/// changes records on Salesforce's side as people would, and prints what
/// happened. Touches nothing else.
#[derive(clap::Args)]
pub(super) struct Args {
    /// How many records the org has, such as contact=1000,lead=500
    #[arg(long, value_name = "COUNTS", default_value_t)]
    records: efficlose_sandbox::Records,
    /// Number that the org is made from
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
}

pub(super) async fn run(args: Args, output: &Output) -> Result<(), Failed> {
    let settings = efficlose_sandbox::Settings {
        records: args.records,
        seed: args.seed,
        ..efficlose_sandbox::Settings::default()
    };
    let sandbox = efficlose_sandbox::start(settings).await;
    let sandbox = sandbox.map_err(|error| Failed::new(error.to_string()))?;
    let stage = Stage::build(output)?;
    let shown = show(&stage, &sandbox).await;
    sandbox.stop().await;
    let removed = std::fs::remove_dir_all(&stage.home);
    shown?;
    removed.map_err(|cause| Failed::new(format!("can't remove {}: {cause}", stage.home.display())))
}

/// The demonstration itself, step by step.
async fn show(stage: &Stage<'_>, sandbox: &Sandbox) -> Result<(), Failed> {
    let org = sandbox.greeting();
    stage.say("A Salesforce org, invented, answers at the wire as the real one does.");
    stage.say(&format!("It listens at {}", org.url));

    stage.step("An admin connects the org: OAuth with PKCE, no key to copy");
    stage.connect(&org.login_url, &org.client_id).await?;

    stage.step("The admin takes the set-up's defaults: five objects, both ways, every two hours");
    stage.run(&["setup", "--yes"]).await?;

    stage.step("The first sync imports every record through the mapping of its object");
    stage.run(&["sync"]).await?;
    stage.run(&["records", "list", "--object", "Contact", "--limit", "5"]).await?;

    stage.step("Two meetings took place; the platform tells of them");
    let people = person::Admin::new(&org.url, &org.access_token)?;
    let cast = people.cast().await?;
    let file = stage.home.join("meetings.jsonl");
    platform::tell(&file, &cast)?;
    stage.run(&["meetings", "add", &file.to_string_lossy()]).await?;

    stage.step("The next sync writes what was learned, and makes tasks of action items");
    stage.run(&["sync"]).await?;
    stage.run(&["meetings", "show", platform::FIRST]).await?;
    stage.say("In Salesforce, the contact's description now reads:");
    stage.quote(&people.description(&cast.contact_id).await?);

    stage.step("People work in Salesforce: one completes a task, another gets a new title");
    let done = people.complete_task(platform::ITEM).await?;
    stage.say(&format!("Completed the task \"{done}\""));
    people.retitle(&cast.contact_id, "Chief Operating Officer").await?;
    stage.say("Changed the contact's title");

    stage.step("The platform marks the other action item as done");
    platform::tell_done(&file, &cast)?;
    stage.run(&["meetings", "add", &file.to_string_lossy()]).await?;

    stage.step("The next sync brings both sides together");
    stage.run(&["sync"]).await?;
    stage.run(&["meetings", "show", platform::FIRST]).await?;

    stage.step("Nothing has changed since, so the next sync writes nothing");
    stage.run(&["sync"]).await?;

    stage.step("What an operator sees");
    stage.run(&["status"]).await?;

    stage.step("The admin disconnects: the grant is revoked and forgotten");
    stage.run(&["disconnect"]).await?;
    Ok(())
}

/// Where the demonstration takes place: a home of its own, and this binary.
struct Stage<'a> {
    home: PathBuf,
    binary: PathBuf,
    output: &'a Output,
}

impl<'a> Stage<'a> {
    fn build(output: &'a Output) -> Result<Self, Failed> {
        let cannot = |cause: std::io::Error| Failed::new(format!("can't begin: {cause}"));
        let name = format!("efficlose-demo-{}", std::process::id());
        let home = std::env::temp_dir().join(name);
        std::fs::create_dir(&home).map_err(cannot)?;
        Ok(Self { home, binary: std::env::current_exe().map_err(cannot)?, output })
    }

    fn say(&self, text: &str) {
        self.output.line(text);
    }

    fn step(&self, text: &str) {
        self.output.line(format!("\n── {text}"));
    }

    fn quote(&self, text: &str) {
        for line in text.lines() {
            self.output.line(format!("  │ {line}"));
        }
    }

    /// Runs one of our own commands, as a person would, and shows both.
    async fn run(&self, arguments: &[&str]) -> Result<(), Failed> {
        self.output.line(format!("$ efficlose {}", arguments.join(" ")));
        let status = self.command(arguments).status().await;
        let status = status.map_err(|cause| Failed::new(format!("can't run it: {cause}")))?;
        match status.success() {
            true => Ok(()),
            false => Err(Failed::new(format!("`efficlose {}` failed", arguments.join(" ")))),
        }
    }

    /// Runs `connect`, and does what the person at the browser would.
    async fn connect(&self, login_url: &str, client_id: &str) -> Result<(), Failed> {
        let arguments =
            ["connect", "--login-url", login_url, "--client-id", client_id, "--no-browser"];
        self.output.line(format!("$ efficlose {}", arguments.join(" ")));
        let cannot = |why: String| Failed::new(format!("can't run connect: {why}"));
        let mut child = self
            .plain(&arguments)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|cause| cannot(cause.to_string()))?;
        let stdout = child.stdout.take().ok_or_else(|| cannot("it has no output".to_owned()))?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await.map_err(|cause| cannot(cause.to_string()))? {
            self.output.line(&line);
            if line.starts_with("http") {
                person::allow(&line).await?;
                self.output.line("(a person reads Salesforce's page and clicks Allow)");
            }
        }
        let status = child.wait().await.map_err(|cause| cannot(cause.to_string()))?;
        if status.success() { Ok(()) } else { Err(cannot("it failed".to_owned())) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.plain(arguments);
        if self.output.is_json() {
            command.arg("--json");
        }
        command
    }

    /// Returns one of our own commands, for a person.
    fn plain(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).env("EFFICLOSE_HOME", &self.home).stdin(Stdio::null());
        for name in ["EFFICLOSE_KEY", "EFFICLOSE_KEY_FILE", "EFFICLOSE_CLIENT_SECRET_FILE"] {
            command.env_remove(name);
        }
        command
    }
}

/// Writes a file of the demonstration.
fn write(file: &Path, text: &str) -> Result<(), Failed> {
    let cannot = |cause| Failed::new(format!("can't write {}: {cause}", file.display()));
    std::fs::write(file, text).map_err(cannot)
}
