//! `efficlose notices`

use serde_json::json;

use super::output::{Failed, Output};
use crate::notify;
use crate::world::World;

/// See whether those who want to hear of changes do
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Send a notice that says nothing, by the ways that [notices] in the settings names
    Test,
}

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let Command::Test = args.command;
    let settings = world.current().notices;
    if !settings.tells() {
        return Err(Failed::new("the settings name nobody who is told")
            .hint("Name a webhook or a command in [notices] of config.toml."));
    }
    let connection = world.connection()?;
    let now = world.clock.now();
    let failed = notify::test(&settings, &connection.org, &connection.username, now).await;
    if !failed.is_empty() {
        let failed: Vec<_> = failed.iter().map(ToString::to_string).collect();
        return Err(Failed::new(failed.join("; ")).hint("Mend [notices] of config.toml."));
    }
    output.json(&json!({ "sent": true }));
    output.line("Sent; whoever is told took it.");
    Ok(())
}
