//! `efficlose status`

use serde_json::json;

use super::output::{Failed, Output};
use super::runs;
use crate::model::{Connection, Ending, Object, Problem, many};
use crate::sync::{ObjectStatus, Status, status};
use crate::world::World;

/// Show whether each org is connected, what syncs, and what is wrong
#[derive(clap::Args)]
pub(super) struct Args {}

/// How many failures are shown.
const FAILURES_SHOWN: u32 = 10;
/// How many changed fields are shown.
const DRIFTS_SHOWN: usize = 10;

pub(super) fn run(_args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let connections = world.connections()?;
    let (mut orgs, mut sick) = (Vec::new(), None);
    for connection in &connections {
        // What keeps one from being shown hides no other.
        match org(connection, world, output) {
            Ok(shown) => orgs.push(shown),
            Err(failed) => {
                orgs.push(sick_org(connection, &failed, output));
                sick = Some(failed);
            }
        }
    }
    if connections.is_empty() {
        output.line(format!(
            "No org is connected in {}. Run `efficlose connect` to connect one.",
            world.home.display()
        ));
    }
    output.json(&json!({ "orgs": orgs }));
    sick.map_or(Ok(()), Err)
}

/// Says what keeps an org from being shown, and returns that for a machine.
pub(super) fn sick_org(
    connection: &Connection,
    failed: &Failed,
    output: &Output,
) -> serde_json::Value {
    output.line(format!("{}  {}  {}", connection.org, connection.username, failed.message));
    if let Some(hint) = &failed.hint {
        output.line(format!("  {hint}"));
    }
    json!({
        "org": connection.org,
        "username": connection.username,
        "error": { "message": failed.message, "hint": failed.hint },
    })
}

fn org(
    connection: &Connection,
    world: &World,
    output: &Output,
) -> Result<serde_json::Value, Failed> {
    let store = world.store.org(&connection.org)?;
    let settings = world.settings(&connection.org);
    let budget = world.budget(connection).now()?;
    let status = status(&world.store, connection, &settings, budget, world.clock.now())?;
    let Status { state, usage, drifts, reviews, failures, .. } = &status;
    let name = connection.name.as_ref().map(|_| format!("  {}", connection.called()));
    let name = name.unwrap_or_default();
    output.line(format!("{}  {}  {state}{name}", connection.org, connection.username));
    if let Some(why) = &connection.broken {
        output.line(format!("  {why}\n  Run `efficlose connect` to connect it again."));
    }
    let rows = status.objects.iter().map(row).collect();
    let headers =
        ["object", "records", "last pull", "last push", "verified", "waiting", "failed", "next"];
    let none = "  Nothing is set up to sync. Run `efficlose setup` to choose.";
    output.table(&headers, &["records", "waiting", "failed"], rows, none);
    for run in status.objects.iter().flat_map(|one| one.last_pull.iter().chain(&one.last_push)) {
        let Some(Ending::Broken(problem)) = &run.ending else { continue };
        output.line(format!("{} {}: {problem}", run.key.object, run.key.direction));
        if let Some(hint) = &problem.hint {
            output.line(format!("  {hint}"));
        }
    }
    let refusals = refusals(connection, world)?;
    tell(&refusals, output);
    for line in status.objects.iter().filter_map(ObjectStatus::quiet) {
        output.line(line);
    }
    if status.is_blacked_out {
        output.line("A blackout holds: nothing syncs by itself until it ends.");
    }
    if let Some((usage, at)) = usage {
        let (used, allowed) = (usage.used, usage.allowed);
        output.line(format!("API calls of the org in 24 hours: {used} of {allowed} (at {at})"));
    }
    output.line(format!(
        "Of these are ours: {} of {} that the budget allows ({}%); at this pace {} a day",
        budget.used, budget.limit, settings.budget_percent, budget.forecast
    ));
    let held: Vec<_> = status.held_back.iter().map(|purpose| purpose.as_str()).collect();
    if !held.is_empty() {
        output.line(format!("  Held back until calls get older than a day: {}", held.join(", ")));
    }
    for drift in drifts.iter().take(DRIFTS_SHOWN) {
        output.line(format!("{}.{} {}", drift.object, drift.field, drift.change));
    }
    if !drifts.is_empty() {
        output.line(format!(
            "{} since set-up; `efficlose setup` takes in what is new.",
            many(drifts.len() as u64, "field has changed", "fields have changed")
        ));
    }
    if *reviews > 0 {
        output.line(format!(
            "{} for you, of whom or what a meeting was about: `efficlose matches list`",
            many(*reviews, "question waits", "questions wait")
        ));
    }
    if *failures > 0 {
        output.line(format!(
            "{}:",
            many(*failures, "failure waits for a mend", "failures wait for a mend")
        ));
        for failure in &store.failures(FAILURES_SHOWN)? {
            let line = super::failures::line(failure);
            output.line(format!("  {line}"));
        }
        output.line("`efficlose failures list` shows them with what mends them.");
    }
    let objects = status.objects.iter().map(|one| object_json(one, &refusals));
    Ok(json!({
        "org": connection.org,
        "username": connection.username,
        "name": connection.name,
        "is_sandbox": connection.is_sandbox,
        "state": state,
        "broken": connection.broken,
        "api_version": connection.api_version,
        "connected_at": connection.connected_at,
        "objects": objects.collect::<Vec<_>>(),
        "usage": usage.map(|(usage, at)| json!({
            "used": usage.used, "allowed": usage.allowed, "at": at,
        })),
        "budget": {
            "used": budget.used,
            "limit": budget.limit,
            "percent": settings.budget_percent,
            "forecast": budget.forecast,
            "held_back": held,
        },
        "blacked_out": status.is_blacked_out,
        "drifts": drifts,
        "reviews": reviews,
        "failures": failures,
    }))
}

fn row(status: &ObjectStatus) -> Vec<String> {
    let last = |run: &Option<_>| run.as_ref().map_or("never".to_owned(), runs::when_and_how);
    let off = || "off".to_owned();
    let ObjectStatus { object, choices, records, last_pull, last_push, verified, work, .. } =
        status;
    vec![
        object.to_string(),
        records.to_string(),
        if choices.pull { last(last_pull) } else { off() },
        if choices.push { last(last_push) } else { off() },
        verified
            .as_ref()
            .map_or("never".to_owned(), |verified| format!("{}, {}", verified.at, verified.said())),
        (work.waiting + work.unmatched).to_string(),
        work.failed.to_string(),
        match (status.paused_at, status.next_at) {
            (Some(at), _) => format!("paused since {at}"),
            (None, Some(at)) => at.to_string(),
            (None, None) => "when served".to_owned(),
        },
    ]
}

fn object_json(status: &ObjectStatus, refusals: &[Refusal]) -> serde_json::Value {
    json!({
        "object": status.object,
        "records": status.records,
        "pull": status.choices.pull,
        "push": status.choices.push,
        "every_minutes": status.choices.every_minutes,
        "last_pull": status.last_pull.as_ref().map(runs::to_json),
        "last_push": status.last_push.as_ref().map(runs::to_json),
        "next_at": status.next_at,
        "verified": status.verified,
        "quiet_since": status.quiet_since,
        "paused_at": status.paused_at,
        "work": status.work,
        "mapping_refused": refusals.iter().find(|one| one.object == status.object).map(to_json),
    })
}

/// A mapping that was brought and is not used.
pub(super) struct Refusal {
    object: Object,
    why: Problem,
    /// What maps in its place.
    goes_on: &'static str,
}

/// Returns the mappings of an org that were brought and are not used.
pub(super) fn refusals(connection: &Connection, world: &World) -> Result<Vec<Refusal>, Failed> {
    let store = world.store.org(&connection.org)?;
    let mut refusals = Vec::new();
    for object in world.settings(&connection.org).objects.into_keys() {
        let Some(refused) = store.refused(object)? else { continue };
        let goes_on = if refused.last_goes_on { "the last good mapping" } else { "nothing" };
        refusals.push(Refusal { object, why: refused.why, goes_on });
    }
    Ok(refusals)
}

/// Says which mappings are not used, and what mends them.
pub(super) fn tell(refusals: &[Refusal], output: &Output) {
    for Refusal { object, why, goes_on } in refusals {
        output.line(format!("{object}: {why}; {goes_on} goes on"));
        if let Some(hint) = &why.hint {
            output.line(format!("  {hint}"));
        }
    }
}

/// Returns a refusal for a machine.
pub(super) fn to_json(refusal: &Refusal) -> serde_json::Value {
    let Refusal { object, why, goes_on } = refusal;
    json!({ "object": object, "message": why.message, "mend": why.hint, "goes_on": goes_on })
}
