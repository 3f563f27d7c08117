//! Mappings: which is used, what another would do, and taking it into use.

mod editor;

use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};
use tokio::task::block_in_place;

use super::guard::{At, Posted};
use super::page::{badge, page, pair, token, trouble};
use super::refused::{Refused, Shown};
use super::visitor::Visitor;
use super::{Shared, Site, done};
use crate::model::{Object, OrgId};
use crate::plugin::Brought;
use crate::plugin::cases::{self, Judged};
use crate::sync::{Preview, Replay};
use crate::world::{Failed, Judgement, Named};

/// On how many stored records a mapping is tried as one types.
const TRIED: u64 = 50;
/// How many changed records are shown.
const SHOWN: usize = 20;
pub(super) use editor::edit;

pub(super) async fn list(
    State(site): State<Shared>,
    visitor: Visitor,
    At(connection): At,
) -> Shown {
    let org = connection.org.clone();
    let (library, store) = (site.world.library()?, site.world.store.org(&org)?);
    let mut rows = Vec::new();
    for object in site.world.settings(&org).objects.keys().copied() {
        let file = library.file(object).ok().flatten();
        let settings = site.world.mapping_settings(&org, object);
        let mapping = block_in_place(|| library.mapping(object, settings));
        rows.push((object, file, mapping, store.refused(object)?));
    }
    let body = html! {
        div.card {
            p { "A mapping decides what becomes of a record, and what is written back. It runs in a sandbox: it can compute, and nothing else." }
            @if rows.is_empty() { p { "Nothing is set up to sync yet." } }
            div.scroll { table.stack {
                thead { tr { th { "Object" } th { "Mapping" } th.number { "Reads" } th { "Writes" } th { "" } } }
                tbody {
                    @for (object, file, mapping, refused) in &rows {
                        tr {
                            th scope="row" { (object) }
                            td data-label="Mapping" {
                                @match file {
                                    Some(file) => (file.file_name().unwrap_or_default().to_string_lossy()),
                                    None => "default",
                                }
                                @if refused.is_some() { " " (badge("bad", "refused")) }
                            }
                            @match mapping {
                                Ok(mapping) => {
                                    td.number data-label="Reads" { (mapping.spec().reads.len()) }
                                    td data-label="Writes" {
                                        (mapping.spec().writes.iter().map(|write| write.field.to_string()).collect::<Vec<_>>().join(", "))
                                    }
                                },
                                Err(error) => { td.number data-label="Reads" {} td data-label="Writes" { "can't be used: " (error) } },
                            }
                            td { a href=(format!("/orgs/{org}/mappings/{object}")) { "Edit" } }
                        }
                    }
                }
            } }
        }
        p.muted.small { "A mapping serves all orgs that are connected here." }
    };
    Ok(page(&visitor, Some(&connection), "Mappings", body))
}

/// Tries a mapping as one types; what is wrong with it is a part of the answer.
pub(super) async fn preview(
    State(site): State<Shared>,
    At(connection): At,
    Path((_, object)): Path<(OrgId, Object)>,
    form: Posted,
) -> Markup {
    let org = connection.org.clone();
    if editor::says_nothing(&form) {
        return html! { p { "All is as the default mapping says." } };
    }
    // Who types on has given up what waits here.
    let _place = site.tries.acquire().await;
    let tried = block_in_place(|| {
        let brought = editor::brought(object, &form)?;
        let (_, seen) = site.world.try_on(&org, object, &brought, (TRIED, SHOWN), &mut |_| ())?;
        Ok((seen, judged(&site, object, &brought)?))
    });
    match tried {
        Ok((seen, cases)) => html! { (seen_cases(&cases)) (seen_records(&org, object, &seen)) },
        Err(Failed { message, hint, .. }) => trouble(&message, hint.as_deref()),
    }
}

/// Judges a mapping by the cases that are kept for its object.
fn judged(site: &Site, object: Object, brought: &Brought) -> Result<Vec<Judged>, Failed> {
    let folder = site.world.cases(object);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let judged = cases::judge(&*site.world.library()?, brought, object, &folder);
    judged.map_err(|why| Failed::new(why).hint("Mend the case, or take it out of the folder."))
}

fn seen_cases(cases: &[Judged]) -> Markup {
    let held = cases.iter().filter(|case| case.holds()).count();
    html! {
        @if !cases.is_empty() {
            p { @if held == cases.len() { (badge("good", "cases")) } @else { (badge("bad", "cases")) }
                " " (held) " of " (cases.len()) " cases give what they should." }
            ul.plain {
                @for case in cases.iter().filter(|case| !case.holds()).take(SHOWN) {
                    li {
                        p { code { (case.file.file_name().unwrap_or_default().to_string_lossy()) } }
                        dl.facts.small {
                            dt { "gives" } dd { code { (case.gives) } }
                            dt { "should" } dd { code { (case.should) } }
                        }
                    }
                }
            }
        }
    }
}

/// Makes a case of a stored record: what the mapping that is edited gives is what it should
/// give from now on.
pub(super) async fn make_case(
    State(site): State<Shared>,
    At(connection): At,
    Path((_, object)): Path<(OrgId, Object)>,
    form: Posted,
) -> Shown {
    let org = connection.org.clone();
    let id = form.one("record").parse().map_err(|why| Failed::new(format!("{why}")))?;
    let brought = editor::brought(object, &form)?;
    let named = Named { object, id };
    let folder = site.world.cases(object);
    site.world.make_case(&connection, &named, &brought, &folder).await?;
    site.note(form.person(), Some(&org), format!("made a case of {object} {}", named.id));
    let (edited, visitor) = (editor::Edited::of(&form), form.visitor());
    editor::show(&site, visitor, &connection, object, edited, None).await
}

/// Tries a mapping on everything that is stored.
pub(super) async fn replay(
    State(site): State<Shared>,
    At(connection): At,
    Path((_, object)): Path<(OrgId, Object)>,
    form: Posted,
) -> Shown {
    let org = connection.org.clone();
    let brought = editor::brought(object, &form)?;
    let misfit = site.world.fits(&connection, object, &brought).await.err();
    let _place = site.tries.acquire().await;
    let Judgement { seen, pushes, against } =
        block_in_place(|| site.world.judge(&org, object, &brought, SHOWN, &mut |_| ()))?;
    let against = misfit.or(against);
    let cases = block_in_place(|| judged(&site, object, &brought))?;
    let to = format!("/orgs/{org}/mappings/{object}");
    let body = html! {
        @match &against {
            Some(why) => (trouble(&why.message, why.hint.as_deref())),
            None => div.notice.good { p { "Nothing speaks against using it." } },
        }
        section.card { h2 { "All stored records" } (seen_records(&org, object, &seen)) }
        section.card { h2 { "What was asked for meetings" } (seen_pushes(&pushes)) }
        @if !cases.is_empty() { section.card { h2 { "Cases" } (seen_cases(&cases)) } }
        form.card method="post" action=(to) {
            (token(form.visitor()))
            input type="hidden" name="form" value=(brought.ending());
            textarea hidden name="text" { "\n" (String::from_utf8_lossy(&brought.bytes)) }
            @if against.is_some() {
                label.choice { input type="checkbox" name="force" value="on"; " Use it all the same" }
            }
            button.main { "Use it" }
        }
    };
    Ok(page(form.visitor(), Some(&connection), "Mappings", body))
}

fn seen_records(org: &OrgId, object: Object, seen: &Preview) -> Markup {
    let counts = seen.counts;
    html! {
        p { "Of " (counts.pulled) " records " strong { (counts.mapped) " would change" } ", " (counts.unchanged) " not; "
            (counts.skipped) " would be skipped, " (counts.failed) " fail (" (seen.broken) " that did not before)." }
        @if let Some(against) = seen.against() { (trouble(&against, None)) }
        @if !seen.unread.is_empty() {
            p.muted { "Not stored, so empty here; the next sync reads what of it the org has, and \"Try it on everything\" tells whether it has: " (seen.unread.join(", ")) "." }
        }
        ul.plain {
            @for change in &seen.changes {
                li {
                    p { a href=(format!("/orgs/{org}/records/{object}/{}", change.id)) { (change.id) }
                        @if let Some(why) = &change.why { " " (badge("bad", &change.fate.to_string())) " " (why) } }
                    dl.facts.small {
                        @for (name, (old, new)) in &change.columns { dt { code { (name) } } dd { (pair(old, new)) } }
                    }
                }
            }
        }
    }
}

fn seen_pushes(pushes: &Replay) -> Markup {
    html! {
        p { "Of " (pushes.requests) " writes for meetings " strong { (pushes.changed) " would be others" } ", "
            (pushes.broken) " fail that did not before." }
        ul.plain {
            @for change in &pushes.changes {
                li {
                    p { "Meeting " (change.meeting_id)
                        @if let Some(id) = &change.record_id { ", record " (id) }
                        @if let Some(why) = &change.why { ": " (why) } }
                    dl.facts.small {
                        @for (name, (old, new)) in &change.fields { dt { code { (name) } } dd { (pair(old, new)) } }
                    }
                }
            }
        }
    }
}

/// Takes a mapping into use, unless something speaks against it.
pub(super) async fn take(
    State(site): State<Shared>,
    At(connection): At,
    Path((_, object)): Path<(OrgId, Object)>,
    form: Posted,
) -> Result<axum::response::Response, Refused> {
    let org = connection.org.clone();
    use axum::response::IntoResponse;
    let brought = editor::brought(object, &form)?;
    let is_forced = form.one("force") == "on";
    let against = async {
        site.world.library()?.is_signed(&brought, object)?;
        if is_forced {
            return Ok(None);
        }
        site.world.fits(&connection, object, &brought).await?;
        let _place = site.tries.acquire().await;
        block_in_place(|| site.world.judge(&org, object, &brought, 0, &mut |_| ()))
            .map(|judged| judged.against)
    };
    let against = against.await.unwrap_or_else(Some);
    if let Some(why) = against {
        let (edited, visitor) = (editor::Edited::of(&form), form.visitor());
        let shown = editor::show(&site, visitor, &connection, object, edited, Some(&why)).await?;
        return Ok((axum::http::StatusCode::UNPROCESSABLE_ENTITY, shown).into_response());
    }
    let name = brought.name.clone();
    block_in_place(|| site.world.put(&org, object, brought))?;
    site.note(form.person(), Some(&org), format!("took {name} into use for {object}"));
    Ok(done::then(&format!("/orgs/{org}/mappings"), "used").into_response())
}

/// Goes back to the mapping before.
pub(super) async fn back(
    State(site): State<Shared>,
    At(connection): At,
    Path((_, object)): Path<(OrgId, Object)>,
    form: Posted,
) -> Result<Redirect, Refused> {
    let org = connection.org.clone();
    let back = block_in_place(|| site.world.back(&org, object))?;
    let now = back.now.map_or("the default".to_owned(), |now| now.display().to_string());
    site.note(form.person(), Some(&org), format!("went back to {now} for {object}"));
    Ok(Redirect::to(&format!("/orgs/{org}/mappings/{object}")))
}
