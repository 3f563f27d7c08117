//! Bulk API 1.0, as far as reading takes: jobs as JSON, batches as XML, rows as CSV.

use serde_json::{Value as Json, json};

use super::call::{Answer, Call};
use crate::ids::Id;
use crate::jobs::{Batch, BatchState, Classic, ClassicState, Dialect, Pages};
use crate::org::Org;
use crate::refusal::Refusal;
use crate::soql::{Scope, parse};
use crate::state::State;
use crate::value::moment_text;

const NAMESPACE: &str = "http://www.force.com/2009/06/asyncapi/dataload";

/// What a query that finds nothing answers in the place of rows.
const NOTHING: &str = "Records not found for this query";

/// How many records a batch holds where the client splits and names no number, and
/// the most it may name.
const CHUNK_SIZE: usize = 100_000;
const CHUNK_SIZE_MAX: usize = 250_000;

/// Answers a request for `/services/async/61.0/job…`.
pub(super) fn answer(state: &State, call: &Call) -> Answer {
    answer_counted(state, call).unwrap_or_else(|refusal| {
        let kind = call.header("content-type").unwrap_or_default();
        if kind.contains("json") {
            let body = json!({"exceptionCode": refusal.code, "exceptionMessage": refusal.message});
            let json = Answer::json(refusal.status, &body);
            return Answer { content_type: "application/json", ..json };
        }
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
        return Err(Refusal::new("InvalidSessionId", "Invalid session id"));
    };
    super::rest::count(state)?;
    let path: Vec<&str> = call.segments.iter().skip(3).map(String::as_str).collect();
    match (call.method.as_str(), &path[..]) {
        ("POST", ["job"]) => create(state, call, session.user, now),
        ("GET", ["job", id]) => with_job(state, id, |job| Ok(Answer::json(200, &info(job)))),
        ("POST", ["job", id]) => close(state, call, id),
        ("POST", ["job", id, "batch"]) => add_batch(state, call, id, now),
        ("GET", ["job", id, "batch"]) => {
            move_on(state, id, |_| true, now)?;
            with_job(state, id, |job| {
                let batches: String =
                    job.batches.iter().map(|batch| batch_info(job, batch)).collect();
                Ok(xml(&format!("<batchInfoList xmlns=\"{NAMESPACE}\">{batches}</batchInfoList>")))
            })
        }
        ("GET", ["job", id, "batch", batch]) => {
            let own = Id::parse(batch);
            move_on(state, id, |known| Some(known) == own, now)?;
            with_job(state, id, |job| {
                let found = job.batches.iter().find(|known| Some(known.id) == own);
                let found = found.ok_or_else(|| unknown("batch", batch))?;
                Ok(xml(&batch_info(job, found)))
            })
        }
        ("GET", ["job", id, "batch", batch, "request"]) => {
            with_batch(state, (id, batch), |batch| Ok(Answer::text(200, &batch.text)))
        }
        ("GET", ["job", id, "batch", batch, "result"]) => with_batch(state, (id, batch), |batch| {
            done(batch)?;
            let result = result_id(batch);
            let list = "result-list";
            Ok(xml(&format!("<{list} xmlns=\"{NAMESPACE}\"><result>{result}</result></{list}>")))
        }),
        ("GET", ["job", id, "batch", batch, "result", result]) => {
            with_batch(state, (id, batch), |batch| {
                let answer = done(batch)?;
                if Id::parse(result) != Some(result_id(batch)) {
                    return Err(unknown("result", result));
                }
                let body = match answer.len() {
                    0 => NOTHING.as_bytes().to_vec(),
                    rows => answer.chunk(0, rows),
                };
                Ok(Answer { content_type: "text/csv", ..Answer::raw(200, body) })
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
        let found = job.batches.iter().find(|known| Some(known.id) == id);
        act(found.ok_or_else(|| unknown("batch", batch))?)
    })
}

/// Returns the rows of a batch that is done.
fn done(batch: &Batch) -> Result<&Pages, Refusal> {
    let answer = batch.answer.as_ref().filter(|_| batch.state == BatchState::Completed);
    answer.ok_or_else(|| {
        Refusal::new("InvalidBatch", format!("The batch {} is not completed", batch.id))
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
        state: ClassicState::Open,
        chunk: chunk(call),
        batches: Vec::new(),
    };
    let answer = Answer::json(201, &info(&job));
    jobs.keep_classic(job);
    Ok(answer)
}

/// Returns how many records the client wants in a batch, if it wants them split.
fn chunk(call: &Call) -> Option<usize> {
    let wish = call.header("sforce-enable-pkchunking")?.trim();
    if wish.eq_ignore_ascii_case("false") {
        return None;
    }
    let options = wish.split([';', ',']).filter_map(|option| option.split_once('='));
    let mut sizes = options.filter(|(name, _)| name.trim().eq_ignore_ascii_case("chunkSize"));
    let size = sizes.next().and_then(|(_, size)| size.trim().parse().ok());
    Some(size.unwrap_or(CHUNK_SIZE).clamp(1, CHUNK_SIZE_MAX))
}

fn close(state: &State, call: &Call, id: &str) -> Result<Answer, Refusal> {
    let body: Json = serde_json::from_slice(&call.body).unwrap_or_default();
    with_job(state, id, |job| {
        job.state = match body["state"].as_str() {
            Some("Closed") => ClassicState::Closed,
            Some("Aborted") => ClassicState::Aborted,
            _ => return Err(Refusal::new("InvalidJobState", "A job can be closed or aborted")),
        };
        Ok(Answer::json(200, &info(job)))
    })
}

fn add_batch(state: &State, call: &Call, id: &str, now: i64) -> Result<Answer, Refusal> {
    let text = String::from_utf8_lossy(&call.body).trim().to_owned();
    let batch_id = state.jobs().next_batch_id();
    state.traffic().bulk_batches += 1;
    with_job(state, id, |job| {
        if job.state != ClassicState::Open {
            return Err(Refusal::new("InvalidJobState", "The job is closed"));
        }
        job.batches.push(Batch::new(batch_id, text, now));
        let batch = job.batches.last().map(|batch| batch_info(job, batch)).unwrap_or_default();
        Ok(Answer { status: 201, ..xml(&batch) })
    })
}

/// Does the work of batches that are looked at. One that is split makes others,
/// which are done at the next look.
fn move_on(
    state: &State,
    job: &str,
    is_looked_at: impl Fn(Id) -> bool,
    now: i64,
) -> Result<(), Refusal> {
    let org = state.org();
    let mut jobs = state.jobs();
    let job_id = Id::parse(job).ok_or_else(|| unknown("job", job))?;
    let known = jobs.classic.get_mut(&job_id).ok_or_else(|| unknown("job", job))?;
    let (scope, object, chunk) = (known.scope, known.object, known.chunk);
    let mut parts = Vec::new();
    let waiting = |batch: &&mut Batch| batch.state == BatchState::Queued && is_looked_at(batch.id);
    for batch in known.batches.iter_mut().filter(waiting) {
        batch.state =
            match batch.answer.take().map_or_else(|| work(&org, batch, (scope, object), now), Ok) {
                Err(why) => BatchState::Failed(why),
                Ok(answer) => match chunk.filter(|_| !batch.text.is_empty()) {
                    Some(size) => {
                        parts.extend(answer.split(size));
                        BatchState::NotProcessed
                    }
                    None => {
                        batch.answer = Some(answer);
                        BatchState::Completed
                    }
                },
            };
    }
    for part in parts {
        let id = jobs.next_batch_id();
        let batch = Batch { answer: Some(part), ..Batch::new(id, String::new(), now) };
        if let Some(job) = jobs.classic.get_mut(&job_id) {
            job.batches.push(batch);
        }
    }
    Ok(())
}

fn work(
    org: &Org,
    batch: &Batch,
    (scope, object): (Scope, &'static str),
    now: i64,
) -> Result<Pages, String> {
    let refused =
        |refusal: Refusal| format!("InvalidBatch : {}: {}", refusal.code, refusal.message);
    let query = parse(&batch.text).map_err(refused)?;
    if !query.from.eq_ignore_ascii_case(object) {
        let from = &query.from;
        return Err(format!(
            "InvalidBatch : Failed to process query: the job is of {object}, the query of {from}"
        ));
    }
    super::jobs::pages(org, &batch.text, (scope, Dialect::default()), now).map_err(refused)
}

/// A batch has one result, named after it.
fn result_id(batch: &Batch) -> Id {
    Id::compose("752", batch.id.serial().unwrap_or_default())
}

fn info(job: &Classic) -> Json {
    let done = job.batches.iter().filter(|batch| batch.state == BatchState::Completed).count();
    let is_failed = |batch: &&Batch| matches!(batch.state, BatchState::Failed(_));
    let failed = job.batches.iter().filter(is_failed).count();
    let queued = job.batches.iter().filter(|batch| batch.state == BatchState::Queued).count();
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
        "numberBatchesQueued": queued,
        "numberBatchesTotal": job.batches.len(),
        "numberRecordsFailed": 0,
        "numberRecordsProcessed": job.batches.iter().map(Batch::len).sum::<usize>(),
        "numberRetries": 0,
        "object": job.object,
        "operation": job.operation,
        "state": match job.state {
            ClassicState::Open => "Open",
            ClassicState::Closed => "Closed",
            ClassicState::Aborted => "Aborted",
        },
        "systemModstamp": moment_text(job.created_at),
        "totalProcessingTime": 0,
    })
}

fn batch_info(job: &Classic, batch: &Batch) -> String {
    let (state, message) = match &batch.state {
        BatchState::Failed(why) => {
            ("Failed", format!("<stateMessage>{}</stateMessage>", escaped(why)))
        }
        BatchState::Completed => ("Completed", String::new()),
        BatchState::NotProcessed => ("NotProcessed", String::new()),
        BatchState::Queued => ("Queued", String::new()),
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
        batch.len()
    )
}

fn xml(element: &str) -> Answer {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{element}");
    Answer { content_type: "application/xml", ..Answer::raw(200, body.into_bytes()) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
