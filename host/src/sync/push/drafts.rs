//! Which record each piece of work is to be written to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::draft::{Draft, Target, deleted, mark};
use super::ending::Endings;
use super::newcomer;
use crate::model::{Match, Meeting, Mender, Object, Question, SalesforceId, Sobject, Work};
use crate::sync::matching::{self, Matching};
use crate::sync::{Doors, Error};

/// For how long it is believed in which opportunities someone has a role.
const ROLES_KEPT: SignedDuration = SignedDuration::from_hours(1);

/// A meeting with what it was matched to, shared by all its work.
type MatchedMeeting = (Arc<Meeting>, Arc<Matching>);

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
            endings.not_yet(&work, meeting, &why, now);
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
        endings.not_yet(work, meeting, &to_be_chosen(question), now);
    } else if is_person && !found.is_empty() && !matching.unknown.is_empty() {
        endings.not_yet(work, meeting, "someone at the meeting is not in Salesforce", now);
    }
    if found.is_empty() && question.is_none() {
        if is_person && matching.unknown.is_empty() {
            endings.settled(work, &format!("nobody at the meeting is a {}", work.object));
        } else {
            endings.not_yet(work, meeting, &format!("the meeting matches no {}", work.object), now);
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
