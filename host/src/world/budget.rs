//! Where calls are counted: in the store, against the share of the org's calls that the
//! settings give.

use std::sync::Arc;

use crate::clock::Clock;
use crate::model::{Budget, OrgId, Purpose, Usage};
use crate::salesforce::{Allowance, Taken, VaultError};
use crate::store::{self, Store};

/// How many calls an org has in 24 hours while it has not told: the fewest that any has.
const ALLOWED_MIN: u64 = 15_000;

/// The budget of an org.
pub struct Counted {
    pub(super) store: Arc<Store>,
    pub(super) org: OrgId,
    pub(super) percent: u8,
    pub(super) clock: Clock,
}

impl Counted {
    /// Returns how much of the budget is used.
    pub fn now(&self) -> store::Result<Budget> {
        let limit = self.limit(None)?;
        self.store.budget(&self.org, limit, self.clock.now())
    }

    fn limit(&self, usage: Option<Usage>) -> store::Result<u64> {
        let told = match usage {
            Some(usage) => Some(usage),
            None => self.store.usage(&self.org)?.map(|(usage, _)| usage),
        };
        let allowed = told.map_or(ALLOWED_MIN, |usage| usage.allowed);
        Ok(allowed * u64::from(self.percent) / 100)
    }
}

impl Allowance for Counted {
    fn take(&self, purpose: Purpose, usage: Option<Usage>) -> Result<Taken, VaultError> {
        let taken = self
            .limit(usage)
            .and_then(|limit| self.store.take_call(&self.org, limit, purpose, self.clock.now()));
        match taken {
            Ok((_, true)) => Ok(Taken::Allowed),
            Ok((budget, false)) => Ok(Taken::Refused(budget)),
            Err(error) => Err(super::vault::refused(&error)),
        }
    }
}
