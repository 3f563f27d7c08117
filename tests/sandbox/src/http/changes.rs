//! Which records changed or went in a span of time.

use serde_json::{Value as Json, json};

use super::call::Answer;
use super::describe::find;
use super::rest::{Answered, Errand};
use crate::org::{Org, Slot};
use crate::refusal::Refusal;
use crate::schema::ObjectIndex;
use crate::value::{moment_text, parse_moment};

/// How far back changes are known.
const UPDATED_SECONDS: i64 = 30 * 86_400;

/// How far back deletions are known.
const DELETED_SECONDS: i64 = 15 * 86_400;

/// The most ids in one answer.
const ID_LIMIT: usize = 600_000;

pub(super) fn updated(org: &Org, errand: &Errand<'_>, object: &str) -> Answered {
    let object = replicateable(org, object)?;
    let (start, end) = span(errand, UPDATED_SECONDS)?;
    let table = org.table(object);
    let slots: Vec<Slot> =
        table.changed_in(start..=end - 1).filter(|slot| !table.is_deleted(*slot)).collect();
    check_count(slots.len())?;
    let ids: Vec<String> = slots.iter().map(|slot| table.id_of(*slot).to_string()).collect();
    let covered = minute_text(end.min(errand.now()));
    Ok(Answer::json(200, &json!({"ids": ids, "latestDateCovered": covered})))
}

pub(super) fn deleted(org: &Org, errand: &Errand<'_>, object: &str) -> Answered {
    let object = replicateable(org, object)?;
    let (start, end) = span(errand, DELETED_SECONDS)?;
    let table = org.table(object);
    let binned = table.changed_in(start..=end - 1).filter(|slot| table.is_deleted(*slot));
    let binned = binned.map(|slot| {
        let at = match table.named(slot, "SystemModstamp") {
            crate::value::Cell::Moment(seconds) => seconds,
            _ => start,
        };
        (table.id_of(slot), at)
    });
    let removed = org.removed(object).filter(|(_, at)| (start..end).contains(at));
    let deleted: Vec<_> = binned.chain(removed).collect();
    check_count(deleted.len())?;
    let records = deleted
        .iter()
        .map(|(id, at)| json!({"id": id.to_string(), "deletedDate": moment_text(*at)}));
    let records: Vec<Json> = records.collect();
    let body = json!({
        "deletedRecords": records,
        "earliestDateAvailable": minute_text(errand.now() - DELETED_SECONDS),
        "latestDateCovered": minute_text(end.min(errand.now())),
    });
    Ok(Answer::json(200, &body))
}

fn replicateable(org: &Org, name: &str) -> Result<ObjectIndex, Refusal> {
    let object = find(org, name)?;
    if !org.table(object).object.abilities().replicateable {
        let message = format!("object {name} is not replicateable");
        return Err(Refusal::new("INVALID_TYPE_FOR_OPERATION", message));
    }
    Ok(object)
}

fn check_count(ids: usize) -> Result<(), Refusal> {
    if ids <= ID_LIMIT {
        return Ok(());
    }
    let message = format!("more than {ID_LIMIT} ids in the span");
    Err(Refusal::new("EXCEEDED_ID_LIMIT", message))
}

fn span(errand: &Errand<'_>, reach: i64) -> Result<(i64, i64), Refusal> {
    let read = |name: &str| {
        let text = errand.call.parameter(name).unwrap_or_default();
        // An offset's plus sign may have come as a blank.
        parse_moment(&text.replace(' ', "+"))
            .ok_or_else(|| refuse(format!("{name} is not a date and time: {text}")))
    };
    let (start, end) = (read("start")?, read("end")?);
    if end - start <= 60 {
        return Err(refuse("startDate must be more than one minute before endDate".to_owned()));
    }
    if start < errand.now() - reach {
        let days = reach / 86_400;
        return Err(refuse(format!("startDate cannot be more than {days} days ago")));
    }
    Ok((start, end))
}

/// Returns the minute that a moment is in.
fn minute_text(moment: i64) -> String {
    moment_text(moment - moment.rem_euclid(60))
}

fn refuse(message: String) -> Refusal {
    Refusal::new("INVALID_REPLICATION_DATE", message)
}
