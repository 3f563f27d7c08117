//! One stored record: only the fields that hold something take room.

use jiff::civil::Date;

use super::words;
use crate::ids::Id;
use crate::schema::{FIELD_LIMIT, FieldIndex};
use crate::value::{Cell, Value};

/// How many bytes say which fields are stored, a bit for each.
const MARKS: usize = FIELD_LIMIT / 8;

/// A record's values in one run of bytes: first a bit for each field that is
/// stored, then their values; the number of bits before a field's is its place. A
/// million records with an allocation for each value would not fit a laptop.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row {
    /// Empty where nothing is stored.
    bytes: Vec<u8>,
}

impl Row {
    /// Returns what the field holds.
    pub(crate) fn get(&self, field: FieldIndex) -> Cell<'_> {
        let stored = self.stored();
        if stored >> field & 1 == 0 {
            return Cell::Null;
        }
        read(&self.bytes[self.start_of(stored, field)..])
    }

    /// Sets or clears a field.
    pub(crate) fn set(&mut self, field: FieldIndex, value: Option<Value>) {
        assert!(field < FIELD_LIMIT, "an object has at most {FIELD_LIMIT} fields");
        let mut stored = self.stored();
        if self.bytes.is_empty() {
            self.bytes.resize(MARKS, 0);
        }
        let start = self.start_of(stored, field);
        let end = match stored >> field & 1 {
            0 => start,
            _ => start + length(&self.bytes[start..]),
        };
        let mut written = Vec::new();
        match value {
            Some(value) => {
                write(&value, &mut written);
                stored |= 1 << field;
            }
            None => stored &= !(1 << field),
        }
        self.bytes.splice(start..end, written);
        self.bytes[..MARKS].copy_from_slice(&stored.to_le_bytes());
        if stored == 0 {
            self.bytes.clear();
        }
    }

    /// Returns a bit for each field that is stored.
    fn stored(&self) -> u128 {
        self.bytes.first_chunk().map_or(0, |marks: &[u8; MARKS]| u128::from_le_bytes(*marks))
    }

    fn start_of(&self, stored: u128, field: FieldIndex) -> usize {
        let before = (stored & ((1 << field) - 1)).count_ones();
        (0..before).fold(MARKS, |start, _| start + length(&self.bytes[start..]))
    }

    /// Gives back the room it doesn't use. Into a new place: what is cut off from
    /// the end of the old one would be too small for the next row to be made in.
    pub(crate) fn shrink(&mut self) {
        if self.bytes.len() < self.bytes.capacity() {
            self.bytes = self.bytes.as_slice().to_vec();
        }
    }
}

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const INT: u8 = 2;
const NUMBER: u8 = 3;
const DATE: u8 = 4;
const MOMENT: u8 = 5;
const ID: u8 = 6;
/// A moment of this century, in four bytes.
const SHORT_MOMENT: u8 = 7;
/// An id that this org gave: the object's three characters, and the serial number
/// in five bytes.
const SHORT_ID: u8 = 8;
/// A text whose length, four bytes of it, follows.
const LONG_TEXT: u8 = 9;
/// A text that many rows hold, by its place among them.
const WORD: u8 = 10;
/// This and above: a text whose length is what is left.
const SHORT_TEXT: u8 = 11;

/// Above this, a serial number doesn't fit a short id.
const SHORT_SERIAL_MAX: u64 = (1 << 40) - 1;

/// Returns how many bytes the first value takes.
fn length(bytes: &[u8]) -> usize {
    match bytes[0] {
        FALSE | TRUE => 1,
        INT | NUMBER | MOMENT => 9,
        DATE | SHORT_MOMENT => 5,
        ID => 16,
        SHORT_ID => 9,
        WORD => 3,
        LONG_TEXT => 5 + u32::from_le_bytes(taken(&bytes[1..])) as usize,
        tag => 1 + usize::from(tag - SHORT_TEXT),
    }
}

/// Returns the first value.
fn read(bytes: &[u8]) -> Cell<'_> {
    let rest = &bytes[1..length(bytes)];
    match bytes[0] {
        FALSE => Cell::Bool(false),
        TRUE => Cell::Bool(true),
        INT => Cell::Int(i64::from_le_bytes(taken(rest))),
        NUMBER => Cell::Number(f64::from_le_bytes(taken(rest))),
        MOMENT => Cell::Moment(i64::from_le_bytes(taken(rest))),
        DATE => {
            let [year, century, month, day] = taken(rest);
            let year = i16::from_le_bytes([year, century]);
            let date = Date::new(year, month.cast_signed(), day.cast_signed());
            Cell::Date(date.unwrap_or_default())
        }
        ID => Cell::Id(Id::from_short(taken(rest))),
        SHORT_MOMENT => Cell::Moment(u32::from_le_bytes(taken(rest)).into()),
        SHORT_ID => {
            let (prefix, serial) = rest.split_at(3);
            let mut eight = [0; 8];
            eight[..5].copy_from_slice(serial);
            let prefix = std::str::from_utf8(prefix).unwrap_or_default();
            Cell::Id(Id::compose(prefix, u64::from_le_bytes(eight)))
        }
        LONG_TEXT => text(&rest[4..]),
        WORD => Cell::Text(words::word(words::Place::from_le_bytes(taken(rest)))),
        _ => text(rest),
    }
}

fn text(bytes: &[u8]) -> Cell<'_> {
    Cell::Text(std::str::from_utf8(bytes).unwrap_or_default())
}

/// Returns the first bytes, as many as asked for.
fn taken<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut taken = [0; N];
    taken.copy_from_slice(&bytes[..N]);
    taken
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
        Value::Int(value) => tagged(INT, &value.to_le_bytes(), out),
        Value::Number(value) => tagged(NUMBER, &value.to_le_bytes(), out),
        Value::Moment(value) => match u32::try_from(*value) {
            Ok(value) => tagged(SHORT_MOMENT, &value.to_le_bytes(), out),
            Err(_) => tagged(MOMENT, &value.to_le_bytes(), out),
        },
        Value::Date(date) => {
            let [year, century] = date.year().to_le_bytes();
            let day = [year, century, date.month().cast_unsigned(), date.day().cast_unsigned()];
            tagged(DATE, &day, out);
        }
        Value::Id(id) => match id.serial().filter(|serial| *serial <= SHORT_SERIAL_MAX) {
            Some(serial) => {
                tagged(SHORT_ID, id.prefix().as_bytes(), out);
                out.extend_from_slice(&serial.to_le_bytes()[..5]);
            }
            None => tagged(ID, id.short().as_bytes(), out),
        },
        Value::Text(text) => match words::place(text) {
            Some(place) => tagged(WORD, &place.to_le_bytes(), out),
            None if text.len() <= usize::from(u8::MAX - SHORT_TEXT) => {
                tagged(SHORT_TEXT + text.len() as u8, text.as_bytes(), out);
            }
            None => {
                tagged(LONG_TEXT, &(text.len() as u32).to_le_bytes(), out);
                out.extend_from_slice(text.as_bytes());
            }
        },
    }
}

fn tagged(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (-1e12..1e12).prop_map(Value::Number),
            any::<i64>().prop_map(Value::Moment),
            (0..4_000_000_000_i64).prop_map(Value::Moment),
            (1..28_i8).prop_map(|day| Value::Date(date(2026, 2, day))),
            any::<u32>().prop_map(|serial| Value::Id(Id::compose("003", serial.into()))),
            any::<u64>().prop_map(|serial| Value::Id(Id::compose("a00", serial))),
            Just(Value::Id(Id::from_short(*b"003q000000KvQ1t"))),
            "\\PC{1,300}".prop_map(|text| Value::Text(text.into())),
        ]
    }

    proptest! {
        #[test]
        fn a_row_holds_what_was_set_last(
            changes in prop::collection::vec((0..FIELD_LIMIT, prop::option::of(value())), 0..40),
        ) {
            let mut row = Row::default();
            let mut expected = vec![None; FIELD_LIMIT];
            for (field, value) in changes {
                row.set(field, value.clone());
                expected[field] = value;
            }
            for (field, value) in expected.iter().enumerate() {
                let cell = value.as_ref().map_or(Cell::Null, Value::cell);
                prop_assert_eq!(row.get(field), cell);
            }
        }
    }
}
