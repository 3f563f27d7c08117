//! A case made of a record that is stored, with what is personal in it made unreadable.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};
use tokio::task::block_in_place;

use super::mappings::io;
use super::{Failed, World};
use crate::model::{Connection, FieldPath, Object, SalesforceId, Value};
use crate::plugin::{Brought, cases};
use crate::salesforce::{Description, FieldType};

/// The folder of the cases, in that of the mappings.
const CASES: &str = "cases";

/// A record of an org, such as `Contact/003xx000004TmiQAAS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The object.
    pub object: Object,
    /// The record.
    pub id: SalesforceId,
}

impl std::str::FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (object, id) = text
            .split_once('/')
            .ok_or_else(|| "name object and id, as Contact/003xx000004TmiQAAS".to_owned())?;
        let id = id.parse().map_err(|error| format!("{error}"))?;
        Ok(Self { object: object.parse()?, id })
    }
}

impl World {
    /// Returns where the cases of an object are that its mapping is judged by at a browser.
    pub fn cases(&self, object: Object) -> PathBuf {
        self.mappings().join(CASES).join(object.file_name())
    }

    /// Makes a case of a stored record in a folder, which gives what the mapping gives now;
    /// returns its file.
    pub async fn make_case(
        &self,
        connection: &Connection,
        Named { object, id }: &Named,
        brought: &Brought,
        folder: &Path,
    ) -> Result<PathBuf, Failed> {
        let store = self.store.org(&connection.org)?;
        let source = store.source(*object, id)?.ok_or_else(|| {
            Failed::new(format!("{object} {id} is not stored"))
                .hint("Run `efficlose records list` to see those that are.")
        })?;
        let library = self.library()?;
        let mapping = block_in_place(|| library.mapping_of(Some(brought), *object, Vec::new()))?;
        let org = self.describe(connection, *object).await?;
        let stored = |path: &FieldPath| {
            let found = source.iter().find(|(name, _)| name == path.as_str());
            found.map(|(name, value)| (name.clone(), masked(value, path.as_str(), &org).to_json()))
        };
        let reads = mapping.spec().reads.iter();
        let record: Map<String, Json> = reads.filter_map(|need| stored(&need.path)).collect();
        let place = folder.join(format!("{}-{id}.json", object.file_name()));
        std::fs::create_dir_all(folder).map_err(|cause| io(folder, &cause))?;
        if place.exists() {
            return Err(Failed::new(format!("there is a case of {object} {id} already"))
                .hint(format!("Edit {}, or remove it first.", place.display())));
        }
        // Whole or not at all: half a case would be one that doesn't hold.
        let new = tempfile::NamedTempFile::new_in(folder).map_err(|cause| io(folder, &cause))?;
        let case = json!({ "record": record, "gives": {} });
        let pretty = serde_json::to_string_pretty(&case).unwrap_or_default() + "\n";
        std::fs::write(new.path(), pretty).map_err(|cause| io(&place, &cause))?;
        let judge = || cases::judge_one(&library, brought, *object, new.path().to_owned());
        block_in_place(judge).and_then(|judged| judged.bless()).map_err(Failed::new)?;
        new.persist(&place).map_err(|error| io(&place, &error.error))?;
        Ok(place)
    }
}

/// Makes a value unreadable where it may tell of a person: letters become `x`, digits
/// `0`, and its shape stays, so that a mapping does with it what it did. Choices, ids,
/// truths, numbers and times stay; a day of birth does not. A parent's field is text
/// until something else is known of it.
fn masked(value: &Value, path: &str, org: &Description) -> Value {
    let Value::Text(text) = value else { return value.clone() };
    let field = org.field(path);
    let is_open = field.is_some_and(|field| match field.kind {
        FieldType::Id
        | FieldType::Reference
        | FieldType::Picklist
        | FieldType::MultiPicklist
        | FieldType::DateTime
        | FieldType::Time => true,
        FieldType::Date => !field.name.to_lowercase().contains("birth"),
        _ => false,
    });
    if is_open {
        return value.clone();
    }
    if field.is_some_and(|field| field.kind == FieldType::Date) {
        return Value::from("1970-01-01");
    }
    let letter = |letter: char| match letter {
        digit if digit.is_numeric() => '0',
        capital if capital.is_uppercase() => 'X',
        small if small.is_alphabetic() => 'x',
        other => other,
    };
    Value::Text(text.chars().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org() -> Description {
        let field = |name: &str, kind: &str| json!({ "name": name, "label": name, "type": kind });
        let fields = [
            field("Email", "email"),
            field("Birthdate", "date"),
            field("LastActivityDate", "date"),
            field("LeadSource", "picklist"),
            field("OwnerId", "reference"),
        ];
        let what = json!({
            "name": "Contact", "label": "Contact", "createable": true, "updateable": true,
            "queryable": true, "fields": fields,
        });
        serde_json::from_value(what).unwrap()
    }

    #[test]
    fn what_is_personal_keeps_its_shape_alone() {
        for (path, value, kept) in [
            ("Email", "Ada.Marlow7@Acme.example", "Xxx.Xxxxxx0@Xxxx.xxxxxxx"),
            ("Account.Name", "Müller & Söhne 4", "Xxxxxx & Xxxxx 0"),
            ("Birthdate", "1980-02-03", "1970-01-01"),
            ("LastActivityDate", "2026-02-03", "2026-02-03"),
            ("LeadSource", "Web", "Web"),
            ("OwnerId", "005xx000001SvogAAC", "005xx000001SvogAAC"),
            ("Nowhere__c", "Ada", "Xxx"),
        ] {
            assert_eq!(masked(&Value::from(value), path, &org()), Value::from(kept), "{path}");
        }
        assert_eq!(masked(&Value::Integer(7), "Email", &org()), Value::Integer(7));
    }
}
