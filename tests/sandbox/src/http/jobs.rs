//! Bulk API 2.0: jobs that read and jobs that write.

use serde_json::{Value as Json, json};

use super::call::{Answer, Call};
use super::rest::{Answered, Errand};
use crate::ids::Id;
use crate::jobs::{Dialect, Job, JobState, Work};
use crate::org::Org;
use crate::refusal::Refusal;
use crate::value::moment_text;

mod ingest;
mod multipart;
mod query;

pub(super) use query::pages;

/// Answers a request for `jobs/…`. The org is needed whole: a poll may be what
/// gets a job's work done.
pub(super) fn answer(org: &mut Org, errand: &Errand<'_>, path: &[String]) -> Answered {
    let lower: Vec<String> = path.iter().map(|part| part.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let id = path.get(1).map_or("", String::as_str);
    match (errand.call.method.as_str(), &lower[..]) {
        ("POST", ["query"]) => query::create(org, errand),
        ("GET", ["query"]) => Ok(list(errand, true)),
        ("GET", ["query", _]) => query::poll(org, errand, id),
        ("GET", ["query", _, "results"]) => query::results(errand, id),
        ("GET", ["query", _, "resultpages"]) => query::result_pages(errand, id),
        ("PATCH", ["query", _]) => change(errand, id, true),
        ("DELETE", ["query", _]) => delete(errand, id, true),
        ("POST", ["ingest"]) => ingest::create(org, errand),
        ("GET", ["ingest"]) => Ok(list(errand, false)),
        ("GET", ["ingest", _]) => ingest::poll(org, errand, id),
        ("PUT", ["ingest", _, "batches"]) => ingest::upload(errand, id),
        ("GET", ["ingest", _, which]) => ingest::results(errand, id, which),
        ("PATCH", ["ingest", _]) => change(errand, id, false),
        ("DELETE", ["ingest", _]) => delete(errand, id, false),
        (_, ["query" | "ingest"]) => Err(super::rest::method_not_allowed(errand.call, "GET,POST")),
        (_, ["query" | "ingest", _]) => {
            Err(super::rest::method_not_allowed(errand.call, "DELETE,GET,PATCH"))
        }
        _ => Err(Refusal::not_found()),
    }
}

/// Does something with a job of the right kind.
fn with_job<T>(
    errand: &Errand<'_>,
    id: &str,
    is_query: bool,
    act: impl FnOnce(&mut Job) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut jobs = errand.state.jobs();
    match jobs.find(id, errand.now()).filter(|job| job.is_query() == is_query) {
        Some(job) => act(job),
        None => Err(Refusal::not_found()),
    }
}

/// Closes an upload or aborts a job.
fn change(errand: &Errand<'_>, id: &str, is_query: bool) -> Answered {
    let body = errand.call.json()?;
    let wanted = body["state"].as_str().unwrap_or_default();
    with_job(errand, id, is_query, |job| {
        let to = match (wanted, job.state) {
            ("Aborted", state) if !state.is_terminal() => JobState::Aborted,
            ("UploadComplete", JobState::Open) => {
                ingest::check_upload(job)?;
                JobState::UploadComplete
            }
            ("Aborted" | "UploadComplete", state) => {
                let message = format!("A job that is {} can't be {wanted}", state.name());
                return Err(invalid_state(message));
            }
            _ => return Err(invalid_job(format!("A job can't be made {wanted:?}"))),
        };
        job.state = to;
        job.changed_at = errand.now();
        Ok(Answer::json(200, &info(job)))
    })
}

fn delete(errand: &Errand<'_>, id: &str, is_query: bool) -> Answered {
    let id = with_job(errand, id, is_query, |job| {
        let uploaded = !is_query && job.state == JobState::UploadComplete;
        match job.state.is_terminal() || uploaded {
            true => Ok(job.id),
            false => {
                Err(invalid_state(format!("A job that is {} can't be deleted", job.state.name())))
            }
        }
    })?;
    errand.state.jobs().remove(id);
    Ok(Answer::empty(204))
}

fn list(errand: &Errand<'_>, queries: bool) -> Answer {
    let kind = errand.call.parameter("jobType");
    let of_kind =
        |job: &&Job| job.is_query() == queries && kind.is_none_or(|kind| kind == job_type(job));
    let jobs = errand.state.jobs();
    let records: Vec<Json> = jobs.all().filter(of_kind).map(info).collect();
    Answer::json(200, &json!({"done": true, "records": records, "nextRecordsUrl": null}))
}

fn job_type(job: &Job) -> &'static str {
    if job.is_query() { "V2Query" } else { "V2Ingest" }
}

/// Returns what every answer about a job says.
fn info(job: &Job) -> Json {
    let mut info = json!({
        "id": job.id.to_string(),
        "operation": job.operation,
        "object": job.object,
        "createdById": job.created_by.to_string(),
        "createdDate": moment_text(job.created_at),
        "systemModstamp": moment_text(job.changed_at),
        "state": job.state.name(),
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": job.version.parse::<f64>().unwrap_or_default(),
        "lineEnding": job.dialect.line_ending_name(),
        "columnDelimiter": job.dialect.delimiter_name(),
    });
    if let Work::Ingest { key, .. } = &job.work {
        if let Some(key) = key {
            info["externalIdFieldName"] = key.as_str().into();
        }
        info["jobType"] = job_type(job).into();
        if job.state == JobState::Open {
            info["contentUrl"] =
                format!("services/data/v{}/jobs/ingest/{}/batches", job.version, job.id).into();
        }
    }
    info
}

/// Returns what the answer to a poll says.
fn progress(job: &Job) -> Json {
    let mut info = info(job);
    info["jobType"] = job_type(job).into();
    info["retries"] = 0.into();
    // Time as it passes in the org, which may stand still.
    info["totalProcessingTime"] = ((job.changed_at - job.created_at) * 1000).into();
    match &job.work {
        Work::Query { answer, .. } => {
            info["numberRecordsProcessed"] = answer.len().into();
            info["isPkChunkingSupported"] = true.into();
        }
        Work::Ingest { load, .. } => {
            info["numberRecordsProcessed"] = load.processed().into();
            info["numberRecordsFailed"] = load.failed().into();
            info["apiActiveProcessingTime"] = 0.into();
            info["apexProcessingTime"] = 0.into();
        }
    }
    if let Some(error) = &job.error {
        info["errorMessage"] = error.as_str().into();
    }
    info
}

fn dialect(body: &Json) -> Result<Dialect, Refusal> {
    let text = |name: &str, default: &'static str| match &body[name] {
        Json::String(text) => text.clone(),
        _ => default.to_owned(),
    };
    let content_type = text("contentType", "CSV");
    if content_type != "CSV" {
        return Err(invalid_job(format!("Unsupported contentType: {content_type}")));
    }
    let (delimiter, ending) = (text("columnDelimiter", "COMMA"), text("lineEnding", "LF"));
    Dialect::named(&delimiter, &ending)
        .ok_or_else(|| invalid_job(format!("Unsupported CSV: {delimiter}, {ending}")))
}

fn invalid_job(message: String) -> Refusal {
    Refusal::new("InvalidJob", message)
}

fn invalid_state(message: String) -> Refusal {
    Refusal::new("InvalidJobState", message)
}

/// Returns an answer in CSV.
fn csv(body: Vec<u8>) -> Answer {
    Answer { content_type: "text/csv", ..Answer::raw(200, body) }
}

/// Returns the job's id for an address.
fn address(errand: &Errand<'_>, id: Id) -> String {
    format!("{}/jobs/query/{id}", errand.version.base())
}

/// Returns what a multipart request holds under a name.
fn part<'a>(call: &'a Call, name: &str) -> Option<&'a [u8]> {
    multipart::part(call.header("content-type")?, &call.body, name)
}
