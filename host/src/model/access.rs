//! Access: who is at a browser, what they may do, and what they did.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::OrgId;

/// What someone may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May look.
    Viewer,
    /// May change everything.
    Admin,
}

impl Role {
    /// Returns the word for it, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Viewer, Self::Admin].into_iter().find(|role| role.as_str() == text);
        known.ok_or_else(|| format!("\"{text}\" is neither admin nor viewer"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Someone who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What they are called in the audit trail.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// Something that someone did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// To which org, where it was about one.
    pub org: Option<OrgId>,
    /// What, as a sentence without its subject.
    pub did: String,
}

/// What opens the API of an org, without what is secret of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// What it is called.
    pub name: String,
    /// The org that it opens.
    pub org: OrgId,
    /// When it was made.
    pub created_at: Timestamp,
}
