//! How tests steer a sandbox: faults, the clock, sessions, limits, fields.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::call::{Answer, Call};
use crate::description::secure_object;
use crate::faults::{Fault, RandomFaults};
use crate::ids::Id;
use crate::org::Org;
use crate::refusal::Refusal;
use crate::schema::CustomField;
use crate::state::State;
use crate::value::{Value, moment_text, parse_moment};
use crate::write::{
    Conversion, Writer, approve, convert_lead, merge, share_activities, submit, undelete,
};

type Controlled = Result<Json, String>;

/// Answers a steering request; without leave there is nothing here.
pub(super) fn answer(state: &State, call: &Call) -> Answer {
    if !state.control {
        return Answer::text(404, "Not Found");
    }
    let path: Vec<&str> = call.segments.iter().skip(1).map(String::as_str).collect();
    match act(state, call, &path) {
        Ok(body) => Answer::json(200, &body),
        Err(message) => Answer::json(400, &json!({"error": message})),
    }
}

fn act(state: &State, call: &Call, path: &[&str]) -> Controlled {
    match (call.method.as_str(), path) {
        ("GET", ["requests"]) => Ok(requests(state, call)),
        ("GET", ["settings"]) => Ok(settings(state)),
        ("PATCH", ["settings"]) => {
            change_settings(state, read(call)?);
            Ok(settings(state))
        }
        ("GET", ["clock"]) => Ok(time(state)),
        ("POST", ["clock"]) => {
            set_clock(state, read(call)?)?;
            Ok(time(state))
        }
        ("GET", ["faults"]) => Ok(json!({"faults": state.faults.planned()})),
        ("POST", ["leads", lead, "convert"]) => convert(state, lead),
        _ => {
            effect(state, call, path)?;
            Ok(json!({"done": true}))
        }
    }
}

/// Does what has nothing to tell.
fn effect(state: &State, call: &Call, path: &[&str]) -> Result<(), String> {
    match (call.method.as_str(), path) {
        ("DELETE", ["requests"]) => state.traffic().clear(),
        ("POST", ["sessions", "expire"]) => state.access().expire_sessions(),
        ("POST", ["refresh-tokens", "revoke"]) => state.access().revoke_approvals(),
        ("POST", ["cursors", "expire"]) => state.cursors().close_all(),
        ("POST", ["fields"]) => {
            let field: CustomField = read(call)?;
            state.org_mut().add_field(&field, state.clock.now())?;
        }
        ("PUT", ["object-security"]) => {
            secure_object(&mut state.org_mut(), &read(call)?, state.clock.now())?;
        }
        ("PATCH", ["fields", object, field]) => change_field(state, object, field, read(call)?)?,
        ("POST", ["activities", "share"]) => {
            let (user, now) = (writer(state).user, state.clock.now());
            share_activities(&mut state.org_mut(), user, now)?;
        }
        ("POST", ["validation-rules"]) => {
            state.org_mut().add_validation_rule(read(call)?, state.clock.now())?;
        }
        ("POST", ["duplicate-rules"]) => {
            state.org_mut().add_duplicate_rule(read(call)?, state.clock.now())?;
        }
        ("POST", ["faults"]) => state.faults.plan(read::<Fault>(call)?)?,
        ("DELETE", ["faults"]) => state.faults.clear(),
        ("PUT", ["faults", "random"]) => {
            let random: RandomFaults = read(call)?;
            state.faults.set_random(Some(random));
        }
        ("DELETE", ["faults", "random"]) => state.faults.set_random(None),
        ("POST", ["faults", "release"]) => state.faults.release(),
        ("POST", ["records", "undelete"]) => each(state, &read(call)?, undelete)?,
        ("POST", ["records", "merge"]) => merge_records(state, read(call)?)?,
        ("POST", ["records", "purge"]) => purge(state, read(call)?)?,
        ("POST", ["records", "hide"]) => hide(state, read(call)?)?,
        ("POST", ["records", "show"]) => show(state, read(call)?)?,
        ("POST", ["records", "submit"]) => each(state, &read(call)?, submit)?,
        ("POST", ["records", "approve"]) => each(state, &read(call)?, approve)?,
        ("POST", ["records", "touch"]) => touch(state, read(call)?)?,
        _ => return Err(format!("no control {} {}", call.method, call.path)),
    }
    Ok(())
}

fn read<T: DeserializeOwned>(call: &Call) -> Result<T, String> {
    serde_json::from_slice(&call.body).map_err(|error| error.to_string())
}

/// The log, or the part of it with a method and a path prefix.
fn requests(state: &State, call: &Call) -> Json {
    let traffic = state.traffic();
    let method = call.parameter("method");
    let path = call.parameter("path").unwrap_or_default();
    let requests: Vec<_> = traffic
        .log()
        .filter(|logged| method.is_none_or(|method| method.eq_ignore_ascii_case(&logged.method)))
        .filter(|logged| logged.path.starts_with(path))
        .collect();
    json!({"count": requests.len(), "requests": requests})
}

fn settings(state: &State) -> Json {
    let (rotate, instance_url) = {
        let access = state.access();
        (access.rotate, access.instance_url.clone())
    };
    let page_limit = state.cursors().page_limit;
    let (polls, fail_after) = {
        let jobs = state.jobs();
        (jobs.polls_per_state, jobs.fail_next_after)
    };
    let traffic = state.traffic();
    json!({
        "rotate": rotate,
        "apiDisabled": traffic.api_disabled,
        "dailyLimit": traffic.daily_limit,
        "dailyUsage": traffic.daily_usage,
        "newestVersion": traffic.newest_version,
        "instanceUrl": instance_url.as_ref().unwrap_or(&state.url),
        "pageLimit": page_limit,
        "pollsPerJobState": polls,
        "failNextJobAfter": fail_after,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SettingsChange {
    rotate: Option<bool>,
    api_disabled: Option<bool>,
    daily_limit: Option<u64>,
    daily_usage: Option<u64>,
    newest_version: Option<u32>,
    instance_url: Option<String>,
    page_limit: Option<usize>,
    polls_per_job_state: Option<u32>,
    fail_next_job_after: Option<usize>,
}

fn change_settings(state: &State, change: SettingsChange) {
    if let Some(rotate) = change.rotate {
        state.access().rotate = rotate;
    }
    if let Some(url) = change.instance_url {
        state.access().instance_url = Some(url);
    }
    if let Some(limit) = change.page_limit {
        state.cursors().page_limit = limit.max(1);
    }
    {
        let mut jobs = state.jobs();
        jobs.polls_per_state = change.polls_per_job_state.unwrap_or(jobs.polls_per_state);
        jobs.fail_next_after = change.fail_next_job_after.or(jobs.fail_next_after);
    }
    let mut traffic = state.traffic();
    traffic.api_disabled = change.api_disabled.unwrap_or(traffic.api_disabled);
    traffic.daily_limit = change.daily_limit.unwrap_or(traffic.daily_limit);
    traffic.daily_usage = change.daily_usage.unwrap_or(traffic.daily_usage);
    traffic.newest_version = change.newest_version.or(traffic.newest_version);
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockChange {
    freeze_at: Option<String>,
    #[serde(default)]
    freeze: bool,
    #[serde(default)]
    resume: bool,
    #[serde(default)]
    advance_seconds: i64,
}

fn time(state: &State) -> Json {
    json!({"now": moment_text(state.clock.now())})
}

fn set_clock(state: &State, change: ClockChange) -> Result<(), String> {
    if let Some(text) = change.freeze_at {
        let at = parse_moment(&text).ok_or_else(|| format!("not a date and time: {text}"))?;
        state.clock.freeze(Some(at));
    } else if change.freeze {
        state.clock.freeze(None);
    } else if change.resume {
        state.clock.resume();
    }
    state.clock.advance(change.advance_seconds);
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FieldChange {
    visible: Option<bool>,
    createable: Option<bool>,
    updateable: Option<bool>,
    read_only: Option<bool>,
    length: Option<usize>,
}

fn change_field(
    state: &State,
    object: &str,
    field: &str,
    change: FieldChange,
) -> Result<(), String> {
    let mut org = state.org_mut();
    let object = org.find_object(object).ok_or_else(|| format!("no object {object}"))?;
    let schema = &mut org.table_mut(object).object;
    let index = schema.index_of(field).ok_or_else(|| format!("no field {field}"))?;
    let field = schema.field_mut(index);
    field.visible = change.visible.unwrap_or(field.visible);
    field.length = change.length.unwrap_or(field.length);
    if let Some(read_only) = change.read_only {
        field.createable = !read_only;
        field.updateable = !read_only;
    }
    field.createable = change.createable.unwrap_or(field.createable);
    field.updateable = change.updateable.unwrap_or(field.updateable);
    schema.changed_at = state.clock.now();
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Ids {
    ids: Vec<String>,
    system_modstamp: Option<String>,
}

impl Ids {
    fn parse(&self) -> Result<Vec<Id>, String> {
        let parse = |text: &String| Id::parse(text).ok_or_else(|| format!("not an id: {text}"));
        self.ids.iter().map(parse).collect()
    }
}

fn writer(state: &State) -> Writer {
    Writer::new(state.org().named("User").id_of(0), state.clock.now())
}

/// Does something with each of the records.
fn each(
    state: &State,
    ids: &Ids,
    act: impl Fn(&mut Org, &Writer, Id) -> Result<(), Refusal>,
) -> Result<(), String> {
    let writer = writer(state);
    let mut org = state.org_mut();
    for id in ids.parse()? {
        act(&mut org, &writer, id).map_err(|refusal| refusal.message)?;
    }
    org.commit();
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    master: String,
    ids: Vec<String>,
}

/// Merges records into a master, which only SOAP can do in Salesforce.
fn merge_records(state: &State, order: Merge) -> Result<(), String> {
    let writer = writer(state);
    let losers = Ids { ids: order.ids, system_modstamp: None }.parse()?;
    let master = Id::parse(&order.master).ok_or_else(|| format!("not an id: {}", order.master))?;
    let mut org = state.org_mut();
    let mark = org.mark();
    let merged = merge(&mut org, &writer, master, &losers);
    if merged.is_err() {
        org.roll_back(mark);
    }
    org.commit();
    merged.map_err(|refusal| refusal.message)
}

/// Removes records for good, as emptying the recycle bin does.
fn purge(state: &State, ids: Ids) -> Result<(), String> {
    let mut org = state.org_mut();
    for id in ids.parse()? {
        let (object, slot) = org.locate(id).ok_or_else(|| format!("no record {id}"))?;
        org.remove(object, slot, state.clock.now());
    }
    org.commit();
    Ok(())
}

/// Takes records out of the callers' sight, as sharing does: nothing tells that
/// they were there.
fn hide(state: &State, ids: Ids) -> Result<(), String> {
    let mut org = state.org_mut();
    ids.parse()?.into_iter().try_for_each(|id| org.hide(id))
}

/// Brings hidden records back as they were.
fn show(state: &State, ids: Ids) -> Result<(), String> {
    let mut org = state.org_mut();
    ids.parse()?.into_iter().try_for_each(|id| org.show(id))
}

/// Sets when records were last changed and nothing else, as a transaction does
/// that commits late.
fn touch(state: &State, ids: Ids) -> Result<(), String> {
    let at = match &ids.system_modstamp {
        Some(text) => parse_moment(text).ok_or_else(|| format!("not a date and time: {text}"))?,
        None => state.clock.now(),
    };
    let mut org = state.org_mut();
    for id in ids.parse()? {
        let (object, slot) = org.locate(id).ok_or_else(|| format!("no record {id}"))?;
        let table = org.table(object);
        let mut row = table.row(slot).cloned().unwrap_or_default();
        if let Some(field) = table.modstamp_field() {
            row.set(field, Some(Value::Moment(at)));
        }
        org.replace(object, slot, Some(row));
    }
    org.commit();
    Ok(())
}

fn convert(state: &State, lead: &str) -> Controlled {
    let id = Id::parse(lead).ok_or_else(|| format!("not an id: {lead}"))?;
    let writer = writer(state);
    let mut org = state.org_mut();
    let mark = org.mark();
    let converted = convert_lead(&mut org, &writer, id, &Conversion::default());
    if converted.is_err() {
        org.roll_back(mark);
    }
    org.commit();
    let converted = converted.map_err(|refusal| refusal.message)?;
    Ok(json!({
        "accountId": converted.account.to_string(),
        "contactId": converted.contact.to_string(),
        "opportunityId": converted.opportunity.map(|id| id.to_string()),
    }))
}
