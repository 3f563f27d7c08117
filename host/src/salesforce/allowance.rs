//! The allowance: who is asked before each call whether it may be made.

use super::{Error, Result, VaultError};
use crate::model::{Budget, Purpose, Usage};

/// Counts calls and knows how many there may be.
pub trait Allowance: Send + Sync {
    /// Takes one call out of the budget, unless that has none left for this purpose; returns
    /// how much of the budget is used.
    ///
    /// `usage` is what Salesforce told last of the org's calls; none before the first
    /// answer.
    fn take(
        &self,
        purpose: Purpose,
        usage: Option<Usage>,
    ) -> std::result::Result<Taken, VaultError>;
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It may, and is counted.
    Allowed,
    /// It may not.
    Refused(Budget),
}

/// Lets every call be made, and counts none: before an org is connected.
#[derive(Debug, Clone, Copy)]
pub struct Unlimited;

impl Allowance for Unlimited {
    fn take(&self, _: Purpose, _: Option<Usage>) -> std::result::Result<Taken, VaultError> {
        Ok(Taken::Allowed)
    }
}

/// Asks for a call.
pub(super) fn ask(allowance: &dyn Allowance, purpose: Purpose, usage: Option<Usage>) -> Result<()> {
    match allowance.take(purpose, usage)? {
        Taken::Allowed => Ok(()),
        Taken::Refused(budget) => Err(Error::Budget { budget, purpose }),
    }
}
