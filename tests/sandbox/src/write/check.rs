//! Rules that look at the whole record or at other records.

use crate::ids::Id;
use crate::org::{Org, Row, Slot, Table};
use crate::refusal::Refusal;
use crate::schema::{Field, Kind, ObjectIndex};

/// Refuses a record that lacks a field which can't be empty.
pub(super) fn required(table: &Table, row: &Row) -> Result<(), Refusal> {
    let missing: Vec<String> = table
        .object
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, field)| {
            let enforced = field.is_required() || field.updateable && !field.nillable;
            enforced && field.kind != Kind::Boolean
        })
        .filter(|(index, _)| row.get(*index).is_null())
        .map(|(_, field)| field.name.to_string())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("Required fields are missing: [{}]", missing.join(", "));
    Err(Refusal::new("REQUIRED_FIELD_MISSING", message).with_fields(missing))
}

/// Refuses references that lead nowhere. Those that were there before stay.
pub(super) fn references(
    org: &Org,
    object: ObjectIndex,
    row: &Row,
    before: &Row,
) -> Result<(), Refusal> {
    let table = org.table(object);
    for (index, field) in table.object.fields().iter().enumerate() {
        if field.kind != Kind::Reference || row.get(index) == before.get(index) {
            continue;
        }
        if let Some(id) = row.get(index).as_id() {
            reference(org, field, id)?;
        }
    }
    if matches!(table.object.name, "Task" | "Event") {
        let id = |name| table.object.index_of(name).and_then(|index| row.get(index).as_id());
        if let (Some(who), Some(_)) = (id("WhoId"), id("WhatId"))
            && who.prefix() == org.named("Lead").object.prefix
        {
            let message = "Related To ID: a lead can not be related to another record";
            return Err(Refusal::new("FIELD_INTEGRITY_EXCEPTION", message).with_fields(["WhatId"]));
        }
    }
    Ok(())
}

fn reference(org: &Org, field: &Field, id: Id) -> Result<(), Refusal> {
    let refuse =
        |code, message: String| Err(Refusal::new(code, message).with_fields([&*field.name]));
    let table = org.tables().iter().find(|table| table.object.prefix == id.prefix());
    let fits =
        table.is_some_and(|table| field.refers_to.iter().any(|to| **to == *table.object.name));
    let (Some(table), true) = (table, fits) else {
        let code = match field.is_polymorphic() {
            true => "INVALID_CROSS_REFERENCE_TYPE_FOR_FIELD",
            false => "MALFORMED_ID",
        };
        return refuse(code, format!("{}: id value of incorrect type: {id}", field.label));
    };
    let Some(slot) = table.slot_of(id) else {
        return refuse("INVALID_CROSS_REFERENCE_KEY", format!("invalid cross reference id: {id}"));
    };
    if table.is_deleted(slot) {
        return refuse("ENTITY_IS_DELETED", "entity is deleted".to_owned());
    }
    if table.object.name == "User" && !table.named(slot, "IsActive").is_true() {
        let message = "operation performed with inactive user".to_owned();
        return refuse("INACTIVE_OWNER_OR_USER", message);
    }
    if table.object.name == "Lead" && table.named(slot, "IsConverted").is_true() {
        let message = "cannot reference converted lead".to_owned();
        return refuse("CANNOT_UPDATE_CONVERTED_LEAD", message);
    }
    Ok(())
}

/// Refuses a second record with the value of a unique field.
pub(super) fn uniqueness(
    org: &Org,
    object: ObjectIndex,
    row: &Row,
    own: Option<Slot>,
) -> Result<(), Refusal> {
    let table = org.table(object);
    for (index, field) in table.object.fields().iter().enumerate() {
        if !field.unique {
            continue;
        }
        let other = table
            .find(index, row.get(index))
            .iter()
            .find(|slot| Some(**slot) != own && !table.is_deleted(**slot));
        if let Some(other) = other {
            let message = format!(
                "duplicate value found: {} duplicates value on record with id: {}",
                field.name,
                table.id_of(*other).short()
            );
            return Err(Refusal::new("DUPLICATE_VALUE", message).with_fields([&*field.name]));
        }
    }
    Ok(())
}
