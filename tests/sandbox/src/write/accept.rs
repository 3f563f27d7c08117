//! Reads a record's body: names become fields, JSON becomes values.

use serde_json::Value as Json;

use super::{Body, Changes, Purpose, find_by_key};
use crate::ids::Id;
use crate::org::Org;
use crate::refusal::Refusal;
use crate::schema::{Field, ID_FIELD, Kind, Object, ObjectIndex};
use crate::value::{Value, parse_date, parse_moment};

/// Returns what the body asks to store.
///
/// # Errors
///
/// Refuses unknown fields, fields that can't be written, and values that don't
/// fit their field, in this order.
pub(super) fn accept(
    org: &Org,
    object: ObjectIndex,
    body: &Body,
    purpose: Purpose,
) -> Result<Changes, Refusal> {
    let schema = &org.table(object).object;
    let mut named = Vec::with_capacity(body.len());
    for (name, json) in body {
        if name.eq_ignore_ascii_case("attributes") {
            continue;
        }
        if let (Json::Object(parent), Some(index)) = (json, schema.find_relationship(name)) {
            named.push((index, Json::String(by_foreign_key(org, schema, index, parent)?)));
            continue;
        }
        let index = schema.find(name).ok_or_else(|| no_such_column(schema, name))?;
        if index != ID_FIELD {
            named.push((index, json.clone()));
        } else if purpose == Purpose::Create {
            let message = "cannot specify Id in an insert call";
            return Err(Refusal::new("INVALID_FIELD", message).with_fields(["Id"]));
        }
    }
    refuse_unwritable(schema, &named, purpose)?;
    named.into_iter().map(|(index, json)| Ok((index, value(schema.field(index), &json)?))).collect()
}

fn no_such_column(schema: &Object, name: &str) -> Refusal {
    let message = format!("No such column '{name}' on sobject of type {}", schema.name);
    Refusal::new("INVALID_FIELD", message)
}

/// Returns the id of the parent that `{"Key__c": "A-7"}` names.
fn by_foreign_key(
    org: &Org,
    schema: &Object,
    index: usize,
    parent: &Body,
) -> Result<String, Refusal> {
    let field = schema.field(index);
    // A reference to one of several objects says which one.
    let named = parent.get("attributes").and_then(|attributes| attributes["type"].as_str());
    let target = named.unwrap_or(&field.refers_to[0]);
    let target = org.find_object(target).ok_or_else(Refusal::not_found)?;
    let mut keys = parent.iter().filter(|(name, _)| *name != "attributes");
    let (Some((name, json)), None) = (keys.next(), keys.next()) else {
        let message = format!("{} needs exactly one external ID field", field.name);
        return Err(Refusal::new("INVALID_FIELD", message));
    };
    let target_schema = &org.table(target).object;
    let key = target_schema.find(name).ok_or_else(|| no_such_column(target_schema, name))?;
    let text = json.as_str().unwrap_or_default();
    match find_by_key(org, target, key, text)[..] {
        [id] => Ok(id.to_string()),
        [] => Err(Refusal::new(
            "INVALID_FIELD",
            format!(
                "Foreign key external ID: {text} not found for field {name} in entity {}",
                target_schema.name
            ),
        )),
        _ => Err(Refusal::new(
            "DUPLICATE_EXTERNAL_ID",
            format!("Foreign key external ID: {text} matches more than one record"),
        )),
    }
}

fn refuse_unwritable(
    schema: &Object,
    named: &[(usize, Json)],
    purpose: Purpose,
) -> Result<(), Refusal> {
    let refused: Vec<String> = named
        .iter()
        .map(|(index, _)| schema.field(*index))
        .filter(|field| match purpose {
            Purpose::Create => !field.createable,
            Purpose::Update => !field.updateable,
        })
        .map(|field| field.name.to_string())
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Unable to create/update fields: {}. Please check the security settings of this field and \
         verify that it is read/write for your profile or permission set.",
        refused.join(", ")
    );
    Err(Refusal::new("INVALID_FIELD_FOR_INSERT_UPDATE", message).with_fields(refused))
}

/// Returns the value a field stores for this JSON, or nothing for null.
fn value(field: &Field, json: &Json) -> Result<Option<Value>, Refusal> {
    match json {
        Json::Null if field.kind == Kind::Boolean => Ok(Some(Value::Bool(false))),
        Json::Null => Ok(None),
        Json::String(text) if text.is_empty() && field.kind != Kind::Boolean => Ok(None),
        _ => match field.kind {
            Kind::Id | Kind::Reference => reference(field, json).map(Some),
            Kind::Boolean => boolean(field, json).map(Some),
            Kind::Int => whole_number(field, json).map(Some),
            Kind::Double | Kind::Currency | Kind::Percent => number(field, json).map(Some),
            Kind::Date => date(field, json).map(Some),
            Kind::DateTime => moment(field, json).map(Some),
            Kind::Address => Err(wrong_type(field, json)),
            _ => text(field, json),
        },
    }
}

fn wrong_type(field: &Field, json: &Json) -> Refusal {
    let wanted = match field.kind {
        Kind::Boolean => "boolean",
        Kind::Int => "int",
        Kind::Double | Kind::Currency | Kind::Percent => "double",
        Kind::Date => "date",
        Kind::DateTime => "datetime",
        Kind::Reference => "reference",
        Kind::Address => "address",
        _ => "string",
    };
    let (token, shown) = match json {
        Json::Null => ("VALUE_NULL", String::new()),
        Json::Bool(true) => ("VALUE_TRUE", "true".to_owned()),
        Json::Bool(false) => ("VALUE_FALSE", "false".to_owned()),
        Json::Number(number) if number.is_f64() => ("VALUE_NUMBER_FLOAT", number.to_string()),
        Json::Number(number) => ("VALUE_NUMBER_INT", number.to_string()),
        Json::String(text) => ("VALUE_STRING", text.clone()),
        Json::Array(_) => ("START_ARRAY", "[".to_owned()),
        Json::Object(_) => ("START_OBJECT", "{".to_owned()),
    };
    Refusal::malformed_body(format!(
        "Cannot deserialize instance of {wanted} from {token} value {shown} or request may be \
         missing a required field at [field:{}]",
        field.name
    ))
}

fn reference(field: &Field, json: &Json) -> Result<Value, Refusal> {
    let text = json.as_str().ok_or_else(|| wrong_type(field, json))?;
    Id::parse(text).map(Value::Id).ok_or_else(|| {
        let message = format!("{}: id value of incorrect type: {text}", field.label);
        Refusal::new("MALFORMED_ID", message).with_fields([&*field.name])
    })
}

fn boolean(field: &Field, json: &Json) -> Result<Value, Refusal> {
    match json {
        Json::Bool(value) => Ok(Value::Bool(*value)),
        Json::String(text) if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        Json::String(text) if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        _ => Err(wrong_type(field, json)),
    }
}

/// Numbers may come as text; Salesforce reads those too.
fn float(field: &Field, json: &Json) -> Result<f64, Refusal> {
    let number = match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite()).ok_or_else(|| wrong_type(field, json))
}

fn whole_number(field: &Field, json: &Json) -> Result<Value, Refusal> {
    let number = float(field, json)?;
    if number.fract() != 0.0 {
        return Err(wrong_type(field, json));
    }
    check_range(field, number, field.digits)?;
    Ok(Value::Int(number as i64))
}

fn number(field: &Field, json: &Json) -> Result<Value, Refusal> {
    let number = float(field, json)?;
    check_range(field, number, field.precision - field.scale)?;
    let unit = 10_f64.powi(field.scale as i32);
    Ok(Value::Number((number * unit).round() / unit))
}

fn check_range(field: &Field, number: f64, digits: u32) -> Result<(), Refusal> {
    if number.abs() < 10_f64.powi(digits as i32) {
        return Ok(());
    }
    let message =
        format!("{}: value outside of valid range on numeric field: {number}", field.label);
    Err(Refusal::new("NUMBER_OUTSIDE_VALID_RANGE", message).with_fields([&*field.name]))
}

fn date(field: &Field, json: &Json) -> Result<Value, Refusal> {
    let text = json.as_str().ok_or_else(|| wrong_type(field, json))?;
    let day = text.split_once('T').map_or(text, |(day, _)| day);
    parse_date(day).map(Value::Date).ok_or_else(|| wrong_type(field, json))
}

fn moment(field: &Field, json: &Json) -> Result<Value, Refusal> {
    let text = json.as_str().ok_or_else(|| wrong_type(field, json))?;
    parse_moment(text)
        .or_else(|| parse_date(text).map(crate::value::start_of))
        .map(Value::Moment)
        .ok_or_else(|| wrong_type(field, json))
}

fn text(field: &Field, json: &Json) -> Result<Option<Value>, Refusal> {
    let text = json.as_str().ok_or_else(|| wrong_type(field, json))?;
    let text = text.trim_end();
    if text.chars().count() > field.length {
        let message =
            format!("{}: data value too large: {text} (max length={})", field.label, field.length);
        return Err(Refusal::new("STRING_TOO_LONG", message).with_fields([&*field.name]));
    }
    if field.restricted && !field.choices.iter().any(|choice| &*choice.value == text) {
        let message = format!("{}: bad value for restricted picklist field: {text}", field.label);
        return Err(Refusal::new("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message)
            .with_fields([&*field.name]));
    }
    if field.kind == Kind::Email && !text.is_empty() && !is_email(text) {
        let message = format!("{}: invalid email address: {text}", field.label);
        return Err(Refusal::new("INVALID_EMAIL_ADDRESS", message).with_fields([&*field.name]));
    }
    Ok(Value::text(text))
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let plain = |part: &str| {
        !part.is_empty() && !part.contains([' ', '@', ',', ';', '<', '>', '(', ')', '"'])
    };
    plain(local)
        && plain(domain)
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
}
