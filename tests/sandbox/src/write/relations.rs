//! Shared activities: each person that an activity is with, and what it is about, is a record of
//! its own; those that WhoId and WhatId name are among them.

use super::{Writer, derive};
use crate::ids::Id;
use crate::org::{Org, Row, Slot};
use crate::refusal::Refusal;
use crate::schema::{FieldIndex, ObjectIndex, relation_counts, relation_objects};
use crate::value::{Cell, Value};

/// The objects that are shared: a relation's, its activity's, and the field that leads there.
const RELATIONS: [(&str, &str, &str); 2] =
    [("TaskRelation", "Task", "TaskId"), ("EventRelation", "Event", "EventId")];
/// How many people an activity can be with.
const PEOPLE_MAX: usize = 50;

/// Switches shared activities on, for good. What there is gets its relations.
///
/// # Errors
///
/// Says that they are on.
pub(crate) fn share_activities(org: &mut Org, user: Id, now: i64) -> Result<(), String> {
    if org.find_object(RELATIONS[0].0).is_some() {
        return Err("activities are shared already".to_owned());
    }
    for object in relation_objects() {
        org.add_standard(object, now);
    }
    let writer = Writer::new(user, now);
    for (_, activity, _) in RELATIONS {
        let Some(activity) = org.find_object(activity) else { continue };
        for field in relation_counts() {
            org.table_mut(activity).object.add(field);
        }
        org.table_mut(activity).object.changed_at = now;
        for slot in 0..org.table(activity).slots() {
            if org.table(activity).is_deleted(slot) {
                continue;
            }
            follow(org, &writer, activity, slot, &Row::default());
        }
    }
    org.commit();
    Ok(())
}

/// Where the relations of an activity are.
struct Place {
    /// The object of the relations.
    relations: ObjectIndex,
    /// Their field that leads to the activity.
    key: FieldIndex,
    /// The object of the activity.
    activity: ObjectIndex,
}

/// Returns where the relations are of an object that is an activity, or is one of them.
fn place(org: &Org, object: ObjectIndex) -> Option<Place> {
    let name = org.table(object).object.name;
    let (relation, activity, key) = RELATIONS
        .into_iter()
        .find(|(relation, activity, _)| [*relation, *activity].contains(&name))?;
    let relations = org.find_object(relation)?;
    let key = org.table(relations).object.index_of(key)?;
    Some(Place { relations, key, activity: org.find_object(activity)? })
}

/// Tells whether an object's records are relations.
pub(super) fn is_relation(org: &Org, object: ObjectIndex) -> bool {
    place(org, object).is_some_and(|place| place.relations == object)
}

impl Place {
    /// Returns the relations of an activity that are there, each with whom or what it names.
    fn of(&self, org: &Org, activity: Id) -> Vec<(Slot, Id)> {
        let table = org.table(self.relations);
        let slots = table.find(self.key, Cell::Id(activity)).iter();
        let there = slots.filter(|slot| !table.is_deleted(**slot));
        there.filter_map(|slot| Some((*slot, table.named(*slot, "RelationId").as_id()?))).collect()
    }

    /// Returns the people whom an activity is with: whoever is only invited is none of them.
    fn people(&self, org: &Org, activity: Id) -> Vec<Id> {
        let table = org.table(self.relations);
        let is = |slot: Slot, name| table.named(slot, name).is_true();
        let is_only_invited = |slot: Slot| is(slot, "IsInvitee") && !is(slot, "IsParent");
        let of = self.of(org, activity).into_iter();
        of.filter(|(slot, id)| is_person(*id) && !is_only_invited(*slot))
            .map(|(_, id)| id)
            .collect()
    }

    fn add(&self, org: &mut Org, writer: &Writer, activity: Id, related: Id) {
        let table = org.table(self.relations);
        let mut row = Row::default();
        derive::set_defaults(table, &mut row, writer);
        row.set(self.key, Some(Value::Id(activity)));
        for (name, value) in [
            ("RelationId", Value::Id(related)),
            ("IsWhat", Value::Bool(!is_person(related))),
            ("IsParent", Value::Bool(true)),
        ] {
            if let Some(field) = table.object.index_of(name) {
                row.set(field, Some(value));
            }
        }
        org.insert(self.relations, row);
    }

    /// Counts an activity's relations. That is no change of the activity.
    fn count(&self, org: &mut Org, activity: Id) {
        let Some(slot) = org.table(self.activity).slot_of(activity) else { return };
        let people = self.people(org, activity).len();
        let others = self.of(org, activity).iter().filter(|(_, id)| !is_person(*id)).count();
        let mut row = org.table(self.activity).row(slot).cloned().unwrap_or_default();
        for (name, count) in [("WhoCount", people), ("WhatCount", others)] {
            if let Some(field) = org.table(self.activity).object.index_of(name) {
                row.set(field, i64::try_from(count).ok().map(Value::Int));
            }
        }
        org.replace(self.activity, slot, Some(row));
    }
}

/// Tells whether an id is that of a contact or a lead.
fn is_person(id: Id) -> bool {
    ["003", "00Q"].contains(&id.prefix())
}

/// Has the relations of an activity follow its WhoId and WhatId.
pub(super) fn follow(
    org: &mut Org,
    writer: &Writer,
    object: ObjectIndex,
    slot: Slot,
    before: &Row,
) {
    let Some(place) = place(org, object).filter(|place| place.activity == object) else { return };
    let activity = org.table(object).id_of(slot);
    for name in ["WhoId", "WhatId"] {
        let Some(field) = org.table(object).object.index_of(name) else { continue };
        let (old, new) = (before.get(field).as_id(), org.table(object).cell(slot, field).as_id());
        if old == new {
            continue;
        }
        let there = place.of(org, activity);
        let gone = there.iter().filter(|(_, id)| Some(*id) == old).map(|(slot, _)| *slot);
        for relation in gone.collect::<Vec<_>>() {
            org.remove(place.relations, relation, writer.now);
        }
        if let Some(new) = new.filter(|new| there.iter().all(|(_, id)| id != new)) {
            place.add(org, writer, activity, new);
        }
    }
    place.count(org, activity);
}

/// Refuses a relation that its activity can't have.
pub(super) fn check(org: &Org, object: ObjectIndex, row: &Row) -> Result<(), Refusal> {
    let Some(place) = place(org, object).filter(|place| place.relations == object) else {
        return Ok(());
    };
    let table = org.table(object);
    let related = table.object.index_of("RelationId").and_then(|field| row.get(field).as_id());
    let (Some(activity), Some(related)) = (row.get(place.key).as_id(), related) else {
        return Ok(());
    };
    let refuse = |code, message: &str| Err(Refusal::new(code, message).with_fields(["RelationId"]));
    let there = place.of(org, activity);
    if there.iter().any(|(_, id)| *id == related) {
        return refuse("DUPLICATE_VALUE", "the activity is related to this record already");
    }
    let people = place.people(org, activity);
    let is_lead = |id: &Id| id.prefix() == "00Q";
    if !is_person(related) && there.iter().any(|(_, id)| !is_person(*id)) {
        return refuse("FIELD_INTEGRITY_EXCEPTION", "an activity is related to one other record");
    }
    if people.iter().any(is_lead) || is_lead(&related) && !people.is_empty() {
        let message = "an activity is with one lead or with contacts";
        return refuse("FIELD_INTEGRITY_EXCEPTION", message);
    }
    if is_person(related) && people.len() >= PEOPLE_MAX {
        return refuse("FIELD_INTEGRITY_EXCEPTION", "an activity is with at most 50 contacts");
    }
    Ok(())
}

/// Works out what a new relation is, of which nobody said whether it is an invitation.
pub(super) fn derive(org: &Org, object: ObjectIndex, row: &mut Row, sent: &[FieldIndex]) {
    let table = org.table(object);
    let field = |name| table.object.index_of(name);
    if let (Some(is_what), Some(related)) = (field("IsWhat"), field("RelationId")) {
        let is = row.get(related).as_id().is_some_and(|id| !is_person(id));
        row.set(is_what, Some(Value::Bool(is)));
    }
    if let (Some(invitee), Some(parent)) = (field("IsInvitee"), field("IsParent"))
        && !sent.contains(&invitee)
        && !row.get(parent).is_true()
    {
        row.set(invitee, Some(Value::Bool(true)));
    }
}

/// Counts the relations of the activity that a new one is of.
pub(super) fn added(org: &mut Org, object: ObjectIndex, slot: Slot) {
    let Some(place) = place(org, object).filter(|place| place.relations == object) else { return };
    if let Some(activity) = org.table(object).cell(slot, place.key).as_id() {
        place.count(org, activity);
    }
}

/// Removes a relation for good. An activity that names the person names another of its people.
pub(super) fn remove(org: &mut Org, writer: &Writer, object: ObjectIndex, slot: Slot) {
    let Some(place) = place(org, object) else { return };
    let related = org.table(object).named(slot, "RelationId").as_id();
    let activity = org.table(object).cell(slot, place.key).as_id();
    org.remove(object, slot, writer.now);
    let Some(activity) = activity else { return };
    let Some(own) = org.table(place.activity).slot_of(activity) else { return };
    for name in ["WhoId", "WhatId"] {
        let Some(field) = org.table(place.activity).object.index_of(name) else { continue };
        if org.table(place.activity).cell(own, field).as_id() != related {
            continue;
        }
        let other = place.people(org, activity).first().copied().filter(|_| name == "WhoId");
        let table = org.table(place.activity);
        let mut row = table.row(own).cloned().unwrap_or_default();
        row.set(field, other.map(Value::Id));
        super::stamp(table, &mut row, writer.user, writer.now);
        org.replace(place.activity, own, Some(row));
    }
    place.count(org, activity);
}

/// Returns the relations that went to the recycle bin with their activity.
pub(super) fn gone_with(org: &Org, object: ObjectIndex, activity: Id) -> Vec<(ObjectIndex, Slot)> {
    let Some(place) = place(org, object).filter(|place| place.activity == object) else {
        return Vec::new();
    };
    let table = org.table(place.relations);
    let slots = table.find(place.key, Cell::Id(activity)).iter().copied();
    slots.filter(|slot| table.is_deleted(*slot)).map(|slot| (place.relations, slot)).collect()
}
