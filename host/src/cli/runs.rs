//! `efficlose runs`

use super::output::{Failed, Output};
use super::sync::{ended, row, to_json};
use crate::model::Run;
use crate::world::World;

/// Show the latest runs: what each did and how it ended
#[derive(clap::Args)]
pub(super) struct Args {
    /// How many runs to show
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    limit: u32,
}

pub(super) fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let runs = world.store.runs(&connection.org, args.limit)?;
    output.json(&runs.iter().map(to_json).collect::<Vec<_>>());
    let headers = [
        "started",
        "object",
        "way",
        "pulled",
        "mapped",
        "unchanged",
        "deleted",
        "skipped",
        "failed",
        "pushed",
        "calls",
        "ended",
    ];
    let rows = runs.iter().map(|run| {
        let mut cells = vec![run.started_at.to_string()];
        cells.extend(row(run));
        cells
    });
    output.table(&headers, &headers[3..11], rows.collect(), "There was no run yet.");
    Ok(())
}

/// Says when a run ended and how.
pub(super) fn when_and_how(run: &Run) -> String {
    let at = run.ended_at.unwrap_or(run.started_at);
    format!("{at} {}", ended(run))
}
