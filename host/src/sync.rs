//! The engine: moves values both ways, one restartable page at a time.
//!
//! It knows no JSON, SQL, HTTP or WASM; the doors do. All it remembers between
//! pages is in the store, so any process can go on where another stopped.

mod doors;
mod error;
mod isolate;
mod matching;
mod plan;
mod policy;
mod prepare;
mod preview;
mod probe;
mod pull;
mod push;
mod recover;
mod retry;
mod round;
mod settings;
mod trial;

use jiff::Timestamp;

use crate::model::{Counts, Direction, JobKey};

pub use doors::{Doors, parents};
pub use error::Error;
pub use matching::is_free_mail;
pub use prepare::{Effect, Fit, Misfit, Parents, fit, misfits};
pub use preview::{Change, Preview, PushChange, Replay, preview, replay};
pub use probe::probe;
pub use retry::retry;
pub use round::{Progress, Stop, round};
pub use settings::{INTERVALS, ObjectSettings, Settings, WhenRefused};

/// What a step did, and what comes next.
#[derive(Debug)]
pub struct Step {
    /// What it did.
    pub counts: Counts,
    /// What comes next.
    pub next: Next,
}

/// What comes after a step.
#[derive(Debug)]
pub enum Next {
    /// There is more to do.
    Again,
    /// All there was to do is done.
    Done,
    /// It can't go on until someone mends this.
    Broken(Error),
}

/// Does the next page of a job: the unit of work, whoever schedules it.
///
/// `fence` is what the store gave when the job was claimed; once another process
/// has claimed it, nothing of this one is settled any more. A page is settled
/// whole or not at all, and doing it again does no harm.
pub async fn advance(
    key: &JobKey,
    fence: u64,
    run_id: &str,
    doors: &Doors,
    now: Timestamp,
) -> Step {
    let before = doors.salesforce.calls();
    let outcome = match key.direction {
        Direction::Pull => pull::advance(doors, key.object, fence, now).await,
        Direction::Push => push::advance(doors, key.object, fence, run_id, now).await,
    };
    let mut step = outcome
        .unwrap_or_else(|error| Step { counts: Counts::default(), next: Next::Broken(error) });
    step.counts.calls = doors.salesforce.calls() - before;
    step
}
