//! What was written to Salesforce, and taking it back.

use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Deserialize;

use super::Shared;
use super::guard::{Posted, Visitor};
use super::page::{Refused, Shown, badge, moment, page, pair, token};
use crate::model::{Change, ChangeState, Direction, Intent, OrgId, SalesforceId};
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
    Path(org): Path<OrgId>,
    Query(of): Query<Of>,
) -> Shown {
    let connection = site.world.connection_of(&org)?;
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
    Ok(html! {
        @if changes.is_empty() { p.muted { "Nothing was written." } }
        ul.plain {
            @for change in changes {
                @let is_undone = undone.contains(&change.id);
                li {
                    div.head {
                        strong { (headline(org, change)) }
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

fn headline(org: &OrgId, change: &Change) -> Markup {
    let does = match change.planned.intent {
        Intent::Create { .. } => "created",
        Intent::Update(_) => "updated",
        Intent::Delete(_) => "deleted",
    };
    html! {
        (change.planned.object) " "
        @if let Some(id) = &change.record_id {
            a href=(format!("/orgs/{org}/records/{}/{id}", change.planned.object)) { (id) } " "
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

/// Tells what taking a change back would do.
pub(super) async fn ask(
    State(site): State<Shared>,
    visitor: Visitor,
    Path((org, change)): Path<(OrgId, i64)>,
) -> Shown {
    let connection = site.world.connection_of(&org)?;
    let change = find(&*site.world.store.org(&org)?, change)?;
    let doors = site.world.doors(&connection, site.world.settings(&org))?;
    let undone = undo(&doors, vec![change.clone()], true).await?;
    let is_possible =
        undone.iter().any(|one| matches!(one.fate, UndoFate::Restored | UndoFate::Deleted));
    let body = html! {
        div.card {
            h2 { (headline(&org, &change)) }
            (fates(&undone))
            form method="post" action=(format!("/orgs/{org}/changes/{}/undo", change.id)) {
                (token(&visitor))
                div.actions {
                    button.danger disabled[!is_possible || !visitor.is_admin()] { "Take it back" }
                    a href=(format!("/orgs/{org}/changes")) { "Leave it" }
                }
            }
        }
    };
    Ok(page(&visitor, Some(&connection), &format!("Undo change {}", change.id), body))
}

pub(super) async fn take_back(
    State(site): State<Shared>,
    Path((org, change)): Path<(OrgId, i64)>,
    form: Posted,
) -> Result<Redirect, Refused> {
    let connection = site.world.connection_of(&org)?;
    let change = find(&*site.world.store.org(&org)?, change)?;
    let (id, object) = (change.id, change.planned.object);
    let record = change.record_id.as_ref().map(ToString::to_string).unwrap_or_default();
    let doors = site.world.doors(&connection, site.world.settings(&org))?;
    let undone = undo(&doors, vec![change], false).await?;
    site.note(&form.person, Some(&org), format!("took back change {id} of {object} {record}"));
    if let Some(one) = undone.first() {
        let why = match &one.fate {
            UndoFate::Failed(problem) => Some(problem.to_string()),
            UndoFate::LeftAlone(why) => Some(format!("it was left alone: {why}")),
            _ => None,
        };
        if let Some(why) = why {
            return Err(Failed::new(format!("change {id} was not taken back: {why}")).into());
        }
    }
    site.world.wake(&org, |job| job.direction == Direction::Pull && job.object == object)?;
    Ok(Redirect::to(&format!("/orgs/{org}/changes")))
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
