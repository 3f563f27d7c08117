//! A draft: one record to write to, for one piece of work.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::model::{
    ActionItem, Direction, Due, Fields, Intent, Matched, Meeting, Mender, Object, Problem,
    SalesforceId, Sobject, User, Value, Work,
};
use crate::store::{Subject, Trouble};
use crate::sync::matching::Matching;
use crate::sync::{Doors, Error};

/// The fields that tell whom and what a task is about.
pub(super) const RELATIONS: [&str; 2] = ["WhoId", "WhatId"];
/// One record to write to, for one piece of work.
#[derive(Clone)]
pub(super) struct Draft {
    /// The work.
    pub(super) work: Work,
    /// Its meeting.
    pub(super) meeting: Arc<Meeting>,
    /// Its action item, for a task that is not the meeting itself.
    pub(super) item: Option<ActionItem>,
    /// What the meeting was matched to.
    pub(super) matching: Arc<Matching>,
    /// The object that is written to.
    pub(super) object: Sobject,
    /// Where it is written to.
    pub(super) target: Target,
}

/// Where a draft is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A record that is there.
    Record(SalesforceId),
    /// A record to be created under this mark.
    New {
        /// Unique for the action item; of a person, the address.
        mark: String,
    },
}

impl Draft {
    /// Returns the record that is there.
    pub(super) fn record(&self) -> Option<&SalesforceId> {
        match &self.target {
            Target::Record(id) => Some(id),
            Target::New { .. } => None,
        }
    }

    /// Returns the mark of a record to be created.
    pub(super) fn mark(&self) -> Option<&str> {
        match &self.target {
            Target::Record(_) => None,
            Target::New { mark } => Some(mark),
        }
    }

    /// Returns what is done to the target.
    pub(super) fn intent(&self) -> Intent {
        match &self.target {
            Target::Record(id) => Intent::Update(id.clone()),
            Target::New { mark } => Intent::Create { mark: mark.clone() },
        }
    }

    /// Returns the records that the mapping is told of: each object once.
    pub(super) fn matched(
        &self,
        doors: &Doors,
        users: &HashMap<String, User>,
    ) -> Result<Vec<Matched>, Error> {
        let mut matched: Vec<Matched> = Vec::new();
        for found in &self.matching.matches {
            let object = found.object.as_str();
            if matched.iter().any(|other| other.object == object) {
                continue;
            }
            let fields = doors.store.source(found.object, &found.record_id)?.unwrap_or_default();
            let id = found.record_id.clone();
            matched.push(Matched { object: object.to_owned(), id, fields });
        }
        if let Some(user) = user_of(users, self.owner()) {
            let object = "User".to_owned();
            matched.push(Matched { object, id: user.id.clone(), fields: Fields::new() });
        }
        Ok(matched)
    }

    /// Returns the action item with the day by which it is due, which depends on where its
    /// owner is.
    pub(super) fn dated_item(&self, users: &HashMap<String, User>) -> Option<ActionItem> {
        let zone = |email| user_of(users, email).and_then(User::zone);
        let zone = zone(self.owner()).or_else(|| zone(self.host()));
        let item = self.item.clone()?;
        let due_on = item.due_on.map(|due| Due::Day(due.day(zone.as_ref())));
        Some(ActionItem { due_on, ..item })
    }

    pub(super) fn host(&self) -> Option<&str> {
        host_of(&self.meeting)
    }

    /// Returns the address of who owns the task: the action item's owner, or who called the
    /// meeting.
    pub(super) fn owner(&self) -> Option<&str> {
        match (&self.item, self.work.object) {
            (Some(item), _) => item.owner_email.as_deref(),
            (None, Object::Task) => self.host(),
            (None, _) => None,
        }
    }

    /// Leaves whom and what a task is about where the meeting is matched to nobody there, but it is
    /// not certain yet: somebody is not known, or has to be chosen.
    pub(super) fn certain(&self, mut wanted: Fields) -> Fields {
        let Matching { unknown, reviews, .. } = &*self.matching;
        if self.work.object == Object::Task && !(unknown.is_empty() && reviews.is_empty()) {
            let is_let_go =
                |name: &str, value: &Value| RELATIONS.contains(&name) && value.is_blank();
            let before = wanted.len();
            wanted.retain(|(name, value)| !is_let_go(name, value));
            // A lead takes nothing else beside it, and what is there stays.
            let is_lead = |value: &Value| {
                value.text().and_then(|id| id.parse().ok()).and_then(|id| Object::of(&id))
                    == Some(Object::Lead)
            };
            if wanted.len() < before {
                wanted.retain(|(name, value)| !(RELATIONS.contains(&&**name) && is_lead(value)));
            }
        }
        wanted
    }

    /// Notes that this draft waits for a mend.
    pub(super) fn fail(
        &self,
        doors: &Doors,
        code: &str,
        problem: Problem,
        mender: Mender,
        now: Timestamp,
    ) -> Result<(), Error> {
        let trouble = Trouble { code: code.to_owned(), problem, mender };
        let object = self.work.object;
        doors.store.fail(Direction::Push, object, &self.subject(), &trouble, now)?;
        Ok(())
    }

    /// Names the draft as the journal does.
    pub(super) fn subject(&self) -> Subject {
        let meeting_id = self.work.meeting_id.clone();
        match (&self.work.item_id, self.record()) {
            (Some(item_id), _) => Subject::Item { meeting_id, item_id: item_id.clone() },
            (None, Some(id)) => Subject::Update { meeting_id, record_id: id.clone() },
            (None, None) => match self.mark() {
                Some(email) if self.work.object != Object::Task => {
                    Subject::Person { meeting_id, email: email.to_owned() }
                }
                _ => Subject::Meeting(meeting_id),
            },
        }
    }
}

/// Says why nothing is done with an activity.
pub(super) fn deleted(activity: Sobject) -> String {
    format!("the {} was deleted in Salesforce", activity.as_str().to_lowercase())
}

/// Returns the mark of what is made for a part of a meeting: the same in every try, and of a form
/// that any text field holds.
pub(super) fn mark(meeting_id: &str, item_id: &str) -> String {
    let digest = Sha256::digest(format!("{meeting_id}\0{item_id}"));
    let digits: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("efficlose-{digits}")
}

pub(super) fn host_of(meeting: &Meeting) -> Option<&str> {
    meeting.organizer.as_ref()?.email.as_deref()
}

pub(super) fn user_of<'a>(
    users: &'a HashMap<String, User>,
    email: Option<&str>,
) -> Option<&'a User> {
    users.get(&normal(email?))
}

pub(super) fn normal(email: &str) -> String {
    email.trim().to_lowercase()
}
