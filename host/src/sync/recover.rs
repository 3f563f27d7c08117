//! Finds out what became of changes that were on the wire when a process died or
//! an answer was lost: by looking, never by writing again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use jiff::Timestamp;

use super::policy::{bears_block, has_block};
use super::writing::{Mark, marks};
use super::{Doors, Error};
use crate::model::{
    Change, ChangeState, FieldName, Intent, Object, Planned, SalesforceId, Sobject, Value,
};
use crate::salesforce::{Description, IS_DELETED};
use crate::store::Ended;

/// For how long after a write was sent Salesforce may still be at it, though
/// nobody waits for the answer any more.
const IN_FLIGHT: Duration = Duration::from_secs(5);

/// Tells whether the end of any change is not known that a push of this object made.
pub(super) fn is_open(doors: &Doors, object: Object) -> Result<bool, Error> {
    for object in Sobject::of_job(object) {
        if !doors.store.open_changes(object)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Settles the open changes that pushes of an object made. The work they came from is still
/// waiting, and is planned anew from what Salesforce holds now.
pub(super) async fn open_changes(
    doors: &Doors,
    object: Object,
    fence: u64,
    now: Timestamp,
) -> Result<(), Error> {
    for object in Sobject::of_job(object) {
        match changes_to(doors, object, fence, now).await {
            // What a meeting is logged as keeps no action item from its task.
            Err(error) if object.synced().is_none() && !error.is_org_wide() => {
                let problem = error.problem();
                tracing::warn!(%object, "what became of open changes can't be looked up: {problem}");
            }
            looked => looked?,
        }
    }
    Ok(())
}

/// Settles the open changes to one object.
pub(super) async fn changes_to(
    doors: &Doors,
    object: Sobject,
    fence: u64,
    now: Timestamp,
) -> Result<(), Error> {
    let open = doors.store.open_changes(object)?;
    if open.is_empty() {
        return Ok(());
    }
    let org = &*doors.described(object).await?;
    tracing::info!(%object, changes = open.len(), "looks up changes whose end is not known");
    let mut made = made(doors, object, org, &open).await?;
    if let Some(wait) = still_on_the_wire(&open, &made, now) {
        tokio::time::sleep(wait).await;
        made = self::made(doors, object, org, &open).await?;
    }
    let written = live_values(doors, object, org, &open).await?;
    let ended = open.iter().map(|change| {
        let record_id = match &change.planned.intent {
            Intent::Create { mark } => made.get(mark).map(|made| made.id.clone()),
            Intent::Update(id) => {
                let live = written.get(id);
                live.is_some_and(|live| was_written(&change.planned, live)).then(|| id.clone())
            }
            Intent::Delete(id) => (!written.contains_key(id)).then(|| id.clone()),
        };
        let state = if record_id.is_some() { ChangeState::Done } else { ChangeState::Lost };
        Ended { change_id: change.id, state, record_id, trouble: None, closes: None }
    });
    let ended: Vec<_> = ended.collect();
    doors.store.end_changes(object.job(), fence, &ended, now)?;
    for gone in made.values().filter(|made| made.is_deleted) {
        doors.store.lose_link(&gone.id)?;
    }
    Ok(())
}

/// Tells whether a record holds what an update wrote: any of it, since a person may have edited
/// the rest or written around our block; and nothing that it held before, since an update is
/// written whole or not at all.
fn was_written(planned: &Planned, live: &HashMap<String, Value>) -> bool {
    let is_changed = |before: &Value, after: &Value| !before.same(after);
    let changed = planned.pairs().filter(|(_, before, after)| is_changed(before, after));
    let mut holds_any = false;
    for (name, before, after) in changed {
        let Some(now) = live.get(name) else { continue };
        if now.same(before) {
            return false;
        }
        // Somebody may have edited the first block that we wrote there.
        let is_first = bears_block(after) && !bears_block(before) && bears_block(now);
        holds_any |= now.same(after) || is_first;
        holds_any |= !has_block(before, after) && has_block(now, after);
    }
    holds_any
}

/// Returns how long to wait before records that are not there are taken never to
/// have been made; none, if all are there or enough time has passed.
fn still_on_the_wire(
    open: &[Change],
    made: &HashMap<String, Made>,
    now: Timestamp,
) -> Option<Duration> {
    let missing = open.iter().filter(|change| mark(change).is_some_and(|m| !made.contains_key(&m)));
    let sent_at = missing.map(|change| change.planned_at).max()?;
    let age = Duration::try_from(now.duration_since(sent_at)).unwrap_or_default();
    IN_FLIGHT.checked_sub(age).filter(|wait| !wait.is_zero())
}

/// A record that bears a mark.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Made {
    /// Whether a person has deleted it since; only activities are looked for in the recycle bin.
    pub(super) is_deleted: bool,
    /// The record.
    pub(super) id: SalesforceId,
}

/// Returns the records that open changes have made, by the changes' marks.
async fn made(
    doors: &Doors,
    object: Sobject,
    org: &Description,
    open: &[Change],
) -> Result<HashMap<String, Made>, Error> {
    let marks: Vec<String> = open.iter().filter_map(mark).collect();
    let Some(key) = object.activity().and_then(Sobject::key_in_relations) else {
        return by_mark(doors, object, &self::marks(object, org), &marks).await;
    };
    // A relation is found by what it relates.
    let id = |change: &Change, name: &str| {
        let named = change.planned.after.iter().find(|(field, _)| field == name);
        named.and_then(|(_, value)| value.text()?.parse::<SalesforceId>().ok())
    };
    let pairs = open.iter().filter_map(|change| {
        Some((mark(change)?, id(change, key)?, id(change, Sobject::RELATED)?))
    });
    let pairs: Vec<_> = pairs.collect();
    let activities: Vec<_> = pairs.iter().map(|(_, activity, _)| activity.clone()).collect();
    if activities.is_empty() {
        return Ok(HashMap::new());
    }
    let found = doors.salesforce.relations(object, &activities).await?;
    let relation = |activity: &SalesforceId, related: &SalesforceId| {
        let is_it =
            |found: &&(_, SalesforceId, SalesforceId)| (&found.1, &found.2) == (activity, related);
        found.iter().find(is_it).map(|(id, ..): &(SalesforceId, _, _)| id.clone())
    };
    let made = pairs.into_iter().filter_map(|(mark, activity, related)| {
        Some((mark, Made { is_deleted: false, id: relation(&activity, &related)? }))
    });
    Ok(made.collect())
}

/// Returns the records that bear one of these marks: of those that share one, one that is there
/// before one that was deleted.
pub(super) async fn by_mark(
    doors: &Doors,
    object: Sobject,
    fields: &[Mark],
    marks: &[String],
) -> Result<HashMap<String, Made>, Error> {
    let mut found = HashMap::new();
    if marks.is_empty() {
        return Ok(found);
    }
    // A record made before the org had a better field bears its mark in another.
    for field in fields.iter().map(Mark::field) {
        let table = match object.is_activity() {
            true => doors.salesforce.find_deleted_too(object.as_str(), field, marks).await?,
            // Whom a person has deleted is looked for before anyone is made of an address.
            false => {
                let fields = std::slice::from_ref(field);
                doors.salesforce.find(object.as_str(), field, marks, fields).await?
            }
        };
        let (Some(id), Some(mark)) = (table.column("Id"), table.column(field.as_str())) else {
            continue;
        };
        let deleted = table.column(IS_DELETED);
        for row in &table.rows {
            let (Some(mark), Some(id)) = (row[mark].text(), row[id].text()) else { continue };
            let Ok(id) = id.parse::<SalesforceId>() else { continue };
            let is_deleted = deleted.is_some_and(|place| row[place] == Value::Boolean(true));
            let made = Made { is_deleted, id };
            // Addresses are kept in whatever case they were told.
            match found.entry(mark.to_lowercase()) {
                Entry::Vacant(vacant) => {
                    vacant.insert(made);
                }
                Entry::Occupied(mut taken) if *taken.get() != made => {
                    // A person copied one, say. The one with the lower id was first.
                    let (first, other) = match made < *taken.get() {
                        true => (made.clone(), taken.insert(made)),
                        false => (taken.get().clone(), made),
                    };
                    if !other.is_deleted {
                        tracing::warn!(
                            %object, mark,
                            "two records bear one mark: {} is taken, {} is not",
                            first.id, other.id
                        );
                    }
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    Ok(found)
}

/// Returns the values that Salesforce holds now in the fields of open updates.
async fn live_values(
    doors: &Doors,
    object: Sobject,
    org: &Description,
    open: &[Change],
) -> Result<HashMap<SalesforceId, HashMap<String, Value>>, Error> {
    let mut ids: Vec<SalesforceId> = Vec::new();
    let mut fields: Vec<FieldName> = Vec::new();
    for change in open {
        let (Intent::Update(id) | Intent::Delete(id)) = &change.planned.intent else { continue };
        ids.push(id.clone());
        // A field that the org has lost since can't be asked for; its change counts
        // as lost.
        let names = change.planned.after.iter().map(|(name, _)| name.as_str());
        fields.extend(names.filter_map(|name| org.field(name)?.name.parse::<FieldName>().ok()));
    }
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    fields.push("Id".parse().expect("a name that is written here is well formed"));
    ids.sort();
    ids.dedup();
    fields.sort();
    fields.dedup();
    let records = doors.salesforce.retrieve(object, &ids, &fields).await?;
    let found = ids.into_iter().zip(records);
    Ok(found.filter_map(|(id, record)| Some((id, record?.into_iter().collect()))).collect())
}

fn mark(change: &Change) -> Option<String> {
    match &change.planned.intent {
        Intent::Create { mark } => Some(mark.clone()),
        Intent::Update(_) | Intent::Delete(_) => None,
    }
}
