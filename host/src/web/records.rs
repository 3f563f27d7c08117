//! Records: what was imported, where each value comes from, what was written to them.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use tokio::task::block_in_place;

use super::guard::At;
use super::page::{badge, moment, page, value};
use super::refused::{Refused, Shown};
use super::visitor::Visitor;
use super::{Shared, changes, link};
use crate::model::{Fields, Object, OrgId, SalesforceId};
use crate::store::{ChangesOf, Fate};
use crate::sync::origins;

/// How many records a page lists.
const LISTED: u32 = 50;
/// How many changes of a record are shown.
const CHANGES_SHOWN: u32 = 20;

#[derive(Deserialize)]
pub(super) struct Asked {
    after: Option<SalesforceId>,
    /// What is searched for: an id, or a part of a name or an address.
    #[serde(default)]
    find: String,
}

pub(super) async fn list(
    State(site): State<Shared>,
    visitor: Visitor,
    At(connection): At,
    Path((_, object)): Path<(OrgId, Object)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let org = connection.org.clone();
    let store = site.world.store.org(&org)?;
    let wanted = asked.find.trim();
    if let Ok(id) = wanted.parse::<SalesforceId>() {
        // Whoever has an id need not know what it is of.
        for known in Object::ALL {
            if store.source_state(known, &id)?.is_some() {
                let to = format!("/orgs/{org}/records/{known}/{id}");
                return Ok(Redirect::to(&to).into_response());
            }
        }
    }
    let entities = match wanted {
        "" => store.entities(object, asked.after.as_ref(), LISTED)?,
        wanted => block_in_place(|| store.search(object, wanted, LISTED))?,
    };
    let total = store.count(object)?;
    let columns = object.telling_columns();
    let body = html! {
        div.card {
            div.head {
                h2 { (object) }
                span.muted { (total) " records" }
                nav.actions aria-label="Objects" {
                    @for other in Object::ALL {
                        a href=(format!("/orgs/{org}/records/{other}")) aria-current=[(other == object).then_some("true")] { (other) }
                    }
                }
            }
            form.actions method="get" role="search" {
                label for="find" { "Name, address or id" }
                input #find type="search" name="find" value=(wanted);
                button { "Search" }
            }
            @if entities.is_empty() && !wanted.is_empty() { p { "No " (object) " is called so." } }
            @else if entities.is_empty() { p { "No " (object) " was imported yet." } }
            @else {
                div.scroll { table.stack {
                    thead { tr { th { "Id" } @for column in columns { th { (column) } } } }
                    tbody {
                        @for entity in &entities {
                            tr {
                                td data-label="Id" { a href=(format!("/orgs/{org}/records/{object}/{}", entity.id)) { (entity.id) } }
                                @for column in columns { td data-label=(column) { (value(entity.get(column))) } }
                            }
                        }
                    }
                } }
            }
            @if entities.len() == LISTED as usize && !wanted.is_empty() { p.muted { "The first " (LISTED) " are shown." } }
            @else if entities.len() == LISTED as usize {
                @if let Some(last) = entities.last() {
                    p { a href=(format!("/orgs/{org}/records/{object}?after={}", last.id)) { "More" } }
                }
            }
        }
    };
    Ok(page(&visitor, Some(&connection), "Records", body).into_response())
}

pub(super) async fn show(
    State(site): State<Shared>,
    visitor: Visitor,
    At(connection): At,
    Path((_, object, id)): Path<(OrgId, Object, SalesforceId)>,
) -> Shown {
    let org = connection.org.clone();
    let store = site.world.store.org(&org)?;
    let state = store
        .source_state(object, &id)?
        .ok_or_else(|| Refused::unknown(format!("{object} {id} was never imported")))?;
    let source = store.source(object, &id)?.unwrap_or_default();
    let entity = store.entity(object, &id)?.map(|entity| entity.fields).unwrap_or_default();
    let recent = store.changes(ChangesOf::Record(&id), CHANGES_SHOWN)?;
    let met = store.meetings_of(object, &id, CHANGES_SHOWN)?;
    let mut from = Vec::new();
    for origin in origins(&store, &id, &source, None)? {
        let said = origin.said(&store)?;
        from.push((origin, said));
    }
    let body = html! {
        div.card {
            div.head {
                h2 { (entity.iter().find(|(name, _)| name == "name").map(|(_, name)| value(name)).unwrap_or_default()) " " span.muted { (object) " " (id) } }
                @match state.fate {
                    Fate::Mapped => (badge("good", "mapped")),
                    Fate::Failed => (badge("bad", "failed")),
                    other => (badge("quiet", &other.to_string())),
                }
            }
            @if let Some(why) = &state.reason { p { (why) } }
            @for (object, id) in store.became(object, &id)? {
                p { "It became " a href=(format!("/orgs/{org}/records/{object}/{id}")) { (object) " " (id) } "." }
            }
            p.muted.small { "Changed in Salesforce " (moment(state.modified_at))
                ", mapped by " code { (state.mapping) } }
        }
        @if !from.is_empty() {
            section.card aria-labelledby="from" {
                h2 #from { "What efficlose wrote" }
                dl.facts {
                    @for (origin, said) in &from {
                        dt { code { (origin.field) } }
                        dd { (value(&origin.value)) p.muted.small { (said) } }
                    }
                }
                p.muted.small { "All other values come from Salesforce." }
            }
        }
        div.grid {
            section.card aria-labelledby="entity" { h2 #entity { "As the platform holds it" } (facts(&entity)) }
            section.card aria-labelledby="source" { h2 #source { "As Salesforce has it" } (facts(&source)) }
        }
        section.card aria-labelledby="met" {
            h2 #met { "Its meetings" }
            @if met.is_empty() { p.muted { "No meeting was about it." } }
            ul {
                @for (meeting, title, at) in &met {
                    li { a href=(link::meeting(&org, meeting)) { (title) } ", " (moment(*at)) }
                }
            }
        }
        section.card aria-labelledby="changes" {
            h2 #changes { "What was written to it" }
            (changes::items(&visitor, &org, &store, &recent)?)
        }
    };
    Ok(page(&visitor, Some(&connection), "Records", body))
}

fn facts(fields: &Fields) -> Markup {
    html! {
        @if fields.is_empty() { p.muted { "Nothing is kept of it." } }
        dl.facts {
            @for (name, held) in fields.iter().filter(|(_, held)| !held.is_blank()) {
                dt { code { (name) } } dd { (value(held)) }
            }
        }
    }
}
