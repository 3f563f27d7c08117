//! Runs jobs to their ends: pulls, then pushes, then a look at what was written.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::block_in_place;

use super::glance::{Seen, glance};
use super::pull;
use super::remap::Report;
use super::{Doors, Error, Next, push, verify};
use crate::model::{Counts, Direction, Ending, JobKey, Object, Problem, Run};

/// How many steps one push may have: 10 million pieces of work.
const STEPS_MAX: u32 = 100_000;
/// Where a problem lies that stops every job of the org.
const CONNECTION: &str = "connection";

/// Turns true when the process is asked to stop.
pub type Stop = watch::Receiver<bool>;
/// Is told after each page what the run has done so far.
pub type Progress<'a> = &'a (dyn Fn(&JobKey, Counts) + Sync);

/// Runs these jobs of one org, one after the other: pulls first, then pushes, and
/// then a pull of the objects that were written to, so that the store holds what
/// Salesforce made of it.
///
/// A job that can't go on ends alone, unless the org itself has to be connected
/// anew. A stop ends the round after the page that is being done.
#[tracing::instrument(skip_all, fields(org = %doors.org))]
pub async fn round(
    doors: &Doors,
    jobs: &[JobKey],
    stop: &Stop,
    progress: Progress<'_>,
) -> Result<Vec<Run>, Error> {
    // Held until the round ends: the process may be another's, or the daemon's.
    let _lock = block_in_place(|| doors.control.lock_round(&doors.org))?;
    let mut runs = Vec::new();
    let mut written = BTreeSet::new();
    let (pulls, pushes): (Vec<_>, Vec<_>) =
        jobs.iter().partition(|job| job.direction == Direction::Pull);
    let objects: Vec<Object> = pulls.iter().map(|job| job.object).collect();
    let calls = doors.salesforce.calls();
    let mut seen = match objects.is_empty() || *stop.borrow() {
        true => Ok(HashMap::new()),
        false => match glance(doors, &objects).await {
            // Each object is looked at by itself then.
            Err(error) if !error.is_org_wide() => {
                tracing::warn!("the objects can't be looked at together: {error}");
                Ok(HashMap::new())
            }
            looked => looked,
        },
    };
    let mut looked = doors.salesforce.calls() - calls;
    let mut is_over = false;
    for job in pulls.into_iter().chain(pushes) {
        if is_over {
            break;
        }
        // What keeps the org from being looked at keeps the first job from going on.
        let begins = Begins {
            seen: std::mem::replace(&mut seen, Ok(HashMap::new())).map(|mut all| {
                let one = all.remove(&job.object);
                seen = Ok(all);
                one
            }),
            calls: std::mem::take(&mut looked),
        };
        let run = run_job(doors, job, begins, stop, progress).await?;
        // Access that was given back in Salesforce needs nobody to say so here; a later job may
        // find that it was taken again.
        if run.ending == Some(Ending::Complete) && doors.salesforce.calls() > 0 {
            doors.control.mark_mended(&doors.org)?;
        }
        if job.direction == Direction::Push && run.counts.pushed > 0 {
            written.insert(job.object);
        }
        is_over = ends_round(&run);
        runs.push(run);
    }
    let is_pulled = |object: &Object| doors.settings.objects.get(object).is_some_and(|o| o.pull);
    for object in written.into_iter().filter(is_pulled) {
        if is_over {
            break;
        }
        let job = JobKey { org: doors.org.clone(), object, direction: Direction::Pull };
        let run = run_job(doors, &job, Begins::default(), stop, progress).await?;
        is_over = ends_round(&run);
        runs.push(run);
    }
    if !is_over {
        verify::due(doors, &objects, stop).await?;
    }
    if let Some(usage) = doors.salesforce.usage() {
        doors.control.save_usage(&doors.org, usage, doors.clock.now())?;
    }
    Ok(runs)
}

/// Tells whether no other job can go on either.
fn ends_round(run: &Run) -> bool {
    match &run.ending {
        Some(Ending::Stopped) => true,
        Some(Ending::Broken(problem)) => problem.at.as_deref() == Some(CONNECTION),
        _ => false,
    }
}

/// What a job begins with.
struct Begins {
    /// What was seen of its object, or why nothing could be.
    seen: Result<Option<Seen>, Error>,
    /// How many calls that took.
    calls: u64,
}

impl Default for Begins {
    fn default() -> Self {
        Self { seen: Ok(None), calls: 0 }
    }
}

/// Runs one job until it is done, can't go on, or is asked to stop.
#[tracing::instrument(name = "job", skip_all, fields(object = %job.object, direction = %job.direction))]
async fn run_job(
    doors: &Doors,
    job: &JobKey,
    begins: Begins,
    stop: &Stop,
    progress: Progress<'_>,
) -> Result<Run, Error> {
    let mut run = doors.control.start_run(job, doors.clock.now())?;
    let fence = doors.store.claim(job.object, job.direction)?;
    let first = doors.salesforce.calls() - begins.calls;
    let counted = Mutex::new((Counts::default(), first));
    let report = |mut counts: Counts| {
        let (total, before) = &mut *counted.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = doors.salesforce.calls();
        counts.calls = calls - std::mem::replace(before, calls);
        *total += counts;
        progress(job, *total);
        Ok(doors.control.count(&run.id, counts)?)
    };
    let ended = match (job.direction, begins.seen) {
        (_, Err(error)) => Err(error),
        (Direction::Pull, Ok(seen)) => {
            let pulled = pull::run(doors, job.object, fence, seen, stop, &report).await;
            pulled.map(|(is_whole, spent)| {
                tracing::debug!(%job, ?spent, "pulled");
                run.spent = Some(spent);
                is_whole
            })
        }
        (Direction::Push, Ok(_)) => {
            push_all(doors, job.object, fence, &run.id, stop, &report).await
        }
    };
    report(Counts::default())?;
    let ending = match ended {
        Ok(true) => Ending::Complete,
        Ok(false) => Ending::Stopped,
        Err(error) => Ending::Broken(broken(doors, job, &error)?),
    };
    let at = doors.clock.now();
    doors.control.end_run(&run.id, at, &ending)?;
    run.counts = counted.into_inner().unwrap_or_else(PoisonError::into_inner).0;
    run.ended_at = Some(at);
    run.ending = Some(ending);
    Ok(run)
}

/// Pushes what waits of an object; tells whether it came to the end.
pub(super) async fn push_all(
    doors: &Doors,
    object: Object,
    fence: u64,
    run_id: &str,
    stop: &Stop,
    report: Report<'_>,
) -> Result<bool, Error> {
    doors.store.wake_passing(object)?;
    doors.store.match_by(&doors.settings.rules())?;
    // An import that was killed may have left none.
    block_in_place(|| doors.store.index())?;
    for _ in 0..STEPS_MAX {
        if *stop.borrow() {
            return Ok(false);
        }
        let step = push::advance(doors, object, fence, run_id, doors.clock.now()).await?;
        report(step.counts)?;
        match step.next {
            Next::Again => {}
            Next::Done => return Ok(true),
            Next::Broken(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Notes what stopped a job; where the grant no longer opens the org, notes that
/// too.
fn broken(doors: &Doors, job: &JobKey, error: &Error) -> Result<Problem, Error> {
    let mut problem = error.problem();
    tracing::error!(%job, hint = problem.hint, "a run can't go on: {problem}");
    if error.needs_reconnect() {
        doors.control.mark_broken(&doors.org, &problem.message)?;
    }
    if error.is_org_wide() {
        problem.at = Some(CONNECTION.to_owned());
    }
    Ok(problem)
}
