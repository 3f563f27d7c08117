//! Last step: ten real records as they would be imported, what the first sync takes, and the
//! button that lets it begin.

use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};

use super::super::Shared;
use super::super::guard::{Posted, Visitor};
use super::super::page::{Refused, Shown, page, token, trouble, value};
use super::steps;
use crate::model::{Object, OrgId, Problem, Value};
use crate::sync::{Doors, Error, Fit, Forecast, Sampled, fit, forecast, sample};
use crate::world::Failed;

/// How many records of each object are shown.
const SAMPLED: usize = 10;

/// How an object would sync: how its mapping fits, and a few records.
type Look = Result<(Fit, Vec<Sampled>), Problem>;

pub(crate) async fn ask(
    State(site): State<Shared>,
    visitor: Visitor,
    Path(org): Path<OrgId>,
) -> Shown {
    let connection = site.world.connection_of(&org)?;
    let draft = site.draft(&connection).await?;
    let doors = site.world.doors(&connection, draft.settings())?;
    let mut looks = Vec::new();
    for object in draft.chosen.iter().copied() {
        looks.push((object, look(&doors, object).await?));
    }
    let can_sync = looks.iter().any(|(_, look)| look.is_ok());
    let steps_of_sync = forecast(&doors).await?;
    let body = html! {
        (steps("Review"))
        @for (object, look) in &looks { (shown(*object, look)) }
        (calls(&steps_of_sync, doors.budget()))
        form.card method="post" {
            (token(&visitor))
            p { "From now on it syncs by itself. You can pause it, change all of this, or disconnect at any time." }
            div.actions {
                button.main disabled[!visitor.is_admin() || !can_sync] { "Enable" }
                a href=(format!("/orgs/{org}/setup/matching")) { "Back to the matching" }
            }
        }
    };
    Ok(page(&visitor, Some(&connection), "Set-up", body))
}

/// Looks at an object; what is wrong with it alone doesn't keep the others from being shown.
async fn look(doors: &Doors, object: Object) -> Result<Look, Failed> {
    let looked = async {
        Ok::<_, Error>((fit(doors, object).await?, sample(doors, object, SAMPLED).await?))
    };
    match looked.await {
        Ok(look) => Ok(Ok(look)),
        Err(error) if error.is_org_wide() => Err(error.into()),
        Err(error) => Ok(Err(error.problem())),
    }
}

fn shown(object: Object, look: &Look) -> Markup {
    let columns = object.telling_columns();
    html! {
        section.card aria-labelledby=(object) {
            h2 #(object) { (object) }
            @match look {
                Err(problem) => {
                    (trouble(&format!("{object} can't sync: {problem}"), problem.hint.as_deref()))
                    p { "The others can be enabled; it begins by itself once that is mended." }
                },
                Ok((fit, samples)) => {
                    p { (fit.reads.len()) " fields are read"
                        @if fit.writes.is_empty() { "; nothing is written." }
                        @else { "; written may be " (fit.writes.join(", ")) "." }
                        @if !fit.left_out.is_empty() { " The org lacks or hides " (fit.left_out.join(", ")) "." } }
                    @if samples.is_empty() { p.muted { "The org has no record of it yet." } }
                    @else {
                        div.scroll { table.stack {
                            thead { tr { th { "Record" } @for column in columns { th { (column) } } } }
                            tbody {
                                @for one in samples {
                                    tr {
                                        td data-label="Record" { (one.id) }
                                        @match &one.entity {
                                            Ok(entity) => {
                                                @for column in columns {
                                                    @let held = entity.iter().find(|(name, _)| name == column).map_or(&Value::Null, |(_, held)| held);
                                                    td data-label=(column) { (value(held)) }
                                                }
                                            },
                                            Err(why) => td colspan=(columns.len()) { (why) },
                                        }
                                    }
                                }
                            }
                        } }
                    }
                },
            }
        }
    }
}

fn calls(steps: &[Forecast], budget: u64) -> Markup {
    let total: u64 = steps.iter().map(|step| step.calls).sum();
    html! {
        section.card aria-labelledby="forecast" {
            h2 #forecast { "What the first sync takes" }
            p { "About " strong { (total) " API calls" } " of the " (budget) " that may be made in 24 hours. A sync without changes takes one." }
            div.scroll { table.stack {
                thead { tr { th { "Object" } th { "Does" } th.number { "Records" } th.number { "Calls" } } }
                tbody {
                    @for step in steps {
                        tr {
                            td data-label="Object" { @match step.object { Some(object) => (object), None => "all" } }
                            td data-label="Does" { (step.does) }
                            td.number data-label="Records" { (step.records) }
                            td.number data-label="Calls" { (step.calls) }
                        }
                    }
                }
            } }
        }
    }
}

/// Saves what was chosen, as `efficlose setup` does, and lets it begin.
pub(crate) async fn enable(
    State(site): State<Shared>,
    Path(org): Path<OrgId>,
    form: Posted,
) -> Result<Redirect, Refused> {
    let connection = site.world.connection_of(&org)?;
    let settings = site.draft(&connection).await?.settings();
    site.world.set_up(&org, &settings)?;
    site.world.store.save_draft(&org, None)?;
    site.world.wake(&org, |_| true)?;
    let objects: Vec<String> = settings.objects.keys().map(ToString::to_string).collect();
    site.note(&form.person, Some(&org), format!("set up {}", objects.join(", ")));
    Ok(Redirect::to(&format!("/orgs/{org}")))
}
