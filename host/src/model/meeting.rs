//! Meetings as the platform tells them. The JSON schema is made from these
//! types.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
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

impl Meeting {
    /// The field by which mappings are told on which day a meeting was, for who called it.
    pub const STARTED_ON: &str = "started_on";
    /// The field by which mappings are told that a meeting is logged as an event, and not as a
    /// task: its value is `Event` then.
    pub const LOGGED_AS: &str = "logged_as";

    /// Returns the day on which it was: as it was told, else for someone in this time zone, else
    /// in UTC.
    pub fn day(&self, zone: Option<&TimeZone>) -> Date {
        let told = self.extras.get(Self::STARTED_ON).and_then(Value::as_str);
        let told = told.and_then(|day| day.parse().ok());
        let there = |zone: &TimeZone| zone.to_datetime(self.started_at).date();
        told.unwrap_or_else(|| there(zone.unwrap_or(&TimeZone::UTC)))
    }
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
    /// By when it is due: a day, as `2026-01-31`, or a moment, as RFC 3339, whose day is that
    /// of its owner's time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Option<String>",
        extend("anyOf" = [{ "format": "date" }, { "format": "date-time" }])
    )]
    pub due_on: Option<Due>,
    /// Whether it is done.
    #[serde(default)]
    pub done: bool,
    /// Fields that are not known here; handed to the mapping.
    #[serde(flatten)]
    pub extras: Map<String, Value>,
}

/// By when something is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Due {
    /// A day, wherever one is.
    Day(Date),
    /// A moment, which falls on different days in different places, and where it was told.
    Moment(Timestamp, Offset),
}

impl Due {
    /// Returns the day by which it is due, for someone in this time zone; as it was told, where
    /// none is known.
    pub fn day(self, zone: Option<&TimeZone>) -> Date {
        match (self, zone) {
            (Self::Day(day), _) => day,
            (Self::Moment(moment, _), Some(zone)) => zone.to_datetime(moment).date(),
            (Self::Moment(moment, offset), None) => offset.to_datetime(moment).date(),
        }
    }
}

impl FromStr for Due {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let told = || Some(Pieces::parse(text).ok()?.offset()?.to_numeric_offset());
        let moment = || Some(Self::Moment(text.parse().ok()?, told()?));
        // A moment would be read as a day too, though not as that of its owner.
        moment().or_else(|| text.parse().map(Self::Day).ok()).ok_or_else(|| {
            let shown: String = text.chars().take(60).collect();
            format!(
                "\"{shown}\" is neither a day, as 2026-01-31, nor a time, as 2026-01-31T09:30:00Z"
            )
        })
    }
}

impl TryFrom<String> for Due {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Due> for String {
    fn from(due: Due) -> Self {
        match due {
            Due::Day(day) => day.to_string(),
            Due::Moment(moment, Offset::UTC) => moment.to_string(),
            Due::Moment(moment, offset) => moment.display_with_offset(offset).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_due_on_the_day_that_it_falls_on_where_someone_is() {
        let due: Due = "2026-02-03T22:00:00-05:00".parse().unwrap();
        let day = |due: Due, zone: &str| due.day(TimeZone::get(zone).ok().as_ref()).to_string();
        assert_eq!(day(due, "America/Los_Angeles"), "2026-02-03");
        assert_eq!(day(due, "Asia/Tokyo"), "2026-02-04");
        assert_eq!(day(due, "Nowhere/Known"), "2026-02-03", "as it was told");
        let due: Due = "2026-02-04".parse().unwrap();
        assert_eq!(day(due, "Asia/Tokyo"), "2026-02-04");
    }

    #[test]
    fn a_meeting_was_on_the_day_that_was_told_or_that_it_was_where_someone_is() {
        let meeting = |told: &str| -> Meeting {
            let text = r#"{"id": "m", "title": "T", "started_at": "2026-02-04T03:00:00Z", "started_on": TOLD}"#;
            serde_json::from_str(&text.replace("TOLD", told)).unwrap()
        };
        let far = TimeZone::get("America/Los_Angeles").unwrap();
        let day = |told: &str, zone: Option<&TimeZone>| meeting(told).day(zone).to_string();
        assert_eq!(day("\"2026-01-31\"", Some(&far)), "2026-01-31");
        assert_eq!(day("null", Some(&far)), "2026-02-03");
        assert_eq!(day("\"31.01.2026\"", Some(&far)), "2026-02-03");
        assert_eq!(day("7", None), "2026-02-04");
    }

    #[test]
    fn a_due_date_is_kept_as_it_was_told() {
        for text in ["2026-02-04", "2026-02-04T03:00:00Z", "2026-02-03T22:00:00-05:00"] {
            assert_eq!(String::from(text.parse::<Due>().unwrap()), text);
        }
    }
}
