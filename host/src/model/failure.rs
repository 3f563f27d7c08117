//! Failures: records and writes that wait for a mend.

use jiff::Timestamp;

use super::{Direction, Object, Problem};

/// A record or a write that waits for a mend.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Its number in this org.
    pub id: i64,
    /// The object.
    pub object: Object,
    /// Which way it was going.
    pub direction: Direction,
    /// What failed: a record's id on a pull, `meeting` or `meeting/item` or
    /// `meeting → record` on a push. At most one failure is open for each.
    pub subject: String,
    /// A word for the cause: `mapping`, or Salesforce's own code.
    pub code: String,
    /// What is wrong, where, and what mends it.
    pub problem: Problem,
    /// Who can mend it.
    pub mender: Mender,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was first seen.
    pub first_at: Timestamp,
    /// When it was last seen.
    pub last_at: Timestamp,
}

/// Who can mend a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mender {
    /// The admin of the Salesforce org.
    SalesforceAdmin,
    /// Whoever runs the host.
    Operator,
    /// The author of the mapping.
    MappingAuthor,
    /// Whoever keeps the record or the meeting.
    RecordOwner,
    /// Nobody need do anything: it is tried again.
    Time,
}

impl Mender {
    /// Returns the word for it, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SalesforceAdmin => "salesforce_admin",
            Self::Operator => "operator",
            Self::MappingAuthor => "mapping_author",
            Self::RecordOwner => "record_owner",
            Self::Time => "time",
        }
    }
}

impl std::str::FromStr for Mender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [
            Self::SalesforceAdmin,
            Self::Operator,
            Self::MappingAuthor,
            Self::RecordOwner,
            Self::Time,
        ];
        let known = all.into_iter().find(|mender| mender.as_str() == text);
        known.ok_or_else(|| format!("\"{text}\" is nobody who mends"))
    }
}
