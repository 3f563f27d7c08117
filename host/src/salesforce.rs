//! The Salesforce door: the only room that knows Salesforce's JSON, SOQL and HTTP.

mod allowance;
mod call;
mod callback;
mod clean;
mod composite;
mod deleted;
mod describe;
mod extract;
mod http;
mod login_url;
mod oauth;
mod page;
mod query;
mod records;
pub mod refusals;
mod rules;
mod session;
mod shape;
mod soql;
#[cfg(test)]
mod tests;
mod time;
mod together;
mod usage;
mod version;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use serde::Deserialize;

use crate::model::{Budget, Fields, Mender, NameError, OrgId, Purpose, SalesforceId, Usage};
use call::{Call, json_of};
use http::Answer;
use refusals::{Entry, Refusal, Retry};
use session::Session;

pub use allowance::{Allowance, Taken, Unlimited};
pub use callback::{CALLBACK_PATH, Callback};
pub use describe::{Choice, Description, FieldDescription, FieldType, Parents};
pub use extract::{Extract, Part, Progress, part_rows};
pub use http::{Http, Pace};
pub use login_url::LoginUrl;
pub use oauth::{App, Arrival, Authorization, Code, Connected, exchange, renew, revoke};
pub use query::{DISGUISE, IS_DELETED, Page, RowKey, TaskStatus};
pub use records::{RecordWrite, Written};
pub use rules::ValidationRule;
pub use session::{Vault, VaultError};
pub use soql::{Changed, SUCCESSORS, Scope, Successor};
pub use together::{Found, QUERIES_MAX, Read};
pub use version::api_version;

/// The result of anything done at this door.
pub type Result<T> = std::result::Result<T, Error>;

/// One org of Salesforce; cheap to clone, and all clones share one session.
#[derive(Clone)]
pub struct Salesforce {
    org: Arc<Org>,
    purpose: Purpose,
    /// What was written, where writes are taken for done without being sent.
    rehearsed: Option<Arc<Rehearsed>>,
}

/// What records would hold by now: none, where one would be deleted.
type Rehearsed = Mutex<HashMap<SalesforceId, Option<Fields>>>;

struct Org {
    session: Arc<Session>,
    version: String,
    calls: AtomicU64,
    usage: Mutex<Option<Usage>>,
    allowance: Arc<dyn Allowance>,
}

/// Whom the grant stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name with which the user logs in.
    pub username: String,
    /// The name that people see.
    pub display_name: String,
    /// The user.
    pub user: SalesforceId,
    /// The org.
    pub org: OrgId,
}

impl Salesforce {
    /// Opens an org whose grant lies in the vault. Nothing is sent or read yet; before
    /// anything is, `allowance` is asked.
    ///
    /// `api_version` is one that [`api_version`] has returned, such as `66.0`.
    pub fn open(
        http: &Http,
        login: LoginUrl,
        client_id: &str,
        api_version: &str,
        vault: Arc<dyn Vault>,
        allowance: Arc<dyn Allowance>,
    ) -> Result<Self> {
        // It becomes a part of every address.
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !api_version.split_once('.').is_some_and(|(major, minor)| plain(major) && plain(minor)) {
            let why = "it is not a version of the API such as 66.0";
            return Err(Error::Address { text: clean::shown(api_version), why });
        }
        let org = Org {
            session: Session::new(http.clone(), login, client_id.to_owned(), vault),
            version: api_version.to_owned(),
            calls: AtomicU64::new(0),
            usage: Mutex::default(),
            allowance,
        };
        Ok(Self { org: Arc::new(org), purpose: Purpose::Sync, rehearsed: None })
    }

    /// Returns the same org, to be called for another purpose.
    pub fn calling_for(&self, purpose: Purpose) -> Self {
        Self { purpose, ..self.clone() }
    }

    /// Returns the same org, to which nothing is written: writes are taken for done without
    /// being sent, though they count as calls, and records that are retrieved hold them.
    pub fn rehearsing(&self) -> Self {
        Self { rehearsed: Some(Arc::default()), ..self.clone() }
    }

    /// Returns whom the grant stands for.
    pub async fn whoami(&self) -> Result<Identity> {
        #[derive(Deserialize)]
        struct Info {
            preferred_username: String,
            #[serde(default)]
            name: Option<String>,
            user_id: SalesforceId,
            organization_id: OrgId,
        }
        let call = Call::new(Method::GET, "/services/oauth2/userinfo".to_owned());
        let info: Info = self.read(&call, json_of).await?;
        Ok(Identity {
            display_name: info.name.unwrap_or_else(|| info.preferred_username.clone()),
            username: info.preferred_username,
            user: info.user_id,
            org: info.organization_id,
        })
    }

    /// Returns how many of the org's API calls are used, by everyone, as the last
    /// answer told; none before the first.
    pub fn usage(&self) -> Option<Usage> {
        *self.org.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many calls this value and its clones have sent, those that
    /// failed and those that were sent again included.
    pub fn calls(&self) -> u64 {
        self.org.calls.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Salesforce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Salesforce").field("version", &self.org.version).finish_non_exhaustive()
    }
}

/// What can go wrong at this door. No variant holds a token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The HTTP client can't be built or a request can't be made.
    #[error("cannot set up the connection to Salesforce: {cause}")]
    Setup {
        /// The innermost cause.
        cause: String,
    },
    /// An address is not one that calls may go to.
    #[error("\"{text}\" is refused: {why}")]
    Address {
        /// The address, without its query.
        text: String,
        /// The reason.
        why: &'static str,
    },
    /// The name of an object is none.
    #[error(transparent)]
    Name(NameError),
    /// The connection was never made; nothing was sent.
    #[error("cannot reach {host}: {cause}")]
    Unreachable {
        /// The host.
        host: String,
        /// The innermost cause.
        cause: String,
    },
    /// The connection broke, or time ran out, before the answer was there.
    #[error("no answer came from {host}: {cause}")]
    Cut {
        /// The host.
        host: String,
        /// The innermost cause.
        cause: String,
    },
    /// Salesforce failed with a status and no code.
    #[error("{host} failed with HTTP {status}")]
    Server {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is not what Salesforce's API gives.
    #[error("{host} answered with {what} instead of data (HTTP {status})")]
    NotJson {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it is.
        what: &'static str,
    },
    /// The answer is larger than any should be.
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The bound, in bytes.
        limit: usize,
    },
    /// The grant no longer works: a person has to connect anew.
    #[error("the connection to Salesforce has ended: {} ({})", words(.code, .description), .code)]
    SessionEnded {
        /// Salesforce's code.
        code: String,
        /// Salesforce's words; may be empty.
        description: String,
    },
    /// The answer to a renewal was lost, and perhaps the new token with it.
    #[error("renewing the session failed: {cause}")]
    Renewal {
        /// What went wrong.
        cause: String,
    },
    /// The API is closed to the org or the user.
    #[error("{0}")]
    ApiDisabled(Refusal),
    /// The org's calls of the last 24 hours are used up.
    #[error("{0}")]
    DailyLimit(Refusal),
    /// The share of the org's calls that we may use is used up, for this purpose.
    #[error(
        "the budget of {} API calls in 24 hours is used up for {}: {} were made",
        budget.limit, purpose.as_str(), budget.used
    )]
    Budget {
        /// How it stands.
        budget: Budget,
        /// What the call was to be made for.
        purpose: Purpose,
    },
    /// Too many long calls run at once.
    #[error("{0}")]
    Busy(Refusal),
    /// Fields, named in the refusal where Salesforce names them, don't exist, are
    /// hidden, or can't be written.
    #[error("{0}")]
    InvalidField(Refusal),
    /// What was asked for does not exist or is hidden.
    #[error("{0}")]
    NotFound(Refusal),
    /// The whole call was refused for another reason.
    #[error("{0}")]
    Refused(Refusal),
    /// A login or renewal was refused.
    #[error("Salesforce refused the login: {} ({})", words(.code, .description), .code)]
    OAuth {
        /// Salesforce's code.
        code: String,
        /// Salesforce's words; may be empty.
        description: String,
    },
    /// The login gave no refresh token.
    #[error("the login gave no refresh token: the app's policy or its scopes do not allow one")]
    NoRefreshToken,
    /// The page for the end of a login can't be opened.
    #[error("cannot listen on port {port} of this machine for the end of the login: {cause}")]
    Callback {
        /// The port.
        port: u16,
        /// The cause.
        cause: String,
    },
    /// Nobody came back from the login.
    #[error("the login did not come back within {seconds} seconds")]
    LoginTimeout {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The org speaks no version that this host knows.
    #[error("the org's newest API version is {newest}.0; this host knows {oldest}.0 to {tested}.0")]
    Version {
        /// The org's newest.
        newest: u32,
        /// The oldest that will do.
        oldest: u32,
        /// The newest that was tested.
        tested: u32,
    },
    /// The grant can't be read or kept.
    #[error("cannot reach the stored grant: {0}")]
    Vault(#[from] VaultError),
}

/// Returns the cause of a login's refusal, and Salesforce's words where there
/// are any.
fn words(code: &str, description: &str) -> String {
    let cause = refusals::entry(code, description).cause;
    match description {
        "" => cause.to_owned(),
        words => format!("{cause}: {words}"),
    }
}

impl Error {
    /// Returns what mends it, as a sentence.
    pub fn hint(&self) -> String {
        let entry = self.entry();
        let hint = match self {
            Self::Setup { .. } => {
                "Check the proxy in the settings and the certificates of this machine."
            }
            Self::Address { .. } => "Give an address such as https://acme.my.salesforce.com.",
            Self::Name(_) => "Write the API name, as Setup → Object Manager shows it.",
            Self::Unreachable { .. } => {
                "Check this machine's network, name server and proxy, and the certificates that it trusts."
            }
            Self::Cut { .. } | Self::Server { .. } => {
                "Nothing need be done; https://status.salesforce.com tells how Salesforce is."
            }
            Self::NotJson { .. } => {
                "Check the login URL, and whether a proxy or a maintenance page stands between."
            }
            Self::TooLarge { .. } => "Read fewer fields in the mapping.",
            Self::Budget { .. } => {
                "It goes on by itself as the calls get older than a day; `budget_percent` of the org in \
                 config.toml gives it more."
            }
            Self::Renewal { .. } => "Run `efficlose connect` if it does not pass by itself.",
            Self::Callback { .. } => {
                "Stop the program that uses the port, or choose another with `efficlose connect --port`."
            }
            Self::LoginTimeout { .. } => {
                "Read what Salesforce shows in the browser, mend that, and run `efficlose connect` again."
            }
            Self::Version { .. } => "Update efficlose, or ask when the org is upgraded.",
            Self::Vault(VaultError { hint: Some(hint), .. }) => hint,
            Self::Vault(_) => {
                "Check that the data folder can be written and the key is the right one."
            }
            _ => entry.mend,
        };
        hint.to_owned()
    }

    /// Returns a word for the cause: Salesforce's own code where there is one.
    pub fn code(&self) -> &str {
        match self {
            Self::Setup { .. } => "setup",
            Self::Address { .. } => "address",
            Self::Name(_) => "name",
            Self::Unreachable { .. } => "unreachable",
            Self::Cut { .. } => "no_answer",
            Self::Server { .. } => "server_failed",
            Self::NotJson { .. } => "not_data",
            Self::TooLarge { .. } => "answer_too_large",
            Self::SessionEnded { code, .. } | Self::OAuth { code, .. } => code,
            Self::Budget { .. } => "budget",
            Self::Renewal { .. } => "renewal",
            Self::NoRefreshToken => "no_refresh_token",
            Self::Callback { .. } => "callback",
            Self::LoginTimeout { .. } => "login_timeout",
            Self::Version { .. } => "api_version",
            Self::Vault(_) => "vault",
            Self::ApiDisabled(refusal)
            | Self::DailyLimit(refusal)
            | Self::Busy(refusal)
            | Self::InvalidField(refusal)
            | Self::NotFound(refusal)
            | Self::Refused(refusal) => &refusal.code,
        }
    }

    /// Returns who can mend it.
    pub fn mender(&self) -> Mender {
        match self {
            Self::Unreachable { .. }
            | Self::Cut { .. }
            | Self::Server { .. }
            | Self::Budget { .. }
            | Self::Renewal { .. } => Mender::Time,
            Self::Name(_) => Mender::MappingAuthor,
            Self::SessionEnded { .. } => Mender::Operator,
            Self::OAuth { .. } | Self::NoRefreshToken => self.entry().mender,
            _ => self.refusal().map_or(Mender::Operator, Refusal::mender),
        }
    }

    /// Tells whether it goes away by itself, so that a later run may succeed.
    pub fn is_transient(&self) -> bool {
        self.mender() == Mender::Time
    }

    /// Tells whether it is a refusal that may pass by itself, so that a later run may be granted
    /// the same.
    pub fn may_pass(&self) -> bool {
        let retry = self.refusal().map(|refusal| refusal.entry().retry);
        matches!(retry, Some(Retry::Soon | Retry::Later | Retry::AfterRefresh))
    }

    /// Returns Salesforce's refusal, where it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::ApiDisabled(refusal)
            | Self::DailyLimit(refusal)
            | Self::Busy(refusal)
            | Self::InvalidField(refusal)
            | Self::NotFound(refusal)
            | Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    fn entry(&self) -> &'static Entry {
        match self {
            Self::OAuth { code, description } | Self::SessionEnded { code, description } => {
                refusals::entry(code, description)
            }
            Self::NoRefreshToken => refusals::entry(self.code(), ""),
            _ => match self.refusal() {
                Some(refusal) => refusal.entry(),
                None => refusals::entry("", ""),
            },
        }
    }
}
