//! Fits a mapping to an org: what it asks for and what the org has.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::nearest::nearest;
use super::writing::{Writing, is_elsewhere, is_mark, missing, writing};
use super::{Doors, Error, FieldPolicy};
use crate::model::{Cursor, FieldName, FieldPath, Object, Spec};
use crate::plugin::Mapping;
use crate::salesforce::{
    Changed, Description, FieldDescription, FieldType, Parents, SUCCESSORS, Successor,
};
use crate::store::Kin;

/// How many records a page has: the most that Salesforce gives at once.
pub(super) const PAGE: u32 = 2_000;
/// A mapping with what the org has of its needs.
pub(super) struct Prepared {
    /// The mapping.
    pub(super) mapping: Mapping,
    /// The fields to read, and the names of the table's columns.
    pub(super) reads: Vec<FieldPath>,
    /// The same as names, shared by all pages.
    pub(super) columns: Arc<[String]>,
    /// The fields that are read, each with the kind of its values: records that were read with
    /// the same need not be read again.
    pub(super) read_as: Vec<String>,
    /// The types of the fields to read, of each where it is known and an extract bears it.
    pub(super) types: Vec<Option<FieldType>>,
    /// Those of the fields which tell what a record became that the org shows.
    pub(super) successors: Vec<Successor>,
    /// The fields that lead to records of other objects.
    pub(super) kin: Vec<Kin>,
    /// The fields read that may change without a new stamp: formulas, parents' fields, what
    /// Salesforce itself makes of other records, and what leads to records that may be merged.
    pub(super) derived: Vec<FieldPath>,
    /// Tells the mapping and the fields that are read.
    pub(super) reading: String,
    /// Whether it was looked at just now which of the parents' fields the org shows.
    pub(super) knows_parents: bool,
    /// What may be written.
    pub(super) writing: Arc<Writing>,
}

impl Prepared {
    /// Returns what to read of the org: the next page after a cursor.
    pub(super) fn changed<'a>(&'a self, after: Option<&'a Cursor>) -> Changed<'a> {
        let spec = self.mapping.spec();
        Changed {
            object: spec.object,
            reads: &self.reads,
            successors: &self.successors,
            filter: spec.filter.as_ref(),
            after,
            limit: PAGE,
        }
    }

    /// Tells whether only some of the records are wanted.
    pub(super) fn has_filter(&self) -> bool {
        self.mapping.spec().filter.is_some()
    }

    /// Tells whether it reads fields of parents that nobody has looked at yet.
    pub(super) fn may_miss_parents(&self) -> bool {
        !self.knows_parents && self.reads.iter().any(|path| path.up().is_some())
    }

    /// Returns the types of all fields that are read, where an extract bears them all.
    pub(super) fn all_types(&self) -> Option<Vec<FieldType>> {
        self.types_of(&self.reads)
    }

    /// Returns the types of some of the fields that are read, where an extract bears them all.
    pub(super) fn types_of(&self, paths: &[FieldPath]) -> Option<Vec<FieldType>> {
        let place = |path: &FieldPath| self.reads.iter().position(|read| read == path);
        let known = |path| self.types.get(place(path)?)?.clone();
        paths.iter().map(known).collect()
    }
}

/// Fits a mapping to an org. A required field that the org lacks or hides is a
/// problem; an optional one is left out.
///
/// Of a parent's field only the way up is checked, unless `parents` are given. `policies`
/// stand before those of the mapping.
pub(super) fn prepare(
    mapping: Mapping,
    policies: &BTreeMap<FieldName, FieldPolicy>,
    org: &Description,
    parents: Option<&Parents>,
) -> Result<Prepared, Error> {
    let spec = mapping.spec();
    let mut reads = Vec::new();
    for need in &spec.reads {
        if is_shown(&need.path, org, parents) {
            reads.push(need.path.clone());
        } else if !need.optional {
            return Err(Error::Org(missing(spec.object, need.path.as_str(), "reads")));
        }
    }
    let writing = writing(&mapping, policies, spec.object.into(), org)?;
    let types = reads.iter().map(|path| type_of(path, org, parents)).collect();
    let successors =
        SUCCESSORS.into_iter().filter(|s| s.of == spec.object && org.field(s.field).is_some());
    let successors = successors.collect();
    let kin = kin(&reads, org);
    let is_derived = |path: &&FieldPath| {
        let is_made =
            |field: &FieldDescription| field.calculated || !(field.createable || field.updateable);
        path.up().is_some()
            || org.field(path.as_str()).is_some_and(is_made)
            || kin.iter().any(|kin| kin.field.eq_ignore_ascii_case(path.as_str()))
    };
    let derived = reads.iter().filter(is_derived).cloned().collect();
    let columns: Arc<[String]> = reads.iter().map(|path| path.as_str().to_owned()).collect();
    let read_as: Vec<String> = reads.iter().map(|path| read_as(path, org)).collect();
    let reading = reading(mapping.digest(), &read_as);
    Ok(Prepared {
        mapping,
        reads,
        columns,
        read_as,
        types,
        successors,
        kin,
        derived,
        reading,
        knows_parents: false,
        writing: Arc::new(writing),
    })
}

/// Returns the type of a field, where it is known and an extract bears it.
fn type_of(path: &FieldPath, org: &Description, parents: Option<&Parents>) -> Option<FieldType> {
    match path.up() {
        None => {
            let field = org.field(path.as_str())?;
            field.kind.is_extractable().then(|| field.kind.clone())
        }
        Some((parent, rest)) => type_of(&rest, parents?.get(parent)?.as_ref()?, None),
    }
}

/// Returns a field with the kind of its values, which is another where the field's type was
/// changed; that of a parent's field is not known.
fn read_as(path: &FieldPath, org: &Description) -> String {
    let kind = match org.field(path.as_str()).map(|field| &field.kind) {
        Some(FieldType::Boolean) => " boolean",
        Some(FieldType::Int | FieldType::Long) => " integer",
        Some(FieldType::Double | FieldType::Currency | FieldType::Percent) => " number",
        Some(FieldType::Date | FieldType::DateTime | FieldType::Time) => " moment",
        _ => "",
    };
    format!("{path}{kind}")
}

/// Returns by which fields these reads lead to which other objects that sync, and what
/// they read there.
fn kin(reads: &[FieldPath], org: &Description) -> Vec<Kin> {
    let mut kin: Vec<Kin> = Vec::new();
    for path in reads {
        let (field, column) = match path.up() {
            Some((up, rest)) => (org.reference(up), Some(rest.as_str().to_owned())),
            None => (org.field(path.as_str()), None),
        };
        let Some(field) = field else { continue };
        for parent in field.references.iter().filter_map(|name| name.parse::<Object>().ok()) {
            let known = kin.iter().position(|kin| kin.field == field.name && kin.parent == parent);
            let place = known.unwrap_or_else(|| {
                kin.push(Kin { field: field.name.clone(), parent, columns: Vec::new() });
                kin.len() - 1
            });
            kin[place].columns.extend(column.clone());
        }
    }
    kin
}

/// Tells whether a path can be selected, as far as is known.
pub(super) fn is_shown(path: &FieldPath, org: &Description, parents: Option<&Parents>) -> bool {
    let Some((parent, rest)) = path.up() else { return org.field(path.as_str()).is_some() };
    let is_a_way_up = org.reference(parent).is_some();
    match parents.and_then(|parents| parents.get(parent)) {
        None => is_a_way_up,
        Some(None) => false,
        Some(Some(parent)) => is_a_way_up && is_shown(&rest, parent, None),
    }
}

/// Returns 16 hexadecimal digits that tell a mapping and the fields it is given.
fn reading(mapping: &str, read_as: &[String]) -> String {
    let digest = Sha256::digest(format!("{mapping}\0{}", read_as.join("\0")));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// How a mapping fits an org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The name of the mapping.
    pub mapping: String,
    /// The fields that are read.
    pub reads: Vec<String>,
    /// The fields that the mapping would read or write and the org lacks or hides.
    pub left_out: Vec<String>,
    /// The fields that may be written.
    pub writes: Vec<String>,
}

/// Tells how the mapping of an object fits the org; fails as a sync would.
pub async fn fit(doors: &Doors, object: Object) -> Result<Fit, Error> {
    let prepared = doors.prepared(object).await?;
    let spec = prepared.mapping.spec();
    let reads: Vec<String> = prepared.columns.to_vec();
    let of_ours = prepared.writing.fields.iter().filter(|write| write.policy.is_some());
    let writes: Vec<String> = of_ours.map(|write| write.name.to_string()).collect();
    let kept =
        |name: &String| prepared.writing.field(name).is_some_and(|write| write.policy.is_none());
    let wanted = spec.reads.iter().map(|need| need.path.to_string());
    let wanted = wanted.chain(spec.writes.iter().map(|write| write.field.to_string()));
    let is_used = |name: &String| reads.contains(name) || writes.contains(name) || kept(name);
    let mut left_out: Vec<String> =
        wanted.filter(|name| !is_used(name) && !is_elsewhere(object, name)).collect();
    left_out.dedup();
    Ok(Fit { mapping: prepared.mapping.name().to_owned(), reads, left_out, writes })
}

/// Something that a mapping needs and the org lacks, hides or locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The field, or the path to it.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// What of the org is most like it, where something is: a field, or a choice.
    pub nearest: Option<String>,
    /// What comes of it.
    pub effect: Effect,
}

/// What comes of something that doesn't fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The object can't sync.
    Stops,
    /// The field is left out.
    LeftOut,
    /// Records or meetings of a kind fail.
    Fails,
    /// The value is not written: Salesforce would refuse it.
    Refused,
    /// The value is written, though it is none of the field's choices.
    Unlisted,
}

impl Effect {
    fn without(optional: bool) -> Self {
        if optional { Self::LeftOut } else { Self::Stops }
    }
}

/// Returns what a mapping needs and the org doesn't give.
pub fn misfits(spec: &Spec, org: &Description, parents: Option<&Parents>) -> Vec<Misfit> {
    let reads = spec.reads.iter().filter(|need| !is_shown(&need.path, org, parents));
    let reads = reads.map(|need| Misfit {
        field: need.path.to_string(),
        message: "is read, and the org lacks or hides it".to_owned(),
        nearest: nearest_field(need.path.as_str(), org, parents),
        effect: Effect::without(need.optional),
    });
    let writes = spec.writes.iter().filter_map(|write| {
        let name = write.field.as_str();
        if is_mark(name) {
            let message = "is written, and it is by this that we find our records".to_owned();
            return Some(Misfit {
                field: name.to_owned(),
                message,
                nearest: None,
                effect: Effect::Stops,
            });
        }
        let (message, nearest) = match org.field(name) {
            None if is_elsewhere(spec.object, name) => return None,
            None => ("is written, and the org lacks or hides it", nearest_field(name, org, None)),
            Some(field) if !field.createable && !field.updateable => {
                ("is written, and the connected user may only read it", None)
            }
            Some(_) => return None,
        };
        let (field, message) = (name.to_owned(), message.to_owned());
        Some(Misfit { field, message, nearest, effect: Effect::without(write.optional) })
    });
    reads.chain(writes).collect()
}

/// Returns the field, or the way up, whose name is most like this one.
fn nearest_field(path: &str, org: &Description, parents: Option<&Parents>) -> Option<String> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    if let Some(Some(parent)) = parents.and_then(|parents| parents.get(first)) {
        return nearest_field(rest, parent, None).map(|name| format!("{first}.{name}"));
    }
    let is_up = path.contains('.');
    let names = org.fields.iter().filter_map(|field| match is_up {
        true => field.relationship.as_deref(),
        false => Some(field.name.as_str()),
    });
    nearest(first, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_whose_type_changes_is_read_as_another() {
        let org = |kind: &str| {
            let text = format!(
                r#"{{"name": "Contact", "label": "Contact", "createable": true, "updateable": true,
                    "queryable": true,
                    "fields": [{{"name": "Score__c", "label": "Score", "type": "{kind}"}}]}}"#
            );
            Description::from_text(&text).unwrap()
        };
        let path: FieldPath = "Score__c".parse().unwrap();
        let as_kind = |kind| read_as(&path, &org(kind));
        assert_eq!(as_kind("string"), as_kind("picklist"), "both are texts");
        assert_eq!(as_kind("double"), as_kind("currency"));
        let all = ["string", "double", "int", "boolean", "datetime"].map(as_kind);
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "{all:?}");
    }
}
