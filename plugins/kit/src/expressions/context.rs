//! What an expression may read: a record by its paths, or a request as the contract
//! has it.

use std::collections::BTreeMap;

use minijinja::Value as Found;

use crate::{ActionItem, Matched, Meeting, Participant, Request, Value};

/// Returns values by their paths, those of a parent below it.
pub(super) fn nested(paths: Vec<(&str, Found)>) -> Found {
    let mut own: BTreeMap<String, Found> = BTreeMap::new();
    let mut parents: BTreeMap<String, Vec<(&str, Found)>> = BTreeMap::new();
    for (path, value) in paths {
        match path.split_once('.') {
            None => {
                own.insert(path.to_owned(), value);
            }
            Some((parent, rest)) => {
                parents.entry(parent.to_owned()).or_default().push((rest, value))
            }
        }
    }
    let parents = parents.into_iter().map(|(parent, below)| (parent, nested(below)));
    Found::from_pairs(own.into_iter().chain(parents))
}

pub(super) fn found(value: &Value) -> Found {
    match value {
        Value::Null => Found::from(()),
        Value::Boolean(truth) => Found::from(*truth),
        Value::Integer(number) => Found::from(*number),
        Value::Number(number) => Found::from(*number),
        Value::Text(text) => Found::from(text.as_str()),
    }
}

/// Returns what the expressions of a push may read: the request as the contract has
/// it, without the fields that it doesn't know.
pub(super) fn asked(request: &Request) -> Found {
    let matches = request.matches.iter().map(|one| (one.object.clone(), matched(one)));
    Found::from_pairs([
        ("now", Found::from(request.now.as_str())),
        ("meeting", meeting(&request.meeting)),
        ("action_item", request.action_item.as_ref().map_or(Found::from(()), item)),
        ("target", request.target.as_ref().map_or(Found::from(()), matched)),
        ("matches", Found::from_pairs(matches)),
    ])
}

fn meeting(meeting: &Meeting) -> Found {
    let insights = meeting.insights.iter().map(|insight| {
        Found::from_pairs([
            ("kind", Found::from(insight.kind.as_str())),
            ("text", Found::from(insight.text.as_str())),
        ])
    });
    Found::from_pairs([
        ("id", Found::from(meeting.id.as_str())),
        ("title", Found::from(meeting.title.as_str())),
        ("started_at", Found::from(meeting.started_at.as_str())),
        ("ended_at", text(meeting.ended_at.as_deref())),
        ("url", text(meeting.url.as_deref())),
        ("organizer", meeting.organizer.as_ref().map_or(Found::from(()), person)),
        ("participants", meeting.participants.iter().map(person).collect()),
        ("summary", text(meeting.summary.as_deref())),
        ("insights", insights.collect()),
    ])
}

fn person(person: &Participant) -> Found {
    Found::from_pairs([
        ("name", text(person.name.as_deref())),
        ("email", text(person.email.as_deref())),
    ])
}

fn item(item: &ActionItem) -> Found {
    Found::from_pairs([
        ("id", Found::from(item.id.as_str())),
        ("text", Found::from(item.text.as_str())),
        ("owner_email", text(item.owner_email.as_deref())),
        ("due_on", text(item.due_on.as_deref())),
        ("done", Found::from(item.done)),
    ])
}

fn matched(record: &Matched) -> Found {
    let fields = record.fields.iter().map(|field| (field.name.clone(), found(&field.value)));
    Found::from_pairs([
        ("object", Found::from(record.object.as_str())),
        ("id", Found::from(record.id.as_str())),
        ("fields", Found::from_pairs(fields)),
    ])
}

fn text(text: Option<&str>) -> Found {
    text.map_or(Found::from(()), Found::from)
}
