//! The status of an org: connected? what syncs, what is wrong, and what mends it.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};

use super::guard::{Posted, Visitor};
use super::page::{
    Refused, Shown, badge, button, capital, ending, moment, moment_or, page, trouble,
};
use super::{Shared, Site, changes};
use crate::model::{Direction, Object, OrgId, Run};
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
    Path(org): Path<OrgId>,
) -> Shown {
    let connection = site.world.connection_of(&org)?;
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

/// Returns the part of the page that is live.
pub(super) fn part(site: &Site, visitor: &Visitor, org: &OrgId) -> Shown {
    let world = &site.world;
    let connection = world.connection_of(org)?;
    let settings = world.settings(org);
    let budget = world.budget(&connection).now()?;
    let status = sync::status(&world.store, &connection, &settings, budget, world.clock.now())?;
    let causes = world.store.org(org)?.causes(CAUSES_SHOWN)?;
    let is_paused = status.objects.iter().any(|one| one.paused_at.is_some());
    let to = |path: &str| format!("/orgs/{org}/{path}");
    Ok(html! {
        section.card aria-labelledby="state" {
            div.head {
                h2 #state { "Connection" }
                @match (&connection.broken, status.objects.is_empty()) {
                    (Some(_), _) => (badge("bad", status.state)),
                    (None, true) => (badge("warn", status.state)),
                    (None, false) => (badge("good", status.state)),
                }
                @if !status.objects.is_empty() {
                    div.actions {
                        (button(visitor, &to("sync"), "Sync now", &[]))
                        @if is_paused { (button(visitor, &to("pause"), "Resume", &[("pause", "off")])) }
                        @else { (button(visitor, &to("pause"), "Pause", &[("pause", "on")])) }
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
            @if status.is_blacked_out { p { "A blackout holds: nothing syncs by itself until it ends." } }
            (objects(&status, org))
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
                p { (status.reviews) " questions wait for you: of whom or what a meeting was about. "
                    a href=(to("matches")) { "Choose" } }
            }
        }
        (drifts(&status, org))
        (failures(visitor, org, &status, &causes))
        (calls(&status))
    })
}

fn objects(status: &Status, org: &OrgId) -> Markup {
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
                            td.number data-label="Waiting" { (one.work.waiting + one.work.unmatched) }
                            td.number data-label="Failed" { (one.work.failed) }
                            td data-label="Next" {
                                @match one.paused_at {
                                    Some(at) => { (badge("warn", "paused")) " since " (moment(at)) },
                                    None => (moment_or(one.next_at, "soon")),
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
                p { a href=(format!("/orgs/{org}/setup")) { "Set up again" } " takes all " (status.drifts.len()) " in." }
            }
        }
    }
}

fn failures(
    visitor: &Visitor,
    org: &OrgId,
    status: &Status,
    causes: &[(crate::model::Failure, u64)],
) -> Markup {
    html! {
        section.card aria-labelledby="failures" {
            div.head {
                h2 #failures { "Failures" }
                @if status.failures == 0 { (badge("good", "none")) }
                @else { (badge("bad", &format!("{} wait for a mend", status.failures))) }
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
                        p { (failure.problem.hint.as_deref().unwrap_or("No mend is known.")) }
                        p.muted.small {
                            "Mends: " (failure.mender.as_str().replace('_', " ")) " · " code { (failure.code) }
                            " · last: " (failure.subject) ", " (moment(failure.last_at))
                            ", tried " (failure.attempts) " times"
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
    Path(org): Path<OrgId>,
    form: Posted,
) -> Result<Redirect, Refused> {
    site.world.connection_of(&org)?;
    site.world.wake(&org, |_| true)?;
    site.note(&form.person, Some(&org), "asked for a sync");
    Ok(Redirect::to(&format!("/orgs/{org}")))
}

pub(super) async fn pause(
    State(site): State<Shared>,
    Path(org): Path<OrgId>,
    form: Posted,
) -> Result<Redirect, Refused> {
    site.world.connection_of(&org)?;
    let is_paused = form.one("pause") == "on";
    site.world.store.pause(&org, &Object::ALL, is_paused, site.world.clock.now())?;
    site.note(&form.person, Some(&org), if is_paused { "paused it" } else { "let it go on" });
    Ok(Redirect::to(&format!("/orgs/{org}")))
}

/// Tries again all failures that share the cause of one; writes follow at once.
pub(super) async fn retry(
    State(site): State<Shared>,
    Path(org): Path<OrgId>,
    form: Posted,
) -> Result<Redirect, Refused> {
    let connection = site.world.connection_of(&org)?;
    let number = form.one("alike").parse::<i64>();
    let number = number.map_err(|_| Failed::new("no failure was named"))?;
    let store = site.world.store.org(&org)?;
    let failure = store.failure(number)?;
    let numbers = store.alike(number)?;
    let doors = site.world.doors(&connection, site.world.settings(&org))?;
    sync::retry_these(&doors, &numbers).await?;
    let objects = BTreeSet::from([failure.object]);
    site.world
        .wake(&org, |job| job.direction == Direction::Push && objects.contains(&job.object))?;
    let did = format!("retried {} failures: {}", numbers.len(), failure.problem.message);
    site.note(&form.person, Some(&org), did);
    Ok(Redirect::to(&format!("/orgs/{org}")))
}

pub(super) async fn doctor(
    State(site): State<Shared>,
    visitor: Visitor,
    Path(org): Path<OrgId>,
) -> Shown {
    let connection = site.world.connection_of(&org)?;
    let doors = site.world.doors(&connection, site.world.settings(&org))?;
    let checkup = examine(&doors).await?;
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
                        @if let Some(mend) = &finding.mend { p { (mend) } }
                    }
                }
            }
        }
        p { "Whoever runs efficlose gets a permission set with what is missing by "
            code { "efficlose doctor --permission-set FILE" } "." }
    };
    Ok(page(&visitor, Some(&connection), "Doctor", body))
}
