//! One call to the org: its session, its headers, and how often it is sent.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::http::{ATTEMPTS_MAX, Answer};
use super::session::Pass;
use super::{Error, Http, Result, Salesforce, allowance, clean, oauth};

/// One call to the org.
pub(super) struct Call {
    method: Method,
    /// The path with its query, on the org's own address.
    path: String,
    body: Option<Vec<u8>>,
    /// How many rows a page should have.
    rows: Option<u32>,
    /// Whether it changes something at Salesforce.
    writes: bool,
}

impl Call {
    pub(super) fn new(method: Method, path: String) -> Self {
        Self { method, path, body: None, rows: None, writes: false }
    }

    pub(super) fn body(self, body: Vec<u8>) -> Self {
        Self { body: Some(body), ..self }
    }

    pub(super) fn rows(self, rows: u32) -> Self {
        Self { rows: Some(rows), ..self }
    }

    pub(super) fn writing(self) -> Self {
        Self { writes: true, ..self }
    }
}

impl Salesforce {
    pub(super) fn http(&self) -> &Http {
        &self.org.session.http
    }

    /// Returns the path of a REST resource in the version that is spoken.
    pub(super) fn path(&self, resource: &str) -> String {
        format!("/services/data/v{}/{resource}", self.org.version)
    }

    /// Sends a call that reads, as often as is sensible, until `parse` takes its
    /// answer.
    pub(super) async fn read<T>(
        &self,
        call: &Call,
        parse: impl Fn(&Answer) -> Result<T>,
    ) -> Result<T> {
        let parse = &parse;
        let attempt = || async move { parse(&self.attempt(call).await?) };
        self.http().persist(Error::passes_soon, attempt).await
    }

    /// Sends a call that reads, as often as is sensible, and returns its answer.
    pub(super) async fn fetch(&self, call: &Call) -> Result<Answer> {
        self.http().persist(Error::passes_soon, || self.attempt(call)).await
    }

    /// Sends a call that writes; again only where the one before surely did
    /// nothing.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer> {
        self.http().persist(did_nothing, || self.attempt(call)).await
    }

    /// Sends a call that writes what was decided by values that are fresh until then: again as
    /// [`Salesforce::send`] does, but not later.
    pub(super) async fn send_until(&self, call: &Call, until: Instant) -> Result<Answer> {
        let mut waits = self.http().each_wait(ATTEMPTS_MAX);
        loop {
            let error = match self.attempt(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let is_in_time = |wait: &Duration| Instant::now() + *wait <= until;
            match waits.next().filter(is_in_time).filter(|_| did_nothing(&error)) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    /// Sends a call; once more with a new token where the session has ended.
    async fn attempt(&self, call: &Call) -> Result<Answer> {
        let pass = self.org.session.pass().await?;
        match self.once(call, &pass).await {
            Err(error) if error.asks_for_renewal() => {
                let pass = self.org.session.renewed(&pass.token).await?;
                self.once(call, &pass).await
            }
            other => other,
        }
    }

    async fn once(&self, call: &Call, pass: &Pass) -> Result<Answer> {
        let why = "it leads out of the org";
        let url = pass.base.join(&call.path).ok().filter(|url| url.origin() == pass.base.origin());
        let url = url.ok_or_else(|| Error::Address { text: clean::shown(&call.path), why })?;
        let mut request = self
            .http()
            .request(call.method.clone(), url)
            .bearer_auth(pass.token.expose())
            .header("Sforce-Call-Options", "client=efficlose");
        if let Some(rows) = call.rows {
            request = request.header("Sforce-Query-Options", format!("batchSize={rows}"));
        }
        if call.writes {
            // Without it a rule of the org may hand a record to another owner.
            request = request.header("Sforce-Auto-Assign", "FALSE");
        }
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        allowance::ask(&*self.org.allowance, self.purpose, self.usage())?;
        self.org.calls.fetch_add(1, Ordering::Relaxed);
        let answer = self.http().send(oauth::built(request)?).await?;
        if let Some(usage) = answer.usage {
            *self.org.usage.lock().unwrap_or_else(PoisonError::into_inner) = Some(usage);
        }
        answer.accepted()
    }
}

/// Tells whether a call surely did nothing, and may do something if it is sent again.
fn did_nothing(error: &Error) -> bool {
    error.passes_soon() && !error.leaves_in_doubt()
}

/// Returns the error of an answer that is JSON but makes no sense.
pub(super) fn odd(what: &'static str) -> Error {
    Error::NotJson { host: "Salesforce".to_owned(), status: 200, what }
}

/// Reads an answer that is JSON from its beginning to its end.
pub(super) fn json_of<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T> {
    serde_json::from_slice(&answer.body).map_err(|_| answer.not_json())
}
