//! Matching: the records that a meeting is about, and what a person has to choose.

use std::fmt;
use std::str::FromStr;

use super::{Object, SalesforceId};

/// A record that a meeting was matched to, and the rule that did it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Match {
    /// The object.
    pub object: Object,
    /// The record.
    pub record_id: SalesforceId,
    /// The e-mail address of the participant it stands for, for people.
    pub email: Option<String>,
    /// Why this one, as a sentence.
    pub reason: String,
}

/// What is asked of a meeting: who someone is, which account and opportunity it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Question {
    /// Who has this e-mail address, in lower case.
    Person(String),
    /// Which account.
    Account,
    /// Which opportunity.
    Opportunity,
}

impl Question {
    /// Returns the objects that a record must be of to answer it.
    pub fn objects(&self) -> &'static [Object] {
        match self {
            Self::Person(_) => &[Object::Contact, Object::Lead],
            Self::Account => &[Object::Account],
            Self::Opportunity => &[Object::Opportunity],
        }
    }

    /// Returns it as stored and shown: the address, `account` or `opportunity`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Person(email) => email,
            Self::Account => "account",
            Self::Opportunity => "opportunity",
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Question {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().to_lowercase().as_str() {
            "account" => Ok(Self::Account),
            "opportunity" => Ok(Self::Opportunity),
            email if email.contains('@') => Ok(Self::Person(email.to_owned())),
            other => {
                Err(format!("\"{other}\" is neither an e-mail address nor account or opportunity"))
            }
        }
    }
}

impl serde::Serialize for Question {
    fn serialize<S: serde::Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        json.serialize_str(self.as_str())
    }
}

/// A record that may be the one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Candidate {
    /// The object.
    pub object: Object,
    /// The record.
    pub record_id: SalesforceId,
    /// Its name.
    pub name: String,
    /// What speaks for it, as a part of a sentence.
    pub reason: String,
}

/// A question that waits for a person, since several records fit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Review {
    /// The question.
    pub question: Question,
    /// The records that fit.
    pub candidates: Vec<Candidate>,
}

/// What a person chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This record.
    Record(Object, SalesforceId),
    /// No record.
    Nobody,
}

/// What one rule said to one question.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// The question.
    pub question: Question,
    /// The rule.
    pub rule: &'static str,
    /// What it found, as a part of a sentence.
    pub said: String,
}
