//! Remap: stored records are mapped again, without one call, since they are kept as they
//! were read.

use super::outcomes::{judge, map};
use super::prepare::Prepared;
use super::{Doors, Error, Stop};
use crate::model::{Counts, Object, Pulled, SalesforceId};
use crate::store::{self, Again, Encoded, Outcome, Position, Reading, Remap, Row};

/// How many records are mapped at once.
const BATCH: u32 = 2_000;
/// How many batches one run takes: 200 million records.
const BATCHES_MAX: u32 = 100_000;

/// Is told what each settled page did.
pub(super) type Report<'a> = &'a (dyn Fn(Counts) -> Result<(), Error> + Sync);

/// Tells whether the stored records hold all that a mapping needs, so that they needn't be
/// read again for it.
pub(super) fn suffices(position: &Position, prepared: &Prepared) -> bool {
    let Some(source) = position.source.as_ref().filter(|_| !position.whole) else { return false };
    let filter = prepared.mapping.spec().filter.as_ref().map_or("", |filter| filter.as_str());
    source.filter == filter && prepared.read_as.iter().all(|field| source.columns.contains(field))
}

/// Returns what records are read with under a mapping.
pub(super) fn reading(prepared: &Prepared) -> Reading {
    let filter = prepared.mapping.spec().filter.as_ref();
    let filter = filter.map(|filter| filter.as_str().to_owned()).unwrap_or_default();
    Reading { columns: prepared.read_as.clone(), filter }
}

/// Maps all stored records that another mapping has mapped; tells whether it came to the
/// end. What is done stays done: a run that is stopped is followed by one that does the
/// rest.
pub(super) fn remap(
    doors: &Doors,
    object: Object,
    prepared: &Prepared,
    fence: u64,
    stop: &Stop,
    report: Report<'_>,
) -> Result<bool, Error> {
    let digest = prepared.mapping.digest();
    tracing::info!(%object, digest, "maps stored records again");
    // The mapping may be the same, and only the fields that the org shows be others.
    let is_other = !doors.store.mapped_otherwise(object, digest, None, 1)?.is_empty();
    doors.store.begin_remap(object, fence, &reading(prepared).columns)?;
    let mut after: Option<SalesforceId> = None;
    for _ in 0..BATCHES_MAX {
        if *stop.borrow() {
            return Ok(false);
        }
        let ids = match is_other {
            true => doors.store.mapped_otherwise(object, digest, after.as_ref(), BATCH)?,
            false => doors.store.source_ids(object, after.as_ref(), BATCH)?,
        };
        let Some(last) = ids.last().cloned() else { break };
        report(again(doors, object, prepared, fence, &ids, judge)?)?;
        after = Some(last);
    }
    doors.store.save_reading(object, fence, &prepared.reading, reading(prepared))?;
    Ok(true)
}

/// Maps these stored records again, unless what comes of them is refused.
pub(super) fn again(
    doors: &Doors,
    object: Object,
    prepared: &Prepared,
    fence: u64,
    ids: &[SalesforceId],
    judge: impl Fn(&Prepared, &[Pulled]) -> Result<(), Error>,
) -> Result<Counts, Error> {
    let sources = doors.store.sources(object, &prepared.columns, ids)?;
    let table = sources.table;
    let mapped = map(prepared, &table.columns, &table.rows)?;
    judge(prepared, &mapped)?;
    let keys = sources.ids.into_iter().zip(sources.stamps);
    let rows = keys.zip(table.rows).zip(mapped).map(|(((id, modified_at), source), outcome)| Row {
        id,
        modified_at,
        source,
        became: Vec::new(),
        outcome: Outcome::Pulled(outcome),
    });
    let rows = store::encode(rows.collect(), prepared.mapping.spec(), &prepared.columns);
    settle(doors, prepared, fence, Again::Unnoted, rows)
}

/// Settles records that were mapped or read again out of their order; the cursor stays.
pub(super) fn settle(
    doors: &Doors,
    prepared: &Prepared,
    fence: u64,
    done: Again<'_>,
    rows: Vec<Encoded>,
) -> Result<Counts, Error> {
    let spec = prepared.mapping.spec();
    Ok(doors.store.remap(&Remap {
        object: spec.object,
        fence,
        done,
        kind: spec.kind,
        mapping: prepared.mapping.digest(),
        rows,
        now: doors.clock.now(),
    })?)
}
