//! Connections to orgs, and the grants that open them.

use jiff::Timestamp;

use super::OrgId;
use crate::secret::Secret;

/// An org that was connected. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The org.
    pub org: OrgId,
    /// Where people log in, such as `https://login.salesforce.com`.
    pub login_url: String,
    /// The id of the app at Salesforce.
    pub client_id: String,
    /// Who allowed it.
    pub username: String,
    /// That user's id.
    pub user_id: String,
    /// The API version spoken, such as `66.0`.
    pub api_version: String,
    /// When it was connected.
    pub connected_at: Timestamp,
    /// Why a person has to connect anew; none while the grant works.
    pub broken: Option<String>,
}

/// What opens an org: kept sealed.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The base of every API call; may change whenever tokens are renewed.
    pub instance_url: String,
    /// Opens calls until the session ends.
    pub access_token: Secret,
    /// Gets new access tokens; none where the app's policy gives none.
    pub refresh_token: Option<Secret>,
    /// The secret of the app, where it has one.
    pub client_secret: Option<Secret>,
}

/// How much of the org's daily allowance of API calls is used, by everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// Calls in the last 24 hours.
    pub used: u64,
    /// Calls allowed in 24 hours.
    pub allowed: u64,
}
