//! What waits to be chosen: who someone is, which account or opportunity it was.

use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::html;

use super::Shared;
use super::guard::{Posted, Visitor};
use super::page::{Refused, Shown, page, token};
use crate::model::{Direction, OrgId, Question};
use crate::sync::choice;
use crate::world::Failed;

/// How many questions are shown.
const SHOWN: u32 = 50;

pub(super) async fn list(
    State(site): State<Shared>,
    visitor: Visitor,
    Path(org): Path<OrgId>,
) -> Shown {
    let connection = site.world.connection_of(&org)?;
    let store = site.world.store.org(&org)?;
    let mut questions = Vec::new();
    for (meeting, review) in store.reviews(SHOWN)? {
        let title = store.meeting(&meeting)?.map(|meeting| meeting.title).unwrap_or_default();
        questions.push((meeting, title, review));
    }
    let body = html! {
        @if questions.is_empty() { p { "Nothing waits to be chosen." } }
        @for (meeting, title, review) in &questions {
            form.card method="post" action=(format!("/orgs/{org}/matches")) {
                (token(&visitor))
                input type="hidden" name="meeting" value=(meeting);
                input type="hidden" name="question" value=(review.question);
                fieldset {
                    legend {
                        @match &review.question {
                            Question::Person(email) => { "Who is " (email) "?" },
                            other => { "Which " (other) " was it about?" },
                        }
                    }
                    p.muted { "Meeting " a href=(super::meetings::path(&org, meeting)) { (title) } }
                    @for one in &review.candidates {
                        label.choice {
                            input type="radio" name="record" value=(one.record_id) required;
                            " " strong { (one.name) } " — " (one.object) " " (one.record_id) ", " (one.reason)
                        }
                    }
                    label.choice { input type="radio" name="record" value="none" required; " None of them" }
                }
                button.main disabled[!visitor.is_admin()] { "Choose" }
            }
        }
    };
    Ok(page(&visitor, Some(&connection), "Choices", body))
}

pub(super) async fn choose(
    State(site): State<Shared>,
    Path(org): Path<OrgId>,
    form: Posted,
) -> Result<Redirect, Refused> {
    site.world.connection_of(&org)?;
    let store = site.world.store.org(&org)?;
    let (meeting, record) = (form.one("meeting"), form.one("record"));
    let question: Question = form.one("question").parse().map_err(Failed::new)?;
    let chosen = choice(&store, meeting, &question, record)?;
    store.choose(meeting, &question, chosen.as_ref(), site.world.clock.now())?;
    site.world.wake(&org, |job| job.direction == Direction::Push)?;
    let did = format!("chose {record} for {question} in the meeting {meeting}");
    site.note(&form.person, Some(&org), did);
    Ok(Redirect::to(&format!("/orgs/{org}/matches")))
}
