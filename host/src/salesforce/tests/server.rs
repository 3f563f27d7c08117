//! A server whose answers are one function.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Response;
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    /// The query or form, decoded.
    pub(super) pairs: Vec<(String, String)>,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn get(&self, name: &str) -> &str {
        let pair = self.pairs.iter().find(|(key, _)| key == name);
        pair.map_or("", |(_, value)| value)
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn token(&self) -> &str {
        self.header("authorization").trim_start_matches("Bearer ")
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What to answer.
pub(super) enum Reply {
    Json(u16, String),
    Html(u16, &'static str),
    Text(u16, &'static str),
    /// The connection breaks in place of an answer.
    Cut,
}

pub(super) fn json(body: impl std::fmt::Display) -> Reply {
    Reply::Json(200, body.to_string())
}

pub(super) fn refused(status: u16, code: &str, message: &str) -> Reply {
    let body = serde_json::json!([{ "errorCode": code, "message": message }]);
    Reply::Json(status, body.to_string())
}

pub(super) struct Server {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts a server that answers by `reply`, which is told how many requests
    /// came before.
    pub(super) async fn start(
        reply: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (kept, reply) = (Arc::clone(&seen), Arc::new(reply));
        let router = Router::new().fallback(move |request: Request| {
            let (kept, reply) = (Arc::clone(&kept), Arc::clone(&reply));
            async move {
                let request = read(request).await;
                let before = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(request.clone());
                    kept.len() - 1
                };
                respond(reply(&request, before))
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, seen, task }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.seen().iter().filter(|seen| seen.path.contains(path)).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(request: Request) -> Seen {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 16 << 20).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let form = match body.starts_with(['{', '[']) {
        true => head.uri.query().unwrap_or_default(),
        false => &format!("{}&{body}", head.uri.query().unwrap_or_default()),
    };
    Seen {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        pairs: url::form_urlencoded::parse(form.as_bytes()).into_owned().collect(),
        headers: head.headers,
        body,
    }
}

fn respond(reply: Reply) -> Response<Body> {
    let (status, content, body) = match reply {
        Reply::Json(status, body) => (status, "application/json;charset=UTF-8", body),
        Reply::Html(status, body) => (status, "text/html", body.to_owned()),
        Reply::Text(status, body) => (status, "text/plain", body.to_owned()),
        // Ends the task of this connection without a word.
        Reply::Cut => std::panic::resume_unwind(Box::new("cut")),
    };
    Response::builder()
        .status(status)
        .header("content-type", content)
        .header("sforce-limit-info", "api-usage=18/5000; per-app-api-usage=17/250(appName=x)")
        .body(body.into())
        .unwrap()
}
