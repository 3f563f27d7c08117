//! Bulk queries: an answer in CSV, fetched in chunks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value as Json, json};

use super::super::call::Answer;
use super::super::rest::{Answered, Errand};
use super::{address, csv, dialect, info, invalid_job, progress, with_job};
use crate::jobs::{Dialect, Job, JobState, Order, Pages, Work};
use crate::org::Org;
use crate::refusal::Refusal;
use crate::soql::{Scope, bind, parse, run, sheet};

/// How many rows a chunk holds unless the client asks for another number.
const CHUNK_SIZE: usize = 50_000;

/// What bulk queries don't reach.
const CLOSED: [&str; 1] = ["TaskStatus"];

/// How many chunks a list of result pages names.
const PAGES_PER_LIST: usize = 5;

pub(super) fn create(org: &Org, errand: &Errand<'_>) -> Answered {
    let body = errand.call.json()?;
    let (operation, scope) = match body["operation"].as_str() {
        Some("query") => ("query", Scope::Live),
        Some("queryAll") => ("queryAll", Scope::All),
        _ => return Err(invalid_job("A query job's operation is query or queryAll".to_owned())),
    };
    let text = body["query"].as_str().unwrap_or_default().to_owned();
    let query = parse(&text)?;
    sheet(org, &query, &text, errand.now())?;
    let object = bind(org, &query, &text, errand.now())?.object;
    let object = org.table(object).object.name;
    if CLOSED.contains(&object) {
        let message = format!("Entity '{object}' is not supported by the Bulk API.");
        return Err(Refusal::new("INVALIDENTITY", message));
    }
    let order = Order {
        object,
        operation,
        version: errand.version.text(),
        dialect: dialect(&body)?,
        state: JobState::UploadComplete,
        work: Work::Query { text, scope, answer: Pages::default() },
    };
    errand.state.traffic().bulk_queries += 1;
    let mut jobs = errand.state.jobs();
    Ok(Answer::json(200, &info(jobs.add(order, errand.user(), errand.now()))))
}

pub(super) fn poll(org: &Org, errand: &Errand<'_>, id: &str) -> Answered {
    let polls_per_state = errand.state.jobs().polls_per_state;
    with_job(errand, id, true, |job| {
        if job.poll(polls_per_state, errand.now()) {
            let outcome = work(org, job, errand.now());
            job.end(outcome, errand.now());
        }
        Ok(Answer::json(200, &progress(job)))
    })
}

/// Answers the query once; the chunks are all of this moment.
fn work(org: &Org, job: &mut Job, now: i64) -> Result<(), String> {
    let dialect = job.dialect;
    let Work::Query { text, scope, answer } = &mut job.work else {
        return Ok(());
    };
    let say = |refusal: Refusal| format!("{}: {}", refusal.code, refusal.message);
    *answer = pages(org, text, (*scope, dialect), now).map_err(say)?;
    Ok(())
}

/// Answers a query whole.
///
/// # Errors
///
/// Says what is wrong with the query.
pub(in crate::http) fn pages(
    org: &Org,
    text: &str,
    (scope, dialect): (Scope, Dialect),
    now: i64,
) -> Result<Pages, Refusal> {
    let query = parse(text)?;
    let sheet = sheet(org, &query, text, now)?;
    let mut out = dialect.writer();
    // Writing to memory can't fail, and all rows are as long as the header.
    let _ = out.write_record(sheet.names());
    let header = out.into_inner().unwrap_or_default();
    let mut out = dialect.writer();
    let mut ends = Vec::new();
    for slot in run(org, &bind(org, &query, text, now)?, scope) {
        for cell in sheet.row(org, slot) {
            let _ = out.write_field(&*cell);
        }
        let _ = out.write_record(None::<&[u8]>);
        let _ = out.flush();
        ends.push(out.get_ref().len());
    }
    Ok(Pages { header, rows: out.into_inner().unwrap_or_default(), ends })
}

/// Answers with a chunk; the locator behind the last one is the text `null`.
pub(super) fn results(errand: &Errand<'_>, id: &str) -> Answered {
    let call = errand.call;
    let from = match call.parameter("locator") {
        None | Some("") => 0,
        Some(locator) => offset_of(locator)?,
    };
    let size = chunk_size(errand)?;
    with_job(errand, id, true, |job| {
        let answer = finished(job, errand)?;
        if from > answer.len() || from == answer.len() && from > 0 {
            return Err(invalid_locator());
        }
        let to = (from + size).min(answer.len());
        let next = if to < answer.len() { locator_of(to) } else { "null".to_owned() };
        Ok(csv(answer.chunk(from, to))
            .with_header("sforce-locator", next)
            .with_header("sforce-numberofrecords", (to - from).to_string()))
    })
}

/// Names chunks that can be fetched side by side.
pub(super) fn result_pages(errand: &Errand<'_>, id: &str) -> Answered {
    if errand.version.text().as_str() < "58.0" {
        return Err(Refusal::not_found());
    }
    let from = match errand.call.parameter("locator") {
        None | Some("") => 0,
        Some(locator) => offset_of(locator)?,
    };
    let size = chunk_size(errand)?;
    with_job(errand, id, true, |job| {
        let total = finished(job, errand)?.len();
        let base = address(errand, job.id);
        let asked = errand.call.parameter("maxRecords");
        let suffix = asked.map_or_else(String::new, |asked| format!("&maxRecords={asked}"));
        let starts = (from..total.max(1)).step_by(size);
        let pages: Vec<Json> = starts
            .take(PAGES_PER_LIST)
            .map(|start| format!("{base}/results?locator={}{suffix}", locator_of(start)))
            .map(|url| json!({"resultUrl": url}))
            .collect();
        let next = from + size * PAGES_PER_LIST;
        let done = next >= total;
        let next = format!("{base}/resultPages?locator={}{suffix}", locator_of(next));
        let next = if done { Json::Null } else { next.into() };
        Ok(Answer::json(200, &json!({"resultPages": pages, "nextRecordsUrl": next, "done": done})))
    })
}

fn finished<'a>(job: &'a Job, errand: &Errand<'_>) -> Result<&'a Pages, Refusal> {
    if job.version != errand.version.text() {
        let message = format!("The job was made in version {}", job.version);
        return Err(Refusal::new("InvalidVersion", message).with_status(409));
    }
    match &job.work {
        Work::Query { answer, .. } if job.state == JobState::JobComplete => Ok(answer),
        _ => {
            let message = format!("A job that is {} has no results", job.state.name());
            Err(super::invalid_state(message))
        }
    }
}

fn chunk_size(errand: &Errand<'_>) -> Result<usize, Refusal> {
    let Some(text) = errand.call.parameter("maxRecords") else {
        return Ok(CHUNK_SIZE);
    };
    let size = text.parse().ok().filter(|size| *size > 0);
    size.ok_or_else(|| Refusal::new("INVALID_VALUE", format!("maxRecords can't be {text}")))
}

fn locator_of(offset: usize) -> String {
    STANDARD_NO_PAD.encode(offset.to_string())
}

fn offset_of(locator: &str) -> Result<usize, Refusal> {
    let decoded = STANDARD_NO_PAD.decode(locator.trim_end_matches('='));
    let text = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| text.parse().ok()).ok_or_else(invalid_locator)
}

fn invalid_locator() -> Refusal {
    Refusal::new("INVALID_QUERY_LOCATOR", "invalid query locator")
}
