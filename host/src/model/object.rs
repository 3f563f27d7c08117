//! The objects that sync, and the jobs that sync them.

use std::fmt;
use std::str::FromStr;

use super::{OrgId, SalesforceId};

/// A Salesforce object that syncs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Object {
    /// A company.
    Account,
    /// A person at a company.
    Contact,
    /// A person who is not yet a contact.
    Lead,
    /// A deal.
    Opportunity,
    /// Something to do.
    Task,
}

impl Object {
    /// All objects, in the order in which they sync: parents first.
    pub const ALL: [Self; 5] =
        [Self::Account, Self::Contact, Self::Lead, Self::Opportunity, Self::Task];

    /// Returns the name that Salesforce knows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::Contact => "Contact",
            Self::Lead => "Lead",
            Self::Opportunity => "Opportunity",
            Self::Task => "Task",
        }
    }

    /// Returns the object whose record has this id; none, for one that doesn't sync.
    pub fn of(id: &SalesforceId) -> Option<Self> {
        Self::ALL.into_iter().find(|object| object.key_prefix() == id.prefix())
    }

    /// Returns what the ids of its records begin with, which is the same in every org.
    pub fn key_prefix(self) -> &'static str {
        match self {
            Self::Account => "001",
            Self::Contact => "003",
            Self::Lead => "00Q",
            Self::Opportunity => "006",
            Self::Task => "00T",
        }
    }

    /// Returns the columns of entities that tell its records apart, for lists.
    pub fn telling_columns(self) -> &'static [&'static str] {
        match self {
            Self::Account => &["name", "domain", "industry", "owner_email"],
            Self::Contact => &["name", "email", "company", "title"],
            Self::Lead => &["name", "email", "company", "status"],
            Self::Opportunity => &["name", "company", "stage", "amount", "close_on"],
            Self::Task => &["name", "status", "due_on", "owner_email"],
        }
    }

    /// Returns the name in lower case, as files and mappings bear it.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Contact => "contact",
            Self::Lead => "lead",
            Self::Opportunity => "opportunity",
            Self::Task => "task",
        }
    }
}

impl FromStr for Object {
    type Err = String;

    /// Reads a name, whatever its case.
    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|object| object.as_str().eq_ignore_ascii_case(text));
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("\"{text}\" is not an object that syncs; there are {names}")
        })
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which way values go.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From Salesforce to the platform.
    Pull,
    /// From the platform to Salesforce.
    Push,
}

impl Direction {
    /// Returns the word for it, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }
}

impl FromStr for Direction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pull" => Ok(Self::Pull),
            "push" => Ok(Self::Push),
            _ => Err(format!("\"{text}\" is neither pull nor push")),
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The unit of work: one object of one org, one way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey {
    /// The org.
    pub org: OrgId,
    /// The object.
    pub object: Object,
    /// The direction.
    pub direction: Direction,
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.object, self.direction, self.org)
    }
}
