//! What became of a record or a write: mapped, skipped or failed.

use super::{Fields, Value};

/// Why something can't be done.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problem {
    /// A fact, in lower case, without a full stop.
    pub message: String,
    /// The field or setting at fault.
    pub at: Option<String>,
    /// What mends it, as a sentence.
    pub hint: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.at {
            Some(at) => write!(f, "{} (at {at})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// What became of one record that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Pulled {
    /// The entity: a value for each column of the spec.
    Mapped(Vec<Value>),
    /// Not wanted, and why.
    Skipped(String),
    /// Waits for a mend.
    Failed(Problem),
}

/// What is to be written for one request.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pushed {
    /// Fields to write.
    Mapped(Fields),
    /// Nothing to write, and why.
    Skipped(String),
    /// Waits for a mend.
    Failed(Problem),
}
