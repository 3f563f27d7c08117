//! One record at a time: create, read, change, delete, by id or by key.

use serde_json::{Value as Json, json};

use super::call::Answer;
use super::conditions;
use super::describe::find;
use super::rest::{Answered, Errand};
use crate::ids::Id;
use crate::org::{Org, Slot};
use crate::refusal::Refusal;
use crate::schema::ObjectIndex;
use crate::soql::{Plan, Scope, bind, select, write_records};
use crate::write::{self, Body, Upserted, Writer, key_field, live_slot};

/// Does something whole or not at all.
pub(super) fn atomically<T>(
    org: &mut Org,
    act: impl FnOnce(&mut Org) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mark = org.mark();
    let result = act(org);
    if result.is_err() {
        org.roll_back(mark);
    }
    result
}

/// Returns the fields in a record's body.
pub(super) fn body_of(json: Json) -> Result<Body, Refusal> {
    match json {
        Json::Object(body) => Ok(body),
        _ => Err(Refusal::malformed_body("a record has to be a JSON object")),
    }
}

/// Returns the id in a path.
fn id_of(org: &Org, object: ObjectIndex, text: &str) -> Result<Id, Refusal> {
    let id = Id::parse(text).ok_or_else(|| {
        let message =
            format!("Provided external ID field does not exist or is not accessible: {text}");
        Refusal::new("NOT_FOUND", message).with_status(404)
    })?;
    if id.prefix() != org.table(object).object.prefix {
        return Err(Refusal::not_found());
    }
    Ok(id)
}

pub(super) fn create(org: &mut Org, errand: &Errand<'_>, object: &str) -> Answered {
    let object = find(org, object)?;
    let body = body_of(errand.call.json()?)?;
    let id = atomically(org, |org| write::insert(org, errand.writer, object, &body))?;
    Ok(created(org, errand, object, id, None))
}

fn created(
    org: &Org,
    errand: &Errand<'_>,
    object: ObjectIndex,
    id: Id,
    by_upsert: Option<bool>,
) -> Answer {
    let mut body = json!({"id": id.to_string(), "success": true, "errors": []});
    if let Some(created) = by_upsert {
        body["created"] = created.into();
    }
    let name = org.table(object).object.name;
    let location = format!("{}/sobjects/{name}/{id}", errand.version.base());
    Answer::json(201, &body).with_header("location", location)
}

pub(super) fn get(org: &Org, errand: &Errand<'_>, object: &str, id: &str) -> Answered {
    let object = find(org, object)?;
    let slot = live_slot(org, object, id_of(org, object, id)?)?;
    show(org, errand, object, slot)
}

pub(super) fn get_by_key(
    org: &Org,
    errand: &Errand<'_>,
    object: &str,
    field: &str,
    key: &str,
) -> Answered {
    let object = find(org, object)?;
    let field = key_field(org, object, field)?;
    match write::find_by_key(org, object, field, key)[..] {
        [] => Err(Refusal::not_found()),
        [id] => show(org, errand, object, live_slot(org, object, id)?),
        ref several => Ok(choices(org, errand, object, several)),
    }
}

/// Names the records a key stands for, when there are several.
fn choices(org: &Org, errand: &Errand<'_>, object: ObjectIndex, ids: &[Id]) -> Answer {
    let name = org.table(object).object.name;
    let base = errand.version.base();
    let urls: Vec<String> = ids.iter().map(|id| format!("{base}/sobjects/{name}/{id}")).collect();
    Answer::json(300, &json!(urls))
}

fn show(org: &Org, errand: &Errand<'_>, object: ObjectIndex, slot: Slot) -> Answered {
    if let Some(known) = conditions::known(errand.call, org, object, slot) {
        return Ok(known);
    }
    let plan = plan_of(org, errand, object, errand.call.parameter("fields"))?;
    let mut body = Vec::new();
    write_records(org, &plan, &[slot], (&errand.version.text(), Scope::Live), &mut body);
    // A record, not a list of one.
    let body = body[1..body.len() - 1].to_vec();
    Ok(conditions::marked(Answer::raw(200, body), org, object, slot))
}

/// Returns the plan that reads these fields, or all that the caller may see.
pub(super) fn plan_of(
    org: &Org,
    errand: &Errand<'_>,
    object: ObjectIndex,
    fields: Option<&str>,
) -> Result<Plan, Refusal> {
    let name = org.table(object).object.name;
    let fields: Vec<&str> = fields
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|field| !field.is_empty())
        .collect();
    let query = select(name, &fields);
    bind(org, &query, &query.to_string(), errand.now())
}

pub(super) fn update(org: &mut Org, errand: &Errand<'_>, object: &str, id: &str) -> Answered {
    let object = find(org, object)?;
    let id = id_of(org, object, id)?;
    let body = body_of(errand.call.json()?)?;
    if body.keys().any(|key| key.eq_ignore_ascii_case("id")) {
        let message = "The Id field should not be specified in the sobject data.";
        return Err(Refusal::new("INVALID_FIELD", message).with_fields(["Id"]));
    }
    conditions::check(errand.call, org, object, id)?;
    atomically(org, |org| write::update(org, errand.writer, object, id, &body))?;
    Ok(Answer::empty(204))
}

pub(super) fn delete(org: &mut Org, errand: &Errand<'_>, object: &str, id: &str) -> Answered {
    let object = find(org, object)?;
    let id = id_of(org, object, id)?;
    atomically(org, |org| write::delete(org, errand.writer, object, id))?;
    Ok(Answer::empty(204))
}

pub(super) fn delete_by_key(
    org: &mut Org,
    errand: &Errand<'_>,
    object: &str,
    (field, key): (&str, &str),
) -> Answered {
    let object = find(org, object)?;
    let field = key_field(org, object, field)?;
    match write::find_by_key(org, object, field, key)[..] {
        [] => Err(Refusal::not_found()),
        [id] => {
            atomically(org, |org| write::delete(org, errand.writer, object, id))?;
            Ok(Answer::empty(204))
        }
        ref several => Ok(choices(org, errand, object, several)),
    }
}

pub(super) fn upsert(
    org: &mut Org,
    errand: &Errand<'_>,
    object: &str,
    (name, key): (&str, &str),
) -> Answered {
    let object = find(org, object)?;
    let field = key_field(org, object, name)?;
    let body = body_of(errand.call.json()?)?;
    refuse_repeated_key(name, &body)?;
    let found = write::find_by_key(org, object, field, key);
    if found.is_empty() && errand.call.parameter("updateOnly") == Some("true") {
        return Err(Refusal::not_found());
    }
    if let [id] = found[..] {
        conditions::check(errand.call, org, object, id)?;
    }
    let done =
        atomically(org, |org| write::upsert(org, errand.writer, object, (field, key), &body))?;
    match done {
        Upserted::Created(id) => Ok(created(org, errand, object, id, Some(true))),
        Upserted::Updated(id) => {
            let body =
                json!({"id": id.to_string(), "success": true, "errors": [], "created": false});
            Ok(Answer::json(200, &body))
        }
        Upserted::Several(ids) => Ok(choices(org, errand, object, &ids)),
    }
}

fn refuse_repeated_key(name: &str, body: &Body) -> Result<(), Refusal> {
    if body.keys().any(|known| known.eq_ignore_ascii_case(name)) {
        let message = format!("The {name} field should not be specified in the sobject data.");
        return Err(Refusal::new("INVALID_FIELD", message).with_fields([name]));
    }
    Ok(())
}

/// Does one row of a collection and says how it went.
pub(super) fn row(
    org: &mut Org,
    writer: &Writer,
    act: impl FnOnce(&mut Org, &Writer) -> Result<(Id, Option<bool>), Refusal>,
) -> Result<Json, Refusal> {
    let (id, created) = atomically(org, |org| act(org, writer))?;
    let mut row = json!({"id": id.to_string(), "success": true, "errors": []});
    if let Some(created) = created {
        row["created"] = created.into();
    }
    Ok(row)
}
