//! What a mapping says it needs.

use super::{ColumnType, FieldName, FieldPath, Filter, Kind, Object};

/// What a mapping reads, makes and writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The object it maps.
    pub object: Object,
    /// What its entities are.
    pub kind: Kind,
    /// The fields it reads, in the order of the table's columns.
    pub reads: Vec<Need>,
    /// The condition that records must meet.
    pub filter: Option<Filter>,
    /// The columns of an entity, in the order of an outcome's values.
    pub columns: Vec<Column>,
    /// The fields that a push may write.
    pub writes: Vec<Write>,
}

/// A field to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Where it is.
    pub path: FieldPath,
    /// Whether the mapping does without it.
    pub optional: bool,
}

/// A column of the entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name; `custom.` goes before those that the kind doesn't document.
    pub name: String,
    /// Its type.
    pub of: ColumnType,
}

/// A field that a push may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The field.
    pub field: FieldName,
    /// Whether the mapping does without it.
    pub optional: bool,
    /// How a value that is there already is treated.
    pub policy: Policy,
}

/// How a value that is already in a record is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Write only where the field is empty.
    FillIfBlank,
    /// Write whatever stands there.
    Overwrite,
    /// Keep a person's text and hold ours in a marked block below it.
    Append,
    /// Write until the value is no longer the one that we wrote.
    OursUntilEdited,
}

impl Policy {
    /// Returns the word for it, that of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FillIfBlank => "fill-if-blank",
            Self::Overwrite => "overwrite",
            Self::Append => "append",
            Self::OursUntilEdited => "ours-until-edited",
        }
    }
}

/// A choice that a person made for a mapping.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Setting {
    /// Its name, such as `custom_fields`.
    pub name: String,
    /// Its value, as text.
    pub value: String,
}
