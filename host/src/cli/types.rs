//! What an editor knows of an org's records: types of TypeScript, from describe.

use std::fmt::Write as _;

use crate::model::{ColumnType, Kind, Object};
use crate::salesforce::{Description, FieldDescription, FieldType};

/// How many choices of a picklist are written out.
const CHOICES_MAX: usize = 200;

/// What is the same for every object.
const REQUEST: &str = r#"
export interface Participant { name: string | null; email: string | null; [more: string]: unknown }
export interface Insight { kind: string; text: string; [more: string]: unknown }
export interface Meeting {
  id: string; title: string; started_at: string; ended_at: string | null; url: string | null;
  /** The day on which it was for who called it. */
  started_on: string;
  organizer: Participant | null; participants: Participant[]; summary: string | null; insights: Insight[];
  [more: string]: unknown;
}
export interface ActionItem { id: string; text: string; owner_email: string | null; due_on: string | null; done: boolean; [more: string]: unknown }
export type Value = string | number | boolean | null;
export interface Matched { object: string; id: string; fields: Record<string, Value> }
export interface Request {
  now: string; meeting: Meeting; action_item: ActionItem | null; target: Matched | null;
  matches: { Contact?: Matched; Lead?: Matched; Account?: Matched; Opportunity?: Matched; User?: Matched };
}

declare global {
  /** Leaves this record or write out, and says why. */
  function skip(reason: string): never;
  /** The choices for the mapping in config.toml. */
  var settings: Readonly<Record<string, string>>;
}
"#;

/// Returns the declarations for scripts that map an object of this org.
pub(super) fn declarations(object: Object, kind: Kind, org: &Description) -> String {
    let mut text = format!(
        "// What a script that maps {object} is given and gives, as the connected user sees the org.\n\
         // In a script: /** @type {{import(\"./{}.types\").Pull}} */ export const pull = (record) => ({{ … }});\n\n",
        object.file_name()
    );
    let _ = writeln!(text, "/** A record of {object}. Only what `fields` lists can be read. */");
    let _ = writeln!(text, "export interface {object}Record {{");
    for field in &org.fields {
        let label = field.label.replace("*/", "");
        let _ = writeln!(text, "  /** {label} */\n  readonly {}: {};", field.name, value(field));
        if let Some(parent) = &field.relationship {
            let _ = writeln!(text, "  readonly {parent}: {{ readonly [path: string]: any }};");
        }
    }
    let _ = writeln!(text, "}}\n\n/** A {kind} of the platform. */\nexport interface Entity {{");
    for (name, of) in kind.columns() {
        let _ = writeln!(text, "  {name}?: {} | null;", column(of));
    }
    text.push_str("  custom?: Record<string, Value>;\n}\n");
    text.push_str(REQUEST);
    let _ = writeln!(
        text,
        "\nexport type Pull = (record: {object}Record) => Entity | null | undefined;\n\
         export type Push = (request: Request) => Record<string, Value | undefined> | null | undefined;"
    );
    text
}

fn value(field: &FieldDescription) -> String {
    let plain = match field.kind {
        FieldType::Boolean => return "boolean".to_owned(),
        FieldType::Int
        | FieldType::Long
        | FieldType::Double
        | FieldType::Currency
        | FieldType::Percent => "number".to_owned(),
        FieldType::Picklist if field.restricted && field.picklist.len() <= CHOICES_MAX => {
            let active = field.picklist.iter().filter(|choice| choice.active);
            let choices: Vec<String> = active
                .map(|choice| serde_json::to_string(&choice.value).unwrap_or_default())
                .collect();
            if choices.is_empty() { "string".to_owned() } else { choices.join(" | ") }
        }
        FieldType::Picklist => {
            let active = field.picklist.iter().filter(|choice| choice.active).take(CHOICES_MAX);
            let choices = active
                .map(|choice| serde_json::to_string(&choice.value).unwrap_or_default() + " | ");
            // The choices are offered, and others may be there.
            choices.collect::<String>() + "(string & {})"
        }
        _ => "string".to_owned(),
    };
    if field.nillable { format!("{plain} | null") } else { plain }
}

fn column(of: ColumnType) -> &'static str {
    match of {
        ColumnType::Integer | ColumnType::Number => "number",
        ColumnType::Boolean => "boolean",
        ColumnType::Text | ColumnType::Date | ColumnType::Timestamp => "string",
    }
}
