//! What a new mapping is: a file to begin with, for each form that is text.

use super::brought::{FIELD_MAP, SCRIPT, TYPESCRIPT};
use crate::model::Object;

/// What a new script of contacts is.
const CONTACT: &str = include_str!("../../../examples/contact.js");
/// What a new field map of leads is.
const LEAD: &str = include_str!("../../../examples/lead.toml");

/// Returns a mapping to begin with, by how its file ends; none, where that is no form of text.
pub fn starter(object: Object, ending: &str) -> Option<String> {
    let name = name_field(object);
    // What stands on the first lines of an example is about the example itself.
    let is_about = |line: &&str| line.starts_with("//") || line.starts_with('#');
    let example = |text: &str| text.lines().skip_while(is_about).collect::<Vec<_>>().join("\n");
    let text = match (ending, object) {
        (SCRIPT, Object::Contact) => example(CONTACT),
        (SCRIPT, _) => format!(
            "// What is read; a field that the org may lack ends in \"?\".\n\
             export const fields = [\"{name}\"];\n\n\
             export function pull(record) {{\n  return {{ name: record.{name} }};\n}}"
        ),
        (TYPESCRIPT, _) => format!(
            "// Once `efficlose plugin types {file} > {file}.types.d.ts` has told your editor what the org has.\n\
             import type {{ Pull }} from \"./{file}.types\";\n\n\
             // What is read; a field that the org may lack ends in \"?\".\n\
             export const fields = [\"{name}\"];\n\n\
             export const pull: Pull = (record) => ({{ name: record.{name} }});",
            file = object.file_name()
        ),
        (FIELD_MAP, Object::Lead) => example(LEAD),
        (FIELD_MAP, _) => format!("[pull]\nname = \"{name} | trim\""),
        _ => return None,
    };
    Some(text.trim().to_owned() + "\n")
}

/// Returns the field that names a record.
pub fn name_field(object: Object) -> &'static str {
    if object == Object::Task { "Subject" } else { "Name" }
}
