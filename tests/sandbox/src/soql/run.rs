//! Runs a plan: which records, in which order.

use std::cmp::Ordering;

use super::Scope;

use super::filter::Leaf;
use super::plan::{Plan, Sort};
use crate::org::{Org, Slot};
use crate::schema::ID_FIELD;

/// Returns where the records are that the plan asks for, in order.
///
/// An order by SystemModstamp and id runs off the index and stops at the limit;
/// nothing else is sorted before it is filtered.
pub(crate) fn run(org: &Org, plan: &Plan, scope: Scope) -> Vec<Slot> {
    let table = org.table(plan.object);
    let candidates = plan.filter.as_ref().and_then(|filter| filter.candidates(table));
    run_among(org, plan, scope, candidates)
}

/// Runs a plan on some records only, or on all.
pub(super) fn run_among(
    org: &Org,
    plan: &Plan,
    scope: Scope,
    candidates: Option<Vec<Slot>>,
) -> Vec<Slot> {
    let table = org.table(plan.object);
    let wanted = plan.limit.map(|limit| (limit as usize).saturating_add(plan.offset as usize));
    let accepts = |slot: &Slot| {
        let shown = match scope {
            Scope::Live => table.is_live(*slot),
            Scope::All => table.row(*slot).is_some(),
        };
        shown && plan.filter.as_ref().is_none_or(|filter| filter.accepts(org, plan.object, *slot))
    };
    let span = || {
        let field = table.modstamp_field()?;
        Some(plan.filter.as_ref().map_or((i64::MIN, i64::MAX), |filter| filter.bounds(field)))
    };
    let direction = index_order(org, plan);
    let mut sorted = direction.is_some();
    let take = wanted.filter(|_| sorted || plan.order.is_empty()).unwrap_or(usize::MAX);
    let mut slots: Vec<Slot> = match (candidates, direction, span()) {
        (Some(candidates), _, _) => {
            sorted = plan.order.is_empty();
            candidates.into_iter().filter(accepts).collect()
        }
        (None, Some(false), Some((from, to))) => {
            table.changed_in(from..=to).filter(accepts).take(take).collect()
        }
        (None, Some(true), Some((from, to))) => {
            table.changed_in(from..=to).rev().filter(accepts).take(take).collect()
        }
        (None, None, Some((from, to))) if (from, to) != (i64::MIN, i64::MAX) => {
            let mut slots: Vec<Slot> = table.changed_in(from..=to).collect();
            slots.sort_unstable();
            slots.into_iter().filter(accepts).take(take).collect()
        }
        _ => (0..table.slots()).filter(accepts).take(take).collect(),
    };
    if !sorted && !plan.order.is_empty() {
        sort(org, plan, &mut slots);
    }
    slots.truncate(wanted.unwrap_or(usize::MAX));
    slots.drain(..slots.len().min(plan.offset as usize));
    slots
}

/// Returns whether the order is that of the index, and then whether it runs
/// backwards.
fn index_order(org: &Org, plan: &Plan) -> Option<bool> {
    let modstamp = org.table(plan.object).modstamp_field()?;
    let own = |sort: &Sort| match (&sort.access.hops[..], &sort.access.leaf) {
        ([], Leaf::Field(field)) => Some(*field),
        _ => None,
    };
    match &plan.order[..] {
        [first] if own(first) == Some(modstamp) && !first.descending => Some(false),
        [first, second]
            if own(first) == Some(modstamp)
                && own(second) == Some(ID_FIELD)
                && first.descending == second.descending =>
        {
            Some(first.descending)
        }
        _ => None,
    }
}

fn sort(org: &Org, plan: &Plan, slots: &mut [Slot]) {
    slots.sort_by(|left, right| {
        let of = |sort: &Sort, slot: Slot| sort.access.read(org, plan.object, slot);
        plan.order
            .iter()
            .map(|sort| {
                let (left, right) = (of(sort, *left), of(sort, *right));
                match (left.is_null(), right.is_null()) {
                    (true, true) => Ordering::Equal,
                    (false, false) if sort.descending => right.compare(&left),
                    (false, false) => left.compare(&right),
                    (true, false) if sort.nulls_last => Ordering::Greater,
                    (true, false) => Ordering::Less,
                    (false, true) if sort.nulls_last => Ordering::Less,
                    (false, true) => Ordering::Greater,
                }
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or_else(|| left.cmp(right))
    });
}
