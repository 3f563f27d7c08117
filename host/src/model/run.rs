//! Runs: what a job did, from its first page to its end.

use std::time::Duration;

use jiff::Timestamp;

use super::{JobKey, Problem};

/// One run of one job.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id; sorts by time.
    pub id: String,
    /// The job.
    pub key: JobKey,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; none while it goes on, or when its process died.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// What it did.
    pub counts: Counts,
    /// Where its time went, while this is known: of a pull that has just ended.
    pub spent: Option<Spent>,
}

/// Where the time of a pull went: its stages run side by side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Waiting for pages and parsing them.
    pub fetch: Duration,
    /// Mapping.
    pub map: Duration,
    /// Storing.
    pub store: Duration,
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.fetch += more.fetch;
        self.map += more.map;
        self.store += more.store;
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// All there was to do is done.
    Complete,
    /// Stopped on request; the next run goes on from there.
    Stopped,
    /// Can't go on.
    Broken(Problem),
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Records read, or requests made of a mapping.
    pub pulled: u64,
    /// Records whose entity was new or changed.
    pub mapped: u64,
    /// Records that were as they are in the store.
    pub unchanged: u64,
    /// Records that Salesforce has deleted.
    pub deleted: u64,
    /// Records or requests that the mapping skipped.
    pub skipped: u64,
    /// Records or requests that wait for a mend.
    pub failed: u64,
    /// Changes that Salesforce took.
    pub pushed: u64,
    /// API calls made.
    pub calls: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.pulled += more.pulled;
        self.mapped += more.mapped;
        self.unchanged += more.unchanged;
        self.deleted += more.deleted;
        self.skipped += more.skipped;
        self.failed += more.failed;
        self.pushed += more.pushed;
        self.calls += more.calls;
    }
}
