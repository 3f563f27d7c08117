//! Tests of a mapping that are files: what goes in, and what must come out.
//!
//! The form is that of the kit for Rust, so that a case judges a mapping in whatever
//! language: here through the real component, there natively.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{Brought, Cause, Error, Library, Mapping};
use crate::model::{
    ActionItem, Fields, Matched, Meeting, Object, Problem, Pulled, Pushed, Request, SalesforceId,
    Setting, Value,
};

/// How many cases a folder may hold.
const CASES_MAX: usize = 10_000;
/// How large a case may be, in bytes.
const CASE_MAX: u64 = 8 << 20;

/// What became of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The file.
    pub file: PathBuf,
    /// What the mapping gives.
    pub gives: Json,
    /// What it should give.
    pub should: Json,
}

impl Judged {
    /// Tells whether the mapping gives what it should.
    pub fn holds(&self) -> bool {
        self.gives == self.should
    }

    /// Writes what the mapping gives into the case, as what it should give.
    pub fn bless(&self) -> Result<(), String> {
        let text = read(&self.file)?;
        let mut case: Json = parse(&self.file, &text)?;
        let fields = case.as_object_mut().ok_or("a case is a JSON object")?;
        fields.insert("gives".to_owned(), self.gives.clone());
        let pretty = serde_json::to_string_pretty(&case).map_err(|error| error.to_string())?;
        std::fs::write(&self.file, pretty + "\n").map_err(|error| said(&self.file, &error))
    }
}

/// Judges a mapping by the cases in a folder, in the order of their names.
pub fn judge(
    library: &Library,
    brought: &Brought,
    object: Object,
    folder: &Path,
) -> Result<Vec<Judged>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| said(folder, &error))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    if files.is_empty() || files.len() > CASES_MAX {
        let count = files.len();
        return Err(format!("{} holds {count} cases, not 1 to {CASES_MAX}", folder.display()));
    }
    files.into_iter().map(|case| judge_one(library, brought, object, case)).collect()
}

/// One case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    settings: BTreeMap<String, String>,
    record: Option<Map<String, Json>>,
    request: Option<CaseRequest>,
    gives: Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRequest {
    now: Option<Timestamp>,
    meeting: Meeting,
    action_item: Option<Json>,
    target: Option<CaseRecord>,
    #[serde(default)]
    matches: BTreeMap<String, CaseRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRecord {
    id: SalesforceId,
    #[serde(default)]
    fields: Map<String, Json>,
}

/// Judges a mapping by one case.
pub fn judge_one(
    library: &Library,
    brought: &Brought,
    object: Object,
    path: PathBuf,
) -> Result<Judged, String> {
    let case: Case = parse(&path, &read(&path)?)?;
    let settings = case.settings.into_iter().map(|(name, value)| Setting { name, value });
    let gives = match library.mapping_of(Some(brought), object, settings.collect()) {
        Ok(mapping) => match (case.record, case.request) {
            (Some(record), None) => pulled(&mapping, record),
            (None, Some(request)) => pushed(&mapping, object, request)
                .map_err(|why| format!("{}: {why}", path.display()))?,
            _ => return Err(format!("{}: it holds no record or request, or both", path.display())),
        },
        Err(error) => match error.cause() {
            Some(Cause::Refused(problem)) => json!({ "refused": problem.message }),
            _ => return Err(error.to_string()),
        },
    };
    Ok(Judged { file: path, gives, should: case.gives })
}

fn pulled(mapping: &Mapping, record: Map<String, Json>) -> Json {
    let (columns, row): (Vec<String>, Vec<Value>) =
        record.into_iter().map(|(name, json)| (name, value(&json))).unzip();
    match mapping.pull(&columns, &[row]).map(|mut outcomes| outcomes.remove(0)) {
        Ok(Pulled::Mapped(values)) => {
            let columns = mapping.spec().columns.iter().map(|column| column.name.clone());
            json!({ "mapped": object_of(columns.zip(values)) })
        }
        Ok(Pulled::Skipped(reason)) => json!({ "skipped": reason }),
        Ok(Pulled::Failed(problem)) => failed(problem),
        Err(error) => stopped(&error),
    }
}

fn pushed(mapping: &Mapping, object: Object, case: CaseRequest) -> Result<Json, String> {
    let mut item: Option<ActionItem> = None;
    if let Some(mut json) = case.action_item {
        // A case may leave out what is usual.
        if let Some(item) = json.as_object_mut().filter(|item| !item.contains_key("done")) {
            item.insert("done".to_owned(), false.into());
        }
        item = Some(serde_json::from_value(json).map_err(|error| error.to_string())?);
    }
    let matches = case.matches.into_iter();
    let request = Request {
        now: case.now.unwrap_or("2026-01-31T09:30:00Z".parse().unwrap_or_default()),
        meeting: Arc::new(case.meeting),
        action_item: item,
        target: case.target.map(|target| target.matched(object.as_str())),
        matches: matches.map(|(object, record)| record.matched(&object)).collect(),
    };
    Ok(match mapping.push(&[request]).map(|mut outcomes| outcomes.remove(0)) {
        Ok(Pushed::Mapped(fields)) => json!({ "mapped": object_of(fields.into_iter()) }),
        Ok(Pushed::Skipped(reason)) => json!({ "skipped": reason }),
        Ok(Pushed::Failed(problem)) => failed(problem),
        Err(error) => stopped(&error),
    })
}

impl CaseRecord {
    fn matched(self, object: &str) -> Matched {
        let fields: Fields =
            self.fields.iter().map(|(name, json)| (name.clone(), value(json))).collect();
        Matched { object: object.to_owned(), id: self.id, fields }
    }
}

fn failed(problem: Problem) -> Json {
    json!({ "failed": problem.message, "at": problem.at })
}

fn stopped(error: &Error) -> Json {
    json!({ "stopped": error.to_string() })
}

/// Returns values by name, without those that are null.
fn object_of(values: impl Iterator<Item = (String, Value)>) -> Json {
    let filled = values.filter(|(_, value)| *value != Value::Null);
    filled.map(|(name, value)| (name, value.to_json())).collect::<Map<_, _>>().into()
}

fn value(json: &Json) -> Value {
    match json {
        Json::Bool(truth) => Value::Boolean(*truth),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| number.as_f64().map_or(Value::Null, Value::Number), Value::Integer),
        Json::String(text) => Value::Text(text.clone()),
        _ => Value::Null,
    }
}

fn read(file: &Path) -> Result<String, String> {
    let size = file.metadata().map_err(|error| said(file, &error))?.len();
    if size > CASE_MAX {
        return Err(format!("{} is larger than {CASE_MAX} bytes", file.display()));
    }
    std::fs::read_to_string(file).map_err(|error| said(file, &error))
}

fn parse<T: serde::de::DeserializeOwned>(file: &Path, text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("{}: {error}", file.display()))
}

fn said(file: &Path, error: &std::io::Error) -> String {
    format!("can't use {}: {error}", file.display())
}
