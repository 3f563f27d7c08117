//! All that the engine needs of the world, for one org.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::block_in_place;

use super::prepare::{Parents, Prepared, prepare};
use super::{Error, Settings, trial};
use crate::clock::Clock;
use crate::model::{Object, OrgId, Problem, Spec};
use crate::plugin::{Library, Mapping, Mark};
use crate::salesforce::{Description, FieldDescription, Salesforce};
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
    /// The mappings.
    pub(super) library: Arc<Library>,
    prepared: HashMap<Object, Mutex<Option<Kept>>>,
}

/// A mapping that was prepared, and the customer's file as it was then.
struct Kept {
    file: Option<Mark>,
    prepared: Arc<Prepared>,
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
        let prepared = Object::ALL.into_iter().map(|object| (object, Mutex::default())).collect();
        Ok(Self { org, control, store, salesforce, clock, settings, library, prepared })
    }

    /// Returns the mapping of an object, fitted to what the org has. Loads and
    /// describes once, when it is first asked for, and again when the customer's file
    /// has changed: a mapping is swapped between pages.
    pub(super) async fn prepared(&self, object: Object) -> Result<Arc<Prepared>, Error> {
        let mut kept = self.prepared[&object].lock().await;
        let file = self.library.mark(object);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.file == file) {
            return Ok(Arc::clone(&kept.prepared));
        }
        let description = self.description(object).await?;
        let prepared = Arc::new(prepare(self.mapping(object, &description)?, &description, None)?);
        *kept = Some(Kept { file, prepared: Arc::clone(&prepared) });
        Ok(prepared)
    }

    /// Fits the mapping of an object anew, this time to the fields that the parents
    /// show too. They are not looked at before they have to be: each is one more
    /// call.
    pub(super) async fn look_at_parents(&self, object: Object) -> Result<(), Error> {
        let mut kept = self.prepared[&object].lock().await;
        let file = self.library.mark(object);
        let description = self.description(object).await?;
        let mapping = self.mapping(object, &description)?;
        let parents = parents(&self.salesforce, mapping.spec(), &description).await?;
        let prepared = Arc::new(prepare(mapping, &description, Some(&parents))?);
        *kept = Some(Kept { file, prepared });
        Ok(())
    }

    fn mapping(&self, object: Object, org: &Description) -> Result<Mapping, Error> {
        block_in_place(|| trial::mapping(self, object, org))
    }

    async fn description(&self, object: Object) -> Result<Description, Error> {
        let description = self.salesforce.describe(object.as_str()).await?;
        description.ok_or_else(|| Error::Org(unseen(object)))
    }
}

/// Describes the parents whose fields a mapping reads: a call for each.
pub async fn parents(
    salesforce: &Salesforce,
    spec: &Spec,
    org: &Description,
) -> Result<Parents, Error> {
    let mut parents = Parents::new();
    for (relationship, _) in spec.reads.iter().filter_map(|need| need.path.up()) {
        let reference = org.reference(relationship);
        let Some(name) = reference.and_then(FieldDescription::parent) else { continue };
        if !parents.contains_key(relationship) {
            parents.insert(relationship.to_owned(), salesforce.describe(name).await?);
        }
    }
    Ok(parents)
}

/// Returns the problem of an object that the connected user doesn't see.
fn unseen(object: Object) -> Problem {
    Problem {
        message: format!("the connected user does not see {object}"),
        at: Some(object.to_string()),
        hint: Some(format!(
            "Give the connected user read access to {object} (profile or permission set), or leave \
             it out: `efficlose setup --object …`."
        )),
    }
}
