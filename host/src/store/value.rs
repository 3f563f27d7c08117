//! How the product's words lie in columns, and how they come back.
//!
//! Fields are an object in JSONB whose order is kept; they are read back one by one.

use std::error::Error as StdError;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
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

/// Returns half of a SHA-256, which is more than enough to tell states of one
/// thing apart, doesn't change from one build to the next as the hashes of the
/// standard library may, and is done by the processor itself.
pub(super) fn hash(bytes: &[u8]) -> [u8; 16] {
    let whole: [u8; 32] = Sha256::digest(bytes).into();
    std::array::from_fn(|place| whole[place])
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
