//! Drafts: which record each piece of work is to be written to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::ending::Endings;
use super::newcomer;
use crate::model::{
    ActionItem, ChangeState, Direction, Due, Fields, Intent, Match, Matched, Meeting, Mender,
    Object, Problem, Question, SalesforceId, Sobject, User, Value, Work,
};
use crate::store::{ChangesOf, Subject, Trouble};
use crate::sync::matching::{self, Matching};
use crate::sync::{Doors, Error};

/// For how long a meeting that matches no record is looked at again whenever
/// records change.
pub(super) const MATCH_WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The fields that tell whom and what a task is about.
const RELATIONS: [&str; 2] = ["WhoId", "WhatId"];
/// How many changes of a task are looked through for our last write of its status.
const CHANGES_LOOKED_AT: u32 = 100;
/// For how long it is believed who has an address, or that nobody has.
const USER_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// For how long it is believed in which opportunities someone has a role.
const ROLES_KEPT: SignedDuration = SignedDuration::from_hours(1);

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

/// A meeting with what it was matched to, shared by all its work.
type MatchedMeeting = (Arc<Meeting>, Arc<Matching>);

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

    fn host(&self) -> Option<&str> {
        host_of(&self.meeting)
    }

    /// Returns the address of who owns the task: the action item's owner, or who called the
    /// meeting.
    fn owner(&self) -> Option<&str> {
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
            wanted.retain(|(name, value)| !is_let_go(name, value));
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

/// Makes drafts of work: matches each meeting, keeps what it was matched to, and
/// ends the work that has no record to write to.
pub(super) async fn drafts(
    doors: &Doors,
    work: Vec<Work>,
    now: Timestamp,
    endings: &mut Endings,
) -> Result<Vec<Draft>, Error> {
    let mut drafts = Vec::new();
    let meetings = matched_meetings(doors, &work, now).await?;
    for work in work {
        let Some((meeting, matching)) = meetings.get(&work.meeting_id) else {
            endings.settled(&work, "the meeting is gone");
            continue;
        };
        let Matching { matches, unknown, reviews, .. } = &**matching;
        if work.object == Object::Task && work.item_id.is_none() && !doors.settings.log_meetings {
            endings.settled(&work, "meetings are not logged (`log_meetings` in the settings)");
            continue;
        }
        // A task that there is is kept in step, whoever the meeting is matched to by now.
        let is_linked = work.object == Object::Task
            && doors.store.link(&work.meeting_id, work.item_id.as_deref())?.is_some();
        if matches.is_empty() && unknown.is_empty() && reviews.is_empty() && !is_linked {
            endings.settled(&work, "nobody from outside was at the meeting");
            continue;
        }
        if work.object != Object::Task {
            for email in newcomer::of(doors, work.object, meeting, unknown, now)? {
                drafts.push(Draft {
                    work: work.clone(),
                    meeting: Arc::clone(meeting),
                    item: None,
                    matching: Arc::clone(matching),
                    object: work.object.into(),
                    target: Target::New { mark: email },
                });
            }
        }
        if matches.is_empty() && !is_linked {
            let why = match reviews.first() {
                Some(review) => to_be_chosen(&review.question),
                None => "nobody at the meeting is in Salesforce".to_owned(),
            };
            none(&work, meeting, &why, now, endings);
            continue;
        }
        let draft = |item, object, target| Draft {
            work: work.clone(),
            meeting: Arc::clone(meeting),
            item,
            matching: Arc::clone(matching),
            object,
            target,
        };
        if work.object != Object::Task {
            let targets = records(doors, &work, meeting, matching, now, endings)?;
            let object = work.object.into();
            drafts.extend(targets.into_iter().map(|id| draft(None, object, Target::Record(id))));
            continue;
        }
        let item = match &work.item_id {
            None => None,
            Some(item_id) => match meeting.action_items.iter().find(|item| item.id == *item_id) {
                None => {
                    endings.settled(&work, "the action item is gone");
                    continue;
                }
                item => item.cloned(),
            },
        };
        match activity(doors, &work)? {
            (object, Some(target)) => drafts.push(draft(item, object, target)),
            (object, None) => endings.settled(&work, &deleted(object)),
        }
    }
    Ok(drafts)
}

/// Matches the meetings of all the work, before any of it is drafted: only then is
/// it known which meeting of a record is the latest.
async fn matched_meetings(
    doors: &Doors,
    work: &[Work],
    now: Timestamp,
) -> Result<HashMap<String, MatchedMeeting>, Error> {
    let mut meetings = BTreeMap::new();
    for work in work {
        if meetings.contains_key(&work.meeting_id) {
            continue;
        }
        let Some(meeting) = doors.store.meeting(&work.meeting_id)? else { continue };
        let found = matching::find(&doors.store, &meeting, &doors.settings)?;
        meetings.insert(work.meeting_id.clone(), (meeting, found));
    }
    let learnt = learn_roles(doors, meetings.values().map(|(_, found)| found), now).await?;
    for (meeting, found) in meetings.values_mut() {
        if found.role_holders.iter().any(|contact| learnt.contains(contact)) {
            *found = matching::find(&doors.store, meeting, &doors.settings)?;
        }
        doors.store.save_matches(&meeting.id, &found.matches, &found.reviews)?;
    }
    let shared = |(meeting, found)| (Arc::new(meeting), Arc::new(found));
    Ok(meetings.into_iter().map(|(id, matched)| (id, shared(matched))).collect())
}

/// Asks Salesforce for the roles of guests by which one of several opportunities may be told,
/// where they are not known; returns of whom that was asked.
async fn learn_roles(
    doors: &Doors,
    found: impl Iterator<Item = &Matching>,
    now: Timestamp,
) -> Result<BTreeSet<SalesforceId>, Error> {
    let holders: BTreeSet<_> = found.flat_map(|found| found.role_holders.iter().cloned()).collect();
    let since = now.checked_sub(ROLES_KEPT).unwrap_or(now);
    let unasked = doors.store.unasked(&holders.into_iter().collect::<Vec<_>>(), since)?;
    if unasked.is_empty() {
        return Ok(BTreeSet::new());
    }
    let roles = match doors.salesforce.roles(&unasked).await {
        Ok(roles) => roles,
        // An org may hide them; there are other rules. What passes is waited for.
        Err(error) if error.mender() == Mender::SalesforceAdmin => {
            tracing::warn!("roles in opportunities can't be read: {error}");
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    doors.store.save_roles(&unasked, &roles, now)?;
    Ok(unasked.into_iter().collect())
}

/// Returns the task of an action item, or what a meeting is logged as; without a target, if a
/// person has deleted it. What was logged stays what it is, whatever the settings say by now.
fn activity(doors: &Doors, work: &Work) -> Result<(Sobject, Option<Target>), Error> {
    let item_id = work.item_id.as_deref();
    if let Some(link) = doors.store.link(&work.meeting_id, item_id)? {
        let object = Sobject::of_activity(&link.record_id);
        return Ok((object, (!link.gone).then_some(Target::Record(link.record_id))));
    }
    let object = match item_id {
        None => doors.settings.log_as.object(),
        Some(_) => work.object.into(),
    };
    Ok((object, Some(Target::New { mark: mark(&work.meeting_id, item_id.unwrap_or("")) })))
}

/// Says why nothing is done with an activity.
pub(super) fn deleted(activity: Sobject) -> String {
    format!("the {} was deleted in Salesforce", activity.as_str().to_lowercase())
}

/// Returns the records of the work's object to which this meeting is the latest.
fn records(
    doors: &Doors,
    work: &Work,
    meeting: &Meeting,
    matching: &Matching,
    now: Timestamp,
    endings: &mut Endings,
) -> Result<Vec<SalesforceId>, Error> {
    let mut records = Vec::new();
    let found: Vec<&Match> = matching.of(work.object).collect();
    let is_person = matches!(work.object, Object::Contact | Object::Lead);
    let question = matching.waits_for(work.object);
    if let Some(question) = question {
        none(work, meeting, &to_be_chosen(question), now, endings);
    } else if is_person && !found.is_empty() && !matching.unknown.is_empty() {
        none(work, meeting, "someone at the meeting is not in Salesforce", now, endings);
    }
    if found.is_empty() && question.is_none() {
        if is_person && matching.unknown.is_empty() {
            endings.settled(work, &format!("nobody at the meeting is a {}", work.object));
        } else {
            none(work, meeting, &format!("the meeting matches no {}", work.object), now, endings);
        }
    }
    for found in found {
        let newest = doors.store.newest_meeting_of(work.object, &found.record_id)?;
        match newest.filter(|(id, _)| *id != meeting.id) {
            Some((newer, _)) => {
                endings.settled(work, &format!("the meeting {newer} is the latest of the record"));
            }
            None => records.push(found.record_id.clone()),
        }
    }
    Ok(records)
}

/// Says that a person has to choose first.
fn to_be_chosen(question: &Question) -> String {
    let what = match question {
        Question::Person(email) => format!("who has the address {email}"),
        other => format!("which {other} it is about"),
    };
    format!("{what} has to be chosen: `efficlose matches list`")
}

/// Ends work that has no record to write to: looked at again whenever records
/// change, until the meeting is old.
pub(super) fn none(
    work: &Work,
    meeting: &Meeting,
    why: &str,
    now: Timestamp,
    endings: &mut Endings,
) {
    if now.duration_since(meeting.started_at) > MATCH_WINDOW {
        endings.settled(work, why);
    } else {
        endings.unmatched(work, format!("{why}; it is looked at again when records change"));
    }
}

/// Returns the mark of what is made for a part of a meeting: the same in every try, and of a form
/// that any text field holds.
pub(super) fn mark(meeting_id: &str, item_id: &str) -> String {
    let digest = Sha256::digest(format!("{meeting_id}\0{item_id}"));
    let digits: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("efficlose-{digits}")
}

/// Tells whether a task's status is another than when it was last pulled, by somebody else: then
/// whether its item is done is not yet known here.
pub(super) fn is_stale(doors: &Doors, task: Option<&Matched>) -> Result<bool, Error> {
    let Some(task) = task else { return Ok(false) };
    let pulled = doors.store.source(Object::Task, &task.id)?.unwrap_or_default();
    let status = |fields: &Fields| {
        fields.iter().find(|(name, _)| name == "Status").map(|(_, value)| value.clone())
    };
    let (Some(now), Some(then)) = (status(&task.fields), status(&pulled)) else {
        return Ok(false);
    };
    if now.same(&then) {
        return Ok(false);
    }
    // It is ours where we wrote it over what was pulled.
    let changes = doors.store.changes(ChangesOf::Record(&task.id), CHANGES_LOOKED_AT)?;
    let done = changes.iter().filter(|change| change.state == ChangeState::Done);
    let last = done.map(|change| (change, status(&change.planned.after)));
    let last = last.filter_map(|(change, ours)| Some((change, ours?))).next();
    let Some((change, ours)) = last else { return Ok(true) };
    let was = status(&change.planned.before).is_some_and(|was| was.same(&then));
    let pulled_at = doors.store.source_state(Object::Task, &task.id)?.map(|it| it.modified_at);
    Ok(!(ours.same(&now) && was && pulled_at <= change.ended_at))
}

/// Returns the users who own the drafts' tasks or have called their meetings, by address.
/// Salesforce is asked for those that are not known yet.
pub(super) async fn users(
    doors: &Doors,
    drafts: &[Draft],
    now: Timestamp,
) -> Result<HashMap<String, User>, Error> {
    let named = drafts.iter().flat_map(|draft| draft.owner().into_iter().chain(draft.host()));
    let mut emails: Vec<_> = named.map(normal).collect();
    emails.sort();
    emails.dedup();
    let since = now.checked_sub(USER_KEPT).unwrap_or(now);
    let mut known = doors.store.users(&emails, since)?;
    let new: Vec<_> = emails.into_iter().filter(|email| !known.contains_key(email)).collect();
    if !new.is_empty() {
        let found: HashMap<String, User> =
            doors.salesforce.users_by_email(&new).await?.into_iter().collect();
        let users: Vec<_> =
            new.into_iter().map(|email| (email.clone(), found.get(&email).cloned())).collect();
        doors.store.save_users(&users, now)?;
        known.extend(users);
    }
    Ok(known.into_iter().filter_map(|(email, user)| Some((email, user?))).collect())
}

/// Returns a meeting that says on which day it was for who called it, where that is known, and as
/// what it is logged, where that isn't a task.
pub(super) fn told(
    meeting: &Arc<Meeting>,
    to: Sobject,
    users: &HashMap<String, User>,
) -> Arc<Meeting> {
    let zone = user_of(users, host_of(meeting)).and_then(User::zone);
    let day = zone.map(|zone| meeting.day(Some(&zone)).to_string());
    let logged_as = (to == Sobject::Event).then(|| to.to_string());
    let mut meeting = Arc::clone(meeting);
    if meeting.extras.contains_key(Meeting::LOGGED_AS) {
        Arc::make_mut(&mut meeting).extras.remove(Meeting::LOGGED_AS);
    }
    for (name, said) in [(Meeting::STARTED_ON, day), (Meeting::LOGGED_AS, logged_as)] {
        if let Some(said) = said {
            Arc::make_mut(&mut meeting).extras.insert(name.to_owned(), said.into());
        }
    }
    meeting
}

fn host_of(meeting: &Meeting) -> Option<&str> {
    meeting.organizer.as_ref()?.email.as_deref()
}

fn user_of<'a>(users: &'a HashMap<String, User>, email: Option<&str>) -> Option<&'a User> {
    users.get(&normal(email?))
}

fn normal(email: &str) -> String {
    email.trim().to_lowercase()
}
