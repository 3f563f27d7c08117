//! The default mapping of Task: something to do, and what action items become.

use efficlose_kit::ColumnType::{Boolean, Date, Integer, Text, Timestamp};
use efficlose_kit::{
    ActionItem, Field, FieldMap, Kind, Mapping, Meeting, Policy, Problem, Pulled, Pushed, Record,
    Request, Settings, Spec, Value, clip, note, optional, required, set, write,
};
use jiff::Timestamp as Moment;

/// How long a subject may be.
const SUBJECT_MAX: usize = 255;
/// What the id of a lead begins with.
const LEAD_PREFIX: &str = "00Q";
/// How long our description is at most; the field holds 32,000.
const DESCRIPTION_MAX: usize = 8_000;
/// What the host says in `logged_as` where a meeting is logged as an event.
const EVENT: &str = "\"Event\"";
/// How long an event is of a meeting of which nobody said when it ended, in minutes.
const USUAL_MINUTES: i64 = 30;
/// How long an event may be in every org, in minutes.
const MINUTES_MAX: i64 = 24 * 60;
/// How long what was said and learned in a meeting is at most; the field counts letters otherwise.
const LOG_MAX: usize = 31_000;

/// Tasks as tasks.
pub struct Task {
    fields: FieldMap,
    /// The status of a new task.
    open_status: String,
    /// The status of a task that is done.
    closed_status: String,
    /// Every status that counts as done in this org.
    closed_statuses: Vec<String>,
}

#[cfg(feature = "component")]
efficlose_kit::mapping!(crate::Task);

impl Mapping for Task {
    fn configure(settings: &Settings) -> Result<(Self, Spec), Problem> {
        let fields = FieldMap::new(
            [
                required("name", Text, "Subject"),
                required("status", Text, "Status"),
                optional("priority", Text, "Priority"),
                optional("high_priority", Boolean, "IsHighPriority"),
                optional("due_on", Date, "ActivityDate"),
                required("closed", Boolean, "IsClosed"),
                optional("completed_at", Timestamp, "CompletedDateTime"),
                optional("type", Text, "Type"),
                optional("subtype", Text, "TaskSubtype"),
                optional("who_id", Text, "WhoId"),
                optional("what_id", Text, "WhatId"),
                optional("account_id", Text, "AccountId"),
                optional("call_seconds", Integer, "CallDurationInSeconds"),
                optional("call_type", Text, "CallType"),
                optional("call_result", Text, "CallDisposition"),
                optional("archived", Boolean, "IsArchived"),
                optional("recurring", Boolean, "IsRecurrence"),
                optional("description", Text, "Description"),
                optional("owner_id", Text, "OwnerId"),
                optional("owner_email", Text, "Owner.Email"),
                optional("created_at", Timestamp, "CreatedDate"),
                optional("updated_at", Timestamp, "LastModifiedDate"),
            ],
            settings,
        )?;
        let closed_status = settings.get("closed_status").unwrap_or("Completed").to_owned();
        let mut closed_statuses: Vec<String> =
            settings.list("closed_statuses").into_iter().map(str::to_owned).collect();
        if !closed_statuses.contains(&closed_status) {
            closed_statuses.push(closed_status.clone());
        }
        let open_status = settings.get("open_status").unwrap_or("Not Started").to_owned();
        if closed_statuses.contains(&open_status) {
            return Err(Problem {
                message: format!(
                    "a new task can't have the status \"{open_status}\", which is done"
                ),
                at: Some("open_status".to_owned()),
                hint: Some("Choose a status that the org counts as open.".to_owned()),
            });
        }
        let ours = |field| write(field, Policy::OursUntilEdited);
        let writes = vec![
            ours("Subject"),
            ours("Description"),
            ours("ActivityDate"),
            write("Status", Policy::Overwrite),
            ours("WhoId"),
            ours("WhatId"),
            ours("OwnerId"),
            // Of events, as which meetings may be logged.
            ours("StartDateTime"),
            ours("DurationInMinutes"),
        ];
        let spec = fields.spec("Task", Kind::Task, writes);
        Ok((Self { fields, open_status, closed_status, closed_statuses }, spec))
    }

    fn pull(&self, record: &mut Record<'_>) -> Pulled {
        self.fields.pull(record)
    }

    fn push(&self, request: &Request) -> Pushed {
        let Some(item) = &request.action_item else {
            return Pushed::Mapped(self.log(request));
        };
        let mut fields = vec![
            set("Subject", clip(&item.text, SUBJECT_MAX)),
            set("Description", description(&request.meeting, item)),
            set("ActivityDate", Value::from(item.due_on.clone())),
        ];
        fields.extend(self.status(request, item).map(|status| set("Status", status)));
        fields.extend(relations(request));
        if let Some(owner) = request.matched("User") {
            fields.push(set("OwnerId", owner.id.as_str()));
        }
        Pushed::Mapped(fields)
    }
}

impl Task {
    /// Returns what the meeting itself is logged as: a task that is done, on its day, or an event
    /// at its time.
    fn log(&self, request: &Request) -> Vec<Field> {
        let meeting = &request.meeting;
        let title = meeting.title.trim();
        let extras = &meeting.extras;
        let mut fields = vec![set("Description", clip(&note::whole(meeting), LOG_MAX))];
        if extras.iter().any(|extra| extra.name == "logged_as" && extra.json == EVENT) {
            fields.push(set("Subject", clip(title, SUBJECT_MAX)));
            fields.push(set("StartDateTime", meeting.started_at.as_str()));
            // Whoever moves the start takes the end along.
            fields.push(set("DurationInMinutes", Value::Integer(minutes(meeting))));
        } else {
            fields.push(set("Subject", clip(&format!("Meeting: {title}"), SUBJECT_MAX)));
            fields.push(set("ActivityDate", note::day(meeting)));
            // A person may have given it another status since.
            if request.target.is_none() {
                fields.push(set("Status", self.closed_status.as_str()));
            }
        }
        fields.extend(relations(request));
        if let Some(owner) = request.matched("User") {
            fields.push(set("OwnerId", owner.id.as_str()));
        }
        fields
    }

    /// Returns the status to write; none where the task's own already says whether
    /// it is done, so that a status of the org's own stays.
    fn status(&self, request: &Request, item: &ActionItem) -> Option<&str> {
        let wanted = if item.done { &self.closed_status } else { &self.open_status };
        let Some(task) = &request.target else {
            return Some(wanted);
        };
        let is_done =
            self.closed_statuses.iter().any(|status| Some(&**status) == task.text("Status"));
        (is_done != item.done).then_some(wanted)
    }
}

/// Returns how long an event of a meeting is, in minutes.
fn minutes(meeting: &Meeting) -> i64 {
    let told = meeting.ended_at.as_ref().and_then(|ended| {
        let (began, ended): (Moment, Moment) =
            (meeting.started_at.parse().ok()?, ended.parse().ok()?);
        let seconds = ended.duration_since(began).as_secs();
        Some((seconds + 59) / 60)
    });
    told.unwrap_or(USUAL_MINUTES).clamp(0, MINUTES_MAX)
}

/// Returns whom and what the task is about. A task for a lead can't be about
/// anything else; Salesforce refuses it.
fn relations(request: &Request) -> Vec<Field> {
    let (contact, lead) = (request.matched("Contact"), request.matched("Lead"));
    let what = request.matched("Opportunity").or_else(|| request.matched("Account"));
    let (who, what) = match (contact, lead, what) {
        (None, None, None) => return Vec::new(),
        (None, Some(lead), None) => (Some(lead), None),
        (contact, _, what) => (contact, what),
    };
    let relations = [("WhoId", who), ("WhatId", what)]
        .map(|(name, record)| (name, record.map(|record| record.id.as_str())));
    let Some(task) = &request.target else {
        let there = relations.into_iter().filter_map(|(name, id)| Some(set(name, id?)));
        return there.collect();
    };
    if task.text("WhoId").is_some_and(|who| who.starts_with(LEAD_PREFIX)) {
        return Vec::new();
    }
    // What the meeting is not matched to any more goes, where it is ours.
    relations.map(|(name, id)| set(name, Value::from(id))).into()
}

/// Returns the whole item, where the subject can't hold it, and the meeting it is
/// from.
fn description(meeting: &Meeting, item: &ActionItem) -> String {
    let mut lines = Vec::new();
    if item.text.trim().chars().count() > SUBJECT_MAX {
        lines.push(clip(&item.text, DESCRIPTION_MAX));
    }
    let (title, day) = (clip(&meeting.title, 200), note::day(meeting));
    lines.push(format!("From the meeting \"{title}\" on {day}"));
    lines.extend(meeting.url.clone());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_gives_what_it_says() {
        efficlose_kit::cases::check::<super::Task>(env!("CARGO_MANIFEST_DIR"));
    }
}
