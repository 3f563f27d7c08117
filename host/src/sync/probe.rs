//! Probe: what a mapping makes of a record and of a meeting that are made up from what
//! the org says of its fields. It finds what a look at the spec can't: an entity's
//! column that a field doesn't fit, a record with empty fields that trips it, a value
//! that no picklist takes.

use std::sync::Arc;

use jiff::Timestamp;

use super::Error;
use super::nearest::nearest;
use super::plan::refusal;
use super::prepare::{Effect, Misfit, is_shown};
use crate::model::{
    ActionItem, Due, FieldPath, Matched, Meeting, Object, Participant, Pulled, Pushed, Request,
    SalesforceId, Value,
};
use crate::plugin::Mapping;
use crate::salesforce::{Description, FieldDescription, FieldType, Parents};

/// An id that no record has.
const ID: &str = "000000000000000AAA";
/// The kinds of insights that the made-up meeting has one of.
const INSIGHTS: [&str; 4] = ["need", "risk", "next_step", "objection"];

/// Returns what goes wrong with made-up records and meetings.
pub fn probe(
    mapping: &Mapping,
    org: &Description,
    parents: &Parents,
    now: Timestamp,
) -> Result<Vec<Misfit>, Error> {
    let mut found = pulled(mapping, org, parents)?;
    found.extend(pushed(mapping, org, now)?);
    Ok(found)
}

fn pulled(mapping: &Mapping, org: &Description, parents: &Parents) -> Result<Vec<Misfit>, Error> {
    // What the org doesn't show is left out, as it is of a page.
    let reads = mapping.spec().reads.iter().filter(|need| is_shown(&need.path, org, Some(parents)));
    let fields = |path: &FieldPath| match path.up() {
        None => org.field(path.as_str()),
        Some((up, rest)) => parents.get(up)?.as_ref()?.field(rest.as_str()),
    };
    let (mut columns, mut full, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for need in reads {
        let field = fields(&need.path);
        columns.push(need.path.to_string());
        full.push(field.map_or_else(|| Value::from("Acme"), filled));
        // What the org never leaves empty is filled in the bare record, too; a record may
        // have no parent.
        let is_given = need.path.up().is_none() && field.is_some_and(|field| !field.nillable);
        bare.push(field.filter(|_| is_given).map_or(Value::Null, filled));
    }
    let rows = [full, bare];
    let kinds = ["a record whose fields are all filled", "a record whose fields are empty"];
    let outcomes = mapping.pull(&columns, &rows)?;
    let failed = outcomes.into_iter().zip(kinds).filter_map(|(outcome, kind)| match outcome {
        Pulled::Failed(why) => Some((kind, why)),
        _ => None,
    });
    let mut failed: Vec<_> = failed.collect();
    if let [(kind, one), (_, other)] = &mut failed[..]
        && (&one.message, &one.at) == (&other.message, &other.at)
    {
        *kind = "a record, whatever is in it";
        failed.truncate(1);
    }
    let misfits = failed.into_iter().map(|(kind, why)| Misfit {
        field: why.at.unwrap_or_default(),
        message: format!("fails for {kind}: {}", why.message),
        nearest: None,
        effect: Effect::Fails,
    });
    Ok(misfits.collect())
}

fn pushed(mapping: &Mapping, org: &Description, now: Timestamp) -> Result<Vec<Misfit>, Error> {
    let spec = mapping.spec();
    if spec.writes.is_empty() {
        return Ok(Vec::new());
    }
    let full = request(mapping, now, true);
    let bare = request(mapping, now, false);
    let mut found: Vec<Misfit> = Vec::new();
    for outcome in mapping.push(&[full, bare])? {
        match outcome {
            Pushed::Mapped(fields) => {
                let values =
                    fields.iter().filter_map(|(name, value)| Some((org.field(name)?, value)));
                found.extend(values.filter_map(|(field, value)| unfit(spec.object, field, value)));
            }
            Pushed::Failed(why) => found.push(Misfit {
                field: why.at.unwrap_or_default(),
                message: format!("fails for a meeting: {}", why.message),
                nearest: None,
                effect: Effect::Fails,
            }),
            Pushed::Skipped(_) => {}
        }
    }
    found.dedup();
    Ok(found)
}

/// Tells what is wrong with a value for a field.
fn unfit(object: Object, field: &FieldDescription, value: &Value) -> Option<Misfit> {
    let text = value.text().unwrap_or_default();
    let choices = || field.picklist.iter().filter(|choice| choice.active).map(|c| c.value.as_str());
    let nearest = nearest(text, choices());
    let misfit = |message, effect| Misfit { field: field.name.clone(), message, nearest, effect };
    if let Some(why) = refusal(object.into(), field, value) {
        return Some(misfit(why.message, Effect::Refused));
    }
    // Salesforce takes it all the same, and people who report on the choices miss it.
    let is_unlisted = field.kind == FieldType::Picklist
        && !field.picklist.is_empty()
        && !text.is_empty()
        && choices().all(|choice| choice != text);
    let message = format!("\"{text}\" is not a value of the picklist {object}.{}", field.name);
    is_unlisted.then(|| misfit(message, Effect::Unlisted))
}

/// Returns a value as the org may have it.
fn filled(field: &FieldDescription) -> Value {
    match field.kind {
        FieldType::Boolean => Value::Boolean(true),
        FieldType::Int | FieldType::Long => Value::Integer(7),
        FieldType::Double | FieldType::Currency | FieldType::Percent => Value::Number(7.0),
        FieldType::Date => Value::from("2026-01-31"),
        FieldType::DateTime => Value::from("2026-01-31T09:30:00Z"),
        FieldType::Email => Value::from("ada@acme.example"),
        FieldType::Phone => Value::from("+1 555 0100"),
        FieldType::Url => Value::from("https://www.acme.example/"),
        FieldType::Id | FieldType::Reference => Value::from(ID),
        _ => {
            let choice = field.picklist.iter().find(|choice| choice.active);
            Value::from(choice.map_or("Acme", |choice| choice.value.as_str()))
        }
    }
}

/// Returns what a mapping may be asked: with all that a meeting can have, or with what
/// it has to.
fn request(mapping: &Mapping, now: Timestamp, is_full: bool) -> Request {
    let spec = mapping.spec();
    let person = || Participant {
        name: is_full.then(|| "Ada Marlow".to_owned()),
        email: is_full.then(|| "ada@acme.example".to_owned()),
        extras: serde_json::Map::new(),
    };
    let insights = INSIGHTS.iter().filter(|_| is_full).map(|kind| crate::model::Insight {
        kind: (*kind).to_owned(),
        text: "They want it soon".to_owned(),
        extras: serde_json::Map::new(),
    });
    let item = || ActionItem {
        id: "i-1".to_owned(),
        text: "Send the plan".to_owned(),
        owner_email: is_full.then(|| "owner@ours.example".to_owned()),
        due_on: is_full.then(|| Due::Day(jiff::tz::Offset::UTC.to_datetime(now).date())),
        done: false,
        extras: serde_json::Map::new(),
    };
    let is_task = spec.object == Object::Task;
    let meeting = Meeting {
        id: "m-1".to_owned(),
        title: "Kick-off".to_owned(),
        started_at: now,
        ended_at: is_full.then_some(now),
        url: is_full.then(|| "https://meet.example/m-1".to_owned()),
        organizer: is_full.then(person),
        participants: vec![person()],
        summary: is_full.then(|| "All agreed.".to_owned()),
        insights: insights.collect(),
        action_items: is_task.then(item).into_iter().collect(),
        extras: serde_json::Map::new(),
    };
    let id: SalesforceId = ID.parse().expect("an id that is written here is well formed");
    let fields = spec.writes.iter().map(|write| (write.field.to_string(), Value::Null)).collect();
    let record = Matched { object: spec.object.to_string(), id, fields };
    Request {
        now,
        action_item: is_task.then(item),
        meeting: Arc::new(meeting),
        matches: if is_task { Vec::new() } else { vec![record.clone()] },
        target: Some(record),
    }
}
