//! Queries: what changed, what has a value, how many there are.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use url::form_urlencoded;

use super::call::{json_of, odd};
use super::page::{self, Rows};
use super::refusals::Refusal;
use super::shape::Shape;
use super::soql::{self, Changed, PAGE_ROWS, Successor};
use super::{Answer, Call, Error, Result, Salesforce, composite, time};
use crate::model::{
    FieldName, Filter, NameError, Object, OrgId, SalesforceId, Sobject, Table, User, Value,
};

/// How long an address may be; Salesforce stops at 16,384 bytes with its headers.
const URI_BYTES_MAX: usize = 8_000;
/// The fewest rows that a page is asked for where a larger one is too large to be read.
const LIMIT_MIN: u32 = 50;
/// How many values one query looks for.
const FIND_VALUES_MAX: usize = 500;
/// The field that tells whether a record is in the recycle bin.
pub const IS_DELETED: &str = "IsDeleted";
/// The object that says in which opportunities a contact has a part.
const ROLES: &str = "OpportunityContactRole";
/// What sandbox orgs put at the end of every address, so that no mail goes out.
pub const DISGUISE: &str = ".invalid";
/// How long the list of values in one query may be; SOQL ends at 100,000
/// characters.
const FIND_BYTES_MAX: usize = 60_000;
/// How many pages one query may come in.
const FIND_PAGES_MAX: usize = 200;

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The values, a column for each of `reads`.
    pub table: Table,
    /// What each row is, in the order of the rows.
    pub keys: Vec<RowKey>,
    /// Whether there may be more after the last row.
    pub more: bool,
    /// When Salesforce answered, by its own clock.
    pub read_at: Option<Timestamp>,
}

/// What a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowKey {
    /// The record.
    pub id: SalesforceId,
    /// Its `SystemModstamp`.
    pub modified_at: Timestamp,
    /// Whether it is in the recycle bin or was merged into another.
    pub deleted: bool,
    /// What it was merged into or converted to.
    pub became: Vec<(Object, SalesforceId)>,
}

/// A status that tasks can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// The value as it is written to `Status`.
    pub name: String,
    /// Whether a task of this status is done.
    pub closed: bool,
    /// Whether new tasks get it.
    pub default: bool,
}

impl Salesforce {
    /// Returns the next page of what changed, in the order of stamp and id.
    ///
    /// Reads with `queryAll`, so that records in the recycle bin come too. Rows
    /// that leave the filter by an edit do not come. Salesforce may answer with
    /// fewer rows than asked for; the rest is read by the next cursor, never by
    /// Salesforce's own, which would go stale.
    pub async fn changed(&self, query: &Changed<'_>) -> Result<Page> {
        self.page(query, soql::changed).await
    }

    /// Returns the next page of the records whose `key` is one of these ids, deleted ones
    /// too, in the order of their own ids; `query.after` is not looked at.
    pub async fn among(
        &self,
        query: &Changed<'_>,
        key: &FieldName,
        ids: &[SalesforceId],
        after: Option<&SalesforceId>,
    ) -> Result<Page> {
        self.page(query, |query| soql::among(query, key, ids, after)).await
    }

    /// Returns these records, deleted ones too, in one page; `query.after` is not looked at.
    ///
    /// Salesforce may answer with fewer at a time than it is asked for.
    pub async fn by_ids(&self, query: &Changed<'_>, ids: &[SalesforceId]) -> Result<Page> {
        let key: FieldName = "Id".parse()?;
        let mut all = self.among(query, &key, ids, None).await?;
        for _ in 0..ids.len() {
            let may_lack = all.more && all.keys.len() < ids.len();
            let Some(last) = all.keys.last().filter(|_| may_lack).map(|key| key.id.clone()) else {
                break;
            };
            let next = self.among(query, &key, ids, Some(&last)).await?;
            all.keys.extend(next.keys);
            all.table.rows.extend(next.table.rows);
            (all.more, all.read_at) = (next.more, next.read_at);
        }
        Ok(all)
    }

    /// Returns the next page of the records that are there, archived ones too, by their
    /// ids; `query.after` is not looked at.
    pub async fn listing(&self, query: &Changed<'_>, after: Option<&SalesforceId>) -> Result<Page> {
        self.page(query, |query| soql::listing(query, after)).await
    }

    /// Returns the records whose `key` has one of these values, in no order, with
    /// `Id` as the first column and then the fields. Deleted records are left out.
    pub async fn find(
        &self,
        object: &str,
        key: &FieldName,
        values: &[String],
        fields: &[FieldName],
    ) -> Result<Table> {
        let object: FieldName = object.parse()?;
        let fields = fields.iter().map(FieldName::as_str);
        let select = soql::unique(std::iter::once("Id").chain(fields));
        self.find_all("query", object.as_str(), key, values, &select, None).await
    }

    /// Returns the records as [`Salesforce::find`] does, those in the recycle bin too, which
    /// `IsDeleted` tells.
    pub async fn find_deleted_too(
        &self,
        object: &str,
        key: &FieldName,
        values: &[String],
    ) -> Result<Table> {
        let object: FieldName = object.parse()?;
        let select = ["Id", key.as_str(), IS_DELETED];
        self.find_all("queryAll", object.as_str(), key, values, &select, None).await
    }

    /// Returns what an org is called, and whether it is a sandbox; none, where it isn't shown.
    pub async fn organization(&self, org: &OrgId) -> Result<Option<(String, bool)>> {
        let field = |name: &str| {
            name.parse::<FieldName>().expect("a name that is written here is well formed")
        };
        let (name, is_sandbox) = (field("Name"), field("IsSandbox"));
        let ids = [org.to_string()];
        let found = self.find("Organization", &field("Id"), &ids, &[name, is_sandbox]).await?;
        let places = found.column("Name").zip(found.column("IsSandbox"));
        Ok(found.rows.first().zip(places).and_then(|(row, (name, is_sandbox))| {
            Some((row[name].text()?.to_owned(), row[is_sandbox] == Value::Boolean(true)))
        }))
    }

    /// Returns the active users with these addresses, each with the address as
    /// Salesforce has it. Several users can share one; a sandbox org appends
    /// `.invalid` to all.
    pub async fn users_by_email(&self, emails: &[String]) -> Result<Vec<(String, User)>> {
        let key: FieldName = "Email".parse()?;
        let active = Some("IsActive = TRUE");
        let disguised = emails.iter().map(|email| format!("{email}{DISGUISE}"));
        let spellings: Vec<String> = emails.iter().cloned().chain(disguised).collect();
        let select = ["Id", "Email", "TimeZoneSidKey"];
        let table = self.find_all("query", "User", &key, &spellings, &select, active).await?;
        let users = table.rows.into_iter().filter_map(|row| {
            let [id, email, zone] = <[Value; 3]>::try_from(row).ok()?;
            let plain = email.text()?.to_lowercase();
            let plain = plain.strip_suffix(DISGUISE).unwrap_or(&plain).to_owned();
            let (id, time_zone) = (id.text()?.parse().ok()?, zone.text().map(str::to_owned));
            Some((plain, User { id, time_zone }))
        });
        let users: Vec<(String, User)> = users.collect();
        let is_one = |email: &str| users.iter().filter(|(other, _)| other == email).count() == 1;
        Ok(users.iter().filter(|(email, _)| is_one(email)).cloned().collect())
    }

    /// Returns the opportunities in which these contacts have a role, each as a contact and an
    /// opportunity.
    pub async fn roles(
        &self,
        contacts: &[SalesforceId],
    ) -> Result<Vec<(SalesforceId, SalesforceId)>> {
        let key: FieldName = "ContactId".parse()?;
        let ids: Vec<String> = contacts.iter().map(SalesforceId::to_string).collect();
        let select = ["ContactId", "OpportunityId"];
        let table = self.find_all("query", ROLES, &key, &ids, &select, None).await?;
        let roles = table.rows.into_iter().filter_map(|row| {
            let [contact, opportunity] = <[Value; 2]>::try_from(row).ok()?;
            Some((contact.text()?.parse().ok()?, opportunity.text()?.parse().ok()?))
        });
        Ok(roles.collect())
    }

    /// Returns what activities are related to, each as the relation, the activity and the record;
    /// nothing, where `object` has no relations.
    pub async fn relations(
        &self,
        object: Sobject,
        activities: &[SalesforceId],
    ) -> Result<Vec<(SalesforceId, SalesforceId, SalesforceId)>> {
        let Some(key) = object.activity().and_then(Sobject::key_in_relations) else {
            return Ok(Vec::new());
        };
        let ids: Vec<String> = activities.iter().map(SalesforceId::to_string).collect();
        let select = ["Id", key, Sobject::RELATED];
        let table =
            self.find_all("query", object.as_str(), &key.parse()?, &ids, &select, None).await?;
        let relations = table.rows.into_iter().filter_map(|row| {
            let ids = row.iter().map(|value| value.text()?.parse::<SalesforceId>().ok());
            let [id, activity, record] = ids.collect::<Option<Vec<_>>>()?.try_into().ok()?;
            Some((id, activity, record))
        });
        Ok(relations.collect())
    }

    /// Returns the statuses that tasks can have, in the order in which people see
    /// them. Orgs rename and add to them.
    pub async fn task_statuses(&self) -> Result<Vec<TaskStatus>> {
        let shape = Shape::new(["ApiName", "MasterLabel", "IsClosed", "IsDefault"].into_iter());
        let soql =
            "SELECT ApiName, MasterLabel, IsClosed, IsDefault FROM TaskStatus ORDER BY SortOrder";
        let (rows, _) = self.query("query", soql, *PAGE_ROWS.end(), &shape).await?;
        let statuses = rows.rows.into_iter().filter_map(|row| {
            let [name, label, closed, default] = <[Value; 4]>::try_from(row).ok()?;
            let name = name.text().or(label.text())?.to_owned();
            let is = |value| value == Value::Boolean(true);
            Some(TaskStatus { name, closed: is(closed), default: is(default) })
        });
        Ok(statuses.collect())
    }

    /// Returns how many records the connected user sees, the deleted ones left
    /// out.
    pub async fn count(&self, object: Object, filter: Option<&Filter>) -> Result<u64> {
        let soql = soql::count(object.as_str(), filter, None);
        let nothing = Shape::new(std::iter::empty());
        let (rows, _) = self.query("query", &soql, *PAGE_ROWS.end(), &nothing).await?;
        Ok(rows.total)
    }

    /// Returns about how many records there are, whoever sees them, the deleted ones left out.
    pub async fn record_counts(&self, objects: &[Object]) -> Result<HashMap<Object, u64>> {
        #[derive(Deserialize)]
        struct Counts {
            #[serde(rename = "sObjects")]
            objects: Vec<Count>,
        }
        #[derive(Deserialize)]
        struct Count {
            name: String,
            count: u64,
        }
        let names: Vec<&str> = objects.iter().map(|object| object.as_str()).collect();
        let path = self.path(&format!("limits/recordCount?sObjects={}", names.join(",")));
        let counts: Counts = self.read(&Call::new(Method::GET, path), json_of).await?;
        let known = counts.objects.into_iter();
        Ok(known.filter_map(|one| Some((one.name.parse().ok()?, one.count))).collect())
    }

    /// Returns these columns of the records whose `key` has one of these values, and that meet the
    /// condition `and`.
    pub(super) async fn find_all(
        &self,
        resource: &str,
        object: &str,
        key: &FieldName,
        values: &[String],
        select: &[&str],
        and: Option<&str>,
    ) -> Result<Table> {
        let shape = Shape::new(select.iter().copied());
        let mut found = Vec::new();
        for part in parts(values) {
            let soql = soql::find(object, key, part, select, and);
            found.extend(self.every_page(resource, &soql, &shape).await?);
        }
        Ok(Table { columns: select.iter().map(|&name| name.to_owned()).collect(), rows: found })
    }

    async fn every_page(
        &self,
        resource: &str,
        soql: &str,
        shape: &Shape,
    ) -> Result<Vec<Vec<Value>>> {
        let (mut page, _) = self.query(resource, soql, *PAGE_ROWS.end(), shape).await?;
        let mut rows = std::mem::take(&mut page.rows);
        for _ in 1..FIND_PAGES_MAX {
            let Some(next) = page.next.take().filter(|_| !page.done) else {
                return Ok(rows);
            };
            // The path is joined to the org's address: it must not name a host.
            if !next.starts_with("/services/data/") {
                return Err(odd("an address of the next page that leads elsewhere"));
            }
            let call = Call::new(Method::GET, next);
            page = self.read(&call, |answer| rows_of(answer, shape)).await?;
            rows.append(&mut page.rows);
        }
        let words = "the query has more pages than are read";
        Err(Error::Refused(Refusal::new("OPERATION_TOO_LARGE", words, vec![])))
    }

    /// Returns a page of what is read of an object, as `write` puts it in SOQL; one that is too
    /// large is asked for with fewer rows.
    async fn page(
        &self,
        query: &Changed<'_>,
        write: impl Fn(&Changed<'_>) -> String,
    ) -> Result<Page> {
        let mut query = query.bounded();
        let shape = query.shape();
        loop {
            let soql = write(&query);
            match self.query("queryAll", &soql, query.limit, &shape).await {
                Err(Error::TooLarge { .. }) if query.limit > LIMIT_MIN => {
                    query.limit = (query.limit / 2).max(LIMIT_MIN);
                }
                answer => {
                    let (rows, read_at) = answer?;
                    return page(&query, rows, read_at);
                }
            }
        }
    }

    /// Runs a query and returns its first page, and when it was answered.
    ///
    /// There is no query by POST, so one that is too long for an address goes
    /// inside a composite call; what is wrong with it surfaces as the same error.
    pub(super) async fn query(
        &self,
        resource: &str,
        soql: &str,
        rows: u32,
        shape: &Shape,
    ) -> Result<(Rows, Option<Timestamp>)> {
        let path = self.path(&format!("{resource}?q={}", encoded(soql)));
        let rows = rows.clamp(*PAGE_ROWS.start(), *PAGE_ROWS.end());
        if path.len() <= URI_BYTES_MAX {
            let call = Call::new(Method::GET, path).rows(rows);
            return self.read(&call, |answer| Ok((rows_of(answer, shape)?, answer.asked_at))).await;
        }
        let body = serde_json::json!({
            "allOrNone": false,
            "compositeRequest": [
                { "method": "GET", "url": path, "referenceId": composite::reference(0) },
            ],
        });
        let call = Call::new(Method::POST, self.path("composite"))
            .rows(rows)
            .body(body.to_string().into_bytes());
        self.read(&call, |answer| {
            let inner = composite::answers(answer, 1)?;
            let body = inner[0].accepted(answer)?;
            let rows = page::read(body, shape).map_err(|_| answer.not_json())?;
            Ok((rows, answer.asked_at))
        })
        .await
    }
}

/// Makes a page of rows that were read for a query.
pub(super) fn page(query: &Changed<'_>, rows: Rows, read_at: Option<Timestamp>) -> Result<Page> {
    let more = !rows.done || rows.rows.len() >= query.limit as usize;
    let before = soql::KEYS.len() + query.successors.len();
    let mut keys = Vec::with_capacity(rows.rows.len());
    let mut values = Vec::with_capacity(rows.rows.len());
    for mut row in rows.rows {
        let rest = row.split_off(before);
        let key = key_of(&row, query.successors);
        keys.push(key.ok_or_else(|| odd("a record without its id or stamp"))?);
        values.push(rest);
    }
    let columns: Arc<[String]> = query.reads.iter().map(|path| path.as_str().to_owned()).collect();
    Ok(Page { table: Table { columns, rows: values }, keys, more, read_at })
}

/// Returns a query as it stands in an address.
pub(super) fn encoded(soql: &str) -> String {
    form_urlencoded::byte_serialize(soql.as_bytes()).collect()
}

fn rows_of(answer: &Answer, shape: &Shape) -> Result<Rows> {
    page::read(&answer.body, shape).map_err(|_| answer.not_json())
}

/// Returns what a row is by its first columns, those of [`soql::KEYS`] and then those
/// that tell what it became.
fn key_of(row: &[Value], successors: &[Successor]) -> Option<RowKey> {
    let (keys, became) = row.split_at(soql::KEYS.len());
    let became = successors.iter().zip(became);
    let became = became.filter_map(|(of, id)| Some((of.becomes, id.text()?.parse().ok()?)));
    Some(RowKey {
        id: keys[0].text()?.parse().ok()?,
        modified_at: time::parse(keys[1].text()?)?,
        deleted: keys[2] == Value::Boolean(true),
        became: became.collect(),
    })
}

/// Splits values into parts that one query holds.
fn parts(values: &[String]) -> impl Iterator<Item = &[String]> {
    let mut rest = values;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |value: &&String| {
            bytes += value.len() + 8;
            bytes <= FIND_BYTES_MAX
        };
        let count = rest.iter().take(FIND_VALUES_MAX).take_while(fits).count();
        // A value that no query can hold still goes out, to be refused by name.
        let (part, after) = rest.split_at(count.max(1).min(rest.len()));
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

impl From<NameError> for Error {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}
