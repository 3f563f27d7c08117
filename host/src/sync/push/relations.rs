//! Relations: whom a logged meeting was with besides the one whom its activity names, where the
//! org shares activities.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::draft::{self, Draft, Target};
use super::ending::Endings;
use crate::model::{Fields, Intent, Object, Planned, SalesforceId, Sobject, Value};
use crate::store::Subject;
use crate::sync::writing::{SHARED, Writing};
use crate::sync::{Doors, Error};

/// Of how many contacts an activity is at most: that is Salesforce's limit.
const CONTACTS_MAX: usize = 50;
/// The field of an activity that names whom it is about first.
const WHO: &str = "WhoId";
/// What tells an event's contact from somebody who was invited.
const AS_CONTACT: [(&str, bool); 2] = [("IsParent", true), ("IsInvitee", false)];

/// A meeting that is logged as an activity.
pub(super) struct Logged {
    pub(super) draft: Draft,
    /// Whom the activity names.
    who: Option<SalesforceId>,
}

impl Logged {
    /// Returns the meetings among drafts that are logged, each with whom its activity names as far
    /// as it is there.
    pub(super) fn of(drafts: &[Draft], seen: &HashMap<SalesforceId, Fields>) -> Vec<Self> {
        let logged =
            drafts.iter().filter(|draft| draft.object.is_activity() && draft.item.is_none());
        let who = |draft: &Draft| seen.get(draft.record()?).and_then(who);
        logged.map(|draft| Self { who: who(draft), draft: draft.clone() }).collect()
    }

    /// Takes in whom their activities are about to name.
    pub(super) fn follow(logged: &mut [Self], planned: &[(Draft, Planned)]) {
        for Self { draft, who: named } in logged {
            let own = planned.iter().find(|(other, _)| other.work == draft.work);
            let Some((_, change)) = own else { continue };
            if change.after.iter().any(|(name, _)| name == WHO) {
                *named = who(&change.after);
            }
        }
    }
}

fn who(fields: &Fields) -> Option<SalesforceId> {
    let (_, who) = fields.iter().find(|(name, _)| name == WHO)?;
    who.text()?.parse().ok()
}

/// Plans the relations that logged meetings lack: to the contacts that they were with. One that
/// was made before and is gone is not made again. None, where there is nothing to write.
///
/// A meeting at which somebody is not in Salesforce is looked at again, like others.
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
    for Logged { draft, who } in logged {
        let link = doors.store.link(&draft.work.meeting_id, None)?;
        let Some(link) = link.filter(|link| !link.gone) else { continue };
        if !draft.matching.unknown.is_empty() {
            let why = "someone at the meeting is not in Salesforce";
            draft::none(&draft.work, &draft.meeting, why, now, endings);
        }
        let contacts = contacts(doors, relation, &draft, who.as_ref())?;
        if !contacts.is_empty() {
            wanting.push((draft, link.record_id, who, contacts));
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
    let mut planned = Vec::new();
    for (draft, activity, who, contacts) in wanting {
        let mut there = there.remove(&activity).unwrap_or_default();
        there.extend(who);
        let is_contact = |id: &&SalesforceId| Object::of(id) == Some(Object::Contact);
        let room = CONTACTS_MAX.saturating_sub(there.iter().filter(is_contact).count());
        let new = contacts.into_iter().filter(|contact| !there.contains(contact));
        for contact in new.take(room) {
            let named = [(key, &activity), (Sobject::RELATED, &contact)];
            let ids = named.map(|(name, id)| (name.to_owned(), Value::from(id.as_str())));
            let kind = AS_CONTACT.iter().filter(|(name, _)| org.field(name).is_some());
            let kind = kind.map(|(name, is)| ((*name).to_owned(), Value::Boolean(*is)));
            let mark = mark(&draft, &contact);
            let change = Planned {
                object: relation,
                intent: Intent::Create { mark: mark.clone() },
                meeting_id: draft.work.meeting_id.clone(),
                action_item_id: None,
                before: Fields::new(),
                after: ids.into_iter().chain(kind).collect(),
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

/// Returns the contacts that a logged meeting was with, but for the one whom its activity names
/// and those whom it was related to before. An activity of a lead has no other.
fn contacts(
    doors: &Doors,
    relation: Sobject,
    draft: &Draft,
    who: Option<&SalesforceId>,
) -> Result<Vec<SalesforceId>, Error> {
    if who.is_some_and(|who| Object::of(who) == Some(Object::Lead)) {
        return Ok(Vec::new());
    }
    let mut contacts: Vec<SalesforceId> = Vec::new();
    for found in draft.matching.of(Object::Contact) {
        let (contact, meeting_id) = (found.record_id.clone(), draft.work.meeting_id.clone());
        let subject = Subject::Update { meeting_id, record_id: contact.clone() };
        let is_tried = doors.store.was_made(relation, &mark(draft, &contact))?
            || doors.store.held(relation.job(), &subject)?.is_some();
        if who != Some(&contact) && !contacts.contains(&contact) && !is_tried {
            contacts.push(contact);
        }
    }
    Ok(contacts)
}

/// Returns the mark of a relation, which only our journal bears: in Salesforce it is found by what
/// it relates.
fn mark(draft: &Draft, contact: &SalesforceId) -> String {
    draft::mark(&draft.work.meeting_id, contact.as_str())
}
