//! A case made of a record that is stored, with what is personal in it made unreadable.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::super::mapping::io;
use super::super::output::Failed;
use crate::model::{FieldPath, Fields, Object, SalesforceId, Value};
use crate::salesforce::{Description, FieldType};

/// A record of an org, such as `Contact/003xx000004TmiQAAS`.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) object: Object,
    pub(super) id: SalesforceId,
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

/// Writes a case of what a mapping reads of a record, and returns its file. What it gives
/// is for a person to write, or `--bless`.
pub(super) fn save(
    folder: &Path,
    named: &Named,
    source: &Fields,
    reads: impl Iterator<Item = FieldPath>,
    org: &Description,
) -> Result<PathBuf, Failed> {
    let stored = |path: &FieldPath| {
        let found = source.iter().find(|(name, _)| name == path.as_str());
        found.map(|(name, value)| (name.clone(), masked(value, path.as_str(), org).to_json()))
    };
    let record: Map<String, Json> = reads.filter_map(|path| stored(&path)).collect();
    let case = json!({ "record": record, "gives": {} });
    let name = format!("{}-{}.json", named.object.file_name(), named.id);
    let place = folder.join(name);
    std::fs::create_dir_all(folder).map_err(|cause| io(folder, &cause))?;
    let pretty = serde_json::to_string_pretty(&case).unwrap_or_default() + "\n";
    std::fs::write(&place, pretty).map_err(|cause| io(&place, &cause))?;
    Ok(place)
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
