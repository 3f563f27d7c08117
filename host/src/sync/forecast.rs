//! Forecast: what the next sync will do, and how many calls it will take.

use std::borrow::Cow;

use super::position::start;
use super::prepare::{PAGE, Prepared};
use super::{Doors, Error, extract, push, remap};
use crate::model::{Cursor, Direction, Object};
use crate::salesforce::{Found, Read};
use crate::store::Position;

/// One step of the next sync.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Forecast {
    /// The object; none for the call that looks at all of them.
    pub object: Option<Object>,
    /// Which way.
    pub direction: Direction,
    /// What is done, as a part of a sentence.
    pub does: Cow<'static, str>,
    /// How many records or pieces of work it is about.
    pub records: u64,
    /// How many calls it takes.
    pub calls: u64,
}

/// Tells what the next sync will do; takes one call itself.
pub async fn forecast(doors: &Doors) -> Result<Vec<Forecast>, Error> {
    let mut jobs = doors.settings.jobs(&doors.org);
    let paused = doors.control.paused(&doors.org)?;
    jobs.retain(|job| !paused.contains_key(&job.object));
    let pulls = jobs.iter().filter(|job| job.direction == Direction::Pull).map(|job| job.object);
    let mut looked = Vec::new();
    for object in pulls {
        looked.push(Looked::at(doors, object)?);
    }
    let counts = looked.iter().map(|looked| Read::Count {
        object: looked.object,
        filter: looked.prepared.as_ref().and_then(|p| p.mapping.spec().filter.as_ref()),
        after: looked.after.as_ref(),
    });
    let counts: Vec<_> = counts.collect();
    let mut steps = Vec::new();
    if !counts.is_empty() {
        let found = doors.salesforce.together(&counts).await?;
        steps.push(Forecast {
            object: None,
            direction: Direction::Pull,
            does: "looks at all objects and what has changed of them".into(),
            records: looked.len() as u64,
            calls: 1,
        });
        for (looked, found) in looked.iter().zip(found) {
            match found.map_err(Error::from) {
                Ok(Found::Count(records)) => steps.push(looked.step(doors, records)),
                Ok(_) => {}
                Err(error) if error.is_org_wide() => return Err(error),
                // One that is hidden keeps nobody from being told of the others.
                Err(error) => {
                    steps.push(Forecast {
                        object: Some(looked.object),
                        direction: Direction::Pull,
                        does: format!("can't be read: {}", cause(&error)).into(),
                        records: 0,
                        calls: 0,
                    });
                }
            }
        }
    }
    for object in jobs.iter().filter(|j| j.direction == Direction::Push).map(|job| job.object) {
        let records = doors.store.waiting_count(object)?;
        steps.push(Forecast {
            object: Some(object),
            direction: Direction::Push,
            does: "writes what meetings taught".into(),
            records,
            calls: push::calls(records),
        });
    }
    Ok(steps)
}

/// Returns why an object can't be read, short enough for a table: Salesforce's own words hold the
/// whole query.
fn cause(error: &Error) -> String {
    let refusal = match error {
        Error::Salesforce(error) => error.refusal(),
        _ => None,
    };
    refusal.map_or_else(
        || error.to_string(),
        |refusal| format!("{} ({})", refusal.entry().cause, refusal.code),
    )
}

struct Looked {
    object: Object,
    prepared: Option<std::sync::Arc<Prepared>>,
    position: Position,
    after: Option<Cursor>,
    is_new: bool,
}

impl Looked {
    fn at(doors: &Doors, object: Object) -> Result<Self, Error> {
        let prepared = match doors.last_description(object)? {
            Some(before) => Some(doors.fitted(object, &before)?),
            None => None,
        };
        let position = doors.store.position(object)?;
        let reading = prepared.as_ref().map(|prepared| prepared.reading.as_str());
        let is_new = reading.is_none() || position.reading.as_deref() != reading;
        let is_remap = prepared.as_ref().is_some_and(|p| remap::suffices(&position, p));
        let after = if is_new && !is_remap { None } else { start(&position) };
        Ok(Self { object, prepared, position, after, is_new })
    }

    fn step(&self, doors: &Doors, records: u64) -> Forecast {
        let fields = self.prepared.as_ref().map_or(0, |prepared| prepared.reads.len());
        let whole = extract::cheapest(records, fields, doors.budget());
        let pages = records.div_ceil(u64::from(PAGE)).max(1);
        let Position { reading, source, .. } = &self.position;
        let selects_nothing = self.after.is_none() && !self.is_new && !self.position.paging;
        let (does, calls) = match (reading.is_some() || source.is_some(), &self.after) {
            (true, None) if selects_nothing => ("reads what has changed", pages - 1),
            _ if self.position.extract.is_some() => {
                ("goes on with its records, which Salesforce extracts", whole.calls)
            }
            (false, _) if whole.is_extract => {
                ("imports it for the first time: Salesforce extracts it", whole.calls)
            }
            (false, _) => ("imports it for the first time", whole.calls),
            (true, None) => ("reads it anew for a mapping or field that has changed", whole.calls),
            (true, Some(_)) if self.is_new => {
                ("maps what is stored again, then what has changed", pages)
            }
            // The look at all objects brings the first page.
            (true, Some(_)) => ("reads what has changed", pages - 1),
        };
        let direction = Direction::Pull;
        Forecast { object: Some(self.object), direction, does: does.into(), records, calls }
    }
}
