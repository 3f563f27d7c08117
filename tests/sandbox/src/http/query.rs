//! Queries and the pages of their answers.

use std::sync::Arc;

use serde_json::json;

use super::call::Answer;
use super::rest::{Answered, Errand};
use crate::cursors::Cursor;
use crate::org::{Org, Slot};
use crate::refusal::Refusal;
use crate::soql::{Plan, Query, Scope, bind, columns, parse, run, write_records};

/// How many records a page holds unless the client asks for fewer.
const PAGE_SIZE: usize = 2_000;

/// The smallest page a client can ask for.
const SMALLEST_PAGE: usize = 200;

/// Answers a query with its first page.
pub(super) fn first_page(org: &Org, errand: &Errand<'_>, scope: Scope) -> Answered {
    if let Some(text) = errand.call.parameter("explain") {
        return explain(org, errand, text);
    }
    let text = errand
        .call
        .parameter("q")
        .ok_or_else(|| Refusal::new("MALFORMED_QUERY", "A query string has to be specified"))?;
    let query = parse(text)?;
    let plan = bind(org, &query, text, errand.now())?;
    if errand.call.parameter("columns") == Some("true") {
        return Ok(described(org, &plan, &query));
    }
    if plan.is_count() {
        let total = run(org, &plan, scope).len();
        return Ok(Answer::json(200, &json!({"totalSize": total, "done": true, "records": []})));
    }
    if plan.is_grouped() {
        let slots = run(org, &plan.ungrouped(), scope);
        return Ok(grouped(&plan.groups(org, &slots)));
    }
    let slots: Arc<[Slot]> = run(org, &plan, scope).into();
    let plan = Arc::new(plan);
    let page_size = page_size(errand);
    let next = (slots.len() > page_size).then(|| {
        let found = (plan.clone(), slots.clone(), scope);
        let mut cursors = errand.state.cursors();
        cursors.open(found, page_size, errand.user(), errand.now())
    });
    let cursor = (plan, slots, scope);
    Ok(page(org, errand, &cursor, (0, page_size), next.as_deref()))
}

/// Answers with the page behind a locator.
pub(super) fn next_page(org: &Org, errand: &Errand<'_>, locator: &str) -> Answered {
    let found = errand.state.cursors().find(locator, errand.user(), errand.now());
    let Some((cursor, offset)) = found else {
        return Err(Refusal::new("INVALID_QUERY_LOCATOR", "invalid query locator"));
    };
    let Cursor { plan, slots, scope, page_size, .. } = cursor;
    let id = locator.split_once('-').map_or(locator, |(id, _)| id);
    Ok(page(org, errand, &(plan, slots, scope), (offset, page_size), Some(id)))
}

/// The ids are fixed when the query runs, the values are those of now: what was
/// deleted meanwhile is left out.
fn page(
    org: &Org,
    errand: &Errand<'_>,
    (plan, slots, scope): &(Arc<Plan>, Arc<[Slot]>, Scope),
    (offset, page_size): (usize, usize),
    locator: Option<&str>,
) -> Answer {
    let end = (offset + page_size).min(slots.len());
    let table = org.table(plan.object);
    let shown = |slot: &Slot| match scope {
        Scope::Live => table.is_live(*slot),
        Scope::All => table.row(*slot).is_some(),
    };
    let present: Vec<Slot> = slots[offset..end].iter().copied().filter(shown).collect();
    let done = end == slots.len();
    let mut body = Vec::with_capacity(present.len() * 256 + 128);
    body.extend_from_slice(format!("{{\"totalSize\":{},\"done\":{done}", slots.len()).as_bytes());
    if let (false, Some(locator)) = (done, locator) {
        let next =
            format!(",\"nextRecordsUrl\":\"{}/query/{locator}-{end}\"", errand.version.base());
        body.extend_from_slice(next.as_bytes());
    }
    body.extend_from_slice(b",\"records\":");
    write_records(org, plan, &present, (&errand.version.text(), *scope), &mut body);
    body.push(b'}');
    Answer::raw(200, body)
}

fn page_size(errand: &Errand<'_>) -> usize {
    let options = errand.call.header("sforce-query-options").unwrap_or_default();
    let size = options
        .split([',', ';'])
        .filter_map(|option| option.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("batchSize"))
        .and_then(|(_, size)| size.trim().parse().ok());
    let size: usize = size.unwrap_or(PAGE_SIZE).clamp(SMALLEST_PAGE, PAGE_SIZE);
    size.min(errand.state.cursors().page_limit)
}

fn grouped(rows: &[Vec<u8>]) -> Answer {
    let mut body =
        format!("{{\"totalSize\":{},\"done\":true,\"records\":[", rows.len()).into_bytes();
    body.extend_from_slice(&rows.join(&b','));
    body.extend_from_slice(b"]}");
    Answer::raw(200, body)
}

fn explain(org: &Org, errand: &Errand<'_>, text: &str) -> Answered {
    let plan = bind(org, &parse(text)?, text, errand.now())?;
    let table = org.table(plan.object);
    let body = json!({
        "plans": [{
            "cardinality": table.slots(),
            "fields": [],
            "leadingOperationType": "TableScan",
            "notes": [],
            "relativeCost": 1.0,
            "sobjectCardinality": table.slots(),
            "sobjectType": table.object.name,
        }],
        "sourceQuery": text,
    });
    Ok(Answer::json(200, &body))
}

/// Describes the columns of a query's answer instead of answering it.
fn described(org: &Org, plan: &Plan, query: &Query) -> Answer {
    let object = &org.table(plan.object).object;
    let columns = columns(org, plan.object, query);
    let has_id = columns.iter().any(|column| column["columnName"] == "Id");
    let body = json!({
        "columnMetadata": columns,
        "entityName": object.name,
        "groupBy": plan.is_grouped(),
        "idSelected": has_id,
        "keyPrefix": object.prefix,
    });
    Answer::json(200, &body)
}
