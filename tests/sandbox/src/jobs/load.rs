//! Loads the rows of an upload, each on its own, and remembers how they went.

use std::collections::HashSet;

use csv::StringRecord;
use serde_json::{Value as Json, json};

use super::Dialect;
use crate::ids::Id;
use crate::org::Org;
use crate::refusal::Refusal;
use crate::schema::{ID_FIELD, Object, ObjectIndex};
use crate::value::folded;
use crate::write::{self, Body, Upserted, Writer, key_field};

/// The cell that clears a field; an empty one leaves it as it is.
const CLEAR: &str = "#N/A";

/// The longest header line, in characters.
const HEADER_LIMIT: usize = 32_000;

/// The rows of an upload and what came of them.
#[derive(Debug, Default)]
pub(crate) struct Load {
    header: StringRecord,
    /// The header as it was uploaded; results repeat it.
    heading: String,
    rows: Vec<StringRecord>,
    done: Vec<(usize, Id, bool)>,
    failed: Vec<(usize, Option<Id>, String)>,
}

/// What an ingest job is to do.
pub(crate) struct Task<'a> {
    pub(crate) object: ObjectIndex,
    pub(crate) operation: &'static str,
    pub(crate) key: Option<&'a str>,
    /// After how many rows it fails on purpose.
    pub(crate) fail_after: Option<usize>,
}

/// Where the values of a column go.
#[derive(Debug, PartialEq)]
enum Target {
    Id,
    Field(Box<str>),
    /// A parent named by a key of its own, as in `Account.Ext__c`.
    Parent {
        field: Box<str>,
        relationship: Box<str>,
        object: Box<str>,
        key: Box<str>,
    },
}

impl Load {
    /// Reads an upload.
    ///
    /// # Errors
    ///
    /// Says why the whole upload can't be loaded.
    pub(crate) fn read(upload: &[u8], dialect: Dialect) -> Result<Self, String> {
        if !dialect.fits(upload) {
            return Err(format!(
                "ClientInputError : LineEnding is invalid on user data. Current LineEnding \
                 setting is {}",
                dialect.line_ending_name()
            ));
        }
        let rows: Result<Vec<StringRecord>, _> = dialect.reader(upload).into_records().collect();
        let mut rows = rows.map_err(|error| format!("InvalidBatch : {error}"))?;
        if rows.is_empty() {
            return Err("InvalidBatch : The batch is empty".to_owned());
        }
        let header = rows.remove(0);
        if header.as_slice().len() > HEADER_LIMIT {
            return Err(format!("InvalidBatch : The header is longer than {HEADER_LIMIT}"));
        }
        let heading = upload.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let heading = String::from_utf8_lossy(heading).trim_end_matches('\r').to_owned();
        Ok(Self { header, heading, rows, ..Self::default() })
    }

    /// Does the task, row by row. A row that fails changes nothing.
    ///
    /// # Errors
    ///
    /// Says why the job failed; rows that were done stay done.
    pub(crate) fn run(
        &mut self,
        org: &mut Org,
        writer: &Writer,
        task: &Task<'_>,
    ) -> Result<(), String> {
        let targets = self.targets(org, task)?;
        let mut seen = HashSet::new();
        for (place, row) in self.rows.iter().enumerate() {
            if task.fail_after.is_some_and(|limit| place >= limit) {
                return Err("InternalServerError : The job was stopped by the server".to_owned());
            }
            let id = cell(&targets, row, &Target::Id).and_then(Id::parse);
            let mark = org.mark();
            match self.one(org, writer, task, &targets, row, &mut seen) {
                Ok((id, created)) => self.done.push((place, id, created)),
                Err(refusal) => {
                    org.roll_back(mark);
                    self.failed.push((place, id, error_text(&refusal)));
                }
            }
            org.commit();
        }
        Ok(())
    }

    fn targets(&self, org: &Org, task: &Task<'_>) -> Result<Vec<Target>, String> {
        let schema = &org.table(task.object).object;
        let find = |name: &str| {
            target(org, schema, name)
                .ok_or_else(|| format!("InvalidBatch : Field name not found : {name}"))
        };
        self.header.iter().map(find).collect()
    }

    fn one(
        &self,
        org: &mut Org,
        writer: &Writer,
        task: &Task<'_>,
        targets: &[Target],
        row: &StringRecord,
        seen: &mut HashSet<String>,
    ) -> Result<(Id, bool), Refusal> {
        refuse_ragged(row, targets.len())?;
        let object = task.object;
        let mut body = body(targets, row);
        let own_id = || {
            let text = cell(targets, row, &Target::Id).unwrap_or_default();
            if text.is_empty() {
                let message = format!("Id not specified in an {} call", task.operation);
                return Err(Refusal::new("MISSING_ARGUMENT", message).with_fields(["Id"]));
            }
            Id::parse(text).filter(|id| id.prefix() == org.table(object).object.prefix).ok_or_else(
                || Refusal::new("MALFORMED_ID", format!("bad id {text}")).with_fields(["Id"]),
            )
        };
        match task.operation {
            "insert" => {
                if cell(targets, row, &Target::Id).is_some_and(|text| !text.is_empty()) {
                    body.insert("Id".to_owned(), Json::Null);
                }
                write::insert(org, writer, object, &body).map(|id| (id, true))
            }
            "update" => {
                let id = known(org, own_id()?)?;
                write::update(org, writer, object, id, &body).map(|()| (id, false))
            }
            "delete" | "hardDelete" => {
                let id = known(org, own_id()?)?;
                write::delete(org, writer, object, id)?;
                if task.operation == "hardDelete"
                    && let Some((object, slot)) = org.locate(id)
                {
                    org.remove(object, slot, writer.now);
                }
                Ok((id, false))
            }
            _ => {
                let name = task.key.unwrap_or("Id");
                upsert_row(org, writer, object, name, (targets, row, body), seen)
            }
        }
    }

    /// Returns how many rows were tried.
    pub(crate) fn processed(&self) -> usize {
        self.done.len() + self.failed.len()
    }

    /// Returns how many rows failed.
    pub(crate) fn failed(&self) -> usize {
        self.failed.len()
    }

    /// Writes the rows that were done, in no order of theirs.
    pub(crate) fn successful_results(&self, dialect: Dialect) -> Vec<u8> {
        let lines =
            shuffled(&self.done, |(place, ..)| *place).into_iter().map(|(place, id, new)| {
                let own = [id.to_string(), new.to_string()];
                (own, *place)
            });
        self.table(["sf__Id", "sf__Created"], lines, dialect)
    }

    /// Writes the rows that failed and why, in no order of theirs.
    pub(crate) fn failed_results(&self, dialect: Dialect) -> Vec<u8> {
        let failed = shuffled(&self.failed, |(place, ..)| *place);
        let lines = failed.into_iter().map(|(place, id, error)| {
            let own = [id.map_or_else(String::new, |id| id.to_string()), error.clone()];
            (own, *place)
        });
        self.table(["sf__Id", "sf__Error"], lines, dialect)
    }

    /// Writes the rows that were never tried.
    pub(crate) fn unprocessed_records(&self, dialect: Dialect) -> Vec<u8> {
        let lines = (self.processed()..self.rows.len()).map(|place| ([], place));
        self.table([], lines, dialect)
    }

    fn table<const N: usize>(
        &self,
        names: [&str; N],
        lines: impl Iterator<Item = ([String; N], usize)>,
        dialect: Dialect,
    ) -> Vec<u8> {
        let mut out = dialect.writer();
        // Writing to memory can't fail; short rows are padded below.
        for (own, place) in lines {
            let row = &self.rows[place];
            let cells = (0..self.header.len()).map(|column| row.get(column).unwrap_or_default());
            let _ = out.write_record(own.iter().map(String::as_str).chain(cells));
        }
        let rows = out.into_inner().unwrap_or_default();
        let mut file = dialect.headed(&names, &self.heading).into_bytes();
        file.extend_from_slice(&rows);
        file
    }
}

fn upsert_row(
    org: &mut Org,
    writer: &Writer,
    object: ObjectIndex,
    name: &str,
    (targets, row, mut body): (&[Target], &StringRecord, Body),
    seen: &mut HashSet<String>,
) -> Result<(Id, bool), Refusal> {
    let field = key_field(org, object, name)?;
    let name = org.table(object).object.field(field).name.clone();
    let target = if field == ID_FIELD { Target::Id } else { Target::Field(name.clone()) };
    let key = cell(targets, row, &target).filter(|key| !key.is_empty() && *key != CLEAR);
    let Some(key) = key else {
        if field == ID_FIELD {
            return write::insert(org, writer, object, &body).map(|id| (id, true));
        }
        let message = format!("{name} not specified");
        return Err(Refusal::new("MISSING_ARGUMENT", message).with_fields([&*name]));
    };
    if !seen.insert(folded(key)) {
        let message = format!("Duplicate external id specified: {key}");
        return Err(Refusal::new("DUPLICATE_VALUE", message).with_fields([&*name]));
    }
    body.remove(&*name);
    match write::upsert(org, writer, object, (field, key), &body)? {
        Upserted::Created(id) => Ok((id, true)),
        Upserted::Updated(id) => Ok((id, false)),
        Upserted::Several(ids) => {
            let message =
                format!("{name}: more than one record found for external id field: {ids:?}");
            Err(Refusal::new("DUPLICATE_EXTERNAL_ID", message).with_fields([&*name]))
        }
    }
}

/// Returns where a column's values go: `Email`, `Account.Ext__c`, `Lead:Who.Email`.
/// Only a reference to one of several objects is told its object.
fn target(org: &Org, schema: &Object, name: &str) -> Option<Target> {
    let Some((relationship, key)) = name.split_once('.') else {
        let index = schema.find(name)?;
        return Some(match index {
            ID_FIELD => Target::Id,
            _ => Target::Field(schema.field(index).name.clone()),
        });
    };
    let (parent, relationship) = match relationship.split_once(':') {
        Some((parent, relationship)) => (Some(parent), relationship),
        None => (None, relationship),
    };
    let field = schema.field(schema.find_relationship(relationship)?);
    let parent = match (parent, &field.refers_to[..]) {
        (None, [only]) => &**only,
        (Some(parent), several) if several.len() > 1 => {
            several.iter().find(|known| known.eq_ignore_ascii_case(parent))?
        }
        _ => return None,
    };
    let parent = &org.table(org.find_object(parent)?).object;
    let key = parent.field(parent.find(key)?);
    (key.external_id || key.id_lookup).then(|| Target::Parent {
        field: field.name.clone(),
        relationship: relationship.into(),
        object: parent.name.into(),
        key: key.name.clone(),
    })
}

fn cell<'a>(targets: &[Target], row: &'a StringRecord, wanted: &Target) -> Option<&'a str> {
    row.get(targets.iter().position(|target| target == wanted)?)
}

fn body(targets: &[Target], row: &StringRecord) -> Body {
    let mut body = Body::new();
    for (target, text) in targets.iter().zip(row).filter(|(_, text)| !text.is_empty()) {
        match target {
            Target::Id => {}
            Target::Field(name) if text == CLEAR => {
                body.insert(name.to_string(), Json::Null);
            }
            Target::Field(name) => {
                body.insert(name.to_string(), text.into());
            }
            Target::Parent { field, .. } if text == CLEAR => {
                body.insert(field.to_string(), Json::Null);
            }
            Target::Parent { relationship, object, key, .. } => {
                let parent = json!({"attributes": {"type": object}, &**key: text});
                body.insert(relationship.to_string(), parent);
            }
        }
    }
    body
}

fn refuse_ragged(row: &StringRecord, columns: usize) -> Result<(), Refusal> {
    if row.len() != columns {
        let message = format!("The row has {} values, the header {columns}", row.len());
        return Err(Refusal::new("INVALID_CSV_ROW", message));
    }
    if row.iter().any(|text| text.starts_with(' ') && text.trim_start().starts_with('"')) {
        return Err(Refusal::new("INVALID_CSV_ROW", "A space stands next to a quote"));
    }
    Ok(())
}

/// Refuses the id of a record that there is not.
fn known(org: &Org, id: Id) -> Result<Id, Refusal> {
    org.locate(id)
        .map(|_| id)
        .ok_or_else(|| Refusal::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"))
}

fn error_text(refusal: &Refusal) -> String {
    // What a JSON parser says of a request is said of a field here.
    let code = match refusal.code {
        "JSON_PARSER_ERROR" => "INVALID_TYPE_ON_FIELD_IN_RECORD",
        code => code,
    };
    let fields = match &refusal.fields[..] {
        [] => String::new(),
        fields => format!("{} ", fields.join(",")),
    };
    format!("{code}:{}:{fields}--", refusal.message)
}

/// Returns the items in an order that looks like none but is always the same.
fn shuffled<T>(items: &[T], place: impl Fn(&T) -> usize) -> Vec<&T> {
    let mut items: Vec<&T> = items.iter().collect();
    items.sort_by_key(|item| (place(item) as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    items
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DELIMITERS: [&str; 6] = ["BACKQUOTE", "CARET", "COMMA", "PIPE", "SEMICOLON", "TAB"];

    fn dialect() -> impl Strategy<Value = Dialect> {
        let endings = prop::sample::select(vec!["LF", "CRLF"]);
        (prop::sample::select(DELIMITERS.to_vec()), endings)
            .prop_map(|(delimiter, ending)| Dialect::named(delimiter, ending).unwrap())
    }

    proptest! {
        #[test]
        fn no_upload_brings_the_reader_down(
            upload in prop::collection::vec(any::<u8>(), 0..200),
            dialect in dialect(),
        ) {
            if let Ok(load) = Load::read(&upload, dialect) {
                load.unprocessed_records(dialect);
            }
        }

        #[test]
        fn what_is_written_reads_as_the_same_rows(
            cells in prop::collection::vec(["[^\r]{0,8}", "\\PC{0,8}"], 1..8),
            dialect in dialect(),
        ) {
            let header = StringRecord::from(vec!["A", "B"]);
            let rows = cells.iter().map(|row| StringRecord::from(row.to_vec())).collect();
            let heading = dialect.headed(&["A"], "B").trim_end().to_owned();
            let load = Load { header, heading, rows, ..Load::default() };
            let again = Load::read(&load.unprocessed_records(dialect), dialect).unwrap();
            prop_assert_eq!(again.header, load.header);
            prop_assert_eq!(again.rows, load.rows);
        }
    }
}
