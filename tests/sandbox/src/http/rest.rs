//! `/services/data/v…`: who calls, in which version, what for.

use std::cell::Cell as Counter;

use super::call::{Answer, Call};
use super::version::Version;
use super::{
    actions, batch, changes, collections, composite, describe, jobs, meta, query, records, tree,
};
use crate::faults::Blow;
use crate::ids::Id;
use crate::org::Org;
use crate::refusal::Refusal;
use crate::soql::Scope;
use crate::state::State;
use crate::write::Writer;

/// One request with all that answering it needs.
pub(super) struct Errand<'a> {
    pub(super) state: &'a State,
    pub(super) call: &'a Call,
    pub(super) version: Version,
    pub(super) writer: &'a Writer,
}

impl Errand<'_> {
    pub(super) fn user(&self) -> Id {
        self.writer.user
    }

    pub(super) fn now(&self) -> i64 {
        self.writer.now
    }
}

pub(super) type Answered = Result<Answer, Refusal>;

/// Answers a request for data, counts it, and says how many calls are left.
pub(super) fn answer(state: &State, call: &Call, blow: Blow) -> Answer {
    let answer =
        answer_counted(state, call, blow).unwrap_or_else(|refusal| Answer::refusal(&refusal));
    if answer.status == 401 {
        return answer.with_header("www-authenticate", "Token".to_owned());
    }
    let traffic = state.traffic();
    let usage = format!("api-usage={}/{}", traffic.daily_usage, traffic.daily_limit);
    answer.with_header("sforce-limit-info", usage)
}

fn answer_counted(state: &State, call: &Call, blow: Blow) -> Answered {
    let version = Version::parse(&call.segments[2], state.traffic().newest_version)?;
    let now = state.clock.now();
    if call.header("authorization").is_some() && call.bearer().is_none() {
        let refusal = Refusal::new("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE");
        return Err(refusal.with_status(401));
    }
    let session = call.bearer().and_then(|token| state.access().session(token, now));
    let Some(session) = session else {
        let refusal = Refusal::new("INVALID_SESSION_ID", "Session expired or invalid");
        return Err(refusal.with_status(401));
    };
    count(state)?;
    let writer = Writer {
        user: session.user,
        now,
        locks: Counter::new(blow.rows),
        refusal: blow.refusal,
        insists: insists(call),
    };
    let errand = Errand { state, call, version, writer: &writer };
    let route = Route::of(&call.segments[3..])?;
    if route.writes(&call.method) {
        let mut org = state.org_mut();
        let answer = write(&mut org, &errand, &route);
        org.commit();
        answer
    } else {
        read(&state.org(), &errand, &route)
    }
}

/// Whether the client saves records in spite of duplicate rules.
fn insists(call: &Call) -> bool {
    let header = call.header("sforce-duplicate-rule-header").unwrap_or_default();
    header.split([',', ';']).any(|option| {
        let (name, value) = option.split_once('=').unwrap_or_default();
        name.trim().eq_ignore_ascii_case("allowSave") && value.trim().eq_ignore_ascii_case("true")
    })
}

pub(super) fn count(state: &State) -> Result<(), Refusal> {
    let mut traffic = state.traffic();
    if traffic.api_disabled {
        let message = "The REST API is not enabled for this Organization.";
        return Err(Refusal::new("API_DISABLED_FOR_ORG", message).with_status(403));
    }
    if traffic.daily_usage >= traffic.daily_limit {
        return Err(super::request_limit(false));
    }
    traffic.daily_usage += 1;
    Ok(())
}

/// A resource under a version.
#[derive(Debug)]
pub(super) enum Route {
    Resources,
    Limits,
    Recent,
    RecordCount,
    Objects,
    Object(String),
    Describe(String),
    Updated(String),
    Deleted(String),
    Record(String, String),
    Keyed(String, String, String),
    Query(Scope, Option<String>),
    Composite,
    Batch,
    Collection,
    ObjectCollection(String),
    KeyedCollection(String, String),
    Jobs(Vec<String>),
    Graph,
    Tree(String),
    ConvertLead,
}

impl Route {
    fn of(path: &[String]) -> Result<Self, Refusal> {
        let lower: Vec<String> = path.iter().map(|part| part.to_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let part = |place: usize| path[place].clone();
        let route = match lower[..] {
            [] => Self::Resources,
            ["limits"] => Self::Limits,
            ["recent"] => Self::Recent,
            ["limits", "recordcount"] => Self::RecordCount,
            ["sobjects"] => Self::Objects,
            ["sobjects", _] => Self::Object(part(1)),
            ["sobjects", _, "describe"] => Self::Describe(part(1)),
            ["sobjects", _, "updated"] => Self::Updated(part(1)),
            ["sobjects", _, "deleted"] => Self::Deleted(part(1)),
            ["sobjects", _, _] => Self::Record(part(1), part(2)),
            ["sobjects", _, _, _] => Self::Keyed(part(1), part(2), part(3)),
            // The command line looks here for sandboxes; there are none.
            ["query"] | ["tooling", "query"] => Self::Query(Scope::Live, None),
            ["queryall"] => Self::Query(Scope::All, None),
            ["query", _] => Self::Query(Scope::Live, Some(part(1))),
            ["queryall", _] => Self::Query(Scope::All, Some(part(1))),
            ["composite"] => Self::Composite,
            ["composite", "batch"] => Self::Batch,
            ["composite", "sobjects"] => Self::Collection,
            ["composite", "sobjects", _] => Self::ObjectCollection(part(2)),
            ["composite", "sobjects", _, _] => Self::KeyedCollection(part(2), part(3)),
            ["composite", "graph"] => Self::Graph,
            ["composite", "tree", _] => Self::Tree(part(2)),
            ["actions", "standard", "convertlead"] => Self::ConvertLead,
            ["jobs", ..] => Self::Jobs(path[1..].to_vec()),
            _ => return Err(Refusal::not_found()),
        };
        Ok(route)
    }

    /// Returns whether answering it needs the org to itself.
    fn writes(&self, method: &str) -> bool {
        match self {
            Self::Composite | Self::Batch | Self::Jobs(_) => true,
            Self::ObjectCollection(_) => false,
            _ => matches!(method, "POST" | "PATCH" | "DELETE"),
        }
    }

    /// Returns whether it writes several records, each with its own result.
    pub(super) fn writes_rows(&self) -> bool {
        matches!(self, Self::Collection | Self::KeyedCollection(..))
    }

    /// Returns whether a graph may hold it.
    pub(super) fn is_record(&self) -> bool {
        matches!(self, Self::Object(_) | Self::Record(..) | Self::Keyed(..))
    }

    /// Returns whether it is a query, of which a composite request may hold few.
    pub(super) fn is_query(&self) -> bool {
        matches!(
            self,
            Self::Query(..)
                | Self::Collection
                | Self::ObjectCollection(_)
                | Self::KeyedCollection(..)
        )
    }
}

/// Answers a request that stands inside another one.
pub(super) fn answer_inner(org: &mut Org, outer: &Errand<'_>, call: &Call) -> Answer {
    let inner = |org: &mut Org| {
        let [services, data, version, rest @ ..] = &call.segments[..] else {
            return Err(Refusal::not_found());
        };
        if services != "services" || data != "data" {
            return Err(Refusal::not_found());
        }
        let errand = Errand {
            state: outer.state,
            call,
            version: Version::parse(version, outer.state.traffic().newest_version)?,
            writer: outer.writer,
        };
        let route = Route::of(rest)?;
        match route {
            Route::Composite | Route::Batch | Route::Graph => Err(method_not_allowed(call, "POST")),
            Route::Jobs(_) => Err(Refusal::not_found()),
            route if route.writes(&call.method) => write(org, &errand, &route),
            route => read(org, &errand, &route),
        }
    };
    inner(org).unwrap_or_else(|refusal| Answer::refusal(&refusal))
}

/// Returns the route of a request that stands inside another one.
pub(super) fn inner_route(call: &Call) -> Option<Route> {
    Route::of(call.segments.get(3..)?).ok()
}

fn read(org: &Org, errand: &Errand<'_>, route: &Route) -> Answered {
    match (errand.call.method.as_str(), route) {
        ("GET" | "HEAD", route) => get(org, errand, route),
        ("POST", Route::ObjectCollection(object)) => collections::retrieve(org, errand, object),
        (_, route) => Err(method_not_allowed(errand.call, allowed(route))),
    }
}

fn get(org: &Org, errand: &Errand<'_>, route: &Route) -> Answered {
    match route {
        Route::Resources => Ok(meta::resources(org, errand)),
        Route::Limits => Ok(meta::limits(errand)),
        // Nobody looks at records here, so that none was seen lately.
        Route::Recent => Ok(Answer::raw(200, b"[]".to_vec())),
        Route::RecordCount => Ok(meta::record_count(org, errand)),
        Route::Objects => Ok(describe::all(org, errand)),
        Route::Object(object) => describe::basic(org, errand, object),
        Route::Describe(object) => describe::full(org, errand, object),
        Route::Updated(object) => changes::updated(org, errand, object),
        Route::Deleted(object) => changes::deleted(org, errand, object),
        Route::Record(object, id) => records::get(org, errand, object, id),
        Route::Keyed(object, field, key) => records::get_by_key(org, errand, object, field, key),
        Route::Query(scope, None) => query::first_page(org, errand, *scope),
        Route::Query(_, Some(locator)) => query::next_page(org, errand, locator),
        Route::ObjectCollection(object) => collections::retrieve(org, errand, object),
        Route::Composite
        | Route::Batch
        | Route::Collection
        | Route::KeyedCollection(..)
        | Route::Jobs(_)
        | Route::Graph
        | Route::Tree(_)
        | Route::ConvertLead => Err(method_not_allowed(errand.call, allowed(route))),
    }
}

fn write(org: &mut Org, errand: &Errand<'_>, route: &Route) -> Answered {
    match (errand.call.method.as_str(), route) {
        ("POST", Route::Object(object)) => records::create(org, errand, object),
        // Insert through the upsert path.
        ("POST", Route::Record(object, id)) if id.eq_ignore_ascii_case("id") => {
            records::create(org, errand, object)
        }
        ("PATCH", Route::Record(object, id)) => records::update(org, errand, object, id),
        ("DELETE", Route::Record(object, id)) => records::delete(org, errand, object, id),
        ("PATCH", Route::Keyed(object, field, key)) => {
            records::upsert(org, errand, object, (field, key))
        }
        ("DELETE", Route::Keyed(object, field, key)) => {
            records::delete_by_key(org, errand, object, (field, key))
        }
        ("POST", Route::Composite) => composite::answer(org, errand),
        ("POST", Route::Graph) => composite::graphs(org, errand),
        ("POST", Route::Tree(object)) => tree::create(org, errand, object),
        ("POST", Route::ConvertLead) => actions::convert_leads(org, errand),
        ("POST", Route::Batch) => batch::answer(org, errand),
        ("POST", Route::Collection) => collections::create(org, errand),
        ("PATCH", Route::Collection) => collections::update(org, errand),
        ("DELETE", Route::Collection) => collections::delete(org, errand),
        ("PATCH", Route::KeyedCollection(object, field)) => {
            collections::upsert(org, errand, object, field)
        }
        (_, Route::Jobs(path)) => jobs::answer(org, errand, path),
        (_, route) => Err(method_not_allowed(errand.call, allowed(route))),
    }
}

fn allowed(route: &Route) -> &'static str {
    match route {
        Route::Object(_) => "GET,HEAD,POST",
        Route::Record(..) => "DELETE,GET,HEAD,PATCH",
        Route::Keyed(..) => "DELETE,GET,HEAD,PATCH",
        Route::Composite | Route::Batch | Route::Graph | Route::Tree(_) | Route::ConvertLead => {
            "POST"
        }
        Route::Collection => "DELETE,PATCH,POST",
        Route::ObjectCollection(_) => "GET,HEAD,POST",
        Route::KeyedCollection(..) => "PATCH",
        _ => "GET,HEAD",
    }
}

pub(super) fn method_not_allowed(call: &Call, allowed: &str) -> Refusal {
    let message = format!("HTTP Method '{}' not allowed. Allowed are {allowed}", call.method);
    Refusal::new("METHOD_NOT_ALLOWED", message).with_status(405)
}
