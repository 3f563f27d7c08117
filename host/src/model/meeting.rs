//! Meetings as the platform tells them. The JSON schema is made from these
//! types.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A meeting that took place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Meeting {
    /// The platform's own id. The same id again is the same meeting, told anew.
    #[schemars(length(min = 1, max = 200))]
    pub id: String,
    /// What it was about.
    #[schemars(length(min = 1, max = 1000))]
    pub title: String,
    /// When it began, as RFC 3339: `2026-01-31T09:30:00Z`.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub ended_at: Option<Timestamp>,
    /// Where it can be looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub url: Option<String>,
    /// Who called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizer: Option<Participant>,
    /// Who took part.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub participants: Vec<Participant>,
    /// What was said, in short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100_000))]
    pub summary: Option<String>,
    /// What was learned.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub insights: Vec<Insight>,
    /// What someone has to do.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub action_items: Vec<ActionItem>,
    /// Fields that are not known here; handed to the mapping.
    #[serde(flatten)]
    pub extras: Map<String, Value>,
}

/// Someone at a meeting: a name, an e-mail address, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Participant {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1000))]
    pub name: Option<String>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Fields that are not known here; handed to the mapping.
    #[serde(flatten)]
    pub extras: Map<String, Value>,
}

/// Something learned in a meeting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Insight {
    /// A word for it, such as `risk` or `next_step`.
    pub kind: String,
    /// The insight.
    pub text: String,
    /// Fields that are not known here; handed to the mapping.
    #[serde(flatten)]
    pub extras: Map<String, Value>,
}

/// Something that someone has to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionItem {
    /// The platform's own id, unique within the meeting.
    #[schemars(length(min = 1, max = 200))]
    pub id: String,
    /// What is to be done.
    #[schemars(length(min = 1))]
    pub text: String,
    /// The e-mail address of who has to do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_email: Option<String>,
    /// The day by which it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub due_on: Option<Date>,
    /// Whether it is done.
    #[serde(default)]
    pub done: bool,
    /// Fields that are not known here; handed to the mapping.
    #[serde(flatten)]
    pub extras: Map<String, Value>,
}
