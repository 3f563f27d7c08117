//! What entities are on the platform, and the columns that each kind has.

use std::fmt;
use std::str::FromStr;

/// What an entity is on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A contact or lead.
    Person,
    /// An account.
    Company,
    /// An opportunity.
    Deal,
    /// A task.
    Task,
}

/// The type of an entity's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// A day: `2026-01-31`.
    Date,
    /// A moment in UTC: `2026-01-31T09:30:00Z`.
    Timestamp,
}

use ColumnType::{Boolean, Date, Integer, Number, Text, Timestamp};

/// Columns that every kind may have.
const EVERY: &[(&str, ColumnType)] = &[
    ("name", Text),
    ("description", Text),
    ("owner_id", Text),
    ("owner_email", Text),
    ("created_at", Timestamp),
    ("updated_at", Timestamp),
    ("last_activity_on", Date),
    ("record_type_id", Text),
];

const PERSON: &[(&str, ColumnType)] = &[
    ("first_name", Text),
    ("last_name", Text),
    ("salutation", Text),
    ("email", Text),
    ("phone", Text),
    ("mobile", Text),
    ("title", Text),
    ("department", Text),
    ("company", Text),
    ("account_id", Text),
    ("reports_to_id", Text),
    ("street", Text),
    ("city", Text),
    ("state", Text),
    ("postal_code", Text),
    ("country", Text),
    ("website", Text),
    ("industry", Text),
    ("source", Text),
    ("status", Text),
    ("rating", Text),
    ("employees", Integer),
    ("annual_revenue", Number),
    ("do_not_call", Boolean),
    ("email_opt_out", Boolean),
    ("birth_date", Date),
    ("converted", Boolean),
    ("converted_on", Date),
    ("converted_contact_id", Text),
    ("converted_account_id", Text),
    ("converted_opportunity_id", Text),
];

const COMPANY: &[(&str, ColumnType)] = &[
    ("domain", Text),
    ("website", Text),
    ("phone", Text),
    ("type", Text),
    ("industry", Text),
    ("source", Text),
    ("rating", Text),
    ("ownership", Text),
    ("employees", Integer),
    ("annual_revenue", Number),
    ("account_number", Text),
    ("ticker", Text),
    ("parent_id", Text),
    ("street", Text),
    ("city", Text),
    ("state", Text),
    ("postal_code", Text),
    ("country", Text),
    ("shipping_street", Text),
    ("shipping_city", Text),
    ("shipping_state", Text),
    ("shipping_postal_code", Text),
    ("shipping_country", Text),
];

const DEAL: &[(&str, ColumnType)] = &[
    ("account_id", Text),
    ("company", Text),
    ("contact_id", Text),
    ("stage", Text),
    ("amount", Number),
    ("probability", Number),
    ("expected_revenue", Number),
    ("close_on", Date),
    ("closed", Boolean),
    ("won", Boolean),
    ("type", Text),
    ("source", Text),
    ("next_step", Text),
    ("forecast_category", Text),
    ("campaign_id", Text),
    ("private", Boolean),
];

const TASK: &[(&str, ColumnType)] = &[
    ("status", Text),
    ("priority", Text),
    ("high_priority", Boolean),
    ("due_on", Date),
    ("closed", Boolean),
    ("completed_at", Timestamp),
    ("type", Text),
    ("subtype", Text),
    ("who_id", Text),
    ("what_id", Text),
    ("account_id", Text),
    ("call_seconds", Integer),
    ("call_type", Text),
    ("call_result", Text),
    ("archived", Boolean),
    ("recurring", Boolean),
];

impl Kind {
    /// Returns the word for it, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Company => "company",
            Self::Deal => "deal",
            Self::Task => "task",
        }
    }

    /// Returns the documented columns with their types. Others must begin with
    /// `custom.` and may have any type.
    pub fn columns(self) -> impl Iterator<Item = (&'static str, ColumnType)> {
        let own = match self {
            Self::Person => PERSON,
            Self::Company => COMPANY,
            Self::Deal => DEAL,
            Self::Task => TASK,
        };
        EVERY.iter().chain(own).copied()
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Person, Self::Company, Self::Deal, Self::Task];
        let known = all.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| format!("\"{text}\" is not a kind of entity"))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
