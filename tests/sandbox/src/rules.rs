//! What an org's admins refuse beyond the schema: validation and duplicate rules.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::org::{Org, Row, Slot, Table};
use crate::refusal::Refusal;
use crate::schema::ObjectIndex;
use crate::value::{Cell, Value, folded};
use crate::write::{Writer, plant};

/// A rule that refuses records which hold certain values.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidationRule {
    /// The object it is for.
    pub object: String,
    /// Fields with the values they must all hold for the rule to matter, written
    /// as text; empty text stands for an empty field.
    #[serde(default)]
    pub when: BTreeMap<String, String>,
    /// The field that must be filled then. Without it such a record is refused
    /// whatever else it holds.
    #[serde(default)]
    pub require: Option<String>,
    /// What the person reads.
    pub message: String,
    /// The field the message stands at.
    #[serde(default)]
    pub field: Option<String>,
    /// The profile whose users it is for; everyone's when absent.
    #[serde(default)]
    pub profile: Option<String>,
}

/// A rule that refuses records which look like others of their object.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DuplicateRule {
    /// The object it is for.
    pub object: String,
    /// What it is called.
    pub name: String,
    /// The fields that must all be filled and the same.
    pub fields: Vec<String>,
    /// The profile whose users it is for; everyone's when absent.
    #[serde(default)]
    pub profile: Option<String>,
    /// What the person reads.
    #[serde(default = "usual_question")]
    pub message: String,
    /// Whether a client that insists may save all the same.
    #[serde(default = "yes")]
    pub allow_save: bool,
    /// How the answer spells the key with the details: `duplicateResut`, as
    /// Salesforce often does, or `duplicateResult`.
    #[serde(default = "usual_key")]
    pub key: String,
}

fn usual_question() -> String {
    "Use one of these records?".to_owned()
}

fn usual_key() -> String {
    "duplicateResut".to_owned()
}

fn yes() -> bool {
    true
}

/// All rules of an org.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    validation: Vec<(ObjectIndex, ValidationRule)>,
    duplicates: Vec<(ObjectIndex, DuplicateRule)>,
}

impl Org {
    /// Adds a validation rule, which can be queried from then on.
    ///
    /// # Errors
    ///
    /// Says which object or field there isn't.
    pub(crate) fn add_validation_rule(
        &mut self,
        rule: ValidationRule,
        now: i64,
    ) -> Result<(), String> {
        let named = rule.when.keys().chain(&rule.require).chain(&rule.field);
        let object = self.check_names(&rule.object, named)?;
        let name = format!("Rule_{}", self.rules.validation.len() + 1);
        let values = [
            ("ValidationName", Value::text(name)),
            ("EntityDefinitionId", Value::text(rule.object.as_str())),
            ("Active", Some(Value::Bool(true))),
            ("ErrorDisplayField", rule.field.as_deref().and_then(Value::text)),
            ("ErrorMessage", Value::text(rule.message.as_str())),
        ];
        self.tell_of_rule("ValidationRule", values, now)?;
        self.rules.validation.push((object, rule));
        Ok(())
    }

    /// Adds a duplicate rule, which can be queried from then on.
    ///
    /// # Errors
    ///
    /// Says which object or field there isn't.
    pub(crate) fn add_duplicate_rule(
        &mut self,
        rule: DuplicateRule,
        now: i64,
    ) -> Result<(), String> {
        if rule.fields.is_empty() {
            return Err(format!("the duplicate rule {} names no field", rule.name));
        }
        let object = self.check_names(&rule.object, rule.fields.iter())?;
        let values = [
            ("DeveloperName", Value::text(rule.name.as_str())),
            ("MasterLabel", Value::text(rule.name.replace('_', " "))),
            ("SobjectType", Value::text(rule.object.as_str())),
            ("IsActive", Some(Value::Bool(true))),
        ];
        self.tell_of_rule("DuplicateRule", values, now)?;
        self.rules.duplicates.push((object, rule));
        Ok(())
    }

    /// Makes a record of a rule, by which clients learn of it.
    fn tell_of_rule<const N: usize>(
        &mut self,
        object: &str,
        values: [(&str, Option<Value>); N],
        now: i64,
    ) -> Result<(), String> {
        let object = self.find_object(object).ok_or_else(|| format!("no object {object}"))?;
        let writer = Writer::new(self.named("User").id_of(0), now);
        let filled = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
        plant(self, &writer, object, filled.collect());
        Ok(())
    }

    fn check_names<'a>(
        &self,
        object: &str,
        fields: impl Iterator<Item = &'a String>,
    ) -> Result<ObjectIndex, String> {
        let index = self.find_object(object).ok_or_else(|| format!("no object {object}"))?;
        let schema = &self.table(index).object;
        for field in fields {
            schema.index_of(field).ok_or_else(|| format!("{object} has no field {field}"))?;
        }
        Ok(index)
    }
}

/// Refuses a record that a validation rule forbids.
pub(crate) fn validate(
    org: &Org,
    writer: &Writer,
    object: ObjectIndex,
    row: &Row,
) -> Result<(), Refusal> {
    let table = org.table(object);
    let own = org.rules.validation.iter().filter(|(known, _)| *known == object);
    let own = own.filter(|(_, rule)| is_for(org, writer, rule.profile.as_deref()));
    for (_, rule) in own {
        let matters = rule
            .when
            .iter()
            .all(|(field, value)| folded(&text(table, row, field)) == folded(value));
        let filled = rule.require.as_ref().is_some_and(|field| !text(table, row, field).is_empty());
        if matters && !filled {
            let code = "FIELD_CUSTOM_VALIDATION_EXCEPTION";
            return Err(Refusal::new(code, rule.message.as_str()).with_fields(&rule.field));
        }
    }
    Ok(())
}

/// Refuses a record that looks like another one, unless the client insists and
/// may.
pub(crate) fn find_duplicates(
    org: &Org,
    object: ObjectIndex,
    (row, before): (&Row, &Row),
    own_slot: Option<Slot>,
    writer: &Writer,
) -> Result<(), Refusal> {
    let table = org.table(object);
    let own = org.rules.duplicates.iter().filter(|(known, _)| *known == object);
    let own = own.filter(|(_, rule)| is_for(org, writer, rule.profile.as_deref()));
    for (_, rule) in own {
        let key = |row: &Row| -> Vec<String> {
            rule.fields.iter().map(|field| folded(&text(table, row, field))).collect()
        };
        let wanted = key(row);
        if rule.allow_save && writer.insists
            || wanted.contains(&String::new())
            || wanted == key(before)
        {
            continue;
        }
        let same = |slot: &Slot| {
            Some(*slot) != own_slot
                && table.is_live(*slot)
                && table.row(*slot).is_some_and(|row| key(row) == wanted)
        };
        let indexed =
            table.object.index_of(&rule.fields[0]).filter(|field| table.has_index(*field));
        let matches: Vec<Slot> = match indexed {
            Some(field) => table.find(field, row.get(field)).iter().copied().filter(same).collect(),
            None => (0..table.slots()).filter(same).collect(),
        };
        if !matches.is_empty() {
            return Err(detected(table, rule, &matches));
        }
    }
    Ok(())
}

/// Tells whether a rule for a profile is for this writer.
fn is_for(org: &Org, writer: &Writer, profile: Option<&str>) -> bool {
    let Some(profile) = profile else { return true };
    let name = |id, field| {
        let (object, slot) = org.locate(id)?;
        Some(org.table(object).named(slot, field))
    };
    let own = name(writer.user, "ProfileId").and_then(|id| name(id.as_id()?, "Name"));
    own.and_then(|name| name.as_text()).is_some_and(|own| own == profile)
}

fn detected(table: &Table, rule: &DuplicateRule, matches: &[Slot]) -> Refusal {
    let object = table.object.name;
    let record = |slot: &Slot| {
        let id = table.id_of(*slot).to_string();
        json!({
            "matchConfidence": 100.0,
            "additionalInformation": [],
            "fieldDiffs": [],
            "record": {
                "attributes": {"type": object, "url": format!("/services/data/v68.0/sobjects/{object}/{id}")},
                "Id": id,
            },
        })
    };
    let records: Vec<Json> = matches.iter().map(record).collect();
    let details = json!({
        "allowSave": rule.allow_save,
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": object,
        "errorMessage": rule.message,
        "matchResults": [{
            "entityType": object,
            "matchEngine": "ExactMatchEngine",
            "rule": rule.name,
            "size": records.len(),
            "success": true,
            "errors": [],
            "matchRecords": records,
        }],
    });
    Refusal::new("DUPLICATES_DETECTED", rule.message.as_str()).with_details(&rule.key, details)
}

fn text(table: &Table, row: &Row, field: &str) -> String {
    let cell = table.object.index_of(field).map_or(Cell::Null, |field| row.get(field));
    match cell {
        Cell::Null => String::new(),
        Cell::Text(text) => text.to_owned(),
        other => {
            let mut out = Vec::new();
            other.write_json(&mut out);
            String::from_utf8_lossy(&out).trim_matches('"').to_owned()
        }
    }
}
