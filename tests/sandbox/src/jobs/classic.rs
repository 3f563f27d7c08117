//! Jobs of Bulk API 1.0, whose queries come in batches.

use super::Pages;
use crate::ids::Id;
use crate::soql::Scope;

/// A job that reads.
#[derive(Debug)]
pub(crate) struct Classic {
    pub(crate) id: Id,
    pub(crate) created_by: Id,
    pub(crate) created_at: i64,
    pub(crate) object: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) scope: Scope,
    pub(crate) version: String,
    pub(crate) state: ClassicState,
    /// How many records a batch holds, where queries are split by primary key.
    pub(crate) chunk: Option<usize>,
    pub(crate) batches: Vec<Batch>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClassicState {
    Open,
    Closed,
    Aborted,
}

/// How far a batch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BatchState {
    Queued,
    Completed,
    /// Its records are in other batches.
    NotProcessed,
    Failed(String),
}

/// One query of a job.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) id: Id,
    pub(crate) text: String,
    pub(crate) created_at: i64,
    pub(crate) state: BatchState,
    /// The rows, once it is looked at.
    pub(crate) answer: Option<Pages>,
}

impl Batch {
    /// Returns a batch that waits.
    pub(crate) fn new(id: Id, text: String, created_at: i64) -> Self {
        Self { id, text, created_at, state: BatchState::Queued, answer: None }
    }

    /// Returns how many rows it gave.
    pub(crate) fn len(&self) -> usize {
        let is_done = self.state == BatchState::Completed;
        self.answer.as_ref().filter(|_| is_done).map_or(0, Pages::len)
    }
}
