//! `efficlose status`

use serde_json::json;

use super::output::{Failed, Output};
use super::world::World;
use super::{runs, sync};
use crate::model::{Connection, Direction, JobKey, Object, Problem, Purpose};

/// Show whether each org is connected, what syncs, and what is wrong
#[derive(clap::Args)]
pub(super) struct Args {}

/// How many failures are shown.
const FAILURES_SHOWN: u32 = 10;
/// How many changed fields are shown.
const DRIFTS_SHOWN: usize = 10;

pub(super) fn run(_args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let connections = world.connections()?;
    let orgs = connections.iter().map(|connection| org(connection, world, output));
    let orgs = orgs.collect::<Result<Vec<_>, _>>()?;
    if connections.is_empty() {
        output.line("No org is connected. Run `efficlose connect` to connect one.");
    }
    output.json(&json!({ "orgs": orgs }));
    Ok(())
}

fn org(
    connection: &Connection,
    world: &World,
    output: &Output,
) -> Result<serde_json::Value, Failed> {
    let store = world.store.org(&connection.org)?;
    let settings = world.settings(&connection.org);
    let jobs = settings.jobs(&connection.org);
    let state = state(connection, jobs.is_empty());
    output.line(format!("{}  {}  {state}", connection.org, connection.username));
    if let Some(why) = &connection.broken {
        output.line(format!("  {why}\n  Run `efficlose connect` to connect it again."));
    }
    let mut rows = Vec::new();
    let mut objects = Vec::new();
    let refusals = refusals(connection, world)?;
    let paused = world.store.paused(&connection.org)?;
    let mut quiet = Vec::new();
    for object in Object::ALL {
        let Some(chosen) = settings.objects.get(&object) else { continue };
        let job = |direction| JobKey { org: connection.org.clone(), object, direction };
        let pull = world.store.last_run(&job(Direction::Pull))?;
        let push = world.store.last_run(&job(Direction::Push))?;
        let next = world.store.next_at(&job(Direction::Pull))?;
        let work = store.work_counts(object)?;
        let records = store.count(object)?;
        let verified = store.verified(object)?;
        let quiet_since = world.store.quiet_since(&job(Direction::Pull))?;
        if let Some(at) = quiet_since {
            quiet.push(format!(
                "{object} is suspiciously quiet: nothing has changed since {at}; `efficlose verify \
                 --object {object}` tells whether that is so"
            ));
        }
        let paused_at = paused.get(&object);
        let last = |run: &Option<_>| run.as_ref().map_or("never".to_owned(), runs::when_and_how);
        rows.push(vec![
            object.to_string(),
            records.to_string(),
            if chosen.pull { last(&pull) } else { "off".to_owned() },
            if chosen.push { last(&push) } else { "off".to_owned() },
            verified.as_ref().map_or("never".to_owned(), |verified| {
                format!("{}, {}", verified.at, super::verify::said(verified))
            }),
            (work.waiting + work.unmatched).to_string(),
            work.failed.to_string(),
            match (paused_at, next) {
                (Some(at), _) => format!("paused since {at}"),
                (None, Some(at)) => at.to_string(),
                (None, None) => "when served".to_owned(),
            },
        ]);
        objects.push(json!({
            "object": object,
            "records": records,
            "pull": chosen.pull,
            "push": chosen.push,
            "every_minutes": chosen.every_minutes,
            "last_pull": pull.as_ref().map(sync::to_json),
            "last_push": push.as_ref().map(sync::to_json),
            "next_at": next,
            "verified": verified,
            "quiet_since": quiet_since,
            "paused_at": paused_at,
            "work": work,
            "mapping_refused": refusals.iter().find(|one| one.object == object).map(to_json),
        }));
    }
    let headers =
        ["object", "records", "last pull", "last push", "verified", "waiting", "failed", "next"];
    let none = "  Nothing is set up to sync. Run `efficlose setup` to choose.";
    output.table(&headers, &["records", "waiting", "failed"], rows, none);
    tell(&refusals, output);
    for line in quiet {
        output.line(line);
    }
    let is_blacked_out = settings.is_blacked_out(world.clock.now());
    if is_blacked_out {
        output.line("A blackout holds: nothing syncs by itself until it ends.");
    }
    let usage = world.store.usage(&connection.org)?;
    if let Some((usage, at)) = usage {
        let (used, allowed) = (usage.used, usage.allowed);
        output.line(format!("API calls of the org in 24 hours: {used} of {allowed} (at {at})"));
    }
    let budget = world.budget(connection).now()?;
    output.line(format!(
        "Of these are ours: {} of {} that the budget allows ({}%); at this pace {} a day",
        budget.used, budget.limit, settings.budget_percent, budget.forecast
    ));
    let held: Vec<_> = budget.held_back().map(Purpose::as_str).collect();
    if !held.is_empty() {
        output.line(format!("  Held back until calls get older than a day: {}", held.join(", ")));
    }
    let mut drifts = Vec::new();
    for object in settings.objects.keys() {
        drifts.extend(store.drifts(*object)?);
    }
    for drift in drifts.iter().take(DRIFTS_SHOWN) {
        output.line(format!("{}.{} {}", drift.object, drift.field, drift.change));
    }
    if !drifts.is_empty() {
        output.line(format!(
            "{} fields have changed since set-up; `efficlose setup` takes them in.",
            drifts.len()
        ));
    }
    let reviews = store.review_count()?;
    if reviews > 0 {
        let plural = if reviews == 1 { "question waits" } else { "questions wait" };
        output.line(format!(
            "{reviews} {plural} for you, of whom or what a meeting was about: `efficlose matches list`"
        ));
    }
    let failures = store.failures(FAILURES_SHOWN)?;
    let count = store.failure_count()?;
    if count > 0 {
        output.line(format!("{count} failures wait for a mend:"));
        for failure in &failures {
            let line = super::failures::line(failure);
            output.line(format!("  {line}"));
        }
        output.line("`efficlose failures list` shows them with what mends them.");
    }
    Ok(json!({
        "org": connection.org,
        "username": connection.username,
        "state": state,
        "broken": connection.broken,
        "api_version": connection.api_version,
        "connected_at": connection.connected_at,
        "objects": objects,
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
        "blacked_out": is_blacked_out,
        "drifts": drifts,
        "reviews": reviews,
        "failures": count,
    }))
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

fn state(connection: &Connection, is_empty: bool) -> &'static str {
    match (&connection.broken, is_empty) {
        (Some(_), _) => "Needs to be connected again",
        (None, true) => "Connected, not set up",
        (None, false) => "Connected",
    }
}
