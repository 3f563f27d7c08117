//! The records of one object, and the indexes that find them.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use super::index::Index;
use super::row::Row;
use crate::ids::Id;
use crate::schema::{FieldIndex, ID_FIELD, Object};
use crate::value::{Cell, Value};

/// The place of a record in its table. Records are never moved, so the order of
/// slots is the order of ids.
pub(crate) type Slot = u32;

/// A second since the epoch, half the size of a moment; earlier ones count as its
/// first, and those after the year 2106 as its last.
type Second = u32;

/// The records of one object.
#[derive(Debug)]
pub(crate) struct Table {
    /// What the records are.
    pub(crate) object: Object,
    first_serial: u64,
    rows: Vec<Option<Row>>,
    deleted: Option<FieldIndex>,
    archived: Option<FieldIndex>,
    modstamp: Option<FieldIndex>,
    by_modstamp: BTreeSet<(Second, Slot)>,
    indexes: HashMap<FieldIndex, Index>,
}

impl Table {
    /// Returns an empty table whose first record gets this serial number.
    pub(crate) fn new(object: Object, first_serial: u64) -> Self {
        let indexes = object
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| field.is_indexed())
            .map(|(index, _)| (index, Index::default()))
            .collect();
        Self {
            deleted: object.index_of("IsDeleted"),
            archived: object.index_of("IsArchived"),
            modstamp: object.index_of("SystemModstamp"),
            object,
            first_serial,
            rows: Vec::new(),
            by_modstamp: BTreeSet::new(),
            indexes,
        }
    }

    /// Returns how many slots were ever used.
    pub(crate) fn slots(&self) -> Slot {
        self.rows.len() as Slot
    }

    /// Returns the id of the record in a slot.
    pub(crate) fn id_of(&self, slot: Slot) -> Id {
        Id::compose(self.object.prefix, self.first_serial + u64::from(slot))
    }

    /// Returns the slot of a record that is there or in the recycle bin.
    pub(crate) fn slot_of(&self, id: Id) -> Option<Slot> {
        if id.prefix() != self.object.prefix {
            return None;
        }
        let slot = Slot::try_from(id.serial()?.checked_sub(self.first_serial)?).ok()?;
        self.row(slot).map(|_| slot)
    }

    /// Returns the record in a slot, deleted or not.
    pub(crate) fn row(&self, slot: Slot) -> Option<&Row> {
        self.rows.get(slot as usize)?.as_ref()
    }

    /// Returns what a field of the record in a slot holds.
    pub(crate) fn cell(&self, slot: Slot, field: FieldIndex) -> Cell<'_> {
        if field == ID_FIELD {
            return Cell::Id(self.id_of(slot));
        }
        self.row(slot).map_or(Cell::Null, |row| row.get(field))
    }

    /// Returns what a field holds, by its name.
    pub(crate) fn named(&self, slot: Slot, field: &str) -> Cell<'_> {
        self.object.index_of(field).map_or(Cell::Null, |field| self.cell(slot, field))
    }

    /// Returns whether the record is in the recycle bin.
    pub(crate) fn is_deleted(&self, slot: Slot) -> bool {
        self.deleted.is_some_and(|field| self.cell(slot, field).is_true())
    }

    /// Returns whether `query` shows the record: it is there, neither deleted
    /// nor archived.
    pub(crate) fn is_live(&self, slot: Slot) -> bool {
        let Some(row) = self.row(slot) else {
            return false;
        };
        let is_set =
            |field: Option<FieldIndex>| field.is_some_and(|field| row.get(field).is_true());
        !is_set(self.deleted) && !is_set(self.archived)
    }

    /// Returns how many records `query` shows.
    pub(crate) fn live_count(&self) -> usize {
        (0..self.slots()).filter(|slot| self.is_live(*slot)).count()
    }

    /// Adds a record and returns its slot.
    pub(crate) fn add(&mut self, row: Row) -> Slot {
        let slot = self.slots();
        self.rows.push(None);
        self.put(slot, Some(row));
        slot
    }

    /// Replaces the record in a slot and returns the one before.
    pub(crate) fn put(&mut self, slot: Slot, mut row: Option<Row>) -> Option<Row> {
        if let Some(row) = &mut row {
            row.shrink();
        }
        let before = std::mem::replace(&mut self.rows[slot as usize], row);
        for (field, index) in &mut self.indexes {
            let rows = &self.rows;
            let cell_of = |slot: Slot| held(rows[slot as usize].as_ref(), *field);
            index.moved(slot, held(before.as_ref(), *field), cell_of);
        }
        if let Some(field) = self.modstamp {
            let stamp = |row: Option<&Row>| match row.map(|row| row.get(field)) {
                Some(Cell::Moment(seconds)) => Some(second(seconds)),
                _ => None,
            };
            let (old, new) = (stamp(before.as_ref()), stamp(self.rows[slot as usize].as_ref()));
            if old != new {
                if let Some(old) = old {
                    self.by_modstamp.remove(&(old, slot));
                }
                if let Some(new) = new {
                    self.by_modstamp.insert((new, slot));
                }
            }
        }
        before
    }

    /// Makes a new field's values findable.
    pub(crate) fn index(&mut self, field: FieldIndex) {
        if self.object.field(field).is_indexed() {
            self.indexes.insert(field, Index::default());
        }
    }

    /// Returns whether records are found by this field without reading all.
    pub(crate) fn has_index(&self, field: FieldIndex) -> bool {
        self.indexes.contains_key(&field)
    }

    /// Returns the slots whose field holds this value, lowest first.
    pub(crate) fn find(&self, field: FieldIndex, value: Cell<'_>) -> &[Slot] {
        let cell_of = |slot| self.cell(slot, field);
        self.indexes.get(&field).map_or(&[], |index| index.find(value, cell_of))
    }

    /// Returns the slots of records last changed in this span, in order of
    /// SystemModstamp and id.
    pub(crate) fn changed_in(
        &self,
        span: RangeInclusive<i64>,
    ) -> impl DoubleEndedIterator<Item = Slot> {
        let (from, to) = (*span.start(), *span.end());
        let is_empty = from > to || to < 0;
        let from = second(from).min(second(to));
        let bounds = (from, 0)..=(second(to), Slot::MAX);
        self.by_modstamp.range(bounds).map(|(_, slot)| *slot).filter(move |_| !is_empty)
    }

    /// Returns the place of the field that holds the time of the last change.
    pub(crate) fn modstamp_field(&self) -> Option<FieldIndex> {
        self.modstamp
    }

    /// Sets a field while an org is made.
    pub(crate) fn seed(&self, row: &mut Row, field: &str, value: Option<Value>) {
        let index = self
            .object
            .index_of(field)
            .unwrap_or_else(|| panic!("{} has no field {field}", self.object.name));
        row.set(index, value);
    }
}

fn held(row: Option<&Row>, field: FieldIndex) -> Cell<'_> {
    row.map_or(Cell::Null, |row| row.get(field))
}

fn second(moment: i64) -> Second {
    moment.clamp(0, Second::MAX.into()) as Second
}
