//! What waits to be chosen: who someone is, which account or opportunity it was.

use axum::extract::State;
use axum::response::Redirect;
use maud::html;

use super::guard::{At, Posted};
use super::page::{button, page, token};
use super::refused::{Refused, Shown};
use super::visitor::Visitor;
use super::{Shared, done, link};
use crate::model::{Choice, Direction, Question};
use crate::sync::choice;
use crate::world::Failed;

/// How many questions are shown.
const SHOWN: u32 = 50;

pub(super) async fn list(
    State(site): State<Shared>,
    visitor: Visitor,
    At(connection): At,
) -> Shown {
    let org = connection.org.clone();
    let store = site.world.store.org(&org)?;
    let mut questions = Vec::new();
    for (meeting, review) in store.reviews(SHOWN)? {
        let title = store.meeting(&meeting)?.map(|meeting| meeting.title).unwrap_or_default();
        questions.push((meeting, title, review));
    }
    let mut chosen = Vec::new();
    for (meeting, question, choice) in store.chosen(SHOWN)? {
        let name = match &choice {
            Choice::Record(object, id) => store.entity(*object, id)?,
            Choice::Nobody => None,
        };
        let name = name.and_then(|entity| entity.text("name").map(str::to_owned));
        chosen.push((meeting, question, choice, name));
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
                    p.muted { "Meeting " a href=(link::meeting(&org, meeting)) { (title) } }
                    @for one in &review.candidates {
                        label.choice {
                            input type="radio" name="record" value=(one.record_id) required;
                            " " strong { (one.name) } " — " a href=(format!("/orgs/{org}/records/{}/{}", one.object, one.record_id)) { (one.object) " " (one.record_id) } ", " (one.reason)
                        }
                    }
                    label.choice { input type="radio" name="record" value="none" required; " None of them" }
                }
                button.main disabled[!visitor.is_admin()] { "Choose" }
            }
        }
        @if !chosen.is_empty() {
            section.card aria-labelledby="chosen" {
                h2 #chosen { "What was chosen" }
                ul.plain {
                    @for (meeting, question, choice, name) in &chosen {
                        li {
                            div.head {
                                span {
                                    strong { (question) }
                                    @if !meeting.is_empty() { " of the meeting " a href=(link::meeting(&org, meeting)) { (meeting) } }
                                    " is "
                                    @match choice {
                                        Choice::Record(object, id) => a href=(format!("/orgs/{org}/records/{object}/{id}")) { (name.as_deref().unwrap_or(id.as_str())) },
                                        Choice::Nobody => "no record",
                                    }
                                }
                                div.actions {
                                    (button(&visitor, &format!("/orgs/{org}/matches"), "Leave it to the rules",
                                        &[("meeting", meeting), ("question", question.as_str()), ("record", "auto")]))
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(page(&visitor, Some(&connection), "Choices", body))
}

pub(super) async fn choose(
    State(site): State<Shared>,
    At(connection): At,
    form: Posted,
) -> Result<Redirect, Refused> {
    let org = connection.org.clone();
    let store = site.world.store.org(&org)?;
    let (meeting, record) = (form.one("meeting"), form.one("record"));
    let question: Question = form.one("question").parse().map_err(Failed::new)?;
    let chosen = choice(&store, meeting, &question, record)?;
    store.choose(meeting, &question, chosen.as_ref(), site.world.clock.now())?;
    site.world.wake(&org, |job| job.direction == Direction::Push)?;
    let did = format!("chose {record} for {question} in the meeting {meeting}");
    site.note(form.person(), Some(&org), did);
    let word = if chosen.is_some() { "chosen" } else { "left" };
    Ok(done::then(&format!("/orgs/{org}/matches"), word))
}
