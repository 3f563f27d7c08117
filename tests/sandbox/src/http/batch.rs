//! Several requests in one that know nothing of each other.

use serde_json::{Value as Json, json};

use super::call::{Answer, Call};
use super::rest::{Answered, Errand, answer_inner};
use crate::org::Org;
use crate::refusal::Refusal;

/// The most requests in one.
const REQUEST_LIMIT: usize = 25;

pub(super) fn answer(org: &mut Org, errand: &Errand<'_>) -> Answered {
    let mut body = errand.call.json()?;
    let halt_on_error = body["haltOnError"].as_bool().unwrap_or(false);
    let Json::Array(requests) = body["batchRequests"].take() else {
        return Err(Refusal::malformed_body("a batch needs an array `batchRequests`"));
    };
    if requests.len() > REQUEST_LIMIT {
        let message = format!("more than {REQUEST_LIMIT} subrequests");
        return Err(Refusal::new("LIMIT_EXCEEDED", message));
    }
    // The batch itself was counted already, and each request counts.
    errand.state.traffic().daily_usage += requests.len().saturating_sub(1) as u64;
    let mut has_errors = false;
    let mut results = Vec::with_capacity(requests.len());
    for request in &requests {
        if has_errors && halt_on_error {
            let message = "Batch processing halted per request";
            let halted = Refusal::new("BATCH_PROCESSING_HALTED", message);
            results.push(json!({"statusCode": 412, "result": halted.body()}));
            continue;
        }
        let answer = one(org, errand, request);
        has_errors |= !answer.is_success();
        let result: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
        results.push(json!({"statusCode": answer.status, "result": result}));
    }
    Ok(Answer::json(200, &json!({"hasErrors": has_errors, "results": results})))
}

/// An address may leave out `/services/data/`.
fn one(org: &mut Org, errand: &Errand<'_>, request: &Json) -> Answer {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let url = text("url").trim_start_matches('/');
    let url = match url.starts_with("services/") {
        true => format!("/{url}"),
        false => format!("/services/data/{url}"),
    };
    let input = &request["richInput"];
    let body = if input.is_null() { Vec::new() } else { input.to_string().into_bytes() };
    answer_inner(org, errand, &Call::inner(text("method"), &url, body))
}
