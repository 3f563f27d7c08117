//! Relations: whom a logged meeting was with besides the one whom its activity names, where the
//! org shares activities.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::draft::{self, Draft, Target};
use super::ending::Endings;
use crate::model::{
    ChangeState, Fields, Intent, Object, Planned, Request, SalesforceId, Sobject, Value,
};
use crate::store::{ChangesOf, Subject};
use crate::sync::writing::{SHARED, Writing};
use crate::sync::{Doors, Error};

/// Of how many contacts an activity is at most: that is Salesforce's limit.
const CONTACTS_MAX: usize = 50;
/// The field of an activity that names whom it is about first.
const WHO: &str = "WhoId";
/// How many changes of a meeting are looked through for whom its activity was about.
const CHANGES_LOOKED_AT: u32 = 1_000;
/// What tells an event's contact from somebody who was invited.
const AS_CONTACT: [(&str, bool); 2] = [("IsParent", true), ("IsInvitee", false)];

/// A meeting that is logged as an activity.
pub(super) struct Logged {
    pub(super) draft: Draft,
    /// Whom the activity names.
    who: Option<SalesforceId>,
    /// Whom it named before, where that is another now: they leave it with that.
    left: Option<SalesforceId>,
}

impl Logged {
    /// Returns the meetings among drafts that are logged, each with whom its activity names as far
    /// as it is there.
    pub(super) fn of(drafts: &[Draft], seen: &HashMap<SalesforceId, Fields>) -> Vec<Self> {
        let is_there = |draft: &Draft| draft.record().is_none_or(|id| seen.contains_key(id));
        let logged = drafts
            .iter()
            .filter(|draft| draft.object.is_activity() && draft.item.is_none() && is_there(draft));
        let who = |draft: &Draft| seen.get(draft.record()?).and_then(who);
        logged.map(|draft| Self { who: who(draft), left: None, draft: draft.clone() }).collect()
    }

    /// Takes in whom their activities are about to name.
    pub(super) fn follow(logged: &mut [Self], planned: &[(Draft, Planned)]) {
        for Self { draft, who: named, left } in logged {
            let own = planned.iter().find(|(other, _)| other.work == draft.work);
            let Some((_, change)) = own else { continue };
            if change.after.iter().any(|(name, _)| name == WHO) {
                *left = std::mem::replace(named, who(&change.after));
            }
        }
    }
}

fn who(fields: &Fields) -> Option<SalesforceId> {
    id(fields, WHO)
}

/// Returns the record that a field names.
fn id(fields: &Fields, field: &str) -> Option<SalesforceId> {
    let (_, id) = fields.iter().find(|(name, _)| name == field)?;
    id.text()?.parse().ok()
}

/// Leaves a logged meeting's activity with the contact whom it names, as long as the meeting was
/// with them: in which order guests are told is no reason to name another, who may have been
/// taken out.
pub(super) fn still_named(draft: &Draft, request: &Request, mut wanted: Fields) -> Fields {
    let named = request.target.as_ref().and_then(|target| who(&target.fields));
    let is_logged = draft.object.is_activity() && draft.item.is_none();
    let is_guest = |id| draft.matching.of(Object::Contact).any(|found| found.record_id == id);
    if is_logged && named.is_some_and(is_guest) {
        wanted.retain(|(name, _)| name != WHO);
    }
    wanted
}

/// Plans the relations that logged meetings lack: to the contacts that they were with. Whom a
/// person took out of an activity is not put in again. None, where there is nothing to write.
///
/// A meeting of which it is not certain who was there is looked at again, like others.
pub(super) async fn planned(
    doors: &Doors,
    activity: Sobject,
    mapping: &str,
    logged: Vec<Logged>,
    now: Timestamp,
    endings: &mut Endings,
) -> Result<Option<(Writing, Vec<(Draft, Planned)>)>, Error> {
    let (Some(relation), Some(key)) = (activity.relation(), activity.key_in_relations()) else {
        return Ok(None);
    };
    if logged.is_empty() || doors.described(activity).await?.field(SHARED).is_none() {
        return Ok(None);
    }
    let mut wanting = Vec::new();
    for Logged { draft, who, left } in logged {
        let meeting_id = &draft.work.meeting_id;
        let link = doors.store.link(meeting_id, None)?.filter(|link| !link.gone);
        let Some(id) = link.map(|link| link.record_id) else { continue };
        let taken_back = doors.store.taken_back(activity, &id, meeting_id)?;
        if taken_back.all || taken_back.fields.contains(WHO) {
            continue;
        }
        if !(draft.matching.unknown.is_empty() && draft.matching.reviews.is_empty()) {
            let why = "it is not certain yet who was at the meeting";
            endings.not_yet(&draft.work, &draft.meeting, why, now);
        }
        let contacts = contacts(doors, activity, &draft, who.as_ref(), endings)?;
        if !contacts.is_empty() {
            wanting.push((draft, id, (who, left), contacts));
        }
    }
    if wanting.is_empty() {
        return Ok(None);
    }
    let org = doors.described(relation).await?;
    let activities: Vec<_> = wanting.iter().map(|(_, id, ..)| id.clone()).collect();
    let mut there: HashMap<SalesforceId, HashSet<SalesforceId>> = HashMap::new();
    for (_, activity, record) in doors.salesforce.relations(relation, &activities).await? {
        there.entry(activity).or_default().insert(record);
    }
    let kind =
        AS_CONTACT.iter().filter(|(name, _)| org.field(name).is_some_and(|field| field.createable));
    let kind: Fields = kind.map(|(name, is)| ((*name).to_owned(), Value::Boolean(*is))).collect();
    let mut planned = Vec::new();
    for (draft, activity, (who, left), contacts) in wanting {
        let mut there = there.remove(&activity).unwrap_or_default();
        left.iter().for_each(|left| {
            there.remove(left);
        });
        there.extend(who);
        let of = |object| there.iter().filter(move |id| Object::of(id) == Some(object)).count();
        // An activity of a lead has no other.
        if of(Object::Lead) > 0 {
            continue;
        }
        let room = CONTACTS_MAX.saturating_sub(of(Object::Contact));
        let new = contacts.into_iter().filter(|contact| !there.contains(contact));
        for contact in new.take(room) {
            let named = [(key, &activity), (Sobject::RELATED, &contact)];
            let ids = named.map(|(name, id)| (name.to_owned(), Value::from(id.as_str())));
            let mark = draft::mark(&draft.work.meeting_id, contact.as_str());
            let change = Planned {
                object: relation,
                // Only our journal bears the mark: a relation is found by what it relates.
                intent: Intent::Create { mark: mark.clone() },
                meeting_id: draft.work.meeting_id.clone(),
                action_item_id: None,
                before: Fields::new(),
                after: ids.into_iter().chain(kind.iter().cloned()).collect(),
                mapping: mapping.to_owned(),
                left: Vec::new(),
                undoes: None,
            };
            let target = Target::New { mark };
            planned.push((Draft { object: relation, target, ..draft.clone() }, change));
        }
    }
    Ok(Some((Writing::unmapped(relation, mapping, &org), planned)))
}

/// Returns the contacts that a logged meeting was with, but for the one whom its activity names,
/// and those whom we had put in: they are there, or somebody took them out.
fn contacts(
    doors: &Doors,
    activity: Sobject,
    draft: &Draft,
    who: Option<&SalesforceId>,
    endings: &mut Endings,
) -> Result<Vec<SalesforceId>, Error> {
    let put_in = put_in(doors, activity, &draft.work.meeting_id)?;
    let mut contacts: Vec<SalesforceId> = Vec::new();
    for found in draft.matching.of(Object::Contact) {
        let (contact, meeting_id) = (found.record_id.clone(), draft.work.meeting_id.clone());
        if who == Some(&contact) || contacts.contains(&contact) || put_in.contains(&contact) {
            continue;
        }
        let subject = Subject::Update { meeting_id, record_id: contact.clone() };
        match doors.store.held(activity.job(), &subject)? {
            Some(failure) => endings.failed(&draft.work, failure.problem.message),
            None => contacts.push(contact),
        }
    }
    Ok(contacts)
}

/// Returns the contacts that an activity was about as we left it, as they are now: those whom it
/// was related to, and the one whom it was last made to name. Taken back counts as taken out.
fn put_in(
    doors: &Doors,
    activity: Sobject,
    meeting_id: &str,
) -> Result<HashSet<SalesforceId>, Error> {
    let changes = doors.store.changes(ChangesOf::Meeting(meeting_id), CHANGES_LOOKED_AT)?;
    let done = changes.iter().rev().filter(|change| change.state == ChangeState::Done);
    let mut put_in = HashSet::new();
    for Planned { object, action_item_id, before, after, .. } in done.map(|done| &done.planned) {
        if Some(*object) == activity.relation() {
            put_in.extend(id(after, Sobject::RELATED));
        } else if *object == activity && action_item_id.is_none() {
            // Who was named before, and is not any more, is related no more either.
            let named = after.iter().any(|(name, _)| name == WHO);
            if let Some(before) = id(before, WHO).filter(|_| named) {
                put_in.remove(&before);
            }
            put_in.extend(id(after, WHO));
        }
    }
    let mut heirs = HashSet::new();
    for id in put_in {
        let became = doors.store.became(Object::Contact, &id)?;
        heirs.extend(became.into_iter().map(|(_, id)| id));
        heirs.insert(id);
    }
    Ok(heirs)
}
