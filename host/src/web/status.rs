//! The status of an org: connected? what syncs, what is wrong, and what mends it.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};
use tokio::task::block_in_place;

use super::guard::{Admin, At, Posted};
use super::page::{badge, button, capital, ending, moment, moment_or, page, trouble, words};
use super::refused::{Refused, Shown};
use super::visitor::Visitor;
use super::{Shared, Site, changes, done, to_its_end};
use crate::model::{Connection, Direction, Ending, Failure, Object, OrgId, Problem, Run, many};
use crate::store::ChangesOf;
use crate::sync::{self, Health, ObjectStatus, Status, examine};
use crate::world::Failed;

/// How many causes of failures are shown.
const CAUSES_SHOWN: u32 = 20;
/// How many changes are shown.
const CHANGES_SHOWN: u32 = 5;
/// How many changed fields are shown.
const DRIFTS_SHOWN: usize = 10;

pub(super) async fn show(
    State(site): State<Shared>,
    visitor: Visitor,
    At(connection): At,
) -> Shown {
    let org = connection.org.clone();
    let store = site.world.store.org(&org)?;
    let recent = store.changes(ChangesOf::Everything, CHANGES_SHOWN)?;
    let body = html! {
        div data-live=(format!("/orgs/{org}/live")) { (part(&site, &visitor, &org)?) }
        section.card aria-labelledby="changes" {
            div.head {
                h2 #changes { "Latest changes" }
                div.actions { a href=(format!("/orgs/{org}/changes")) { "All changes" } }
            }
            (changes::items(&visitor, &org, &store, &recent)?)
        }
        p.actions {
            a href=(format!("/orgs/{org}/doctor")) { "Look for what a sync lacks" }
            a href=(format!("/connect?org={org}")) { "Connect again" }
            a href=(format!("/orgs/{org}/disconnect")) { "Disconnect" }
        }
    };
    Ok(page(&visitor, Some(&connection), "Status", body))
}

/// How an org stands, as everyone is shown it who looks at the time.
pub(super) struct Seen {
    at: Instant,
    connection: Connection,
    pub(super) status: Status,
    causes: Vec<(Failure, u64)>,
}

/// For how long a look is good for others.
const SEEN_FOR: Duration = Duration::from_millis(900);

impl Site {
    /// Looks how an org stands, unless someone has just done so: however many pages are open,
    /// the store is asked once a second.
    pub(super) fn seen(&self, org: &OrgId) -> Result<Arc<Seen>, Failed> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = seen.get(org).filter(|seen| seen.at.elapsed() < SEEN_FOR) {
            return Ok(Arc::clone(seen));
        }
        let world = &self.world;
        let connection = world.connection_of(org)?;
        let settings = world.settings(org);
        let budget = world.budget(&connection).now()?;
        let now = world.clock.now();
        let status = sync::status(&world.store, &connection, &settings, budget, now)?;
        let causes = world.store.org(org)?.causes(CAUSES_SHOWN)?;
        let new = Arc::new(Seen { at: Instant::now(), connection, status, causes });
        seen.insert(org.clone(), Arc::clone(&new));
        Ok(new)
    }
}

/// Returns the part of the page that is live.
pub(super) fn part(site: &Site, visitor: &Visitor, org: &OrgId) -> Shown {
    let seen = block_in_place(|| site.seen(org))?;
    let Seen { connection, status, causes, .. } = &*seen;
    let is_paused = status.objects.iter().any(|one| one.paused_at.is_some());
    let to = |path: &str| format!("/orgs/{org}/{path}");
    Ok(html! {
        (settings_trouble(site))
        section.card aria-labelledby="state" {
            div.head {
                h2 #state { "Connection" }
                (standing(connection, status))
                @if !status.objects.is_empty() {
                    div.actions {
                        (button(visitor, &to("sync"), "Sync now", &[]))
                        @if is_paused { (button(visitor, &to("pause"), "Resume all", &[("pause", "off")])) }
                        @else { (button(visitor, &to("pause"), "Pause all", &[("pause", "on")])) }
                    }
                }
            }
            @if let Some(why) = &connection.broken {
                (trouble(why, None))
                p { a.button.main href=(format!("/connect?org={org}")) { "Connect again" } }
            }
            @if status.objects.is_empty() {
                p { "Nothing syncs before it is set up." }
                p { a.button.main href=(to("setup")) { "Set up" } }
            }
            @for (jobs, why) in troubles(status) {
                (trouble(&format!("{jobs} can't go on: {why}"), why.hint.as_deref()))
            }
            @if status.is_blacked_out { p { "A blackout holds: nothing syncs by itself until it ends." } }
            (objects(visitor, status, org))
        }
        @for quiet in status.objects.iter().filter_map(ObjectStatus::quiet) {
            div.notice.warn { p { (quiet) } }
        }
        @for one in &status.objects {
            @if let Some(refused) = &one.refused {
                (trouble(&format!("the mapping of {} is not used: {}", one.object, refused.why.message), refused.why.hint.as_deref()))
            }
        }
        @if status.reviews > 0 {
            div.notice.warn {
                p { (many(status.reviews, "question waits", "questions wait")) " for you: of whom or what a meeting was about. "
                    a href=(to("matches")) { "Choose" } }
            }
        }
        (drifts(status, org))
        (failures(visitor, org, status, causes))
        (calls(status))
    })
}

/// Says that the settings in the file can't be understood, where that is so.
pub(super) fn settings_trouble(site: &Site) -> Markup {
    html! {
        @if let Some(Failed { message, hint, .. }) = site.world.trouble() {
            (trouble(&message, hint.as_deref()))
            p.muted.small { "The settings of before hold; nothing can be set up until that is mended." }
        }
    }
}

/// Says with one word whether an org is connected and syncs.
pub(super) fn standing(connection: &Connection, status: &Status) -> Markup {
    let is_paused = |one: &ObjectStatus| one.paused_at.is_some();
    let all = &status.objects;
    if connection.broken.is_some() {
        return badge("bad", status.state);
    }
    if all.is_empty() {
        return badge("warn", status.state);
    }
    if all.iter().all(is_paused) {
        return badge("warn", "Paused");
    }
    html! {
        (badge("good", status.state)) " "
        @if !troubles(status).is_empty() { (badge("bad", "the last sync did not end")) }
        @else if all.iter().any(is_paused) { (badge("warn", "partly paused")) }
    }
}

/// Returns what keeps jobs from going on, each cause once, with the jobs that it stops.
fn troubles(status: &Status) -> Vec<(String, &Problem)> {
    let mut found: Vec<(Vec<String>, &Problem)> = Vec::new();
    for one in &status.objects {
        for run in one.last_pull.iter().chain(&one.last_push) {
            let Some(Ending::Broken(why)) = &run.ending else { continue };
            let job = format!("{} {}", one.object, run.key.direction);
            match found.iter_mut().find(|(_, known)| known.message == why.message) {
                Some((jobs, _)) => jobs.push(job),
                None => found.push((vec![job], why)),
            }
        }
    }
    found.into_iter().map(|(jobs, why)| (jobs.join(", "), why)).collect()
}

fn objects(visitor: &Visitor, status: &Status, org: &OrgId) -> Markup {
    let last = |run: &Option<Run>| {
        html! { @match run {
            Some(run) => { (ending(run)) " " (moment(run.ended_at.unwrap_or(run.started_at))) },
            None => span.muted { "never" },
        } }
    };
    html! {
        @if !status.objects.is_empty() {
            div.scroll { table.stack {
                thead { tr {
                    th { "Object" } th.number { "Records" } th { "Imported" } th { "Written" } th { "Verified" }
                    th.number { "Waiting" } th.number { "Failed" } th { "Next" }
                } }
                tbody {
                    @for one in &status.objects {
                        tr {
                            th scope="row" { a href=(format!("/orgs/{org}/records/{}", one.object)) { (one.object) } }
                            td.number data-label="Records" { (one.records) }
                            td data-label="Imported" { @if one.choices.pull { (last(&one.last_pull)) } @else { span.muted { "off" } } }
                            td data-label="Written" { @if one.choices.push { (last(&one.last_push)) } @else { span.muted { "off" } } }
                            td data-label="Verified" {
                                @match &one.verified {
                                    Some(verified) => { (moment(verified.at)) ", " (verified.said()) },
                                    None => span.muted { "never" },
                                }
                            }
                            td.number data-label="Waiting" { @if one.choices.push { (one.work.waiting + one.work.unmatched) } @else { "—" } }
                            td.number data-label="Failed" { (one.work.failed) }
                            td data-label="Next" {
                                @match one.paused_at {
                                    Some(at) => { (badge("warn", "paused")) " since " (moment(at)) },
                                    None => (moment_or(one.next_at, "soon")),
                                }
                                @if visitor.is_admin() {
                                    " "
                                    (button(visitor, &format!("/orgs/{org}/pause"),
                                        if one.paused_at.is_some() { "Resume" } else { "Pause" },
                                        &[("object", one.object.as_str()), ("pause", if one.paused_at.is_some() { "off" } else { "on" })]))
                                }
                            }
                        }
                    }
                }
            } }
        }
    }
}

fn drifts(status: &Status, org: &OrgId) -> Markup {
    html! {
        @if !status.drifts.is_empty() {
            section.card aria-labelledby="drifts" {
                h2 #drifts { "Fields that have changed since set-up" }
                ul {
                    @for drift in status.drifts.iter().take(DRIFTS_SHOWN) {
                        li { code { (drift.object) "." (drift.field) } " " (drift.change) }
                    }
                }
                p { "Once they are looked through, " a href=(format!("/orgs/{org}/setup")) { "set up again" } ": that takes them in." }
            }
        }
    }
}

fn failures(visitor: &Visitor, org: &OrgId, status: &Status, causes: &[(Failure, u64)]) -> Markup {
    html! {
        section.card aria-labelledby="failures" {
            div.head {
                h2 #failures { "Failures" }
                @if status.failures == 0 { (badge("good", "none")) }
                @else { (badge("bad", &many(status.failures, "waits for a mend", "wait for a mend"))) }
            }
            ul.plain {
                @for (failure, alike) in causes {
                    li {
                        div.head {
                            strong { (failure.object) " " (failure.direction) ": " (capital(&failure.problem.message)) }
                            (badge("quiet", &format!("{alike} ×")))
                            div.actions {
                                (button(visitor, &format!("/orgs/{org}/retry"), "Retry", &[("alike", &failure.id.to_string())]))
                            }
                        }
                        @if let Some(at) = &failure.problem.at { p.small { "At " code { (at) } } }
                        p { (words(failure.problem.hint.as_deref().unwrap_or("No mend is known."))) }
                        p.muted.small {
                            "Mends: " (failure.mender.as_str().replace('_', " ")) " · " code { (failure.code) }
                            " · last: " (failure.subject) ", " (moment(failure.last_at))
                            ", tried " (many(failure.attempts.into(), "time", "times"))
                        }
                    }
                }
            }
        }
    }
}

fn calls(status: &Status) -> Markup {
    let budget = &status.budget;
    html! {
        section.card aria-labelledby="calls" {
            h2 #calls { "API calls in 24 hours" }
            p { (budget.used) " of " (budget.limit) " that we may make; at this pace " (budget.forecast) " a day." }
            meter min="0" max=(budget.limit) high=(budget.limit * 8 / 10) value=(budget.used)
                aria-label="Calls that we have made, of those that we may make" {}
            @if let Some((usage, at)) = &status.usage {
                p.muted.small { "Everyone together: " (usage.used) " of " (usage.allowed) " that the org has, as of " (moment(*at)) "." }
            }
            @if !status.held_back.is_empty() {
                p { "Held back until calls get older than a day: "
                    (status.held_back.iter().map(|purpose| purpose.as_str()).collect::<Vec<_>>().join(", ")) "." }
            }
        }
    }
}

/// Makes everything due, so that the daemon runs it within seconds.
pub(super) async fn sync(
    State(site): State<Shared>,
    At(connection): At,
    form: Posted,
) -> Result<Redirect, Refused> {
    let org = connection.org;
    if site.world.settings(&org).is_blacked_out(site.world.clock.now()) {
        return Err(Failed::new("a blackout holds: nothing syncs by itself until it ends")
            .hint("`efficlose sync` syncs all the same; blackouts are in the settings.")
            .into());
    }
    let paused = site.world.store.paused(&org)?;
    let settings = site.world.settings(&org);
    if settings.objects.keys().all(|object| paused.contains_key(object)) {
        return Err(Failed::new("everything is paused")
            .hint("Resume it on the status page.")
            .into());
    }
    site.world.wake(&org, |_| true)?;
    site.note(form.person(), Some(&org), "asked for a sync");
    Ok(done::then(&format!("/orgs/{org}"), "sync"))
}

/// Pauses an object, or lets it go on; all of them, where none is named.
pub(super) async fn pause(
    State(site): State<Shared>,
    At(connection): At,
    form: Posted,
) -> Result<Redirect, Refused> {
    let org = connection.org;
    let objects = match form.one("object") {
        "" => Object::ALL.to_vec(),
        object => vec![object.parse::<Object>().map_err(Failed::new)?],
    };
    let is_paused = form.one("pause") == "on";
    site.world.store.pause(&org, &objects, is_paused, site.world.clock.now())?;
    let (did, done) = if is_paused { ("paused", "paused") } else { ("resumed", "resumed") };
    let names: Vec<&str> = objects.iter().map(|object| object.as_str()).collect();
    site.note(form.person(), Some(&org), format!("{did} {}", names.join(", ")));
    Ok(done::then(&format!("/orgs/{org}"), done))
}

/// Tries again all failures that share the cause of one. Writes are made by the daemon, within
/// seconds; records are mapped at once, which a sync that is under way keeps from being done.
pub(super) async fn retry(
    State(site): State<Shared>,
    At(connection): At,
    form: Posted,
) -> Result<Redirect, Refused> {
    to_its_end(retried(site, connection, form)).await
}

async fn retried(site: Shared, connection: Connection, form: Posted) -> Result<Redirect, Refused> {
    let org = connection.org.clone();
    let number = form.one("alike").parse::<i64>();
    let number = number.map_err(|_| Failed::new("no failure was named"))?;
    if site.world.store.org(&org)?.failure(number)?.direction == Direction::Pull {
        site.is_free(&connection)?;
    }
    let doors = site.world.doors(&connection, site.world.settings(&org))?;
    let (failure, retried) = sync::retry_alike(&doors, number).await?;
    let count = retried.queued + retried.mapped.pulled;
    let did = format!("retried {count} failures: {}", failure.problem.message);
    site.note(form.person(), Some(&org), did);
    site.world
        .wake(&org, |job| job.direction == Direction::Push && job.object == failure.object)?;
    Ok(done::then(&format!("/orgs/{org}"), "retried"))
}

pub(super) async fn doctor(
    State(site): State<Shared>,
    Admin(visitor): Admin,
    At(connection): At,
) -> Shown {
    let org = connection.org.clone();
    let doors = site.world.doors(&connection, site.world.settings(&org))?;
    let mut checkup = examine(&doors).await?;
    checkup.findings.sort_by_key(|finding| std::cmp::Reverse(finding.health));
    let body = html! {
        div.card {
            @if checkup.findings.is_empty() { p { "Nothing is set up to sync yet." } }
            ul.plain {
                @for finding in &checkup.findings {
                    li {
                        p {
                            @match finding.health {
                                Health::Good => (badge("good", "good")),
                                Health::Warning => (badge("warn", "warning")),
                                Health::Trouble => (badge("bad", "trouble")),
                            }
                            " " strong { (finding.about) } ": " (finding.said) "."
                        }
                        @if let Some(mend) = &finding.mend { p { (words(mend)) } }
                    }
                }
            }
        }
        p { "Whoever runs efficlose gets a permission set with what is missing by "
            code { "efficlose doctor --permission-set FILE" } "." }
    };
    Ok(page(&visitor, Some(&connection), "Doctor", body))
}
