//! Records with their children in one request, whole or not at all.

use serde_json::{Value as Json, json};

use super::call::Answer;
use super::describe::find;
use super::rest::{Answered, Errand};
use crate::ids::Id;
use crate::org::Org;
use crate::refusal::Refusal;
use crate::schema::ObjectIndex;
use crate::write::{self, Body};

/// The most records in one request.
const RECORD_LIMIT: usize = 200;

/// How deep children may lie.
const DEPTH_LIMIT: usize = 5;

/// What became of the records: their names in the request with ids or refusals.
#[derive(Default)]
struct Grown {
    created: Vec<Json>,
    refused: Vec<Json>,
    count: usize,
}

pub(super) fn create(org: &mut Org, errand: &Errand<'_>, object: &str) -> Answered {
    let object = find(org, object)?;
    let body = errand.call.json()?;
    let mark = org.mark();
    let mut grown = Grown::default();
    if let Err(refusal) = grow(org, errand, object, None, &body, (&mut grown, 1)) {
        org.roll_back(mark);
        return Err(refusal);
    }
    if grown.refused.is_empty() {
        return Ok(Answer::json(201, &json!({"hasErrors": false, "results": grown.created})));
    }
    org.roll_back(mark);
    Ok(Answer::json(400, &json!({"hasErrors": true, "results": grown.refused})))
}

/// Creates the records of a list below a parent.
fn grow(
    org: &mut Org,
    errand: &Errand<'_>,
    object: ObjectIndex,
    parent: Option<(&str, Id)>,
    list: &Json,
    (grown, depth): (&mut Grown, usize),
) -> Result<(), Refusal> {
    let records = list["records"].as_array();
    let records = records.ok_or_else(|| Refusal::malformed_body("a tree needs `records`"))?;
    if depth > DEPTH_LIMIT {
        let message = format!("records lie deeper than {DEPTH_LIMIT} levels");
        return Err(Refusal::new("INVALID_INPUT", message));
    }
    for record in records {
        grown.count += 1;
        if grown.count > RECORD_LIMIT {
            let message = format!("more than {RECORD_LIMIT} records");
            return Err(Refusal::new("INVALID_INPUT", message));
        }
        let reference = record["attributes"]["referenceId"].as_str().unwrap_or_default();
        if reference.is_empty() {
            return Err(Refusal::new("INVALID_INPUT", "Include a reference ID with each record"));
        }
        let (mut body, children) = split(org, object, record)?;
        if let Some((field, id)) = parent {
            body.insert(field.to_owned(), id.to_string().into());
        }
        match write::insert(org, errand.writer, object, &body) {
            Ok(id) => {
                grown.created.push(json!({"referenceId": reference, "id": id.to_string()}));
                for (child, field, list) in children {
                    let parent = Some((field.as_str(), id));
                    grow(org, errand, child, parent, &list, (&mut *grown, depth + 1))?;
                }
            }
            Err(refusal) => {
                let errors = refusal.row()["errors"].clone();
                grown.refused.push(json!({"referenceId": reference, "errors": errors}));
            }
        }
    }
    Ok(())
}

type Children = Vec<(ObjectIndex, String, Json)>;

/// Parts a record's own fields from the lists of its children.
fn split(org: &Org, object: ObjectIndex, record: &Json) -> Result<(Body, Children), Refusal> {
    let Json::Object(fields) = record else {
        return Err(Refusal::malformed_body("a record has to be a JSON object"));
    };
    let (mut body, mut children) = (Body::new(), Vec::new());
    for (name, value) in fields {
        if !value["records"].is_array() {
            body.insert(name.clone(), value.clone());
            continue;
        }
        let (child, field) = org.find_children(object, name).ok_or_else(|| {
            let object = org.table(object).object.name;
            let message = format!("No such relationship '{name}' on sobject of type {object}");
            Refusal::new("INVALID_FIELD", message)
        })?;
        let field = org.table(child).object.field(field).name.to_string();
        children.push((child, field, value.clone()));
    }
    Ok((body, children))
}
