//! Connections to orgs.

use jiff::Timestamp;

use super::OrgId;

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
    /// What the org is called, as it was told when it was connected.
    pub name: Option<String>,
    /// Whether it is one to try things in.
    pub is_sandbox: bool,
}

impl Connection {
    /// Returns what people call the org: its name, or who is connected.
    pub fn called(&self) -> String {
        match (&self.name, self.is_sandbox) {
            (Some(name), false) => name.clone(),
            (Some(name), true) => format!("{name} (sandbox)"),
            (None, _) => self.username.clone(),
        }
    }
}

/// How much of the org's daily allowance of API calls is used, by everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// Calls in the last 24 hours.
    pub used: u64,
    /// Calls allowed in 24 hours.
    pub allowed: u64,
}
