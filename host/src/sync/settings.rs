//! What a person chose for the sync of one org.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::blackout::Blackout;
use super::domain;
use super::rules::Rules;
use crate::model::{Direction, FieldName, JobKey, Object, OrgId, Policy, Setting, Sobject};

/// The mapping's setting that lists custom fields.
pub const CUSTOM_FIELDS: &str = "custom_fields";

/// The choices for one org; what set-up writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The domains of our own people, who are no contacts.
    #[serde(default, deserialize_with = "domain::told")]
    pub own_domains: Vec<String>,
    /// For how long after its stamp a record may come to be seen, in minutes: what is
    /// younger is read again by the next sync.
    #[serde(
        default = "ten_minutes",
        deserialize_with = "settle_window",
        skip_serializing_if = "is_ten_minutes"
    )]
    pub settle_minutes: u32,
    /// The share of the org's API calls that we may use, in percent.
    #[serde(default = "a_fifth", deserialize_with = "percent", skip_serializing_if = "is_a_fifth")]
    pub budget_percent: u8,
    /// When nothing syncs by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blackouts: Vec<Blackout>,
    /// The time zone that blackouts are told in, such as `Europe/Berlin`; UTC where none is
    /// named.
    #[serde(default, deserialize_with = "time_zone", skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Whether each meeting is logged, besides its action items.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub log_meetings: bool,
    /// As what.
    #[serde(default, skip_serializing_if = "LogAs::is_usual")]
    pub log_as: LogAs,
    /// How meetings are matched to records.
    #[serde(default, skip_serializing_if = "Rules::are_usual")]
    pub matching: Rules,
    /// The objects that sync.
    #[serde(default)]
    pub objects: BTreeMap<Object, ObjectSettings>,
}

/// The choices for one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectSettings {
    /// Whether records are imported.
    pub pull: bool,
    /// Whether meetings are written back.
    pub push: bool,
    /// How often, in minutes.
    #[serde(default = "two_hours", deserialize_with = "interval")]
    pub every_minutes: u32,
    /// The choices for the mapping, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mapping: BTreeMap<String, String>,
    /// What is done where a value stands in a field, whatever the mapping says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: BTreeMap<FieldName, FieldPolicy>,
    /// What goes on while a mapping that was brought is refused.
    #[serde(default, skip_serializing_if = "WhenRefused::is_usual")]
    pub when_refused: WhenRefused,
}

/// What is done where a value stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldPolicy {
    /// Salesforce's value stays, and an empty field stays empty: we never write it.
    CrmWins,
    /// We write it while it is empty.
    FillIfBlank,
    /// We write it whatever stands there.
    Overwrite,
    /// We write it until a person has.
    OursUntilEdited,
    /// Our block is added to the text, and replaced while it is as we wrote it.
    Append,
}

impl FieldPolicy {
    /// Returns the policy to apply; none, where nothing is ever written.
    pub(super) fn applied(self) -> Option<Policy> {
        Some(match self {
            Self::CrmWins => return None,
            Self::FillIfBlank => Policy::FillIfBlank,
            Self::Overwrite => Policy::Overwrite,
            Self::OursUntilEdited => Policy::OursUntilEdited,
            Self::Append => Policy::Append,
        })
    }
}

/// What a meeting is logged as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogAs {
    /// A task that is done.
    #[default]
    Task,
    /// An entry of the organizer's calendar, when it took place.
    Event,
}

impl LogAs {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the object that is written to.
    pub fn object(self) -> Sobject {
        match self {
            Self::Task => Object::Task.into(),
            Self::Event => Sobject::Event,
        }
    }
}

/// What goes on while a mapping that was brought is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenRefused {
    /// The mapping that was found good last.
    #[default]
    LastGood,
    /// Nothing: the object is held until the mapping is mended.
    Hold,
}

impl WhenRefused {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            own_domains: Vec::new(),
            settle_minutes: ten_minutes(),
            budget_percent: a_fifth(),
            blackouts: Vec::new(),
            time_zone: None,
            log_meetings: false,
            log_as: LogAs::default(),
            matching: Rules::default(),
            objects: BTreeMap::new(),
        }
    }
}

fn time_zone<'de, D: Deserializer<'de>>(settings: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(settings)?;
    match TimeZone::get(&name) {
        Ok(_) => Ok(Some(name)),
        Err(why) => Err(D::Error::custom(format!("\"{name}\" is no known time zone: {why}"))),
    }
}

fn a_fifth() -> u8 {
    20
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_a_fifth(percent: &u8) -> bool {
    *percent == a_fifth()
}

fn percent<'de, D: Deserializer<'de>>(settings: D) -> Result<u8, D::Error> {
    let percent = u8::deserialize(settings)?;
    if (1..=100).contains(&percent) {
        return Ok(percent);
    }
    Err(D::Error::custom(format!("{percent} percent: a budget is 1 to 100")))
}

/// How long the settle window may be, in minutes: up to a day.
const SETTLE_WINDOWS: RangeInclusive<u32> = 0..=24 * 60;

/// As long as Salesforce lets a transaction last.
fn ten_minutes() -> u32 {
    10
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_ten_minutes(minutes: &u32) -> bool {
    *minutes == ten_minutes()
}

fn settle_window<'de, D: Deserializer<'de>>(settings: D) -> Result<u32, D::Error> {
    let minutes = u32::deserialize(settings)?;
    if SETTLE_WINDOWS.contains(&minutes) {
        return Ok(minutes);
    }
    let (least, most) = SETTLE_WINDOWS.into_inner();
    Err(D::Error::custom(format!("{minutes} minutes: a record settles within {least} to {most}")))
}

/// How often an object may sync, in minutes: from each minute to once a week.
pub const INTERVALS: RangeInclusive<u32> = 1..=7 * 24 * 60;

/// How often an object syncs where nobody chose.
fn two_hours() -> u32 {
    120
}

fn interval<'de, D: Deserializer<'de>>(settings: D) -> Result<u32, D::Error> {
    let minutes = u32::deserialize(settings)?;
    if INTERVALS.contains(&minutes) {
        return Ok(minutes);
    }
    let (least, most) = INTERVALS.into_inner();
    Err(D::Error::custom(format!("{minutes} minutes: an object syncs every {least} to {most}")))
}

impl Default for ObjectSettings {
    fn default() -> Self {
        Self {
            pull: true,
            push: true,
            every_minutes: two_hours(),
            mapping: BTreeMap::new(),
            policies: BTreeMap::new(),
            when_refused: WhenRefused::default(),
        }
    }
}

impl ObjectSettings {
    /// Tells whether a person named this field among those to be imported.
    pub(super) fn names_field(&self, field: &str) -> bool {
        let named = self.mapping.get(CUSTOM_FIELDS).map(String::as_str).unwrap_or_default();
        let mut names = named.split(',').map(|one| one.split(':').next().unwrap_or(one).trim());
        names.any(|name| name.eq_ignore_ascii_case(field))
    }

    /// Returns the choices for the mapping.
    pub fn mapping(&self) -> Vec<Setting> {
        let choices = self.mapping.iter();
        choices.map(|(name, value)| Setting { name: name.clone(), value: value.clone() }).collect()
    }
}

impl Settings {
    /// Returns all that decides how meetings are matched, as a text that tells it from others.
    pub(super) fn rules(&self) -> String {
        serde_json::to_string(&(&self.own_domains, &self.matching)).expect("all its keys are words")
    }

    /// Tells whether nothing is to sync by itself at a moment.
    pub fn is_blacked_out(&self, at: Timestamp) -> bool {
        let zone = self.time_zone.as_ref().and_then(|name| TimeZone::get(name).ok());
        let at = zone.unwrap_or(TimeZone::UTC).to_datetime(at);
        self.blackouts.iter().any(|blackout| blackout.covers(at))
    }

    /// Returns the jobs that these choices make: pulls first, parents first.
    pub fn jobs(&self, org: &OrgId) -> Vec<JobKey> {
        let key = |object, direction| JobKey { org: org.clone(), object, direction };
        let chosen = |object: &Object| self.objects.get(object);
        let pulls = Object::ALL.into_iter().filter(|o| chosen(o).is_some_and(|c| c.pull));
        let pushes = Object::ALL.into_iter().filter(|o| chosen(o).is_some_and(|c| c.push));
        pulls
            .map(|object| key(object, Direction::Pull))
            .chain(pushes.map(|object| key(object, Direction::Push)))
            .collect()
    }
}
