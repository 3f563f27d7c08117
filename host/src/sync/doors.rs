//! All that the engine needs of the world, for one org.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, MutexGuard, PoisonError};

use jiff::SignedDuration;
use tokio::sync::Mutex;
use tokio::task::block_in_place;

use super::prepare::{Prepared, prepare};
use super::writing::{Writing, writing};
use super::{Error, FieldPolicy, ObjectSettings, Settings, drift, trial};
use crate::clock::Clock;
use crate::model::{FieldName, Object, OrgId, Problem, Sobject, Spec};
use crate::plugin::{Library, Mapping, Mark};
use crate::salesforce::{Description, FieldDescription, Found, Parents, Read, Salesforce};
use crate::store::{OrgStore, Store};

/// How often an object is described whole, whether it says that it has changed or not.
const WHOLE_EVERY: SignedDuration = SignedDuration::from_hours(24);

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
    /// Whether they are only looked through: nothing is noted in the store.
    looks_only: bool,
    prepared: HashMap<Object, Mutex<Option<Kept>>>,
    /// What objects are, as far as it was asked for since the doors were opened.
    descriptions: std::sync::Mutex<HashMap<Sobject, Arc<Description>>>,
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
        Ok(Self::through(org, control, store, salesforce, library, settings, clock))
    }

    /// Opens the same doors for a rehearsal: nothing that is done stays.
    pub(super) fn rehearsing(&self) -> Result<Self, Error> {
        let Self { org, control, library, settings, .. } = self;
        let store = control.rehearsal(org)?;
        let (control, library) = (Arc::clone(control), Arc::clone(library));
        let (salesforce, settings) = (self.salesforce.rehearsing(), settings.clone());
        let doors =
            Self::through(org.clone(), control, store, salesforce, library, settings, self.clock);
        *doors.descriptions() = self.descriptions().clone();
        Ok(doors)
    }

    fn through(
        org: OrgId,
        control: Arc<Store>,
        store: Arc<OrgStore>,
        salesforce: Salesforce,
        library: Arc<Library>,
        settings: Settings,
        clock: Clock,
    ) -> Self {
        let prepared = Object::ALL.into_iter().map(|object| (object, Mutex::default())).collect();
        let descriptions = std::sync::Mutex::default();
        Self {
            org,
            control,
            store,
            salesforce,
            clock,
            settings,
            library,
            looks_only: false,
            prepared,
            descriptions,
        }
    }

    /// Returns the same doors to be looked through: what would be with other settings, before
    /// anyone has decided for them. Nothing is noted in the store, no mapping proves itself.
    pub fn looking(self) -> Self {
        Self { looks_only: true, ..self }
    }

    /// Returns the id of the user whose grant is used; none, where the org was disconnected.
    pub(super) fn connected_user(&self) -> Result<String, Error> {
        let connections = self.control.connections()?;
        let own = connections.into_iter().find(|connection| connection.org == self.org);
        Ok(own.map(|connection| connection.user_id).unwrap_or_default())
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
        let prepared = self.fitted(object, &description)?;
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
        let (text, now) = (Description::parents_to_text(&parents), self.clock.now());
        self.store.save_description(&parents_of(object), &text, now)?;
        let mut prepared = self.fit(object, &description, Some(&parents))?;
        prepared.knows_parents = true;
        let prepared = Arc::new(prepared);
        *kept = Some(Kept { file, prepared });
        Ok(())
    }

    /// Looks anew at what an object and its parents show, whatever they said of it before.
    pub(super) async fn look_anew(&self, object: Object) -> Result<(), Error> {
        let before = self.last_description(object)?;
        let whole = Read::Description { object, since: None };
        let found = self.salesforce.together(&[whole]).await?.remove(0)?;
        self.learn(object, before, found)?;
        self.look_at_parents(object).await
    }

    /// Fits the mapping of an object to a description of it, which may be an old one, and to
    /// what its parents were when they were last looked at.
    pub(super) fn fitted(&self, object: Object, org: &Description) -> Result<Arc<Prepared>, Error> {
        let kept = block_in_place(|| self.store.description(&parents_of(object)))?;
        let is_young = |at| self.clock.now().duration_since(at) <= WHOLE_EVERY;
        let kept = kept.filter(|(_, seen_at)| is_young(*seen_at));
        let parents = kept.and_then(|(text, _)| Description::parents_from_text(&text));
        Ok(Arc::new(self.fit(object, org, parents.as_ref())?))
    }

    fn fit(
        &self,
        object: Object,
        org: &Description,
        parents: Option<&Parents>,
    ) -> Result<Prepared, Error> {
        let mapping = self.mapping(object, org)?;
        let prepared = prepare(mapping, &self.policies(object), org, parents)?;
        if !self.looks_only {
            block_in_place(|| self.store.save_kin(object, &prepared.kin))?;
        }
        Ok(prepared)
    }

    /// Returns what may be written to an object: one that syncs, or one that is written in its
    /// place, of which the same mapping decides.
    pub(super) async fn writing(&self, object: Sobject) -> Result<Arc<Writing>, Error> {
        let prepared = self.prepared(object.job()).await?;
        if object.synced().is_some() {
            return Ok(Arc::clone(&prepared.writing));
        }
        let org = self.described(object).await?;
        let policies = self.policies(object.job());
        Ok(Arc::new(writing(&prepared.mapping, &policies, object, &org)?))
    }

    fn policies(&self, object: Object) -> BTreeMap<FieldName, FieldPolicy> {
        let choices = self.settings.objects.get(&object);
        choices.map(|choices| choices.policies.clone()).unwrap_or_default()
    }

    /// Returns how many calls we may make in 24 hours, as far as Salesforce has told.
    pub fn budget(&self) -> u64 {
        let allowed = self.salesforce.usage().map_or(0, |usage| usage.allowed);
        allowed * u64::from(self.settings.budget_percent) / 100
    }

    /// Keeps a mapping that was fitted to what an object still is.
    pub(super) async fn keep(&self, object: Object, file: Option<Mark>, prepared: Arc<Prepared>) {
        *self.prepared[&object].lock().await = Some(Kept { file, prepared });
    }

    /// Has the mapping of an object loaded and fitted again.
    pub(super) async fn forget(&self, object: Object) {
        *self.prepared[&object].lock().await = None;
    }

    fn mapping(&self, object: Object, org: &Description) -> Result<Mapping, Error> {
        if self.looks_only {
            let choices = self.settings.objects.get(&object).map(ObjectSettings::mapping);
            let load = || self.library.mapping(object, choices.unwrap_or_default());
            return Ok(block_in_place(load)?);
        }
        block_in_place(|| trial::mapping(self, object, org))
    }

    /// Returns what an object is, as it was described since the doors were opened.
    pub(super) async fn description(&self, object: Object) -> Result<Arc<Description>, Error> {
        if let Some(known) = self.descriptions().get(&object.into()) {
            return Ok(Arc::clone(known));
        }
        let kept = self.last_description(object)?;
        let since = kept.as_ref().and_then(|kept| kept.last_modified.as_deref());
        let mut found = self.salesforce.together(&[Read::Description { object, since }]).await?;
        self.learn(object, kept, found.remove(0)?)
    }

    /// Returns what an object is that is written to. Those that don't sync are described each time
    /// that the doors are opened.
    pub(super) async fn described(&self, object: Sobject) -> Result<Arc<Description>, Error> {
        if let Some(synced) = object.synced() {
            return self.description(synced).await;
        }
        if let Some(known) = self.descriptions().get(&object) {
            return Ok(Arc::clone(known));
        }
        let found = self.salesforce.describe(object.as_str()).await?;
        let found = Arc::new(found.ok_or_else(|| Error::Org(unseen(object)))?);
        self.descriptions().insert(object, Arc::clone(&found));
        Ok(found)
    }

    /// Looks at what objects are, in one call.
    pub(super) async fn look_at(&self, objects: &[Object]) -> Result<(), Error> {
        if objects.is_empty() {
            return Ok(());
        }
        let kept = objects.iter().map(|object| Ok((*object, self.last_description(*object)?)));
        let kept = kept.collect::<Result<Vec<_>, Error>>()?;
        let reads = kept.iter().map(|(object, before)| Read::Description {
            object: *object,
            since: before.as_ref().and_then(|before| before.last_modified.as_deref()),
        });
        let reads: Vec<_> = reads.collect();
        let found = self.salesforce.together(&reads).await?;
        for ((object, before), found) in kept.into_iter().zip(found) {
            // An object that is not seen says so when it is used.
            let _ = found.map_err(Error::from).and_then(|found| self.learn(object, before, found));
        }
        Ok(())
    }

    /// Returns what an object was when it was last looked at.
    pub(super) fn last_description(&self, object: Object) -> Result<Option<Description>, Error> {
        let kept = block_in_place(|| self.store.description(object.as_str()))?;
        Ok(kept.and_then(|(text, seen_at)| {
            let mut description = Description::from_text(&text)?;
            // Whether access that is given or taken counts as a change is not documented.
            if self.clock.now().duration_since(seen_at) > WHOLE_EVERY {
                description.last_modified = None;
            }
            Some(description)
        }))
    }

    /// Takes in what an object is, which was asked for with what it was.
    pub(super) fn learn(
        &self,
        object: Object,
        before: Option<Description>,
        found: Found,
    ) -> Result<Arc<Description>, Error> {
        let description = match (found, before) {
            (Found::Unchanged, Some(before)) => before,
            (Found::Description(description), before) => {
                if !self.looks_only {
                    self.note(object, before, &description)?;
                }
                *description
            }
            _ => return Err(Error::Org(unseen(object.into()))),
        };
        let description = Arc::new(description);
        self.descriptions().insert(object.into(), Arc::clone(&description));
        Ok(description)
    }

    /// Keeps what an object is, and notes how that differs from what it was.
    fn note(
        &self,
        object: Object,
        before: Option<Description>,
        description: &Description,
    ) -> Result<(), Error> {
        if let Some(before) = before.filter(|before| before.fields != description.fields) {
            let mapping = self.mapping(object, description)?;
            block_in_place(|| drift::note(self, &before, description, mapping.spec()))?;
        }
        let (text, now) = (description.to_text(), self.clock.now());
        block_in_place(|| self.store.save_description(object.as_str(), &text, now))?;
        Ok(())
    }

    fn descriptions(&self) -> MutexGuard<'_, HashMap<Sobject, Arc<Description>>> {
        self.descriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns under which name it is kept what the parents of an object were.
fn parents_of(object: Object) -> String {
    format!("{object} parents")
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
fn unseen(object: Sobject) -> Problem {
    Problem {
        message: format!("the connected user does not see {object}"),
        at: Some(object.to_string()),
        hint: Some(match object.synced() {
            Some(object) => format!(
                "Give the connected user read access to {object} (profile or permission set), or \
                 leave it out: `efficlose setup --object …`."
            ),
            None => {
                "Give the connected user access to the org's activities (\"Access Activities\", \
                     \"Edit Events\"), or log meetings as tasks: `log_as` in the settings."
                    .to_owned()
            }
        }),
    }
}
