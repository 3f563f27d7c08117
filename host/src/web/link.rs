//! Links from page to page.

use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::{OrgId, SalesforceId, Sobject};

/// Returns where the page of a meeting is; ids are the platform's and may hold anything.
pub(super) fn meeting(org: &OrgId, meeting: &str) -> String {
    format!("/orgs/{org}/meetings/{}", utf8_percent_encode(meeting, NON_ALPHANUMERIC))
}

/// Leads to a record, where it is one that is imported.
pub(super) fn record(org: &OrgId, object: Sobject, id: &SalesforceId, name: &str) -> Markup {
    html! {
        @match object.synced() {
            Some(object) => { a href=(format!("/orgs/{org}/records/{object}/{id}")) { (name) } },
            None => (name),
        }
    }
}
