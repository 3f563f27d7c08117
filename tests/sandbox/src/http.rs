//! The wire: one way in for every request, whatever it asks for.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State as Shared};
use axum::http::{Response, StatusCode};
use serde_json::json;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;

use crate::faults::{Blow, FaultKind};
use crate::refusal::Refusal;
use crate::state::State;
use crate::traffic::Logged;

mod actions;
mod batch;
mod call;
mod changes;
mod classic;
mod collections;
mod composite;
mod conditions;
mod control;
mod describe;
mod identity;
mod jobs;
mod listener;
mod meta;
mod oauth;
mod pages;
mod query;
mod records;
mod rest;
mod tree;
mod version;

pub(crate) use listener::serve;

use call::{Answer, Call};
use listener::Line;

/// The longest body that is read, in bytes.
const BODY_LIMIT: usize = 150 * 1024 * 1024;

/// The longest address that is read, in bytes.
const URI_LIMIT: usize = 16_384;

/// Returns what serves a sandbox.
pub(crate) fn router(state: Arc<State>) -> Router {
    let compression = CompressionLayer::new().quality(CompressionLevel::Fastest);
    Router::new()
        .fallback(receive)
        .with_state(state)
        .layer(compression)
        .layer(RequestDecompressionLayer::new())
}

async fn receive(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return Answer::text(413, "Request Entity Too Large").into_response(&state);
    };
    let call = Call::new(&head, body.to_vec());
    if call.path.starts_with("/__sandbox") {
        return control::answer(&state, &call).into_response(&state);
    }
    // Elsewhere a query can hold a token.
    let query = call.path.starts_with("/services/data").then(|| head.uri.query()).flatten();
    let logged = Logged {
        method: call.method.clone(),
        path: call.path.clone(),
        query: query.unwrap_or_default().to_owned(),
        status: 0,
    };
    if head.uri.to_string().len() > URI_LIMIT {
        let answer = Answer::text(414, "URI Too Long");
        return finish(&state, logged, answer);
    }
    match state.faults.strike(&call.method, &call.path) {
        None => finish(&state, logged, answer(&state, &call, Blow::default())),
        Some(FaultKind::LockRow { rows }) => {
            let blow = Blow { rows, refusal: None };
            finish(&state, logged, answer(&state, &call, blow))
        }
        Some(FaultKind::RefuseRow { rows, code, message, fields }) => {
            let blow = Blow::refusing(rows, &code, message, fields);
            finish(&state, logged, answer(&state, &call, blow))
        }
        Some(FaultKind::CutBefore) => {
            line.cut();
            state.traffic().note(logged);
            Response::default()
        }
        Some(FaultKind::CutAfterCommit) => {
            answer(&state, &call, Blow::default());
            line.cut();
            state.traffic().note(logged);
            Response::default()
        }
        Some(FaultKind::Hang { milliseconds }) => {
            let gate = state.faults.gate();
            let answer = answer(&state, &call, Blow::default());
            gate.wait(milliseconds).await;
            finish(&state, logged, answer)
        }
        Some(FaultKind::Status { status, body }) => {
            let body = if body.is_null() { json!([]) } else { body };
            finish(&state, logged, Answer::json(status, &body))
        }
        Some(FaultKind::Html503) => finish(&state, logged, pages::maintenance()),
        Some(FaultKind::RequestLimit { concurrent }) => {
            finish(&state, logged, Answer::refusal(&request_limit(concurrent)))
        }
    }
}

fn finish(state: &State, mut logged: Logged, answer: Answer) -> Response<Body> {
    logged.status = answer.status;
    state.traffic().note(logged);
    answer.into_response(state)
}

fn request_limit(concurrent: bool) -> Refusal {
    let message = match concurrent {
        true => "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        false => "TotalRequests Limit exceeded.",
    };
    Refusal::new("REQUEST_LIMIT_EXCEEDED", message).with_status(403)
}

/// Answers a request, of which some rows may be struck.
fn answer(state: &State, call: &Call, blow: Blow) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let lower: Vec<String> = segments.iter().map(|part| part.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match lower[..] {
        ["services", "oauth2", ref rest @ ..] => oauth::answer(state, call, rest),
        ["id", _, _] => identity::identity(state, call),
        [".well-known", "openid-configuration"] => identity::discovery(state),
        ["setup", "secur", "remoteaccesserrorpage.apexp"] => pages::oauth_error(call),
        ["services", "data"] => Answer::json(200, &version::list(state.traffic().newest_version)),
        ["services", "async", _, "job", ..] => classic::answer(state, call),
        ["services", "data", ..] => rest::answer(state, call, blow),
        [] => pages::welcome(),
        _ => Answer::refusal(&Refusal::not_found()),
    }
}

impl Answer {
    /// The date is the org's: clients take their watermarks from it.
    fn into_response(self, state: &State) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Response::builder().status(status);
        if !self.body.is_empty() {
            response = response.header("content-type", self.content_type);
        }
        for (name, value) in &self.headers {
            response = response.header(*name, value);
        }
        response
            .header("cache-control", "no-store")
            .header("date", describe::http_date(state.clock.now()))
            .body(Body::from(self.body))
            .unwrap_or_default()
    }
}
