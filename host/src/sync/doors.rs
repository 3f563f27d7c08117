//! All that the engine needs of the world, for one org.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::prepare::{Prepared, prepare};
use super::{Error, Settings};
use crate::clock::Clock;
use crate::model::{Object, OrgId};
use crate::plugin::Library;
use crate::salesforce::Salesforce;
use crate::store::{OrgStore, Store};

/// The doors of one org, opened for one round of its jobs.
pub struct Doors {
    /// The org.
    pub org: OrgId,
    /// What belongs to all orgs.
    pub control: Arc<Store>,
    /// What belongs to this one.
    pub store: Arc<OrgStore>,
    /// The org itself.
    pub salesforce: Salesforce,
    /// The time.
    pub clock: Clock,
    /// What a person chose.
    pub settings: Settings,
    library: Arc<Library>,
    prepared: HashMap<Object, OnceCell<Arc<Prepared>>>,
}

impl Doors {
    /// Opens the doors of an org.
    pub fn open(
        org: OrgId,
        control: Arc<Store>,
        salesforce: Salesforce,
        library: Arc<Library>,
        settings: Settings,
        clock: Clock,
    ) -> Result<Self, Error> {
        let store = control.org(&org)?;
        let prepared = Object::ALL.map(|object| (object, OnceCell::new())).into_iter().collect();
        Ok(Self { org, control, store, salesforce, clock, settings, library, prepared })
    }

    /// Returns the mapping of an object, fitted to what the org has. Loads and
    /// describes once, when it is first asked for.
    pub(super) async fn prepared(&self, object: Object) -> Result<Arc<Prepared>, Error> {
        let cell = &self.prepared[&object];
        let prepared = cell
            .get_or_try_init(|| async {
                let choices = self.settings.objects.get(&object).cloned().unwrap_or_default();
                let mapping = tokio::task::block_in_place(|| {
                    self.library.mapping(object, choices.mapping())
                })?;
                let description = self.salesforce.describe(object).await?;
                prepare(mapping, &description).map(Arc::new).map_err(Error::Org)
            })
            .await?;
        Ok(Arc::clone(prepared))
    }
}
