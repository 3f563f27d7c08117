//! Entities: records as the platform holds them.

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::{Fields, Kind, Object, SalesforceId, Value};

/// A record as the platform holds it: what its mapping made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// The object it comes from.
    pub object: Object,
    /// The record it comes from.
    pub id: SalesforceId,
    /// What it is on the platform.
    pub kind: Kind,
    /// Its columns, in the order of the mapping's spec.
    pub fields: Fields,
    /// `SystemModstamp` of the record.
    pub modified_at: Timestamp,
}

impl Entity {
    /// Returns it for a machine: its columns by name, `custom.` ones in an object of their
    /// own.
    pub fn to_json(&self) -> Json {
        let mut json = Map::new();
        json.insert("object".to_owned(), json!(self.object));
        json.insert("id".to_owned(), json!(self.id));
        json.insert("kind".to_owned(), json!(self.kind.as_str()));
        json.insert("modified_at".to_owned(), json!(self.modified_at));
        let mut custom = Map::new();
        for (name, value) in &self.fields {
            match name.strip_prefix("custom.") {
                Some(name) => custom.insert(name.to_owned(), value.to_json()),
                None => json.insert(name.clone(), value.to_json()),
            };
        }
        json.insert("custom".to_owned(), Json::Object(custom));
        Json::Object(json)
    }

    /// Returns a column's value; no value where there is no such column.
    pub fn get(&self, column: &str) -> &Value {
        let field = self.fields.iter().find(|(name, _)| name == column);
        field.map_or(&Value::Null, |(_, value)| value)
    }

    /// Returns a column's text.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.get(column).text()
    }

    /// Tells whether a column is true.
    pub fn is(&self, column: &str) -> bool {
        *self.get(column) == Value::Boolean(true)
    }
}
