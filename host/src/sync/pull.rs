//! Pull: a page of records becomes entities, and the cursor moves past it.

use jiff::{SignedDuration, Timestamp};
use tokio::task::block_in_place;

use super::isolate::isolate;
use super::prepare::Prepared;
use super::{Doors, Error, Next, Step};
use crate::model::{Counts, Cursor, Object, Problem, Pulled, Value};
use crate::salesforce::{Changed, Page, RowKey};
use crate::store::{self, Outcome, Position, Row};
use crate::{plugin, salesforce};

/// How many records a page has: the most that Salesforce gives at once.
const PAGE: u32 = 2_000;
/// Of how many records a page must be for its mapping to be judged by it.
const JUDGED_MIN: usize = 100;
/// The share of a page that may fail before the mapping is held to be at fault and
/// the object is held where it is: nothing of the page is settled.
const FAILING_MAX: f64 = 0.5;
/// How far back a run begins to read again. A record is stamped when it is saved
/// and seen when its transaction ends, which may be later than others' stamps.
const SETTLE_WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// Reads, maps and settles the next page of an object.
pub(super) async fn advance(
    doors: &Doors,
    object: Object,
    fence: u64,
    now: Timestamp,
) -> Result<Step, Error> {
    let prepared = doors.prepared(object).await?;
    let position = doors.store.position(object)?;
    // Records that were read for another mapping, or without a field that the org
    // shows now, are read again.
    let is_new = position.reading.as_deref() != Some(prepared.reading.as_str());
    let cursor = position.cursor.clone().filter(|_| !is_new);
    let after = match &cursor {
        Some(cursor) if !position.paging => Some(cursor.rewound(SETTLE_WINDOW)),
        cursor => (*cursor).clone(),
    };
    let changed = Changed {
        object,
        reads: &prepared.reads,
        filter: prepared.mapping.spec().filter.as_ref(),
        after: after.as_ref(),
        limit: PAGE,
    };
    let page = match doors.salesforce.changed(&changed).await {
        // A parent may hide a field, which only its own description tells.
        Err(salesforce::Error::InvalidField(_)) if prepared.may_miss_parents() => {
            doors.look_at_parents(object).await?;
            return Ok(Step { counts: Counts::default(), next: Next::Again });
        }
        page => page?,
    };
    let last =
        page.keys.last().map(|key| Cursor { stamp: key.modified_at, id: Some(key.id.clone()) });
    let next = Position {
        cursor: last.or(cursor),
        paging: page.more,
        reading: Some(prepared.reading.clone()),
        whole: is_new || position.whole,
    };
    let next_step = if page.more { Next::Again } else { Next::Done };
    let counts = block_in_place(|| -> Result<_, Error> {
        let rows = outcomes(&prepared, page)?;
        Ok(doors.store.settle(&store::Page {
            object,
            fence,
            expected: &position,
            next,
            spec: prepared.mapping.spec(),
            columns: &prepared.columns,
            mapping: prepared.mapping.digest(),
            rows,
            now,
        })?)
    })?;
    Ok(Step { counts, next: next_step })
}

/// Maps the records of a page; deleted ones need no mapping.
fn outcomes(prepared: &Prepared, page: Page) -> Result<Vec<Row>, Error> {
    let records = page.keys.into_iter().zip(page.table.rows);
    let (gone, live): (Vec<_>, Vec<_>) = records.partition(|(key, _)| key.deleted);
    let (keys, rows): (Vec<_>, Vec<_>) = live.into_iter().unzip();
    let mapped = map(prepared, &prepared.columns, &rows)?;
    judge(prepared, &mapped)?;
    let row = |key: RowKey, source, outcome| Row {
        id: key.id,
        modified_at: key.modified_at,
        source,
        outcome,
    };
    let live = keys.into_iter().zip(rows).zip(mapped);
    let live = live.map(|((key, source), outcome)| row(key, source, Outcome::Pulled(outcome)));
    let gone = gone.into_iter().map(|(key, source)| row(key, source, Outcome::Deleted));
    Ok(live.chain(gone).collect())
}

/// Holds the object where most of a page fails: it is the mapping that is wrong, not
/// the records, and their entities stay as the last good one made them.
fn judge(prepared: &Prepared, mapped: &[Pulled]) -> Result<(), Error> {
    let failed = |outcome: &&Pulled| matches!(outcome, Pulled::Failed(_));
    let count = mapped.iter().filter(failed).count();
    #[allow(clippy::cast_precision_loss)]
    let is_at_fault =
        mapped.len() >= JUDGED_MIN && count as f64 > mapped.len() as f64 * FAILING_MAX;
    let Some(Pulled::Failed(first)) = mapped.iter().find(failed).filter(|_| is_at_fault) else {
        return Ok(());
    };
    let (object, records) = (prepared.mapping.spec().object, mapped.len());
    Err(Error::Mapping(Problem {
        message: format!(
            "the mapping \"{}\" of {object} fails for {count} of {records} records, and is held: {}",
            prepared.mapping.name(),
            first.message
        ),
        at: first.at.clone(),
        hint: Some(format!(
            "Mend the mapping, or go back with `efficlose mapping back {object}`; the next sync goes \
             on where this one was."
        )),
    }))
}

/// Maps rows to entities; a record that crashes the mapping fails alone.
pub(super) fn map(
    prepared: &Prepared,
    columns: &[String],
    rows: &[Vec<Value>],
) -> Result<Vec<Pulled>, plugin::Error> {
    isolate(rows, |rows| prepared.mapping.pull(columns, rows), Pulled::Failed)
}
