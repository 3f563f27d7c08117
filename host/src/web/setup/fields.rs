//! Second step, for each object: which fields are imported and written, and what is done where
//! a value stands already.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};
use tokio::task::block_in_place;

use super::super::Shared;
use super::super::guard::{Admin, At, Posted};
use super::super::page::{badge, page, token, trouble};
use super::super::refused::{Refused, Shown};
use super::super::visitor::Visitor;
use super::{Draft, steps};
use crate::model::{Connection, FieldName, Object, OrgId, Policy};
use crate::salesforce::{Description, FieldDescription};
use crate::sync::{CUSTOM_FIELDS, Effect, FieldPolicy, Misfit, listed, misfits};
use crate::world::Failed;

/// What may be chosen for a field that is written, and how it reads.
const POLICIES: [(FieldPolicy, &str, &str); 5] = [
    (FieldPolicy::FillIfBlank, "fill-if-blank", "only while it is empty"),
    (FieldPolicy::OursUntilEdited, "ours-until-edited", "until a person edits it"),
    (FieldPolicy::Append, "append", "in a block of ours"),
    (FieldPolicy::Overwrite, "overwrite", "whatever stands there"),
    (FieldPolicy::CrmWins, "crm-wins", "never"),
];

/// What the fields of the form begin with that choose a policy, before the name of a field.
const POLICY: &str = "policy.";

/// Says when a field is written by a policy.
pub(super) fn policy_word(policy: FieldPolicy) -> &'static str {
    POLICIES.iter().find(|(known, ..)| *known == policy).map_or("", |(.., said)| said)
}

fn said(policy: Policy) -> &'static str {
    let word = match policy {
        Policy::FillIfBlank => FieldPolicy::FillIfBlank,
        Policy::OursUntilEdited => FieldPolicy::OursUntilEdited,
        Policy::Append => FieldPolicy::Append,
        Policy::Overwrite => FieldPolicy::Overwrite,
    };
    policy_word(word)
}

pub(crate) async fn ask(
    State(site): State<Shared>,
    Admin(visitor): Admin,
    At(connection): At,
    Path((_, object)): Path<(OrgId, Object)>,
) -> Shown {
    let org = connection.org.clone();
    let draft = site.draft(&connection).await?;
    let choices = draft.settings.objects.get(&object).cloned().unwrap_or_default();
    let looked = async {
        let description = site.world.describe(&connection, object).await?;
        let library = site.world.library()?;
        let mapping = block_in_place(|| library.mapping(object, choices.mapping()))?;
        Ok::<_, Failed>((description, mapping))
    };
    let (description, mapping) = match looked.await {
        Ok(looked) => looked,
        Err(why) => return Ok(unseen(&visitor, &connection, &draft, object, &why)),
    };
    let spec = mapping.spec();
    let missing = misfits(spec, &description, None);
    let taken = imported(&draft, object);
    let fields = description.fields.iter().map(|field| Line {
        field,
        read: spec.reads.iter().any(|need| {
            need.path.as_str() == field.name
                || need.path.up().is_some_and(|(up, _)| field.relationship.as_deref() == Some(up))
        }),
        custom: custom(field),
        policy: spec
            .writes
            .iter()
            .find(|write| write.field.as_str() == field.name)
            .map(|w| w.policy),
    });
    let mut fields: Vec<Line> = fields.collect();
    // What can be chosen comes first.
    fields.sort_by_key(|line| {
        let is_written = line.policy.is_some() && choices.push && line.field.updateable;
        !(is_written || line.custom.is_some())
    });
    let body = html! {
        (steps(&visitor, &connection.org, "Fields"))
        nav.actions data-saves aria-label="Objects" {
            @for other in &draft.chosen {
                a href=(format!("/orgs/{org}/setup/fields/{other}")) aria-current=[(*other == object).then_some("true")] { (other) }
            }
        }
        form.card method="post" {
            (token(&visitor))
            input type="hidden" name="to" value="";
            h2 { (object) }
            p { "The mapping " code { (mapping.name()) } " reads " (spec.reads.len()) " fields of it"
                @if choices.push { ", and writes " (spec.writes.len()) }
                ". Custom fields come along where they are marked. What each column of the platform comes from is shown and changed in "
                a href=(format!("/orgs/{org}/mappings/{object}")) { "its mapping" } "." }
            (lacking(&missing))
            div.field {
                label for="search" { "Search" }
                input #search type="search" data-search="#fields" autocomplete="off" form="none";
            }
            div.scroll { table.stack #fields {
                thead { tr { th { "Field" } th { "Type" } th { "Marks" } th { "Imported" } th { "Written" } } }
                tbody { @for line in &fields { (row(line, &taken, choices.push, &choices.policies)) } }
            } }
            div.actions {
                button.main disabled[!visitor.is_admin()] { "Next" }
                a href=(format!("/orgs/{org}/setup/objects")) { "Back to the objects" }
            }
        }
    };
    Ok(page(&visitor, Some(&connection), "Set-up", body))
}

/// Shows an object whose fields can't be shown: the others go on without it.
fn unseen(
    visitor: &Visitor,
    connection: &Connection,
    draft: &Draft,
    object: Object,
    why: &Failed,
) -> Markup {
    let to = |path: &str| format!("/orgs/{}/setup/{path}", connection.org);
    let body = html! {
        (steps(visitor, &connection.org, "Fields"))
        div.card {
            h2 { (object) }
            (trouble(&why.message, why.hint.as_deref()))
            p { "The others sync without it, and it begins once that is mended." }
            div.actions {
                a.button.main href=(to(&draft.after(object))) { "Next" }
                a href=(to("objects")) { "Back to the objects, to leave it out" }
            }
        }
    };
    page(visitor, Some(connection), "Set-up", body)
}

/// Tells what the mapping would use and the org doesn't show: what stops it stands out.
fn lacking(misfits: &[Misfit]) -> Markup {
    let (stops, others): (Vec<&Misfit>, Vec<_>) =
        misfits.iter().partition(|one| one.effect == Effect::Stops);
    html! {
        @if !stops.is_empty() {
            div.notice.bad role="alert" {
                p { "The mapping can't do without these:" }
                ul { @for one in &stops { li { code { (one.field) } " " (one.message) } } }
                p { "Give the connected user access to them (field-level security), or use a mapping that does without them." }
            }
        }
        @if !others.is_empty() {
            p.muted.small { "Used where an org has them, and not shown by this one: "
                @for (nth, one) in others.iter().enumerate() { @if nth > 0 { ", " } code { (one.field) } } "." }
        }
    }
}

/// A field and what is done with it.
struct Line<'a> {
    field: &'a FieldDescription,
    /// Whether the mapping reads it, or a field of the parent that it leads to.
    read: bool,
    /// How it is listed as a custom field that is imported, where it can be.
    custom: Option<String>,
    /// What the mapping wants done where a value stands, where it writes it.
    policy: Option<Policy>,
}

fn row(
    line: &Line,
    taken: &BTreeSet<String>,
    is_pushed: bool,
    policies: &std::collections::BTreeMap<FieldName, FieldPolicy>,
) -> Markup {
    let Line { field, read, custom, policy } = line;
    let name = &field.name;
    let chosen =
        policies.iter().find(|(known, _)| known.as_str() == name).map(|(_, policy)| *policy);
    html! {
        tr {
            th scope="row" { (field.label) br; code.muted { (name) } }
            td data-label="Type" { (type_of(field)) }
            td data-label="Marks" {
                @if field.custom { (badge("quiet", "custom")) " " }
                @if !field.nillable && field.createable && !field.defaulted { (badge("warn", "required")) " " }
                @if !field.updateable { (badge("quiet", "read only")) " " }
                @if field.calculated { (badge("quiet", "formula")) " " }
                @if field.external_id { (badge("quiet", "external id")) " " }
            }
            td data-label="Imported" {
                @match custom {
                    Some(listed) => {
                        input type="checkbox" name="custom" value=(listed) checked[taken.contains(name)]
                            aria-label=(format!("Import {}", field.label));
                    },
                    None if *read => (badge("good", "yes")),
                    None => span.muted { "no" },
                }
            }
            td data-label="Written" {
                @match policy {
                    Some(policy) if is_pushed && field.updateable => {
                        select name=(format!("{POLICY}{name}")) aria-label=(format!("When {} is written", field.label)) {
                            option value="" selected[chosen.is_none()] { "as the mapping says: " (said(*policy)) }
                            @for (known, word, said) in POLICIES {
                                option value=(word) selected[chosen == Some(known)] { (said) }
                            }
                        }
                    },
                    _ => span.muted { "no" },
                }
            }
        }
    }
}

/// Returns how a field is listed as a custom one that is imported; none, where it can't be.
fn custom(field: &FieldDescription) -> Option<String> {
    field.custom.then(|| listed(field)).flatten()
}

fn type_of(field: &FieldDescription) -> String {
    let word = format!("{:?}", field.kind).to_lowercase();
    let kind = match &field.kind {
        crate::salesforce::FieldType::Other(other) => other.clone(),
        _ => word,
    };
    match (field.length, field.references.as_slice()) {
        (0, []) => kind,
        (length, []) => format!("{kind}, {length} characters"),
        (_, to) => format!("{kind} to {}", to.join(", ")),
    }
}

/// Returns the names of the custom fields that are imported.
fn imported(draft: &Draft, object: Object) -> BTreeSet<String> {
    let choices = draft.settings.objects.get(&object);
    let custom = choices.and_then(|choices| choices.mapping.get(CUSTOM_FIELDS));
    let names = custom.map(String::as_str).unwrap_or_default().split(',');
    let name = |one: &str| one.split(':').next().unwrap_or_default().trim().to_owned();
    names.map(name).filter(|name| !name.is_empty()).collect()
}

pub(crate) async fn take(
    State(site): State<Shared>,
    At(connection): At,
    Path((_, object)): Path<(OrgId, Object)>,
    form: Posted,
) -> Result<Redirect, Refused> {
    let org = connection.org.clone();
    let mut draft = site.draft(&connection).await?;
    let description: Description = site.world.describe(&connection, object).await?;
    let choices = draft.settings.objects.entry(object).or_default();
    let chosen: BTreeSet<&str> = form.all("custom").collect();
    let shown: Vec<String> = description.fields.iter().filter_map(custom).collect();
    if let Some(odd) = chosen.iter().find(|one| !shown.iter().any(|known| known == *one)) {
        return Err(Failed::new(format!("{object} has no field {odd}"))
            .hint("Load the page again: the org may have changed.")
            .into());
    }
    // What wasn't shown stays as it is: a field that is hidden just now, a type that someone
    // has written.
    let name = |one: &str| one.split(':').next().unwrap_or_default().trim().to_owned();
    let before = choices.mapping.get(CUSTOM_FIELDS).cloned().unwrap_or_default();
    let before: Vec<String> =
        before.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect();
    let is_shown = |one: &str| shown.iter().any(|known| name(known) == name(one));
    let is_chosen = |one: &str| chosen.iter().any(|known| name(known) == name(one));
    let mut custom: Vec<String> =
        before.into_iter().filter(|one| !is_shown(one) || is_chosen(one)).collect();
    for new in chosen {
        if !custom.iter().any(|one| name(one) == name(new)) {
            custom.push(new.to_owned());
        }
    }
    if custom.is_empty() {
        choices.mapping.remove(CUSTOM_FIELDS);
    } else {
        choices.mapping.insert(CUSTOM_FIELDS.to_owned(), custom.join(", "));
    }
    for (field, word) in form.beginning(POLICY) {
        let name: FieldName =
            field.parse().map_err(|why| Failed::new(format!("{field}: {why}")))?;
        match POLICIES.iter().find(|(_, known, _)| *known == word) {
            Some((policy, ..)) => choices.policies.insert(name, *policy),
            None => choices.policies.remove(&name),
        };
    }
    site.keep_draft(&org, &draft)?;
    // Whoever goes to another object by its link keeps what was chosen here.
    let other = form.one("to").parse::<Object>().ok().filter(|to| draft.chosen.contains(to));
    let next = other.map_or_else(|| draft.after(object), |to| format!("fields/{to}"));
    Ok(Redirect::to(&format!("/orgs/{org}/setup/{next}")))
}
