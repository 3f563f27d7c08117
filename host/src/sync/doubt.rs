//! Doubts: what may keep a change from being taken that only Salesforce can tell. Asked in a
//! rehearsal alone: a sync writes, and is told.

use std::collections::HashMap;

use super::{Doors, Error};
use crate::model::{Change, Intent, Object, Problem, SalesforceId};
use crate::salesforce;

/// Returns what may keep changes from being taken, by the changes' ids.
pub(super) async fn doubts<'a>(
    doors: &Doors,
    changes: impl Iterator<Item = &'a Change>,
) -> Result<HashMap<i64, Problem>, Error> {
    let changes: Vec<&Change> = changes.collect();
    let mut doubts = compared(doors, &changes).await?;
    doubts.extend(locked(doors, &changes).await?);
    Ok(doubts)
}

/// Returns the new people whom the org's duplicate rules compare with others.
async fn compared(doors: &Doors, changes: &[&Change]) -> Result<HashMap<i64, Problem>, Error> {
    let is_new = |change: &&&Change| {
        matches!(change.planned.intent, Intent::Create { .. }) && is_of_a_customer(change)
    };
    let new: Vec<_> = changes.iter().filter(is_new).collect();
    if new.is_empty() {
        return Ok(HashMap::new());
    }
    let rules = told("duplicate rules", doors.salesforce.duplicate_rules().await)?;
    let compared = new.into_iter().filter_map(|change| {
        let object = change.planned.object;
        let own = rules.iter().filter(|(_, of)| of == object.as_str());
        let names: Vec<_> = own.map(|(label, _)| label.as_str()).collect();
        let problem = Problem {
            message: format!(
                "whoever looks like somebody else may be caught by the duplicate rules {}",
                names.join(", ")
            ),
            at: Some(object.to_string()),
            hint: Some(
                "Nothing need be done: who is refused waits among the failures, with the reason."
                    .to_owned(),
            ),
        };
        (!names.is_empty()).then_some((change.id, problem))
    });
    Ok(compared.collect())
}

/// Returns the changes to records that wait to be approved.
async fn locked(doors: &Doors, changes: &[&Change]) -> Result<HashMap<i64, Problem>, Error> {
    let updated = |change: &Change| match &change.planned.intent {
        // Of activities there are no approvals.
        Intent::Update(id) if is_of_a_customer(change) => Some(id.clone()),
        _ => None,
    };
    let mut ids: Vec<SalesforceId> = changes.iter().filter_map(|change| updated(change)).collect();
    ids.sort();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let waiting = told("approvals", doors.salesforce.in_approval(&ids).await)?;
    let locked = changes.iter().filter_map(|change| {
        let id = updated(change).filter(|id| waiting.contains(id))?;
        let problem = Problem {
            message: "the record waits to be approved, which locks it for most users".to_owned(),
            at: Some(id.to_string()),
            hint: Some(
                "Have it approved or recalled first; what is refused waits for `efficlose failures \
                 retry`."
                    .to_owned(),
            ),
        };
        Some((change.id, problem))
    });
    Ok(locked.collect())
}

/// Tells whether a change is to a person, a company or a deal.
fn is_of_a_customer(change: &Change) -> bool {
    change.planned.object.synced().is_some_and(|object| object != Object::Task)
}

/// Returns what was told; nothing, where the connected user may not see it.
fn told<T: Default>(what: &str, answer: salesforce::Result<T>) -> Result<T, Error> {
    match answer.map_err(Error::from) {
        Err(error) if !error.is_org_wide() => {
            tracing::warn!("{what} can't be read: {}", error.problem());
            Ok(T::default())
        }
        told => told,
    }
}
