//! Changes: intended writes to Salesforce, kept before they are on the wire.

use jiff::Timestamp;

use super::{Fields, SalesforceId, Sobject, Value};

/// A write that is planned but not yet in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The object written to.
    pub object: Sobject,
    /// What is done.
    pub intent: Intent,
    /// The meeting it comes from.
    pub meeting_id: String,
    /// The action item it comes from.
    pub action_item_id: Option<String>,
    /// The values as they were; empty for a record that is created.
    pub before: Fields,
    /// The values to write.
    pub after: Fields,
    /// The digest of the mapping that decided it.
    pub mapping: String,
    /// Fields that are left as they are, and why.
    pub left: Vec<(String, String)>,
    /// The change that this one takes back.
    pub undoes: Option<i64>,
}

impl Planned {
    /// Returns the fields that are written, each with the value before and after.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &Value, &Value)> {
        let before = |name: &str| {
            let field = self.before.iter().find(|(known, _)| known == name);
            field.map_or(&Value::Null, |(_, value)| value)
        };
        self.after.iter().map(move |(name, after)| (name.as_str(), before(name), after))
    }
}

/// What a change does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Makes a record that bears this mark, by which it is found again.
    Create {
        /// Unique for the action item, the same in every try.
        mark: String,
    },
    /// Writes to this record.
    Update(SalesforceId),
    /// Deletes this record, which we have made.
    Delete(SalesforceId),
}

/// A change in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its number in this org's journal.
    pub id: i64,
    /// What was planned.
    pub planned: Planned,
    /// How far it has come.
    pub state: ChangeState,
    /// The record, once it is known.
    pub record_id: Option<SalesforceId>,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// When its end was known.
    pub ended_at: Option<Timestamp>,
    /// The run it belongs to.
    pub run_id: String,
}

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// In the journal and perhaps on the wire: whether Salesforce has it must be
    /// looked up before anything is written in its place.
    Open,
    /// Salesforce has it.
    Done,
    /// Salesforce refused it.
    Refused,
    /// It never reached Salesforce.
    Lost,
}

impl ChangeState {
    /// Returns the word for it, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }
}

impl std::str::FromStr for ChangeState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Open, Self::Done, Self::Refused, Self::Lost];
        let known = all.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| format!("\"{text}\" is not a state of a change"))
    }
}
