//! The budget: the share of an org's API calls that we may use, and for what first.

/// What a call is made for: what matters least is left out first when the budget runs
/// short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// What has changed, what was written, what people ask for.
    Sync,
    /// What hangs on records that have changed.
    Enrichment,
    /// What was there long before.
    Backfill,
    /// Whether the store has what the org has; formulas and parents' fields.
    Verification,
}

impl Purpose {
    /// All purposes, the one that matters most first.
    pub const ALL: [Self; 4] = [Self::Sync, Self::Enrichment, Self::Backfill, Self::Verification];

    /// Returns up to which share of the budget such calls are made, in percent.
    pub fn share(self) -> u64 {
        match self {
            Self::Sync => 100,
            Self::Enrichment => 90,
            Self::Backfill => 75,
            Self::Verification => 60,
        }
    }

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Enrichment => "enrichment",
            Self::Backfill => "backfill",
            Self::Verification => "verification",
        }
    }
}

/// How much of the budget is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Budget {
    /// Our calls of the last 24 hours.
    pub used: u64,
    /// How many may be made in 24 hours.
    pub limit: u64,
    /// How many there will be in 24 hours, if it goes on as it does.
    pub forecast: u64,
}

impl Budget {
    /// Tells whether one more call may be made for this purpose.
    pub fn allows(&self, purpose: Purpose) -> bool {
        (self.used + 1) * 100 <= self.limit * purpose.share()
    }

    /// Returns the purposes that calls are not made for any more.
    pub fn held_back(&self) -> impl Iterator<Item = Purpose> {
        Purpose::ALL.into_iter().filter(|purpose| !self.allows(*purpose))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_least_is_held_back_first_and_the_limit_is_never_passed() {
        let mut before = 0;
        for used in 0..=10 {
            let budget = Budget { used, limit: 10, forecast: 0 };
            let held: Vec<_> = budget.held_back().collect();
            let least: Vec<_> = Purpose::ALL.into_iter().rev().take(held.len()).rev().collect();
            assert_eq!(held, least, "after {used} calls");
            assert!(held.len() >= before);
            before = held.len();
        }
        assert_eq!(before, 4);
        assert!(Budget { used: 9, limit: 10, forecast: 0 }.allows(Purpose::Sync));
        assert!(!Budget { used: 0, limit: 0, forecast: 0 }.allows(Purpose::Sync));
    }
}
