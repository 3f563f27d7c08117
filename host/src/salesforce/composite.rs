//! A composite call with one call inside.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Answer, Error, Result, refusals};

/// Returns the body of the one inner answer.
///
/// The outer call is answered with HTTP 200 even where the inner one failed, so
/// the inner status and code decide, as if they had come by themselves.
pub(super) fn only(answer: &Answer) -> Result<&[u8]> {
    let outer: Outer<'_> = serde_json::from_slice(&answer.body).map_err(|_| answer.not_json())?;
    let [inner] = &outer.answers[..] else {
        return Err(answer.not_json());
    };
    let body = inner.body.get().as_bytes();
    if (200..300).contains(&inner.status) {
        return Ok(body);
    }
    match refusals::first(body) {
        Some(refusal) => Err(Error::of(inner.status, refusal, &answer.host)),
        None => Err(Error::Server { host: answer.host.clone(), status: inner.status }),
    }
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(rename = "compositeResponse", borrow)]
    answers: Vec<Inner<'a>>,
}

#[derive(Deserialize)]
struct Inner<'a> {
    #[serde(borrow)]
    body: &'a RawValue,
    #[serde(rename = "httpStatusCode")]
    status: u16,
}
