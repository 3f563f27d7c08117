//! One record, read by the names of its fields.

use crate::Value;

/// A record: a row of the table under the paths that the spec asked for.
pub struct Record<'a> {
    reads: &'a [String],
    places: &'a [Option<usize>],
    row: Vec<Value>,
}

impl<'a> Record<'a> {
    /// Makes a record of a row. `places` tells for each of `reads` where in the
    /// row its value is; nowhere, if the org lacks the field.
    pub(crate) fn new(reads: &'a [String], places: &'a [Option<usize>], row: Vec<Value>) -> Self {
        Self { reads, places, row }
    }

    /// Tells whether the org has a field and shows it.
    pub fn has(&self, path: &str) -> bool {
        let place = self.reads.iter().position(|read| read == path);
        place.is_some_and(|nth| self.places[nth].is_some())
    }

    /// Returns a field's value; null where the org lacks the field.
    pub fn get(&self, path: &str) -> &Value {
        let place = self.reads.iter().position(|read| read == path);
        let place = place.and_then(|nth| self.places[nth]);
        place.and_then(|place| self.row.get(place)).unwrap_or(&Value::Null)
    }

    /// Returns a field's text.
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.get(path) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Tells whether a field is true.
    pub fn is(&self, path: &str) -> bool {
        *self.get(path) == Value::Boolean(true)
    }

    /// Returns the value of the nth of the spec's reads; none where the org lacks it.
    pub(crate) fn nth(&self, nth: usize) -> Option<&Value> {
        let place = self.places.get(nth).copied().flatten();
        place.and_then(|place| self.row.get(place))
    }

    /// Takes out the value of the nth of the spec's reads, without a copy.
    pub(crate) fn take_nth(&mut self, nth: usize) -> Value {
        let place = self.places.get(nth).copied().flatten();
        let value = place.and_then(|place| self.row.get_mut(place));
        value.map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
    }
}
