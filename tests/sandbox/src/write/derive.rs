//! Fields that Salesforce fills in itself.

use super::{Body, Writer, relations};
use crate::ids::Id;
use crate::org::{Org, Row, Slot, Table};
use crate::refusal::Refusal;
use crate::schema::{FieldIndex, Kind, ObjectIndex};
use crate::value::{Cell, Value, civil_utc};

/// What a sales stage means.
struct Stage {
    name: &'static str,
    probability: f64,
    forecast: &'static str,
    forecast_name: &'static str,
    closed: bool,
}

const fn open(name: &'static str, probability: f64) -> Stage {
    Stage { name, probability, forecast: "Pipeline", forecast_name: "Pipeline", closed: false }
}

const STAGES: [Stage; 10] = [
    open("Prospecting", 10.0),
    open("Qualification", 10.0),
    open("Needs Analysis", 20.0),
    open("Value Proposition", 50.0),
    open("Id. Decision Makers", 60.0),
    open("Perception Analysis", 70.0),
    open("Proposal/Price Quote", 75.0),
    open("Negotiation/Review", 90.0),
    Stage {
        name: "Closed Won",
        probability: 100.0,
        forecast: "Closed",
        forecast_name: "Closed",
        closed: true,
    },
    Stage {
        name: "Closed Lost",
        probability: 0.0,
        forecast: "Omitted",
        forecast_name: "Omitted",
        closed: true,
    },
];

/// Sets what a new record holds before anything was said.
pub(super) fn set_defaults(table: &Table, row: &mut Row, writer: &Writer) {
    for (index, field) in table.object.fields().iter().enumerate() {
        let value = match field.kind {
            Kind::Boolean => Some(Value::Bool(false)),
            _ => field.default_choice().and_then(Value::text),
        };
        row.set(index, value);
    }
    let mut set = |name: &str, value: Value| {
        if let Some(index) = table.object.index_of(name) {
            row.set(index, Some(value));
        }
    };
    set("OwnerId", Value::Id(writer.user));
    set("CreatedById", Value::Id(writer.user));
    set("CreatedDate", Value::Moment(writer.now));
    stamp(table, row, writer.user, writer.now);
}

/// Marks the record as changed by this user now.
pub(crate) fn stamp(table: &Table, row: &mut Row, user: Id, now: i64) {
    for (name, value) in [
        ("LastModifiedById", Value::Id(user)),
        ("LastModifiedDate", Value::Moment(now)),
        ("SystemModstamp", Value::Moment(now)),
    ] {
        if let Some(index) = table.object.index_of(name) {
            row.set(index, Some(value));
        }
    }
}

/// Works out the fields that follow from others.
///
/// # Errors
///
/// Refuses an event that has no beginning or no end.
pub(super) fn derive(
    org: &Org,
    object: ObjectIndex,
    row: &mut Row,
    before: &Row,
    changed: &[FieldIndex],
    writer: &Writer,
) -> Result<(), Refusal> {
    if relations::is_relation(org, object) {
        relations::derive(org, object, row, changed);
        return Ok(());
    }
    let mut draft = Draft { table: org.table(object), row, before, changed };
    match draft.table.object.name {
        "Contact" | "Lead" | "User" => full_name(&mut draft),
        "Opportunity" => opportunity(&mut draft, writer),
        "Task" => task(org, &mut draft, writer),
        "Event" => event(org, &mut draft)?,
        _ => {}
    }
    Ok(())
}

/// A record on its way to the table.
struct Draft<'a> {
    table: &'a Table,
    row: &'a mut Row,
    before: &'a Row,
    changed: &'a [FieldIndex],
}

impl Draft<'_> {
    fn index(&self, name: &str) -> FieldIndex {
        let index = self.table.object.index_of(name);
        index.unwrap_or_else(|| panic!("{} has no field {name}", self.table.object.name))
    }

    fn get(&self, name: &str) -> Cell<'_> {
        self.row.get(self.index(name))
    }

    fn set(&mut self, name: &str, value: Option<Value>) {
        let index = self.index(name);
        self.row.set(index, value);
    }

    fn was_sent(&self, name: &str) -> bool {
        self.changed.contains(&self.index(name))
    }

    fn is_new_value(&self, name: &str) -> bool {
        let index = self.index(name);
        self.row.get(index) != self.before.get(index)
    }
}

fn full_name(draft: &mut Draft<'_>) {
    let parts = [draft.get("FirstName").as_text(), draft.get("LastName").as_text()];
    let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    draft.set("Name", Value::text(name));
}

fn opportunity(draft: &mut Draft<'_>, writer: &Writer) {
    if draft.is_new_value("StageName") {
        let name = draft.get("StageName").as_text().unwrap_or_default();
        let stage = STAGES.iter().find(|stage| stage.name == name);
        let stage = stage.unwrap_or(&STAGES[0]);
        draft.set("IsClosed", Some(Value::Bool(stage.closed)));
        draft.set("IsWon", Some(Value::Bool(stage.closed && stage.probability > 0.0)));
        draft.set("ForecastCategory", Value::text(stage.forecast));
        if !draft.was_sent("ForecastCategoryName") {
            draft.set("ForecastCategoryName", Value::text(stage.forecast_name));
        }
        if !draft.was_sent("Probability") {
            draft.set("Probability", Some(Value::Number(stage.probability)));
        }
        draft.set("LastStageChangeDate", Some(Value::Moment(writer.now)));
    }
    let expected = draft
        .get("Amount")
        .as_number()
        .zip(draft.get("Probability").as_number())
        .map(|(amount, probability)| Value::Number((amount * probability).round() / 100.0));
    draft.set("ExpectedRevenue", expected);
    if let Cell::Date(close) = draft.get("CloseDate") {
        let quarter = i64::from((close.month() - 1) / 3 + 1);
        draft.set("FiscalYear", Some(Value::Int(close.year().into())));
        draft.set("FiscalQuarter", Some(Value::Int(quarter)));
        draft.set("Fiscal", Value::text(format!("{} {quarter}", close.year())));
    }
}

fn task(org: &Org, draft: &mut Draft<'_>, writer: &Writer) {
    let status = draft.get("Status").as_text().unwrap_or_default();
    let closed = is_closed(org, status);
    draft.set("IsClosed", Some(Value::Bool(closed)));
    if !closed {
        draft.set("CompletedDateTime", None);
    } else if draft.get("CompletedDateTime").is_null() {
        draft.set("CompletedDateTime", Some(Value::Moment(writer.now)));
    }
    let high = draft.get("Priority") == Cell::Text("High");
    draft.set("IsHighPriority", Some(Value::Bool(high)));
    let account = account_of(org, draft);
    draft.set("AccountId", account);
}

fn is_closed(org: &Org, status: &str) -> bool {
    let statuses = org.named("TaskStatus");
    (0..statuses.slots()).any(|slot| {
        statuses.named(slot, "ApiName") == Cell::Text(status)
            && statuses.named(slot, "IsClosed").is_true()
    })
}

/// An activity's account: what it is about, else whom it is with.
fn account_of(org: &Org, draft: &Draft<'_>) -> Option<Value> {
    let account = |id: Id| {
        let (object, slot) = org.locate(id)?;
        let table = org.table(object);
        match table.object.name {
            "Account" => Some(Value::Id(id)),
            _ => table.named(slot, "AccountId").to_value(),
        }
    };
    let of = |name| draft.get(name).as_id().and_then(account);
    of("WhatId").or_else(|| of("WhoId"))
}

fn event(org: &Org, draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let start = match (draft.get("StartDateTime"), draft.get("ActivityDateTime")) {
        (Cell::Moment(start), _) if !draft.was_sent("ActivityDateTime") => Some(start),
        (_, Cell::Moment(start)) | (Cell::Moment(start), _) => Some(start),
        _ => match draft.get("ActivityDate") {
            Cell::Date(day) => Some(crate::value::start_of(day)),
            _ => None,
        },
    };
    let all_day = draft.get("IsAllDayEvent").is_true();
    let minutes = match (draft.get("EndDateTime"), draft.get("DurationInMinutes"), start) {
        (_, Cell::Int(minutes), _) if draft.was_sent("DurationInMinutes") => Some(minutes),
        (Cell::Moment(end), _, Some(start)) => Some((end - start) / 60),
        (_, Cell::Int(minutes), _) => Some(minutes),
        _ => all_day.then_some(24 * 60),
    };
    let (Some(start), Some(minutes)) = (start, minutes) else {
        let missing = ["DurationInMinutes", "ActivityDateTime"];
        let message = "Required fields are missing: [DurationInMinutes, ActivityDateTime]";
        return Err(Refusal::new("REQUIRED_FIELD_MISSING", message).with_fields(missing));
    };
    if minutes < 0 {
        let message = "End Date Time: end before start";
        return Err(Refusal::new("FIELD_INTEGRITY_EXCEPTION", message).with_fields(["EndDateTime"]));
    }
    let end = start + minutes * 60;
    draft.set("StartDateTime", Some(Value::Moment(start)));
    draft.set("ActivityDateTime", (!all_day).then_some(Value::Moment(start)));
    draft.set("EndDateTime", Some(Value::Moment(end)));
    draft.set("DurationInMinutes", Some(Value::Int(minutes)));
    draft.set("ActivityDate", Some(Value::Date(civil_utc(start).date())));
    draft.set("EndDate", Some(Value::Date(civil_utc(end).date())));
    let account = account_of(org, draft);
    draft.set("AccountId", account);
    Ok(())
}

/// Makes the records that come with a new one: an opportunity's contact is its
/// primary contact role.
///
/// # Errors
///
/// As an insert of the other record.
pub(super) fn after_insert(
    org: &mut Org,
    writer: &Writer,
    object: ObjectIndex,
    slot: Slot,
) -> Result<(), Refusal> {
    let table = org.table(object);
    if table.object.name != "Opportunity" {
        return Ok(());
    }
    let (opportunity, contact) = (table.id_of(slot), table.named(slot, "ContactId").as_id());
    let (Some(contact), Some(roles)) = (contact, org.find_object("OpportunityContactRole")) else {
        return Ok(());
    };
    let mut body = Body::new();
    body.insert("OpportunityId".to_owned(), opportunity.to_string().into());
    body.insert("ContactId".to_owned(), contact.to_string().into());
    body.insert("IsPrimary".to_owned(), true.into());
    super::insert(org, writer, roles, &body).map(|_| ())
}
