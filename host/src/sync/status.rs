//! Status: how an org stands, as one answer for whoever shows it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ObjectSettings, Settings};
use crate::model::{
    Budget, Connection, Direction, Drift, JobKey, Object, Purpose, Run, Usage, Verified,
};
use crate::store::{Refused, Result, Store, WorkCounts};

/// How an org stands.
#[derive(Debug)]
pub struct Status {
    /// Whether it is connected, in words.
    pub state: &'static str,
    /// How each object stands that was chosen.
    pub objects: Vec<ObjectStatus>,
    /// How much of the org's calls everyone has used, and when Salesforce said so.
    pub usage: Option<(Usage, Timestamp)>,
    /// How much of ours is used.
    pub budget: Budget,
    /// What calls are not made for any more.
    pub held_back: Vec<Purpose>,
    /// Whether nothing syncs by itself now.
    pub is_blacked_out: bool,
    /// The fields that have changed since set-up.
    pub drifts: Vec<Drift>,
    /// How many questions wait for a person.
    pub reviews: u64,
    /// How many failures wait for a mend.
    pub failures: u64,
}

/// How an object of an org stands.
#[derive(Debug)]
pub struct ObjectStatus {
    /// The object.
    pub object: Object,
    /// What was chosen for it.
    pub choices: ObjectSettings,
    /// How many entities there are.
    pub records: u64,
    /// The last run of each way.
    pub last_pull: Option<Run>,
    /// The last run that wrote.
    pub last_push: Option<Run>,
    /// When it is due; none before the daemon has looked.
    pub next_at: Option<Timestamp>,
    /// What the last verification found.
    pub verified: Option<Verified>,
    /// Since when nothing has changed, where that is suspicious.
    pub quiet_since: Option<Timestamp>,
    /// Since when it is paused.
    pub paused_at: Option<Timestamp>,
    /// What is to be written.
    pub work: WorkCounts,
    /// Why the mapping that was brought is not used.
    pub refused: Option<Refused>,
}

impl ObjectStatus {
    /// Says why nothing has come of it for so long, where that is suspicious.
    pub fn quiet(&self) -> Option<String> {
        let (object, since) = (self.object, self.quiet_since?);
        Some(format!(
            "{object} is suspiciously quiet: nothing has changed since {since}; `efficlose verify \
             --object {object}` tells whether that is so"
        ))
    }
}

/// Looks how an org stands; `budget` is that of now.
pub fn status(
    control: &Store,
    connection: &Connection,
    settings: &Settings,
    budget: Budget,
    now: Timestamp,
) -> Result<Status> {
    let store = control.org(&connection.org)?;
    let paused = control.paused(&connection.org)?;
    let mut drifts = Vec::new();
    for object in settings.objects.keys() {
        drifts.extend(store.drifts(*object)?);
    }
    let objects = settings.objects.iter().map(|(object, choices)| {
        object_status(control, connection, *object, choices.clone(), &paused)
    });
    Ok(Status {
        state: state(connection, settings),
        objects: objects.collect::<Result<_>>()?,
        usage: control.usage(&connection.org)?,
        budget,
        held_back: budget.held_back().collect(),
        is_blacked_out: settings.is_blacked_out(now),
        drifts,
        reviews: store.review_count()?,
        failures: store.failure_count()?,
    })
}

fn object_status(
    control: &Store,
    connection: &Connection,
    object: Object,
    choices: ObjectSettings,
    paused: &BTreeMap<Object, Timestamp>,
) -> Result<ObjectStatus> {
    let store = control.org(&connection.org)?;
    let job = |direction| JobKey { org: connection.org.clone(), object, direction };
    Ok(ObjectStatus {
        object,
        choices,
        records: store.count(object)?,
        last_pull: control.last_run(&job(Direction::Pull))?,
        last_push: control.last_run(&job(Direction::Push))?,
        next_at: control.next_at(&job(Direction::Pull))?,
        verified: store.verified(object)?,
        quiet_since: control.quiet_since(&job(Direction::Pull))?,
        paused_at: paused.get(&object).copied(),
        work: store.work_counts(object)?,
        refused: store.refused(object)?,
    })
}

/// Says whether an org is connected.
pub fn state(connection: &Connection, settings: &Settings) -> &'static str {
    match (&connection.broken, settings.objects.is_empty()) {
        (Some(_), _) => "Needs to be connected again",
        (None, true) => "Connected, not set up",
        (None, false) => "Connected",
    }
}
