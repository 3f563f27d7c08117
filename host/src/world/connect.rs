//! Connects orgs and disconnects them.

use std::path::Path;
use std::sync::Arc;

use tokio::task::block_in_place;

use super::vault::Held;
use super::{Failed, World};
use crate::model::{Connection, Object, OrgId};
use crate::salesforce::{App, Connected, LoginUrl, Salesforce, Unlimited, api_version, revoke};
use crate::secret::Secret;

/// How large the file of a secret may be, in bytes.
const SECRET_MAX: u64 = 4_096;

impl World {
    /// Looks whether an org opens with the grant that was just given, then keeps both. A grant
    /// that is not kept is revoked: it must not open the org for ever.
    ///
    /// `wanted` is the org that is to be connected, where it must be that one.
    pub async fn connect(
        &self,
        login: &LoginUrl,
        app: &App,
        connected: Connected,
        wanted: Option<&OrgId>,
    ) -> Result<Connection, Failed> {
        let grant = connected.grant.clone();
        let kept = match wanted.filter(|wanted| **wanted != connected.org) {
            Some(wanted) => Err(another(&connected.org, wanted)),
            None => self.keep(login, app, connected).await,
        };
        if kept.is_err()
            && let Err(error) = revoke(&self.http, login, &grant).await
        {
            tracing::warn!("a grant that is not kept can't be revoked: {error}");
        }
        kept
    }

    async fn keep(
        &self,
        login: &LoginUrl,
        app: &App,
        connected: Connected,
    ) -> Result<Connection, Failed> {
        let version = api_version(&self.http, &connected.grant.instance_url).await?;
        let vault = Arc::new(Held::new(connected.grant));
        let (login_url, client_id) = (login.clone(), &app.client_id);
        let (http, unlimited) = (&self.http, Arc::new(Unlimited));
        let salesforce =
            Salesforce::open(http, login_url, client_id, &version, vault.clone(), unlimited)?;
        let identity = salesforce.whoami().await?;
        // An org or a user without API access is told now, not at the first sync.
        salesforce.describe(Object::Contact.as_str()).await?;
        // What it is called helps people alone: nothing waits for it.
        let called = salesforce.organization(&connected.org).await.unwrap_or_else(|error| {
            tracing::warn!("what the org is called can't be read: {error}");
            None
        });
        let (name, is_sandbox) = called.unzip();
        let connection = Connection {
            org: connected.org,
            login_url: login.to_string(),
            client_id: app.client_id.clone(),
            username: identity.username,
            user_id: connected.user.to_string(),
            api_version: version,
            connected_at: self.clock.now(),
            broken: None,
            name,
            is_sandbox: is_sandbox.unwrap_or_default(),
        };
        {
            // A renewal of the grant before must not be kept over this one.
            let _lock = block_in_place(|| self.store.lock_grant(&connection.org))?;
            self.store.connect(&connection, &vault.grant())?;
        }
        if let Some(usage) = salesforce.usage() {
            // It is connected: what its calls have come to is told by the next answer, too.
            let saved = self.store.save_usage(&connection.org, usage, self.clock.now());
            if let Err(error) = saved {
                tracing::warn!("the org's calls can't be noted: {error}");
            }
        }
        Ok(connection)
    }

    /// Revokes the grant of an org at Salesforce and forgets it; with `force`, forgets it
    /// even where Salesforce can't be told. Returns whether it was told.
    ///
    /// What was imported and the journal stay in the org's folder.
    pub async fn disconnect(&self, connection: &Connection, force: bool) -> Result<bool, Failed> {
        // What a renewal brings meanwhile would open the org, and nobody would know of it.
        let _lock = block_in_place(|| self.store.lock_grant(&connection.org))?;
        let revoked = self.revoke(connection).await;
        if let Err(failed) = &revoked
            && !force
        {
            let hint =
                "Try again, or use --force and remove the app's access in Salesforce's Setup.";
            return Err(Failed::new(failed.message.clone()).hint(hint));
        }
        self.store.disconnect(&connection.org)?;
        Ok(revoked.is_ok())
    }

    async fn revoke(&self, connection: &Connection) -> Result<(), Failed> {
        let grant = self.store.grant(&connection.org)?;
        let login: LoginUrl = connection.login_url.parse()?;
        Ok(revoke(&self.http, &login, &grant).await?)
    }
}

/// Says that a person has logged in to another org than the one that they wanted.
fn another(org: &OrgId, wanted: &OrgId) -> Failed {
    Failed::new(format!("you logged in to the org {org}, and {wanted} was to be connected again"))
        .hint("Log out at Salesforce, and connect again as a user of the other org.")
}

/// Reads a secret from a file: an argument could be seen by others.
pub fn read_secret(file: &Path) -> Result<Secret, Failed> {
    let failed = |why: String| Failed::new(format!("can't read {}: {why}", file.display()));
    let about = file.metadata().map_err(|cause| failed(cause.to_string()))?;
    if about.len() > SECRET_MAX {
        return Err(failed("it is too large for a secret".to_owned()));
    }
    let text = std::fs::read_to_string(file).map_err(|cause| failed(cause.to_string()))?;
    Ok(Secret::from(text.trim()))
}
