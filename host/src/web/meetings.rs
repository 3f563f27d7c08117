//! Meetings: whom they were about and why, and what they wrote.

use axum::extract::{Path, State};
use maud::html;

use super::guard::At;
use super::page::{badge, moment, page, words};
use super::refused::{Refused, Shown};
use super::visitor::Visitor;
use super::{Shared, changes, link};
use crate::model::{Object, OrgId, SalesforceId, WorkState};
use crate::store::{ChangesOf, DoneBy};
use crate::sync::match_meeting;

/// How many meetings are listed.
const LISTED: u32 = 100;
/// How many changes of a meeting are shown.
const CHANGES_SHOWN: u32 = 100;

pub(super) async fn list(
    State(site): State<Shared>,
    visitor: Visitor,
    At(connection): At,
) -> Shown {
    let org = connection.org.clone();
    let meetings = site.world.store.org(&org)?.meetings(None, LISTED)?;
    let body = html! {
        div.card {
            @if meetings.is_empty() {
                p { "There is no meeting yet. The platform tells of them by " code { "POST /api/meetings" }
                    "; " code { "efficlose meetings add FILE" } " takes some in from a file." }
            } @else {
                div.scroll { table.stack {
                    thead { tr { th { "Meeting" } th { "Began" } th { "Items done" } th.number { "Settled" } th.number { "Waiting" } th.number { "Failed" } } }
                    tbody {
                        @for one in &meetings {
                            tr {
                                th scope="row" { a href=(link::meeting(&org, &one.id)) { (one.title) } }
                                td data-label="Began" { (moment(one.started_at)) }
                                td data-label="Items done" { (one.items_done) " of " (one.items_total) }
                                td.number data-label="Settled" { (one.work.settled) }
                                td.number data-label="Waiting" { (one.work.waiting + one.work.unmatched) }
                                td.number data-label="Failed" { (one.work.failed) }
                            }
                        }
                    }
                } }
                @if meetings.len() == LISTED as usize { p.muted { "The latest " (LISTED) " are shown." } }
            }
        }
    };
    Ok(page(&visitor, Some(&connection), "Meetings", body))
}

pub(super) async fn show(
    State(site): State<Shared>,
    visitor: Visitor,
    At(connection): At,
    Path((_, id)): Path<(OrgId, String)>,
) -> Shown {
    let org = connection.org.clone();
    let store = site.world.store.org(&org)?;
    let meeting = store
        .meeting(&id)?
        .ok_or_else(|| Refused::unknown(format!("there is no meeting \"{id}\"")))?;
    let (matches, items, work) =
        (store.matches(&id)?, store.item_states(&id)?, store.work_of(&id)?);
    let settings = site.world.settings(&org);
    let verdicts = match_meeting(&store, &meeting, &settings)?.verdicts;
    let is_written = |object: Object| settings.objects.get(&object).is_some_and(|one| one.push);
    let written = store.changes(ChangesOf::Meeting(&id), CHANGES_SHOWN)?;
    let record = |object: Object, id: &SalesforceId| -> Shown {
        let entity = store.entity(object, id)?;
        let name = entity.as_ref().and_then(|entity| entity.text("name")).unwrap_or(id.as_str());
        Ok(html! { (object) " " a href=(format!("/orgs/{org}/records/{object}/{id}")) { (name) } })
    };
    let body = html! {
        div.card {
            h2 { (meeting.title) }
            p.muted { (moment(meeting.started_at)) " · " code { (meeting.id) }
                @if let Some(url) = &meeting.url { " · " a href=(url) rel="noreferrer" { "open it" } } }
            @if let Some(summary) = &meeting.summary { p { (summary) } }
            p { "With " (meeting.participants.iter().filter_map(|one| one.email.as_deref().or(one.name.as_deref())).collect::<Vec<_>>().join(", ")) }
        }
        section.card aria-labelledby="matched" {
            h2 #matched { "Matched to" }
            @if matches.is_empty() { p.muted { "Nothing yet." } }
            ul { @for found in &matches { li { (record(found.object, &found.record_id)?) ", " (found.reason) } } }
            details #rules {
                summary { "What each rule says now" }
                dl.facts { @for verdict in &verdicts { dt { (verdict.question) ": " (verdict.rule) } dd { (verdict.said) } } }
            }
        }
        section.card aria-labelledby="items" {
            h2 #items { "Action items" }
            @if items.is_empty() { p.muted { "It has none." } }
            ul.plain {
                @for item in &items {
                    li {
                        (item.text) " "
                        @match (item.done, item.done_by) {
                            (false, _) => (badge("quiet", "open")),
                            (true, DoneBy::Platform) => (badge("good", "done on the platform")),
                            (true, DoneBy::Salesforce) => (badge("good", "done in Salesforce")),
                        }
                        p.muted.small {
                            @match (&item.record_id, item.gone) {
                                (Some(id), false) => (record(Object::Task, id)?),
                                (Some(id), true) => { "Task " (id) ", deleted in Salesforce" },
                                (None, _) => "no task yet",
                            }
                        }
                    }
                }
            }
        }
        section.card aria-labelledby="work" {
            h2 #work { "What is to be written" }
            div.scroll { table.stack {
                thead { tr { th { "Object" } th { "State" } th { "Why" } th { "Since" } } }
                tbody {
                    @for one in &work {
                        tr {
                            td data-label="Object" { (one.work.object) @if let Some(item) = &one.work.item_id { " of " (item) } }
                            td data-label="State" {
                                @if !is_written(one.work.object) { (badge("quiet", "not set up to be written")) }
                                @else { @match one.state {
                                    WorkState::Failed => (badge("bad", one.state.as_str())),
                                    WorkState::Settled => (badge("good", one.state.as_str())),
                                    other => (badge("quiet", other.as_str())),
                                } }
                            }
                            td data-label="Why" { (words(one.reason.as_deref().unwrap_or_default())) }
                            td data-label="Since" { (moment(one.changed_at)) }
                        }
                    }
                }
            } }
        }
        section.card aria-labelledby="changes" {
            h2 #changes { "What it wrote" }
            (changes::items(&visitor, &org, &store, &written)?)
        }
    };
    Ok(page(&visitor, Some(&connection), "Meetings", body))
}
