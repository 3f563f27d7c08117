//! Meetings as they come in: JSON or JSON lines, checked before anything is kept.

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::model::{Meeting, Participant};

/// How long a text with meetings may be, in bytes.
pub const TEXT_MAX: usize = 256 << 20;
/// How many meetings one text may hold.
const MEETINGS_MAX: usize = 100_000;
/// How long a meeting may be as JSON, in bytes, with the fields that are not known
/// here.
pub const MEETING_MAX: usize = 8 << 20;
/// How many participants, insights or action items a meeting may have.
const LIST_MAX: usize = 1_000;
/// How long an id may be, in characters.
const ID_MAX: usize = 200;
/// How long a title may be, in characters.
const TITLE_MAX: usize = 1_000;
/// How long any other text may be, in characters.
const LONG_MAX: usize = 100_000;
/// How far ahead of now a meeting may have begun: a meeting that is to come has
/// no insights yet, and a wrong year would stay the latest meeting for ever.
const AHEAD_MAX: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// A meeting that is refused: where, which field, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {}{message}", if field.is_empty() { String::new() } else { format!("{field}: ") })]
pub struct Refused {
    /// The line of the text, from 1.
    pub line: usize,
    /// The path of the field, such as `participants[2].email`; may be empty.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// Whether it breaks a rule that the schema doesn't tell, such as that it ends after it has
    /// begun.
    pub breaks_rule: bool,
}

impl Refused {
    fn new(line: usize, field: &str, message: String) -> Self {
        Self { line, field: field.to_owned(), message, breaks_rule: false }
    }
}

/// Reads meetings from a text: one JSON object, an array of them, or one on each
/// line. Every meeting is checked, so that all that is wrong is told at once.
pub fn parse(text: &str, now: Timestamp) -> Vec<Result<Meeting, Refused>> {
    let pieces = match pieces(text) {
        Ok(pieces) => pieces,
        Err(refused) => return vec![Err(refused)],
    };
    if pieces.len() > MEETINGS_MAX {
        let message = format!("there are more than {MEETINGS_MAX} meetings; split the file");
        return vec![Err(Refused::new(1, "", message))];
    }
    pieces.into_iter().map(|(line, piece)| meeting(line, piece, now)).collect()
}

/// Reads one meeting from a JSON object.
pub fn one(text: &str, now: Timestamp) -> Result<Meeting, Refused> {
    meeting(1, text, now)
}

/// Returns the JSON schema of a meeting.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Meeting);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON")
}

/// Cuts a text into the JSON of each meeting, with the line it begins on.
fn pieces(text: &str) -> Result<Vec<(usize, &str)>, Refused> {
    let syntax = |error: &serde_json::Error| Refused::new(error.line(), "", reason(error));
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let Some((_, first)) = lines.next() else {
        let message = "there is no meeting in it".to_owned();
        return Err(Refused::new(1, "", message));
    };
    if text.trim_start().starts_with('[') {
        let array: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| syntax(&error))?;
        return Ok(with_lines(text, &array));
    }
    let is_whole = |line: &str| serde_json::from_str::<&RawValue>(line).is_ok();
    // One bad line among good ones is a bad line, not an object over several.
    let is_lines = is_whole(first) || lines.clone().any(|(_, line)| is_object(line));
    if lines.next().is_some() && !is_lines {
        // One object over several lines; if it isn't, the parser says where.
        let start = text.len() - text.trim_start().len();
        return Ok(vec![(1 + text[..start].matches('\n').count(), text.trim())]);
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    Ok(lines.map(|(nth, line)| (nth + 1, line)).collect())
}

/// Returns the elements of an array with the lines they begin on.
fn with_lines<'a>(text: &'a str, array: &[&'a RawValue]) -> Vec<(usize, &'a str)> {
    let (mut line, mut at) = (1, 0);
    let elements = array.iter().map(|raw| {
        let offset = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        line += text[at..offset].matches('\n').count();
        at = offset;
        (line, raw.get())
    });
    elements.collect()
}

/// Tells whether a line alone is a meeting, or a try at one: within an object over
/// several lines none begins at the margin with a brace and ends with one.
fn is_object(line: &str) -> bool {
    let is_braced = line.starts_with('{') && line.trim_end().ends_with('}');
    is_braced && serde_json::from_str::<&RawValue>(line).is_ok()
}

fn meeting(line: usize, json: &str, now: Timestamp) -> Result<Meeting, Refused> {
    if json.len() > MEETING_MAX {
        let message = format!("the meeting is longer than {MEETING_MAX} bytes");
        return Err(Refused::new(line, "", message));
    }
    let mut parser = serde_json::Deserializer::from_str(json);
    let meeting: Result<Meeting, _> = serde_path_to_error::deserialize(&mut parser);
    let meeting = meeting.map_err(|error| {
        let field = match error.path().to_string() {
            // These stand for the meeting as a whole, and for a place that is not known.
            path if path == "." || path == "?" => String::new(),
            path => path,
        };
        let inner = error.into_inner();
        let line = line + inner.line().saturating_sub(1);
        let reason = match inner.is_data() && is_moment(&field) {
            true => "it is no moment: write it like 2026-01-31T09:30:00Z".to_owned(),
            false => reason(&inner),
        };
        let field = match missing(&reason) {
            Some(name) if field.is_empty() => name.to_owned(),
            Some(name) => format!("{field}.{name}"),
            None => field,
        };
        Refused::new(line, &field, reason)
    })?;
    parser
        .end()
        .map_err(|error| Refused::new(line + error.line().saturating_sub(1), "", reason(&error)))?;
    check(&meeting, now).map_err(|(field, message)| Refused {
        breaks_rule: true,
        ..Refused::new(line, &field, message)
    })?;
    Ok(meeting)
}

/// Returns what a JSON error says without its own account of the place.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let said = text.rsplit_once(" at line ").map_or(text.as_str(), |(said, _)| said);
    match error.classify() {
        serde_json::error::Category::Data => said.to_owned(),
        _ => format!("it is not JSON: {said}"),
    }
}

/// Tells whether a field holds a moment: what a reader of times says of it tells nobody what to
/// write.
fn is_moment(field: &str) -> bool {
    ["started_at", "ended_at"].contains(&field)
}

/// Returns the field that an error says is missing.
fn missing(reason: &str) -> Option<&str> {
    reason.strip_prefix("missing field `")?.strip_suffix('`')
}

/// Checks what the types don't.
fn check(meeting: &Meeting, now: Timestamp) -> Result<(), (String, String)> {
    let wrong = |field: &str, message: &str| Err((field.to_owned(), message.to_owned()));
    check_text("id", &meeting.id, ID_MAX)?;
    check_text("title", &meeting.title, TITLE_MAX)?;
    if meeting.id.chars().any(char::is_control) {
        return wrong("id", "it has a control character");
    }
    if meeting.ended_at.is_some_and(|ended_at| ended_at < meeting.started_at) {
        return wrong("ended_at", "the meeting ends before it starts");
    }
    if now.checked_add(AHEAD_MAX).is_ok_and(|most| meeting.started_at > most) {
        return wrong("started_at", "the meeting is yet to come");
    }
    if let Some(url) = &meeting.url {
        let known = url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !known || url.len() > 2_000 {
            return wrong("url", "it is not an http or https address of at most 2,000 characters");
        }
    }
    if meeting.summary.as_ref().is_some_and(|summary| summary.chars().count() > LONG_MAX) {
        return wrong("summary", "it is longer than 100,000 characters");
    }
    let lists = [
        ("participants", meeting.participants.len()),
        ("insights", meeting.insights.len()),
        ("action_items", meeting.action_items.len()),
    ];
    if let Some((list, _)) = lines_over(&lists) {
        return wrong(list, "it has more than 1,000 entries");
    }
    if let Some(organizer) = &meeting.organizer {
        check_participant("organizer", organizer)?;
    }
    for (nth, participant) in meeting.participants.iter().enumerate() {
        check_participant(&format!("participants[{nth}]"), participant)?;
    }
    for (nth, insight) in meeting.insights.iter().enumerate() {
        check_text(&format!("insights[{nth}].kind"), &insight.kind, ID_MAX)?;
        check_text(&format!("insights[{nth}].text"), &insight.text, LONG_MAX)?;
    }
    for (nth, item) in meeting.action_items.iter().enumerate() {
        check_text(&format!("action_items[{nth}].id"), &item.id, ID_MAX)?;
        check_text(&format!("action_items[{nth}].text"), &item.text, LONG_MAX)?;
        if let Some(email) = &item.owner_email {
            check_email(&format!("action_items[{nth}].owner_email"), email)?;
        }
        if meeting.action_items[..nth].iter().any(|other| other.id == item.id) {
            let field = format!("action_items[{nth}].id");
            return Err((field, format!("another action item has the id \"{}\" too", item.id)));
        }
    }
    Ok(())
}

fn lines_over<'a>(lists: &[(&'a str, usize)]) -> Option<(&'a str, usize)> {
    lists.iter().copied().find(|(_, length)| *length > LIST_MAX)
}

fn check_text(field: &str, text: &str, most: usize) -> Result<(), (String, String)> {
    if text.trim().is_empty() {
        return Err((field.to_owned(), "it is empty".to_owned()));
    }
    if text.chars().count() > most {
        return Err((field.to_owned(), format!("it is longer than {most} characters")));
    }
    Ok(())
}

fn check_participant(field: &str, participant: &Participant) -> Result<(), (String, String)> {
    if participant.name.is_none() && participant.email.is_none() {
        return Err((field.to_owned(), "it has neither a name nor an email".to_owned()));
    }
    if let Some(name) = &participant.name {
        check_text(&format!("{field}.name"), name, TITLE_MAX)?;
    }
    match &participant.email {
        Some(email) => check_email(&format!("{field}.email"), email),
        None => Ok(()),
    }
}

/// Refuses what can't be an address, so that a slip is seen where it was made.
fn check_email(field: &str, email: &str) -> Result<(), (String, String)> {
    let parts = email.trim().rsplit_once('@');
    let good = parts.is_some_and(|(name, domain)| {
        !name.is_empty() && domain.contains('.') && !email.trim().contains(char::is_whitespace)
    });
    if good && email.len() <= 320 {
        return Ok(());
    }
    let shown: String = email.chars().take(60).collect();
    Err((field.to_owned(), format!("\"{shown}\" is not an e-mail address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T08:00:00Z".parse().unwrap()
    }

    fn refused(text: &str) -> String {
        let refused: Vec<_> =
            parse(text, now()).into_iter().filter_map(Result::err).map(|e| e.to_string()).collect();
        refused.join("\n")
    }

    const GOOD: &str = r#"{"id":"m-1","title":"Kick-off","started_at":"2026-11-20T10:00:00Z"}"#;

    #[test]
    fn one_object_an_array_and_lines_are_all_read() {
        let pretty = "{\n \"id\": \"m-1\",\n \"title\": \"T\",\n \"started_at\": \"2026-11-20T10:00:00Z\"\n}\n";
        for (text, count) in [
            (GOOD.to_owned(), 1),
            (pretty.to_owned(), 1),
            (format!("[{GOOD},\n{GOOD}]"), 2),
            (format!("{GOOD}\n\n{GOOD}\n"), 2),
        ] {
            let meetings: Result<Vec<_>, _> = parse(&text, now()).into_iter().collect();
            assert_eq!(meetings.unwrap().len(), count, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_field() {
        let participant =
            |p: &str| GOOD.replace("}", &format!(r#","participants":[{{"name":"A"}},{p}]}}"#));
        for (text, said) in [
            (String::new(), "line 1: there is no meeting in it"),
            (
                format!("{{\"id\":7\n{GOOD}"),
                "line 1: id: invalid type: integer `7`, expected a string",
            ),
            (format!("{GOOD}\n{{\"id\":"), "line 2: id: it is not JSON: EOF while parsing a value"),
            (
                format!("{GOOD}\n{}", GOOD.replace("\"title\":\"Kick-off\",", "")),
                "line 2: title: missing field `title`",
            ),
            (
                participant(r#"{"email":7}"#),
                "line 1: participants[1].email: invalid type: integer `7`, expected a string",
            ),
            (
                participant(r#"{"email":"nobody"}"#),
                "line 1: participants[1].email: \"nobody\" is not an e-mail address",
            ),
            (participant("{}"), "line 1: participants[1]: it has neither a name nor an email"),
            (GOOD.replace("m-1", " "), "line 1: id: it is empty"),
            (
                GOOD.replace("2026-11-20", "2027-11-20"),
                "line 1: started_at: the meeting is yet to come",
            ),
            (
                GOOD.replace("}", r#","ended_at":"2026-11-20T09:00:00Z"}"#),
                "line 1: ended_at: the meeting ends before it starts",
            ),
            (
                format!("[\n{GOOD},\n{}]", GOOD.replace("}", r#","url":"javascript:1"}"#)),
                "line 3: url: it is not an http or https address of at most 2,000 characters",
            ),
        ] {
            assert_eq!(refused(&text), said, "{text}");
        }
    }

    #[test]
    fn a_bad_date_names_its_field() {
        let text =
            GOOD.replace("}", r#","action_items":[{"id":"a","text":"t","due_on":"tomorrow"}]}"#);
        assert!(
            refused(&text).starts_with("line 1: action_items[0].due_on: "),
            "{}",
            refused(&text)
        );
    }

    #[test]
    fn unknown_fields_are_kept() {
        let text = GOOD.replace("}", r#","room":{"floor":3}}"#);
        let meeting = parse(&text, now()).remove(0).unwrap();
        assert_eq!(meeting.extras["room"]["floor"], 3);
    }
}
