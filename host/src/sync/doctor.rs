//! Doctor: looks at an org for all that a sync needs of it, and says what mends what is
//! missing.

mod rules;

use std::collections::BTreeMap;

use tokio::task::block_in_place;

use super::prepare::{Effect, misfits};
use super::writing::{Mark, OF_PEOPLE, SHARED, START, is_elsewhere, marks, required, stray_policy};
use super::{Doors, Error, LogAs, Newcomer, ObjectSettings, parents, trial};
use crate::model::{Object, Problem, Sobject, Spec};
use crate::salesforce::{Description, Read};

/// The share of an object's records that the connected user has to see.
const VISIBLE_MIN: f64 = 0.9;
/// The share of the budget that may be used up before that is worth a word.
const USED_MAX: f64 = 0.8;
/// The field that each org has for the mark of a task.
const MARK: &str = "CallObject";
/// The objects whose records can be merged.
const MERGED: [Object; 3] = [Object::Account, Object::Contact, Object::Lead];

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What it is about: an object, a field, `calls`.
    pub about: String,
    /// How it is.
    pub health: Health,
    /// What was found, as a sentence without its full stop.
    pub said: String,
    /// What mends it, as a sentence.
    pub mend: Option<String>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Good,
    /// The sync goes on, with less.
    Warning,
    /// Something can't sync.
    Trouble,
}

/// What the connected user needs of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Whether records are made.
    pub creates: bool,
    /// Whether records are changed.
    pub edits: bool,
    /// The fields whose access is given by field-level security, and whether they are written.
    pub fields: BTreeMap<String, bool>,
}

/// What was found, and what the connected user needs.
#[derive(Debug, Clone, Default)]
pub struct Checkup {
    /// What was found, object by object.
    pub findings: Vec<Finding>,
    /// What the connected user needs.
    pub access: BTreeMap<Sobject, Access>,
}

/// Looks at everything that the chosen objects need; takes about three calls for each object,
/// and writes nothing to the org.
pub async fn examine(doors: &Doors) -> Result<Checkup, Error> {
    let mut checkup = Checkup::default();
    let objects: Vec<Object> = doors.settings.objects.keys().copied().collect();
    let whole = objects.iter().map(|object| Read::Description { object: *object, since: None });
    let found = doors.salesforce.together(&whole.collect::<Vec<_>>()).await?;
    let totals = doors.salesforce.record_counts(&objects).await?;
    for (object, found) in objects.into_iter().zip(found) {
        let before = doors.last_description(object)?;
        let learnt =
            found.map_err(Error::from).and_then(|found| doors.learn(object, before, found));
        match learnt {
            Ok(org) => {
                let total = totals.get(&object).copied().unwrap_or_default();
                checkup.object(doors, object, &org, total).await?;
            }
            Err(error) if error.is_org_wide() => return Err(error),
            Err(error) => {
                checkup.trouble(object.as_str(), error.problem());
                // Which fields it needs is seen once the object is.
                checkup.rights(doors, object);
            }
        }
    }
    checkup.rules(doors).await?;
    checkup.calls(doors);
    Ok(checkup)
}

/// Tells whether a field is one that many orgs don't have at all.
fn is_extra(name: &str) -> bool {
    name.ends_with("__c") || name == "RecordTypeId"
}

/// Returns the fields by which what is made of an object is found again, which are written.
fn marked_by(object: Sobject, org: &Description) -> Vec<(String, bool)> {
    let mut marks: Vec<String> =
        marks(object, org).iter().map(|mark| mark.field().to_string()).collect();
    if marks.is_empty() && object == Object::Task.into() {
        marks.push(MARK.to_owned());
    }
    marks.into_iter().map(|field| (field, true)).collect()
}

impl Checkup {
    fn find(&mut self, about: &str, health: Health, said: String, mend: Option<String>) {
        self.findings.push(Finding { about: about.to_owned(), health, said, mend });
    }

    fn trouble(&mut self, about: &str, problem: Problem) {
        self.find(about, Health::Trouble, problem.message, problem.hint);
    }

    async fn object(
        &mut self,
        doors: &Doors,
        object: Object,
        org: &Description,
        total: u64,
    ) -> Result<(), Error> {
        let mapping = match block_in_place(|| trial::mapping(doors, object, org)) {
            Ok(mapping) => mapping,
            Err(error @ (Error::Mapping(_) | Error::Plugin(_))) => {
                self.trouble(object.as_str(), error.problem());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some(refused) = doors.store.refused(object)? {
            let said = format!("the mapping that was brought is not used: {}", refused.why.message);
            self.find(object.as_str(), Health::Trouble, said, refused.why.hint);
        }
        let spec = mapping.spec();
        let choices = doors.settings.objects.get(&object).cloned().unwrap_or_default();
        if let Some(problem) = stray_policy(spec, &choices.policies) {
            self.trouble(object.as_str(), problem);
        }
        self.fields(doors, spec, org, &choices).await?;
        if choices.push {
            let newcomer = doors.settings.matching.create.map(Newcomer::object);
            self.writing(object, newcomer, spec, org);
        }
        if object == Object::Task && choices.push {
            self.marks(object.into(), org);
            self.statuses(doors).await?;
            if doors.settings.log_meetings {
                self.logging(doors, spec, org).await?;
            }
        }
        // Of tasks, a query leaves out those that are archived.
        if object != Object::Task {
            self.sharing(doors, object, total).await?;
        }
        if MERGED.contains(&object) && org.field("MasterRecordId").is_none() {
            let said = "the connected user does not see MasterRecordId: what was merged counts as \
                        deleted";
            let mend = format!("Give it access to {object}.MasterRecordId.");
            self.find(object.as_str(), Health::Warning, said.to_owned(), Some(mend));
        }
        self.rights(doors, object);
        let access = self.access.entry(object.into()).or_default();
        if access.creates && object != Object::Task {
            let fields = OF_PEOPLE.iter().filter(|name| org.field(name).is_some());
            access.fields.extend(fields.map(|name| ((*name).to_owned(), true)));
        }
        if access.creates && object == Object::Task {
            access.fields.extend(marked_by(object.into(), org));
        }
        let is_written = |name: &str| spec.writes.iter().any(|write| write.field.as_str() == name);
        let reads = spec.reads.iter().filter_map(|need| match need.path.up() {
            Some((up, _)) => org.reference(up).map(|field| field.name.clone()),
            None => Some(need.path.as_str().to_owned()),
        });
        let writes = spec.writes.iter().map(|write| write.field.as_str());
        let writes = writes.filter(|name| !is_elsewhere(object, name)).map(str::to_owned);
        for name in reads.chain(writes) {
            // What the org doesn't show may be hidden: that is what the access is for.
            let field = org.field(&name);
            if field.map_or(!is_extra(&name), |field| field.permissionable) {
                let written = choices.push && is_written(&name);
                // Access to the parts of an address is given by the whole.
                let whole = field.and_then(|field| field.compound.clone());
                *access.fields.entry(whole.unwrap_or(name)).or_default() |= written;
            }
        }
        Ok(())
    }

    /// Notes what has to be done with records of an object.
    fn rights(&mut self, doors: &Doors, object: Object) {
        let access = self.access.entry(object.into()).or_default();
        let newcomer = doors.settings.matching.create.map(Newcomer::object);
        access.edits = doors.settings.objects.get(&object).is_some_and(|choices| choices.push);
        access.creates = access.edits && (object == Object::Task || newcomer == Some(object));
    }

    /// Looks at what the mapping reads and writes.
    async fn fields(
        &mut self,
        doors: &Doors,
        spec: &Spec,
        org: &Description,
        choices: &ObjectSettings,
    ) -> Result<(), Error> {
        let object = spec.object;
        let parents = parents(&doors.salesforce, spec, org).await?;
        let misfits = misfits(spec, org, Some(&parents));
        // That these are not there is no fault: they are used where an org has them.
        let (left_out, misfits): (Vec<_>, Vec<_>) = misfits.into_iter().partition(|misfit| {
            let is_wanted = choices.names_field(&misfit.field);
            misfit.effect == Effect::LeftOut && is_extra(&misfit.field) && !is_wanted
        });
        if !left_out.is_empty() {
            let names: Vec<_> = left_out.iter().map(|misfit| misfit.field.as_str()).collect();
            let said = format!("optional fields that the org does not show: {}", names.join(", "));
            let mend = "Nothing need be done; where the org has them, they are used.";
            self.find(object.as_str(), Health::Good, said, Some(mend.to_owned()));
        }
        if misfits.is_empty() {
            let said = format!(
                "of {} fields that the mapping reads and {} that it writes, all that it needs are there",
                spec.reads.len(),
                spec.writes.len()
            );
            self.find(object.as_str(), Health::Good, said, None);
        }
        for misfit in misfits {
            let health = match misfit.effect {
                Effect::Stops => Health::Trouble,
                _ => Health::Warning,
            };
            let about = format!("{object}.{}", misfit.field);
            let nearest = misfit.nearest.map(|name| format!("; the org has {name}"));
            let said = format!("{}{}", misfit.message, nearest.unwrap_or_default());
            let mend = format!(
                "Give the connected user access to {about} (field-level security), or let the \
                 mapping do without it."
            );
            self.find(&about, health, said, Some(mend));
        }
        Ok(())
    }

    /// Looks at what keeps records from being written.
    fn writing(
        &mut self,
        object: Object,
        newcomer: Option<Object>,
        spec: &Spec,
        org: &Description,
    ) {
        let is_task = object == Object::Task;
        let is_made = is_task || newcomer == Some(object);
        self.may_write(object.into(), is_made, org);
        let is_given = |name: &&String| spec.writes.iter().any(|w| w.field.as_str() == **name);
        let needed = required(object.into(), org);
        for name in needed.iter().filter(|name| is_task && !is_given(name)) {
            let about = format!("{object}.{name}");
            let said = "a new record needs it, and the mapping gives none".to_owned();
            let mend = "Have the mapping write it, or make it optional in Setup.".to_owned();
            self.find(&about, Health::Trouble, said, Some(mend));
        }
    }

    /// Looks at whether records may be written.
    fn may_write(&mut self, object: Sobject, is_made: bool, org: &Description) {
        let may_not = match (org.updateable, org.createable || !is_made) {
            (true, true) => return,
            (false, _) => "change",
            (true, false) => "create",
        };
        let said = format!("the connected user may not {may_not} records of it");
        let mend = format!(
            "Give it the right to {may_not} {object} (profile or permission set), or import only: \
             `efficlose setup --pull-only`."
        );
        self.find(object.as_str(), Health::Trouble, said, Some(mend));
    }

    /// Looks at what meetings need to be logged: that events can be made, where they are logged as
    /// such, and whether an activity can be about several contacts.
    async fn logging(
        &mut self,
        doors: &Doors,
        spec: &Spec,
        tasks: &Description,
    ) -> Result<(), Error> {
        let shares = tasks.field(SHARED).is_some();
        let logged = doors.settings.log_as.object();
        let said = match shares {
            true => "the org shares activities: a logged meeting is about all of its contacts",
            false => "the org shares no activities: a logged meeting is about one of its contacts",
        };
        self.find(logged.as_str(), Health::Good, said.to_owned(), None);
        if shares && let Some(relation) = logged.relation() {
            match doors.described(relation).await {
                Ok(org) if org.createable => {}
                Ok(_) => {
                    let said = "the connected user may not create records of it".to_owned();
                    let mend = format!("Give it the right to edit each {logged}.");
                    self.find(relation.as_str(), Health::Trouble, said, Some(mend));
                }
                Err(error) if error.is_org_wide() => return Err(error),
                Err(error) => self.trouble(relation.as_str(), error.problem()),
            }
        }
        if doors.settings.log_as != LogAs::Event {
            return Ok(());
        }
        let access = self.access.entry(logged).or_default();
        (access.creates, access.edits) = (true, true);
        let org = match doors.described(logged).await {
            Err(error) if !error.is_org_wide() => {
                self.trouble(logged.as_str(), error.problem());
                return Ok(());
            }
            org => org?,
        };
        let written = spec.writes.iter().map(|write| write.field.as_str());
        let secured = written
            .clone()
            .filter(|name| org.field(name).is_some_and(|field| field.permissionable));
        access.fields.extend(secured.map(|name| (name.to_owned(), true)));
        access.fields.extend(marked_by(logged, &org));
        self.may_write(logged, true, &org);
        self.marks(logged, &org);
        if !written.clone().any(|name| name == START) {
            let about = format!("{logged}.{START}");
            let said = "an event needs it, and the mapping of Task never writes it".to_owned();
            let mend = "Have the mapping write it where a meeting's `logged_as` is `Event`, or log \
                        meetings as tasks: `log_as` in the settings.";
            self.find(&about, Health::Trouble, said, Some(mend.to_owned()));
        }
        Ok(())
    }

    /// Looks at the mark by which an activity is found again.
    fn marks(&mut self, activity: Sobject, org: &Description) {
        let add = format!(
            "Add a text field Efficlose_Id__c to {activity} (Activity) that is an external id and \
             unique, and let the connected user edit it."
        );
        let name = activity.as_str().to_lowercase();
        match marks(activity, org).first() {
            Some(Mark::ExternalId(field)) => {
                let said = format!("each {name} bears a mark in {field}, which no two can share");
                self.find(activity.as_str(), Health::Good, said, None);
            }
            Some(Mark::Searched(field)) => {
                let said = format!(
                    "{name}s are found again by {field}, which Salesforce lets two of them share"
                );
                self.find(activity.as_str(), Health::Warning, said, Some(add));
            }
            None => {
                let said = format!("no field can hold the mark by which {name}s are found again");
                self.find(activity.as_str(), Health::Trouble, said, Some(add));
            }
        }
    }

    /// Looks at the statuses that tasks can have.
    async fn statuses(&mut self, doors: &Doors) -> Result<(), Error> {
        let statuses = doors.salesforce.task_statuses().await?;
        let [open, closed] = [false, true].map(|is| statuses.iter().any(|one| one.closed == is));
        if !open || !closed {
            let said = "of the statuses of tasks, none is open or none is closed".to_owned();
            let mend = "Add one in Setup → Object Manager → Task → Status.".to_owned();
            self.find("Task.Status", Health::Trouble, said, Some(mend));
        }
        Ok(())
    }

    /// Looks at how many of the records the connected user sees.
    async fn sharing(&mut self, doors: &Doors, object: Object, total: u64) -> Result<(), Error> {
        let visible = doors.salesforce.count(object, None).await?;
        #[allow(clippy::cast_precision_loss)]
        let is_blind = (visible as f64) < total as f64 * VISIBLE_MIN;
        let said = format!("the connected user sees {visible} of about {total} records");
        match is_blind {
            false => self.find(object.as_str(), Health::Good, said, None),
            true => {
                let mend = format!(
                    "Give it access to the others (sharing, or \"View All\" for {object}): what it \
                     does not see is not synced."
                );
                self.find(object.as_str(), Health::Warning, said, Some(mend));
            }
        }
        Ok(())
    }

    fn calls(&mut self, doors: &Doors) {
        let Some(usage) = doors.salesforce.usage() else { return };
        let limit = doors.budget();
        let said = format!(
            "the org has used {} of {} API calls in 24 hours; {limit} may be ours",
            usage.used, usage.allowed
        );
        #[allow(clippy::cast_precision_loss)]
        let is_short = usage.used as f64 > usage.allowed as f64 * USED_MAX;
        let mend = "Find who uses the API that much (Setup → API Usage), or sync less often.";
        match is_short {
            true => self.find("calls", Health::Warning, said, Some(mend.to_owned())),
            false => self.find("calls", Health::Good, said, None),
        }
    }
}
