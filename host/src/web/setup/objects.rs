//! First step: which objects sync, which way, and how often.

use axum::extract::State;
use axum::response::Redirect;
use maud::html;

use super::super::Shared;
use super::super::guard::{Admin, At, Posted};
use super::super::page::{page, token};
use super::super::refused::{Refused, Shown};
use super::steps;
use crate::model::Object;
use crate::sync::INTERVALS;
use crate::world::Failed;

/// The intervals that are offered, in minutes, and what they are called.
const OFFERED: [(u32, &str); 7] = [
    (15, "every 15 minutes"),
    (30, "every 30 minutes"),
    (60, "every hour"),
    (120, "every 2 hours"),
    (360, "every 6 hours"),
    (720, "every 12 hours"),
    (1_440, "once a day"),
];

/// The ways that are offered: the word in the form, what it is called, and whether that imports
/// and writes.
const WAYS: [(&str, &str, bool, bool); 3] = [
    ("both", "Both ways", true, true),
    ("pull", "Import only", true, false),
    ("push", "Write only", false, true),
];

pub(crate) async fn ask(
    State(site): State<Shared>,
    Admin(visitor): Admin,
    At(connection): At,
) -> Shown {
    let draft = site.draft(&connection).await?;
    let counts = site.world.salesforce(&connection)?.record_counts(&Object::ALL).await?;
    let body = html! {
        (steps(&visitor, &connection.org, "Objects"))
        form.card method="post" {
            (token(&visitor))
            p { "Choose what is kept in step. \"Both ways\" also writes what meetings taught, and tasks, to Salesforce." }
            div.scroll { table.stack {
                thead { tr { th { "Object" } th.number { "Records" } th { "Which way" } th { "How often" } } }
                tbody {
                    @for (object, choices) in &draft.settings.objects {
                        tr {
                            th scope="row" {
                                label {
                                    input type="checkbox" name="object" value=(object) checked[draft.chosen.contains(object)];
                                    " " (object)
                                }
                            }
                            td.number data-label="Records" { "about " (counts.get(object).copied().unwrap_or_default()) }
                            td data-label="Which way" {
                                select name=(format!("way.{object}")) aria-label=(format!("Which way {object} syncs")) {
                                    @for (way, name, pull, push) in WAYS {
                                        option value=(way) selected[(choices.pull, choices.push) == (pull, push)] { (name) }
                                    }
                                }
                            }
                            td data-label="How often" {
                                select name=(format!("every.{object}")) aria-label=(format!("How often {object} syncs")) {
                                    @if !OFFERED.iter().any(|(minutes, _)| *minutes == choices.every_minutes) {
                                        option value=(choices.every_minutes) selected { "every " (choices.every_minutes) " minutes" }
                                    }
                                    @for (minutes, name) in OFFERED {
                                        option value=(minutes) selected[minutes == choices.every_minutes] { (name) }
                                    }
                                }
                            }
                        }
                    }
                }
            } }
            p.muted.small { "Counts are Salesforce's own, and may be some minutes old." }
            div.actions { button.main disabled[!visitor.is_admin()] { "Next: fields" } }
        }
    };
    Ok(page(&visitor, Some(&connection), "Set-up", body))
}

pub(crate) async fn take(
    State(site): State<Shared>,
    At(connection): At,
    form: Posted,
) -> Result<Redirect, Refused> {
    let org = connection.org.clone();
    let mut draft = site.draft(&connection).await?;
    let chosen: Result<Vec<Object>, String> = form.all("object").map(str::parse).collect();
    draft.chosen = chosen.map_err(Failed::new)?;
    draft.chosen.sort_unstable();
    draft.chosen.dedup();
    let Some(first) = draft.chosen.first().copied() else {
        return Err(Failed::new("no object was chosen")
            .hint(
                "Go back, and choose what is to sync; to stop it all, pause it on the status page.",
            )
            .into());
    };
    for (object, choices) in &mut draft.settings.objects {
        let way = form.one(&format!("way.{object}"));
        if let Some((.., pull, push)) = WAYS.iter().find(|(known, ..)| *known == way) {
            (choices.pull, choices.push) = (*pull, *push);
        }
        let minutes = form.one(&format!("every.{object}")).parse::<u32>();
        let minutes = minutes.ok().filter(|minutes| INTERVALS.contains(minutes));
        choices.every_minutes = minutes.unwrap_or(choices.every_minutes);
    }
    site.keep_draft(&org, &draft)?;
    Ok(Redirect::to(&format!("/orgs/{org}/setup/fields/{first}")))
}
