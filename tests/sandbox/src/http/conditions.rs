//! Headers that let a request depend on what a record is by now.
//!
//! Only rows of Account have an `ETag`; dates go by whole seconds, so that two
//! changes within one can't be told apart.

use sha2::{Digest, Sha256};

use super::call::{Answer, Call};
use super::describe::{http_date, http_seconds};
use crate::ids::Id;
use crate::org::{Org, Slot};
use crate::refusal::Refusal;
use crate::schema::ObjectIndex;
use crate::value::Cell;
use crate::write::live_slot;

/// Returns the empty answer for a client that has the record already.
pub(super) fn known(call: &Call, org: &Org, object: ObjectIndex, slot: Slot) -> Option<Answer> {
    let since = call.header("if-modified-since").and_then(http_seconds);
    let is_unmodified = since.is_some_and(|since| modified_at(org, object, slot) <= since);
    let has_it = call
        .header("if-none-match")
        .zip(etag(org, object, slot))
        .is_some_and(|(tags, own)| is_among(tags, &own));
    (is_unmodified || has_it).then(|| marked(Answer::empty(304), org, object, slot))
}

/// Adds to an answer what the client can make its next request depend on.
pub(super) fn marked(answer: Answer, org: &Org, object: ObjectIndex, slot: Slot) -> Answer {
    let answer = answer.with_header("last-modified", http_date(modified_at(org, object, slot)));
    match etag(org, object, slot) {
        Some(tag) => answer.with_header("etag", tag),
        None => answer,
    }
}

/// Refuses a write whose client has not seen the record's latest state.
pub(super) fn check(call: &Call, org: &Org, object: ObjectIndex, id: Id) -> Result<(), Refusal> {
    let headers = ["if-unmodified-since", "if-match", "if-none-match"];
    let [unmodified, matches, differs] = headers.map(|name| call.header(name));
    if unmodified.or(matches).or(differs).is_none() {
        return Ok(());
    }
    let slot = live_slot(org, object, id)?;
    if let Some(header) = unmodified {
        let since = http_seconds(header).ok_or_else(|| {
            Refusal::new("INVALID_HEADER", "The If-Unmodified-Since header is not a date")
        })?;
        if modified_at(org, object, slot) > since {
            let message = "the record was modified after the given time";
            let code = "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE";
            return Err(Refusal::new(code, message).with_status(412));
        }
    }
    let Some(own) = etag(org, object, slot) else { return Ok(()) };
    let is_other = matches.is_some_and(|tags| !is_among(tags, &own));
    if is_other || differs.is_some_and(|tags| is_among(tags, &own)) {
        let message = "the record is not in the state that the given ETag stands for";
        return Err(Refusal::new("PRECONDITION_FAILED", message).with_status(412));
    }
    Ok(())
}

fn modified_at(org: &Org, object: ObjectIndex, slot: Slot) -> i64 {
    match org.table(object).named(slot, "LastModifiedDate") {
        Cell::Moment(seconds) => seconds,
        _ => 0,
    }
}

/// Returns the tag of an account as it is.
fn etag(org: &Org, object: ObjectIndex, slot: Slot) -> Option<String> {
    let table = org.table(object);
    if table.object.name != "Account" {
        return None;
    }
    let mut held = Vec::new();
    for field in 0..table.object.fields().len() {
        table.cell(slot, field).write_json(&mut held);
        held.push(b',');
    }
    let digest = Sha256::digest(&held);
    let tag: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Some(format!("\"{tag}\""))
}

/// Tells whether a list of tags has this one. A tag may have got the suffix that
/// compressed answers bear.
fn is_among(tags: &str, own: &str) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").replace("-gzip\"", "\"");
    tags.split(',').any(|tag| tag.trim() == "*" || plain(tag) == own)
}
