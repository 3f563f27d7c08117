//! What an org is besides what every org has, as a TOML file describes it.

use serde::Deserialize;

use crate::ids::Id;
use crate::org::Org;
use crate::rules::{DuplicateRule, ValidationRule};
use crate::schema::{CustomField, CustomObject};
use crate::value::Value;
use crate::write::{Writer, plant};

/// What to add to a new org: objects, then fields, then what limits them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Description {
    /// Custom objects.
    pub objects: Vec<CustomObject>,
    /// Custom fields, of custom objects too.
    pub fields: Vec<CustomField>,
    /// Objects that the callers may not see or write.
    pub object_security: Vec<ObjectSecurity>,
    /// Fields that the callers may not see or write.
    pub field_security: Vec<FieldSecurity>,
    /// Rules that refuse values.
    pub validation_rules: Vec<ValidationRule>,
    /// Rules that refuse doubles.
    pub duplicate_rules: Vec<DuplicateRule>,
    /// People.
    pub users: Vec<Person>,
}

/// What the callers may do with an object.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectSecurity {
    /// The object.
    pub object: String,
    /// Whether they see it.
    #[serde(default = "yes")]
    pub visible: bool,
    /// Whether they can only read its records.
    #[serde(default)]
    pub read_only: bool,
}

/// What the callers may do with a field.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldSecurity {
    /// The object.
    pub object: String,
    /// The field.
    pub field: String,
    /// Whether they see it.
    #[serde(default = "yes")]
    pub visible: bool,
    /// Whether they can only read it.
    #[serde(default)]
    pub read_only: bool,
}

/// A user of the org.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Person {
    /// The name they log in with.
    pub username: String,
    /// Their address; the username when absent.
    #[serde(default)]
    pub email: Option<String>,
    /// Their first name.
    #[serde(default)]
    pub first_name: Option<String>,
    /// Their last name.
    pub last_name: String,
    /// Whether they can own records and log in.
    #[serde(default = "yes")]
    pub active: bool,
}

fn yes() -> bool {
    true
}

impl Description {
    /// Reads a description.
    ///
    /// # Errors
    ///
    /// Says where it is not TOML or not a description.
    pub fn read(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Adds all of it to an org.
    pub(crate) fn apply(&self, org: &mut Org, admin: Id, now: i64) -> Result<(), String> {
        for object in &self.objects {
            org.add_object(object, now)?;
        }
        for field in &self.fields {
            org.add_field(field, now)?;
        }
        for security in &self.object_security {
            secure_object(org, security, now)?;
        }
        for security in &self.field_security {
            secure(org, security)?;
        }
        for rule in &self.validation_rules {
            org.add_validation_rule(rule.clone(), now)?;
        }
        for rule in &self.duplicate_rules {
            org.add_duplicate_rule(rule.clone(), now)?;
        }
        for person in &self.users {
            employ(org, person, admin, now);
        }
        Ok(())
    }
}

/// Lets the callers do with an object what `security` says and nothing more.
pub(crate) fn secure_object(
    org: &mut Org,
    security: &ObjectSecurity,
    now: i64,
) -> Result<(), String> {
    let ObjectSecurity { object, visible, read_only } = security;
    let index = org.find_object(object).ok_or_else(|| format!("no object {object}"))?;
    let schema = &mut org.table_mut(index).object;
    schema.visible = *visible;
    schema.read_only = *read_only;
    schema.changed_at = now;
    Ok(())
}

fn secure(org: &mut Org, security: &FieldSecurity) -> Result<(), String> {
    let FieldSecurity { object, field, visible, read_only } = security;
    let index = org.find_object(object).ok_or_else(|| format!("no object {object}"))?;
    let schema = &mut org.table_mut(index).object;
    let place = schema.index_of(field).ok_or_else(|| format!("{object} has no field {field}"))?;
    let field = schema.field_mut(place);
    field.visible = *visible;
    field.createable &= !read_only;
    field.updateable &= !read_only;
    Ok(())
}

fn employ(org: &mut Org, person: &Person, admin: Id, now: i64) {
    let Some(users) = org.find_object("User") else {
        return;
    };
    let writer = Writer::new(admin, now);
    let alias: String = person.username.chars().take(8).collect();
    let values = [
        ("FirstName", person.first_name.clone().and_then(Value::text)),
        ("LastName", Value::text(person.last_name.as_str())),
        ("Username", Value::text(person.username.as_str())),
        ("Email", Value::text(person.email.as_ref().unwrap_or(&person.username).as_str())),
        ("Alias", Value::text(alias)),
        ("IsActive", Some(Value::Bool(person.active))),
        ("UserType", Value::text("Standard")),
        ("ProfileId", Some(Value::Id(org.named("Profile").id_of(1)))),
        ("TimeZoneSidKey", Value::text("GMT")),
        ("LocaleSidKey", Value::text("en_US")),
        ("LanguageLocaleKey", Value::text("en_US")),
        ("EmailEncodingKey", Value::text("UTF-8")),
    ];
    let filled = values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    plant(org, &writer, users, filled);
}
