//! The contract's first version: the only room that sees generated bindings.
//!
//! Values cross the border once: what goes in is borrowed from the host's own
//! rows, what comes out is moved.

use bindings::exports::efficlose::mapping::object as wit;

use super::state::State;
use crate::model::{
    Column, ColumnType, Fields, Kind, Matched, Meeting, Need, Policy, Problem, Pulled, Pushed,
    Request, Setting, Spec, Value, Write,
};

pub(super) use bindings::exports::efficlose::mapping::object::Spec as WitSpec;
pub(super) use bindings::{Mapping, MappingPre};

/// The version that this room speaks, as a package's name ends.
pub(super) const VERSION: (u64, u64) = (1, 0);

#[allow(missing_docs, unreachable_pub, clippy::all, unsafe_code, dead_code)]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/v1",
        world: "mapping",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

/// Offers the log to components.
pub(super) fn link(linker: &mut wasmtime::component::Linker<State>) -> wasmtime::Result<()> {
    use wasmtime::component::HasSelf;
    Mapping::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

impl bindings::efficlose::mapping::log::Host for State {
    fn write(&mut self, level: bindings::efficlose::mapping::log::Level, message: String) {
        use bindings::efficlose::mapping::log::Level;
        let level = match level {
            Level::Debug => tracing::Level::DEBUG,
            Level::Info => tracing::Level::INFO,
            Level::Warn => tracing::Level::WARN,
            Level::Error => tracing::Level::ERROR,
        };
        self.log(level, &message);
    }
}

/// Configures an instance: the first call of every instance.
pub(super) fn configure(
    instance: &Mapping,
    store: &mut wasmtime::Store<State>,
    settings: &[Setting],
) -> wasmtime::Result<Result<wit::Spec, Problem>> {
    let settings: Vec<_> =
        settings.iter().map(|s| wit::Setting { name: &s.name, value: &s.value }).collect();
    let answer = instance.efficlose_mapping_object().call_configure(store, &settings)?;
    Ok(answer.map_err(problem))
}

/// Maps rows to entities.
pub(super) fn pull(
    instance: &Mapping,
    store: &mut wasmtime::Store<State>,
    columns: &[String],
    rows: &[Vec<Value>],
) -> wasmtime::Result<Vec<Pulled>> {
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    // One list for all rows: a list for each would be an allocation for each.
    let mut values = Vec::with_capacity(rows.iter().map(Vec::len).sum());
    for row in rows {
        values.extend(row.iter().map(value_in));
    }
    let mut rest = values.as_slice();
    let rows: Vec<&[wit::ValueParam<'_>]> = rows
        .iter()
        .map(|row| {
            let (own, after) = rest.split_at(row.len());
            rest = after;
            own
        })
        .collect();
    let table = wit::Table { columns: &columns, rows: &rows };
    let outcomes = instance.efficlose_mapping_object().call_pull(store, table)?;
    Ok(outcomes.into_iter().map(pulled).collect())
}

/// Maps meetings to fields to write.
pub(super) fn push(
    instance: &Mapping,
    store: &mut wasmtime::Store<State>,
    requests: &[Request],
) -> wasmtime::Result<Vec<Pushed>> {
    let texts: Vec<_> = requests.iter().map(Texts::of).collect();
    let extras: Vec<_> = texts.iter().map(ExtraParts::of).collect();
    let parts: Vec<_> = requests.iter().zip(&extras).map(|(r, e)| Parts::of(r, e)).collect();
    let matches: Vec<Vec<_>> = requests
        .iter()
        .zip(&parts)
        .map(|(request, parts)| {
            let matched = request.matches.iter().zip(&parts.matches);
            matched.map(|(matched, fields)| matched_in(matched, fields)).collect()
        })
        .collect();
    let requests: Vec<_> = requests
        .iter()
        .zip(texts.iter().zip(&extras).zip(&parts))
        .zip(&matches)
        .map(|((request, ((texts, extras), parts)), matches)| wit::Request {
            now: &texts.now,
            meeting: meeting_in(&request.meeting, texts, extras, parts),
            action_item: request.action_item.as_ref().map(|item| wit::ActionItem {
                id: &item.id,
                text: &item.text,
                owner_email: item.owner_email.as_deref(),
                due_on: texts.due_on.as_deref(),
                done: item.done,
                extras: &extras.item,
            }),
            target: request.target.as_ref().map(|target| matched_in(target, &parts.target)),
            matches,
        })
        .collect();
    let outcomes = instance.efficlose_mapping_object().call_push(store, &requests)?;
    Ok(outcomes.into_iter().map(pushed).collect())
}

/// Fields that the contract doesn't know, by name, as JSON.
type Extras = Vec<(String, String)>;

/// The texts of a request that the host holds in another form.
struct Texts {
    now: String,
    started_at: String,
    ended_at: Option<String>,
    due_on: Option<String>,
    extras: Extras,
    item_extras: Extras,
    organizer_extras: Extras,
    participant_extras: Vec<Extras>,
    insight_extras: Vec<Extras>,
}

impl Texts {
    fn of(request: &Request) -> Self {
        let json = |extras: &serde_json::Map<String, serde_json::Value>| -> Extras {
            extras.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
        };
        let item = request.action_item.as_ref();
        let meeting = &request.meeting;
        let mut extras = json(&meeting.extras);
        // Whatever was told under that name, a mapping finds a day there.
        extras.retain(|(name, _)| name != Meeting::STARTED_ON);
        extras.push((Meeting::STARTED_ON.to_owned(), format!("\"{}\"", meeting.day(None))));
        Self {
            now: request.now.to_string(),
            started_at: meeting.started_at.to_string(),
            ended_at: meeting.ended_at.map(|at| at.to_string()),
            due_on: item.and_then(|item| item.due_on).map(|due| due.day(None).to_string()),
            extras,
            item_extras: item.map(|item| json(&item.extras)).unwrap_or_default(),
            organizer_extras: meeting
                .organizer
                .as_ref()
                .map(|organizer| json(&organizer.extras))
                .unwrap_or_default(),
            participant_extras: meeting.participants.iter().map(|p| json(&p.extras)).collect(),
            insight_extras: meeting.insights.iter().map(|i| json(&i.extras)).collect(),
        }
    }
}

/// The extras of a request, borrowed from its texts.
struct ExtraParts<'a> {
    meeting: Vec<wit::Extra<'a>>,
    item: Vec<wit::Extra<'a>>,
    organizer: Vec<wit::Extra<'a>>,
    participants: Vec<Vec<wit::Extra<'a>>>,
    insights: Vec<Vec<wit::Extra<'a>>>,
}

impl<'a> ExtraParts<'a> {
    fn of(texts: &'a Texts) -> Self {
        let extras = |extras: &'a Extras| -> Vec<_> {
            extras.iter().map(|(name, json)| wit::Extra { name, json }).collect()
        };
        Self {
            meeting: extras(&texts.extras),
            item: extras(&texts.item_extras),
            organizer: extras(&texts.organizer_extras),
            participants: texts.participant_extras.iter().map(extras).collect(),
            insights: texts.insight_extras.iter().map(extras).collect(),
        }
    }
}

/// The lists of a request, borrowed from it.
struct Parts<'a> {
    participants: Vec<wit::Participant<'a>>,
    insights: Vec<wit::Insight<'a>>,
    target: Vec<wit::FieldParam<'a>>,
    matches: Vec<Vec<wit::FieldParam<'a>>>,
}

impl<'a> Parts<'a> {
    fn of(request: &'a Request, extras: &'a ExtraParts<'a>) -> Self {
        let meeting = &request.meeting;
        let fields = |matched: &'a Matched| {
            let fields = matched.fields.iter();
            fields.map(|(name, value)| wit::FieldParam { name, value: value_in(value) }).collect()
        };
        let participants = meeting.participants.iter().zip(&extras.participants);
        let insights = meeting.insights.iter().zip(&extras.insights);
        Self {
            participants: participants.map(|(one, extras)| participant_in(one, extras)).collect(),
            insights: insights
                .map(|(insight, extras)| wit::Insight {
                    kind: &insight.kind,
                    text: &insight.text,
                    extras,
                })
                .collect(),
            target: request.target.as_ref().map(fields).unwrap_or_default(),
            matches: request.matches.iter().map(fields).collect(),
        }
    }
}

fn meeting_in<'a>(
    meeting: &'a Meeting,
    texts: &'a Texts,
    extras: &'a ExtraParts<'a>,
    parts: &'a Parts<'a>,
) -> wit::Meeting<'a> {
    wit::Meeting {
        id: &meeting.id,
        title: &meeting.title,
        started_at: &texts.started_at,
        ended_at: texts.ended_at.as_deref(),
        url: meeting.url.as_deref(),
        organizer: meeting.organizer.as_ref().map(|one| participant_in(one, &extras.organizer)),
        participants: &parts.participants,
        summary: meeting.summary.as_deref(),
        insights: &parts.insights,
        extras: &extras.meeting,
    }
}

fn participant_in<'a>(
    participant: &'a crate::model::Participant,
    extras: &'a [wit::Extra<'a>],
) -> wit::Participant<'a> {
    let (name, email) = (participant.name.as_deref(), participant.email.as_deref());
    wit::Participant { name, email, extras }
}

fn matched_in<'a>(matched: &'a Matched, fields: &'a [wit::FieldParam<'a>]) -> wit::Matched<'a> {
    wit::Matched { object: &matched.object, id: matched.id.as_str(), fields }
}

fn value_in(value: &Value) -> wit::ValueParam<'_> {
    match value {
        Value::Null => wit::ValueParam::Null,
        Value::Boolean(truth) => wit::ValueParam::Boolean(*truth),
        Value::Integer(number) => wit::ValueParam::Integer(*number),
        Value::Number(number) => wit::ValueParam::Number(*number),
        Value::Text(text) => wit::ValueParam::Text(text),
    }
}

fn value(value: wit::ValueResult) -> Value {
    match value {
        wit::ValueResult::Null => Value::Null,
        wit::ValueResult::Boolean(truth) => Value::Boolean(truth),
        wit::ValueResult::Integer(number) => Value::Integer(number),
        wit::ValueResult::Number(number) => Value::Number(number),
        wit::ValueResult::Text(text) => Value::Text(text),
    }
}

fn pulled(outcome: wit::Pulled) -> Pulled {
    match outcome {
        wit::Pulled::Mapped(values) => Pulled::Mapped(values.into_iter().map(value).collect()),
        wit::Pulled::Skipped(reason) => Pulled::Skipped(said(&reason)),
        wit::Pulled::Failed(why) => Pulled::Failed(problem(why)),
    }
}

fn pushed(outcome: wit::Pushed) -> Pushed {
    match outcome {
        wit::Pushed::Mapped(fields) => {
            let fields: Fields = fields.into_iter().map(|f| (f.name, value(f.value))).collect();
            Pushed::Mapped(fields)
        }
        wit::Pushed::Skipped(reason) => Pushed::Skipped(said(&reason)),
        wit::Pushed::Failed(why) => Pushed::Failed(problem(why)),
    }
}

fn problem(problem: wit::Problem) -> Problem {
    let at = problem.at.map(|at| said(&at));
    let hint = problem.hint.map(|hint| said(&hint));
    Problem { message: said(&problem.message), at, hint }
}

/// Returns a component's words as they may be stored and shown: on one line, and
/// not too long.
pub(super) fn said(text: &str) -> String {
    /// How many characters of a component's words are kept.
    const SAID_MAX: usize = 500;
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().take(SAID_MAX).map(plain).collect()
}

/// Checks a spec as the mapping gave it; the error is a fact about it.
pub(super) fn spec(spec: wit::Spec) -> Result<Spec, String> {
    let text = |error: crate::model::NameError| error.to_string();
    let kind = match spec.kind {
        wit::Kind::Person => Kind::Person,
        wit::Kind::Company => Kind::Company,
        wit::Kind::Deal => Kind::Deal,
        wit::Kind::Task => Kind::Task,
    };
    let reads = spec
        .reads
        .into_iter()
        .map(|need| Ok(Need { path: need.path.parse().map_err(text)?, optional: need.optional }));
    let writes = spec.writes.into_iter().map(|write| {
        let field = write.field.parse().map_err(text)?;
        Ok(Write { field, optional: write.optional, policy: policy(write.policy) })
    });
    let columns = spec.columns.into_iter();
    Ok(Spec {
        object: spec.object.parse()?,
        kind,
        reads: reads.collect::<Result<_, String>>()?,
        filter: spec.filter.map(|filter| filter.parse().map_err(text)).transpose()?,
        columns: columns.map(|c| Column { name: c.name, of: column_type(c.of) }).collect(),
        writes: writes.collect::<Result<_, String>>()?,
    })
}

fn column_type(of: wit::ColumnType) -> ColumnType {
    match of {
        wit::ColumnType::Text => ColumnType::Text,
        wit::ColumnType::Integer => ColumnType::Integer,
        wit::ColumnType::Number => ColumnType::Number,
        wit::ColumnType::Boolean => ColumnType::Boolean,
        wit::ColumnType::Date => ColumnType::Date,
        wit::ColumnType::Timestamp => ColumnType::Timestamp,
    }
}

fn policy(policy: wit::Policy) -> Policy {
    match policy {
        wit::Policy::FillIfBlank => Policy::FillIfBlank,
        wit::Policy::Overwrite => Policy::Overwrite,
        wit::Policy::Append => Policy::Append,
        wit::Policy::OursUntilEdited => Policy::OursUntilEdited,
    }
}
