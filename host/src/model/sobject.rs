//! What is written to: the objects that sync, and those by which a meeting is logged beside them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::{Object, SalesforceId};

/// An object that is written to. What only Salesforce calls an sObject may be any of hundreds;
/// these are the ones that we write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sobject {
    /// One that syncs.
    Synced(Object),
    /// An entry of a calendar, as which a meeting may be logged.
    Event,
    /// That a task is about one more contact, where the org shares activities.
    TaskRelation,
    /// That an event is about one more contact, where the org shares activities.
    EventRelation,
}

impl Sobject {
    /// Those that are written to besides the ones that sync, after what they hang on.
    const LOGGED: [Self; 3] = [Self::Event, Self::TaskRelation, Self::EventRelation];
    /// The field of relations that names whom or what the activity is about.
    pub const RELATED: &str = "RelationId";
    /// What the ids of events begin with.
    const EVENT_PREFIX: &str = "00U";

    /// Returns what the pushes of an object write to, what hangs on others after them.
    pub fn of_job(object: Object) -> impl Iterator<Item = Self> {
        let own = std::iter::once(Self::Synced(object));
        own.chain(Self::LOGGED.into_iter().filter(move |logged| logged.job() == object))
    }

    /// Returns the object whose pushes write to it: its failures, fences and runs are theirs.
    pub fn job(self) -> Object {
        match self {
            Self::Synced(object) => object,
            Self::Event | Self::TaskRelation | Self::EventRelation => Object::Task,
        }
    }

    /// Returns the object that syncs; none, for one whose records are only written.
    pub fn synced(self) -> Option<Object> {
        match self {
            Self::Synced(object) => Some(object),
            Self::Event | Self::TaskRelation | Self::EventRelation => None,
        }
    }

    /// Returns which activity has this id: an event, or else a task.
    pub fn of_activity(id: &SalesforceId) -> Self {
        if id.prefix() == Self::EVENT_PREFIX { Self::Event } else { Object::Task.into() }
    }

    /// Tells whether it is something to do, or something that took place: what an action item or
    /// a meeting becomes.
    pub fn is_activity(self) -> bool {
        matches!(self, Self::Synced(Object::Task) | Self::Event)
    }

    /// Returns the object whose records say whom such an activity is about besides; none, where it
    /// is no activity.
    pub fn relation(self) -> Option<Self> {
        match self {
            Self::Synced(Object::Task) => Some(Self::TaskRelation),
            Self::Event => Some(Self::EventRelation),
            Self::Synced(_) | Self::TaskRelation | Self::EventRelation => None,
        }
    }

    /// Returns the field of relations that names such an activity; none, where it is none.
    pub fn key_in_relations(self) -> Option<&'static str> {
        match self {
            Self::Synced(Object::Task) => Some("TaskId"),
            Self::Event => Some("EventId"),
            Self::Synced(_) | Self::TaskRelation | Self::EventRelation => None,
        }
    }

    /// Returns the activity that such relations are of; none, where it is no relation.
    pub fn activity(self) -> Option<Self> {
        match self {
            Self::TaskRelation => Some(Object::Task.into()),
            Self::EventRelation => Some(Self::Event),
            Self::Synced(_) | Self::Event => None,
        }
    }

    /// Returns the name that Salesforce knows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced(object) => object.as_str(),
            Self::Event => "Event",
            Self::TaskRelation => "TaskRelation",
            Self::EventRelation => "EventRelation",
        }
    }
}

impl From<Object> for Sobject {
    fn from(object: Object) -> Self {
        Self::Synced(object)
    }
}

impl FromStr for Sobject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Self::LOGGED.into_iter().find(|logged| logged.as_str() == text) {
            Some(logged) => Ok(logged),
            None => text.parse().map(Self::Synced),
        }
    }
}

impl fmt::Display for Sobject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Sobject {
    fn serialize<S: Serializer>(&self, text: S) -> Result<S::Ok, S::Error> {
        text.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_that_leads_back_to_it_and_a_job() {
        let all: Vec<Sobject> = Object::ALL.into_iter().flat_map(Sobject::of_job).collect();
        assert_eq!(all.len(), Object::ALL.len() + Sobject::LOGGED.len());
        for one in all {
            assert_eq!(one.as_str().parse(), Ok(one));
            assert!(Sobject::of_job(one.job()).any(|of| of == one));
        }
        assert!("Case".parse::<Sobject>().is_err());
    }
}
