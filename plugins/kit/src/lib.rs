//! Writes a mapping for efficlose in Rust.
//!
//! A mapping is a type that implements [`Mapping`], handed to [`mapping!`]. The
//! types are those of the contract, `wit/v1/mapping.wit`, where they are
//! documented; this crate adds what spares a mapping from writing the same
//! lines again: a [`FieldMap`] from record to entity, a [`Record`] to read from,
//! and the text of a [`note`] about a meeting.
//!
//! Everything runs natively too, so a mapping is tested with `cargo test`.

#[allow(unsafe_code, missing_docs, clippy::all, unreachable_pub)]
#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/v1",
        world: "mapping",
        pub_export_macro: true,
        default_bindings_module: "efficlose_kit::bindings",
        additional_derives: [PartialEq, Clone],
    });
}

/// Hands out a component's memory. Records are texts, and each is one allocation.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(not(target_arch = "wasm32"))]
pub mod cases;
mod export;
mod expressions;
mod field_map;
pub mod log;
pub mod note;
mod record;
mod settings;
mod text;

pub use bindings::exports::efficlose::mapping::object::{
    ActionItem, Column, ColumnType, Extra, Field, Insight, Kind, Matched, Meeting, Need,
    Participant, Policy, Problem, Pulled, Pushed, Request, Setting, Spec, Table, Value, Write,
};
#[doc(hidden)]
pub use export::Instance;
pub use export::{Mapping, Running};
pub use expressions::WithExpressions;
pub use field_map::{Entry, FieldMap, optional, required};
pub use record::Record;
pub use settings::Settings;
pub use text::{clip, domain_of};

/// Returns a field to write, under its name.
pub fn set(name: &str, value: impl Into<Value>) -> Field {
    Field { name: name.to_owned(), value: value.into() }
}

/// Returns a field that `push` may write.
pub fn write(field: &str, policy: Policy) -> Write {
    Write { field: field.to_owned(), optional: true, policy }
}

/// Returns a problem with no place and no hint.
pub fn problem(message: impl Into<String>) -> Problem {
    Problem { message: message.into(), at: None, hint: None }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Matched {
    /// Tells whether the record has a field: whether the org has it and lets us
    /// write it.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// Returns a field's text.
    pub fn text(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        match &field.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Request {
    /// Returns the record of an object that the meeting was matched to.
    pub fn matched(&self, object: &str) -> Option<&Matched> {
        self.matches.iter().find(|matched| matched.object == object)
    }
}
