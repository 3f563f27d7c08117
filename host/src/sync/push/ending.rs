//! How the pieces of work of one step end: each once, by what happened to any of its
//! records that is furthest from an end.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::model::{Counts, Meeting, Work, WorkState};
use crate::store::WorkEnd;

/// For how long a meeting that matches no record is looked at again whenever
/// records change.
pub(super) const MATCH_WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The ends of the work of one step, and what was done.
pub(super) struct Endings {
    ends: HashMap<Work, End>,
    counts: Counts,
}

/// How one piece of work ends.
#[derive(Debug, Default)]
struct End {
    rank: Rank,
    reason: Option<String>,
    has_failed: bool,
}

/// What happened, the more of it the more is left to do: whoever is not there yet is looked for
/// also where another's record failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    #[default]
    Settled,
    Failed,
    Unmatched,
    Waiting,
}

impl Endings {
    /// Begins with all work settled.
    pub(super) fn of(work: &[Work]) -> Self {
        let ends = work.iter().map(|work| (work.clone(), End::default())).collect();
        Self { ends, counts: Counts::default() }
    }

    /// Nothing is left to do.
    pub(super) fn settled(&mut self, work: &Work, why: &str) {
        self.end(work, Rank::Settled, Some(why.to_owned()));
    }

    /// There is no record to write to yet.
    pub(super) fn unmatched(&mut self, work: &Work, why: String) {
        self.end(work, Rank::Unmatched, Some(why));
    }

    /// There is no record to write to: it is looked at again whenever records change, until the
    /// meeting is old.
    pub(super) fn not_yet(&mut self, work: &Work, meeting: &Meeting, why: &str, now: Timestamp) {
        if now.duration_since(meeting.started_at) > MATCH_WINDOW {
            self.settled(work, why);
        } else {
            self.unmatched(work, format!("{why}; it is looked at again when records change"));
        }
    }

    /// The mapping wants nothing written.
    pub(super) fn skipped(&mut self, work: &Work, why: String) {
        self.counts.skipped += 1;
        self.end(work, Rank::Settled, Some(why));
    }

    /// All is as it should be.
    pub(super) fn unchanged(&mut self, work: &Work, why: String) {
        self.counts.unchanged += 1;
        self.end(work, Rank::Settled, Some(why));
    }

    /// It waits for a mend.
    pub(super) fn failed(&mut self, work: &Work, why: String) {
        self.counts.failed += 1;
        self.end(work, Rank::Failed, Some(why));
    }

    /// Salesforce took the change.
    pub(super) fn pushed(&mut self, work: &Work) {
        self.counts.mapped += 1;
        self.counts.pushed += 1;
        self.end(work, Rank::Settled, None);
    }

    /// Nobody knows yet; the next step looks.
    pub(super) fn waiting(&mut self, work: &Work) {
        self.end(work, Rank::Waiting, None);
    }

    /// Nobody knows yet of any of these; the next step plans them anew.
    pub(super) fn put_off<'a>(&mut self, work: impl Iterator<Item = &'a Work>) {
        work.for_each(|work| self.waiting(work));
    }

    /// Returns what was done.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes out the ends, for the store. Work whose end nobody knows has none.
    pub(super) fn take(&mut self) -> Vec<WorkEnd> {
        let ends = std::mem::take(&mut self.ends).into_iter();
        ends.filter_map(|(work, end)| {
            let state = match end.rank {
                Rank::Settled => WorkState::Settled,
                Rank::Unmatched => WorkState::Unmatched,
                Rank::Failed => WorkState::Failed,
                Rank::Waiting => return None,
            };
            let End { reason, has_failed, .. } = end;
            Some(WorkEnd { work, state, reason, trouble: None, has_failed })
        })
        .collect()
    }

    fn end(&mut self, work: &Work, rank: Rank, reason: Option<String>) {
        let end = self.ends.entry(work.clone()).or_default();
        end.has_failed |= rank == Rank::Failed;
        if rank >= end.rank {
            (end.rank, end.reason) = (rank, reason);
        }
    }
}
