//! What was written to Salesforce, and taking it back.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::guard::{At, Posted, Visitor};
use super::page::{Refused, Shown, badge, moment, page, pair, token};
use super::{Shared, done};
use crate::model::{Change, ChangeState, Connection, Direction, Intent, OrgId, SalesforceId};
use crate::store::{ChangesOf, OrgStore};
use crate::sync::{UndoFate, Undone, undo};
use crate::world::Failed;

/// How many changes a page shows.
const SHOWN: u32 = 100;

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
                    (fields(change))
                    p.muted.small {
                        "Change " (change.id) ", " (moment(change.planned_at)) ", from the meeting "
                        a href=(super::meetings::path(org, &change.planned.meeting_id)) { (change.planned.meeting_id) }
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
    let entity = store.entity(change.planned.object, id)?;
    Ok(entity.and_then(|entity| entity.text("name").map(str::to_owned)))
}

fn headline(org: &OrgId, change: &Change, name: &Option<String>) -> Markup {
    let does = match (&change.planned.intent, change.state) {
        (Intent::Create { .. }, ChangeState::Done) => "created",
        (Intent::Update(_), ChangeState::Done) => "updated",
        (Intent::Delete(_), ChangeState::Done) => "deleted",
        (Intent::Create { .. }, _) => "to be created",
        (Intent::Update(_), _) => "to be updated",
        (Intent::Delete(_), _) => "to be deleted",
    };
    html! {
        (change.planned.object) " "
        @if let Some(id) = &change.record_id {
            a href=(format!("/orgs/{org}/records/{}/{id}", change.planned.object)) {
                (name.as_deref().unwrap_or(id.as_str()))
            } " "
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

fn fields(change: &Change) -> Markup {
    html! {
        dl.facts.small {
            @for (name, before, after) in change.planned.pairs() {
                dt { code { (name) } } dd { (pair(before, after)) }
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
    let is_possible = |one: &Undone| matches!(one.fate, UndoFate::Restored | UndoFate::Deleted);
    let is_idle = undone.is_some_and(|undone| !undone.iter().any(is_possible));
    let body = html! {
        div.card {
            h2 { (headline(org, change, name)) }
            @match undone {
                Some(undone) => (fates(undone)),
                None => {
                    p { "Each field gets the value of before, where it still holds what was written; what anyone has changed since is left as it is." }
                    (fields(change))
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

/// Takes a change back, or tells what that would do.
pub(super) async fn take_back(
    State(site): State<Shared>,
    At(connection): At,
    Path((_, change)): Path<(OrgId, i64)>,
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
        Some(UndoFate::Unknown) | None => ("took back, as far as is known,", None),
    };
    let record = change.record_id.as_ref().map(ToString::to_string).unwrap_or_default();
    site.note(form.person(), Some(org), format!("{said} change {id} of {object} {record}"));
    if let Some(why) = why {
        return Err(Failed::new(format!("change {id} was not taken back: {why}")).into());
    }
    site.world.wake(org, |job| job.direction == Direction::Pull && job.object == object)?;
    Ok(done::then(&format!("/orgs/{org}/changes"), "undone").into_response())
}

fn find(store: &OrgStore, id: i64) -> Result<Change, Refused> {
    store.change(id)?.ok_or_else(|| Refused::unknown(format!("there is no change {id}")))
}

fn fates(undone: &[Undone]) -> Markup {
    html! {
        @for one in undone {
            p {
                @match &one.fate {
                    UndoFate::Restored => "The record gets these values back:",
                    UndoFate::Deleted => "The record is deleted; it stays in Salesforce's recycle bin for a while.",
                    UndoFate::LeftAlone(why) => { "Nothing would be done: " (why) "." },
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
