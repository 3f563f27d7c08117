//! One stored record: only the fields that hold something take room.

use crate::schema::{FIELD_LIMIT, FieldIndex};
use crate::value::{Cell, Value};

/// A record's values. A bit says that a field is stored; the number of bits
/// before it is its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row {
    stored: u128,
    values: Vec<Value>,
}

impl Row {
    /// Returns what the field holds.
    pub(crate) fn get(&self, field: FieldIndex) -> Cell<'_> {
        if self.stored >> field & 1 == 0 {
            return Cell::Null;
        }
        self.values[self.place(field)].cell()
    }

    /// Sets or clears a field.
    pub(crate) fn set(&mut self, field: FieldIndex, value: Option<Value>) {
        assert!(field < FIELD_LIMIT, "an object has at most {FIELD_LIMIT} fields");
        let place = self.place(field);
        let was_stored = self.stored >> field & 1 == 1;
        match (value, was_stored) {
            (Some(value), true) => self.values[place] = value,
            (Some(value), false) => {
                self.values.insert(place, value);
                self.stored |= 1 << field;
            }
            (None, true) => {
                self.values.remove(place);
                self.stored &= !(1 << field);
            }
            (None, false) => {}
        }
    }

    fn place(&self, field: FieldIndex) -> usize {
        (self.stored & ((1 << field) - 1)).count_ones() as usize
    }

    /// Gives back the room it doesn't use.
    pub(crate) fn shrink(&mut self) {
        self.values.shrink_to_fit();
    }
}
