//! Records by their ids: read two thousand at a time, written two hundred.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use reqwest::Method;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Serialize as Derive};

use super::refusals::{Reason, Refusal};
use super::{Answer, Call, Error, Result, Salesforce, soql};
use super::{page, shape::Shape};
use crate::model::{FieldName, Fields, SalesforceId, Sobject, Value};

/// How many records one call reads.
const RETRIEVE_MAX: usize = 2_000;
/// How many records one call writes.
const WRITE_MAX: usize = 200;
/// How often a record that another transaction holds is written, the first time
/// included. Salesforce itself has waited ten seconds before each refusal.
const LOCK_ATTEMPTS_MAX: usize = 4;

/// One record to write.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordWrite {
    /// Makes a record. Values that are null are left out: nothing is there to be
    /// cleared, and a null would stand in the way of the field's default.
    Create {
        /// Its values.
        fields: Fields,
    },
    /// Changes a record; a null clears its field.
    Update {
        /// The record.
        id: SalesforceId,
        /// The new values.
        fields: Fields,
    },
    /// Changes the record that has this external id, or makes it.
    Upsert {
        /// The field that holds the external id.
        key: FieldName,
        /// The external id.
        value: String,
        /// The other values.
        fields: Fields,
    },
    /// Moves a record to the recycle bin.
    Delete {
        /// The record.
        id: SalesforceId,
    },
}

impl RecordWrite {
    /// Notes what it would do to its record, and returns what becomes of it where nothing is
    /// written.
    fn rehearse(&self, rehearsed: &mut HashMap<SalesforceId, Option<Fields>>) -> Written {
        match self {
            Self::Update { id, fields } => {
                let held = rehearsed.entry(id.clone()).or_default().get_or_insert_default();
                held.retain(|(name, _)| !fields.iter().any(|(new, _)| new == name));
                held.extend(fields.iter().cloned());
                Written::Done { id: id.clone(), created: false }
            }
            Self::Delete { id } => {
                rehearsed.insert(id.clone(), None);
                Written::Done { id: id.clone(), created: false }
            }
            Self::Create { .. } | Self::Upsert { .. } => {
                let id = SalesforceId::NOBODY
                    .parse()
                    .expect("an id that is written here is well formed");
                Written::Done { id, created: true }
            }
        }
    }

    fn sends(&self, name: &str, value: &Value) -> bool {
        match self {
            Self::Create { .. } => *value != Value::Null,
            Self::Update { .. } => true,
            Self::Upsert { key, .. } => !name.eq_ignore_ascii_case(key.as_str()),
            Self::Delete { .. } => false,
        }
    }
}

/// What became of one write.
#[derive(Debug, Clone)]
pub enum Written {
    /// Salesforce has it.
    Done {
        /// The record.
        id: SalesforceId,
        /// Whether it is new.
        created: bool,
    },
    /// Salesforce refused it.
    Refused(Refusal),
    /// The answer never came or can't be trusted: it may have been written, and
    /// must be looked up before it is written again.
    Unknown(String),
    /// It never reached Salesforce, because an earlier call of the same writes
    /// went wrong.
    Lost(Box<Error>),
}

impl Salesforce {
    /// Returns the values of records, in the order of `ids`; none for a record
    /// that is deleted, hidden, or of another object.
    pub async fn retrieve(
        &self,
        object: impl Into<Sobject>,
        ids: &[SalesforceId],
        fields: &[FieldName],
    ) -> Result<Vec<Option<Fields>>> {
        let object = object.into();
        #[derive(Derive)]
        struct Wanted<'a> {
            ids: &'a [SalesforceId],
            fields: &'a [&'a str],
        }
        let fields = soql::unique(fields.iter().map(FieldName::as_str));
        let shape = Shape::new(fields.iter().copied());
        let named = |row: Vec<Value>| fields.iter().map(|&name| name.to_owned()).zip(row).collect();
        let mut found: Vec<Option<Fields>> = Vec::with_capacity(ids.len());
        for ids in ids.chunks(RETRIEVE_MAX) {
            let path = self.path(&format!("composite/sobjects/{object}"));
            let body = json(&Wanted { ids, fields: &fields });
            let call = Call::new(Method::POST, path).body(body);
            let read = |answer: &Answer| match page::read_records(&answer.body, &shape) {
                Ok(rows) if rows.len() == ids.len() => Ok(rows),
                _ => Err(answer.not_json()),
            };
            found.extend(self.read(&call, read).await?.into_iter().map(|row| row.map(named)));
        }
        if let Some(rehearsed) = &self.rehearsed {
            let rehearsed = rehearsed.lock().unwrap_or_else(PoisonError::into_inner);
            for (id, record) in ids.iter().zip(&mut found) {
                match rehearsed.get(id) {
                    Some(Some(held)) => overlay(record, held),
                    Some(None) => *record = None,
                    None => {}
                }
            }
        }
        Ok(found)
    }

    /// Writes records and returns what became of each, in their order.
    ///
    /// Creates go first, then updates, then the others, two hundred to a call, each
    /// record by itself: one that is refused takes no other along. Duplicate rules
    /// are never bypassed and assignment rules never run.
    ///
    /// Fails only while nothing has been written. After a call whose end is not
    /// known nothing more is sent, and nothing is ever sent twice that may have
    /// been written. Updates and deletions, which were decided by what the records held,
    /// are not sent again after `until`.
    pub async fn write(
        &self,
        object: impl Into<Sobject>,
        writes: &[RecordWrite],
        until: Instant,
    ) -> Result<Vec<Written>> {
        let object = object.into();
        let mut written: Vec<Option<Written>> = vec![None; writes.len()];
        let mut stopped: Option<Error> = None;
        for (to, places) in batches(writes) {
            if stopped.is_some() {
                break;
            }
            if let Some(rehearsed) = &self.rehearsed {
                self.org.calls.fetch_add(1, Ordering::Relaxed);
                let mut rehearsed = rehearsed.lock().unwrap_or_else(PoisonError::into_inner);
                for place in places {
                    written[place] = Some(writes[place].rehearse(&mut rehearsed));
                }
                continue;
            }
            let batch = Batch { object, to, writes, places, until };
            stopped = self.write_batch(batch, &mut written).await.err();
        }
        let nothing_went = written.iter().all(Option::is_none);
        match stopped {
            Some(error) if nothing_went => Err(error),
            stopped => {
                let lost = || match &stopped {
                    Some(error) => Written::Lost(Box::new(error.clone())),
                    None => Written::Unknown("Salesforce did not answer for it".to_owned()),
                };
                Ok(written.into_iter().map(|one| one.unwrap_or_else(lost)).collect())
            }
        }
    }

    /// Writes one batch. An error means that the rows of this batch which have
    /// no outcome were not written, and that nothing more should be sent.
    async fn write_batch(&self, batch: Batch<'_>, written: &mut [Option<Written>]) -> Result<()> {
        let Batch { object, to, writes, mut places, until } = batch;
        let (method, path) = match to {
            To::Create => (Method::POST, "composite/sobjects".to_owned()),
            To::Update => (Method::PATCH, "composite/sobjects".to_owned()),
            To::Upsert(key) => (Method::PATCH, format!("composite/sobjects/{object}/{key}")),
            To::Delete => (Method::DELETE, "composite/sobjects".to_owned()),
        };
        let path = self.path(&path);
        let mut waits = self.http().each_wait(LOCK_ATTEMPTS_MAX);
        loop {
            let those = places.iter().map(|&place| &writes[place]);
            let call = match to {
                To::Delete => {
                    let path = format!("{path}?ids={}&allOrNone=false", ids_of(those));
                    Call::new(method.clone(), path).writing()
                }
                _ => {
                    let records = those.map(|write| Record { object, write }).collect();
                    let body = json(&Collection { all_or_none: false, records });
                    Call::new(method.clone(), path.clone()).body(body).writing()
                }
            };
            let answer = match to {
                To::Update | To::Delete => self.send_until(&call, until).await,
                To::Create | To::Upsert(_) => self.send(&call).await,
            };
            let rows = answer.and_then(|answer| rows_of(&answer, places.len()));
            let rows = match rows {
                Ok(rows) => rows,
                Err(error) => {
                    if error.leaves_in_doubt() {
                        for place in places {
                            written[place] = Some(Written::Unknown(error.to_string()));
                        }
                    }
                    return Err(error);
                }
            };
            let mut locked = Vec::new();
            for (place, row) in places.into_iter().zip(rows) {
                let outcome = row.outcome(&writes[place]);
                // An update or a deletion was decided by values that the holder of the lock
                // is changing: it has to be planned anew, not sent again.
                let is_lock = matches!(&outcome, Written::Refused(refusal) if refusal.is_lock());
                if is_lock && !matches!(to, To::Update | To::Delete) {
                    locked.push(place);
                }
                written[place] = Some(outcome);
            }
            let wait = waits.next().filter(|_| !locked.is_empty());
            let Some(wait) = wait else { return Ok(()) };
            tracing::debug!(
                records = locked.len(),
                "another transaction holds records; trying again"
            );
            tokio::time::sleep(wait).await;
            places = locked;
        }
    }
}

/// Gives a record the values that it would hold.
fn overlay(record: &mut Option<Fields>, held: &Fields) {
    for (name, value) in record.iter_mut().flatten() {
        if let Some((_, held)) = held.iter().find(|(held, _)| held == name) {
            value.clone_from(held);
        }
    }
}

/// Writes that one call sends.
struct Batch<'a> {
    object: Sobject,
    to: To<'a>,
    writes: &'a [RecordWrite],
    /// Which of the writes.
    places: Vec<usize>,
    /// Until when updates and deletions may be sent again.
    until: Instant,
}

/// Where a batch goes.
#[derive(Clone, Copy, PartialEq)]
enum To<'a> {
    Create,
    Update,
    Upsert(&'a FieldName),
    Delete,
}

/// Returns the ids of records to be deleted, as they stand in an address.
fn ids_of<'a>(writes: impl Iterator<Item = &'a RecordWrite>) -> String {
    let ids = writes.filter_map(|write| match write {
        RecordWrite::Delete { id } => Some(id.as_str()),
        _ => None,
    });
    ids.collect::<Vec<_>>().join(",")
}

/// Groups writes by where they go and splits each group into calls; a batch is
/// the places of its writes.
fn batches(writes: &[RecordWrite]) -> Vec<(To<'_>, Vec<usize>)> {
    let mut groups: Vec<(To<'_>, Vec<usize>)> =
        vec![(To::Create, Vec::new()), (To::Update, Vec::new())];
    for (place, write) in writes.iter().enumerate() {
        let to = match write {
            RecordWrite::Create { .. } => To::Create,
            RecordWrite::Update { .. } => To::Update,
            RecordWrite::Upsert { key, .. } => To::Upsert(key),
            RecordWrite::Delete { .. } => To::Delete,
        };
        match groups.iter_mut().find(|(known, _)| *known == to) {
            Some((_, places)) => places.push(place),
            None => groups.push((to, vec![place])),
        }
    }
    let split = |(to, places): (_, Vec<usize>)| {
        places.chunks(WRITE_MAX).map(|part| (to, part.to_vec())).collect::<Vec<_>>()
    };
    groups.into_iter().flat_map(split).collect()
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("all keys are texts")
}

#[derive(Derive)]
#[serde(rename_all = "camelCase")]
struct Collection<'a> {
    all_or_none: bool,
    records: Vec<Record<'a>>,
}

struct Record<'a> {
    object: Sobject,
    write: &'a RecordWrite,
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Derive)]
        struct Attributes {
            #[serde(rename = "type")]
            object: &'static str,
        }
        let mut map = json.serialize_map(None)?;
        map.serialize_entry("attributes", &Attributes { object: self.object.as_str() })?;
        let fields = match self.write {
            RecordWrite::Create { fields } => fields,
            RecordWrite::Update { id, fields } => {
                map.serialize_entry("id", id)?;
                fields
            }
            RecordWrite::Upsert { key, value, fields } => {
                map.serialize_entry(key.as_str(), value)?;
                fields
            }
            // Its id stands in the address.
            RecordWrite::Delete { .. } => return map.end(),
        };
        for (name, value) in fields.iter().filter(|(name, value)| self.write.sends(name, value)) {
            match value {
                Value::Null => map.serialize_entry(name, &())?,
                Value::Boolean(value) => map.serialize_entry(name, value)?,
                Value::Integer(value) => map.serialize_entry(name, value)?,
                // JSON has no such number; as text Salesforce refuses it by name,
                // where null would clear the field.
                Value::Number(value) if !value.is_finite() => {
                    map.serialize_entry(name, &value.to_string())?;
                }
                Value::Number(value) => map.serialize_entry(name, value)?,
                Value::Text(value) => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

/// What Salesforce says of one record of a collection.
#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    id: Option<String>,
    success: bool,
    #[serde(default)]
    created: Option<bool>,
    #[serde(default)]
    errors: Option<Vec<Reason>>,
}

impl Row {
    fn outcome(self, write: &RecordWrite) -> Written {
        if !self.success {
            let reason = self.errors.into_iter().flatten().next().map(Refusal::from);
            return Written::Refused(
                reason.unwrap_or_else(|| Refusal::new("NO_REASON", "", vec![])),
            );
        }
        let given = self.id.and_then(|id| id.parse().ok());
        let created = match write {
            RecordWrite::Create { .. } => true,
            RecordWrite::Update { .. } | RecordWrite::Delete { .. } => false,
            RecordWrite::Upsert { .. } => self.created.unwrap_or(false),
        };
        match (given, write) {
            (Some(id), _) => Written::Done { id, created },
            (None, RecordWrite::Update { id, .. } | RecordWrite::Delete { id }) => {
                Written::Done { id: id.clone(), created }
            }
            (None, _) => Written::Unknown("Salesforce took the record but gave no id".to_owned()),
        }
    }
}

fn rows_of(answer: &Answer, count: usize) -> Result<Vec<Row>> {
    match serde_json::from_slice::<Vec<Row>>(&answer.body) {
        Ok(rows) if rows.len() == count => Ok(rows),
        _ => Err(answer.not_json()),
    }
}
