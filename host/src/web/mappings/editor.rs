//! The editor of a mapping: as a table of columns, or as text, with what it would change beside
//! it.

use std::collections::BTreeMap;
use std::path::{Path as File, PathBuf};
use std::time::SystemTime;

use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use tokio::task::block_in_place;

use super::super::guard::{Admin, At, Posted};
use super::super::page::{button, moment, page, token, trouble};
use super::super::refused::{Refused, Shown};
use super::super::visitor::Visitor;
use super::super::{Shared, Site};
use super::TRIED;
use crate::model::{Connection, Object, OrgId};
use crate::plugin::{Brought, expressions, starter, with_expressions};
use crate::sync::sources;
use crate::world::Failed;

/// The forms in which a mapping is edited: how its file ends, and what it is called.
const FORMS: [(&str, &str); 4] = [
    (TABLE, "Table"),
    (FIELD_MAP, "Field map"),
    ("js", "Script in JavaScript"),
    ("ts", "Script in TypeScript"),
];
/// A field map, column by column.
const TABLE: &str = "table";
/// How a field map's file ends.
const FIELD_MAP: &str = "toml";
/// What the fields of the table begin with, before the name of a column.
const COLUMN: &str = "column.";

/// What is edited: the form, and the text in it.
pub(super) struct Edited {
    form: String,
    text: String,
}

impl Edited {
    /// Returns what someone has edited.
    pub(super) fn of(form: &Posted) -> Self {
        let text =
            written(form).unwrap_or_else(|_| form.sent("text").unwrap_or_default().to_owned());
        Self { form: form.one("form").to_owned(), text }
    }
}

#[derive(Deserialize)]
pub(in super::super) struct Asked {
    form: Option<String>,
    /// One of those before, by the name of its file.
    version: Option<String>,
}

/// Tells whether a table says nothing: then all is as the default mapping says.
pub(super) fn says_nothing(form: &Posted) -> bool {
    form.one("form") == TABLE && written(form).is_ok_and(|text| is_empty(&text))
}

fn is_empty(text: &str) -> bool {
    text.lines().all(|line| matches!(line.trim(), "" | "[pull]" | "[push]"))
}

/// Shows the mapping in use, or one to begin with, in a form.
pub(in super::super) async fn edit(
    State(site): State<Shared>,
    Admin(visitor): Admin,
    At(connection): At,
    Path((_, object)): Path<(OrgId, Object)>,
    Query(Asked { form, version }): Query<Asked>,
) -> Shown {
    if let Some(version) = version {
        let all = earlier(&site, object)?;
        let known = all.iter().find(|file| name_of(file) == version);
        let file = known.ok_or_else(|| Refused::unknown("there is no such mapping any more"))?;
        let brought = Brought::read(file)?;
        let form = brought.ending().to_owned();
        let text = String::from_utf8_lossy(&brought.bytes).into_owned();
        return show(&site, &visitor, &connection, object, Edited { form, text }, None).await;
    }
    let used = site.world.library()?.file(object)?.map(|file| Brought::read(&file)).transpose()?;
    let ending = used.as_ref().map_or("", |used| used.ending()).to_owned();
    let text = used.map(|used| String::from_utf8_lossy(&used.bytes).into_owned());
    // A table is the field map in use; a component can't be shown.
    let usual = match ending.as_str() {
        "" | "wasm" | FIELD_MAP => TABLE,
        other => other,
    };
    let form = form.unwrap_or_else(|| usual.to_owned());
    let is_used = form == ending || (form == TABLE && ending == FIELD_MAP);
    let text = match (text.filter(|_| is_used), form.as_str()) {
        (Some(text), _) => text,
        (None, TABLE) => String::new(),
        (None, form) => starter(object, form)
            .ok_or_else(|| Refused::unknown("there is no such form of a mapping"))?,
    };
    show(&site, &visitor, &connection, object, Edited { form, text }, None).await
}

/// Shows what is edited, and why it is not taken where it isn't.
pub(super) async fn show(
    site: &Site,
    visitor: &Visitor,
    connection: &Connection,
    object: Object,
    Edited { form, text }: Edited,
    refused: Option<&Failed>,
) -> Shown {
    let used = site.world.library()?.file(object)?;
    let to = |path: &str| format!("/orgs/{}/mappings/{object}{path}", connection.org);
    // A field map that can't be shown as a table is mended as text.
    let (form, edited, why) = match form.as_str() {
        TABLE => match table(site, connection, object, &text).await {
            Ok(table) => (TABLE, table, None),
            Err(why) => (FIELD_MAP, source(FIELD_MAP, &text), Some(why)),
        },
        form => (form, source(form, &text), None),
    };
    let refused = refused.or(why.as_ref());
    let body = html! {
        div.head {
            h2 { (object) }
            span.muted { "in use: "
                (used.as_ref().and_then(|file| file.file_name()).map_or("the default".into(), |name| name.to_string_lossy())) }
            nav.actions aria-label="Forms" {
                @for (known, name) in FORMS {
                    a href=(to(&format!("?form={known}"))) aria-current=[(known == form).then_some("true")] { (name) }
                }
            }
        }
        @if let Some(Failed { message, hint, .. }) = refused { (trouble(message, hint.as_deref())) }
        div.editor {
            form method="post" action=(to("")) data-preview=[visitor.is_admin().then(|| to("/preview"))] data-into="#preview" {
                (token(visitor))
                input type="hidden" name="form" value=(form);
                (edited)
                @if refused.is_some() {
                    label.choice { input type="checkbox" name="force" value="on"; " Use it all the same" }
                }
                div.actions {
                    // Enter in a field presses the first.
                    button formaction=(to("/replay")) disabled[!visitor.is_admin()] { "Try it on everything" }
                    button.main disabled[!visitor.is_admin()] { "Use it" }
                }
                details #case {
                    summary { "Make a case of a record" }
                    p.small { "A case is a test: what the mapping gives for this record now, it has to give from now on. Letters and digits that may tell of a person are made unreadable." }
                    div.actions {
                        label for="record" { "Id of the record" }
                        input #record type="text" name="record" autocomplete="off";
                        button formaction=(to("/case")) disabled[!visitor.is_admin()] { "Make the case" }
                    }
                }
            }
            section.card aria-labelledby="preview-title" {
                h2 #preview-title { "What it would change" }
                div #preview aria-live="polite" {
                    p { "As you type, it is tried on " (TRIED) " stored records. Nothing is written, and Salesforce is not called." }
                }
            }
        }
        div.card {
            h2 { "Before" }
            (history(site, visitor, &connection.org, object)?)
        }
    };
    Ok(page(visitor, Some(connection), "Mappings", body))
}

fn source(form: &str, text: &str) -> Markup {
    let rest = match form {
        FIELD_MAP => "What it does not name, the default mapping does.",
        _ => "Of pull and push, the default mapping does the one that it leaves out.",
    };
    html! {
        div.field {
            label for="text" { "The mapping" }
            textarea.code #text name="text" spellcheck="false" autocapitalize="off" aria-describedby="text-help" { "\n" (text) }
            p.help #text-help { (rest) " Escape, then Tab, leaves the text." }
        }
    }
}

/// Shows each column of the platform with the field or expression that it comes from; the
/// fields are those of the org.
async fn table(
    site: &Site,
    connection: &Connection,
    object: Object,
    text: &str,
) -> Result<Markup, Failed> {
    let library = site.world.library()?;
    let default = block_in_place(|| library.default(object, Vec::new()))?;
    let kind = default.spec().kind;
    let org = site.world.describe(connection, object).await?;
    let usual = block_in_place(|| sources(&default, &org));
    let usually = |column: &str| match usual.get(column) {
        Some(field) => format!("{field}, as the default mapping says"),
        None => "as the default mapping says".to_owned(),
    };
    let said = expressions(text).map_err(Failed::new)?;
    let custom = said.keys().filter(|name| name.starts_with("custom.")).cloned();
    let columns: Vec<String> =
        kind.columns().map(|(name, _)| name.to_owned()).chain(custom).collect();
    let types: BTreeMap<&str, String> =
        kind.columns().map(|(name, of)| (name, format!("{of:?}").to_lowercase())).collect();
    Ok(html! {
        textarea hidden name="text" { "\n" (text) }
        div.field {
            label for="search" { "Search" }
            input #search type="search" data-search="#columns" autocomplete="off" form="none";
        }
        datalist #fields {
            @for field in &org.fields { option value=(field.name) { (field.label) } }
        }
        table.stack #columns {
            thead { tr { th { "Column of the platform" } th { "Comes from" } } }
            tbody {
                @for column in &columns {
                    tr {
                        th scope="row" { code { (column) } " " span.muted.small { (types.get(column.as_str()).map_or("", String::as_str)) } }
                        td data-label="Comes from" {
                            @match said.get(column) {
                                Some(None) => { "as the text says " a href="?form=toml" { "in the field map" } },
                                said => { input type="text" name=(format!("{COLUMN}{column}")) list="fields" autocomplete="off"
                                    value=[said.and_then(Option::as_deref)] placeholder=(usually(column))
                                    aria-label=(format!("What {column} comes from")); },
                            }
                        }
                    }
                }
            }
        }
        p.muted.small { "A field of the org, or an expression such as " code { "Email | lower" } ". What is empty, the default mapping does." }
    })
}

/// Returns the mappings of before that are text, the latest first, those from which someone
/// has gone back too.
fn earlier(site: &Site, object: Object) -> Result<Vec<PathBuf>, Failed> {
    let all = site.world.earlier(object)?.into_iter().chain(site.world.undone(object)?);
    let is_text = |file: &PathBuf| {
        let ending = file.extension().unwrap_or_default();
        FORMS.iter().any(|(known, _)| ending == *known)
    };
    let mut all: Vec<(Option<SystemTime>, PathBuf)> = all
        .map(|(_, file)| file)
        .filter(is_text)
        .map(|file| (file.metadata().and_then(|about| about.modified()).ok(), file))
        .collect();
    all.sort();
    Ok(all.into_iter().rev().map(|(_, file)| file).collect())
}

fn name_of(file: &File) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// How many mappings of before are shown.
const EARLIER_SHOWN: usize = 20;

fn history(site: &Site, visitor: &Visitor, org: &OrgId, object: Object) -> Result<Markup, Refused> {
    let all = earlier(site, object)?;
    let to = |path: &str| format!("/orgs/{org}/mappings/{object}{path}");
    let kept_at = |file: &File| {
        let at = file.metadata().and_then(|about| about.modified()).ok();
        at.and_then(|at| Timestamp::try_from(at).ok())
    };
    let is_back_possible =
        site.world.library()?.file(object)?.is_some() || !site.world.earlier(object)?.is_empty();
    Ok(html! {
        @if all.is_empty() { p.muted { "No other was written before." } }
        ul {
            @for file in all.iter().take(EARLIER_SHOWN) {
                li { a href=(to(&format!("?version={}", name_of(file)))) { (name_of(file)) }
                    @if let Some(at) = kept_at(file) { ", put aside " (moment(at)) } }
            }
        }
        @if is_back_possible { (button(visitor, &to("/back"), "Go back to the one before", &[])) }
    })
}

/// Returns the text that stands in a form.
fn written(form: &Posted) -> Result<String, Failed> {
    let text = form.sent("text").unwrap_or_default().replace("\r\n", "\n");
    if form.one("form") != TABLE {
        return Ok(text);
    }
    let said: Vec<(String, String)> = form.beginning(COLUMN).collect();
    with_expressions(&text, &said).map_err(Failed::new)
}

/// Returns the mapping that stands in a form.
pub(super) fn brought(object: Object, form: &Posted) -> Result<Brought, Failed> {
    let ending = match form.one("form") {
        TABLE => FIELD_MAP,
        ending => ending,
    };
    if !FORMS.iter().any(|(known, _)| *known == ending) {
        return Err(Failed::new(format!("\"{ending}\" is no form of a mapping")));
    }
    let name = format!("{}.{ending}", object.file_name());
    Ok(Brought { name, bytes: written(form)?.into_bytes(), signature: String::new() })
}
