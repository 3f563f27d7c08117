//! A table that says which field of a record becomes which column of an entity.

use crate::{
    Column, ColumnType, Kind, Need, Problem, Pulled, Record, Settings, Spec, Value, Write,
};

/// The name of the setting that lists a customer's own fields.
const CUSTOM_FIELDS: &str = "custom_fields";
/// How many of a customer's own fields one mapping takes.
const CUSTOM_FIELDS_MAX: usize = 200;

/// One line of the table.
pub struct Entry {
    column: String,
    of: ColumnType,
    path: String,
    optional: bool,
}

/// Returns a line for a field without which the object can't be mapped.
pub fn required(column: &str, of: ColumnType, path: &str) -> Entry {
    Entry { column: column.to_owned(), of, path: path.to_owned(), optional: false }
}

/// Returns a line for a field that an org may lack or hide.
pub fn optional(column: &str, of: ColumnType, path: &str) -> Entry {
    Entry { column: column.to_owned(), of, path: path.to_owned(), optional: true }
}

/// Which field becomes which column, in order.
pub struct FieldMap {
    entries: Vec<Entry>,
}

impl FieldMap {
    /// Makes a field map of these lines and of the customer's own fields.
    ///
    /// The setting `custom_fields` lists them as `Region__c` or, where the
    /// column isn't text, with its type: `Score__c:number`. Each becomes the
    /// column `custom.` with the field's name.
    pub fn new(entries: impl Into<Vec<Entry>>, settings: &Settings) -> Result<Self, Problem> {
        let mut entries = entries.into();
        let custom = settings.list(CUSTOM_FIELDS);
        if custom.len() > CUSTOM_FIELDS_MAX {
            return Err(Problem {
                message: format!(
                    "{} custom fields are more than {CUSTOM_FIELDS_MAX}",
                    custom.len()
                ),
                at: Some(CUSTOM_FIELDS.to_owned()),
                hint: Some("List the fields that the platform needs.".to_owned()),
            });
        }
        for text in custom {
            let (field, of) = text.split_once(':').unwrap_or((text, "text"));
            entries.push(optional(&format!("custom.{field}"), column_type(of)?, field));
        }
        Ok(Self { entries })
    }

    /// Returns the fields to read, in the order of the lines.
    pub fn reads(&self) -> Vec<Need> {
        let entries = self.entries.iter();
        entries.map(|e| Need { path: e.path.clone(), optional: e.optional }).collect()
    }

    /// Returns the columns of the entity, in the order of the lines.
    pub fn columns(&self) -> Vec<Column> {
        self.entries.iter().map(|e| Column { name: e.column.clone(), of: e.of }).collect()
    }

    /// Returns the spec of a mapping that does what the lines say.
    pub fn spec(&self, object: &str, kind: Kind, writes: Vec<Write>) -> Spec {
        Spec {
            object: object.to_owned(),
            kind,
            reads: self.reads(),
            filter: None,
            columns: self.columns(),
            writes,
        }
    }

    /// Maps a record as the lines say.
    pub fn pull(&self, record: &mut Record<'_>) -> Pulled {
        self.entity(record).map_or_else(Pulled::Failed, Pulled::Mapped)
    }

    /// Maps a record to an entity. The spec's reads must begin with
    /// [`FieldMap::reads`].
    pub fn entity(&self, record: &mut Record<'_>) -> Result<Vec<Value>, Problem> {
        // Every record comes this way: collected, results would be moved twice, and their list
        // would grow step by step.
        let mut entity = Vec::with_capacity(self.entries.len());
        for (nth, entry) in self.entries.iter().enumerate() {
            let value = record.take_nth(nth);
            entity.push(if entry.fits(&value) { value } else { entry.convert(value)? });
        }
        Ok(entity)
    }
}

impl Entry {
    /// Tells whether a value is of the type of the column already, as nearly all are.
    #[inline]
    fn fits(&self, value: &Value) -> bool {
        match (self.of, value) {
            (_, Value::Null)
            | (ColumnType::Boolean, Value::Boolean(_))
            | (ColumnType::Integer, Value::Integer(_))
            | (ColumnType::Number, Value::Number(_)) => true,
            (ColumnType::Text, Value::Text(text)) => !text.is_empty(),
            (ColumnType::Date, Value::Text(text)) => is_date(text),
            (ColumnType::Timestamp, Value::Text(text)) => is_time(text),
            _ => false,
        }
    }

    /// Returns a value in the type of the column.
    pub(crate) fn convert(&self, value: Value) -> Result<Value, Problem> {
        match (self.of, value) {
            (_, value) if self.fits(&value) => Ok(value),
            (ColumnType::Text, Value::Text(text)) if text.is_empty() => Ok(Value::Null),
            (ColumnType::Text, Value::Boolean(truth)) => Ok(Value::Text(truth.to_string())),
            (ColumnType::Text, Value::Integer(number)) => Ok(Value::Text(number.to_string())),
            (ColumnType::Text, Value::Number(number)) => Ok(Value::Text(number.to_string())),
            #[allow(clippy::cast_possible_truncation)]
            (ColumnType::Integer, Value::Number(n)) if n.fract() == 0.0 && n.abs() < 9e15 => {
                Ok(Value::Integer(n as i64))
            }
            #[allow(clippy::cast_precision_loss)]
            (ColumnType::Number, Value::Integer(number)) => Ok(Value::Number(number as f64)),
            _ => Err(Problem {
                message: format!("the value does not fit the column {}", self.column),
                at: Some(self.path.clone()),
                hint: Some(format!("Give the column {} the type of the field.", self.column)),
            }),
        }
    }
}

pub(crate) fn column_type(word: &str) -> Result<ColumnType, Problem> {
    match word {
        "text" => Ok(ColumnType::Text),
        "integer" => Ok(ColumnType::Integer),
        "number" => Ok(ColumnType::Number),
        "boolean" => Ok(ColumnType::Boolean),
        "date" => Ok(ColumnType::Date),
        "timestamp" => Ok(ColumnType::Timestamp),
        _ => Err(Problem {
            message: format!("\"{word}\" is not the type of a column"),
            at: Some(CUSTOM_FIELDS.to_owned()),
            hint: Some(
                "Write text, integer, number, boolean, date or timestamp after the colon."
                    .to_owned(),
            ),
        }),
    }
}

/// Tells whether a text has the shape `2026-01-31`.
fn is_date(text: &str) -> bool {
    let [a, b, c, d, b'-', e, f, b'-', g, h] = text.as_bytes() else { return false };
    [a, b, c, d, e, f, g, h].into_iter().all(u8::is_ascii_digit)
}

/// Tells whether a text has the shape `2026-01-31T09:30:00…`.
fn is_time(text: &str) -> bool {
    text.len() >= 20
        && text.is_char_boundary(10)
        && is_date(&text[..10])
        && text.as_bytes()[10] == b'T'
}
