//! The daemon: runs what is due, each org on its own, until it is asked to stop.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::{self, JoinSet};

use crate::clock::Clock;
use crate::model::{Direction, Ending, JobKey, Object, OrgId, Run};
use crate::notify;
use crate::plugin::Mark;
use crate::store::{self, Store};
use crate::sync::{self, Doors, Settings, Stop};

/// How often it is looked for what is due.
const TICK: Duration = Duration::from_secs(5);
/// How soon a job that could not go on is tried again, at the earliest.
const RETRY_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Opens the doors of an org; a boxed future, so that the daemon need not know how.
pub type Opening = Pin<Box<dyn Future<Output = Result<Doors, sync::Error>> + Send>>;

/// What the daemon needs of the floor that assembles it.
pub struct World {
    /// What belongs to all orgs.
    pub control: Arc<Store>,
    /// The time.
    pub clock: Clock,
    /// Returns what a person chose for an org, as it stands now.
    pub settings: Box<dyn Fn(&OrgId) -> Settings + Send + Sync>,
    /// Returns who is told of changes, as it stands now.
    pub notices: Box<dyn Fn() -> notify::Settings + Send + Sync>,
    /// Opens the doors of an org for one round.
    pub open: Box<dyn Fn(&OrgId) -> Opening + Send + Sync>,
    /// Tells a customer's mapping of an object from what it was before.
    pub mark: Box<dyn Fn(Object) -> Option<Mark> + Send + Sync>,
}

/// The customer's mappings as an org's last look found them.
type Marks = HashMap<Object, Option<Mark>>;

/// Runs what is due until `stop` turns true; then ends each round after the page
/// that is being done.
///
/// Each org has a task of its own, at most one at a time: a sick org delays no
/// other. A round also ends after its page where a blackout of its org begins.
pub async fn run(world: Arc<World>, mut stop: Stop) {
    let mut rounds = JoinSet::new();
    let mut running: HashMap<task::Id, (OrgId, watch::Sender<bool>)> = HashMap::new();
    let mut marks: HashMap<OrgId, Marks> = HashMap::new();
    let mut ticks = tokio::time::interval(TICK);
    while !*stop.borrow() {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => break,
            Some(ended) = rounds.join_next_with_id(), if !rounds.is_empty() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => {
                        tracing::error!(%error, "a round crashed; its jobs are tried again");
                        error.id()
                    }
                };
                running.remove(&id);
                continue;
            }
        }
        let connections = world.control.connections().unwrap_or_else(|error| {
            tracing::error!(hint = error.hint(), "what is due can't be read now: {error}");
            Vec::new()
        });
        for connection in connections {
            if let Some((org, stop)) = running.values().find(|(org, _)| *org == connection.org) {
                if (world.settings)(org).is_blacked_out(world.clock.now()) {
                    let _ = stop.send(true);
                }
                continue;
            }
            let marks = marks.entry(connection.org.clone()).or_default();
            let jobs = due(&world, &connection.org, marks).unwrap_or_else(|error| {
                tracing::error!(hint = error.hint(), "what is due can't be read now: {error}");
                Vec::new()
            });
            if jobs.is_empty() {
                continue;
            }
            let org = connection.org.clone();
            let (end, stop) = watch::channel(false);
            let world = Arc::clone(&world);
            let task = rounds.spawn(async move {
                round(&world, &connection.org, &jobs, &stop).await;
            });
            running.insert(task.id(), (org, end));
        }
    }
    for (_, end) in running.values() {
        let _ = end.send(true);
    }
    tracing::info!(rounds = rounds.len(), "stops after the pages that are being done");
    while rounds.join_next().await.is_some() {}
}

/// Returns the jobs of an org whose time has come. A job that has no time yet is
/// due at once, and so is a pull whose mapping has changed since the last look.
fn due(world: &World, org: &OrgId, marks: &mut Marks) -> Result<Vec<Due>, store::Error> {
    let now = world.clock.now();
    let settings = (world.settings)(org);
    let mut due = Vec::new();
    if settings.is_blacked_out(now) {
        return Ok(due);
    }
    let paused = world.control.paused(org)?;
    let jobs = settings.jobs(org).into_iter().filter(|job| !paused.contains_key(&job.object));
    for job in jobs {
        let at = world.control.next_at(&job)?;
        let is_changed = job.direction == Direction::Pull && {
            let mark = (world.mark)(job.object);
            marks.insert(job.object, mark.clone()).is_some_and(|before| before != mark)
        };
        // One that is further off than its interval was set when the interval, or the clock, was
        // another.
        let interval = interval(&settings, job.object);
        if is_changed || at.is_none_or(|at| at <= now || at > later(now, interval)) {
            due.push(Due { job, at });
        }
    }
    Ok(due)
}

/// A job whose time has come, and when that was.
struct Due {
    job: JobKey,
    at: Option<Timestamp>,
}

/// Runs jobs of one org and sets when each is due next.
async fn round(world: &World, org: &OrgId, due: &[Due], stop: &Stop) {
    let jobs: Vec<JobKey> = due.iter().map(|due| due.job.clone()).collect();
    let ended = match (world.open)(org).await {
        Ok(doors) => {
            let ended = sync::round(&doors, &jobs, stop, &|_, _| {}).await;
            ended.map(|runs| (runs, doors.settings.clone()))
        }
        Err(error) => Err(error),
    };
    let now = world.clock.now();
    let scheduled = match ended {
        Ok((runs, settings)) => schedule(world, org, due, &runs, &settings, now),
        Err(error) => {
            tracing::error!(%org, hint = error.problem().hint, "a round can't go on: {error}");
            due.iter().try_for_each(|due| {
                world.control.set_next_after(&due.job, due.at, later(now, RETRY_AFTER))
            })
        }
    };
    if let Err(error) = scheduled {
        tracing::error!(%org, "when jobs are due next can't be saved: {error}");
    }
    let jobs = (world.settings)(org).jobs(org);
    let notices = (world.notices)();
    if let Err(error) = notify::tell(&notices, &world.control, org, &jobs, now).await {
        tracing::error!(%org, "it is told after the next round: {error}");
    }
}

/// Sets when jobs are due next: after their interval, or sooner where they could
/// not go on, unless the grant no longer opens the org. A job that was stopped
/// stays due.
fn schedule(
    world: &World,
    org: &OrgId,
    due: &[Due],
    runs: &[Run],
    settings: &Settings,
    now: Timestamp,
) -> Result<(), store::Error> {
    let is_closed = world
        .control
        .connections()?
        .iter()
        .any(|connection| connection.org == *org && connection.broken.is_some());
    for Due { job, at } in due {
        let interval = interval(settings, job.object);
        let wait =
            match runs.iter().rfind(|run| run.key == *job).and_then(|run| run.ending.as_ref()) {
                Some(Ending::Complete) => interval,
                Some(Ending::Broken(_)) | None if is_closed => interval,
                Some(Ending::Broken(_)) | None => RETRY_AFTER.min(interval),
                Some(Ending::Stopped) => continue,
            };
        world.control.set_next_after(job, *at, later(now, wait))?;
    }
    Ok(())
}

/// Returns how often an object syncs.
fn interval(settings: &Settings, object: Object) -> SignedDuration {
    let minutes = settings.objects.get(&object).map_or(120, |object| object.every_minutes);
    SignedDuration::from_mins(i64::from(minutes))
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(now)
}
