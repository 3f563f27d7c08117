//! Where a grant lives while it is renewed: in the store, or in memory until an
//! org is connected.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::OrgId;
use crate::salesforce::{Vault, VaultError};
use crate::secret::Grant;
use crate::store::{self, Store};

/// The grant of an org in the store.
pub(super) struct Stored {
    pub(super) store: Arc<Store>,
    pub(super) org: OrgId,
}

impl Vault for Stored {
    fn load(&self) -> Result<Grant, VaultError> {
        self.store.grant(&self.org).map_err(|error| refused(&error))
    }

    fn save(&self, grant: &Grant) -> Result<(), VaultError> {
        self.store.save_grant(&self.org, grant).map_err(|error| refused(&error))
    }

    fn lock(&self) -> Result<Box<dyn Send>, VaultError> {
        let lock = self.store.lock_grant(&self.org).map_err(|error| refused(&error))?;
        Ok(Box::new(lock))
    }
}

/// Returns what the store says, for the door to Salesforce.
pub(super) fn refused(error: &store::Error) -> VaultError {
    VaultError { message: error.to_string(), hint: error.hint().map(str::to_owned) }
}

/// A grant that was just given, before it is kept.
pub(super) struct Held(Mutex<Grant>);

impl Held {
    pub(super) fn new(grant: Grant) -> Self {
        Self(Mutex::new(grant))
    }

    /// Returns the grant as it is now.
    pub(super) fn grant(&self) -> Grant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Vault for Held {
    fn load(&self) -> Result<Grant, VaultError> {
        Ok(self.grant())
    }

    fn save(&self, grant: &Grant) -> Result<(), VaultError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = grant.clone();
        Ok(())
    }

    fn lock(&self) -> Result<Box<dyn Send>, VaultError> {
        Ok(Box::new(()))
    }
}
