//! Tests of a mapping that are files: what goes in, and what must come out.
//!
//! A case is a JSON file in the folder `cases` of the mapping's crate:
//!
//! ```json
//! { "record": { "Name": "Ada Marlow" }, "gives": { "mapped": { "name": "Ada Marlow" } } }
//! { "request": { "meeting": { … }, "target": { … } }, "gives": { "skipped": "…" } }
//! { "settings": { "custom_fields": "Score__c:digits" }, "gives": { "refused": "…" } }
//! ```
//!
//! A record without a field stands for an org without it. An entity is compared
//! without its empty columns.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::{
    ActionItem, Extra, Field, Insight, Mapping, Matched, Meeting, Participant, Problem, Pulled,
    Pushed, Request, Running, Setting, Spec, Table, Value,
};

/// Checks every case in the folder `cases` of a crate, given the crate's folder
/// as `env!("CARGO_MANIFEST_DIR")`; panics with all that differ.
pub fn check<M: Mapping>(crate_folder: &str) {
    let folder = Path::new(crate_folder).join("cases");
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = files.flatten().map(|file| file.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    assert!(!files.is_empty(), "there is no case in {}", folder.display());
    let differ: Vec<_> = files.iter().filter_map(|file| differs::<M>(file)).collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
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
    #[serde(default = "now")]
    now: String,
    meeting: CaseMeeting,
    action_item: Option<CaseItem>,
    target: Option<CaseRecord>,
    #[serde(default)]
    matches: BTreeMap<String, CaseRecord>,
}

fn now() -> String {
    "2026-01-31T09:30:00Z".to_owned()
}

#[derive(Deserialize)]
struct CaseMeeting {
    id: String,
    title: String,
    started_at: String,
    ended_at: Option<String>,
    url: Option<String>,
    organizer: Option<CasePerson>,
    #[serde(default)]
    participants: Vec<CasePerson>,
    summary: Option<String>,
    #[serde(default)]
    insights: Vec<CaseInsight>,
    #[serde(flatten)]
    extras: Map<String, Json>,
}

#[derive(Deserialize)]
struct CasePerson {
    name: Option<String>,
    email: Option<String>,
    #[serde(flatten)]
    extras: Map<String, Json>,
}

#[derive(Deserialize)]
struct CaseInsight {
    kind: String,
    text: String,
    #[serde(flatten)]
    extras: Map<String, Json>,
}

#[derive(Deserialize)]
struct CaseItem {
    id: String,
    text: String,
    owner_email: Option<String>,
    due_on: Option<String>,
    #[serde(default)]
    done: bool,
    #[serde(flatten)]
    extras: Map<String, Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRecord {
    id: String,
    #[serde(default)]
    fields: Map<String, Json>,
}

/// Returns how a case differs, if it does.
fn differs<M: Mapping>(file: &Path) -> Option<String> {
    let name = file.display();
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    let case: Case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = case.gives.clone();
    let given = run::<M>(case);
    (given != expected).then(|| format!("{name}\n  gives     {given}\n  should be {expected}"))
}

/// Returns what a mapping gives for a case.
fn run<M: Mapping>(case: Case) -> Json {
    let settings = case.settings.into_iter().map(|(name, value)| Setting { name, value });
    let (running, spec) = match Running::<M>::configure(settings.collect()) {
        Ok(configured) => configured,
        Err(problem) => return json!({ "refused": problem.message }),
    };
    match (case.record, case.request) {
        (Some(record), None) => pull(&running, &spec, record),
        (None, Some(request)) => push(&running, &spec, request),
        _ => json!({ "refused": "a case holds a record or a request" }),
    }
}

fn pull<M: Mapping>(running: &Running<M>, spec: &Spec, record: Map<String, Json>) -> Json {
    let (columns, row) = record.into_iter().map(|(name, json)| (name, value(&json))).unzip();
    let outcome = running.pull(Table { columns, rows: vec![row] }).remove(0);
    match outcome {
        Pulled::Mapped(values) => {
            let columns = spec.columns.iter().map(|column| column.name.clone());
            json!({ "mapped": object(columns.zip(values)) })
        }
        Pulled::Skipped(reason) => json!({ "skipped": reason }),
        Pulled::Failed(problem) => failed(problem),
    }
}

fn push<M: Mapping>(running: &Running<M>, spec: &Spec, request: CaseRequest) -> Json {
    let request = request.into_request(&spec.object);
    match running.push(&[request]).remove(0) {
        Pushed::Mapped(fields) => {
            let fields = fields.into_iter().map(|field| (field.name, field.value));
            json!({ "mapped": object(fields) })
        }
        Pushed::Skipped(reason) => json!({ "skipped": reason }),
        Pushed::Failed(problem) => failed(problem),
    }
}

fn failed(problem: Problem) -> Json {
    json!({ "failed": problem.message, "at": problem.at })
}

/// Returns values by name, without those that are null.
fn object(values: impl Iterator<Item = (String, Value)>) -> Json {
    let filled = values.filter(|(_, value)| *value != Value::Null);
    filled.map(|(name, value)| (name, plain(value))).collect::<Map<_, _>>().into()
}

fn plain(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(truth) => json!(truth),
        Value::Integer(number) => json!(number),
        Value::Number(number) => json!(number),
        Value::Text(text) => json!(text),
    }
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

impl CaseRequest {
    fn into_request(self, object: &str) -> Request {
        let matches = self.matches.into_iter();
        Request {
            now: self.now,
            meeting: self.meeting.into(),
            action_item: self.action_item.map(Into::into),
            target: self.target.map(|target| target.into_matched(object)),
            matches: matches.map(|(object, record)| record.into_matched(&object)).collect(),
        }
    }
}

impl CaseRecord {
    fn into_matched(self, object: &str) -> Matched {
        let fields = self.fields.iter();
        Matched {
            object: object.to_owned(),
            id: self.id,
            fields: fields
                .map(|(name, json)| Field { name: name.clone(), value: value(json) })
                .collect(),
        }
    }
}

impl From<CaseMeeting> for Meeting {
    fn from(meeting: CaseMeeting) -> Self {
        let insights = meeting.insights.into_iter();
        Self {
            id: meeting.id,
            title: meeting.title,
            started_at: meeting.started_at,
            ended_at: meeting.ended_at,
            url: meeting.url,
            organizer: meeting.organizer.map(Into::into),
            participants: meeting.participants.into_iter().map(Into::into).collect(),
            summary: meeting.summary,
            insights: insights.map(Into::into).collect(),
            extras: extras(meeting.extras),
        }
    }
}

impl From<CasePerson> for Participant {
    fn from(person: CasePerson) -> Self {
        Self { name: person.name, email: person.email, extras: extras(person.extras) }
    }
}

impl From<CaseInsight> for Insight {
    fn from(insight: CaseInsight) -> Self {
        Self { kind: insight.kind, text: insight.text, extras: extras(insight.extras) }
    }
}

impl From<CaseItem> for ActionItem {
    fn from(item: CaseItem) -> Self {
        Self {
            id: item.id,
            text: item.text,
            owner_email: item.owner_email,
            due_on: item.due_on,
            done: item.done,
            extras: extras(item.extras),
        }
    }
}

fn extras(extras: Map<String, Json>) -> Vec<Extra> {
    extras.into_iter().map(|(name, json)| Extra { name, json: json.to_string() }).collect()
}
