//! What an expression may read: a record by its paths, or a request as the contract
//! has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value as Found;
use minijinja::value::{Enumerator, Object};

use crate::{ActionItem, Matched, Meeting, Participant, Request, Value, note};

/// Where in a record the fields are that expressions read, those of a parent below it.
/// Worked out once for all records.
#[derive(Debug)]
pub(super) struct Shape(Vec<(String, Place)>);

#[derive(Debug)]
enum Place {
    /// The nth of the values.
    Field(usize),
    Parent(Arc<Shape>),
}

impl Shape {
    /// Returns the shape of values that stand in the order of these paths.
    pub(super) fn of(paths: &[String]) -> Arc<Self> {
        Self::below(paths.iter().map(String::as_str).enumerate().collect())
    }

    fn below(paths: Vec<(usize, &str)>) -> Arc<Self> {
        let mut fields: BTreeMap<String, Place> = BTreeMap::new();
        let mut parents: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
        for (nth, path) in paths {
            match path.split_once('.') {
                None => {
                    fields.insert(path.to_owned(), Place::Field(nth));
                }
                Some((parent, rest)) => parents.entry(parent).or_default().push((nth, rest)),
            }
        }
        for (parent, below) in parents {
            fields.insert(parent.to_owned(), Place::Parent(Self::below(below)));
        }
        Arc::new(Self(fields.into_iter().collect()))
    }
}

/// A record, or a parent of it: its shape and all of the values, of which those that
/// the org lacks are undefined, which is something else than empty.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) shape: Arc<Shape>,
    pub(super) values: Arc<[Option<Found>]>,
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, name: &Found) -> Option<Found> {
        let name = name.as_str()?;
        match &self.shape.0.iter().find(|(field, _)| field == name)?.1 {
            Place::Field(nth) => self.values[*nth].clone(),
            Place::Parent(shape) => {
                let (shape, values) = (Arc::clone(shape), Arc::clone(&self.values));
                Some(Found::from_object(Self { shape, values }))
            }
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = self.shape.0.iter().map(|(name, _)| Found::from(name.as_str()));
        Enumerator::Values(names.collect())
    }
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
        ("started_on", Found::from(note::day(meeting))),
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
