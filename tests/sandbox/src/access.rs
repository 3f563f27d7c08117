//! Who may come in: the connected app, authorization codes, sessions and refresh
//! tokens.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::ids::Id;

mod assertion;
mod grants;
mod proofs;

pub(crate) use assertion::Claims;
use proofs::{hmac, is_loopback, letters};

/// How long an authorization code can be exchanged.
const CODE_SECONDS: i64 = 600;

/// How long a session lives after its last call.
const SESSION_SECONDS: i64 = 2 * 3600;

/// How many approvals one user can have for one app; a further one ends the
/// oldest.
const APPROVAL_LIMIT: usize = 5;

/// The most sessions that are kept, and the number of codes at which the
/// expired ones are dropped.
const KEPT_LIMIT: usize = 10_000;

/// The app of Salesforce's own command line, which every org knows.
const COMMAND_LINE_APP: &str = "PlatformCLI";

/// The scopes an app can be granted here.
const SCOPES: [&str; 10] = [
    "api",
    "refresh_token",
    "offline_access",
    "full",
    "id",
    "openid",
    "profile",
    "email",
    "web",
    "chatter_api",
];

/// What an app gets when it names no scope.
const DEFAULT_SCOPE: &str = "refresh_token api id";

/// A session: what an access token opens.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Who is logged in.
    pub(crate) user: Id,
    /// Through which app.
    pub(crate) client: String,
    /// With which scopes.
    pub(crate) scope: String,
    used_at: i64,
    approval: Option<u64>,
}

#[derive(Debug)]
struct Code {
    client: String,
    redirect_uri: String,
    scope: String,
    challenge: Option<String>,
    issued_at: i64,
}

#[derive(Debug)]
struct Approval {
    user: Id,
    client: String,
    scope: String,
}

#[derive(Debug)]
struct RefreshToken {
    approval: u64,
    current: bool,
}

/// Apps, codes, sessions and refresh tokens.
#[derive(Debug)]
pub(crate) struct Access {
    /// The built-in app's id.
    pub(crate) client_id: String,
    /// The built-in app's secret.
    pub(crate) client_secret: String,
    /// Whether each refresh ends the token it was made with.
    pub(crate) rotate: bool,
    /// The address that token answers name, if it isn't the usual one.
    pub(crate) instance_url: Option<String>,
    org: Id,
    integration: Id,
    rng: StdRng,
    codes: HashMap<String, Code>,
    sessions: HashMap<String, Session>,
    approvals: BTreeMap<u64, Approval>,
    next_approval: u64,
    refresh_tokens: HashMap<String, RefreshToken>,
}

/// What an authorization request asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// The app.
    pub(crate) client_id: String,
    /// Where to go afterwards.
    pub(crate) redirect_uri: String,
    /// Which scopes, or all.
    pub(crate) scope: String,
    /// The PKCE challenge.
    pub(crate) challenge: Option<String>,
}

/// What a client shows to prove that it is the app.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proof {
    /// The app.
    pub(crate) client_id: String,
    /// Its secret, if it sent one.
    pub(crate) client_secret: Option<String>,
}

/// Tokens that were just made.
#[derive(Debug)]
pub(crate) struct Granted {
    /// The access token.
    pub(crate) access_token: String,
    /// The refresh token, where there is a new one.
    pub(crate) refresh_token: Option<String>,
    /// Who is logged in.
    pub(crate) user: Id,
    /// With which scopes.
    pub(crate) scope: String,
}

/// An OAuth error: its code and its description.
pub(crate) type OauthError = (&'static str, String);

fn error(code: &'static str, description: &str) -> OauthError {
    (code, description.to_owned())
}

impl Access {
    /// Returns an org's doors with one app.
    pub(crate) fn new(seed: u64, org: Id, integration: Id) -> Self {
        // Not the stream that makes the records, or their count would change
        // the tokens.
        let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed_0a07);
        let client_id = format!("3MVG9{}", letters(&mut rng, 80));
        let client_secret = letters(&mut rng, 64).to_uppercase();
        Self {
            client_id,
            client_secret,
            rotate: false,
            instance_url: None,
            org,
            integration,
            rng,
            codes: HashMap::new(),
            sessions: HashMap::new(),
            approvals: BTreeMap::new(),
            next_approval: 0,
            refresh_tokens: HashMap::new(),
        }
    }

    /// Returns the user that connections log in as.
    pub(crate) fn integration(&self) -> Id {
        self.integration
    }

    /// Returns whether there is such an app.
    pub(crate) fn knows(&self, client_id: &str) -> bool {
        client_id == self.client_id || client_id == COMMAND_LINE_APP
    }

    /// Checks an authorization request.
    ///
    /// # Errors
    ///
    /// `invalid_client_id`, `redirect_uri_missing` and `redirect_uri_mismatch`
    /// must not go to the address that was asked for; `invalid_scope` does.
    pub(crate) fn check(&self, request: &Request) -> Result<(), OauthError> {
        if !self.knows(&request.client_id) {
            return Err(error("invalid_client_id", "client identifier invalid"));
        }
        if request.redirect_uri.is_empty() {
            return Err(error("redirect_uri_missing", "redirect_uri not provided"));
        }
        if !is_loopback(&request.redirect_uri) {
            let description = "redirect_uri must match configuration";
            return Err(error("redirect_uri_mismatch", description));
        }
        let unknown = request.scope.split_whitespace().find(|scope| !SCOPES.contains(scope));
        match unknown {
            Some(scope) => {
                Err(("invalid_scope", format!("the requested scope is not allowed: {scope}")))
            }
            None => Ok(()),
        }
    }

    /// Returns a code for a request that a user allowed.
    pub(crate) fn allow(&mut self, request: Request, now: i64) -> String {
        if self.codes.len() >= KEPT_LIMIT {
            self.codes.retain(|_, code| now - code.issued_at <= CODE_SECONDS);
        }
        let code = format!("aPrx{}==", letters(&mut self.rng, 60));
        let scope = match request.scope.trim() {
            "" => DEFAULT_SCOPE.to_owned(),
            scope => scope.to_owned(),
        };
        self.codes.insert(
            code.clone(),
            Code {
                client: request.client_id,
                redirect_uri: request.redirect_uri,
                scope,
                challenge: request.challenge.filter(|challenge| !challenge.is_empty()),
                issued_at: now,
            },
        );
        code
    }

    /// Checks that a client is the app it says it is.
    ///
    /// # Errors
    ///
    /// `invalid_client_id` or `invalid_client`.
    pub(crate) fn authenticate(&self, proof: &Proof, needs_secret: bool) -> Result<(), OauthError> {
        if !self.knows(&proof.client_id) {
            return Err(error("invalid_client_id", "client identifier invalid"));
        }
        let right = match &proof.client_secret {
            Some(secret) => proof.client_id == self.client_id && *secret == self.client_secret,
            None => !needs_secret,
        };
        match right {
            true => Ok(()),
            false => Err(error("invalid_client", "invalid client credentials")),
        }
    }

    fn end_approval(&mut self, number: u64) {
        self.approvals.remove(&number);
        self.sessions.retain(|_, session| session.approval != Some(number));
    }

    /// Returns the session an access token opens, and keeps it alive.
    pub(crate) fn session(&mut self, token: &str, now: i64) -> Option<Session> {
        let session = self.sessions.get_mut(token)?;
        if now - session.used_at > SESSION_SECONDS {
            self.sessions.remove(token);
            return None;
        }
        session.used_at = now;
        Some(session.clone())
    }

    /// Returns what is known of a token without using it: the session, or the
    /// user, app and scopes behind a refresh token.
    pub(crate) fn inspect(
        &self,
        token: &str,
        now: i64,
    ) -> Option<(Id, String, String, Option<i64>)> {
        if let Some(session) = self.sessions.get(token) {
            let ends_at = session.used_at + SESSION_SECONDS;
            let session = session.clone();
            return (ends_at >= now).then_some((
                session.user,
                session.client,
                session.scope,
                Some(ends_at),
            ));
        }
        let known = self.refresh_tokens.get(token).filter(|known| known.current)?;
        let approval = self.approvals.get(&known.approval)?;
        Some((approval.user, approval.client.clone(), approval.scope.clone(), None))
    }

    /// Ends a token; a refresh token ends its sessions too. Returns whether it
    /// was known.
    pub(crate) fn revoke(&mut self, token: &str) -> bool {
        if self.sessions.remove(token).is_some() {
            return true;
        }
        let approval = self.refresh_tokens.remove(token).map(|known| known.approval);
        if let Some(approval) = approval {
            self.end_approval(approval);
        }
        approval.is_some()
    }

    /// Ends all sessions; refresh tokens stay.
    pub(crate) fn expire_sessions(&mut self) {
        self.sessions.clear();
    }

    /// Ends all approvals with their sessions.
    pub(crate) fn revoke_approvals(&mut self) {
        let approvals: Vec<u64> = self.approvals.keys().copied().collect();
        for approval in approvals {
            self.end_approval(approval);
        }
    }

    /// Returns base64 of HMAC-SHA256 over `id` and `issued_at`.
    pub(crate) fn sign(&self, id: &str, issued_at: &str) -> String {
        BASE64_STANDARD.encode(hmac(self.client_secret.as_bytes(), &[id, issued_at]))
    }
}
