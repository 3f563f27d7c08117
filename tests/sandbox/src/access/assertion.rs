//! What an app asserts when it comes in for a user without one (RFC 7523).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value as Json;

use super::{Access, Granted, OauthError, error};
use crate::ids::Id;

/// How far ahead an assertion may end: three minutes and some skew.
const REACH_SECONDS: i64 = 600;

/// Where assertions may be meant for, besides this host.
const AUDIENCES: [&str; 2] = ["https://login.salesforce.com", "https://test.salesforce.com"];

/// Times above this are milliseconds, as some clients send.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// The claims of an assertion that is fit to be looked at.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    /// The user's name.
    pub(crate) subject: String,
    issuer: String,
}

impl Claims {
    /// Reads an assertion. Its signature is not checked: nobody uploads a
    /// certificate to an invented org.
    ///
    /// # Errors
    ///
    /// `invalid_grant` when it is malformed, meant for someone else, or over.
    pub(crate) fn read(assertion: &str, url: &str, now: i64) -> Result<Self, OauthError> {
        let invalid = || error("invalid_grant", "invalid assertion");
        let parts: Vec<&str> = assertion.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(invalid());
        };
        let (header, claims) = (json(header), json(claims));
        if header["alg"] != "RS256" || signature.is_empty() {
            return Err(invalid());
        }
        let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
        let audience = text("aud");
        let audience = audience.trim_end_matches('/');
        let host = |url: &str| url.replacen("https://", "http://", 1);
        if !AUDIENCES.contains(&audience) && host(audience) != host(url) {
            return Err(error("invalid_grant", "Audience validation failed"));
        }
        let ends_at = claims["exp"].as_i64().or_else(|| claims["exp"].as_str()?.parse().ok());
        let ends_at = ends_at.ok_or_else(invalid)?;
        let ends_at = if ends_at > MILLISECONDS_FROM { ends_at / 1000 } else { ends_at };
        if ends_at < now || ends_at > now + REACH_SECONDS {
            return Err(error("invalid_grant", "expired authorization code"));
        }
        Ok(Self { subject: text("sub"), issuer: text("iss") })
    }
}

fn json(part: &str) -> Json {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('='));
    bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

impl Access {
    /// Returns a session of the user an app signed for; there is no refresh
    /// token.
    ///
    /// # Errors
    ///
    /// The app's errors, and `invalid_grant` when there is no such user.
    pub(crate) fn jwt_bearer(
        &mut self,
        claims: &Claims,
        user: Option<Id>,
        now: i64,
    ) -> Result<Granted, OauthError> {
        if !self.knows(&claims.issuer) {
            return Err(error("invalid_client_id", "client identifier invalid"));
        }
        let user =
            user.ok_or_else(|| error("invalid_grant", "user hasn't approved this consumer"))?;
        Ok(Granted {
            access_token: self.open_session(user, &claims.issuer, "api", None, now),
            refresh_token: None,
            user,
            scope: "api".to_owned(),
        })
    }
}
