//! What an object is to the connected user: its fields, their types, and what
//! may be done with them.

use std::collections::HashMap;

use reqwest::Method;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Call, Error, Result, Salesforce};
use crate::model::FieldName;

/// An object, as the connected user sees it. A field that is hidden from the
/// user is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The API name.
    pub name: String,
    /// The name that people see, in the user's language.
    pub label: String,
    /// Whether records may be created.
    pub createable: bool,
    /// Whether records may be changed.
    pub updateable: bool,
    /// Whether records may be queried.
    pub queryable: bool,
    /// The fields, in Salesforce's order.
    pub fields: Vec<FieldDescription>,
    /// When any of this was last changed, as Salesforce writes it.
    #[serde(default)]
    pub last_modified: Option<String>,
}

/// What the parents of an object are to the connected user, by the name by which a path
/// goes up to them; none, where they can't be seen.
pub type Parents = HashMap<String, Option<Description>>;

/// A field, as the connected user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldDescription {
    /// The API name, in its canonical case.
    pub name: String,
    /// The name that people see, in the user's language.
    pub label: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// How many characters a text may have; 0 for other types.
    #[serde(default)]
    pub length: u32,
    /// Whether the user may give it a value in a new record.
    #[serde(default)]
    pub createable: bool,
    /// Whether the user may change it.
    #[serde(default)]
    pub updateable: bool,
    /// Whether it may be empty.
    #[serde(default)]
    pub nillable: bool,
    /// Whether Salesforce gives it a value in a new record.
    #[serde(default, rename = "defaultedOnCreate")]
    pub defaulted: bool,
    /// Whether it may stand in a condition.
    #[serde(default)]
    pub filterable: bool,
    /// Whether it is an external id, by which records can be upserted.
    #[serde(default)]
    pub external_id: bool,
    /// Whether no two records may share a value.
    #[serde(default)]
    pub unique: bool,
    /// Whether access to it is given by field-level security.
    #[serde(default)]
    pub permissionable: bool,
    /// Whether it is the customer's own or a package's.
    #[serde(default)]
    pub custom: bool,
    /// Whether it is a formula or a roll-up, which may change without a new stamp.
    #[serde(default)]
    pub calculated: bool,
    /// The field that it is a part of, such as an address.
    #[serde(default, rename = "compoundFieldName")]
    pub compound: Option<String>,
    /// The choices of a picklist.
    #[serde(default, rename = "picklistValues", deserialize_with = "or_empty")]
    pub picklist: Vec<Choice>,
    /// Whether a picklist takes its choices alone.
    #[serde(default, rename = "restrictedPicklist")]
    pub restricted: bool,
    /// The objects that a reference may point to.
    #[serde(default, rename = "referenceTo", deserialize_with = "or_empty")]
    pub references: Vec<String>,
    /// The name by which a path goes up to the parent, such as `Account`.
    #[serde(default, rename = "relationshipName")]
    pub relationship: Option<String>,
}

/// One choice of a picklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What is stored and written.
    pub value: String,
    /// What people see, in the user's language.
    #[serde(default)]
    pub label: Option<String>,
    /// Whether it may still be chosen.
    pub active: bool,
    /// Whether new records get it.
    #[serde(default, rename = "defaultValue")]
    pub default: bool,
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum FieldType {
    Id,
    Reference,
    String,
    TextArea,
    Picklist,
    MultiPicklist,
    Combobox,
    Boolean,
    Int,
    Long,
    Double,
    Currency,
    Percent,
    Date,
    DateTime,
    Time,
    Email,
    Phone,
    Url,
    EncryptedString,
    Address,
    Location,
    Base64,
    /// A type that is not known here.
    #[serde(untagged)]
    Other(String),
}

impl Description {
    /// Returns it as text, to be kept.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a description has text as keys")
    }

    /// Returns what was kept as text; none, where another version has kept it.
    pub fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Returns parents as text, to be kept.
    pub fn parents_to_text(parents: &Parents) -> String {
        serde_json::to_string(parents).expect("a description has text as keys")
    }

    /// Returns parents that were kept as text; none, where another version has kept them.
    pub fn parents_from_text(text: &str) -> Option<Parents> {
        serde_json::from_str(text).ok()
    }

    /// Returns a field by its API name, whatever the case.
    pub fn field(&self, name: &str) -> Option<&FieldDescription> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// Returns the reference by which a path goes up to the parent of this name,
    /// such as `Account`.
    pub fn reference(&self, relationship: &str) -> Option<&FieldDescription> {
        let is_it = |name: &str| name.eq_ignore_ascii_case(relationship);
        self.fields.iter().find(|field| field.relationship.as_deref().is_some_and(is_it))
    }
}

impl FieldDescription {
    /// Returns the object whose fields a path through this reference reads. Where it
    /// may be one of several, such as a user or a queue, the user has the fields.
    pub fn parent(&self) -> Option<&str> {
        let user = self.references.iter().find(|name| *name == "User");
        user.or(self.references.first()).map(String::as_str)
    }
}

impl FieldType {
    /// Tells whether values are texts with a length.
    pub fn is_text(&self) -> bool {
        matches!(
            self,
            Self::String
                | Self::TextArea
                | Self::Picklist
                | Self::MultiPicklist
                | Self::Combobox
                | Self::Email
                | Self::Phone
                | Self::Url
                | Self::EncryptedString
        )
    }
}

impl Salesforce {
    /// Describes an object as the connected user sees it; 100 to 250 KB on the
    /// wire before they are packed. None, where the user doesn't see the object.
    pub async fn describe(&self, object: &str) -> Result<Option<Description>> {
        let object: FieldName = object.parse()?;
        let call = Call::new(Method::GET, self.path(&format!("sobjects/{object}/describe")));
        match self.read(&call, super::json_of).await {
            Ok(description) => Ok(Some(description)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Reads a list that may be null.
fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    json: D,
) -> std::result::Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(json)?.unwrap_or_default())
}
