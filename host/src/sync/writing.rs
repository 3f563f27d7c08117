//! What may be written to an object: what its mapping would write, as far as the org takes it.

use std::collections::BTreeMap;

use super::nearest::nearest;
use super::{Error, FieldPolicy};
use crate::model::{FieldName, Object, Policy, Problem, Sobject, Spec};
use crate::plugin::Mapping;
use crate::salesforce::{Description, FieldDescription, FieldType};

/// Fields by which a created record is found again, best first: one made for it,
/// and a standard field of tasks that holds a caller's own id.
const MARK_FIELDS: [&str; 2] = ["Efficlose_Id__c", "CallObject"];
/// The field by which a person is found again.
pub(super) const EMAIL: &str = "Email";
/// What else a person may be made with.
pub(super) const FIRST_NAME: &str = "FirstName";
pub(super) const LAST_NAME: &str = "LastName";
pub(super) const COMPANY: &str = "Company";
pub(super) const ACCOUNT: &str = "AccountId";
/// The fields of a person who is made of a guest.
pub(super) const OF_PEOPLE: [&str; 5] = [FIRST_NAME, LAST_NAME, EMAIL, COMPANY, ACCOUNT];
/// The field that activities have where the org shares them: with how many people.
pub(super) const SHARED: &str = "WhoCount";
/// All that activities have then.
pub(super) const COUNTS: [&str; 2] = [SHARED, "WhatCount"];
/// What an event can't do without, though describe calls it optional: there are several ways to
/// say when it is, and the others follow from it.
pub(super) const START: &str = "StartDateTime";
/// How long an event is; its end follows.
pub(super) const DURATION: &str = "DurationInMinutes";
/// The fields that events have and tasks don't. The mapping of Task may write them, for meetings
/// that are logged as events.
const OF_EVENTS: [&str; 8] = [
    START,
    DURATION,
    "ActivityDateTime",
    "EndDateTime",
    "IsAllDayEvent",
    "Location",
    "ShowAs",
    "EventSubtype",
];

/// What may be written to an object.
#[derive(Debug, Clone)]
pub(super) struct Writing {
    /// The object.
    pub(super) object: Sobject,
    /// The digest of the mapping that decides what is written.
    pub(super) mapping: String,
    /// The fields that may be written.
    pub(super) fields: Vec<Writable>,
    /// Whether the connected user may make records, and change them.
    pub(super) may_create: bool,
    pub(super) may_update: bool,
    /// The fields that the mapping would write and the connected user may only read.
    pub(super) locked: Vec<String>,
    /// The fields that a new record needs and Salesforce doesn't fill.
    pub(super) required: Vec<String>,
    /// The fields that a new person may be given, of objects of people.
    pub(super) creatable: Vec<FieldDescription>,
    /// How a created record is found again: the first is the one used, the others
    /// may have been used before. None for objects that we don't create.
    pub(super) marks: Vec<Mark>,
}

/// A field that may be written, as the mapping and the org describe it.
#[derive(Debug, Clone)]
pub(super) struct Writable {
    pub(super) name: FieldName,
    /// None, where the settings leave the field to Salesforce.
    pub(super) policy: Option<Policy>,
    pub(super) describe: FieldDescription,
}

/// The field by which a created record is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// An external id: Salesforce itself sees to it that there is one record.
    ExternalId(FieldName),
    /// A field to be searched before a record is created.
    Searched(FieldName),
}

impl Mark {
    /// Returns the field.
    pub(super) fn field(&self) -> &FieldName {
        match self {
            Self::ExternalId(field) | Self::Searched(field) => field,
        }
    }
}

impl Writing {
    /// Returns what may be written to an object whose values we decide ourselves.
    pub(super) fn unmapped(object: Sobject, mapping: &str, org: &Description) -> Self {
        Self {
            object,
            mapping: mapping.to_owned(),
            fields: Vec::new(),
            may_create: org.createable,
            may_update: org.updateable,
            locked: Vec::new(),
            required: Vec::new(),
            creatable: Vec::new(),
            marks: marks(object, org),
        }
    }

    /// Returns a field that may be written.
    pub(super) fn field(&self, name: &str) -> Option<&Writable> {
        self.fields.iter().find(|write| write.name.as_str() == name)
    }
}

/// Fits what a mapping writes to an object of the org: its own, or the one that is written in
/// its place, of which every field may be missing. `policies` stand before those of the mapping.
pub(super) fn writing(
    mapping: &Mapping,
    policies: &BTreeMap<FieldName, FieldPolicy>,
    object: Sobject,
    org: &Description,
) -> Result<Writing, Error> {
    let spec = mapping.spec();
    if let Some(taken) = spec.writes.iter().find(|write| is_mark(write.field.as_str())) {
        return Err(Error::Org(Problem {
            message: format!(
                "the mapping of {} writes {}, by which we find our records",
                spec.object, taken.field
            ),
            at: Some(taken.field.to_string()),
            hint: Some("Take the field out of the mapping's writes.".to_owned()),
        }));
    }
    if let Some(problem) = stray_policy(spec, policies) {
        return Err(Error::Org(problem));
    }
    let is_own = object.synced() == Some(spec.object);
    let mut fields = Vec::new();
    for write in &spec.writes {
        let policy = policies.get(&write.field).map(|policy| policy.applied());
        let describe = org.field(write.field.as_str());
        match describe.filter(|field| field.createable || field.updateable) {
            Some(describe) => fields.push(Writable {
                name: write.field.clone(),
                policy: policy.unwrap_or(Some(write.policy)),
                describe: describe.clone(),
            }),
            None if write.optional || !is_own => {}
            None => return Err(Error::Org(missing(spec.object, write.field.as_str(), "writes"))),
        }
    }
    let creatable = OF_PEOPLE.iter().filter_map(|name| org.field(name));
    let creatable = creatable.filter(|field| field.createable).cloned().collect();
    let is_locked = |name: &&str| {
        let field = org.field(name);
        field.is_some_and(|field| !field.createable && !field.updateable)
    };
    let locked = spec.writes.iter().map(|write| write.field.as_str()).filter(is_locked);
    Ok(Writing {
        object,
        mapping: mapping.digest().to_owned(),
        fields,
        may_create: org.createable,
        may_update: org.updateable,
        locked: locked.map(str::to_owned).collect(),
        required: required(object, org),
        creatable,
        marks: marks(object, org),
    })
}

/// Returns the fields that a new record needs and Salesforce doesn't fill.
pub(super) fn required(object: Sobject, org: &Description) -> Vec<String> {
    let is_needed = |field: &&FieldDescription| {
        field.createable && !field.nillable && !field.defaulted && field.kind != FieldType::Boolean
    };
    let needed = org.fields.iter().filter(is_needed).map(|field| field.name.clone());
    let start = (object == Sobject::Event).then(|| START.to_owned());
    needed.chain(start).collect()
}

/// Returns the fields that this org has for the mark of records that are made of an object, best
/// first. Of people that is their address: who has it is there already.
pub(super) fn marks(object: Sobject, org: &Description) -> Vec<Mark> {
    let names: &[&str] = match object {
        Sobject::Synced(Object::Task) | Sobject::Event => &MARK_FIELDS,
        Sobject::Synced(Object::Contact | Object::Lead) => &[EMAIL],
        // A relation is found by what it relates.
        Sobject::Synced(Object::Account | Object::Opportunity)
        | Sobject::TaskRelation
        | Sobject::EventRelation => &[],
    };
    let fields = names.iter().filter_map(|name| {
        let field = org.field(name).filter(|field| field.createable && field.filterable)?;
        let name = field.name.parse().ok()?;
        Some(if field.external_id { Mark::ExternalId(name) } else { Mark::Searched(name) })
    });
    fields.collect()
}

/// Tells whether a mapping of this object writes such a field for another that is written in its
/// place.
pub(super) fn is_elsewhere(object: Object, field: &str) -> bool {
    object == Object::Task && OF_EVENTS.contains(&field)
}

/// Tells whether it is by this field that created records are found again.
pub(super) fn is_mark(field: &str) -> bool {
    MARK_FIELDS.contains(&field)
}

/// Tells of a policy in the settings for a field that the mapping doesn't write.
pub(super) fn stray_policy(
    spec: &Spec,
    policies: &BTreeMap<FieldName, FieldPolicy>,
) -> Option<Problem> {
    let is_written = |name: &FieldName| spec.writes.iter().any(|write| write.field == *name);
    let name = policies.keys().find(|name| !is_written(name))?;
    let object = spec.object;
    let names: Vec<_> = spec.writes.iter().map(|write| write.field.as_str()).collect();
    let nearest = nearest(name.as_str(), names.iter().copied());
    let meant = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    Some(Problem {
        message: format!(
            "the settings name a policy for {object}.{name}, which the mapping does not write{meant}"
        ),
        at: Some(name.to_string()),
        hint: Some(format!(
            "Take it out of `policies` of {object} in the settings; the mapping writes {}.",
            if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
        )),
    })
}

/// Returns the problem of a field that a mapping needs and the org doesn't show.
pub(super) fn missing(object: Object, field: &str, does: &str) -> Problem {
    Problem {
        message: format!("the mapping of {object} {does} {field}, and the org does not show it"),
        at: Some(field.to_owned()),
        hint: Some(format!(
            "Give the connected user access to {object}.{field} (field-level security), or use a \
             mapping that does without it."
        )),
    }
}
