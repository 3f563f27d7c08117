//! How many records of each object a new org gets.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The most records of one object.
pub const RECORD_LIMIT: u32 = 2_000_000;

/// How many records of each object a new org gets.
///
/// Written as `contact=1000,lead=5`; what is not named keeps its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the objects by their names")]
pub struct Records {
    pub contact: u32,
    pub lead: u32,
    pub account: u32,
    pub opportunity: u32,
    pub task: u32,
}

impl Default for Records {
    fn default() -> Self {
        Self { contact: 200, lead: 100, account: 50, opportunity: 60, task: 150 }
    }
}

impl Records {
    /// Returns an org without records.
    pub fn none() -> Self {
        Self { contact: 0, lead: 0, account: 0, opportunity: 0, task: 0 }
    }
}

impl fmt::Display for Records {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "contact={},lead={},account={},opportunity={},task={}",
            self.contact, self.lead, self.account, self.opportunity, self.task
        )
    }
}

impl FromStr for Records {
    type Err = RecordsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut records = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (object, count) =
                part.split_once('=').ok_or_else(|| RecordsError::NoCount(part.to_owned()))?;
            let object = object.trim().to_ascii_lowercase();
            let place = match object.trim_end_matches('s') {
                "contact" => &mut records.contact,
                "lead" => &mut records.lead,
                "account" => &mut records.account,
                "opportunity" | "opportunitie" => &mut records.opportunity,
                "task" => &mut records.task,
                _ => return Err(RecordsError::UnknownObject(object)),
            };
            let count: u32 = count
                .trim()
                .replace('_', "")
                .parse()
                .map_err(|_| RecordsError::NotANumber(part.to_owned()))?;
            if count > RECORD_LIMIT {
                return Err(RecordsError::TooMany(object));
            }
            *place = count;
        }
        Ok(records)
    }
}

/// Why a list of record counts can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordsError {
    /// `contact` instead of `contact=5`.
    #[error("`{0}` says no count; write it as `contact=1000`")]
    NoCount(String),
    /// An object the sandbox doesn't fill.
    #[error("`{0}` can't be filled; choose contact, lead, account, opportunity or task")]
    UnknownObject(String),
    /// `contact=many`.
    #[error("the count in `{0}` is not a whole number")]
    NotANumber(String),
    /// More than [`RECORD_LIMIT`].
    #[error("more than {RECORD_LIMIT} records of `{0}`")]
    TooMany(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_that_are_not_named_keep_their_defaults() {
        let records: Records = "contact=1000, leads=5".parse().unwrap();
        assert_eq!(records.contact, 1000);
        assert_eq!(records.lead, 5);
        assert_eq!(records.account, Records::default().account);
    }

    #[test]
    fn what_is_shown_can_be_read() {
        let records = Records::default();
        assert_eq!(records.to_string().parse(), Ok(records));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            ("contact", RecordsError::NoCount("contact".to_owned())),
            ("user=4", RecordsError::UnknownObject("user".to_owned())),
            ("task=x", RecordsError::NotANumber("task=x".to_owned())),
            ("task=9999999", RecordsError::TooMany("task".to_owned())),
        ] {
            assert_eq!(text.parse::<Records>(), Err(expected));
        }
    }
}
