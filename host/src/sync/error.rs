//! What stops a job, in one form whatever door it comes from.

use crate::model::{Mender, Problem};
use crate::{plugin, salesforce, store};

/// What stops a job. Others go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store can't do it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Salesforce can't or won't do it.
    #[error(transparent)]
    Salesforce(#[from] salesforce::Error),
    /// The mapping can't do it.
    #[error(transparent)]
    Plugin(#[from] plugin::Error),
    /// The mapping fails for most records.
    #[error("{0}")]
    Mapping(Problem),
    /// The org lacks what the mapping needs, or what a write needs.
    #[error("{0}")]
    Org(Problem),
    /// What a person answered can't be.
    #[error("{0}")]
    Answer(Problem),
    /// Salesforce's answer to a write never came.
    #[error("the answer to {writes} writes never came: {why}")]
    Unknown {
        /// How many writes.
        writes: usize,
        /// What happened instead.
        why: String,
    },
}

impl Error {
    /// Returns what is wrong and what mends it.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Org(problem) | Self::Mapping(problem) | Self::Answer(problem) => problem.clone(),
            other => Problem { message: other.to_string(), at: None, hint: other.hint() },
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint().map(str::to_owned),
            Self::Salesforce(error) => Some(error.hint()),
            Self::Plugin(error) => Some(error.hint()),
            Self::Org(problem) | Self::Mapping(problem) | Self::Answer(problem) => {
                problem.hint.clone()
            }
            Self::Unknown { .. } => Some(
                "Nothing need be done: the next sync looks up what was written before it writes \
                 again."
                    .to_owned(),
            ),
        }
    }

    /// Returns who can mend it.
    pub fn mender(&self) -> Mender {
        match self {
            Self::Store(_) | Self::Answer(_) => Mender::Operator,
            Self::Salesforce(error) => error.mender(),
            Self::Plugin(_) | Self::Mapping(_) => Mender::MappingAuthor,
            Self::Org(_) => Mender::SalesforceAdmin,
            Self::Unknown { .. } => Mender::Time,
        }
    }

    /// Tells whether it is the mapping that fails, on whatever record.
    pub(super) fn is_of_mapping(&self) -> bool {
        matches!(self, Self::Mapping(_) | Self::Plugin(plugin::Error::Call { .. }))
    }

    /// Tells whether a person has to connect the org anew.
    pub fn needs_reconnect(&self) -> bool {
        use salesforce::Error as Of;
        match self {
            Self::Salesforce(Of::SessionEnded { .. }) => true,
            // The app or the user is refused, not the grant alone.
            Self::Salesforce(error @ Of::OAuth { .. }) => !error.is_transient(),
            _ => false,
        }
    }

    /// Tells whether it stops every job of the org, not this one alone.
    pub fn is_org_wide(&self) -> bool {
        use salesforce::Error as Of;
        let Self::Salesforce(error) = self else { return false };
        matches!(
            error,
            Of::SessionEnded { .. }
                | Of::OAuth { .. }
                | Of::Renewal { .. }
                | Of::ApiDisabled(_)
                | Of::DailyLimit(_)
                | Of::Budget { .. }
                | Of::Unreachable { .. }
                | Of::Vault(_)
        )
    }
}
