//! What a mapping is asked: each draft with what its record holds now, who owns what comes of it,
//! and days as they are where those people are.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::draft::{Draft, Target, host_of, normal, user_of};
use super::ending::Endings;
use crate::model::{
    ChangeState, Fields, Matched, Meeting, Object, Request, SalesforceId, Sobject, User,
};
use crate::store::ChangesOf;
use crate::sync::{Doors, Error};

/// How many changes of a task are looked through for our last write of its status.
const CHANGES_LOOKED_AT: u32 = 100;
/// For how long it is believed who has an address, or that nobody has.
const USER_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Makes requests of drafts: with the values that the records hold now, the user who owns an
/// action item, and days as they are for who called the meeting or owns the item.
pub(super) async fn requests(
    doors: &Doors,
    to: Sobject,
    seen: &HashMap<SalesforceId, Fields>,
    drafts: Vec<Draft>,
    now: Timestamp,
    endings: &mut Endings,
) -> Result<Vec<(Draft, Request)>, Error> {
    let users = users(doors, &drafts, now).await?;
    let mut meetings = HashMap::new();
    let mut requests = Vec::new();
    for draft in drafts {
        let target = match &draft.target {
            Target::New { .. } => None,
            Target::Record(id) => match seen.get(id) {
                Some(fields) => {
                    Some(Matched { object: to.to_string(), id: id.clone(), fields: fields.clone() })
                }
                None => {
                    let why = format!("{to} {id} is not there any more");
                    endings.not_yet(&draft.work, &draft.meeting, &why, now);
                    continue;
                }
            },
        };
        if to == Object::Task.into() && is_stale(doors, target.as_ref())? {
            let why = "the task has changed in Salesforce; the next pull comes first";
            endings.unmatched(&draft.work, why.to_owned());
            continue;
        }
        let known = meetings.entry(draft.work.meeting_id.clone());
        let meeting = known.or_insert_with(|| told(&draft.meeting, to, &users));
        let request = Request {
            now,
            meeting: Arc::clone(meeting),
            action_item: draft.dated_item(&users),
            target,
            matches: draft.matched(doors, &users)?,
        };
        requests.push((draft, request));
    }
    Ok(requests)
}

/// Tells whether a task's status is another than when it was last pulled, by somebody else: then
/// whether its item is done is not yet known here.
fn is_stale(doors: &Doors, task: Option<&Matched>) -> Result<bool, Error> {
    let Some(task) = task else { return Ok(false) };
    let pulled = doors.store.source(Object::Task, &task.id)?.unwrap_or_default();
    let status = |fields: &Fields| {
        fields.iter().find(|(name, _)| name == "Status").map(|(_, value)| value.clone())
    };
    let Some(now) = status(&task.fields) else { return Ok(false) };
    let changes = doors.store.changes(ChangesOf::Record(&task.id), CHANGES_LOOKED_AT)?;
    let done = changes.iter().filter(|change| change.state == ChangeState::Done);
    let last = done.map(|change| (change, status(&change.planned.after)));
    let last = last.filter_map(|(change, ours)| Some((change, ours?))).next();
    let Some(then) = status(&pulled) else {
        // It was never read since we made it.
        let is_read = doors.settings.objects.get(&Object::Task).is_some_and(|task| task.pull);
        return Ok(is_read && last.is_some_and(|(_, ours)| !ours.same(&now)));
    };
    if now.same(&then) {
        return Ok(false);
    }
    // It is ours where we wrote it over what was pulled.
    let Some((change, ours)) = last else { return Ok(true) };
    let was = status(&change.planned.before).is_some_and(|was| was.same(&then));
    let pulled_at = doors.store.source_state(Object::Task, &task.id)?.map(|it| it.modified_at);
    Ok(!(ours.same(&now) && was && pulled_at <= change.ended_at))
}

/// Returns the users who own the drafts' tasks or have called their meetings, by address.
/// Salesforce is asked for those that are not known yet.
async fn users(
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
fn told(meeting: &Arc<Meeting>, to: Sobject, users: &HashMap<String, User>) -> Arc<Meeting> {
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
