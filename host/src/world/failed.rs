//! What went wrong, for a person: a fact and its mend.

use crate::{config, plugin, salesforce, store, sync};

/// Why something that a person wanted was not done, and what mends it.
#[derive(Debug)]
pub struct Failed {
    /// A fact, in lower case, without a full stop.
    pub message: String,
    /// A sentence with the mend.
    pub hint: Option<String>,
}

impl Failed {
    /// Says what went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds what mends it.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<store::Error> for Failed {
    fn from(error: store::Error) -> Self {
        Self { message: error.to_string(), hint: error.hint().map(str::to_owned) }
    }
}

impl From<salesforce::Error> for Failed {
    fn from(error: salesforce::Error) -> Self {
        Self { message: error.to_string(), hint: Some(error.hint()) }
    }
}

impl From<plugin::Error> for Failed {
    fn from(error: plugin::Error) -> Self {
        Self { message: error.to_string(), hint: Some(error.hint()) }
    }
}

impl From<config::Error> for Failed {
    fn from(error: config::Error) -> Self {
        Self { message: error.to_string(), hint: Some(error.hint()) }
    }
}

impl From<sync::Error> for Failed {
    fn from(error: sync::Error) -> Self {
        let problem = error.problem();
        Self { message: problem.message, hint: problem.hint }
    }
}
