//! `efficlose runs`

use serde_json::{Value, json};

use super::output::{Failed, Output};
use crate::model::{Counts, Ending, Problem, Run};
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
        "run",
    ];
    let rows = runs.iter().map(|run| {
        let mut cells = vec![run.started_at.to_string()];
        cells.extend(row(run));
        cells.push(run.id.clone());
        cells
    });
    output.table(&headers, &headers[3..11], rows.collect(), "There was no run yet.");
    Ok(())
}

/// Says when a run ended and how, in a word.
pub(super) fn when_and_how(run: &Run) -> String {
    let at = run.ended_at.unwrap_or(run.started_at);
    format!("{at} {}", word(run).0)
}

/// Returns a run as a line of a table.
pub(super) fn row(run: &Run) -> Vec<String> {
    cells(run.key.object.as_str(), run.key.direction.as_str(), run.counts, ended(run))
}

/// Returns counts as a line of a table, with what they are of and how it ended.
pub(super) fn cells(object: &str, way: &str, counts: Counts, ended: String) -> Vec<String> {
    let numbers = [
        counts.pulled,
        counts.mapped,
        counts.unchanged,
        counts.deleted,
        counts.skipped,
        counts.failed,
        counts.pushed,
        counts.calls,
    ];
    let mut cells = vec![object.to_owned(), way.to_owned()];
    cells.extend(
        numbers.map(|number| if number == 0 { "·".to_owned() } else { number.to_string() }),
    );
    cells.push(ended);
    cells
}

/// Says how a run ended.
pub(super) fn ended(run: &Run) -> String {
    match word(run) {
        (word, None) => word.to_owned(),
        (word, Some(problem)) => format!("{word}: {problem}"),
    }
}

/// Returns the word for how a run ended, and what broke it.
fn word(run: &Run) -> (&'static str, Option<&Problem>) {
    match &run.ending {
        None => ("running", None),
        Some(Ending::Complete) => ("complete", None),
        Some(Ending::Stopped) => ("stopped", None),
        Some(Ending::Broken(problem)) => ("broken", Some(problem)),
    }
}

/// Returns a run for a machine.
pub(super) fn to_json(run: &Run) -> Value {
    let (ended, problem) = word(run);
    json!({
        "id": run.id,
        "org": run.key.org,
        "object": run.key.object,
        "direction": run.key.direction,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "ended": ended,
        "error": problem.map(|problem| json!({
            "message": problem.message, "at": problem.at, "hint": problem.hint,
        })),
        "counts": run.counts,
        "seconds": run.spent.map(|spent| json!({
            "fetch": spent.fetch.as_secs_f64(),
            "map": spent.map.as_secs_f64(),
            "store": spent.store.as_secs_f64(),
        })),
    })
}
