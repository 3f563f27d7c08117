//! Objects in SQLite's binary form of JSON, as <https://sqlite.org/jsonb.html> has it. Records
//! are written in it at once: `jsonb(…)` would read each from a text that is made for it alone.

use std::io::Write;

use crate::model::{Fields, Value};

/// The kinds of elements, in the lower half of a header's first byte.
const NULL: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const INTEGER: u8 = 3;
const FLOAT: u8 = 5;
/// A text as it is: whoever reads it as JSON escapes it.
const TEXT: u8 = 10;
const OBJECT: u8 = 12;

/// What the upper half says of longer elements: that their length follows, in so many bytes.
const IN_ONE: u8 = 12 << 4;
const IN_TWO: u8 = 13 << 4;
const IN_FOUR: u8 = 14 << 4;
/// The longest element whose length is the upper half itself.
const SHORT_MAX: usize = 11;
/// How many bytes a number takes at most, which is shown in up to 24 characters.
const NUMBER: usize = 2 + 24;
/// How many bytes come before what an object holds, whose length is known last.
const HEAD: usize = 5;

/// Returns fields as an object.
pub(super) fn of(fields: &Fields) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, fields.iter().map(|(name, value)| (name.as_str(), value)));
    bytes
}

/// Writes values under their names as an object in place of `bytes`, whose memory is used again.
/// What is no number in JSON becomes null.
///
/// Room is made once, for what is written: a record is kept until its page is settled, and what
/// grows by doubling keeps up to twice as much.
pub(super) fn write<'a>(
    bytes: &mut Vec<u8>,
    fields: impl Iterator<Item = (&'a str, &'a Value)> + Clone,
) {
    bytes.clear();
    let room = fields.clone().map(|(name, value)| room_of_text(name) + room_of(value));
    bytes.reserve_exact(HEAD + room.sum::<usize>());
    bytes.extend([IN_FOUR | OBJECT, 0, 0, 0, 0]);
    for (name, value) in fields {
        element(bytes, TEXT, name.as_bytes());
        match value {
            Value::Boolean(true) => bytes.push(TRUE),
            Value::Boolean(false) => bytes.push(FALSE),
            Value::Integer(number) => shown(bytes, INTEGER, format_args!("{number}")),
            // So that it has a point or an exponent, by which it is no integer.
            Value::Number(number) if number.is_finite() => {
                shown(bytes, FLOAT, format_args!("{number:?}"));
            }
            Value::Null | Value::Number(_) => bytes.push(NULL),
            Value::Text(text) => element(bytes, TEXT, text.as_bytes()),
        }
    }
    let length = length_in_four(bytes.len() - HEAD);
    bytes[1..HEAD].copy_from_slice(&length);
}

/// Returns how many bytes a value takes at most.
fn room_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Number(_) => NUMBER,
        Value::Text(text) => room_of_text(text),
    }
}

fn room_of_text(text: &str) -> usize {
    let length = text.len();
    let head = match (u8::try_from(length), u16::try_from(length)) {
        (Ok(_), _) if length <= SHORT_MAX => 1,
        (Ok(_), _) => 2,
        (_, Ok(_)) => 3,
        _ => HEAD,
    };
    head + length
}

fn element(bytes: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    let length = payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if length <= SHORT_MAX => bytes.push(short << 4 | kind),
        (Ok(length), _) => bytes.extend([IN_ONE | kind, length]),
        (_, Ok(length)) => {
            bytes.push(IN_TWO | kind);
            bytes.extend(length.to_be_bytes());
        }
        _ => {
            bytes.push(IN_FOUR | kind);
            bytes.extend(length_in_four(length));
        }
    }
    bytes.extend_from_slice(payload);
}

fn shown(bytes: &mut Vec<u8>, kind: u8, number: std::fmt::Arguments<'_>) {
    let head = bytes.len();
    bytes.extend([IN_ONE | kind, 0]);
    bytes.write_fmt(number).expect("memory takes every write");
    bytes[head + 1] = u8::try_from(bytes.len() - head - 2).expect("numbers are short");
}

fn length_in_four(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("what is read from Salesforce is far below 4 GiB").to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;
    use crate::store::value;

    fn through_sqlite(fields: &Fields) -> Fields {
        let db = Connection::open_in_memory().unwrap();
        let sql = "SELECT json(?1) AS fields, json_valid(?1, 8) AS valid";
        let bytes = of(fields);
        // The room that was made for it was enough, and not made twice.
        assert!(bytes.capacity() <= bytes.len() + NUMBER * fields.len(), "{fields:?}");
        db.query_row(sql, [bytes], |row| {
            assert!(row.get::<_, bool>("valid")?, "{fields:?}");
            value::fields(row, "fields")
        })
        .unwrap()
    }

    #[test]
    fn fields_keep_their_order_and_their_types() {
        let fields: Fields = [
            ("Zip", Value::from("007")),
            ("Amount", Value::Number(5.0)),
            ("Count", Value::Integer(5)),
            ("Least", Value::Integer(i64::MIN)),
            ("Tiny", Value::Number(-1.25e-7)),
            ("Huge", Value::Number(f64::MAX)),
            ("Open", Value::Boolean(false)),
            ("None", Value::Null),
            ("Quoted \"ü\"", Value::from("a\u{0}\n\\\"'🙂")),
            ("Account.Name", Value::from("")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        assert_eq!(through_sqlite(&fields), fields);
        assert_eq!(through_sqlite(&Fields::new()), []);
    }

    #[test]
    fn texts_of_every_length_come_back() {
        for length in [0, 11, 12, 255, 256, 65_535, 65_536, 200_000] {
            let fields = vec![("a".repeat(length), Value::from("b".repeat(length).as_str()))];
            assert_eq!(through_sqlite(&fields), fields, "{length}");
        }
    }

    #[test]
    fn what_is_no_number_becomes_no_value() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let fields = vec![("Odd".to_owned(), Value::Number(odd))];
            assert_eq!(through_sqlite(&fields)[0].1, Value::Null);
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Integer),
            proptest::num::f64::NORMAL.prop_map(Value::Number),
            any::<String>().prop_map(Value::Text),
        ]
    }

    proptest! {
        #[test]
        fn sqlite_reads_whatever_is_written(
            fields in proptest::collection::vec((any::<String>(), value()), 0..20),
        ) {
            prop_assert_eq!(through_sqlite(&fields), fields);
        }
    }
}
