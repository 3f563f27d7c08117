//! Runs jobs to their ends: pulls, then pushes, then a look at what was written.

use std::collections::BTreeSet;

use tokio::sync::watch;
use tokio::task::block_in_place;

use super::{Doors, Error, Next, advance};
use crate::model::{Counts, Direction, Ending, JobKey, Object, Problem, Run};

/// How many pages one run may have: 200 million records.
const PAGES_MAX: u32 = 100_000;
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
    let mut is_over = false;
    for job in pulls.into_iter().chain(pushes) {
        if is_over {
            break;
        }
        let run = run_job(doors, job, stop, progress).await?;
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
        let run = run_job(doors, &job, stop, progress).await?;
        is_over = ends_round(&run);
        runs.push(run);
    }
    // Access that was given back in Salesforce needs nobody to say so here.
    if runs.iter().any(|run| run.ending == Some(Ending::Complete)) {
        doors.control.mark_mended(&doors.org)?;
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

/// Runs one job until it is done, can't go on, or is asked to stop.
async fn run_job(
    doors: &Doors,
    job: &JobKey,
    stop: &Stop,
    progress: Progress<'_>,
) -> Result<Run, Error> {
    let mut run = doors.control.start_run(job, doors.clock.now())?;
    let fence = doors.store.claim(job.object, job.direction)?;
    if job.direction == Direction::Push {
        doors.store.wake_passing(job.object)?;
    }
    let mut ending = Ending::Stopped;
    for _ in 0..PAGES_MAX {
        if *stop.borrow() {
            break;
        }
        let step = advance(job, fence, &run.id, doors, doors.clock.now()).await;
        run.counts += step.counts;
        doors.control.count(&run.id, step.counts)?;
        progress(job, run.counts);
        match step.next {
            Next::Again => {}
            Next::Done => {
                ending = Ending::Complete;
                break;
            }
            Next::Broken(error) => {
                ending = Ending::Broken(broken(doors, job, &error)?);
                break;
            }
        }
    }
    let at = doors.clock.now();
    doors.control.end_run(&run.id, at, &ending)?;
    run.ended_at = Some(at);
    run.ending = Some(ending);
    Ok(run)
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
