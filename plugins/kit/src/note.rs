//! A note about a meeting, on the record of a person, company or deal.
//!
//! An org that has the fields [`INSIGHT`], [`AT`] and [`URL`] gets the note there;
//! any other gets it in the record's description, below what people wrote.

use crate::{Field, Meeting, Policy, Pushed, Request, Value, Write, clip, set, write};

/// The text of the latest meeting's note: a long text field.
pub const INSIGHT: &str = "Last_Meeting_Insight__c";
/// When the latest meeting began: a date/time field.
pub const AT: &str = "Last_Meeting_At__c";
/// Where the latest meeting can be looked up: a URL field.
pub const URL: &str = "Last_Meeting_Url__c";
const DESCRIPTION: &str = "Description";

/// The field of a meeting that says on which day it was.
const STARTED_ON: &str = "started_on";
/// How long a day is, as `2026-01-31`.
const DAY: usize = 10;

/// How long a link may be, in characters: what a URL field holds.
const URL_MAX: usize = 255;
/// How much of a meeting's title a note bears, in characters.
const TITLE_MAX: usize = 200;
/// How long a note may be, in characters; a description holds 32,000.
const NOTE_MAX: usize = 4_000;
/// How many insights a note lists.
const INSIGHTS_MAX: usize = 20;

/// Returns the fields that [`push`] may write.
pub fn writes() -> Vec<Write> {
    vec![
        write(INSIGHT, Policy::Overwrite),
        write(AT, Policy::Overwrite),
        write(URL, Policy::Overwrite),
        write(DESCRIPTION, Policy::Append),
    ]
}

/// Returns the writes that put the note about the meeting on the record.
pub fn push(request: &Request) -> Pushed {
    let Some(target) = &request.target else {
        return Pushed::Skipped("there is no record to write to".to_owned());
    };
    let meeting = &request.meeting;
    let mut fields: Vec<Field> = Vec::new();
    if target.has(INSIGHT) {
        // A link that its field doesn't hold stands in the note: cut, it would lead nowhere.
        let (url, long) = match &meeting.url {
            Some(url) if url.chars().count() > URL_MAX => (None, Some(url)),
            url => (url.clone(), None),
        };
        let mut lines = vec![clip(&meeting.title, TITLE_MAX)];
        lines.extend(long.cloned());
        lines.push(body(meeting));
        fields.push(set(INSIGHT, clip(&lines.join("\n"), NOTE_MAX)));
        if target.has(AT) {
            fields.push(set(AT, meeting.started_at.as_str()));
        }
        if target.has(URL) {
            fields.push(set(URL, Value::from(url)));
        }
    } else if target.has(DESCRIPTION) {
        fields.push(set(DESCRIPTION, text(meeting)));
    } else {
        return Pushed::Skipped("the org has no field for the note that we may write".to_owned());
    }
    Pushed::Mapped(fields)
}

/// Returns the day on which a meeting was: for who called it, where the host says so in
/// `started_on`, else as it was in UTC.
pub fn day(meeting: &Meeting) -> String {
    let told = meeting.extras.iter().find(|extra| extra.name == STARTED_ON);
    let told = told.map(|extra| extra.json.trim_matches('"')).filter(|day| day.len() == DAY);
    told.unwrap_or_else(|| meeting.started_at.get(..DAY).unwrap_or_default()).to_owned()
}

/// Returns the note with its heading: what it was, when, where to look it up.
pub fn text(meeting: &Meeting) -> String {
    let day = day(meeting);
    let mut lines = vec![format!("Latest meeting: {} ({day})", clip(&meeting.title, TITLE_MAX))];
    lines.extend(meeting.url.clone());
    lines.push(body(meeting));
    clip(&lines.join("\n"), NOTE_MAX)
}

/// Returns all that was said and learned, and where it can be looked up.
pub fn whole(meeting: &Meeting) -> String {
    let summary = meeting.summary.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let insights = meeting.insights.iter().map(|i| format!("- {}: {}", i.kind, one_line(&i.text)));
    let insights = insights.collect::<Vec<_>>().join("\n");
    let parts =
        [summary.unwrap_or_default(), &insights, meeting.url.as_deref().unwrap_or_default()];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n")
}

/// Returns what was learned; what was said in short, where nothing was.
fn body(meeting: &Meeting) -> String {
    let insights = meeting.insights.iter().take(INSIGHTS_MAX);
    let lines: Vec<_> = insights.map(|i| format!("- {}: {}", i.kind, one_line(&i.text))).collect();
    match (&meeting.summary, lines.is_empty()) {
        (Some(summary), true) => summary.trim().to_owned(),
        _ => lines.join("\n"),
    }
}

/// Returns a text without breaks, so that it stays one item of a list.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
