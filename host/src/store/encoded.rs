//! Encoded rows: as they are written, so that whoever has time for it can encode them, and
//! the transaction only writes.

use jiff::Timestamp;

use super::entities::{Fate, folded};
use super::{jsonb, value};
use crate::model::{Object, Problem, Pulled, SalesforceId, Spec, Value};

/// One record of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The record.
    pub id: SalesforceId,
    /// Its `SystemModstamp`.
    pub modified_at: Timestamp,
    /// Its values, one for each column; may be empty for one that is gone.
    pub source: Vec<Value>,
    /// What it was merged into or converted to.
    pub became: Vec<(Object, SalesforceId)>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a record that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// What the mapping made of it.
    Pulled(Pulled),
    /// Salesforce has deleted it.
    Deleted,
    /// The connected user doesn't see it any more, though it may be there.
    Hidden,
    /// The mapping's condition doesn't select it any more.
    Unselected,
}

/// A record as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    pub(super) id: SalesforceId,
    pub(super) modified_at: Timestamp,
    pub(super) became: Vec<(Object, SalesforceId)>,
    pub(super) what: What,
}

/// What is written of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// That it is gone, and why.
    Gone(Fate, Option<&'static str>),
    /// What it is.
    There(There),
}

/// A record that is there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct There {
    /// Its values, as JSONB.
    pub(super) source: Vec<u8>,
    /// Tells them from others.
    pub(super) hash: Vec<u8>,
    pub(super) outcome: Made,
}

/// What a mapping made of a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Made {
    Entity(Box<Searchable>),
    Skipped(String),
    Failed(Problem),
}

impl Made {
    pub(super) fn fate(&self) -> Fate {
        match self {
            Self::Entity(_) => Fate::Mapped,
            Self::Skipped(_) => Fate::Skipped,
            Self::Failed(_) => Fate::Failed,
        }
    }
}

/// An entity, with what it is searched by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Searchable {
    /// All its columns, as JSONB.
    pub(super) fields: Vec<u8>,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) account_id: Option<String>,
    pub(super) owner_id: Option<String>,
    pub(super) closed: Option<bool>,
    pub(super) converted: Option<bool>,
    pub(super) on_date: Option<String>,
    pub(super) who_id: Option<String>,
    pub(super) what_id: Option<String>,
}

/// Encodes rows: `columns` are the names of a source's values, `spec` those of an entity's.
pub fn encode(rows: Vec<Row>, spec: &Spec, columns: &[String]) -> Vec<Encoded> {
    let places = Places::of(spec);
    rows.into_iter().map(|row| places.encode(row, spec, columns)).collect()
}

/// Where the columns that are searched lie in a mapping's outcome.
struct Places {
    name: Option<usize>,
    email: Option<usize>,
    domain: Option<usize>,
    account_id: Option<usize>,
    owner_id: Option<usize>,
    closed: Option<usize>,
    converted: Option<usize>,
    on_date: Option<usize>,
    who_id: Option<usize>,
    what_id: Option<usize>,
}

impl Places {
    fn of(spec: &Spec) -> Self {
        let place = |name| spec.columns.iter().position(|column| column.name == name);
        Self {
            name: place("name"),
            email: place("email"),
            domain: place("domain"),
            account_id: place("account_id"),
            owner_id: place("owner_id"),
            closed: place("closed"),
            converted: place("converted"),
            on_date: place("due_on").or_else(|| place("close_on")),
            who_id: place("who_id"),
            what_id: place("what_id"),
        }
    }

    fn encode(&self, row: Row, spec: &Spec, columns: &[String]) -> Encoded {
        let Row { id, modified_at, source, became, outcome } = row;
        let pulled = match outcome {
            Outcome::Pulled(pulled) => pulled,
            gone => {
                let what = match gone {
                    Outcome::Hidden => What::Gone(
                        Fate::Hidden,
                        Some("the connected user does not see it any more"),
                    ),
                    Outcome::Unselected => {
                        What::Gone(Fate::Unselected, Some("the mapping no longer selects it"))
                    }
                    _ => What::Gone(Fate::Deleted, None),
                };
                return Encoded { id, modified_at, became, what };
            }
        };
        let mut object = Vec::new();
        jsonb::write(&mut object, columns.iter().map(String::as_str).zip(&source));
        let hash = value::hash(&object).to_vec();
        let outcome = match pulled {
            Pulled::Mapped(values) => Made::Entity(Box::new(self.entity(&values, spec))),
            Pulled::Skipped(reason) => Made::Skipped(reason),
            Pulled::Failed(problem) => Made::Failed(problem),
        };
        let what = What::There(There { source: object, hash, outcome });
        Encoded { id, modified_at, became, what }
    }

    fn entity(&self, values: &[Value], spec: &Spec) -> Searchable {
        let mut fields = Vec::new();
        let columns = spec.columns.iter().map(|column| column.name.as_str());
        jsonb::write(&mut fields, columns.zip(values));
        let text = |place| text(values, place).map(str::to_owned);
        Searchable {
            fields,
            name: text(self.name),
            email: text(self.email).map(|text| folded(&text)),
            domain: text(self.domain).map(|text| folded(&text)),
            account_id: text(self.account_id),
            owner_id: text(self.owner_id),
            closed: boolean(values, self.closed),
            converted: boolean(values, self.converted),
            on_date: text(self.on_date),
            who_id: text(self.who_id),
            what_id: text(self.what_id),
        }
    }
}

fn text(values: &[Value], place: Option<usize>) -> Option<&str> {
    let text = values.get(place?)?.text()?;
    Some(text).filter(|text| !text.is_empty())
}

fn boolean(values: &[Value], place: Option<usize>) -> Option<bool> {
    match values.get(place?)? {
        Value::Boolean(value) => Some(*value),
        _ => None,
    }
}
