//! Up to 200 records at a time, each with its own result.

use serde_json::{Value as Json, json};

use super::call::Answer;
use super::describe::find;
use super::records::{body_of, plan_of, row};
use super::rest::{Answered, Errand};
use crate::ids::Id;
use crate::org::{Org, Slot};
use crate::refusal::Refusal;
use crate::schema::{ID_FIELD, ObjectIndex};
use crate::soql::{Scope, write_records};
use crate::write::{self, Body, Upserted, Writer, key_field};

/// The most records written by one call.
const WRITE_LIMIT: usize = 200;

/// The most records read by one call.
const READ_LIMIT: usize = 2_000;

type Row = Result<Json, Refusal>;

struct Batch {
    all_or_none: bool,
    records: Vec<Json>,
}

fn batch_of(errand: &Errand<'_>) -> Result<Batch, Refusal> {
    let mut body = errand.call.json()?;
    let all_or_none = body["allOrNone"].as_bool().unwrap_or(false);
    let Json::Array(records) = body["records"].take() else {
        return Err(Refusal::malformed_body("a collection needs an array `records`"));
    };
    check_count(records.len(), WRITE_LIMIT)?;
    Ok(Batch { all_or_none, records })
}

fn check_count(count: usize, limit: usize) -> Result<(), Refusal> {
    if count <= limit {
        return Ok(());
    }
    let message =
        format!("record limit reached. cannot submit more than {limit} records into this call");
    Err(Refusal::new("EXCEEDED_ID_LIMIT", message))
}

/// Does the rows one by one. With all or none, one bad row undoes the others.
fn each(
    org: &mut Org,
    writer: &Writer,
    batch: Batch,
    act: impl Fn(&mut Org, &Writer, Body) -> Result<(Id, Option<bool>), Refusal>,
) -> Answer {
    let mark = org.mark();
    let rows: Vec<Row> = batch
        .records
        .into_iter()
        .map(|record| {
            let body = body_of(record)?;
            row(org, writer, |org, writer| act(org, writer, body))
        })
        .collect();
    let undone = batch.all_or_none && rows.iter().any(Result::is_err);
    if undone {
        org.roll_back(mark);
    }
    Answer::json(200, &results(rows, undone))
}

fn results(rows: Vec<Row>, undone: bool) -> Json {
    rows.into_iter()
        .map(|row| match row {
            Ok(_) if undone => Refusal::new(
                "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                "Record rolled back because not all records were valid and the request was using \
                 AllOrNone header",
            )
            .row(),
            Ok(row) => row,
            Err(refusal) => refusal.row(),
        })
        .collect()
}

/// Returns the object that a record's attributes name.
fn object_of(org: &Org, body: &Body) -> Result<ObjectIndex, Refusal> {
    let name = body.get("attributes").and_then(|attributes| attributes["type"].as_str());
    let name = name.ok_or_else(|| {
        Refusal::new("INVALID_INPUT", "Include the attributes of each record with its `type`")
    })?;
    org.visible_object(name).ok_or_else(|| {
        let message = format!("sObject type '{name}' is not supported.");
        Refusal::new("INVALID_TYPE", message)
    })
}

/// Takes the id out of a record.
fn take_id(body: &mut Body) -> Result<Id, Refusal> {
    let key = body.keys().find(|key| key.eq_ignore_ascii_case("id")).cloned();
    let value = key.and_then(|key| body.shift_remove(&key));
    let text = value.as_ref().and_then(Json::as_str).unwrap_or_default();
    if text.is_empty() {
        let message = "Id not specified in an update call";
        return Err(Refusal::new("MISSING_ARGUMENT", message).with_fields(["Id"]));
    }
    Id::parse(text).ok_or_else(|| malformed_id(text))
}

fn malformed_id(text: &str) -> Refusal {
    Refusal::new("MALFORMED_ID", format!("malformed id {text}")).with_fields(["Id"])
}

pub(super) fn create(org: &mut Org, errand: &Errand<'_>) -> Answered {
    let batch = batch_of(errand)?;
    Ok(each(org, errand.writer, batch, |org, writer, body| {
        let object = object_of(org, &body)?;
        Ok((write::insert(org, writer, object, &body)?, None))
    }))
}

pub(super) fn update(org: &mut Org, errand: &Errand<'_>) -> Answered {
    let batch = batch_of(errand)?;
    Ok(each(org, errand.writer, batch, |org, writer, mut body| {
        let object = object_of(org, &body)?;
        let id = take_id(&mut body)?;
        write::update(org, writer, object, id, &body).map_err(in_row)?;
        Ok((id, None))
    }))
}

/// In a row an unknown id is a bad reference: there is no status to say 404.
fn in_row(refusal: Refusal) -> Refusal {
    match refusal.code {
        "NOT_FOUND" => Refusal::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        _ => refusal,
    }
}

pub(super) fn delete(org: &mut Org, errand: &Errand<'_>) -> Answered {
    let ids = errand.call.parameter("ids").unwrap_or_default();
    let records: Vec<Json> =
        ids.split(',').filter(|id| !id.is_empty()).map(|id| json!({"id": id.trim()})).collect();
    if records.is_empty() {
        return Err(Refusal::new("MISSING_ARGUMENT", "The ids parameter is missing"));
    }
    check_count(records.len(), WRITE_LIMIT)?;
    let batch = Batch { all_or_none: errand.call.parameter("allOrNone") == Some("true"), records };
    Ok(each(org, errand.writer, batch, |org, writer, mut body| {
        let id = take_id(&mut body)?;
        let unknown = || Refusal::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id");
        let (object, _) = org.locate(id).ok_or_else(unknown)?;
        write::delete(org, writer, object, id).map_err(in_row)?;
        Ok((id, None))
    }))
}

pub(super) fn upsert(org: &mut Org, errand: &Errand<'_>, object: &str, field: &str) -> Answered {
    let object = find(org, object)?;
    let field = key_field(org, object, field)?;
    let name = org.table(object).object.field(field).name.to_string();
    let batch = batch_of(errand)?;
    let keys: Vec<Option<String>> =
        batch.records.iter().map(|record| key_in(record, &name)).collect();
    let doubled = |key: &str| {
        let same = |known: &&Option<String>| {
            known.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(key))
        };
        keys.iter().filter(same).count() > 1
    };
    Ok(each(org, errand.writer, batch, |org, writer, mut body| {
        if object_of(org, &body)? != object {
            let message = "all records of an upsert have to be of one type";
            return Err(Refusal::new("INVALID_INPUT", message));
        }
        let key = key_in(&Json::Object(body.clone()), &name);
        body.retain(|known, _| !known.eq_ignore_ascii_case(&name));
        let Some(key) = key else {
            if field == ID_FIELD {
                return Ok((write::insert(org, writer, object, &body)?, Some(true)));
            }
            let message = format!("{name} not specified");
            return Err(Refusal::new("MISSING_ARGUMENT", message).with_fields([&name]));
        };
        if doubled(&key) {
            let message = format!("duplicate external id specified: {key}");
            return Err(Refusal::new("DUPLICATE_VALUE", message).with_fields([&name]));
        }
        match write::upsert(org, writer, object, (field, &key), &body).map_err(in_row)? {
            Upserted::Created(id) => Ok((id, Some(true))),
            Upserted::Updated(id) => Ok((id, Some(false))),
            Upserted::Several(ids) => {
                let ids: Vec<String> = ids.iter().map(Id::to_string).collect();
                let message = format!(
                    "{name}: more than one record found for external id field: [{}]",
                    ids.join(", ")
                );
                Err(Refusal::new("DUPLICATE_EXTERNAL_ID", message))
            }
        }
    }))
}

fn key_in(record: &Json, name: &str) -> Option<String> {
    let mut pairs = record.as_object()?.iter();
    let (_, value) = pairs.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    match value {
        Json::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads records by id; what is missing is null in its place.
pub(super) fn retrieve(org: &Org, errand: &Errand<'_>, object: &str) -> Answered {
    let object = find(org, object)?;
    let (ids, fields) = match errand.call.method.as_str() {
        "POST" => {
            let body = errand.call.json()?;
            (texts(&body["ids"])?, texts(&body["fields"])?)
        }
        _ => {
            let list = |name| -> Vec<String> {
                let list = errand.call.parameter(name).unwrap_or_default();
                list.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect()
            };
            (list("ids"), list("fields"))
        }
    };
    check_count(ids.len(), READ_LIMIT)?;
    if fields.is_empty() {
        return Err(Refusal::new("MISSING_ARGUMENT", "The fields parameter is missing"));
    }
    let plan = plan_of(org, errand, object, Some(&fields.join(",")))?;
    let table = org.table(object);
    let version = errand.version.text();
    let mut body = vec![b'['];
    for (place, id) in ids.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        let id = Id::parse(id).ok_or_else(|| malformed_id(id))?;
        let slot: Option<Slot> = table.slot_of(id).filter(|slot| !table.is_deleted(*slot));
        match slot {
            Some(slot) => {
                let mut record = Vec::new();
                write_records(org, &plan, &[slot], (&version, Scope::Live), &mut record);
                body.extend_from_slice(&record[1..record.len() - 1]);
            }
            None => body.extend_from_slice(b"null"),
        }
    }
    body.push(b']');
    Ok(Answer::raw(200, body))
}

fn texts(json: &Json) -> Result<Vec<String>, Refusal> {
    let list = json
        .as_array()
        .ok_or_else(|| Refusal::malformed_body("`ids` and `fields` have to be arrays"))?;
    Ok(list.iter().filter_map(Json::as_str).map(str::to_owned).collect())
}
