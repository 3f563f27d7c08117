//! Custom fields, as an admin would add them.

use serde::Deserialize;

use super::notation::plain;
use super::{Choice, Field, Kind};

/// A custom field to add to an object.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomField {
    /// The object that gets it.
    pub object: String,
    /// The API name, which ends in `__c`.
    pub name: String,
    /// The name people see; the API name in words when absent.
    #[serde(default)]
    pub label: Option<String>,
    /// What it holds.
    #[serde(default, rename = "type")]
    pub kind: CustomKind,
    /// The most characters it holds; 255 when absent, 32768 for long text.
    #[serde(default)]
    pub length: Option<usize>,
    /// Whether records can be upserted by it.
    #[serde(default)]
    pub external_id: bool,
    /// Whether two records may not share a value.
    #[serde(default)]
    pub unique: bool,
    /// Whether a record can't be saved without it.
    #[serde(default)]
    pub required: bool,
    /// The choices of a picklist.
    #[serde(default)]
    pub values: Vec<String>,
    /// Whether other values than the choices are refused.
    #[serde(default)]
    pub restricted: bool,
}

/// What a custom field holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "each says what it is")]
pub enum CustomKind {
    #[default]
    Text,
    LongText,
    Picklist,
    Checkbox,
    Number,
    Currency,
    Percent,
    Date,
    DateTime,
    Email,
    Phone,
    Url,
}

impl CustomField {
    /// Returns a text field of 255 characters.
    pub fn new(object: &str, name: &str) -> Self {
        Self {
            object: object.to_owned(),
            name: name.to_owned(),
            label: None,
            kind: CustomKind::Text,
            length: None,
            external_id: false,
            unique: false,
            required: false,
            values: Vec::new(),
            restricted: false,
        }
    }

    /// Returns it as a field of an object.
    pub(crate) fn field(&self) -> Field {
        let kind = match self.kind {
            CustomKind::Text => Kind::String,
            CustomKind::LongText => Kind::TextArea,
            CustomKind::Picklist => Kind::Picklist,
            CustomKind::Checkbox => Kind::Boolean,
            CustomKind::Number => Kind::Double,
            CustomKind::Currency => Kind::Currency,
            CustomKind::Percent => Kind::Percent,
            CustomKind::Date => Kind::Date,
            CustomKind::DateTime => Kind::DateTime,
            CustomKind::Email => Kind::Email,
            CustomKind::Phone => Kind::Phone,
            CustomKind::Url => Kind::Url,
        };
        let long = self.kind == CustomKind::LongText;
        let mut field = plain(&self.name, kind);
        let words = self.name.trim_end_matches("__c").replace('_', " ");
        field.label = self.label.clone().unwrap_or(words).into();
        field.length = match kind {
            Kind::TextArea => self.length.unwrap_or(32_768),
            Kind::Email => 80,
            Kind::Phone => 40,
            _ if kind.is_text() => self.length.unwrap_or(255),
            _ => 0,
        };
        if matches!(kind, Kind::Double | Kind::Currency | Kind::Percent) {
            (field.precision, field.scale) = (18, 2);
        }
        field.createable = true;
        field.updateable = true;
        field.nillable = kind != Kind::Boolean && !self.required;
        field.defaulted = kind == Kind::Boolean;
        field.filterable = !long;
        field.sortable = !long;
        field.groupable = kind.is_text() && !long || kind == Kind::Boolean || kind == Kind::Date;
        field.custom = true;
        field.permissionable = !self.required;
        field.external_id = self.external_id;
        field.unique = self.unique;
        field.id_lookup = self.external_id;
        field.restricted = self.restricted;
        field.extra = long.then(|| "plaintextarea".into());
        field.choices = self
            .values
            .iter()
            .map(|value| Choice { value: value.as_str().into(), default: false })
            .collect();
        field
    }
}
