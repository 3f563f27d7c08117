//! Last step: ten real records as they would be imported, what the first sync takes, and the
//! button that lets it begin.

use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};

use super::super::guard::{Admin, At, Posted};
use super::super::page::{page, token, trouble, value};
use super::super::refused::{Refused, Shown};
use super::super::{Shared, done};
use super::fields::policy_word;
use super::{Draft, steps};
use crate::model::{Direction, Object, Problem, Value, many};
use crate::sync::{
    CUSTOM_FIELDS, Doors, Error, FieldPolicy, Fit, Forecast, LogAs, ObjectSettings, Sampled, fit,
    forecast, sample,
};
use crate::world::{Failed, Fault};

/// How many records of each object are shown.
const SAMPLED: usize = 10;

/// How an object would sync: how its mapping fits, and a few records.
type Look = Result<(Fit, Vec<Sampled>), Problem>;

pub(crate) async fn ask(
    State(site): State<Shared>,
    Admin(visitor): Admin,
    At(connection): At,
) -> Shown {
    let org = connection.org.clone();
    let draft = site.draft(&connection).await?;
    let doors = site.world.doors(&connection, draft.settings())?.looking();
    let mut looks = Vec::new();
    for object in draft.chosen.iter().copied() {
        looks.push((object, look(&doors, object).await?));
    }
    let can_sync = looks.iter().any(|(_, look)| look.is_ok());
    let steps_of_sync = forecast(&doors).await?;
    let body = html! {
        (steps(&visitor, &connection.org, "Review"))
        (chosen(&draft))
        @for (object, look) in &looks { (shown(*object, look, draft.settings.objects.get(object).is_some_and(|choices| choices.push))) }
        (calls(&steps_of_sync, doors.budget()))
        form.card method="post" {
            (token(&visitor))
            input type="hidden" name="version" value=(draft.version()?);
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

/// Sums up what was chosen.
fn chosen(draft: &Draft) -> Markup {
    let settings = draft.settings();
    let way = |choices: &ObjectSettings| match (choices.pull, choices.push) {
        (true, true) => "both ways",
        (true, false) => "import only",
        (false, true) => "write only",
        (false, false) => "nothing",
    };
    let policies = |choices: &ObjectSettings| {
        let names = choices.policies.iter().map(|(field, policy)| match policy {
            FieldPolicy::CrmWins => format!("{field} is never written"),
            other => format!("{field}: {}", policy_word(*other)),
        });
        names.collect::<Vec<_>>().join("; ")
    };
    html! {
        section.card aria-labelledby="chosen" {
            h2 #chosen { "What you have chosen" }
            div.scroll { table.stack {
                thead { tr { th { "Object" } th { "Which way" } th { "How often" } th { "Custom fields" } th { "Written by your rule" } } }
                tbody {
                    @for (object, choices) in &settings.objects {
                        tr {
                            th scope="row" { (object) }
                            td data-label="Which way" { (way(choices)) }
                            td data-label="How often" { "every " (choices.every_minutes) " minutes" }
                            td data-label="Custom fields" { (choices.mapping.get(CUSTOM_FIELDS).map_or("none", String::as_str)) }
                            td data-label="Written by your rule" { (policies(choices)) }
                        }
                    }
                }
            } }
            p { "Our own people: " (if settings.own_domains.is_empty() { "no domain".to_owned() } else { settings.own_domains.join(", ") }) ". "
                @if settings.log_meetings { "Each meeting is logged, as " @if settings.log_as == LogAs::Event { "an event." } @else { "a task." } } @else { "Meetings are not logged." } }
            @if let Some(create) = settings.matching.create {
                @let object = create.object();
                p { "Guests who are in neither become " (object) " records." }
                @if !settings.objects.get(&object).is_some_and(|one| one.push) {
                    div.notice.warn { p { "Nobody is made: " (object) " is not written." } }
                }
                @if settings.own_domains.is_empty() {
                    div.notice.warn { p { "Nobody is made before the domains of our own people are named." } }
                }
            }
            @if settings.log_meetings && !settings.objects.get(&Object::Task).is_some_and(|task| task.push) {
                div.notice.warn { p { "Meetings can't be logged: tasks are not written." } }
            }
        }
    }
}

fn shown(object: Object, look: &Look, is_pushed: bool) -> Markup {
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
                        @if fit.writes.is_empty() || !is_pushed { "; nothing is written." }
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
            @let told = steps.iter().filter(|step| step.direction == Direction::Push).map(|step| step.records).sum::<u64>();
            @if told > 0 {
                div.notice.warn { p { "Meetings that were told before wait to be written: " (many(told, "piece of work is", "pieces of work are")) " done with the first sync. " code { "efficlose sync --dry-run" } " shows each change, once it is enabled and paused." } }
            }
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
    At(connection): At,
    form: Posted,
) -> Result<Redirect, Refused> {
    let org = connection.org.clone();
    let draft = site.draft(&connection).await?;
    if draft.version()? != form.one("version") {
        return Err(Failed::new("this is not what is chosen by now")
            .hint("Go back, load the review again, and read it over.")
            .of(Fault::Busy)
            .into());
    }
    let settings = draft.settings();
    tokio::task::block_in_place(|| site.world.set_up(&org, &draft.base, &settings))?;
    site.world.store.save_draft(&org, None)?;
    site.world.wake(&org, |_| true)?;
    let objects: Vec<String> = settings.objects.keys().map(ToString::to_string).collect();
    site.note(form.person(), Some(&org), format!("set up {}", objects.join(", ")));
    Ok(done::then(&format!("/orgs/{org}"), "enabled"))
}
