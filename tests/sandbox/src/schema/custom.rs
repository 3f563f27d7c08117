//! Custom fields, as an admin would add them.

use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IntoDeserializer;

use super::catalogue::RECORDS;
use super::notation::{fields, plain};
use super::{Choice, Field, Formula, Kind, Object};

/// A custom object to add to an org.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomObject {
    /// The API name, which ends in `__c`.
    pub name: String,
    /// The name people see; the API name in words when absent.
    #[serde(default)]
    pub label: Option<String>,
    /// The name people see for several; the label with an s when absent.
    #[serde(default)]
    pub label_plural: Option<String>,
}

/// What every custom object has.
const FIELDS: &str = "
Id                           | id             | ---DFSG | label Record ID; lookup
OwnerId                      | reference      | CU-DFSG | label Owner ID; to User as Owner
IsDeleted                    | boolean        | ---DFSG | label Deleted
Name                         | string 80      | CUN-FSG | name; lookup
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | label Created By ID; to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | label Last Modified By ID; to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
LastActivityDate             | date           | --N-FSG |
";

impl CustomObject {
    /// Returns it as the org's custom object of this number.
    pub(crate) fn object(&self, number: usize) -> Result<Object, String> {
        let digit = char::from_digit(u32::try_from(number).unwrap_or(u32::MAX), 36);
        let digit = digit.ok_or_else(|| "an org has at most 36 custom objects".to_owned())?;
        let words = self.name.trim_end_matches("__c").replace('_', " ");
        let label = self.label.clone().unwrap_or(words);
        let plural = self.label_plural.clone().unwrap_or_else(|| format!("{label}s"));
        // Objects are named for as long as the program runs, and are few.
        Ok(Object::new(
            self.name.clone().leak(),
            (label.leak(), plural.leak()),
            format!("a0{digit}").leak(),
            RECORDS,
            fields(FIELDS),
        ))
    }
}

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
    /// The object a lookup refers to.
    #[serde(default)]
    pub refers_to: Option<String>,
    /// What its values are worked out from: fields of the record and of its parents,
    /// constants, `+ - * / &`, comparisons, and the functions IF, ISBLANK, NOT, AND,
    /// OR, TEXT, UPPER, LOWER, LEN and BLANKVALUE.
    #[serde(default)]
    pub formula: Option<String>,
}

impl FromStr for CustomField {
    type Err = String;

    /// Reads `Contact.Score__c:number`; without a type it is a text.
    fn from_str(text: &str) -> Result<Self, String> {
        let (path, kind) = text.split_once(':').unwrap_or((text, "text"));
        let (object, name) = path
            .split_once('.')
            .ok_or_else(|| "it is not of the form Contact.Score__c:number".to_owned())?;
        let kind = CustomKind::deserialize(kind.into_deserializer());
        let kind = kind.map_err(|error: serde::de::value::Error| error.to_string())?;
        Ok(Self { kind, ..Self::new(object, name) })
    }
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
    Lookup,
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
            refers_to: None,
            formula: None,
        }
    }

    /// Returns it as a field of an object.
    ///
    /// # Errors
    ///
    /// Says that its formula can't be read.
    pub(crate) fn field(&self) -> Result<Field, String> {
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
            CustomKind::Lookup => Kind::Reference,
        };
        let long = self.kind == CustomKind::LongText;
        let mut field = plain(&self.name, kind);
        let words = self.name.trim_end_matches("__c").replace('_', " ");
        field.label = self.label.clone().unwrap_or(words).into();
        field.length = match kind {
            Kind::TextArea => self.length.unwrap_or(32_768),
            Kind::Email => 80,
            Kind::Phone => 40,
            Kind::Reference => 18,
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
        if let (Kind::Reference, Some(to)) = (kind, &self.refers_to) {
            field.refers_to = vec![to.as_str().into()];
            let relationship = self.name.trim_end_matches('c');
            field.relationship = Some(format!("{relationship}r").into());
            field.groupable = true;
        }
        field.choices = self
            .values
            .iter()
            .map(|value| Choice { value: value.as_str().into(), default: false })
            .collect();
        if let Some(formula) = &self.formula {
            field.formula = Some(Arc::new(Formula::read(formula)?));
            (field.createable, field.updateable) = (false, false);
            (field.nillable, field.defaulted) = (true, false);
        }
        Ok(field)
    }
}
