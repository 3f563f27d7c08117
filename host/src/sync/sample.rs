//! Sample: what a mapping makes of a few records of the org, before anything is imported.

use tokio::task::block_in_place;

use super::isolate::isolate;
use super::{Doors, Error};
use crate::model::{Fields, Object, Pulled, SalesforceId};

/// How many records are asked for: the fewest that Salesforce gives at once.
const ASKED: u32 = 200;

/// What a mapping makes of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// The record.
    pub id: SalesforceId,
    /// The values that were read.
    pub source: Fields,
    /// The columns of the entity, or why there would be none.
    pub entity: Result<Fields, String>,
}

/// Reads a few records of an object and maps them; takes a call or two, and stores nothing.
pub async fn sample(doors: &Doors, object: Object, limit: usize) -> Result<Vec<Sampled>, Error> {
    let prepared = doors.prepared(object).await?;
    let mut query = prepared.changed(None);
    query.limit = ASKED;
    let page = doors.salesforce.changed(&query).await?;
    let live = page.keys.into_iter().zip(page.table.rows).filter(|(key, _)| !key.deleted);
    let (keys, rows): (Vec<_>, Vec<_>) = live.take(limit).unzip();
    let map = |rows: &[_]| prepared.mapping.pull(&prepared.columns, rows);
    let outcomes = block_in_place(|| isolate(&rows, map, Pulled::Failed))?;
    let names: Vec<String> =
        prepared.mapping.spec().columns.iter().map(|column| column.name.clone()).collect();
    let sampled = keys.into_iter().zip(rows).zip(outcomes).map(|((key, row), outcome)| Sampled {
        id: key.id,
        source: prepared.columns.iter().cloned().zip(row).collect(),
        entity: match outcome {
            Pulled::Mapped(values) => Ok(names.iter().cloned().zip(values).collect()),
            Pulled::Skipped(reason) => Err(format!("it would be skipped: {reason}")),
            Pulled::Failed(problem) => Err(format!("it would fail: {problem}")),
        },
    });
    Ok(sampled.collect())
}
