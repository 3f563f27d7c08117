//! What a push is made of: work, what a meeting was matched to, and requests.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{ActionItem, Fields, Meeting, Object, SalesforceId};

/// Something to push: a meeting to the records of one object, or one action item
/// to its task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Work {
    /// The meeting.
    pub meeting_id: String,
    /// The action item, for the object `Task` alone.
    pub item_id: Option<String>,
    /// The object.
    pub object: Object,
    /// The version of the meeting this work was taken from. Work that is ended
    /// at another version stays to be done.
    pub version: u64,
}

/// How a piece of work ended, for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkState {
    /// To be done in the next push.
    Waiting,
    /// Found no record; looked at again when entities change.
    Unmatched,
    /// Nothing is left to do.
    Settled,
    /// Waits for a mend.
    Failed,
}

impl WorkState {
    /// Returns the word for it, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Unmatched => "unmatched",
            Self::Settled => "settled",
            Self::Failed => "failed",
        }
    }
}

impl std::str::FromStr for WorkState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Waiting, Self::Unmatched, Self::Settled, Self::Failed];
        let known = all.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| format!("\"{text}\" is not a state of work"))
    }
}

/// A record of Salesforce with its values as they are now.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Matched {
    /// The object; may be one that does not sync, such as `User`.
    pub object: String,
    /// The record.
    pub id: SalesforceId,
    /// Its values.
    pub fields: Fields,
}

/// Somebody who works in the org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub id: SalesforceId,
    /// The name of the time zone that they live by, as `Europe/Berlin`.
    pub time_zone: Option<String>,
}

impl User {
    /// Returns the time zone that they live by, where it is known.
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(self.time_zone.as_deref()?).ok()
    }
}

/// One write for a mapping to consider.
#[derive(Debug, Clone)]
pub struct Request {
    /// The time of the run.
    pub now: Timestamp,
    /// The meeting.
    pub meeting: Arc<Meeting>,
    /// The action item, for the object `Task`.
    pub action_item: Option<ActionItem>,
    /// The record to update; none where one is to be created.
    pub target: Option<Matched>,
    /// What the meeting was matched to.
    pub matches: Vec<Matched>,
}
