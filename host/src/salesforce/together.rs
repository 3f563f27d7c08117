//! Several reads in one call: what objects are, what has changed, how many there are.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::json;

use super::composite::{self, Inner};
use super::query::encoded;
use super::shape::Shape;
use super::soql::PAGE_ROWS;
use super::{
    Answer, Call, Changed, Description, Error, Page, Result, Salesforce, page, query, soql, time,
};
use crate::model::{Cursor, Filter, Object};

/// How many queries Salesforce takes in one call.
pub const QUERIES_MAX: usize = 5;

/// How old a time of change must be to be relied on.
const STRONG_AGE: SignedDuration = SignedDuration::from_secs(60);

/// One read among others.
#[derive(Debug, Clone, Copy)]
pub enum Read<'a> {
    /// What an object is, unless nothing of it has changed since the time that the last
    /// description bears.
    Description {
        /// The object.
        object: Object,
        /// The time, as Salesforce wrote it.
        since: Option<&'a str>,
    },
    /// The next page of what changed.
    Changed(Changed<'a>),
    /// How many records there are, deleted ones too.
    Count {
        /// The object.
        object: Object,
        /// The condition that they meet.
        filter: Option<&'a Filter>,
        /// The cursor that they come after, in the order of a pull.
        after: Option<&'a Cursor>,
    },
}

/// What came of a read.
#[derive(Debug)]
pub enum Found {
    /// The object is what it was.
    Unchanged,
    /// What the object is.
    Description(Box<Description>),
    /// The user doesn't see the object.
    Unseen,
    /// A page.
    Page(Page),
    /// A number of records.
    Count(u64),
}

impl Salesforce {
    /// Does reads in one call, and returns what came of each, in their order.
    ///
    /// At most 25, of which [`QUERIES_MAX`] may be pages or counts.
    pub async fn together(&self, reads: &[Read<'_>]) -> Result<Vec<Result<Found>>> {
        let requests = reads.iter().enumerate().map(|(place, read)| {
            let mut request = json!({
                "method": "GET",
                "url": self.address(read),
                "referenceId": composite::reference(place),
            });
            if let Read::Description { since: Some(since), .. } = read {
                request["httpHeaders"] = json!({ "If-Modified-Since": since });
            }
            request
        });
        let body = json!({
            "allOrNone": false,
            "compositeRequest": requests.collect::<Vec<_>>(),
        });
        let call = Call::new(Method::POST, self.path("composite"))
            .rows(*PAGE_ROWS.end())
            .body(body.to_string().into_bytes());
        self.read(&call, |answer| {
            let inner = composite::answers(answer, reads.len())?;
            let found = reads.iter().zip(&inner);
            Ok(found.map(|(read, inner)| self.found(read, inner, answer)).collect())
        })
        .await
    }

    fn address(&self, read: &Read<'_>) -> String {
        match read {
            Read::Description { object, .. } => self.path(&format!("sobjects/{object}/describe")),
            Read::Changed(changed) => {
                self.path(&format!("queryAll?q={}", encoded(&soql::changed(changed))))
            }
            Read::Count { object, filter, after } => {
                let soql = soql::count(object.as_str(), *filter, *after);
                self.path(&format!("queryAll?q={}", encoded(&soql)))
            }
        }
    }

    fn found(&self, read: &Read<'_>, inner: &Inner<'_>, outer: &Answer) -> Result<Found> {
        if matches!(read, Read::Description { .. }) && inner.status == 304 {
            return Ok(Found::Unchanged);
        }
        let body = match inner.accepted(outer) {
            Err(Error::NotFound(_)) if matches!(read, Read::Description { .. }) => {
                return Ok(Found::Unseen);
            }
            body => body?,
        };
        match read {
            Read::Description { .. } => {
                let mut description: Description =
                    serde_json::from_slice(body).map_err(|_| outer.not_json())?;
                description.last_modified =
                    inner.last_modified.clone().filter(|at| is_strong(at, outer.asked_at));
                Ok(Found::Description(Box::new(description)))
            }
            Read::Changed(changed) => {
                let rows = page::read(body, &changed.shape()).map_err(|_| outer.not_json())?;
                query::page(changed, rows, outer.asked_at).map(Found::Page)
            }
            Read::Count { .. } => {
                let nothing = Shape::new(std::iter::empty());
                let rows = page::read(body, &nothing).map_err(|_| outer.not_json())?;
                Ok(Found::Count(rows.total))
            }
        }
    }
}

/// Tells whether a time of change tells a state from every later one: it has whole seconds,
/// so what was changed just before the answer may change once more under it (RFC 9110,
/// 8.8.2.2).
fn is_strong(last_modified: &str, sent_at: Option<Timestamp>) -> bool {
    let changed_at = time::http(last_modified);
    let age = sent_at.zip(changed_at).map(|(sent, changed)| sent.duration_since(changed));
    age.is_some_and(|age| age >= STRONG_AGE)
}
