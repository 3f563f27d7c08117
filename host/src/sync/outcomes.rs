//! Outcomes: what a mapping makes of the records of a page, as they are stored, unless so many
//! fail that the mapping itself must be at fault.

use super::Error;
use super::isolate::isolate;
use super::prepare::Prepared;
use crate::model::{Problem, Pulled, Value};
use crate::plugin;
use crate::salesforce::{Page, RowKey};
use crate::store::{self, Encoded, Outcome, Row};

/// Of how many records a page must be for its mapping to be judged by it.
const JUDGED_MIN: usize = 100;
/// The share of a page that may fail before the mapping is held to be at fault and
/// the object is held where it is: nothing of the page is settled.
const FAILING_MAX: f64 = 0.5;

/// Maps the records of a page, and encodes them as they are stored; deleted ones need no
/// mapping.
pub(super) fn outcomes(prepared: &Prepared, page: Page) -> Result<Vec<Encoded>, Error> {
    let records = page.keys.into_iter().zip(page.table.rows);
    let (gone, live): (Vec<_>, Vec<_>) = records.partition(|(key, _)| key.deleted);
    let (keys, rows): (Vec<_>, Vec<_>) = live.into_iter().unzip();
    let mapped = map(prepared, &prepared.columns, &rows)?;
    judge(prepared, &mapped)?;
    let row = |key: RowKey, source, outcome| Row {
        id: key.id,
        modified_at: key.modified_at,
        source,
        became: key.became,
        outcome,
    };
    let live = keys.into_iter().zip(rows).zip(mapped);
    let live = live.map(|((key, source), outcome)| row(key, source, Outcome::Pulled(outcome)));
    let gone = gone.into_iter().map(|(key, source)| row(key, source, Outcome::Deleted));
    let rows = live.chain(gone).collect();
    Ok(store::encode(rows, prepared.mapping.spec(), &prepared.columns))
}

/// Holds the object where most of a page fails: it is the mapping that is wrong, not
/// the records, and their entities stay as the last good one made them.
pub(super) fn judge(prepared: &Prepared, mapped: &[Pulled]) -> Result<(), Error> {
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
