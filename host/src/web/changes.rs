//! What was written to Salesforce, and taking it back.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::guard::{At, Posted};
use super::page::{badge, button, moment, page, pair, token, trouble, words};
use super::refused::{Refused, Shown};
use super::visitor::Visitor;
use super::{Shared, done, link, to_its_end};
use crate::model::{
    Change, ChangeState, Connection, Direction, Intent, Object, OrgId, SalesforceId, many,
};
use crate::store::{ChangesOf, OrgStore};
use crate::sync::{Foreseen, Rehearsal, UndoFate, Undone, rehearse, undo};
use crate::world::Failed;

/// How many changes a page shows.
const SHOWN: u32 = 100;
/// How many changes are taken back at once at a page.
const UNDONE_MAX: u32 = 10_000;

/// Which changes are asked for: all, where nothing is named.
#[derive(Deserialize, Default)]
pub(super) struct Of {
    run: Option<String>,
    meeting: Option<String>,
    record: Option<SalesforceId>,
}

pub(super) async fn list(
    State(site): State<Shared>,
    visitor: Visitor,
    At(connection): At,
    Query(of): Query<Of>,
) -> Shown {
    let org = connection.org.clone();
    let store = site.world.store.org(&org)?;
    let all_of = match (&of.run, &of.meeting) {
        (Some(run), _) => Some(("run", run.clone())),
        (_, Some(meeting)) => Some(("meeting", meeting.clone())),
        _ => None,
    };
    let (which, of) = match (&of.run, &of.meeting, &of.record) {
        (Some(run), ..) => (ChangesOf::Run(run), format!("of the run {run}")),
        (_, Some(meeting), _) => (ChangesOf::Meeting(meeting), format!("of the meeting {meeting}")),
        (.., Some(record)) => (ChangesOf::Record(record), format!("of the record {record}")),
        _ => (ChangesOf::Everything, String::new()),
    };
    let changes = store.changes(which, SHOWN)?;
    let body = html! {
        div.card {
            @if !of.is_empty() { p { "Those " (of) ". " a href=(format!("/orgs/{org}/changes")) { "Show all" } } }
            @match &all_of {
                Some((kind, name)) if !changes.is_empty() => {
                    p { (button(&visitor, &format!("/orgs/{org}/undo"), "Look what taking all of it back would do", &[(kind, name), ("look", "on")])) }
                },
                Some(_) => {},
                None => p { (button(&visitor, &format!("/orgs/{org}/plan"), "Show what the next sync would write", &[])) },
            }
            (items(&visitor, &org, &store, &changes)?)
            @if changes.len() == SHOWN as usize { p.muted { "The latest " (SHOWN) " are shown." } }
        }
    };
    Ok(page(&visitor, Some(&connection), "Changes", body))
}

/// Shows changes one below the other, each with its fields and the way back.
pub(super) fn items(
    visitor: &Visitor,
    org: &OrgId,
    store: &OrgStore,
    changes: &[Change],
) -> Result<Markup, Refused> {
    let ids: Vec<i64> = changes.iter().map(|change| change.id).collect();
    let undone = store.undone(&ids)?;
    let names = changes.iter().map(|change| name(store, change));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    Ok(html! {
        @if changes.is_empty() { p.muted { "Nothing was written." } }
        ul.plain {
            @for (change, name) in changes.iter().zip(&names) {
                @let is_undone = undone.contains(&change.id);
                li {
                    div.head {
                        strong { (headline(org, change, name)) }
                        (state(change.state))
                        @if is_undone { (badge("quiet", "taken back")) }
                        div.actions {
                            @if change.state == ChangeState::Done && !is_undone && visitor.is_admin() {
                                a href=(format!("/orgs/{org}/changes/{}/undo", change.id)) { "Undo" }
                            }
                        }
                    }
                    (fields(change, &BTreeMap::new()))
                    p.muted.small {
                        "Change " (change.id) ", " (moment(change.planned_at)) ", from the meeting "
                        a href=(link::meeting(org, &change.planned.meeting_id)) { (change.planned.meeting_id) }
                        @if let Some(undone) = change.planned.undoes { ", takes back change " (undone) }
                    }
                }
            }
        }
    })
}

/// Returns the name of the record of a change, where it is stored.
fn name(store: &OrgStore, change: &Change) -> Result<Option<String>, Refused> {
    let Some(id) = &change.record_id else { return Ok(None) };
    let Some(object) = change.planned.object.synced() else { return Ok(None) };
    let entity = store.entity(object, id)?;
    Ok(entity.and_then(|entity| entity.text("name").map(str::to_owned)))
}

fn headline(org: &OrgId, change: &Change, name: &Option<String>) -> Markup {
    headline_of(org, change, name, change.state == ChangeState::Done)
}

fn headline_of(org: &OrgId, change: &Change, name: &Option<String>, is_done: bool) -> Markup {
    let does = match (&change.planned.intent, is_done) {
        (Intent::Create { .. }, true) => "created",
        (Intent::Update(_), true) => "updated",
        (Intent::Delete(_), true) => "deleted",
        (Intent::Create { .. }, _) => "to be created",
        (Intent::Update(_), _) => "to be updated",
        (Intent::Delete(_), _) => "to be deleted",
    };
    html! {
        (change.planned.object) " "
        @if let Some(id) = &change.record_id {
            (link::record(org, change.planned.object, id, name.as_deref().unwrap_or(id.as_str()))) " "
        }
        (does)
    }
}

fn state(state: ChangeState) -> Markup {
    match state {
        ChangeState::Done => badge("good", "done"),
        ChangeState::Open => badge("busy", "open"),
        ChangeState::Refused => badge("bad", "refused"),
        ChangeState::Lost => badge("warn", "not known"),
    }
}

/// Shows what a change does field by field, and where the mapping says so.
fn fields(change: &Change, places: &BTreeMap<String, String>) -> Markup {
    html! {
        dl.facts.small {
            @for (name, before, after) in change.planned.pairs() {
                dt { code { (name) } }
                dd { (pair(before, after)) @if let Some(place) = places.get(name) { " " span.muted { (place) } } }
            }
            @for (name, why) in &change.planned.left {
                dt { code { (name) } } dd.muted { "left as it is, " (why) }
            }
        }
    }
}

/// Shows a change that may be taken back. What that would do is looked up on request alone: it
/// asks Salesforce, and keeps others from writing meanwhile.
pub(super) async fn ask(
    State(site): State<Shared>,
    visitor: Visitor,
    At(connection): At,
    Path((_, change)): Path<(OrgId, i64)>,
) -> Shown {
    let store = site.world.store.org(&connection.org)?;
    let change = find(&store, change)?;
    Ok(asked(&visitor, &connection, (&change, &name(&store, &change)?), None))
}

fn asked(
    visitor: &Visitor,
    connection: &Connection,
    (change, name): (&Change, &Option<String>),
    undone: Option<&[Undone]>,
) -> Markup {
    let org = &connection.org;
    let is_idle = undone.is_some_and(|undone| !undone.iter().any(is_possible));
    let body = html! {
        div.card {
            h2 { (headline(org, change, name)) }
            @match undone {
                Some(undone) => (fates(undone, true)),
                None => {
                    p { "Each field gets the value of before, where it still holds what was written; what anyone has changed since is left as it is." }
                    (fields(change, &BTreeMap::new()))
                },
            }
            form method="post" action=(format!("/orgs/{org}/changes/{}/undo", change.id)) {
                (token(visitor))
                div.actions {
                    @if undone.is_none() {
                        button.main name="look" value="on" disabled[!visitor.is_admin()] { "Look what that would do" }
                    }
                    button.danger disabled[is_idle || !visitor.is_admin()] { "Take it back" }
                    a href=(format!("/orgs/{org}/changes")) { "Leave it" }
                }
            }
        }
    };
    page(visitor, Some(connection), &format!("Undo change {}", change.id), body)
}

/// Tells whether a change was taken back, or would be.
fn is_possible(undone: &Undone) -> bool {
    matches!(undone.fate, UndoFate::Restored | UndoFate::Deleted)
}

/// Takes a change back, or tells what that would do.
pub(super) async fn take_back(
    State(site): State<Shared>,
    At(connection): At,
    Path((_, change)): Path<(OrgId, i64)>,
    form: Posted,
) -> Result<Response, Refused> {
    to_its_end(taken_back(site, connection, change, form)).await
}

async fn taken_back(
    site: Shared,
    connection: Connection,
    change: i64,
    form: Posted,
) -> Result<Response, Refused> {
    let org = &connection.org;
    let store = site.world.store.org(org)?;
    let change = find(&store, change)?;
    site.is_free(&connection)?;
    let doors = site.world.doors(&connection, site.world.settings(org))?;
    let is_look = form.sent("look").is_some();
    let undone = undo(&doors, vec![change.clone()], is_look).await?;
    if is_look {
        let shown = (&change, &name(&store, &change)?);
        return Ok(asked(form.visitor(), &connection, shown, Some(&undone)).into_response());
    }
    let (id, object) = (change.id, change.planned.object);
    let (said, why) = match undone.first().map(|one| &one.fate) {
        Some(UndoFate::Restored | UndoFate::Deleted) => ("took back", None),
        Some(UndoFate::LeftAlone(why)) => {
            ("tried to take back", Some(format!("it was left alone: {why}")))
        }
        Some(UndoFate::Failed(problem)) => ("tried to take back", Some(problem.to_string())),
        Some(UndoFate::Unknown) | None => {
            let why = "what became of it is not known yet; the next sync looks it up";
            ("tried to take back", Some(why.to_owned()))
        }
    };
    let record = change.record_id.as_ref().map(ToString::to_string).unwrap_or_default();
    site.note(form.person(), Some(org), format!("{said} change {id} of {object} {record}"));
    if let Some(why) = why {
        return Err(Failed::new(format!("change {id} was not taken back: {why}")).into());
    }
    site.world
        .wake(org, |job| job.direction == Direction::Pull && Some(job.object) == object.synced())?;
    Ok(done::then(&format!("/orgs/{org}/changes"), "undone").into_response())
}

/// Takes back all that a run or a meeting wrote, or tells what that would do.
pub(super) async fn take_all_back(
    State(site): State<Shared>,
    At(connection): At,
    form: Posted,
) -> Result<Response, Refused> {
    to_its_end(all_taken_back(site, connection, form)).await
}

async fn all_taken_back(
    site: Shared,
    connection: Connection,
    form: Posted,
) -> Result<Response, Refused> {
    let org = &connection.org;
    let store = site.world.store.org(org)?;
    let (kind, name, of) = match (form.sent("run"), form.sent("meeting")) {
        (Some(run), _) => ("run", run, ChangesOf::Run(run)),
        (_, Some(meeting)) => ("meeting", meeting, ChangesOf::Meeting(meeting)),
        _ => return Err(Failed::new("no run or meeting was named").into()),
    };
    let mut changes = store.changes(of, UNDONE_MAX)?;
    if changes.len() >= UNDONE_MAX as usize {
        return Err(Failed::new(format!("the {kind} {name} wrote {UNDONE_MAX} changes or more"))
            .hint("`efficlose changes undo` takes back as many as there are.")
            .into());
    }
    changes.retain(|change| change.planned.undoes.is_none());
    site.is_free(&connection)?;
    let doors = site.world.doors(&connection, site.world.settings(org))?;
    let is_look = form.sent("look").is_some();
    let undone = undo(&doors, changes, is_look).await?;
    let count = undone.iter().filter(|one| is_possible(one)).count();
    if !is_look {
        site.note(
            form.person(),
            Some(org),
            format!("took back {count} changes of the {kind} {name}"),
        );
        site.world.wake(org, |job| job.direction == Direction::Pull)?;
    }
    let body = html! {
        div.card {
            @if is_look { p { (many(count as u64, "change", "changes")) " would be taken back, the newest first." } }
            @else { p { (many(count as u64, "change was", "changes were")) " taken back." } }
            @for one in undone.iter().take(SHOWN as usize) {
                h3 { "Change " (one.change) ": " (one.object)
                    @if let Some(id) = &one.record { " " (link::record(org, one.object, id, id.as_str())) } }
                (fates(std::slice::from_ref(one), is_look))
            }
            @if undone.len() > SHOWN as usize { p.muted { "The first " (SHOWN) " are shown." } }
            @if is_look && count > 0 {
                form method="post" action=(format!("/orgs/{org}/undo")) {
                    (token(form.visitor()))
                    input type="hidden" name=(kind) value=(name);
                    div.actions {
                        button.danger { "Take all of it back" }
                        a href=(format!("/orgs/{org}/changes")) { "Leave it" }
                    }
                }
            } @else { p { a href=(format!("/orgs/{org}/changes")) { "To the changes" } } }
        }
    };
    Ok(page(form.visitor(), Some(&connection), &format!("Undo of the {kind} {name}"), body)
        .into_response())
}

/// Shows what a sync would write now: each change, and what would be refused. Nothing is written.
pub(super) async fn plan(State(site): State<Shared>, At(connection): At, form: Posted) -> Shown {
    let org = &connection.org;
    site.is_free(&connection)?;
    let settings = site.world.settings(org);
    let pushes = settings.jobs(org).into_iter().filter(|job| job.direction == Direction::Push);
    let objects: Vec<Object> = pushes.map(|job| job.object).collect();
    let doors = site.world.doors(&connection, settings)?;
    let store = site.world.store.org(org)?;
    let Rehearsal { changes, refused, broken, calls, .. } =
        rehearse(&doors, &objects, &site.stop).await?;
    let mut planned = Vec::new();
    for foreseen in changes.iter().take(SHOWN as usize) {
        planned.push((foreseen, name(&store, &foreseen.change)?));
    }
    let body = html! {
        div.card {
            p { strong { (many(changes.len() as u64, "change", "changes")) } " in " (many(calls, "call", "calls")) ", of what was imported so far. Nothing was written." }
            @for (object, problem) in &broken { (trouble(&format!("{object} can't be written: {problem}"), problem.hint.as_deref())) }
            ul.plain {
                @for failure in refused.iter().take(SHOWN as usize) {
                    li {
                        p { (badge("bad", "would fail")) " " (failure.object) " " (failure.subject) ": " (failure.problem) }
                        @if let Some(hint) = &failure.problem.hint { p { (words(hint)) } }
                    }
                }
                @for (Foreseen { change, by, places, doubt }, name) in &planned {
                    li {
                        p { strong { (headline_of(org, change, name, false)) } ", from the meeting "
                            a href=(link::meeting(org, &change.planned.meeting_id)) { (change.planned.meeting_id) }
                            ", by " (words(by)) }
                        (fields(change, places))
                        @if let Some(doubt) = doubt {
                            p { (badge("warn", "may be refused")) " " (doubt) "." @if let Some(hint) = &doubt.hint { " " (words(hint)) } }
                        }
                    }
                }
            }
            @if changes.len() > planned.len() { p.muted { "The first " (SHOWN) " are shown." } }
        }
    };
    Ok(page(form.visitor(), Some(&connection), "What the next sync would write", body))
}

fn find(store: &OrgStore, id: i64) -> Result<Change, Refused> {
    store.change(id)?.ok_or_else(|| Refused::unknown(format!("there is no change {id}")))
}

fn fates(undone: &[Undone], is_look: bool) -> Markup {
    html! {
        @for one in undone {
            p {
                @match &one.fate {
                    UndoFate::Restored => { @if is_look { "The record gets these values back:" } @else { "The record has these values back:" } },
                    UndoFate::Deleted => {
                        @if is_look { "The record would be deleted" } @else { "The record is deleted" }
                        @if one.object.activity().is_some() { "; a relation has no recycle bin." } @else { "; it stays in Salesforce's recycle bin for a while." }
                    },
                    UndoFate::LeftAlone(why) => { @if is_look { "Nothing would be done: " } @else { "Nothing was done: " } (why) "." },
                    UndoFate::Failed(problem) => { "It can't be taken back: " (problem) "." },
                    UndoFate::Unknown => "What became of it is not known yet: the next sync looks it up.",
                }
            }
            dl.facts {
                @if one.fate == UndoFate::Restored {
                    @for (name, now, before) in &one.restored { dt { code { (name) } } dd { (pair(now, before)) } }
                }
                @for (name, why) in &one.left { dt { code { (name) } } dd.muted { "left as it is, " (why) } }
            }
        }
    }
}
