//! The session of one org: one renewal for all that wait for it, kept before it
//! is used.

use std::sync::{Arc, PoisonError, RwLock};

use url::Url;

use super::{Error, Http, LoginUrl, Result, oauth};
use crate::secret::{Grant, Secret};

/// How often a renewed grant is offered to the vault before it is given up.
const SAVE_ATTEMPTS_MAX: usize = 4;

/// Where a grant lives. All three calls may block; they run off the async
/// threads.
pub trait Vault: Send + Sync {
    /// Returns the grant as it is now; another process may have renewed it.
    fn load(&self) -> std::result::Result<Grant, VaultError>;

    /// Keeps a grant durably, in place of the one before.
    fn save(&self, grant: &Grant) -> std::result::Result<(), VaultError>;

    /// Waits until no other process renews this grant, and keeps them waiting
    /// until what it returns is dropped.
    fn lock(&self) -> std::result::Result<Box<dyn Send>, VaultError>;
}

/// Why a grant can't be read or kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct VaultError {
    /// What went wrong.
    pub message: String,
    /// What mends it, where the vault knows.
    pub hint: Option<String>,
}

impl VaultError {
    /// Returns an error for which the vault knows no mend.
    pub fn new(message: &str) -> Self {
        Self { message: message.to_owned(), hint: None }
    }
}

/// What a call needs: where to, and with what.
pub(super) struct Pass {
    pub(super) base: Url,
    pub(super) token: Secret,
}

/// The session of one org.
pub(super) struct Session {
    pub(super) http: Http,
    login: LoginUrl,
    client_id: String,
    vault: Arc<dyn Vault>,
    pass: RwLock<Option<Arc<Pass>>>,
    /// Held by the one that renews; inside, the last refusal that ended it all.
    renewing: tokio::sync::Mutex<Option<Ended>>,
}

/// A refresh token that Salesforce no longer takes, and what it said.
struct Ended {
    refresh: Option<Secret>,
    error: Error,
}

impl Session {
    pub(super) fn new(
        http: Http,
        login: LoginUrl,
        client_id: String,
        vault: Arc<dyn Vault>,
    ) -> Arc<Self> {
        let (pass, renewing) = (RwLock::default(), tokio::sync::Mutex::default());
        Arc::new(Self { http, login, client_id, vault, pass, renewing })
    }

    /// Returns the pass in use, read from the vault the first time.
    pub(super) async fn pass(self: &Arc<Self>) -> Result<Arc<Pass>> {
        if let Some(pass) = self.held() {
            return Ok(pass);
        }
        let grant = self.at_the_vault(|vault| vault.load()).await?;
        let pass = self.pass_of(&grant)?;
        // Whoever renewed while this was reading knows better.
        let mut held = self.pass.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(held.get_or_insert(pass)))
    }

    /// Returns a pass with another token than `used`, which Salesforce refused.
    ///
    /// A refresh token may be good for one use only, and its answer exists
    /// nowhere else. So the renewal goes on by itself when the call that wanted
    /// it is dropped.
    pub(super) async fn renewed(self: &Arc<Self>, used: &Secret) -> Result<Arc<Pass>> {
        let (session, used) = (Arc::clone(self), used.clone());
        match tokio::spawn(session.renew(used)).await {
            Ok(renewed) => renewed,
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(_) => {
                Err(VaultError::new("the renewal was stopped by the end of the program").into())
            }
        }
    }

    async fn renew(self: Arc<Self>, used: Secret) -> Result<Arc<Pass>> {
        let mut ended = self.renewing.lock().await;
        if let Some(pass) = self.held().filter(|pass| !same(&pass.token, &used)) {
            return Ok(pass);
        }
        let _alone = self.at_the_vault(|vault| vault.lock()).await?;
        let grant = self.at_the_vault(|vault| vault.load()).await?;
        if !same(&grant.access_token, &used) {
            return self.hold(&grant);
        }
        let before = ended.as_ref().filter(|ended| match (&ended.refresh, &grant.refresh_token) {
            (Some(a), Some(b)) => same(a, b),
            (a, b) => a.is_none() && b.is_none(),
        });
        if let Some(before) = before {
            return Err(before.error.clone());
        }
        let renewed = oauth::renew(&self.http, &self.login, &self.client_id, &grant).await;
        if let Err(error @ Error::SessionEnded { .. }) = &renewed {
            *ended = Some(Ended { refresh: grant.refresh_token, error: error.clone() });
        }
        let grant = renewed.map_err(of_a_renewal)?;
        self.keep(&grant).await?;
        tracing::info!("renewed the session with Salesforce");
        self.hold(&grant)
    }

    /// Keeps a renewed grant. Where tokens rotate, losing it here costs the
    /// connection, so the vault gets a few chances.
    async fn keep(&self, grant: &Grant) -> Result<()> {
        let save = || {
            let grant = grant.clone();
            self.at_the_vault(move |vault| vault.save(&grant))
        };
        let mut waits = self.http.each_wait(SAVE_ATTEMPTS_MAX);
        loop {
            match (save().await, waits.next()) {
                (Err(_), Some(wait)) => tokio::time::sleep(wait).await,
                (kept, _) => return kept,
            }
        }
    }

    fn held(&self) -> Option<Arc<Pass>> {
        self.pass.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, grant: &Grant) -> Result<Arc<Pass>> {
        let pass = self.pass_of(grant)?;
        *self.pass.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&pass));
        Ok(pass)
    }

    fn pass_of(&self, grant: &Grant) -> Result<Arc<Pass>> {
        let base = self.login.instance(&grant.instance_url)?;
        Ok(Arc::new(Pass { base, token: grant.access_token.clone() }))
    }

    async fn at_the_vault<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Vault) -> std::result::Result<T, VaultError> + Send + 'static,
    ) -> Result<T> {
        let vault = Arc::clone(&self.vault);
        match tokio::task::spawn_blocking(move || work(&*vault)).await {
            Ok(done) => Ok(done?),
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(_) => Err(VaultError::new("the vault was closed by the end of the program").into()),
        }
    }
}

/// Tells a renewal's trouble from the trouble of the call that waits for it: the
/// call did nothing, and the renewal must not be sent again on its account.
fn of_a_renewal(error: Error) -> Error {
    match error {
        ended @ (Error::SessionEnded { .. } | Error::OAuth { .. } | Error::Unreachable { .. }) => {
            ended
        }
        lost => Error::Renewal { cause: lost.to_string() },
    }
}

fn same(a: &Secret, b: &Secret) -> bool {
    a.expose() == b.expose()
}
