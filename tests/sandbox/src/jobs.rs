//! Bulk jobs: what was asked for, how far it is, and what came of it.

use std::collections::BTreeMap;

use crate::ids::Id;

pub(crate) mod classic;
pub(crate) mod dialect;
pub(crate) mod load;

pub(crate) use classic::{Batch, BatchState, Classic, ClassicState};
pub(crate) use dialect::Dialect;
pub(crate) use load::Load;

use crate::soql::Scope;

/// How long a finished job and its results are kept.
const LIFETIME_SECONDS: i64 = 7 * 86_400;

/// The most jobs that are kept; the oldest makes room.
const JOB_LIMIT: usize = 1_000;

/// How far a job is, as Salesforce names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobState {
    Open,
    UploadComplete,
    InProgress,
    JobComplete,
    Failed,
    Aborted,
}

impl JobState {
    /// Returns the name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::UploadComplete => "UploadComplete",
            Self::InProgress => "InProgress",
            Self::JobComplete => "JobComplete",
            Self::Failed => "Failed",
            Self::Aborted => "Aborted",
        }
    }

    /// Returns whether nothing more happens.
    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::JobComplete | Self::Failed | Self::Aborted)
    }
}

/// A bulk job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: Id,
    pub(crate) created_by: Id,
    pub(crate) created_at: i64,
    pub(crate) changed_at: i64,
    /// The object's name as it is, not as it was sent.
    pub(crate) object: &'static str,
    /// What is done, as Salesforce names it.
    pub(crate) operation: &'static str,
    /// The API version it was made in, such as `66.0`.
    pub(crate) version: String,
    pub(crate) dialect: Dialect,
    pub(crate) state: JobState,
    /// Why it failed.
    pub(crate) error: Option<String>,
    pub(crate) work: Work,
    polls: u32,
}

/// What a job does.
#[derive(Debug)]
pub(crate) enum Work {
    Query {
        text: String,
        scope: Scope,
        answer: Pages,
    },
    Ingest {
        /// The key field of an upsert.
        key: Option<String>,
        upload: Option<Vec<u8>>,
        load: Load,
    },
}

/// The rows of an answer as CSV, with the place where each ends.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub(crate) header: Vec<u8>,
    pub(crate) rows: Vec<u8>,
    pub(crate) ends: Vec<usize>,
}

impl Pages {
    /// Returns how many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Splits the rows into parts of so many, the last with what is left.
    pub(crate) fn split(self, size: usize) -> Vec<Self> {
        let count = self.len().div_ceil(size.max(1)).max(1);
        let part = |nth: usize| {
            let (from, to) = (nth * size, ((nth + 1) * size).min(self.len()));
            let start = if from == 0 { 0 } else { self.ends[from - 1] };
            let ends: Vec<usize> = self.ends[from..to].iter().map(|end| end - start).collect();
            let end = ends.last().map_or(start, |last| start + last);
            Self { header: self.header.clone(), rows: self.rows[start..end].to_vec(), ends }
        };
        (0..count).map(part).collect()
    }

    /// Returns the header and the rows from one place to another.
    pub(crate) fn chunk(&self, from: usize, to: usize) -> Vec<u8> {
        let start_of = |row: usize| if row == 0 { 0 } else { self.ends[row - 1] };
        [&self.header[..], &self.rows[start_of(from)..start_of(to)]].concat()
    }
}

/// All bulk jobs.
#[derive(Debug)]
pub(crate) struct Jobs {
    next: u64,
    next_batch: u64,
    kept: BTreeMap<Id, Job>,
    /// Those of Bulk API 1.0.
    pub(crate) classic: BTreeMap<Id, Classic>,
    /// How many polls a job answers from each state it passes.
    pub(crate) polls_per_state: u32,
    /// After how many rows the next ingest job fails.
    pub(crate) fail_next_after: Option<usize>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            next: 0,
            next_batch: 0,
            kept: BTreeMap::new(),
            classic: BTreeMap::new(),
            polls_per_state: 1,
            fail_next_after: None,
        }
    }
}

/// What a new job is made of.
pub(crate) struct Order {
    pub(crate) object: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) version: String,
    pub(crate) dialect: Dialect,
    pub(crate) state: JobState,
    pub(crate) work: Work,
}

impl Jobs {
    /// Keeps a new job.
    pub(crate) fn add(&mut self, order: Order, user: Id, now: i64) -> &mut Job {
        if self.kept.len() >= JOB_LIMIT {
            self.kept.pop_first();
        }
        let id = self.next_id();
        self.kept.entry(id).or_insert(Job {
            id,
            created_by: user,
            created_at: now,
            changed_at: now,
            object: order.object,
            operation: order.operation,
            version: order.version,
            dialect: order.dialect,
            state: order.state,
            error: None,
            work: order.work,
            polls: 0,
        })
    }

    /// Returns the id of a new job.
    pub(crate) fn next_id(&mut self) -> Id {
        self.next += 1;
        Id::compose("750", self.next)
    }

    /// Returns the id of a new batch.
    pub(crate) fn next_batch_id(&mut self) -> Id {
        self.next_batch += 1;
        Id::compose("751", self.next_batch)
    }

    /// Keeps a new job of Bulk API 1.0.
    pub(crate) fn keep_classic(&mut self, job: Classic) {
        if self.classic.len() >= JOB_LIMIT {
            self.classic.pop_first();
        }
        self.classic.insert(job.id, job);
    }

    /// Returns a job by its id, unless its time is over.
    pub(crate) fn find(&mut self, id: &str, now: i64) -> Option<&mut Job> {
        let job = self.kept.get_mut(&Id::parse(id)?)?;
        let over = job.state.is_terminal() && now - job.changed_at > LIFETIME_SECONDS;
        (!over).then_some(job)
    }

    /// Returns all jobs, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Job> {
        self.kept.values()
    }

    /// Forgets a job.
    pub(crate) fn remove(&mut self, id: Id) {
        self.kept.remove(&id);
    }
}

impl Job {
    /// Counts a poll and says whether the job's work is due.
    pub(crate) fn poll(&mut self, polls_per_state: u32, now: i64) -> bool {
        if !matches!(self.state, JobState::UploadComplete | JobState::InProgress) {
            return false;
        }
        self.polls += 1;
        match self.polls.checked_div(polls_per_state) {
            Some(0) => false,
            Some(1) => {
                self.state = JobState::InProgress;
                self.changed_at = now;
                false
            }
            _ => true,
        }
    }

    /// Ends the job, well or with a reason.
    pub(crate) fn end(&mut self, outcome: Result<(), String>, now: i64) {
        self.changed_at = now;
        match outcome {
            Ok(()) => self.state = JobState::JobComplete,
            Err(why) => {
                self.state = JobState::Failed;
                self.error = Some(why);
            }
        }
    }

    /// Returns whether it reads rather than writes.
    pub(crate) fn is_query(&self) -> bool {
        matches!(self.work, Work::Query { .. })
    }
}
