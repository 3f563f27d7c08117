//! The org: its tables, and what it takes to undo a transaction.

use std::collections::HashMap;

use crate::ids::Id;
use crate::rules::Rules;
use crate::schema::{
    CustomField, CustomObject, FIELD_LIMIT, Object, ObjectIndex, child_relationship,
    standard_objects,
};

mod formulas;
mod index;
mod row;
mod table;
mod words;

pub(crate) use row::Row;
pub(crate) use table::{Slot, Table};

/// The serial number of a custom object's first record.
const CUSTOM_SERIAL: u64 = 62_u64.pow(4);

/// What tasks and events have in common, their custom fields among it.
const ACTIVITY: &str = "Activity";

/// Everything an org stores.
#[derive(Debug)]
pub(crate) struct Org {
    /// The org's own id.
    pub(crate) id: Id,
    /// What its admins refuse.
    pub(crate) rules: Rules,
    tables: Vec<Table>,
    hidden: HashMap<Id, (ObjectIndex, Slot, Row)>,
    /// What was removed for good, and when.
    removed: Vec<(ObjectIndex, Id, i64)>,
    has_formulas: bool,
    undo: Vec<Undo>,
}

#[derive(Debug)]
struct Undo {
    object: ObjectIndex,
    slot: Slot,
    before: Option<Row>,
}

/// A place in the past to which writes can be undone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(usize);

impl Org {
    /// Returns an org without records. `first_serial` gives each object the
    /// serial number of its first record.
    pub(crate) fn new(mut first_serial: impl FnMut(&str) -> u64) -> Self {
        let tables: Vec<Table> = standard_objects()
            .into_iter()
            .map(|object| {
                let serial = first_serial(object.name);
                Table::new(object, serial)
            })
            .collect();
        let id = tables
            .iter()
            .find(|table| table.object.name == "Organization")
            .map_or_else(|| Id::compose("00D", 0), |table| table.id_of(0));
        Self {
            id,
            rules: Rules::default(),
            tables,
            hidden: HashMap::new(),
            removed: Vec::new(),
            has_formulas: false,
            undo: Vec::new(),
        }
    }

    /// Returns all tables.
    pub(crate) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Returns a table by the place of its object.
    pub(crate) fn table(&self, object: ObjectIndex) -> &Table {
        &self.tables[object]
    }

    /// Returns a table to change by the place of its object.
    pub(crate) fn table_mut(&mut self, object: ObjectIndex) -> &mut Table {
        &mut self.tables[object]
    }

    /// Returns the place of an object that the callers may see.
    pub(crate) fn visible_object(&self, name: &str) -> Option<ObjectIndex> {
        self.find_object(name).filter(|object| self.tables[*object].object.visible)
    }

    /// Returns the place of an object by its name in any case, hidden or not.
    pub(crate) fn find_object(&self, name: &str) -> Option<ObjectIndex> {
        self.tables.iter().position(|table| table.object.name.eq_ignore_ascii_case(name))
    }

    /// Returns the table of an object this program names.
    pub(crate) fn named(&self, name: &str) -> &Table {
        let object = self.find_object(name);
        &self.tables[object.unwrap_or_else(|| panic!("no object {name}"))]
    }

    /// Returns where a record is, deleted or not.
    pub(crate) fn locate(&self, id: Id) -> Option<(ObjectIndex, Slot)> {
        let object = self.tables.iter().position(|table| table.object.prefix == id.prefix())?;
        Some((object, self.tables[object].slot_of(id)?))
    }

    /// Returns the child object and the reference field behind a name such as
    /// `Contacts`, as seen from a parent object.
    pub(crate) fn find_children(
        &self,
        parent: ObjectIndex,
        name: &str,
    ) -> Option<(ObjectIndex, usize)> {
        let parent = self.tables[parent].object.name;
        self.tables.iter().enumerate().find_map(|(child, table)| {
            let object = &table.object;
            let field = object.fields().iter().position(|field| {
                object.visible
                    && field.visible
                    && field.refers_to.iter().any(|to| &**to == parent)
                    && child_relationship(object, field, parent)
                        .is_some_and(|known| known.eq_ignore_ascii_case(name))
            })?;
            Some((child, field))
        })
    }

    /// Returns a place to which everything written from here on can be undone.
    pub(crate) fn mark(&mut self) -> Mark {
        Mark(self.undo.len())
    }

    /// Undoes everything written since the mark.
    pub(crate) fn roll_back(&mut self, mark: Mark) {
        while self.undo.len() > mark.0 {
            if let Some(undo) = self.undo.pop() {
                self.tables[undo.object].put(undo.slot, undo.before);
            }
        }
    }

    /// Forgets how to undo; called once a request is done.
    pub(crate) fn commit(&mut self) {
        self.undo.clear();
    }

    /// Adds a record and remembers how to undo it.
    pub(crate) fn insert(&mut self, object: ObjectIndex, mut row: Row) -> Slot {
        self.work_out(object, &mut row);
        let slot = self.tables[object].add(row);
        self.undo.push(Undo { object, slot, before: None });
        slot
    }

    /// Replaces a record and remembers how to undo it.
    pub(crate) fn replace(&mut self, object: ObjectIndex, slot: Slot, mut row: Option<Row>) {
        if let Some(row) = &mut row {
            self.work_out(object, row);
        }
        self.put(object, slot, row);
        if self.has_formulas {
            self.follow(object, slot);
        }
    }

    fn put(&mut self, object: ObjectIndex, slot: Slot, row: Option<Row>) {
        let before = self.tables[object].put(slot, row);
        self.undo.push(Undo { object, slot, before });
    }

    /// Removes a record for good. What is left is that it was deleted, and when.
    pub(crate) fn remove(&mut self, object: ObjectIndex, slot: Slot, now: i64) {
        let id = self.table(object).id_of(slot);
        self.replace(object, slot, None);
        self.removed.push((object, id, now));
    }

    /// Returns what was removed for good of an object, and when.
    pub(crate) fn removed(&self, object: ObjectIndex) -> impl Iterator<Item = (Id, i64)> {
        let own = self.removed.iter().filter(move |(of, _, _)| *of == object);
        own.map(|(_, id, at)| (*id, *at))
    }

    /// Takes a record out of sight. Its history and its stamp stay as they are.
    ///
    /// # Errors
    ///
    /// Says that there is no such record.
    pub(crate) fn hide(&mut self, id: Id) -> Result<(), String> {
        let (object, slot) = self.locate(id).ok_or_else(|| format!("no record {id}"))?;
        if let Some(row) = self.tables[object].put(slot, None) {
            self.hidden.insert(id, (object, slot, row));
        }
        Ok(())
    }

    /// Returns how many records of an object there are, whoever sees them, deleted ones left
    /// out.
    pub(crate) fn record_count(&self, object: ObjectIndex) -> usize {
        let hidden = self.hidden.values().filter(|(of, ..)| *of == object).count();
        self.table(object).live_count() + hidden
    }

    /// Brings a hidden record back.
    ///
    /// # Errors
    ///
    /// Says that no such record is hidden.
    pub(crate) fn show(&mut self, id: Id) -> Result<(), String> {
        let (object, slot, row) =
            self.hidden.remove(&id).ok_or_else(|| format!("no hidden record {id}"))?;
        self.tables[object].put(slot, Some(row));
        Ok(())
    }

    /// Adds a custom object without fields of its own.
    ///
    /// # Errors
    ///
    /// Says that its name doesn't end in `__c` or exists, or that there are too
    /// many.
    pub(crate) fn add_object(&mut self, object: &CustomObject, now: i64) -> Result<(), String> {
        let name = &object.name;
        if !name.ends_with("__c") {
            return Err(format!("the custom object {name} does not end in __c"));
        }
        if self.find_object(name).is_some() {
            return Err(format!("there is an object {name} already"));
        }
        let customs = self.tables.iter().filter(|table| table.object.prefix.starts_with('a'));
        let mut made = object.object(customs.count())?;
        made.changed_at = now;
        self.tables.push(Table::new(made, CUSTOM_SERIAL));
        Ok(())
    }

    /// Adds an object that only some orgs have.
    pub(crate) fn add_standard(&mut self, mut object: Object, now: i64) {
        object.changed_at = now;
        self.tables.push(Table::new(object, CUSTOM_SERIAL));
    }

    /// Adds a custom field, as an admin would; one of `Activity` is on tasks and on events.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it: an unknown object, a name without `__c` or
    /// one that exists, an object with too many fields.
    pub(crate) fn add_field(&mut self, field: &CustomField, now: i64) -> Result<(), String> {
        if field.object == ACTIVITY {
            return ["Task", "Event"].into_iter().try_for_each(|object| {
                self.add_field(&CustomField { object: object.to_owned(), ..field.clone() }, now)
            });
        }
        let object =
            self.find_object(&field.object).ok_or_else(|| format!("no object {}", field.object))?;
        let table = &mut self.tables[object];
        if !field.name.ends_with("__c") {
            return Err(format!("the custom field {} does not end in __c", field.name));
        }
        if table.object.index_of(&field.name).is_some() {
            return Err(format!("{} has a field {} already", field.object, field.name));
        }
        if table.object.fields().len() >= FIELD_LIMIT {
            return Err(format!("{} has {FIELD_LIMIT} fields already", field.object));
        }
        if field.kind == crate::schema::CustomKind::Lookup {
            let to = field.refers_to.as_deref().unwrap_or_default();
            if self.find_object(to).is_none() {
                return Err(format!("the lookup {} refers to no object", field.name));
            }
        }
        let made = field.field()?;
        if let Some(formula) = &made.formula {
            self.check_formula(object, formula)?;
        }
        let table = &mut self.tables[object];
        let index = table.object.add(made);
        table.index(index);
        table.object.changed_at = now;
        if table.object.field(index).formula.is_some() {
            self.has_formulas = true;
            self.work_out_all(object);
            self.commit();
        }
        Ok(())
    }
}
