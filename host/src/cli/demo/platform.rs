//! What the meeting platform tells in the demonstration.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::person::Cast;
use super::write;
use crate::cli::output::Failed;

/// The meeting with action items.
pub(super) const FIRST: &str = "demo-kick-off";
/// The action item that a person completes in Salesforce.
pub(super) const ITEM: &str = "Send the security questionnaire";
const OTHER: &str = "Draft the rollout plan";

/// Tells of two meetings.
pub(super) fn tell(file: &Path, cast: &Cast) -> Result<(), Failed> {
    let meetings = [first(cast, false), second(cast)];
    let lines = meetings.map(|meeting| format!("{meeting}\n"));
    write(file, &lines.concat())
}

/// Tells of the first meeting anew: its second action item is done.
pub(super) fn tell_done(file: &Path, cast: &Cast) -> Result<(), Failed> {
    write(file, &format!("{}\n", first(cast, true)))
}

fn first(cast: &Cast, is_other_done: bool) -> Value {
    let began = days_ago(2);
    json!({
        "id": FIRST,
        "title": format!("Kick-off with {}", cast.company),
        "started_at": began,
        "ended_at": began + SignedDuration::from_mins(45),
        "url": format!("https://meetings.example/{FIRST}"),
        "organizer": { "name": "Ada Marlow", "email": cast.owner_email },
        "participants": [
            { "name": cast.contact_name, "email": cast.contact_email },
            { "name": "Someone new", "email": "someone.new@elsewhere.example" },
        ],
        "summary": "Walked through the pilot and what stands in its way.",
        "insights": [
            { "kind": "need", "text": "Single sign-on before the pilot starts" },
            { "kind": "risk", "text": "The budget is decided next quarter" },
        ],
        "action_items": [
            { "id": "a1", "text": ITEM, "owner_email": cast.owner_email, "due_on": day(5), "done": false },
            { "id": "a2", "text": OTHER, "due_on": day(9), "done": is_other_done },
        ],
    })
}

fn second(cast: &Cast) -> Value {
    json!({
        "id": "demo-first-call",
        "title": "First call",
        "started_at": days_ago(1),
        "participants": [{ "name": cast.lead_name, "email": cast.lead_email }],
        "insights": [{ "kind": "interest", "text": "Wants to see the product with own data" }],
    })
}

fn days_ago(days: i64) -> Timestamp {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    now - SignedDuration::from_hours(24 * days)
}

/// Returns the date a number of days from now.
fn day(days: i64) -> String {
    let at = days_ago(-days).to_string();
    at.get(..10).unwrap_or_default().to_owned()
}
