//! The records of one object, and the indexes that find them.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use super::row::Row;
use crate::ids::Id;
use crate::schema::{FieldIndex, ID_FIELD, Object};
use crate::value::{Cell, Value, folded};

/// The place of a record in its table. Records are never moved, so the order of
/// slots is the order of ids.
pub(crate) type Slot = u32;

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
    by_modstamp: BTreeSet<(i64, Slot)>,
    indexes: HashMap<FieldIndex, HashMap<Key, Slots>>,
}

/// What an index is searched by. Text is found in any case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Text(Box<str>),
    Id(Id),
}

/// The slots behind a key, lowest first. Nearly always it is one, and a list of
/// its own for each would take more room than the slot.
#[derive(Debug)]
enum Slots {
    One([Slot; 1]),
    Several(Vec<Slot>),
}

impl Slots {
    fn as_slice(&self) -> &[Slot] {
        match self {
            Self::One(slot) => slot,
            Self::Several(slots) => slots,
        }
    }

    fn add(&mut self, slot: Slot) {
        match self {
            Self::One([own]) if *own == slot => {}
            Self::One([own]) => *self = Self::Several(vec![slot.min(*own), slot.max(*own)]),
            Self::Several(slots) => {
                if let Err(place) = slots.binary_search(&slot) {
                    slots.insert(place, slot);
                }
            }
        }
    }

    /// Removes a slot and returns whether none is left.
    fn remove(&mut self, slot: Slot) -> bool {
        match self {
            Self::One([own]) => *own == slot,
            Self::Several(slots) => {
                slots.retain(|known| *known != slot);
                slots.is_empty()
            }
        }
    }
}

impl Key {
    fn of(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(Self::Text(folded(text).into())),
            Cell::Id(id) => Some(Self::Id(id)),
            _ => None,
        }
    }
}

impl Table {
    /// Returns an empty table whose first record gets this serial number.
    pub(crate) fn new(object: Object, first_serial: u64) -> Self {
        let indexes = object
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| field.is_indexed())
            .map(|(index, _)| (index, HashMap::new()))
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
        let (table_rows, object) = (&self.rows, &self.object);
        let after = table_rows[slot as usize].as_ref();
        for (field, index) in &mut self.indexes {
            debug_assert!(*field < object.fields().len());
            let old = before.as_ref().and_then(|row| Key::of(row.get(*field)));
            let new = after.and_then(|row| Key::of(row.get(*field)));
            if old == new {
                continue;
            }
            if let Some(old) = old {
                remove(index, old, slot);
            }
            if let Some(new) = new {
                index.entry(new).and_modify(|slots| slots.add(slot)).or_insert(Slots::One([slot]));
            }
        }
        if let Some(field) = self.modstamp {
            let stamp = |row: Option<&Row>| match row.map(|row| row.get(field)) {
                Some(Cell::Moment(seconds)) => Some(seconds),
                _ => None,
            };
            let (old, new) = (stamp(before.as_ref()), stamp(after));
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
            self.indexes.insert(field, HashMap::new());
        }
    }

    /// Returns whether records are found by this field without reading all.
    pub(crate) fn has_index(&self, field: FieldIndex) -> bool {
        self.indexes.contains_key(&field)
    }

    /// Returns the slots whose field holds this value, lowest first.
    pub(crate) fn find(&self, field: FieldIndex, value: Cell<'_>) -> &[Slot] {
        let found =
            self.indexes.get(&field).zip(Key::of(value)).and_then(|(index, key)| index.get(&key));
        found.map_or(&[], Slots::as_slice)
    }

    /// Returns the slots of records last changed in this span, in order of
    /// SystemModstamp and id.
    pub(crate) fn changed_in(
        &self,
        span: RangeInclusive<i64>,
    ) -> impl DoubleEndedIterator<Item = Slot> {
        let (from, to) = (*span.start(), *span.end());
        let bounds = if from <= to { (from, 0)..=(to, Slot::MAX) } else { (0, 1)..=(0, 1) };
        self.by_modstamp.range(bounds).map(|(_, slot)| *slot).filter(move |_| from <= to)
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

fn remove(index: &mut HashMap<Key, Slots>, key: Key, slot: Slot) {
    if index.get_mut(&key).is_some_and(|slots| slots.remove(slot)) {
        index.remove(&key);
    }
}
