//! Creating, changing and deleting records: the rules every door goes through.

use std::cell::Cell as Counter;

use serde_json::{Map, Value as Json};

use crate::ids::Id;
use crate::org::{Org, Row, Slot};
use crate::refusal::Refusal;
use crate::rules;
use crate::schema::{FieldIndex, ID_FIELD, ObjectIndex, deletes_with_parent};
use crate::value::{Cell, Value};

mod accept;
mod approval;
mod check;
mod convert;
mod derive;
mod merge;
mod relations;

pub(crate) use approval::{approve, submit};
pub(crate) use convert::{Conversion, convert_lead};
pub(crate) use derive::stamp;
pub(crate) use merge::merge;
pub(crate) use relations::share_activities;

/// Who writes, and when.
#[derive(Debug)]
pub(crate) struct Writer {
    /// The user of the session.
    pub(crate) user: Id,
    /// The time in seconds.
    pub(crate) now: i64,
    /// How many of the next rows find their row locked by someone else.
    pub(crate) locks: Counter<u32>,
    /// What is said of those rows instead of that they are locked.
    pub(crate) refusal: Option<Refusal>,
    /// Whether the client saves in spite of duplicates.
    pub(crate) insists: bool,
}

impl Writer {
    /// Returns a writer whom nothing hinders.
    pub(crate) fn new(user: Id, now: i64) -> Self {
        Self { user, now, locks: Counter::new(0), refusal: None, insists: false }
    }
}

/// What an upsert did.
#[derive(Debug, PartialEq)]
pub(crate) enum Upserted {
    /// No record had the key.
    Created(Id),
    /// One record had it.
    Updated(Id),
    /// Several had it, and nothing was written.
    Several(Vec<Id>),
}

/// The fields of a record as a client sent them.
pub(crate) type Body = Map<String, Json>;

/// What is to be stored: fields with their values, or none to clear them.
type Changes = Vec<(FieldIndex, Option<Value>)>;

/// Whether a record is being made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Create,
    Update,
}

/// Creates a record.
///
/// # Errors
///
/// Says which rule the body breaks; nothing is written then.
pub(crate) fn insert(
    org: &mut Org,
    writer: &Writer,
    object: ObjectIndex,
    body: &Body,
) -> Result<Id, Refusal> {
    let table = org.table(object);
    if !table.object.abilities().createable {
        return Err(unsupported(table.object.name, "inserted"));
    }
    if body.keys().any(|key| key.eq_ignore_ascii_case("id")) {
        let message = "cannot specify Id in an insert call";
        return Err(Refusal::new("INVALID_FIELD", message).with_fields(["Id"]));
    }
    let changes = accept::accept(org, object, body, Purpose::Create)?;
    take_lock(writer)?;
    insert_accepted(org, writer, object, changes)
}

fn insert_accepted(
    org: &mut Org,
    writer: &Writer,
    object: ObjectIndex,
    changes: Changes,
) -> Result<Id, Refusal> {
    let mut row = Row::default();
    derive::set_defaults(org.table(object), &mut row, writer);
    let changed: Vec<FieldIndex> = changes.iter().map(|(field, _)| *field).collect();
    for (field, value) in changes {
        row.set(field, value);
    }
    check::required(org.table(object), &row)?;
    derive::derive(org, object, &mut row, &Row::default(), &changed, writer)?;
    check::references(org, object, &row, &Row::default())?;
    check::uniqueness(org, object, &row, None)?;
    relations::check(org, object, &row)?;
    rules::validate(org, writer, object, &row)?;
    rules::find_duplicates(org, object, (&row, &Row::default()), None, writer)?;
    let slot = org.insert(object, row);
    let id = org.table(object).id_of(slot);
    derive::after_insert(org, writer, object, slot)?;
    relations::follow(org, writer, object, slot, &Row::default());
    relations::added(org, object, slot);
    Ok(id)
}

/// Stores a record of a new org: defaults and derived fields are set, rules for
/// clients don't apply.
pub(crate) fn plant(
    org: &mut Org,
    writer: &Writer,
    object: ObjectIndex,
    values: Vec<(&str, Value)>,
) -> Id {
    let mut row = Row::default();
    let table = org.table(object);
    derive::set_defaults(table, &mut row, writer);
    let mut changed = Vec::with_capacity(values.len());
    for (name, value) in values {
        table.seed(&mut row, name, Some(value));
        changed.extend(table.object.index_of(name));
    }
    // Only an event without a time is refused, and the seed makes none.
    let _ = derive::derive(org, object, &mut row, &Row::default(), &changed, writer);
    let slot = org.table_mut(object).add(row);
    org.table(object).id_of(slot)
}

/// Changes a record.
///
/// # Errors
///
/// Says which rule the body breaks, or that the record is gone; nothing is
/// written then.
pub(crate) fn update(
    org: &mut Org,
    writer: &Writer,
    object: ObjectIndex,
    id: Id,
    body: &Body,
) -> Result<(), Refusal> {
    let slot = live_slot(org, object, id)?;
    let table = org.table(object);
    if !table.object.abilities().updateable {
        return Err(unsupported(table.object.name, "updated"));
    }
    let changes = accept::accept(org, object, body, Purpose::Update)?;
    approval::refuse_locked(org, id)?;
    take_lock(writer)?;
    let table = org.table(object);
    if table.object.name == "Lead" && table.named(slot, "IsConverted").is_true() {
        let message = "cannot reference converted lead";
        return Err(Refusal::new("CANNOT_UPDATE_CONVERTED_LEAD", message));
    }
    let before = table.row(slot).cloned().unwrap_or_default();
    let mut row = before.clone();
    let changed: Vec<FieldIndex> = changes.iter().map(|(field, _)| *field).collect();
    for (field, value) in changes {
        row.set(field, value);
    }
    check::required(table, &row)?;
    derive::derive(org, object, &mut row, &before, &changed, writer)?;
    check::references(org, object, &row, &before)?;
    check::uniqueness(org, object, &row, Some(slot))?;
    rules::validate(org, writer, object, &row)?;
    rules::find_duplicates(org, object, (&row, &before), Some(slot), writer)?;
    stamp(org.table(object), &mut row, writer.user, writer.now);
    org.replace(object, slot, Some(row));
    relations::follow(org, writer, object, slot, &before);
    Ok(())
}

/// Moves a record to the recycle bin, with those that hang on it.
///
/// # Errors
///
/// Says that the record is gone already or can't be deleted.
pub(crate) fn delete(
    org: &mut Org,
    writer: &Writer,
    object: ObjectIndex,
    id: Id,
) -> Result<(), Refusal> {
    let slot = live_slot(org, object, id)?;
    if !org.table(object).object.abilities().deletable {
        return Err(unsupported(org.table(object).object.name, "deleted"));
    }
    approval::refuse_locked(org, id)?;
    take_lock(writer)?;
    match relations::is_relation(org, object) {
        true => relations::remove(org, writer, object, slot),
        false => bury(org, writer, object, slot),
    }
    Ok(())
}

fn bury(org: &mut Org, writer: &Writer, object: ObjectIndex, slot: Slot) {
    let id = org.table(object).id_of(slot);
    let mut children = Vec::new();
    for (child, table) in org.tables().iter().enumerate() {
        for (index, field) in table.object.fields().iter().enumerate() {
            if deletes_with_parent(&table.object, field) {
                let slots = table.find(index, Cell::Id(id));
                children.extend(slots.iter().map(|slot| (child, *slot)));
            }
        }
    }
    set_deleted(org, writer, object, slot, true);
    for (child, slot) in children {
        if !org.table(child).is_deleted(slot) {
            bury(org, writer, child, slot);
        }
    }
}

/// Takes a record out of the recycle bin.
///
/// # Errors
///
/// Says that the record isn't there.
pub(crate) fn undelete(org: &mut Org, writer: &Writer, id: Id) -> Result<(), Refusal> {
    let (object, slot) = org.locate(id).ok_or_else(Refusal::not_found)?;
    if !org.table(object).is_deleted(slot) {
        let message = "entity is not in the recycle bin";
        return Err(Refusal::new("UNDELETE_FAILED", message));
    }
    set_deleted(org, writer, object, slot, false);
    for (relations, slot) in relations::gone_with(org, object, id) {
        set_deleted(org, writer, relations, slot, false);
    }
    Ok(())
}

fn set_deleted(org: &mut Org, writer: &Writer, object: ObjectIndex, slot: Slot, deleted: bool) {
    let table = org.table(object);
    let Some(mut row) = table.row(slot).cloned() else {
        return;
    };
    if let Some(field) = table.object.index_of("IsDeleted") {
        row.set(field, Some(Value::Bool(deleted)));
    }
    if let Some(field) = table.modstamp_field() {
        row.set(field, Some(Value::Moment(writer.now)));
    }
    org.replace(object, slot, Some(row));
}

/// Creates or changes the record whose key field holds `key`.
///
/// # Errors
///
/// As [`insert`] and [`update`], and when the body repeats the key field.
pub(crate) fn upsert(
    org: &mut Org,
    writer: &Writer,
    object: ObjectIndex,
    (field, key): (FieldIndex, &str),
    body: &Body,
) -> Result<Upserted, Refusal> {
    let found = find_by_key(org, object, field, key);
    match found[..] {
        [] => {
            if field == ID_FIELD {
                return Err(Refusal::not_found());
            }
            let table = org.table(object);
            if !table.object.abilities().createable {
                return Err(unsupported(table.object.name, "inserted"));
            }
            let name = table.object.field(field).name.to_string();
            let mut body = body.clone();
            body.insert(name, Json::String(key.to_owned()));
            insert(org, writer, object, &body).map(Upserted::Created)
        }
        [id] => update(org, writer, object, id, body).map(|()| Upserted::Updated(id)),
        _ => Ok(Upserted::Several(found)),
    }
}

/// Returns the records whose key field holds `key`, without the deleted ones.
pub(crate) fn find_by_key(org: &Org, object: ObjectIndex, field: FieldIndex, key: &str) -> Vec<Id> {
    let table = org.table(object);
    if field == ID_FIELD {
        let slot = Id::parse(key).and_then(|id| table.slot_of(id));
        let live = slot.filter(|slot| !table.is_deleted(*slot));
        return live.map(|slot| table.id_of(slot)).into_iter().collect();
    }
    table
        .find(field, Cell::Text(key))
        .iter()
        .filter(|slot| !table.is_deleted(**slot))
        .map(|slot| table.id_of(*slot))
        .collect()
}

/// Returns the field usable as a key under this name.
///
/// # Errors
///
/// Says that there is no such key; a hidden field reads the same.
pub(crate) fn key_field(org: &Org, object: ObjectIndex, name: &str) -> Result<FieldIndex, Refusal> {
    let schema = &org.table(object).object;
    schema
        .find(name)
        .filter(|index| {
            let field = schema.field(*index);
            field.external_id || field.id_lookup
        })
        .ok_or_else(|| {
            let message =
                format!("Provided external ID field does not exist or is not accessible: {name}");
            Refusal::new("NOT_FOUND", message).with_status(404)
        })
}

/// Returns the slot of a record that is there and not deleted.
///
/// # Errors
///
/// Says that it is unknown, or in the recycle bin.
pub(crate) fn live_slot(org: &Org, object: ObjectIndex, id: Id) -> Result<Slot, Refusal> {
    let table = org.table(object);
    let slot = table.slot_of(id).ok_or_else(Refusal::not_found)?;
    if table.is_deleted(slot) {
        return Err(Refusal::is_deleted());
    }
    Ok(slot)
}

fn take_lock(writer: &Writer) -> Result<(), Refusal> {
    match writer.locks.get() {
        0 => Ok(()),
        left => {
            writer.locks.set(left - 1);
            if let Some(refusal) = &writer.refusal {
                return Err(refusal.clone());
            }
            let message = "unable to obtain exclusive access to this record or 1 records";
            Err(Refusal::new("UNABLE_TO_LOCK_ROW", message))
        }
    }
}

fn unsupported(object: &str, done: &str) -> Refusal {
    let message = format!("entity type cannot be {done}: {object}");
    Refusal::new("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)
}

#[cfg(test)]
mod tests;
