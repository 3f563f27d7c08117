//! The page on this machine to which a login comes back.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use url::Url;

use super::oauth::{Arrival, Authorization, Code};
use super::{Error, Result};
use crate::secret::Secret;

/// The path of the callback, on whatever host.
pub const CALLBACK_PATH: &str = "/oauth/callback";
/// How long a person may take to log in, whatever the caller allows.
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// How long the browser may take to fetch the last page.
const FAREWELL: Duration = Duration::from_secs(2);

/// A page that listens on this machine for the end of one login.
#[derive(Debug)]
pub struct Callback {
    listener: TcpListener,
    port: u16,
}

impl Callback {
    /// Listens on a port of the loopback address; port 0 takes a free one.
    pub async fn listen(port: u16) -> Result<Self> {
        let taken = |cause: std::io::Error| Error::Callback { port, cause: cause.to_string() };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(taken)?;
        let port = listener.local_addr().map_err(taken)?.port();
        Ok(Self { listener, port })
    }

    /// Returns the address to register with the app.
    ///
    /// Its host is `localhost`: the one name for which Salesforce takes a
    /// callback that is not encrypted. It reaches the same listener.
    pub fn redirect_url(&self) -> Url {
        let text = format!("http://localhost:{}{CALLBACK_PATH}", self.port);
        text.parse().expect("a number is the only thing in it that varies")
    }

    /// Waits for the code of this login, at most for `timeout`, then stops
    /// listening.
    ///
    /// Only an answer with this login's state ends the wait; any other is shown a
    /// page that says so. Some refusals never come here but stay on Salesforce's
    /// own page, hence the bound.
    pub async fn wait(self, authorization: &Authorization, timeout: Duration) -> Result<Code> {
        let timeout = timeout.min(WAIT_MAX);
        let (answer, answered) = oneshot::channel();
        let (leave, left) = oneshot::channel::<()>();
        let waiting = Waiting { state: authorization.state(), answer: Mutex::new(Some(answer)) };
        let pages = Router::new().route(CALLBACK_PATH, get(arrived)).with_state(Arc::new(waiting));
        let server = axum::serve(self.listener, pages)
            .with_graceful_shutdown(async move { drop(left.await) });
        let server = tokio::spawn(server.into_future());
        let code = tokio::time::timeout(timeout, answered).await;
        let _ = leave.send(());
        let stop = server.abort_handle();
        if tokio::time::timeout(FAREWELL, server).await.is_err() {
            stop.abort();
        }
        match code {
            Ok(Ok(code)) => code,
            _ => Err(Error::LoginTimeout { seconds: timeout.as_secs() }),
        }
    }
}

struct Waiting {
    state: Secret,
    answer: Mutex<Option<oneshot::Sender<Result<Code>>>>,
}

async fn arrived(State(waiting): State<Arc<Waiting>>, Query(arrival): Query<Arrival>) -> Response {
    if !arrival.is_for(&waiting.state) {
        return page(
            StatusCode::BAD_REQUEST,
            "This is not the login that efficlose waits for.",
            "Go back to the terminal and open the address that it shows.",
        );
    }
    let outcome = arrival.code();
    let page = match &outcome {
        Ok(_) => page(
            StatusCode::OK,
            "efficlose is connected.",
            "You can close this page; the terminal goes on.",
        ),
        Err(error) => page(StatusCode::OK, &error.to_string(), &error.hint()),
    };
    let answer = waiting.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(answer) = answer {
        // Nobody waits any more where the time ran out this very moment.
        let _ = answer.send(outcome);
    }
    page
}

/// Returns a page that is closed to scripts and kept by nobody, and ends the
/// connection, so that the wait is over at once.
fn page(status: StatusCode, headline: &str, more: &str) -> Response {
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>efficlose</title>\
         <body style=\"font: 16px/1.5 sans-serif; max-width: 36em; margin: 4em auto\">\
         <h1 style=\"font-size: 1.4em\">{}</h1><p>{}</p></body></html>",
        escaped(headline),
        escaped(more)
    );
    let headers = [
        (header::CONNECTION, "close"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
    ];
    (status, headers, Html(body)).into_response()
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}
