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
    pub(crate) is_closed: bool,
    pub(crate) batches: Vec<Batch>,
}

/// One query of a job.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) id: Id,
    pub(crate) text: String,
    pub(crate) created_at: i64,
    pub(crate) is_done: bool,
    pub(crate) error: Option<String>,
    pub(crate) answer: Pages,
}

impl Batch {
    /// Returns a batch that waits.
    pub(crate) fn new(id: Id, text: String, created_at: i64) -> Self {
        Self { id, text, created_at, is_done: false, error: None, answer: Pages::default() }
    }
}
