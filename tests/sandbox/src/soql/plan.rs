//! A query ready to run: where it reads, what it keeps, what it shows.

use super::aggregate::Groups;
use super::filter::{Access, Filter};
use crate::schema::{FieldIndex, ObjectIndex};

/// A query ready to run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The object it reads.
    pub(crate) object: ObjectIndex,
    pub(super) columns: Vec<Column>,
    pub(super) shape: Shape,
    pub(super) filter: Option<Filter>,
    pub(super) order: Vec<Sort>,
    pub(super) limit: Option<u32>,
    pub(super) offset: u32,
}

/// What kind of answer it gives.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Records,
    Count,
    Groups(Groups),
}

/// One key of a record in the answer.
#[derive(Clone, Debug)]
pub(super) enum Column {
    Field {
        key: Box<[u8]>,
        field: FieldIndex,
    },
    /// An address: its parts' names with their fields.
    Address {
        key: Box<[u8]>,
        parts: Vec<(&'static str, FieldIndex)>,
    },
    /// The name of the object.
    Type {
        key: Box<[u8]>,
    },
    /// A value that no such object has.
    Nothing {
        key: Box<[u8]>,
    },
    Parent {
        key: Box<[u8]>,
        hop: FieldIndex,
        /// Whether the parent shows as the pseudo-object `Name`.
        as_name: bool,
        branches: Vec<(ObjectIndex, Vec<Column>)>,
    },
    Children {
        key: Box<[u8]>,
        link: FieldIndex,
        plan: Box<Plan>,
    },
}

/// One field to order by.
#[derive(Clone, Debug)]
pub(super) struct Sort {
    pub(super) access: Access,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

impl Plan {
    /// Returns whether the answer is a number only, as for `COUNT()`.
    pub(crate) fn is_count(&self) -> bool {
        matches!(self.shape, Shape::Count)
    }

    /// Returns whether the answer's rows are groups, not records.
    pub(crate) fn is_grouped(&self) -> bool {
        matches!(self.shape, Shape::Groups(_))
    }
}
