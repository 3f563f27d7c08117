//! The one HTTP client: its bounds, what is sent again, and what an answer means.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use reqwest::header::{AsHeaderName, CONTENT_TYPE, DATE, HeaderMap, LOCATION};
use url::Url;

use super::refusals::{self, Refusal, Retry};
use super::time;
use super::{Error, Result, clean, usage};
use crate::model::Usage;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call may take from its first byte to its last.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);
/// How large an answer may be once it is unpacked.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// How often one call is sent, the first time included.
pub(super) const ATTEMPTS_MAX: usize = 4;
/// How many times as long as between attempts the wait grows where something takes minutes.
const LONGER: u32 = 3;

/// How long to wait between attempts, and the seed of the jitter.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The wait before the second attempt; each further one is twice as long.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// The seed of the jitter, which spreads hosts that failed together.
    pub seed: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(20), seed: 0 }
    }
}

/// A client for HTTP calls; cheap to clone, and all clones share its connections.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    pace: Pace,
    waits: Arc<AtomicU64>,
}

impl Http {
    /// Returns a client that sends calls to `https` addresses by way of `proxy`,
    /// where there is one. The environment is not looked at, redirects are not
    /// followed, and certificates are those that the operating system trusts.
    pub fn new(pace: Pace, proxy: Option<&Url>) -> Result<Self> {
        // Fails only where another room has installed one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let setup = |cause: reqwest::Error| Error::Setup { cause: cause_of(&cause) };
        let proxy =
            proxy.map(|url| reqwest::Proxy::https(url.clone())).transpose().map_err(setup)?;
        let client = match client(proxy.clone()).build() {
            Ok(client) => client,
            // A bare container has no certificates at all. A sandbox org on this
            // machine needs none; every other address is refused as untrusted.
            Err(cause) => {
                let cause = cause_of(&cause);
                tracing::warn!(cause, "no https address can be called: this machine trusts nobody");
                client(proxy).tls_certs_only([]).build().map_err(setup)?
            }
        };
        Ok(Self { client, pace, waits: Arc::default() })
    }

    /// Sends a call once and returns its answer, whatever its status.
    #[tracing::instrument(
        name = "call",
        skip_all,
        fields(method = %request.method(), path = request.url().path(), status)
    )]
    pub(super) async fn send(&self, request: reqwest::Request) -> Result<Answer> {
        let method = request.method().clone();
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let path = request.url().path().to_owned();
        let started = Instant::now();
        let answer = self.exchange(request, &host).await;
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &answer {
            Ok(Answer { status, body, .. }) => {
                let bytes = body.len();
                tracing::Span::current().record("status", status);
                tracing::debug!(%method, host, path, status, bytes, milliseconds, "called Salesforce");
            }
            Err(error) => {
                tracing::debug!(%method, host, path, %error, milliseconds, "a call to Salesforce failed");
            }
        }
        answer
    }

    async fn exchange(&self, request: reqwest::Request, host: &str) -> Result<Answer> {
        let failed = |error: reqwest::Error| {
            let (host, cause) = (host.to_owned(), cause_of(&error));
            match error.is_connect() {
                true => Error::Unreachable { host, cause },
                false => Error::Cut { host, cause },
            }
        };
        let asked = Instant::now();
        let mut response = self.client.execute(request).await.map_err(failed)?;
        let waited = asked.elapsed();
        let status = response.status().as_u16();
        let usage = usage::read(response.headers());
        let sent_at = text_of(response.headers(), DATE).and_then(|text| time::http(&text));
        // What was saved while the answer was made may not be in it.
        let asked_at = sent_at.and_then(|at| at.checked_sub(waited).ok());
        let content = content_type(response.headers());
        let location = text_of(response.headers(), LOCATION);
        let locator = text_of(response.headers(), "Sforce-Locator");
        // Room for what is told, and no more is kept than came: large answers wait to be mapped.
        let told = response.content_length().and_then(|bytes| usize::try_from(bytes).ok());
        let mut body = Vec::with_capacity(told.unwrap_or_default().min(ANSWER_BYTES_MAX));
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Error::TooLarge { host: host.to_owned(), limit: ANSWER_BYTES_MAX });
            }
            body.extend_from_slice(&chunk);
        }
        body.shrink_to_fit();
        let host = host.to_owned();
        Ok(Answer { host, status, content, location, locator, asked_at, body, usage })
    }

    /// Does `call` until it succeeds, its error is one that `again` does not
    /// want, or all attempts are used up.
    pub(super) async fn persist<T, F>(
        &self,
        again: impl Fn(&Error) -> bool,
        call: impl Fn() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        call.retry(self.waits(ATTEMPTS_MAX)).when(again).await
    }

    /// Returns how long to wait before each further attempt.
    pub(super) fn waits(&self, attempts: usize) -> ExponentialBuilder {
        // Each row of waits gets its own jitter, or callers that failed together
        // would come back together.
        let row = self.waits.fetch_add(1, Ordering::Relaxed);
        ExponentialBuilder::new()
            .with_min_delay(self.pace.first)
            .with_max_delay(self.pace.longest)
            .with_max_times(attempts - 1)
            .with_jitter()
            .with_jitter_seed(self.pace.seed.wrapping_add(row))
    }

    /// Returns the waits between the attempts at something that keeps a state.
    pub(super) fn each_wait(
        &self,
        attempts: usize,
    ) -> impl Iterator<Item = Duration> + Send + use<> {
        self.waits(attempts).build()
    }

    /// Returns the waits between so many looks at something that takes minutes.
    pub(super) fn each_long_wait(
        &self,
        looks: usize,
    ) -> impl Iterator<Item = Duration> + Send + use<> {
        self.waits(looks).with_max_delay(self.pace.longest * LONGER).build()
    }

    pub(super) fn request(&self, method: reqwest::Method, url: Url) -> reqwest::RequestBuilder {
        self.client.request(method, url)
    }
}

fn client(proxy: Option<reqwest::Proxy>) -> reqwest::ClientBuilder {
    let client = reqwest::Client::builder()
        .user_agent(concat!("efficlose/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .no_proxy();
    match proxy {
        Some(proxy) => client.proxy(proxy),
        None => client,
    }
}

/// Returns the innermost cause, which is the one that tells something, without
/// the address: its query may hold a code or a token.
fn cause_of(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let Some(mut cause) = error.source() else {
        return "the call could not be made".to_owned();
    };
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    clean::shown(&cause.to_string())
}

fn content_type(headers: &HeaderMap) -> String {
    text_of(headers, CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase()
}

fn text_of(headers: &HeaderMap, name: impl AsHeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// What came back, in full.
pub(super) struct Answer {
    pub(super) host: String,
    pub(super) status: u16,
    pub(super) content: String,
    /// Where it sends the caller; never followed.
    pub(super) location: Option<String>,
    /// Where the next part of an extract begins.
    pub(super) locator: Option<String>,
    /// When it was asked for, by Salesforce's clock; to the second, and never too late.
    pub(super) asked_at: Option<Timestamp>,
    pub(super) body: Vec<u8>,
    pub(super) usage: Option<Usage>,
}

impl Answer {
    /// Returns the answer if the call succeeded, otherwise what was wrong: the
    /// code in the body counts first, then the status, then the kind of text.
    pub(super) fn accepted(self) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        if let Some(refusal) = refusals::first(&self.body) {
            return Err(Error::of(self.status, refusal, &self.host));
        }
        // The identity service answers in plain text, whatever was asked for.
        if self.body.trim_ascii() == b"Bad_OAuth_Token" {
            return Err(Error::of(
                self.status,
                Refusal::new("Bad_OAuth_Token", "", vec![]),
                &self.host,
            ));
        }
        if self.status >= 500 {
            return Err(Error::Server { host: self.host, status: self.status });
        }
        if self.status == 410 {
            let words = "the API version of this call is retired";
            let refusal = Refusal::new("UNSUPPORTED_API_VERSION", words, vec![]);
            return Err(Error::of(self.status, refusal, &self.host));
        }
        Err(self.not_json())
    }

    /// Returns the error of an answer that is not what was asked for.
    pub(super) fn not_json(&self) -> Error {
        let text = self.body.trim_ascii_start();
        let what = match () {
            () if (300..400).contains(&self.status) => "a redirect to another page",
            () if text.is_empty() => "nothing",
            () if self.content.contains("html") || text.starts_with(b"<") => "a web page",
            () if self.content.contains("json") => "JSON of another shape",
            () => "plain text",
        };
        Error::NotJson { host: self.host.clone(), status: self.status, what }
    }
}

impl Error {
    /// Returns the error of a call that was refused with a code.
    pub(super) fn of(status: u16, refusal: Refusal, host: &str) -> Self {
        let entry = refusal.entry();
        match refusal.code.as_str() {
            "REQUEST_LIMIT_EXCEEDED" if entry.retry == Retry::Soon => Self::Busy(refusal),
            "REQUEST_LIMIT_EXCEEDED" => Self::DailyLimit(refusal),
            "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" => Self::ApiDisabled(refusal),
            "INVALID_FIELD" | "INVALID_FIELD_FOR_INSERT_UPDATE" => Self::InvalidField(refusal),
            "NOT_FOUND" => Self::NotFound(refusal),
            _ if status >= 500 && entry.code.is_empty() => {
                Self::Server { host: host.to_owned(), status }
            }
            _ => Self::Refused(refusal),
        }
    }

    /// Tells whether a read may be sent again within seconds.
    pub(super) fn passes_soon(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Cut { .. } | Self::Server { .. } | Self::Busy(_) => {
                true
            }
            Self::NotJson { status, .. } => *status >= 500,
            Self::Refused(refusal) => refusal.entry().retry == Retry::Soon,
            _ => false,
        }
    }

    /// Tells whether a write that ended so may have been carried out all the
    /// same: its answer never came, or can't be trusted.
    pub(super) fn leaves_in_doubt(&self) -> bool {
        match self {
            Self::Cut { .. } | Self::Server { .. } | Self::TooLarge { .. } => true,
            Self::NotJson { status, .. } => *status < 300 || *status >= 500,
            Self::Refused(refusal) => {
                matches!(refusal.code.as_str(), "UNKNOWN_EXCEPTION" | "REQUEST_RUNNING_TOO_LONG")
            }
            _ => false,
        }
    }

    /// Tells whether a renewed token may help.
    pub(super) fn asks_for_renewal(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.entry().retry == Retry::AfterRefresh)
    }
}
