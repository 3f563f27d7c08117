//! `efficlose failures`

use serde_json::{Value, json};

use super::output::{Failed, Output};
use crate::model::{Failure, Object, many};
use crate::sync::{self, Retried};
use crate::world::World;

/// Show what waits for a mend, and try it again
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the failures with cause and mend, the latest first
    List {
        /// How many to list
        #[arg(long, default_value_t = 50, value_name = "COUNT")]
        limit: u32,
    },
    /// Try again what failed
    ///
    /// Records are mapped again from what is stored; writes are made in the next
    /// sync.
    Retry {
        /// Failures to try, by their numbers; all by default
        #[arg(value_name = "NUMBER")]
        numbers: Vec<i64>,
        /// Try this object only
        #[arg(long, value_name = "OBJECT", conflicts_with = "numbers")]
        object: Option<Object>,
    },
}

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    match args.command {
        Command::List { limit } => list(limit, world, output),
        Command::Retry { numbers, object } => retry(&numbers, object, world, output).await,
    }
}

fn list(limit: u32, world: &World, output: &Output) -> Result<(), Failed> {
    let store = world.store.org(&world.connection()?.org)?;
    let failures = store.failures(limit)?;
    output.json(&failures.iter().map(to_json).collect::<Vec<_>>());
    if failures.is_empty() {
        output.line("Nothing waits for a mend.");
    }
    for failure in &failures {
        output.line(format!("{}  {}", failure.id, line(failure)));
        let hint = failure.problem.hint.as_deref().unwrap_or("No mend is known.");
        output.line(format!("    {hint}"));
        let who = failure.mender.as_str().replace('_', " ");
        let (attempts, last_at) = (many(failure.attempts.into(), "time", "times"), failure.last_at);
        output.line(format!("    mends: {who}; tried {attempts}, last at {last_at}"));
    }
    Ok(())
}

async fn retry(
    numbers: &[i64],
    object: Option<Object>,
    world: &World,
    output: &Output,
) -> Result<(), Failed> {
    let connection = world.connection()?;
    let doors = world.doors(&connection, world.settings(&connection.org))?;
    let Retried { mapped, queued } = match numbers {
        [] => sync::retry_all(&doors, object).await?,
        numbers => sync::retry_these(&doors, numbers).await?,
    };
    let (tried, failed) = (mapped.pulled, mapped.failed);
    output.json(&json!({ "records": tried, "failed_again": failed, "writes_queued": queued }));
    output.line(format!("Mapped {tried} records again; {failed} failed again"));
    output.line(format!("{queued} writes are made in the next sync"));
    Ok(())
}

/// Says what failed and why, on one line.
pub(super) fn line(failure: &Failure) -> String {
    let (object, direction, subject) = (failure.object, failure.direction, &failure.subject);
    format!("{object} {direction} {subject}: {} [{}]", failure.problem, failure.code)
}

pub(super) fn to_json(failure: &Failure) -> Value {
    json!({
        "id": failure.id,
        "object": failure.object,
        "direction": failure.direction,
        "subject": failure.subject,
        "code": failure.code,
        "message": failure.problem.message,
        "at": failure.problem.at,
        "mend": failure.problem.hint,
        "mender": failure.mender,
        "attempts": failure.attempts,
        "first_at": failure.first_at,
        "last_at": failure.last_at,
    })
}
