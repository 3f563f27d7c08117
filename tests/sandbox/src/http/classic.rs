//! Bulk API 1.0, as far as reading takes: jobs as JSON, batches as XML, rows as CSV.

use serde_json::{Value as Json, json};

use super::call::{Answer, Call};
use crate::ids::Id;
use crate::jobs::{Batch, Classic, Dialect};
use crate::org::Org;
use crate::refusal::Refusal;
use crate::soql::Scope;
use crate::state::State;
use crate::value::moment_text;

const NAMESPACE: &str = "http://www.force.com/2009/06/asyncapi/dataload";

/// Answers a request for `/services/async/61.0/job…`.
pub(super) fn answer(state: &State, call: &Call) -> Answer {
    answer_counted(state, call).unwrap_or_else(|refusal| {
        let body = format!(
            "<error xmlns=\"{NAMESPACE}\"><exceptionCode>{}</exceptionCode>\
             <exceptionMessage>{}</exceptionMessage></error>",
            refusal.code,
            escaped(&refusal.message)
        );
        Answer { status: refusal.status, ..xml(&body) }
    })
}

fn answer_counted(state: &State, call: &Call) -> Result<Answer, Refusal> {
    let now = state.clock.now();
    let token = call.header("x-sfdc-session").or_else(|| call.bearer());
    let session = token.and_then(|token| state.access().session(token, now));
    let Some(session) = session else {
        let message = "Invalid session id";
        return Err(Refusal::new("InvalidSessionId", message).with_status(401));
    };
    super::rest::count(state)?;
    let path: Vec<&str> = call.segments.iter().skip(3).map(String::as_str).collect();
    match (call.method.as_str(), &path[..]) {
        ("POST", ["job"]) => create(state, call, session.user, now),
        ("GET", ["job", id]) => with_job(state, id, |job| Ok(Answer::json(200, &info(job)))),
        ("POST", ["job", id]) => close(state, call, id),
        ("POST", ["job", id, "batch"]) => add_batch(state, call, id, now),
        ("GET", ["job", id, "batch"]) => with_job(state, id, |job| {
            let batches: String = job.batches.iter().map(|batch| batch_info(job, batch)).collect();
            Ok(xml(&format!("<batchInfoList xmlns=\"{NAMESPACE}\">{batches}</batchInfoList>")))
        }),
        ("GET", ["job", id, "batch", batch]) => poll(state, (id, batch), now),
        ("GET", ["job", id, "batch", batch, "result"]) => with_batch(state, (id, batch), |batch| {
            let result = result_id(batch);
            let list = "result-list";
            Ok(xml(&format!("<{list} xmlns=\"{NAMESPACE}\"><result>{result}</result></{list}>")))
        }),
        ("GET", ["job", id, "batch", batch, "result", result]) => {
            with_batch(state, (id, batch), |batch| {
                if Id::parse(result) != Some(result_id(batch)) {
                    return Err(unknown("result", result));
                }
                let body = batch.answer.chunk(0, batch.answer.len());
                Ok(Answer { content_type: "text/csv;charset=UTF-8", ..Answer::raw(200, body) })
            })
        }
        _ => Err(Refusal::new("InvalidUrl", "Destination URL not reset").with_status(404)),
    }
}

fn with_job<T>(
    state: &State,
    id: &str,
    act: impl FnOnce(&mut Classic) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut jobs = state.jobs();
    let id = Id::parse(id).ok_or_else(|| unknown("job", id))?;
    act(jobs.classic.get_mut(&id).ok_or_else(|| unknown("job", &id.to_string()))?)
}

fn with_batch(
    state: &State,
    (job, batch): (&str, &str),
    act: impl FnOnce(&Batch) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    with_job(state, job, |job| {
        let id = Id::parse(batch);
        let found = job.batches.iter().find(|known| Some(known.id) == id && known.is_done);
        act(found.ok_or_else(|| unknown("batch", batch))?)
    })
}

fn unknown(what: &str, id: &str) -> Refusal {
    Refusal::new("InvalidJob", format!("Invalid {what} id: {id}"))
}

fn create(state: &State, call: &Call, user: Id, now: i64) -> Result<Answer, Refusal> {
    let body: Json = serde_json::from_slice(&call.body)
        .map_err(|error| Refusal::new("InvalidJob", error.to_string()))?;
    let (operation, scope) = match body["operation"].as_str() {
        Some("query") => ("query", Scope::Live),
        Some("queryAll") => ("queryAll", Scope::All),
        _ => {
            let message = "Only query and queryAll are answered here";
            return Err(Refusal::new("FeatureNotEnabled", message));
        }
    };
    if body["contentType"].as_str().is_some_and(|kind| kind != "CSV") {
        return Err(Refusal::new("InvalidJob", "Only the content type CSV is answered here"));
    }
    let object = {
        let org = state.org();
        let name = body["object"].as_str().unwrap_or_default();
        let object = org.visible_object(name).ok_or_else(|| {
            Refusal::new("InvalidEntity", format!("Unable to find object: {name}"))
        })?;
        org.table(object).object.name
    };
    let mut jobs = state.jobs();
    let id = jobs.next_id();
    let version = call.segments[2].clone();
    let job = Classic {
        id,
        created_by: user,
        created_at: now,
        object,
        operation,
        scope,
        version,
        is_closed: false,
        batches: Vec::new(),
    };
    let answer = Answer::json(201, &info(&job));
    jobs.keep_classic(job);
    Ok(answer)
}

fn close(state: &State, call: &Call, id: &str) -> Result<Answer, Refusal> {
    let body: Json = serde_json::from_slice(&call.body).unwrap_or_default();
    with_job(state, id, |job| match body["state"].as_str() {
        Some("Closed" | "Aborted") => {
            job.is_closed = true;
            Ok(Answer::json(200, &info(job)))
        }
        _ => Err(Refusal::new("InvalidJobState", "A job can be closed or aborted")),
    })
}

fn add_batch(state: &State, call: &Call, id: &str, now: i64) -> Result<Answer, Refusal> {
    let text = String::from_utf8_lossy(&call.body).trim().to_owned();
    let batch_id = state.jobs().next_batch_id();
    with_job(state, id, |job| {
        if job.is_closed {
            return Err(Refusal::new("InvalidJobState", "The job is closed"));
        }
        job.batches.push(Batch::new(batch_id, text, now));
        let batch = job.batches.last().map(|batch| batch_info(job, batch)).unwrap_or_default();
        Ok(Answer { status: 201, ..xml(&batch) })
    })
}

/// The first poll does the work; only then there are results.
fn poll(state: &State, (job, batch): (&str, &str), now: i64) -> Result<Answer, Refusal> {
    let org = state.org();
    with_job(state, job, |job| {
        let id = Id::parse(batch);
        let scope = job.scope;
        let place = job.batches.iter().position(|known| Some(known.id) == id);
        let place = place.ok_or_else(|| unknown("batch", batch))?;
        let batch = &mut job.batches[place];
        if !batch.is_done && batch.error.is_none() {
            work(&org, batch, scope, now);
        }
        Ok(xml(&batch_info(job, &job.batches[place])))
    })
}

fn work(org: &Org, batch: &mut Batch, scope: Scope, now: i64) {
    let dialect = Dialect::default();
    match super::jobs::pages(org, &batch.text, (scope, dialect), now) {
        Ok(answer) => {
            batch.answer = answer;
            batch.is_done = true;
        }
        Err(refusal) => {
            batch.error = Some(format!("InvalidBatch : {}: {}", refusal.code, refusal.message));
        }
    }
}

/// A batch has one result, named after it.
fn result_id(batch: &Batch) -> Id {
    Id::compose("752", batch.id.serial().unwrap_or_default())
}

fn info(job: &Classic) -> Json {
    let done = job.batches.iter().filter(|batch| batch.is_done).count();
    let failed = job.batches.iter().filter(|batch| batch.error.is_some()).count();
    json!({
        "apexProcessingTime": 0,
        "apiActiveProcessingTime": 0,
        "apiVersion": job.version.parse::<f64>().unwrap_or_default(),
        "assignmentRuleId": null,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "createdById": job.created_by.to_string(),
        "createdDate": moment_text(job.created_at),
        "externalIdFieldName": null,
        "id": job.id.to_string(),
        "numberBatchesCompleted": done,
        "numberBatchesFailed": failed,
        "numberBatchesInProgress": 0,
        "numberBatchesQueued": job.batches.len() - done - failed,
        "numberBatchesTotal": job.batches.len(),
        "numberRecordsFailed": 0,
        "numberRecordsProcessed": job.batches.iter().map(|batch| batch.answer.len()).sum::<usize>(),
        "numberRetries": 0,
        "object": job.object,
        "operation": job.operation,
        "state": if job.is_closed { "Closed" } else { "Open" },
        "systemModstamp": moment_text(job.created_at),
        "totalProcessingTime": 0,
    })
}

fn batch_info(job: &Classic, batch: &Batch) -> String {
    let (state, message) = match &batch.error {
        Some(error) => ("Failed", format!("<stateMessage>{}</stateMessage>", escaped(error))),
        None if batch.is_done => ("Completed", String::new()),
        None => ("Queued", String::new()),
    };
    let at = moment_text(batch.created_at).replace("+0000", "Z");
    format!(
        "<batchInfo xmlns=\"{NAMESPACE}\"><id>{}</id><jobId>{}</jobId><state>{state}</state>{message}\
         <createdDate>{at}</createdDate><systemModstamp>{at}</systemModstamp>\
         <numberRecordsProcessed>{}</numberRecordsProcessed><numberRecordsFailed>0</numberRecordsFailed>\
         <totalProcessingTime>0</totalProcessingTime>\
         <apiActiveProcessingTime>0</apiActiveProcessingTime>\
         <apexProcessingTime>0</apexProcessingTime></batchInfo>",
        batch.id,
        job.id,
        batch.answer.len()
    )
}

fn xml(element: &str) -> Answer {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{element}");
    Answer { content_type: "application/xml", ..Answer::raw(200, body.into_bytes()) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
