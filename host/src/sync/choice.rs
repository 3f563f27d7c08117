//! Choice: what a person answers where several records fit, checked before it is kept.

use super::Error;
use crate::model::{Choice, Problem, Question, SalesforceId};
use crate::store::OrgStore;

/// The word for an answer that is left to the rules.
const AUTO: &str = "auto";
/// The word for an answer that is no record.
const NONE: &str = "none";

/// Reads what is answered to a question of a meeting: the id of a record, `none`, or `auto`,
/// which leaves it to the rules again.
pub fn choice(
    store: &OrgStore,
    meeting: &str,
    question: &Question,
    word: &str,
) -> Result<Option<Choice>, Error> {
    if word == AUTO {
        return Ok(None);
    }
    let Some(told) = store.meeting(meeting)? else {
        return Err(refused(
            format!("there is no meeting \"{meeting}\""),
            "Run `efficlose meetings list` to see those there are.".to_owned(),
        ));
    };
    if let Question::Person(email) = question {
        let everyone = told.organizer.iter().chain(&told.participants);
        let mut emails = everyone.filter_map(|one| one.email.as_deref());
        if !emails.any(|known| known.trim().eq_ignore_ascii_case(email)) {
            return Err(refused(
                format!("nobody at the meeting has the address {email}"),
                format!("`efficlose meetings show {meeting}` shows who took part."),
            ));
        }
    }
    match word {
        NONE => Ok(Some(Choice::Nobody)),
        id => record(store, question, id).map(Some),
    }
}

/// Returns the record that was named, if it can be an answer.
fn record(store: &OrgStore, question: &Question, id: &str) -> Result<Choice, Error> {
    let id: SalesforceId = id.parse().map_err(|why| {
        refused(format!("{why}"), "Name the id of a record, `none`, or `auto`.".to_owned())
    })?;
    for object in question.objects() {
        if store.entity(*object, &id)?.is_some() {
            return Ok(Choice::Record(*object, id));
        }
    }
    let objects: Vec<_> = question.objects().iter().map(ToString::to_string).collect();
    Err(refused(
        format!("{id} is no {} that was imported", objects.join(" or ")),
        "`efficlose matches list` shows the records that fit; any other of their kind may be \
         chosen."
            .to_owned(),
    ))
}

fn refused(message: String, hint: String) -> Error {
    Error::Answer(Problem { message, at: None, hint: Some(hint) })
}
