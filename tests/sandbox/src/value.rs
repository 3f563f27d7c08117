//! What a field holds, and how it is written as JSON.

use std::cmp::Ordering;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, civil};

use crate::ids::Id;

/// A stored value. Absent values are not stored at all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A checkbox.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction: double, currency, percent.
    Number(f64),
    /// Any text, never empty.
    Text(Box<str>),
    /// A day without a zone.
    Date(Date),
    /// A moment, in seconds since the epoch.
    Moment(i64),
    /// A reference to a record.
    Id(Id),
}

impl Value {
    /// Returns the text as a value, or nothing for an empty one.
    pub(crate) fn text(text: impl Into<Box<str>>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty()).then_some(Self::Text(text))
    }

    /// Returns the value as it is looked at.
    pub(crate) fn cell(&self) -> Cell<'_> {
        match self {
            Self::Bool(value) => Cell::Bool(*value),
            Self::Int(value) => Cell::Int(*value),
            Self::Number(value) => Cell::Number(*value),
            Self::Text(value) => Cell::Text(value),
            Self::Date(value) => Cell::Date(*value),
            Self::Moment(value) => Cell::Moment(*value),
            Self::Id(value) => Cell::Id(*value),
        }
    }
}

/// A value as a query sees it: borrowed, and null where nothing is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Number(f64),
    Text(&'a str),
    Date(Date),
    Moment(i64),
    Id(Id),
}

impl<'a> Cell<'a> {
    /// Returns whether nothing is stored.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the id, if it is one.
    pub(crate) fn as_id(&self) -> Option<Id> {
        match self {
            Self::Id(id) => Some(*id),
            _ => None,
        }
    }

    /// Returns whether it is a checked box.
    pub(crate) fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// Returns the number, whole or not.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns a value to store, or nothing for null.
    pub(crate) fn to_value(self) -> Option<Value> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(Value::Bool(value)),
            Self::Int(value) => Some(Value::Int(value)),
            Self::Number(value) => Some(Value::Number(value)),
            Self::Text(value) => Value::text(value),
            Self::Date(value) => Some(Value::Date(value)),
            Self::Moment(value) => Some(Value::Moment(value)),
            Self::Id(value) => Some(Value::Id(value)),
        }
    }

    /// Compares two values of one field; null sorts first.
    pub(crate) fn compare(&self, other: &Cell<'_>) -> Ordering {
        match (self, other) {
            (Self::Null, Cell::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Cell::Null) => Ordering::Greater,
            (Self::Bool(left), Cell::Bool(right)) => left.cmp(right),
            (Self::Int(left), Cell::Int(right)) => left.cmp(right),
            (Self::Text(left), Cell::Text(right)) => compare_folded(left, right),
            (Self::Date(left), Cell::Date(right)) => left.cmp(right),
            (Self::Moment(left), Cell::Moment(right)) => left.cmp(right),
            (Self::Id(left), Cell::Id(right)) => left.cmp(right),
            (left, right) => match (left.as_number(), right.as_number()) {
                (Some(left), Some(right)) => left.total_cmp(&right),
                _ => Ordering::Equal,
            },
        }
    }

    /// Writes the value as Salesforce spells it in JSON.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Number(value) => out.extend_from_slice(format!("{value:?}").as_bytes()),
            Self::Text(text) => write_json_text(text, out),
            Self::Date(date) => {
                out.push(b'"');
                out.extend_from_slice(date.to_string().as_bytes());
                out.push(b'"');
            }
            Self::Moment(seconds) => {
                out.push(b'"');
                write_moment(*seconds, out);
                out.push(b'"');
            }
            Self::Id(id) => {
                out.push(b'"');
                out.extend_from_slice(&id.long());
                out.push(b'"');
            }
        }
    }
}

/// Writes `text` as a JSON string.
pub(crate) fn write_json_text(text: &str, out: &mut Vec<u8>) {
    // Writing to a vector can't fail.
    let _ = serde_json::to_writer(out, text);
}

/// Returns text as it is compared: without regard to case.
pub(crate) fn folded(text: &str) -> String {
    match text.is_ascii() {
        true => text.to_ascii_lowercase(),
        false => text.chars().flat_map(char::to_lowercase).collect(),
    }
}

/// Compares without regard to case, as SOQL does.
pub(crate) fn compare_folded(left: &str, right: &str) -> Ordering {
    if left.is_ascii() && right.is_ascii() {
        let left = left.bytes().map(|byte| byte.to_ascii_lowercase());
        return left.cmp(right.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    let left = left.chars().flat_map(char::to_lowercase);
    left.cmp(right.chars().flat_map(char::to_lowercase))
}

/// Writes `2026-01-02T03:04:05.000+0000`: always UTC, never a colon in the offset.
fn write_moment(seconds: i64, out: &mut Vec<u8>) {
    let at = civil_utc(seconds);
    let mut text = *b"0000-00-00T00:00:00.000+0000";
    let mut digits = |place: usize, width: usize, mut value: u32| {
        for offset in (0..width).rev() {
            text[place + offset] = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    digits(0, 4, at.year().unsigned_abs().into());
    digits(5, 2, at.month().unsigned_abs().into());
    digits(8, 2, at.day().unsigned_abs().into());
    digits(11, 2, at.hour().unsigned_abs().into());
    digits(14, 2, at.minute().unsigned_abs().into());
    digits(17, 2, at.second().unsigned_abs().into());
    out.extend_from_slice(&text);
}

/// Returns a moment as Salesforce spells it.
pub(crate) fn moment_text(seconds: i64) -> String {
    let mut out = Vec::with_capacity(28);
    write_moment(seconds, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Returns the date and time in UTC.
pub(crate) fn civil_utc(seconds: i64) -> civil::DateTime {
    Offset::UTC.to_datetime(Timestamp::from_second(seconds).unwrap_or_default())
}

/// Returns the moment a day starts in UTC.
pub(crate) fn start_of(date: Date) -> i64 {
    let midnight = date.to_datetime(civil::Time::midnight());
    Offset::UTC.to_timestamp(midnight).map(|at| at.as_second()).unwrap_or_default()
}

/// Returns the moment that `text` spells: `Z`, `+00:00` or `+0000`, with or
/// without a fraction of a second, which is dropped.
pub(crate) fn parse_moment(text: &str) -> Option<i64> {
    let (day, rest) = text.split_once(['T', 't'])?;
    let split = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at(split);
    let day: Date = parse_date(day)?;
    let time: civil::Time = time.parse().ok()?;
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
            if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let (hours, minutes) = digits.split_at(2);
            let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
            if zone.starts_with('-') { -seconds } else { seconds }
        }
    };
    let local = Offset::UTC.to_timestamp(day.to_datetime(time)).ok()?;
    Some(local.as_second() - offset)
}

/// Returns the day that `text` spells: `2026-01-02` and nothing else.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_without_a_colon_in_the_offset() {
        let seconds = parse_moment("2026-01-02T03:04:05Z").unwrap();
        assert_eq!(moment_text(seconds), "2026-01-02T03:04:05.000+0000");
    }

    #[test]
    fn every_spelling_of_a_moment_is_read() {
        let expected = parse_moment("2026-01-02T03:04:05Z");
        for text in [
            "2026-01-02T03:04:05.000+0000",
            "2026-01-02T03:04:05.999Z",
            "2026-01-02T04:04:05+01:00",
            "2026-01-01T22:04:05-0500",
        ] {
            assert_eq!(parse_moment(text), expected, "{text}");
        }
        for text in ["", "2026-01-02", "2026-13-02T00:00:00Z", "2026-01-02T03:04:05"] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_keep_a_fraction_and_whole_numbers_have_none() {
        let mut out = Vec::new();
        Cell::Number(1000.0).write_json(&mut out);
        out.push(b' ');
        Cell::Int(5).write_json(&mut out);
        assert_eq!(out, b"1000.0 5");
    }
}
