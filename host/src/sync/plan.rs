//! From what a mapping wants to what is written: policies, what the org allows,
//! and nothing that is there already.

use jiff::Timestamp;

use super::policy::{Verdict, decide};
use super::writing::{DURATION, START, Writable, Writing};
use crate::model::{
    Fields, Intent, Matched, Object, Planned, Problem, Request, SalesforceId, Sobject, Value,
};
use crate::salesforce::{FieldDescription, FieldType};

/// What comes of one request.
#[derive(Debug)]
pub(super) enum Decision {
    /// This is written.
    Write(Planned),
    /// Nothing is written, and why.
    Nothing(String),
    /// Salesforce would refuse it, so it isn't sent.
    Refused(Problem),
}

/// Decides what is written for a request. `wanted` is what the mapping wants,
/// `last` what we wrote to this record last, `intent` what is done to it.
pub(super) fn plan(
    writing: &Writing,
    request: &Request,
    intent: Intent,
    wanted: Fields,
    last: &Fields,
) -> Decision {
    let object = writing.object;
    let creates = matches!(intent, Intent::Create { .. });
    let (mut before, mut after) = (Fields::new(), Fields::new());
    let mut left: Vec<(String, String)> = Vec::new();
    let may = if creates { writing.may_create } else { writing.may_update };
    if !may {
        return Decision::Refused(forbidden(object, creates));
    }
    if creates && let Some(missing) = required(writing, &wanted) {
        return Decision::Refused(missing);
    }
    if object == Object::Lead.into() && request.target.as_ref().is_some_and(is_converted) {
        return Decision::Refused(converted());
    }
    for (name, ours) in wanted {
        let writable = writing.field(&name);
        let allowed = |field: &&Writable| match creates {
            true => field.describe.createable,
            false => field.describe.updateable,
        };
        // An optional field that the org locks is left out; `prepare` has refused
        // the others.
        let Some(field) = writable.filter(allowed) else {
            left.push((name, "the connected user may not write it".to_owned()));
            continue;
        };
        let Some(policy) = field.policy else {
            left.push((name, "the settings leave it to Salesforce".to_owned()));
            continue;
        };
        let ours = stored(&field.describe, ours);
        let current = request.target.as_ref().map_or(&Value::Null, |target| get(target, &name));
        let last = last.iter().find(|(field, _)| *field == name).map(|(_, value)| value);
        match decide(policy, current, ours, last, room(&field.describe)) {
            Verdict::Same => {}
            Verdict::Leave(why) => left.push((name, why.to_owned())),
            Verdict::Write(ours) => {
                if let Some(problem) = refusal(object, &field.describe, &ours) {
                    return Decision::Refused(problem);
                }
                before.push((name.clone(), current.clone()));
                after.push((name, ours));
            }
        }
    }
    let sent = |after: &Fields, name| after.iter().any(|(field, _)| field == name);
    if object == Sobject::Event && !creates && sent(&after, START) && !sent(&after, DURATION) {
        // Sent alone, a start would leave the end where it is.
        let stands = request.target.as_ref().map_or(&Value::Null, |target| get(target, DURATION));
        if *stands != Value::Null {
            before.push((DURATION.to_owned(), stands.clone()));
            after.push((DURATION.to_owned(), stands.clone()));
        }
    }
    if after.is_empty() {
        let why: Vec<_> = left.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        return Decision::Nothing(match why.as_slice() {
            [] => "all is as it should be".to_owned(),
            why => why.join("; "),
        });
    }
    if creates {
        before.clear();
    }
    Decision::Write(Planned {
        object,
        intent,
        meeting_id: request.meeting.id.clone(),
        action_item_id: request.action_item.as_ref().map(|item| item.id.clone()),
        before,
        after,
        mapping: writing.mapping.clone(),
        left,
        undoes: None,
    })
}

/// Tells which field a new record needs and isn't given, where describe says so of one.
pub(super) fn required(writing: &Writing, wanted: &Fields) -> Option<Problem> {
    let object = writing.object;
    let is_given = |name: &str| {
        let mut given = wanted.iter().filter(|(_, value)| !value.is_blank());
        given.any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    let field = writing.required.iter().find(|name| !is_given(name))?;
    let mend = match object {
        Sobject::Event => format!(
            "Have the mapping of Task write {field} where a meeting is logged as an event, or log \
             meetings as tasks: `log_as` in the settings."
        ),
        _ => format!("Have the mapping write {object}.{field}, or make it optional in Setup."),
    };
    Some(Problem {
        message: format!("a new {object} needs {field}, and the mapping gives none"),
        at: Some(field.clone()),
        hint: Some(mend),
    })
}

pub(super) fn forbidden(object: Sobject, creates: bool) -> Problem {
    let what = if creates { "create" } else { "change" };
    Problem {
        message: format!("the connected user may not {what} records of {object}"),
        at: Some(object.to_string()),
        hint: Some(format!(
            "Give it the right to {what} {object} (profile or permission set; `efficlose doctor \
             --permission-set` writes one), or import only: `efficlose setup --pull-only`."
        )),
    }
}

/// Returns the problem of a mapping that wants nothing written where a field that it would
/// write is locked.
pub(super) fn locked(object: Sobject, field: &str, why: &str) -> Problem {
    Problem {
        message: format!("{why}: the connected user may only read {object}.{field}"),
        at: Some(field.to_owned()),
        hint: Some(format!(
            "Let it edit {object}.{field} (field-level security), then `efficlose failures retry`; or \
             leave the field to Salesforce with the policy crm-wins."
        )),
    }
}

fn is_converted(target: &Matched) -> bool {
    *get(target, "IsConverted") == Value::Boolean(true)
}

fn converted() -> Problem {
    Problem {
        message: "the lead was converted, and can't be written to any more".to_owned(),
        at: None,
        hint: Some(
            "Nothing need be done: the next sync finds the contact that it became.".to_owned(),
        ),
    }
}

/// Tells what Salesforce would refuse about a value, as far as describe says.
pub(super) fn refusal(object: Sobject, field: &FieldDescription, value: &Value) -> Option<Problem> {
    let text = value.text()?;
    let name = &field.name;
    let problem = |message: String, hint: String| {
        Some(Problem { message, at: Some(name.clone()), hint: Some(hint) })
    };
    if let Some(room) = room(field)
        && text.chars().count() > room
    {
        return problem(
            format!("the text for {object}.{name} has {} characters", text.chars().count()),
            format!("Shorten it in the mapping: the field holds {room}."),
        );
    }
    let values = field.picklist.iter().filter(|choice| choice.active);
    let known: Vec<&str> = values.map(|choice| choice.value.as_str()).collect();
    if field.restricted && !text.is_empty() && !known.contains(&text) {
        return problem(
            format!("\"{text}\" is not a value of the picklist {object}.{name}"),
            format!("Use one of: {}.", known.join(", ")),
        );
    }
    if field.kind == FieldType::Reference && !text.is_empty() {
        return stray(object, field, text);
    }
    let is_number = || text.trim().parse::<f64>().is_ok();
    let (fits, what) = match field.kind {
        FieldType::Boolean => (matches!(text, "true" | "false"), "true or false"),
        FieldType::Int | FieldType::Long => (text.trim().parse::<i64>().is_ok(), "a whole number"),
        FieldType::Double | FieldType::Currency | FieldType::Percent => (is_number(), "a number"),
        FieldType::Date => (text.parse::<jiff::civil::Date>().is_ok(), "a day, as 2026-01-31"),
        FieldType::DateTime => {
            (text.parse::<jiff::Timestamp>().is_ok(), "a time, as 2026-01-31T09:30:00Z")
        }
        _ => (true, ""),
    };
    if fits || text.is_empty() {
        return None;
    }
    problem(
        format!("the text for {object}.{name} is not {what}"),
        "Give it the type of the field in the mapping.".to_owned(),
    )
}

/// Returns a value as Salesforce keeps it: moments have whole seconds, and what a field of another
/// type takes as a text is of its type from then on. A text that doesn't fit is refused later.
fn stored(field: &FieldDescription, value: Value) -> Value {
    let Some(text) = value.text().map(str::trim) else { return value };
    let kept = match field.kind {
        FieldType::DateTime => text
            .parse::<Timestamp>()
            .ok()
            .map(|moment| Value::Text(moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())),
        FieldType::Boolean => text.parse().ok().map(Value::Boolean),
        FieldType::Int | FieldType::Long => text.parse().ok().map(Value::Integer),
        FieldType::Double | FieldType::Currency | FieldType::Percent => {
            text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Number)
        }
        _ => None,
    };
    kept.unwrap_or(value)
}

/// Tells of a reference that leads to no record, or to one of an object that the field takes
/// none of.
fn stray(object: Sobject, field: &FieldDescription, text: &str) -> Option<Problem> {
    let about = format!("{object}.{}", field.name);
    let problem = |message| Problem {
        message,
        at: Some(field.name.clone()),
        hint: Some(format!(
            "Have the mapping write the id of a record of one of: {}.",
            field.references.join(", ")
        )),
    };
    let Ok(id) = text.parse::<SalesforceId>() else {
        return Some(problem(format!("\"{text}\" for {about} is no id")));
    };
    let named = Object::of(&id)?;
    let mut takes = field.references.iter();
    let is_taken = field.references.is_empty() || takes.any(|takes| takes == named.as_str());
    (!is_taken).then(|| problem(format!("{id} for {about} is the id of a record of {named}")))
}

/// Returns how many characters a field holds; none, if it isn't text.
fn room(field: &FieldDescription) -> Option<usize> {
    usize::try_from(field.length).ok().filter(|length| *length > 0)
}

fn get<'a>(record: &'a Matched, name: &str) -> &'a Value {
    let field = record.fields.iter().find(|(field, _)| field == name);
    field.map_or(&Value::Null, |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::salesforce::Description;

    #[test]
    fn what_a_field_takes_as_a_text_is_of_its_type_from_then_on() {
        let kept = |kind: &str, text: &str| {
            let org = format!(
                r#"{{"name": "Contact", "label": "Contact", "createable": true, "updateable": true,
                    "queryable": true,
                    "fields": [{{"name": "Score__c", "label": "Score", "type": "{kind}"}}]}}"#
            );
            let org = Description::from_text(&org).unwrap();
            stored(&org.fields[0], Value::from(text))
        };
        assert_eq!(kept("double", "3"), Value::Number(3.0));
        assert_eq!(kept("int", " 3 "), Value::Integer(3));
        assert_eq!(kept("boolean", "true"), Value::Boolean(true));
        let moment = kept("datetime", "2026-11-20T16:00:00.123+01:00");
        assert_eq!(moment, "2026-11-20T15:00:00Z".into());
        for (kind, text) in [("string", "3"), ("double", "three"), ("int", ""), ("double", "NaN")] {
            assert_eq!(kept(kind, text), Value::from(text), "{kind}");
        }
    }
}
