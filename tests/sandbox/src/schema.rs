//! Objects and their fields: what describe shows and what writes are checked against.

use std::collections::HashMap;
use std::sync::Arc;

mod account;
mod catalogue;
mod contact;
mod custom;
mod duplicate_rule;
mod event;
mod formula;
mod lead;
mod notation;
mod opportunity;
mod opportunity_contact_role;
mod organization;
mod process_instance;
mod profile;
mod relation;
mod task;
mod task_status;
mod user;
mod validation_rule;

pub(crate) use catalogue::{relation_counts, relation_objects, standard_objects};
pub use custom::{CustomField, CustomKind, CustomObject};
pub(crate) use formula::{Formula, Source};

/// The most fields an object can have; a row marks the stored ones in 128 bits.
pub(crate) const FIELD_LIMIT: usize = 128;

/// The place of an object among the org's objects.
pub(crate) type ObjectIndex = usize;

/// The place of a field among its object's fields.
pub(crate) type FieldIndex = usize;

/// Every object's first field is its id.
pub(crate) const ID_FIELD: FieldIndex = 0;

/// An object: a kind of record.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// The API name.
    pub(crate) name: &'static str,
    /// The name people see.
    pub(crate) label: &'static str,
    /// The name people see for several.
    pub(crate) label_plural: &'static str,
    /// The first three characters of its ids.
    pub(crate) prefix: &'static str,
    abilities: Abilities,
    /// Whether the callers' permissions let them see it.
    pub(crate) visible: bool,
    /// Whether the callers' permissions let them only read it.
    pub(crate) read_only: bool,
    /// When its description last changed, in seconds.
    pub(crate) changed_at: i64,
    fields: Vec<Field>,
    by_name: HashMap<String, FieldIndex>,
}

/// What can be done with an object's records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Abilities {
    pub(crate) createable: bool,
    pub(crate) updateable: bool,
    pub(crate) deletable: bool,
    pub(crate) mergeable: bool,
    pub(crate) replicateable: bool,
    pub(crate) searchable: bool,
    pub(crate) layoutable: bool,
}

/// The type of a field, as describe names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Id,
    Reference,
    String,
    TextArea,
    Picklist,
    Combobox,
    Boolean,
    Int,
    Double,
    Currency,
    Percent,
    Date,
    DateTime,
    Email,
    Phone,
    Url,
    Address,
}

/// One choice of a picklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What is stored.
    pub(crate) value: Box<str>,
    /// Whether a new record gets it when nothing is said.
    pub(crate) default: bool,
}

/// A field of an object.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    pub(crate) label: Box<str>,
    pub(crate) kind: Kind,
    pub(crate) length: usize,
    pub(crate) precision: u32,
    pub(crate) scale: u32,
    pub(crate) digits: u32,
    pub(crate) createable: bool,
    pub(crate) updateable: bool,
    pub(crate) nillable: bool,
    pub(crate) defaulted: bool,
    pub(crate) filterable: bool,
    pub(crate) sortable: bool,
    pub(crate) groupable: bool,
    pub(crate) custom: bool,
    pub(crate) external_id: bool,
    pub(crate) unique: bool,
    pub(crate) id_lookup: bool,
    pub(crate) name_field: bool,
    pub(crate) restricted: bool,
    pub(crate) choices: Vec<Choice>,
    pub(crate) refers_to: Vec<Box<str>>,
    pub(crate) relationship: Option<Box<str>>,
    pub(crate) compound: Option<Box<str>>,
    pub(crate) extra: Option<Box<str>>,
    pub(crate) permissionable: bool,
    /// What its values are worked out from, where nobody writes them.
    pub(crate) formula: Option<Arc<Formula>>,
    /// Whether field-level security lets the callers see it.
    pub(crate) visible: bool,
}

impl Object {
    /// Returns the object with these fields; the first is its id.
    pub(crate) fn new(
        name: &'static str,
        (label, label_plural): (&'static str, &'static str),
        prefix: &'static str,
        abilities: Abilities,
        fields: Vec<Field>,
    ) -> Self {
        let mut object = Self {
            name,
            label,
            label_plural,
            prefix,
            abilities,
            visible: true,
            read_only: false,
            changed_at: 0,
            fields: Vec::new(),
            by_name: HashMap::new(),
        };
        for field in fields {
            object.add(field);
        }
        object
    }

    /// Returns what the callers can do with its records.
    pub(crate) fn abilities(&self) -> Abilities {
        let Abilities { createable, updateable, deletable, .. } = self.abilities;
        Abilities {
            createable: createable && !self.read_only,
            updateable: updateable && !self.read_only,
            deletable: deletable && !self.read_only,
            ..self.abilities
        }
    }

    /// Adds a field behind the others, so that stored rows stay right.
    pub(crate) fn add(&mut self, field: Field) -> FieldIndex {
        let index = self.fields.len();
        self.by_name.insert(field.name.to_ascii_lowercase(), index);
        self.fields.push(field);
        index
    }

    /// Returns all fields, hidden ones too.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Returns the fields that the callers may see.
    pub(crate) fn visible(&self) -> impl Iterator<Item = (FieldIndex, &Field)> {
        self.fields.iter().enumerate().filter(|(_, field)| field.visible)
    }

    /// Returns a field by its place.
    pub(crate) fn field(&self, index: FieldIndex) -> &Field {
        &self.fields[index]
    }

    /// Returns a field to change by its place.
    pub(crate) fn field_mut(&mut self, index: FieldIndex) -> &mut Field {
        &mut self.fields[index]
    }

    /// Returns the place of a field by its name in any case, hidden or not.
    pub(crate) fn index_of(&self, name: &str) -> Option<FieldIndex> {
        if let Some(index) = self.by_name.get(name) {
            return Some(*index);
        }
        self.by_name.get(&name.to_ascii_lowercase()).copied()
    }

    /// Returns the place of a field that the callers may see.
    pub(crate) fn find(&self, name: &str) -> Option<FieldIndex> {
        self.index_of(name).filter(|index| self.fields[*index].visible)
    }

    /// Returns the place of the reference field behind a relationship name.
    pub(crate) fn find_relationship(&self, name: &str) -> Option<FieldIndex> {
        self.fields.iter().position(|field| {
            field.visible
                && field.relationship.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(name))
        })
    }
}

impl Field {
    /// Returns whether a create without it is refused.
    pub(crate) fn is_required(&self) -> bool {
        self.createable && !self.nillable && !self.defaulted
    }

    /// Returns whether records are found quickly by this field's values.
    pub(crate) fn is_indexed(&self) -> bool {
        match self.kind {
            Kind::Id => false,
            Kind::Reference => self.refers_to.iter().any(|object| &**object != "User"),
            _ => self.external_id || self.unique || self.id_lookup,
        }
    }

    /// Returns whether it points to more than one kind of record.
    pub(crate) fn is_polymorphic(&self) -> bool {
        self.refers_to.len() > 1
    }

    /// Returns the choice that a new record gets when nothing is said.
    pub(crate) fn default_choice(&self) -> Option<&str> {
        let choice = self.choices.iter().find(|choice| choice.default)?;
        Some(&choice.value)
    }
}

impl Kind {
    /// Returns the name in describe.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Reference => "reference",
            Self::String => "string",
            Self::TextArea => "textarea",
            Self::Picklist => "picklist",
            Self::Combobox => "combobox",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Double => "double",
            Self::Currency => "currency",
            Self::Percent => "percent",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Address => "address",
        }
    }

    /// Returns the type in SOAP's terms.
    pub(crate) fn soap(self) -> &'static str {
        match self {
            Self::Id | Self::Reference => "tns:ID",
            Self::Boolean => "xsd:boolean",
            Self::Int => "xsd:int",
            Self::Double | Self::Currency | Self::Percent => "xsd:double",
            Self::Date => "xsd:date",
            Self::DateTime => "xsd:dateTime",
            Self::Address => "urn:address",
            _ => "xsd:string",
        }
    }

    /// Returns whether values are text.
    pub(crate) fn is_text(self) -> bool {
        matches!(
            self,
            Self::String
                | Self::TextArea
                | Self::Picklist
                | Self::Combobox
                | Self::Email
                | Self::Phone
                | Self::Url
        )
    }

    /// Returns whether values are numbers.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Double | Self::Currency | Self::Percent)
    }
}

/// Returns the name under which a parent lists the records whose `field` points
/// to it, where there is one.
pub(crate) fn child_relationship(child: &Object, field: &Field, parent: &str) -> Option<String> {
    let plural = child.label_plural.replace(' ', "");
    match (child.name, &*field.name) {
        ("Account", "ParentId") => Some("ChildAccounts".to_owned()),
        ("Task" | "Event", "WhoId" | "WhatId") => Some(plural),
        ("TaskRelation", "TaskId") | ("EventRelation", "EventId") => Some(plural),
        ("OpportunityContactRole", _) if parent != "User" => {
            Some("OpportunityContactRoles".to_owned())
        }
        _ if field.custom => Some(format!("{plural}__r")),
        ("Contact" | "Opportunity", "AccountId" | "ContactId") => Some(plural),
        _ => None,
    }
}

/// Returns whether deleting the record that `field` points to deletes the child.
pub(crate) fn deletes_with_parent(child: &Object, field: &Field) -> bool {
    matches!(
        (child.name, &*field.name),
        ("Task" | "Event", "WhoId" | "WhatId")
            | ("Contact" | "Opportunity", "AccountId")
            | ("OpportunityContactRole", "OpportunityId" | "ContactId")
            | ("TaskRelation", "TaskId" | "RelationId")
            | ("EventRelation", "EventId" | "RelationId")
    )
}
