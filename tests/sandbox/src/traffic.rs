//! The log of requests and the daily limit they count against.

use std::collections::VecDeque;

use serde::Serialize;

/// How many requests the log keeps.
const LOG_LIMIT: usize = 100_000;

/// How many API calls a day an org starts with.
pub(crate) const DAILY_LIMIT: u64 = 15_000;

/// One answered request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Logged {
    /// The method.
    pub(crate) method: String,
    /// The path without the query.
    pub(crate) path: String,
    /// The query as sent, of requests for data only.
    pub(crate) query: String,
    /// The status it was answered with, or 0 when the connection was cut.
    pub(crate) status: u16,
}

/// Requests and limits.
#[derive(Debug)]
pub(crate) struct Traffic {
    log: VecDeque<Logged>,
    /// How many calls a day are allowed.
    pub(crate) daily_limit: u64,
    /// How many were made.
    pub(crate) daily_usage: u64,
    /// Whether the org's edition has no API.
    pub(crate) api_disabled: bool,
    /// How many batches of Bulk API 1.0 were made, and how many jobs of 2.0 that read.
    pub(crate) bulk_batches: u64,
    pub(crate) bulk_queries: u64,
    /// The newest version that is answered, where the org is behind.
    pub(crate) newest_version: Option<u32>,
}

impl Traffic {
    /// Returns an empty log.
    pub(crate) fn new() -> Self {
        Self {
            log: VecDeque::new(),
            daily_limit: DAILY_LIMIT,
            daily_usage: 0,
            api_disabled: false,
            bulk_batches: 0,
            bulk_queries: 0,
            newest_version: None,
        }
    }

    /// Notes a request; the oldest makes room.
    pub(crate) fn note(&mut self, logged: Logged) {
        if self.log.len() >= LOG_LIMIT {
            self.log.pop_front();
        }
        self.log.push_back(logged);
    }

    /// Returns the log, oldest first.
    pub(crate) fn log(&self) -> impl Iterator<Item = &Logged> {
        self.log.iter()
    }

    /// Forgets the log.
    pub(crate) fn clear(&mut self) {
        self.log.clear();
    }
}
