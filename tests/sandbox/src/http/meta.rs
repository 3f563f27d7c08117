//! What an org offers and how much of it is left.

use serde_json::{Map, Value as Json, json};

use super::call::Answer;
use super::rest::Errand;
use crate::org::Org;

/// The resources under a version.
pub(super) fn resources(org: &Org, errand: &Errand<'_>) -> Answer {
    let base = errand.version.base();
    let names = [
        "actions",
        "composite",
        "jobs",
        "limits",
        "parameterizedSearch",
        "query",
        "queryAll",
        "recent",
        "search",
        "sobjects",
        "tooling",
    ];
    let mut body: Map<String, Json> =
        names.iter().map(|name| ((*name).to_owned(), format!("{base}/{name}").into())).collect();
    let identity = super::identity::address_within(org, errand.state, errand.user());
    body.insert("identity".to_owned(), identity.into());
    Answer::json(200, &body.into())
}

/// The limits, some with the share of single apps inside.
pub(super) fn limits(errand: &Errand<'_>) -> Answer {
    let traffic = errand.state.traffic();
    let left = traffic.daily_limit.saturating_sub(traffic.daily_usage);
    let full = |max: u64| json!({"Max": max, "Remaining": max});
    let mut daily = json!({"Max": traffic.daily_limit, "Remaining": left});
    daily["Data Loader"] = full(0);
    daily["Meeting Sync"] = json!({"Max": 0, "Remaining": 0});
    let used = |max: u64, used: u64| json!({"Max": max, "Remaining": max.saturating_sub(used)});
    let mut batches = used(15_000, traffic.bulk_batches);
    batches["Data Loader"] = full(0);
    Answer::json(
        200,
        &json!({
            "ConcurrentAsyncGetReportInstances": full(200),
            "ConcurrentSyncReportRuns": full(20),
            "DailyApiRequests": daily,
            "DailyAsyncApexExecutions": full(250_000),
            "DailyBulkApiBatches": batches,
            "DailyBulkV2QueryFileStorageMB": full(976_562),
            "DailyBulkV2QueryJobs": used(10_000, traffic.bulk_queries),
            "DailyDurableStreamingApiEvents": full(10_000),
            "DataStorageMB": full(5_120),
            "FileStorageMB": full(20_480),
            "HourlyPublishedPlatformEvents": full(50_000),
            "MassEmail": full(10),
            "MonthlyPlatformEventsUsageEntitlement": full(0),
            "PermissionSets": json!({"Max": 1500, "Remaining": 1490, "CreateCustom": full(990)}),
            "SingleEmail": full(15),
        }),
    )
}

/// How many records objects have; unknown and empty ones are left out.
pub(super) fn record_count(org: &Org, errand: &Errand<'_>) -> Answer {
    let wanted = errand.call.parameter("sObjects").filter(|list| !list.is_empty());
    let wanted: Option<Vec<&str>> = wanted.map(|list| list.split(',').map(str::trim).collect());
    let counts: Vec<Json> = org
        .tables()
        .iter()
        .enumerate()
        .filter(|(_, table)| {
            let name = table.object.name;
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.iter().any(|known| known.eq_ignore_ascii_case(name)))
        })
        .map(|(place, table)| (org.record_count(place), table.object.name))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| json!({"count": count, "name": name}))
        .collect();
    Answer::json(200, &json!({"sObjects": counts}))
}
