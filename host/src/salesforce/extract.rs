//! Extracts: all that a query selects, prepared by Salesforce in its own time and fetched in
//! large parts (Bulk API 2.0).

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::call::json_of;
use super::describe::FieldType;
use super::page::Rows;
use super::query::encoded;
use super::{Answer, Call, Changed, Error, Page, Result, Salesforce, Scope, soql, time};
use crate::model::{SalesforceId, Value};

/// How many values a part holds: it is read into memory whole.
const VALUES_MAX: usize = 500_000;
/// How many records a part may have: few where there are many fields.
const PART_ROWS: std::ops::RangeInclusive<usize> = 2_000..=50_000;
/// What stands in the place of a locator behind the last part.
const END: &str = "null";

/// An extract that Salesforce was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Extract {
    /// Salesforce's job.
    pub id: SalesforceId,
    /// When it was asked for, by Salesforce's clock: what changed since may be missing.
    #[serde(rename = "createdDate", deserialize_with = "moment")]
    pub since: Timestamp,
}

/// How far an extract is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Salesforce is still at it.
    Running,
    /// It can be fetched, for seven days.
    Ready,
    /// It will never be there, and why.
    Lost(String),
}

/// A part of an extract.
pub struct Part {
    /// Where the next part begins; none behind the last.
    pub next: Option<String>,
    csv: csv::Reader<std::io::Cursor<Vec<u8>>>,
    /// For each column of the text, which of the row's it fills.
    places: Vec<Vec<usize>>,
    types: Vec<FieldType>,
    read_at: Option<Timestamp>,
    host: String,
    bytes: u64,
    is_begun: bool,
}

/// Returns how many records a part of an extract has that bears so many fields.
pub fn part_rows(fields: usize) -> usize {
    let rows = VALUES_MAX / (fields + soql::KEYS.len()).max(1);
    rows.clamp(*PART_ROWS.start(), *PART_ROWS.end())
}

impl FieldType {
    /// Tells whether an extract bears values of this type as a query does.
    pub fn is_extractable(&self) -> bool {
        !matches!(self, Self::Address | Self::Location | Self::Base64 | Self::Other(_))
    }
}

impl Salesforce {
    /// Returns how long to wait between so many looks at something that takes Salesforce minutes.
    pub fn waits(&self, looks: usize) -> impl Iterator<Item = Duration> + Send + use<> {
        self.http().each_long_wait(looks)
    }

    /// Asks for all that a query selects, in no order; `after` and `limit` are not looked at.
    ///
    /// An answer that is lost leaves an extract behind that nobody fetches; Salesforce
    /// forgets it after seven days.
    pub async fn begin_extract(&self, query: &Changed<'_>, scope: Scope) -> Result<Extract> {
        let body = json!({ "operation": "queryAll", "query": soql::extract(query, scope) });
        let call = Call::new(Method::POST, self.path("jobs/query"));
        self.read(&call.body(body.to_string().into_bytes()), json_of).await
    }

    /// Tells how far an extract is; takes one call.
    pub async fn progress(&self, id: &SalesforceId) -> Result<Progress> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Job {
            state: String,
            error_message: Option<String>,
        }
        let call = Call::new(Method::GET, self.path(&format!("jobs/query/{id}")));
        let job: Job = match self.read(&call, json_of).await {
            Err(Error::NotFound(refusal)) => return Ok(Progress::Lost(refusal.to_string())),
            job => job?,
        };
        Ok(match job.state.as_str() {
            "JobComplete" => Progress::Ready,
            "Failed" | "Aborted" => Progress::Lost(job.error_message.unwrap_or(job.state)),
            _ => Progress::Running,
        })
    }

    /// Fetches a part of an extract that is ready: the first, or the one at `locator`.
    /// `types` are those of `query.reads`.
    ///
    /// A part that is too large is asked for with fewer records.
    pub async fn part(
        &self,
        query: &Changed<'_>,
        types: &[FieldType],
        id: &SalesforceId,
        locator: Option<&str>,
    ) -> Result<Part> {
        let mut rows = part_rows(query.reads.len());
        let locator = locator.map(|at| format!("&locator={}", encoded(at))).unwrap_or_default();
        loop {
            let path = self.path(&format!("jobs/query/{id}/results?maxRecords={rows}{locator}"));
            let call = Call::new(Method::GET, path);
            match self.fetch(&call).await {
                Err(Error::TooLarge { .. }) if rows > *PART_ROWS.start() => {
                    rows = (rows / 2).max(*PART_ROWS.start());
                }
                answer => return Part::open(answer?, query, types),
            }
        }
    }
}

impl Part {
    fn open(answer: Answer, query: &Changed<'_>, types: &[FieldType]) -> Result<Self> {
        let bytes = answer.body.len() as u64;
        let (host, read_at, next) = (answer.host, answer.asked_at, answer.locator);
        let mut csv = csv::Reader::from_reader(std::io::Cursor::new(answer.body));
        let columns: Vec<&str> = query.columns().collect();
        let header = csv.headers().map_err(|_| not_csv(&host))?;
        let of = |name: &str| {
            let is_it = |(_, column): &(usize, &&str)| column.eq_ignore_ascii_case(name);
            columns.iter().enumerate().filter(is_it).map(|(place, _)| place).collect::<Vec<_>>()
        };
        let places: Vec<Vec<usize>> = header.iter().map(of).collect();
        let is_there = |place: &usize| places.iter().any(|places| places.contains(place));
        if !(0..columns.len()).all(|place| is_there(&place)) {
            return Err(not_csv(&host));
        }
        let successors = query.successors.iter().map(|_| FieldType::Id);
        let keys = [FieldType::Id, FieldType::DateTime, FieldType::Boolean];
        let types = keys.into_iter().chain(successors).chain(types.iter().cloned()).collect();
        // Where nothing tells whether there are more, there may be.
        let next = Some(next.ok_or_else(|| not_csv(&host))?).filter(|next| next != END);
        Ok(Self { next, csv, places, types, read_at, host, bytes, is_begun: false })
    }

    /// Tells whether all records of the part were returned.
    pub fn is_over(&self) -> bool {
        self.csv.position().byte() >= self.bytes
    }

    /// Returns the next records of the part, at most so many; none behind the last. Even an
    /// empty part has one page.
    pub fn page(&mut self, query: &Changed<'_>, limit: usize) -> Result<Option<Page>> {
        if self.is_begun && self.is_over() {
            return Ok(None);
        }
        self.is_begun = true;
        let mut rows = Vec::with_capacity(limit);
        let mut record = csv::StringRecord::new();
        while rows.len() < limit {
            if !self.csv.read_record(&mut record).map_err(|_| not_csv(&self.host))? {
                break;
            }
            let mut row = vec![Value::Null; self.types.len()];
            for (text, places) in record.iter().zip(&self.places) {
                for place in places {
                    let value = value(&self.types[*place], text);
                    row[*place] = value.ok_or_else(|| not_csv(&self.host))?;
                }
            }
            rows.push(row);
        }
        let rows = Rows { rows, done: true, ..Rows::default() };
        super::query::page(query, rows, self.read_at).map(Some)
    }
}

/// Returns a value as a query would give it; none, where it is not one of its type.
fn value(of: &FieldType, text: &str) -> Option<Value> {
    if text.is_empty() {
        return Some(Value::Null);
    }
    Some(match of {
        FieldType::Boolean => Value::Boolean(text.parse().ok()?),
        FieldType::Int | FieldType::Long => Value::Integer(text.parse().ok()?),
        FieldType::Double | FieldType::Currency | FieldType::Percent => {
            Value::Number(text.parse().ok().filter(|number: &f64| number.is_finite())?)
        }
        FieldType::DateTime => Value::Text(time::canonical(text)),
        _ => Value::Text(time::normalised(text).unwrap_or_else(|| text.to_owned())),
    })
}

fn not_csv(host: &str) -> Error {
    Error::NotJson { host: host.to_owned(), status: 200, what: "CSV of another shape" }
}

fn moment<'de, D: serde::Deserializer<'de>>(json: D) -> std::result::Result<Timestamp, D::Error> {
    let text = String::deserialize(json)?;
    time::parse(&text).ok_or_else(|| serde::de::Error::custom("no moment"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{FieldPath, Object};

    fn answer(body: &str, locator: &str) -> Answer {
        Answer {
            host: "acme.example".to_owned(),
            status: 200,
            content: "text/csv".to_owned(),
            location: None,
            locator: Some(locator.to_owned()),
            asked_at: None,
            body: body.as_bytes().to_vec(),
            usage: None,
        }
    }

    fn pages(body: &str, reads: &[(&str, FieldType)], limit: usize) -> Result<Vec<Page>> {
        let paths: Vec<FieldPath> = reads.iter().map(|(path, _)| path.parse().unwrap()).collect();
        let types: Vec<FieldType> = reads.iter().map(|(_, kind)| kind.clone()).collect();
        let query = Changed {
            object: Object::Contact,
            reads: &paths,
            successors: &[],
            filter: None,
            after: None,
            limit: 1,
        };
        let mut part = Part::open(answer(body, END), &query, &types)?;
        assert_eq!(part.next, None);
        std::iter::from_fn(|| part.page(&query, limit).transpose()).collect()
    }

    #[test]
    fn a_part_has_the_values_that_a_query_would_give() {
        let body = "\"Id\",\"SystemModstamp\",\"IsDeleted\",\"Name\",\"Account.Name\",\"Amount\",\
            \"Score__c\",\"CreatedDate\",\"Birthdate\",\"IsPrivate\"\n\
            \"003000000000001AAA\",\"2026-01-02T03:04:05.000Z\",\"false\",\"Zo\u{eb} \"\"Z\"\"\nO'Neill\",\
            \"A, B\",\"1000.0\",\"5\",\"2026-01-02T03:04:05.120Z\",\"1990-01-02\",\"true\"\n\
            \"003000000000002AAA\",\"2026-01-02T03:04:06.000Z\",\"true\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"\n";
        let reads = [
            ("Id", FieldType::Id),
            ("name", FieldType::String),
            ("Account.Name", FieldType::String),
            ("Amount", FieldType::Currency),
            ("Score__c", FieldType::Double),
            ("CreatedDate", FieldType::DateTime),
            ("Birthdate", FieldType::Date),
            ("IsPrivate", FieldType::Boolean),
        ];
        let pages = pages(body, &reads, 1).unwrap();
        let [first, second] = &pages[..] else { panic!("{pages:?}") };
        assert_eq!(
            first.table.rows[0],
            [
                "003000000000001AAA".into(),
                "Zo\u{eb} \"Z\"\nO'Neill".into(),
                "A, B".into(),
                Value::Number(1000.0),
                Value::Number(5.0),
                "2026-01-02T03:04:05.120Z".into(),
                "1990-01-02".into(),
                Value::Boolean(true),
            ]
        );
        assert_eq!(first.keys[0].modified_at, "2026-01-02T03:04:05Z".parse().unwrap());
        assert!(second.keys[0].deleted);
        assert_eq!(second.table.rows[0][1..], vec![Value::Null; 7]);
    }

    #[test]
    fn what_is_no_extract_is_an_error_and_an_empty_one_is_a_page() {
        let reads = [("Name", FieldType::Boolean)];
        let header = "\"Id\",\"SystemModstamp\",\"IsDeleted\",\"Name\"\n";
        let empty = pages(header, &reads, 9).unwrap();
        assert_eq!((empty.len(), empty[0].keys.len()), (1, 0));
        for body in [
            "",
            "<html>",
            "\"Id\",\"SystemModstamp\",\"IsDeleted\"\n",
            &format!(
                "{header}\"003000000000001AAA\",\"2026-01-02T03:04:05.000Z\",\"false\",\"x\"\n"
            ),
            &format!("{header}\"003000000000001AAA\",\"2026\",\"false\",\"\"\n"),
            &format!("{header}\"003000000000001AAA\"\n"),
        ] {
            assert!(matches!(pages(body, &reads, 9), Err(Error::NotJson { .. })), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_text_of_an_extract_makes_it_panic(body in "(?s).{0,300}", cell in "[\"\n,a\u{e9}]{0,20}") {
            let _ = pages(&body, &[("Name", FieldType::String)], 2);
            let header = "\"Id\",\"SystemModstamp\",\"IsDeleted\",\"Name\"\n";
            let _ = pages(&format!("{header}{cell}"), &[("Name", FieldType::String)], 2);
        }
    }
}
