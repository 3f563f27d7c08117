//! The engine: moves values both ways, one restartable page at a time.
//!
//! It knows no JSON, SQL, HTTP or WASM; the doors do. All it remembers between
//! pages is in the store, so any process can go on where another stopped.

mod backfill;
mod blackout;
mod choice;
mod doctor;
mod domain;
mod doors;
mod doubt;
mod drift;
mod error;
mod extract;
mod forecast;
mod glance;
mod isolate;
mod matching;
mod nearest;
mod origin;
mod outcomes;
mod plan;
mod policy;
mod position;
mod prepare;
mod preview;
mod probe;
mod proposal;
mod pull;
mod push;
mod recover;
mod rehearsal;
mod remap;
mod reread;
mod retry;
mod round;
mod rules;
mod sample;
mod settings;
mod sources;
mod status;
mod trial;
mod undo;
mod unselected;
mod verify;
mod writing;

use crate::model::Counts;

pub use blackout::Blackout;
pub use choice::choice;
pub use doctor::{Access, Checkup, Finding, Health, examine};
pub use domain::{domain, domains};
pub use doors::{Doors, parents};
pub use error::Error;
pub use forecast::{Forecast, forecast};
pub use matching::{Matching, find as match_meeting, is_free_mail};
pub use origin::{Origin, origins};
pub use prepare::{Effect, Fit, Misfit, fit, misfits};
pub use preview::{Change, Preview, PushChange, Replay, preview, replay, selects_others};
pub use probe::probe;
pub use proposal::{Wishes, listed, offer_all, propose};
pub use rehearsal::{Foreseen, Rehearsal, rehearse};
pub use retry::{Retried, retry_alike, retry_all, retry_these};
pub use round::{Progress, Stop, round};
pub use rules::{AccountRule, Newcomer, OpportunityRule, PeopleRule, Rules, Ties};
pub use sample::{Sampled, sample};
pub use settings::{
    CUSTOM_FIELDS, FieldPolicy, INTERVALS, LogAs, ObjectSettings, Settings, WhenRefused,
};
pub use sources::sources;
pub use status::{ObjectStatus, Status, state, status};
pub use undo::{UndoFate, Undone, undo};
pub use verify::{Seeing, verify};

/// What a step of a push did, and what comes next.
#[derive(Debug)]
struct Step {
    counts: Counts,
    next: Next,
}

/// What comes after a step.
#[derive(Debug)]
enum Next {
    /// There is more to do.
    Again,
    /// All there was to do is done.
    Done,
    /// It can't go on until someone mends this.
    Broken(Error),
}
