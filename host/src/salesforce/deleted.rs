//! What was deleted, the recycle bin emptied or not.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde::Deserialize;
use url::form_urlencoded;

use super::{Call, Result, Salesforce, time};
use crate::model::{Object, SalesforceId};

/// Until how long after now is asked: the minute that goes on counts too.
const BEYOND: SignedDuration = SignedDuration::from_mins(1);
/// How far back Salesforce tells; a moment less than its 15 days, as it counts by minutes.
const REACH: SignedDuration = SignedDuration::from_hours(15 * 24 - 1);

impl Salesforce {
    /// Returns what was deleted of an object within the days that Salesforce tells of, and
    /// when; also what left the recycle bin since.
    ///
    /// An org that deletes much forgets sooner.
    pub async fn deleted(
        &self,
        object: Object,
        now: Timestamp,
    ) -> Result<BTreeMap<SalesforceId, Timestamp>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Deleted {
            deleted_records: Vec<Record>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Record {
            id: SalesforceId,
            deleted_date: String,
        }
        let span: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("start", &time::literal(now.checked_sub(REACH).unwrap_or(now)))
            .append_pair("end", &time::literal(now.checked_add(BEYOND).unwrap_or(now)))
            .finish();
        let call = Call::new(Method::GET, self.path(&format!("sobjects/{object}/deleted/?{span}")));
        let deleted: Deleted = self.read(&call, super::call::json_of).await?;
        let records = deleted.deleted_records.into_iter();
        Ok(records.filter_map(|one| Some((one.id, time::parse(&one.deleted_date)?))).collect())
    }
}
