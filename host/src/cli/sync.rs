//! `efficlose sync`

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;

use super::output::{Failed, Output};
use super::status::{self, Refusal};
use super::{changes, runs};
use crate::model::{Connection, Counts, Direction, Ending, JobKey, Object, Run};
use crate::notify;
use crate::sync::{Rehearsal, Stop, forecast, rehearse, round};
use crate::world::World;

/// Sync once, both ways, and return when it is done
///
/// Imports what has changed, writes back what meetings taught, and imports what
/// was written. Ends with code 1 if an object could not go on.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Sync this object only; may be given several times
    #[arg(long, value_name = "OBJECT")]
    object: Vec<Object>,
    /// Show what a sync would do and how many calls it would take, and do nothing else; takes
    /// one call of each org
    #[arg(long, conflicts_with = "object")]
    plan: bool,
    /// Show each change that a sync would write now, of what was imported so far, and what would
    /// be refused; writes nothing, neither to Salesforce nor here
    #[arg(long, conflicts_with = "plan")]
    dry_run: bool,
}

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let connections = world.connections()?;
    if connections.is_empty() {
        world.connection()?;
    }
    if args.dry_run {
        return dry_run(&connections, &args.object, world, output).await;
    }
    if args.plan {
        return plan(&connections, world, output).await;
    }
    let started = Instant::now();
    let stop = super::serve::stop_on_signal();
    let (mut all, mut refused) = (Vec::new(), Vec::new());
    let (mut is_set_up, mut untold) = (false, Vec::new());
    let mut sick = None;
    for connection in connections {
        let settings = world.settings(&connection.org);
        let all_jobs = settings.jobs(&connection.org);
        let mut jobs = all_jobs.clone();
        is_set_up |= !jobs.is_empty();
        let paused = world.store.paused(&connection.org)?;
        jobs.retain(|job| match args.object.as_slice() {
            [] => !paused.contains_key(&job.object),
            named => named.contains(&job.object),
        });
        let bar = output.progress();
        let shown = |job: &JobKey, counts: Counts| bar.set_message(said(job, counts));
        let runs = match world.doors(&connection, settings) {
            Ok(doors) => round(&doors, &jobs, &stop, &shown).await.map_err(Failed::from),
            Err(failed) => Err(failed),
        };
        bar.finish_and_clear();
        let (notices, now) = (world.current().notices, world.clock.now());
        let told = notify::tell(&notices, &world.store, &connection.org, &all_jobs, now).await;
        untold.extend(told.err());
        match runs {
            Ok(runs) => {
                all.extend(runs);
                refused.extend(status::refusals(&connection, world)?);
            }
            // The other orgs sync all the same.
            Err(failed) => sick = Some(failed),
        }
    }
    if !is_set_up {
        return Err(Failed::new("nothing is set up to sync")
            .hint("Run `efficlose setup` to choose what syncs."));
    }
    report(&all, &refused, started.elapsed(), output);
    for error in untold {
        output.line(format!("What has changed is told after the next sync: {error}"));
    }
    match sick {
        Some(failed) => Err(failed),
        None => verdict(&all, &stop),
    }
}

/// Shows what the next sync would do.
async fn plan(connections: &[Connection], world: &World, output: &Output) -> Result<(), Failed> {
    let (mut orgs, mut sick) = (Vec::new(), None);
    for connection in connections {
        match plan_of(connection, world, output).await {
            Ok(planned) => orgs.push(planned),
            Err(failed) => {
                orgs.push(status::sick_org(connection, &failed, output));
                sick = Some(failed);
            }
        }
    }
    output.json(&json!({ "orgs": orgs }));
    sick.map_or(Ok(()), Err)
}

/// Shows what the next sync of an org would do, and returns that for a machine.
async fn plan_of(
    connection: &Connection,
    world: &World,
    output: &Output,
) -> Result<serde_json::Value, Failed> {
    let doors = world.doors(connection, world.settings(&connection.org))?;
    let steps = forecast(&doors).await?;
    let budget = world.budget(connection).now()?;
    let calls: u64 = steps.iter().map(|step| step.calls).sum();
    let rows = steps.iter().map(|step| {
        vec![
            step.object.map_or("all".to_owned(), |object| object.to_string()),
            step.direction.to_string(),
            step.does.to_string(),
            step.records.to_string(),
            step.calls.to_string(),
        ]
    });
    output.line(format!("{}  {}", connection.org, connection.username));
    let headers = ["object", "way", "does", "records", "calls"];
    output.table(
        &headers,
        &["records", "calls"],
        rows.collect(),
        "Nothing is to be done, unless it is paused: `efficlose status`.",
    );
    output.line(format!(
        "{calls} calls in all; {} of the {} that the budget allows in 24 hours are used",
        budget.used, budget.limit
    ));
    Ok(json!({
        "org": connection.org, "steps": steps, "calls": calls,
        "budget": { "used": budget.used, "limit": budget.limit },
    }))
}

/// Shows what a sync would write.
async fn dry_run(
    connections: &[Connection],
    objects: &[Object],
    world: &World,
    output: &Output,
) -> Result<(), Failed> {
    let stop = super::serve::stop_on_signal();
    let (mut orgs, mut sick) = (Vec::new(), None);
    for connection in connections {
        match rehearsed(connection, objects, world, &stop).await {
            Ok(rehearsal) => {
                orgs.push(tell_rehearsal(connection, &rehearsal, output));
                let stuck = rehearsal.broken.into_iter().next();
                sick = sick.or(stuck.map(|(object, problem)| {
                    let failed =
                        Failed::new(format!("{object} can't be written: {}", problem.message));
                    Failed { hint: problem.hint, ..failed }
                }));
            }
            Err(failed) => {
                orgs.push(status::sick_org(connection, &failed, output));
                sick = Some(failed);
            }
        }
    }
    output.json(&json!({ "orgs": orgs }));
    sick.map_or(Ok(()), Err)
}

/// Returns what a sync of an org would write.
async fn rehearsed(
    connection: &Connection,
    objects: &[Object],
    world: &World,
    stop: &Stop,
) -> Result<Rehearsal, Failed> {
    let settings = world.settings(&connection.org);
    let paused = world.store.paused(&connection.org)?;
    let jobs = settings.jobs(&connection.org);
    let pushes = jobs.iter().filter(|job| job.direction == Direction::Push);
    let is_meant = |object: &Object| match objects {
        [] => !paused.contains_key(object),
        named => named.contains(object),
    };
    let pushes: Vec<Object> = pushes.map(|job| job.object).filter(is_meant).collect();
    let doors = world.doors(connection, settings)?;
    Ok(rehearse(&doors, &pushes, stop).await?)
}

/// Says what a sync of an org would write, and returns that for a machine.
fn tell_rehearsal(
    connection: &Connection,
    rehearsal: &Rehearsal,
    output: &Output,
) -> serde_json::Value {
    let Rehearsal { changes, refused, broken, counts, calls } = rehearsal;
    output.line(format!("{}  {}", connection.org, connection.username));
    for foreseen in changes {
        let headline = changes::intention(foreseen);
        changes::tell(&headline, &foreseen.change, &foreseen.places, output);
        if let Some(doubt) = &foreseen.doubt {
            let mend = doubt.hint.as_deref().unwrap_or_default();
            output.line(format!("    may be refused: {doubt}. {mend}"));
        }
    }
    for failure in refused {
        output.line(format!("would fail: {}", super::failures::line(failure)));
    }
    for (object, problem) in broken {
        output.line(format!("{object} can't be written: {problem}"));
    }
    output.line(format!("{} changes in {calls} calls; nothing was written", changes.len()));
    json!({
        "org": connection.org,
        "changes": changes.iter().map(changes::to_intention).collect::<Vec<_>>(),
        "refused": refused.iter().map(super::failures::to_json).collect::<Vec<_>>(),
        "broken": broken.iter().map(|(object, problem)| json!({
            "object": object, "message": problem.message, "hint": problem.hint,
        })).collect::<Vec<_>>(),
        "counts": counts,
        "calls": calls,
    })
}

fn said(job: &JobKey, counts: Counts) -> String {
    match job.direction {
        Direction::Pull => format!("{} pull: {} records", job.object, counts.pulled),
        Direction::Push => format!("{} push: {} changes", job.object, counts.pushed),
    }
}

/// Prints what the runs did.
pub(super) fn report(runs: &[Run], refused: &[Refusal], took: Duration, output: &Output) {
    let total = runs.iter().fold(Counts::default(), |mut total, run| {
        total += run.counts;
        total
    });
    output.json(&json!({
        "runs": runs.iter().map(runs::to_json).collect::<Vec<_>>(),
        "total": total,
        "refused": refused.iter().map(status::to_json).collect::<Vec<_>>(),
        "seconds": took.as_secs_f64(),
    }));
    let headers = [
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
    let mut rows: Vec<_> = runs.iter().map(runs::row).collect();
    if !rows.is_empty() {
        rows.push(runs::cells("total", "", total, String::new()));
    }
    output.table(
        &headers,
        &headers[2..10],
        rows,
        "Nothing was to be done, unless it is paused: `efficlose status`.",
    );
    status::tell(refused, output);
    output.line(format!("Took {:.1} s", took.as_secs_f64()));
}

/// Makes the command fail where an object could not go on.
fn verdict(runs: &[Run], stop: &watch::Receiver<bool>) -> Result<(), Failed> {
    let mut broken = runs.iter().filter_map(|run| match &run.ending {
        Some(Ending::Broken(problem)) => Some((&run.key, problem)),
        _ => None,
    });
    let Some((key, problem)) = broken.next() else {
        return match *stop.borrow() {
            true => Err(Failed::new("the sync was stopped; the next one goes on from there")),
            false => Ok(()),
        };
    };
    let more = match broken.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let failed =
        Failed::new(format!("{} {}: {}{more}", key.object, key.direction, problem.message));
    Err(match &problem.hint {
        Some(hint) => failed.hint(hint),
        None => failed,
    })
}
