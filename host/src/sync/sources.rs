//! Sources: from which field each column comes, found out by giving a mapping values that tell
//! their field.

use std::collections::BTreeMap;

use jiff::civil::date;
use jiff::{Span, Timestamp};

use crate::model::{FieldPath, Pulled, Value};
use crate::plugin::Mapping;
use crate::salesforce::{Description, FieldType};

/// Returns the fields from which columns come as they are, by column; what a mapping makes of
/// several, or computes, is not among them. Nothing is asked of the org.
pub fn sources(mapping: &Mapping, org: &Description) -> BTreeMap<String, String> {
    let reads: Vec<&FieldPath> = mapping.spec().reads.iter().map(|need| &need.path).collect();
    let row: Vec<Value> =
        reads.iter().enumerate().map(|(nth, path)| telling(nth, path, org)).collect();
    let names: Vec<String> = reads.iter().map(ToString::to_string).collect();
    let outcome = mapping.pull(&names, std::slice::from_ref(&row)).ok();
    let Some(Pulled::Mapped(values)) = outcome.and_then(|mut all| all.pop()) else {
        return BTreeMap::new();
    };
    let columns = mapping.spec().columns.iter().zip(&values);
    let found = columns.filter_map(|(column, value)| {
        let is_it = |given: &&Value| is_same(given, value);
        let place = row.iter().position(|given| is_it(&given))?;
        Some((column.name.clone(), names[place].clone()))
    });
    found.collect()
}

/// Returns a value that no other field of the row has, of the field's type.
fn telling(nth: usize, path: &FieldPath, org: &Description) -> Value {
    let nth = i64::try_from(nth).unwrap_or_default();
    match org.field(path.as_str()).map(|field| &field.kind) {
        Some(FieldType::Boolean) => Value::Boolean(false),
        Some(FieldType::Int | FieldType::Long) => Value::Integer(100_000 + nth),
        Some(FieldType::Double | FieldType::Currency | FieldType::Percent) => {
            Value::Integer(100_000 + nth)
        }
        Some(FieldType::Date) => {
            let day = date(2001, 1, 1).checked_add(Span::new().days(nth)).unwrap_or_default();
            Value::from(day.to_string().as_str())
        }
        Some(FieldType::DateTime) => {
            let moment = Timestamp::from_second(978_307_200 + nth * 3_600).unwrap_or_default();
            Value::from(moment.to_string().as_str())
        }
        _ => Value::from(path.as_str()),
    }
}

/// Tells whether a value is the one that was given, perhaps in other letters or as another
/// kind of number. A truth tells nothing.
fn is_same(given: &Value, got: &Value) -> bool {
    match (given, got) {
        (Value::Text(given), Value::Text(got)) => given.eq_ignore_ascii_case(got.trim()),
        (Value::Boolean(_) | Value::Null, _) | (_, Value::Boolean(_) | Value::Null) => false,
        (given, got) => given.same(got),
    }
}
