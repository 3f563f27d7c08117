//! Keeps what formulas show in step with what they are worked out from. As in
//! Salesforce, a record whose parent changes shows another value and has no new
//! stamp.

use super::{Org, Row, Slot, Table};
use crate::schema::{Field, Formula, Kind, ObjectIndex, Source};
use crate::value::{Cell, Value};

impl Org {
    /// Checks that a formula reads what there is, and no other formula.
    pub(super) fn check_formula(
        &self,
        object: ObjectIndex,
        formula: &Formula,
    ) -> Result<(), String> {
        for source in formula.sources() {
            let object = match &source.parent {
                None => Some(object),
                Some(parent) => reference(&self.tables[object], parent)
                    .and_then(|(_, field)| self.find_object(&field.refers_to[0])),
            };
            let schema = object.map(|object| &self.tables[object].object);
            let field = schema
                .and_then(|schema| schema.index_of(&source.field).map(|place| schema.field(place)));
            match field {
                None => return Err(format!("the formula reads {source}, which there is not")),
                Some(field) if field.formula.is_some() => {
                    return Err(format!("the formula reads {source}, another formula"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Works out the formulas of a record that is about to be stored.
    pub(super) fn work_out(&self, object: ObjectIndex, row: &mut Row) {
        let table = &self.tables[object];
        for (place, field) in table.object.fields().iter().enumerate() {
            let Some(formula) = &field.formula else { continue };
            let shown = formula.value(&|source| self.held(table, row, source));
            row.set(place, shown.and_then(|value| fitted(field.kind, value)));
        }
    }

    fn held(&self, table: &Table, row: &Row, source: &Source) -> Option<Value> {
        let Some(parent) = &source.parent else {
            return row.get(table.object.index_of(&source.field)?).to_value();
        };
        let (reference, _) = reference(table, parent)?;
        let (object, slot) = self.locate(row.get(reference).as_id()?)?;
        self.tables[object].named(slot, &source.field).to_value()
    }

    /// Works out the formulas of an object's records that are there already.
    pub(super) fn work_out_all(&mut self, object: ObjectIndex) {
        for slot in 0..self.tables[object].slots() {
            self.work_out_again(object, slot);
        }
    }

    /// Works out the formulas of the records that read from this one.
    pub(super) fn follow(&mut self, object: ObjectIndex, slot: Slot) {
        let id = Cell::Id(self.tables[object].id_of(slot));
        let mut children = Vec::new();
        for (child, table) in self.tables.iter().enumerate() {
            let formulas = table.object.fields().iter().filter_map(|field| field.formula.as_ref());
            let sources = formulas.flat_map(|formula| formula.sources());
            let mut parents: Vec<&str> =
                sources.filter_map(|source| source.parent.as_deref()).collect();
            parents.sort_unstable();
            parents.dedup();
            for (place, _) in parents.into_iter().filter_map(|parent| reference(table, parent)) {
                let slots = match table.has_index(place) {
                    true => table.find(place, id).to_vec(),
                    false => {
                        (0..table.slots()).filter(|slot| table.cell(*slot, place) == id).collect()
                    }
                };
                children.extend(slots.into_iter().map(|slot| (child, slot)));
            }
        }
        for (child, slot) in children {
            self.work_out_again(child, slot);
        }
    }

    fn work_out_again(&mut self, object: ObjectIndex, slot: Slot) {
        let Some(before) = self.tables[object].row(slot) else { return };
        let mut row = before.clone();
        self.work_out(object, &mut row);
        if row != *before {
            self.put(object, slot, Some(row));
        }
    }
}

/// Returns the reference that leads up to a parent, hidden or not.
fn reference<'t>(table: &'t Table, parent: &str) -> Option<(usize, &'t Field)> {
    let is_it = |field: &Field| {
        field.relationship.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(parent))
    };
    table.object.fields().iter().enumerate().find(|(_, field)| is_it(field))
}

/// Returns a value as a field of this kind holds it, or nothing where it can't.
fn fitted(kind: Kind, value: Value) -> Option<Value> {
    let fits = match &value {
        Value::Bool(_) => kind == Kind::Boolean,
        Value::Int(_) | Value::Number(_) => kind.is_number(),
        Value::Text(_) => kind.is_text(),
        Value::Date(_) => kind == Kind::Date,
        Value::Moment(_) => kind == Kind::DateTime,
        Value::Id(id) => return kind.is_text().then(|| Value::text(id.to_string()))?,
    };
    match value {
        Value::Int(whole) if fits => Some(Value::Number(whole as f64)),
        value => fits.then_some(value),
    }
}
