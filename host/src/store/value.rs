//! How the product's words lie in columns, and how they come back.
//!
//! Fields are a JSON object whose order is kept; SQLite turns it into JSONB
//! without sorting, and it is read back one by one.

use std::error::Error as StdError;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::model::{Fields, Value};

/// Returns the microseconds since 1970; finer parts are cut off.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Returns a number as SQLite holds it.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads a number that is never negative.
pub(super) fn number(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    Ok(u64::try_from(number).unwrap_or(0))
}

/// Reads a time.
pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    time_of(row.get(column)?).map_err(|error| unreadable(row, column, error))
}

/// Reads a time that may be missing.
pub(super) fn time_or_none(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    let micros: Option<i64> = row.get(column)?;
    let time = micros.map(time_of).transpose();
    time.map_err(|error| unreadable(row, column, error))
}

fn time_of(micros: i64) -> Result<Timestamp, jiff::Error> {
    Timestamp::from_microsecond(micros)
}

/// Reads a word: an object, an id, a state.
pub(super) fn word<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    T: FromStr<Err: Into<Box<dyn StdError + Send + Sync>>>,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error: T::Err| unreadable(row, column, error))
}

/// Reads a word that may be missing.
pub(super) fn word_or_none<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    T: FromStr<Err: Into<Box<dyn StdError + Send + Sync>>>,
{
    let text = row.get_ref(column)?.as_str_or_null()?;
    let word = text.map(str::parse).transpose();
    word.map_err(|error: T::Err| unreadable(row, column, error))
}

/// Reads fields from `json(…)`.
pub(super) fn fields(row: &Row<'_>, column: &str) -> rusqlite::Result<Fields> {
    let stored: StoredFields = json(row, column)?;
    Ok(stored.0)
}

/// Reads fields from JSON that [`write_object`] has written.
pub(super) fn parsed(text: &str) -> Fields {
    let stored: StoredFields = serde_json::from_str(text).expect("it was written here");
    stored.0
}

/// Reads anything else from `json(…)`.
pub(super) fn json<T: for<'de> Deserialize<'de>>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| unreadable(row, column, error))
}

fn unreadable(
    row: &Row<'_>,
    column: &str,
    error: impl Into<Box<dyn StdError + Send + Sync>>,
) -> rusqlite::Error {
    let place = row.as_ref().column_index(column).unwrap_or_default();
    rusqlite::Error::FromSqlConversionFailure(place, Type::Text, error.into())
}

/// Returns JSON for `jsonb(…)`.
pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our words have text as keys")
}

/// Returns fields as JSON for `jsonb(…)`.
pub(super) fn fields_to_json(fields: &Fields) -> String {
    let mut text = String::new();
    write_object(&mut text, fields.iter().map(|(name, value)| (name.as_str(), value)));
    text
}

/// Writes values under their names as a JSON object in place of `text`, whose
/// memory is used again.
pub(super) fn write_object<'a>(
    text: &mut String,
    fields: impl Iterator<Item = (&'a str, &'a Value)>,
) {
    let mut bytes = std::mem::take(text).into_bytes();
    bytes.clear();
    let mut serializer = serde_json::Serializer::new(&mut bytes);
    write_map(&mut serializer, fields).expect("memory takes every write");
    *text = String::from_utf8(bytes).expect("JSON is text");
}

fn write_map<'a, S: Serializer>(
    serializer: S,
    fields: impl Iterator<Item = (&'a str, &'a Value)>,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (name, value) in fields {
        map.serialize_entry(name, &Stored(value))?;
    }
    map.end()
}

/// Returns half of a SHA-256, which is more than enough to tell states of one
/// thing apart, doesn't change from one build to the next as the hashes of the
/// standard library may, and is done by the processor itself.
pub(super) fn hash(json: &str) -> [u8; 16] {
    let whole: [u8; 32] = Sha256::digest(json.as_bytes()).into();
    std::array::from_fn(|place| whole[place])
}

/// A value on its way to JSON. What is no number in JSON becomes null.
struct Stored<'a>(&'a Value);

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => serializer.serialize_i64(*value),
            Value::Number(value) => serializer.serialize_f64(*value),
            Value::Text(value) => serializer.serialize_str(value),
        }
    }
}

struct StoredFields(Fields);

impl<'de> Deserialize<'de> for StoredFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadFields).map(Self)
    }
}

struct ReadFields;

impl<'de> Visitor<'de> for ReadFields {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("values under their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::new();
        while let Some((name, StoredValue(value))) = map.next_entry()? {
            fields.push((name, value));
        }
        Ok(fields)
    }
}

struct StoredValue(Value);

impl<'de> Deserialize<'de> for StoredValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadValue).map(Self)
    }
}

struct ReadValue;

impl Visitor<'_> for ReadValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        let whole = i64::try_from(value).map(Value::Integer);
        Ok(whole.unwrap_or(Value::Number(value as f64)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn through_sqlite(fields: &Fields) -> Fields {
        let db = Connection::open_in_memory().unwrap();
        let sql = "SELECT json(jsonb(?1)) AS fields";
        db.query_row(sql, [fields_to_json(fields)], |row| super::fields(row, "fields")).unwrap()
    }

    #[test]
    fn fields_keep_their_order_and_their_types() {
        let fields: Fields = [
            ("Zip", Value::from("007")),
            ("Amount", Value::Number(5.0)),
            ("Count", Value::Integer(5)),
            ("Least", Value::Integer(i64::MIN)),
            ("Tiny", Value::Number(-1.25e-7)),
            ("Open", Value::Boolean(false)),
            ("None", Value::Null),
            ("Quoted \"ü\"", Value::from("a\u{0}\n\\\"'🙂")),
            ("Account.Name", Value::from("")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        assert_eq!(through_sqlite(&fields), fields);
    }

    #[test]
    fn what_is_no_number_becomes_no_value() {
        let fields = vec![("Odd".to_owned(), Value::Number(f64::NAN))];
        assert_eq!(through_sqlite(&fields)[0].1, Value::Null);
    }
}
