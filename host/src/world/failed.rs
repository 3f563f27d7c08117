//! What went wrong, for a person: a fact and its mend.

use crate::{config, plugin, salesforce, store, sync};

/// Why something that a person wanted was not done, and what mends it.
#[derive(Debug)]
pub struct Failed {
    /// A fact, in lower case, without a full stop.
    pub message: String,
    /// A sentence with the mend.
    pub hint: Option<String>,
    /// Where the fault lies.
    pub fault: Fault,
}

/// Where the fault of something lies that was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// In what was asked for.
    Asked,
    /// There is no such thing.
    Unknown,
    /// It can't be done just now: someone else is at it.
    Busy,
    /// In this host: its disk, its store.
    Here,
    /// At Salesforce, which can't be reached or doesn't answer as it should.
    There,
}

impl Failed {
    /// Says what went wrong with what was asked for.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, fault: Fault::Asked }
    }

    /// Adds what mends it.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Says where the fault lies.
    pub fn of(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }
}

impl From<store::Error> for Failed {
    fn from(error: store::Error) -> Self {
        use store::Error as Of;
        let fault = match &error {
            Of::NoFailure(_) | Of::NoRun(_) | Of::NoGrant(_) => Fault::Unknown,
            Of::Locked { .. } | Of::SettingsLocked | Of::Fenced { .. } => Fault::Busy,
            _ => Fault::Here,
        };
        Self { message: error.to_string(), hint: error.hint().map(str::to_owned), fault }
    }
}

impl From<salesforce::Error> for Failed {
    fn from(error: salesforce::Error) -> Self {
        let fault = if error.is_transient() { Fault::There } else { Fault::Asked };
        Self { message: error.to_string(), hint: Some(error.hint()), fault }
    }
}

impl From<plugin::Error> for Failed {
    fn from(error: plugin::Error) -> Self {
        Self { message: error.to_string(), hint: Some(error.hint()), fault: Fault::Asked }
    }
}

impl From<config::Error> for Failed {
    fn from(error: config::Error) -> Self {
        Self { message: error.to_string(), hint: Some(error.hint()), fault: Fault::Here }
    }
}

impl From<sync::Error> for Failed {
    fn from(error: sync::Error) -> Self {
        match error {
            sync::Error::Store(error) => error.into(),
            sync::Error::Salesforce(error) => error.into(),
            sync::Error::Plugin(error) => error.into(),
            error => {
                let problem = error.problem();
                Self { message: problem.message, hint: problem.hint, fault: Fault::Asked }
            }
        }
    }
}
