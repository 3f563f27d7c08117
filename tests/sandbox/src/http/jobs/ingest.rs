//! Bulk ingest: one upload of rows, each with a result of its own.

use std::cell::Cell as Counter;

use super::super::call::Answer;
use super::super::rest::{Answered, Errand};
use super::{csv, dialect, info, invalid_job, invalid_state, part, progress, with_job};
use crate::jobs::load::Task;
use crate::jobs::{Job, JobState, Load, Order, Work};
use crate::org::Org;
use crate::refusal::Refusal;
use crate::write::{Writer, key_field};

const OPERATIONS: [&str; 5] = ["insert", "update", "upsert", "delete", "hardDelete"];

/// The longest upload beside its job in one request, in characters.
const INLINE_LIMIT: usize = 100_000;

pub(super) fn create(org: &Org, errand: &Errand<'_>) -> Answered {
    let body = match part(errand.call, "job") {
        Some(job) => serde_json::from_slice(job)
            .map_err(|error| Refusal::malformed_body(error.to_string()))?,
        None => errand.call.json()?,
    };
    let upload = part(errand.call, "content").map(<[u8]>::to_vec);
    if upload.as_ref().is_some_and(|upload| upload.len() > INLINE_LIMIT) {
        return Err(invalid_job(format!("The content is longer than {INLINE_LIMIT}")));
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let operation = OPERATIONS
        .into_iter()
        .find(|known| *known == text("operation"))
        .ok_or_else(|| invalid_job(format!("Unsupported operation: {:?}", text("operation"))))?;
    let object = org.visible_object(text("object")).ok_or_else(|| {
        let message = format!("Unable to find object: {}", text("object"));
        Refusal::new("InvalidEntity", message)
    })?;
    let key = match operation {
        "upsert" if text("externalIdFieldName").is_empty() => {
            return Err(invalid_job("An upsert needs externalIdFieldName".to_owned()));
        }
        "upsert" => {
            let field = key_field(org, object, text("externalIdFieldName"))
                .map_err(|refusal| invalid_job(refusal.message))?;
            Some(org.table(object).object.field(field).name.to_string())
        }
        _ => None,
    };
    let state = if upload.is_some() { JobState::UploadComplete } else { JobState::Open };
    let order = Order {
        object: org.table(object).object.name,
        operation,
        version: errand.version.text(),
        dialect: dialect(&body)?,
        state,
        work: Work::Ingest { key, upload, load: Load::default() },
    };
    let mut jobs = errand.state.jobs();
    Ok(Answer::json(200, &info(jobs.add(order, errand.user(), errand.now()))))
}

pub(super) fn upload(errand: &Errand<'_>, id: &str) -> Answered {
    let kind = errand.call.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if !kind.starts_with("text/csv") {
        let message = format!("The content type {kind:?} is not text/csv");
        return Err(Refusal::new("UNSUPPORTED_MEDIA_TYPE", message).with_status(415));
    }
    with_job(errand, id, false, |job| {
        if job.state != JobState::Open {
            let message = format!("A job that is {} takes no upload", job.state.name());
            return Err(invalid_state(message));
        }
        if let Work::Ingest { upload, .. } = &mut job.work {
            if upload.is_some() {
                let message = format!(
                    "Found multiple contents for job: <{}>, please 'Close' / 'Abort' / 'Delete' \
                     the current Job then create a new Job and make sure you only do 'PUT' once \
                     on a given Job.",
                    job.id
                );
                return Err(invalid_state(message));
            }
            *upload = Some(errand.call.body.clone());
        }
        Ok(Answer::empty(201))
    })
}

/// Refuses to close a job without an upload.
pub(super) fn check_upload(job: &Job) -> Result<(), Refusal> {
    match &job.work {
        Work::Ingest { upload: None, .. } => Err(invalid_state("The job has no upload".to_owned())),
        _ => Ok(()),
    }
}

pub(super) fn poll(org: &mut Org, errand: &Errand<'_>, id: &str) -> Answered {
    let (polls_per_state, fail_after) = {
        let jobs = errand.state.jobs();
        (jobs.polls_per_state, jobs.fail_next_after)
    };
    let (answer, failed) = with_job(errand, id, false, |job| {
        let due = job.poll(polls_per_state, errand.now());
        if due {
            let outcome = work(org, errand, job, fail_after);
            job.end(outcome, errand.now());
        }
        Ok((Answer::json(200, &progress(job)), due))
    })?;
    if failed {
        errand.state.jobs().fail_next_after = None;
    }
    Ok(answer)
}

fn work(
    org: &mut Org,
    errand: &Errand<'_>,
    job: &mut Job,
    fail_after: Option<usize>,
) -> Result<(), String> {
    let object = org.find_object(job.object).ok_or("InvalidEntity : The object is gone")?;
    let writer = Writer {
        user: job.created_by,
        now: errand.now(),
        locks: Counter::new(errand.writer.locks.get()),
        refusal: errand.writer.refusal.clone(),
        insists: false,
    };
    let (operation, dialect) = (job.operation, job.dialect);
    let Work::Ingest { key, upload, load } = &mut job.work else {
        return Ok(());
    };
    *load = Load::read(&upload.take().unwrap_or_default(), dialect)?;
    load.run(org, &writer, &Task { object, operation, key: key.as_deref(), fail_after })
}

pub(super) fn results(errand: &Errand<'_>, id: &str, which: &str) -> Answered {
    with_job(errand, id, false, |job| {
        let Work::Ingest { load, .. } = &job.work else {
            return Err(Refusal::not_found());
        };
        if !job.state.is_terminal() {
            let message = format!("A job that is {} has no results", job.state.name());
            return Err(invalid_state(message));
        }
        match which {
            "successfulresults" => Ok(csv(load.successful_results(job.dialect))),
            "failedresults" => Ok(csv(load.failed_results(job.dialect))),
            "unprocessedrecords" => Ok(csv(load.unprocessed_records(job.dialect))),
            _ => Err(Refusal::not_found()),
        }
    })
}
