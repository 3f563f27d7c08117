//! Several requests in one, which can use each other's results.

use std::collections::HashMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value as Json, json};

use super::call::{Answer, Call};
use super::rest::{Answered, Errand, answer_inner, inner_route};
use crate::org::Org;
use crate::refusal::Refusal;

/// The most requests in one.
const REQUEST_LIMIT: usize = 25;

/// The most of them that may be queries or collections.
const QUERY_LIMIT: usize = 5;

/// The most graphs in one request.
const GRAPH_LIMIT: usize = 75;

/// The most requests in all graphs of one request.
const NODE_LIMIT: usize = 500;

/// After this many failures the remaining graphs aren't tried.
const FAILED_GRAPH_LIMIT: usize = 14;

/// The headers that an answer inside another one has, and how they are spelled there.
const SHOWN_HEADERS: [(&str, &str); 3] =
    [("location", "Location"), ("etag", "ETag"), ("last-modified", "Last-Modified")];

const ROLLED_BACK: &str =
    "The transaction was rolled back since another operation in the same transaction failed.";

struct Subrequest {
    reference: String,
    method: String,
    url: String,
    headers: HeaderMap,
    body: Json,
}

struct Subanswer {
    reference: String,
    answer: Answer,
}

pub(super) fn answer(org: &mut Org, errand: &Errand<'_>) -> Answered {
    let mut body = errand.call.json()?;
    let all_or_none = body["allOrNone"].as_bool().unwrap_or(false);
    let requests = subrequests(body["compositeRequest"].take(), REQUEST_LIMIT)?;
    let (answers, _) = run(org, errand, &requests, all_or_none);
    Ok(Answer::raw(200, write(&answers)))
}

/// Answers graphs: each is a transaction of its own, whole or not at all.
pub(super) fn graphs(org: &mut Org, errand: &Errand<'_>) -> Answered {
    let mut body = errand.call.json()?;
    let Json::Array(list) = body["graphs"].take() else {
        return Err(Refusal::malformed_body("a graph request needs an array `graphs`"));
    };
    let mut graphs: Vec<(String, Vec<Subrequest>)> = Vec::with_capacity(list.len());
    for mut graph in list {
        let id = graph["graphId"].as_str().unwrap_or_default().to_owned();
        if id.is_empty() || graphs.iter().any(|(known, _)| *known == id) {
            let message = format!("Invalid or doubled graph ID: {id}");
            return Err(Refusal::new("INVALID_INPUT", message));
        }
        let requests = subrequests(graph["compositeRequest"].take(), NODE_LIMIT)?;
        if let Some(other) = requests.iter().find(|request| !request.is_for_record()) {
            let message = format!("A graph holds records only, not {}", other.url);
            return Err(Refusal::new("INVALID_INPUT", message));
        }
        graphs.push((id, requests));
    }
    let nodes: usize = graphs.iter().map(|(_, requests)| requests.len()).sum();
    if graphs.len() > GRAPH_LIMIT || nodes > NODE_LIMIT {
        let message = format!("more than {GRAPH_LIMIT} graphs or {NODE_LIMIT} nodes");
        return Err(Refusal::new("LIMIT_EXCEEDED", message));
    }
    let mut failures = 0;
    let mut answers = Vec::with_capacity(graphs.len());
    for (id, requests) in &graphs {
        let (parts, went_well) = match failures < FAILED_GRAPH_LIMIT {
            true => run(org, errand, requests, true),
            false => (requests.iter().map(Subrequest::halted).collect(), false),
        };
        failures += usize::from(!went_well);
        let mut answer = format!("{{\"graphId\":{},\"graphResponse\":", json!(id)).into_bytes();
        answer.extend_from_slice(&write(&parts));
        answer.extend_from_slice(format!(",\"isSuccessful\":{went_well}}}").as_bytes());
        answers.push(answer);
    }
    let answers = answers.join(&b',');
    Ok(Answer::raw(200, [b"{\"graphs\":[", &answers[..], b"]}"].concat()))
}

impl Subrequest {
    fn halted(&self) -> Subanswer {
        Subanswer { reference: self.reference.clone(), answer: halted(ROLLED_BACK) }
    }

    fn is_for_record(&self) -> bool {
        let route = inner_route(&Call::inner(&self.method, &self.url, Vec::new()));
        route.is_some_and(|route| route.is_record())
    }
}

/// Does the requests in order. Returns their answers, and whether they were
/// kept.
fn run(
    org: &mut Org,
    errand: &Errand<'_>,
    requests: &[Subrequest],
    all_or_none: bool,
) -> (Vec<Subanswer>, bool) {
    let mark = org.mark();
    let mut answers: Vec<Subanswer> = Vec::with_capacity(requests.len());
    let mut results: HashMap<String, Json> = HashMap::new();
    let mut failed = None;
    for (place, request) in requests.iter().enumerate() {
        if failed.is_some() {
            break;
        }
        let answer = one(org, errand, request, &results, all_or_none);
        if answer.is_success() && !(all_or_none && has_failed_row(&answer)) {
            let result = serde_json::from_slice(&answer.body).unwrap_or_default();
            results.insert(request.reference.clone(), result);
        } else if all_or_none {
            failed = Some(place);
        }
        answers.push(Subanswer { reference: request.reference.clone(), answer });
    }
    if let Some(place) = failed {
        org.roll_back(mark);
        for (other, request) in requests.iter().enumerate() {
            match answers.get_mut(other) {
                Some(_) if other == place => {}
                Some(answer) => *answer = request.halted(),
                None => answers.push(request.halted()),
            }
        }
    }
    (answers, failed.is_none())
}

fn halted(message: &str) -> Answer {
    Answer::refusal(&Refusal::new("PROCESSING_HALTED", message))
}

fn subrequests(json: Json, most: usize) -> Result<Vec<Subrequest>, Refusal> {
    let Json::Array(list) = json else {
        return Err(Refusal::malformed_body(
            "a composite request needs an array `compositeRequest`",
        ));
    };
    let limit = |message: String| Err(Refusal::new("LIMIT_EXCEEDED", message));
    if list.len() > most {
        return limit(format!("more than {most} subrequests"));
    }
    let mut requests: Vec<Subrequest> = Vec::with_capacity(list.len());
    let mut queries = 0;
    for mut item in list {
        let text = |name: &str| {
            let text = item[name].as_str().map(str::to_owned);
            text.ok_or_else(|| Refusal::malformed_body(format!("a subrequest needs `{name}`")))
        };
        let (method, url, reference) = (text("method")?, text("url")?, text("referenceId")?);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let known = requests.iter().any(|request| request.reference == reference);
        if reference.is_empty() || !reference.chars().all(plain) || known {
            let message = format!("Invalid or doubled reference ID: {reference}");
            return Err(Refusal::new("INVALID_INPUT", message));
        }
        let route = inner_route(&Call::inner(&method, &url, Vec::new()));
        queries += usize::from(route.is_some_and(|route| route.is_query()));
        let headers = headers(&item["httpHeaders"]);
        requests.push(Subrequest { reference, method, url, headers, body: item["body"].take() });
    }
    if queries > QUERY_LIMIT {
        return limit(format!("more than {QUERY_LIMIT} queries and collections"));
    }
    Ok(requests)
}

fn one(
    org: &mut Org,
    errand: &Errand<'_>,
    request: &Subrequest,
    results: &HashMap<String, Json>,
    all_or_none: bool,
) -> Answer {
    let mut body = request.body.clone();
    let url = fill(&request.url, results).and_then(|url| {
        fill_all(&mut body, results)?;
        Ok(url)
    });
    let url = match url {
        Ok(url) => url,
        Err(message) => return halted(&message),
    };
    let route = inner_route(&Call::inner(&request.method, &url, Vec::new()));
    if all_or_none && body.is_object() && route.is_some_and(|route| route.writes_rows()) {
        body["allOrNone"] = true.into();
    }
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let mut call = Call::inner(&request.method, &url, bytes);
    call.headers = request.headers.clone();
    answer_inner(org, errand, &call)
}

/// Returns the headers of a subrequest; what can't be one is left out.
fn headers(json: &Json) -> HeaderMap {
    let pairs = json.as_object().into_iter().flatten();
    let pairs = pairs.filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
    });
    pairs.collect()
}

/// The rows of a collection fail one by one; the whole falls with any of them.
fn has_failed_row(answer: &Answer) -> bool {
    let rows: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
    let mut rows = rows.as_array().into_iter().flatten();
    rows.any(|row| row["success"] == false)
}

fn fill_all(json: &mut Json, results: &HashMap<String, Json>) -> Result<(), String> {
    match json {
        Json::String(text) if text.contains("@{") => *text = fill(text, results)?,
        Json::Array(items) => {
            for item in items {
                fill_all(item, results)?;
            }
        }
        Json::Object(pairs) => {
            for (_, value) in pairs.iter_mut() {
                fill_all(value, results)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Puts earlier results in the place of `@{reference.field}`.
fn fill(text: &str, results: &HashMap<String, Json>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        filled.push_str(before);
        let Some((path, after)) = after.split_once('}') else {
            return Err(format!("Invalid reference specified: @{{{after}"));
        };
        filled.push_str(&look_up(path, results)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn look_up(path: &str, results: &HashMap<String, Json>) -> Result<String, String> {
    let missing = || format!("Invalid reference specified. No value for {path} found.");
    let (reference, fields) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    let mut value = results.get(reference).ok_or_else(missing)?;
    for field in fields.split(['.', '[', ']']).filter(|field| !field.is_empty()) {
        value = match field.parse::<usize>() {
            Ok(place) => value.get(place),
            Err(_) => value.get(field),
        }
        .ok_or_else(missing)?;
    }
    match value {
        Json::Null => Err(missing()),
        Json::String(text) => Ok(text.clone()),
        other => Ok(other.to_string()),
    }
}

fn write(answers: &[Subanswer]) -> Vec<u8> {
    let mut body = b"{\"compositeResponse\":[".to_vec();
    for (place, part) in answers.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        let headers: Map<String, Json> = SHOWN_HEADERS
            .iter()
            .filter_map(|(own, shown)| {
                let (_, value) = part.answer.headers.iter().find(|(name, _)| name == own)?;
                Some(((*shown).to_owned(), json!(value)))
            })
            .collect();
        let headers = Json::Object(headers);
        body.extend_from_slice(b"{\"body\":");
        body.extend_from_slice(if part.answer.body.is_empty() {
            b"null"
        } else {
            &part.answer.body
        });
        let rest = format!(
            ",\"httpHeaders\":{headers},\"httpStatusCode\":{},\"referenceId\":\"{}\"}}",
            part.answer.status, part.reference
        );
        body.extend_from_slice(rest.as_bytes());
    }
    body.extend_from_slice(b"]}");
    body
}
