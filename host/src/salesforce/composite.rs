//! Composite calls: several calls in one, each with an answer of its own.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Answer, Error, Result, refusals};

/// One answer inside another.
pub(super) struct Inner<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
    /// When what was asked for was last changed.
    pub(super) last_modified: Option<String>,
}

impl Inner<'_> {
    /// Returns the body, or what was refused.
    ///
    /// The outer call is answered with HTTP 200 even where an inner one failed, so
    /// the inner status and code decide, as if they had come by themselves.
    pub(super) fn accepted(&self, outer: &Answer) -> Result<&[u8]> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        match refusals::first(self.body) {
            Some(refusal) => Err(Error::of(self.status, refusal, &outer.host)),
            None => Err(Error::Server { host: outer.host.clone(), status: self.status }),
        }
    }
}

/// Returns the answers to `count` calls, in the order in which they were asked: each
/// bears the [`reference`] of its place.
pub(super) fn answers(answer: &Answer, count: usize) -> Result<Vec<Inner<'_>>> {
    let outer: Outer<'_> = serde_json::from_slice(&answer.body).map_err(|_| answer.not_json())?;
    let mut given = outer.answers;
    (0..count)
        .map(|place| {
            let at = given.iter().position(|given| given.reference == reference(place));
            let given = given.swap_remove(at.ok_or_else(|| answer.not_json())?);
            let body = given.body.map_or(&[][..], |body| body.get().as_bytes());
            Ok(Inner { status: given.status, body, last_modified: given.headers.last_modified })
        })
        .collect()
}

/// Returns by what the answer to the call at a place is told from the others.
pub(super) fn reference(place: usize) -> String {
    format!("call{place}")
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(rename = "compositeResponse", borrow)]
    answers: Vec<Given<'a>>,
}

#[derive(Deserialize)]
struct Given<'a> {
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(rename = "httpHeaders", default)]
    headers: Headers,
    #[serde(rename = "httpStatusCode")]
    status: u16,
    #[serde(rename = "referenceId")]
    reference: String,
}

#[derive(Default, Deserialize)]
struct Headers {
    #[serde(rename = "Last-Modified", default)]
    last_modified: Option<String>,
}
