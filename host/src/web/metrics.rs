//! What watches the host: whether it is well, and numbers for Prometheus.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::api::{Caller, Refusal};
use super::{HEALTH, METRICS, Shared, Site};
use crate::model::{Direction, Ending, JobKey, OrgId, Run};
use crate::sync;
use crate::world::Failed;

/// The kind of text that metrics are in.
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> Router<Shared> {
    Router::new().route(HEALTH, get(health)).route(METRICS, get(metrics))
}

/// Says that the host answers and its store can be read.
async fn health(State(site): State<Shared>) -> Response {
    match site.world.store.connections() {
        Ok(_) => (StatusCode::OK, "well\n").into_response(),
        Err(error) => {
            tracing::error!(hint = error.hint(), "the host is not well: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "not well\n").into_response()
        }
    }
}

/// Tells of all orgs on this machine alone; where others reach it, of the one that a token
/// opens.
async fn metrics(State(site): State<Shared>, caller: Result<Caller, Refusal>) -> Response {
    let org = match (site.settings.public_url.is_some(), caller) {
        (false, _) => None,
        (true, Ok(Caller { org })) => Some(org),
        (true, Err(refusal)) => return refusal.into_response(),
    };
    match tokio::task::block_in_place(|| measured(&site, org.as_ref())) {
        Ok(text) => ([(header::CONTENT_TYPE, KIND)], text).into_response(),
        Err(failed) => (StatusCode::INTERNAL_SERVER_ERROR, failed.message + "\n").into_response(),
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfOrg {
    org: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfObject {
    org: String,
    object: String,
}

/// Measures what the store says now: nothing is counted beside it.
fn measured(site: &Site, of: Option<&OrgId>) -> Result<String, Failed> {
    let mut registry = Registry::with_prefix("efficlose");
    let mut of_org = |name: &str, help: &str| {
        let family = Family::<OfOrg, Gauge>::default();
        registry.register(name, help, family.clone());
        family
    };
    let readable = of_org("readable", "Whether what is stored of the org can be read");
    let connected = of_org("connected", "Whether the grant of the org works");
    let failures = of_org("failures", "Records and writes that wait for a mend");
    let reviews = of_org("reviews", "Questions that wait for a person");
    let used = of_org("calls", "API calls made in the last 24 hours");
    let limit = of_org("calls_limit", "API calls that may be made in 24 hours");
    let mut of_object = |name: &str, help: &str| {
        let family = Family::<OfObject, Gauge>::default();
        registry.register(name, help, family.clone());
        family
    };
    let records = of_object("records", "Records as the platform holds them");
    let waiting = of_object("work_waiting", "Pieces of work that wait to be written");
    let failed = of_object("work_failed", "Pieces of work that wait for a mend");
    let broken = of_object("broken", "Whether the last import or writing could not go on");
    let paused = of_object("paused", "Whether the object is paused");
    let pulled =
        of_object("pulled_at_seconds", "When it was last imported to the end, as Unix time");
    let pushed =
        of_object("pushed_at_seconds", "When it was last written to the end, as Unix time");
    let verified = of_object("verified_at_seconds", "When it was last verified, as Unix time");
    let world = &site.world;
    let mut connections = world.store.connections()?;
    connections.retain(|connection| of.is_none_or(|org| *org == connection.org));
    for connection in connections {
        let settings = world.settings(&connection.org);
        let budget = world.budget(&connection).now()?;
        let status = sync::status(&world.store, &connection, &settings, budget, world.clock.now());
        let org = OfOrg { org: connection.org.to_string() };
        let set = |family: &Family<OfOrg, Gauge>, value: u64| {
            family.get_or_create(&org).set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&readable, u64::from(status.is_ok()));
        // The others are measured all the same.
        let status = match status {
            Ok(status) => status,
            Err(error) => {
                tracing::error!(
                    org = org.org,
                    hint = error.hint(),
                    "it can't be measured: {error}"
                );
                continue;
            }
        };
        set(&connected, u64::from(connection.broken.is_none()));
        set(&failures, status.failures);
        set(&reviews, status.reviews);
        set(&used, budget.used);
        set(&limit, budget.limit);
        for one in &status.objects {
            let labels = OfObject { org: org.org.clone(), object: one.object.to_string() };
            let set = |family: &Family<OfObject, Gauge>, value: i64| {
                family.get_or_create(&labels).set(value);
            };
            let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
            set(&records, count(one.records));
            set(&waiting, count(one.work.waiting + one.work.unmatched));
            set(&failed, count(one.work.failed));
            set(&paused, i64::from(one.paused_at.is_some()));
            let is_broken = |run: &Option<Run>| {
                matches!(run, Some(Run { ending: Some(Ending::Broken(_)), .. }))
            };
            set(&broken, i64::from(is_broken(&one.last_pull) || is_broken(&one.last_push)));
            let job = |direction| {
                let (org, object) = (connection.org.clone(), one.object);
                world.store.completed_at(&JobKey { org, object, direction })
            };
            for (family, at) in [
                (&pulled, job(Direction::Pull)?),
                (&pushed, job(Direction::Push)?),
                (&verified, one.verified.as_ref().map(|verified| verified.at)),
            ] {
                if let Some(at) = at {
                    set(family, at.as_second());
                }
            }
        }
    }
    let mut text = String::new();
    encode(&mut text, &registry)
        .map_err(|why| Failed::new(format!("metrics can't be told: {why}")))?;
    Ok(text)
}
