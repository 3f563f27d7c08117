//! A sandbox with a client that is logged in to it.

use efficlose_sandbox::{Records, Sandbox, Settings, start};
use reqwest::{Method, RequestBuilder, Response, redirect};
use serde_json::Value as Json;

/// The version the tests speak.
pub(crate) const V: &str = "/services/data/v66.0";

/// A sandbox whose clock stands still, with a client.
pub(crate) struct Client {
    pub(crate) sandbox: Sandbox,
    http: reqwest::Client,
    pub(crate) token: String,
}

/// An answer that was read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of the first error.
    pub(crate) fn code(&self) -> String {
        self.json()[0]["errorCode"].as_str().unwrap_or_default().to_owned()
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        control: true,
        frozen_at: Some("2026-11-24T12:00:00Z".parse().unwrap()),
        records: Records { contact: 450, ..Records::default() },
        ..Settings::default()
    }
}

impl Client {
    pub(crate) async fn start() -> Self {
        Self::start_with(settings()).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sandbox = start(settings).await.unwrap();
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .no_gzip()
            .build()
            .unwrap();
        let token = sandbox.greeting().access_token.clone();
        Self { sandbox, http, token }
    }

    /// A request without a session.
    pub(crate) fn stranger(&self, method: &str, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.sandbox.greeting().url);
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url)
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.stranger(method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        read(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, body: Json) -> Answer {
        self.send(self.request(method, path).json(&body)).await
    }

    pub(crate) async fn query(&self, soql: &str) -> Json {
        let request = self.request("GET", &format!("{V}/query")).query(&[("q", soql)]);
        let answer = self.send(request).await;
        assert_eq!(answer.status, 200, "{soql}: {}", answer.text);
        answer.json()
    }

    /// Posts a form without a session.
    pub(crate) async fn form(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.send(self.stranger("POST", path).form(pairs)).await
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: Json) -> Json {
        let answer = self.json(method, &format!("/__sandbox{path}"), body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }
}

async fn read(response: Response) -> Answer {
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}
