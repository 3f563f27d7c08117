//! Finds records by what a field holds.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::table::Slot;
use crate::value::{Cell, compare_folded, folded};

/// Slots by what a field of their rows holds: text, in any case, and ids.
///
/// It holds no copy of the values: what slots share is looked up in their rows.
/// The hashes are no part of what a seed decides, as slots come out in the order
/// of slots.
#[derive(Debug, Default)]
pub(super) struct Index {
    shared: HashTable<Shared>,
    lists: Lists,
    hasher: RandomState,
}

/// The slots that share a value. Nearly always it is one, and a list of its own
/// for each would take many times the room of a slot.
#[derive(Clone, Copy, Debug)]
struct Shared(Slot);

/// With this bit it is the place of a list, otherwise a slot.
const IS_LIST: Slot = 1 << (Slot::BITS - 1);

/// Slots, lowest first, for each value that several share.
#[derive(Debug, Default)]
struct Lists {
    lists: Vec<Vec<Slot>>,
    free: Vec<Slot>,
}

impl Index {
    /// Notes that the row in a slot has changed; `before` is what the field held.
    pub(super) fn moved<'a>(
        &mut self,
        slot: Slot,
        before: Cell<'_>,
        cell_of: impl Fn(Slot) -> Cell<'a>,
    ) {
        let Self { shared, lists, hasher } = self;
        let after = cell_of(slot);
        let (old, new) = (hash(hasher, before), hash(hasher, after));
        if old == new && are_same(before, after) {
            return;
        }
        if let Some(old) = old
            && let Ok(found) =
                shared.find_entry(old, |shared| lists.of(shared).binary_search(&slot).is_ok())
            && lists.remove(*found.get(), slot)
        {
            found.remove();
        }
        let Some(new) = new else { return };
        let first = |shared: &Shared| cell_of(lists.of(shared)[0]);
        match shared.find_mut(new, |shared| are_same(first(shared), after)) {
            Some(shared) => *shared = lists.add(*shared, slot),
            None => {
                let rehash = |shared: &Shared| hash(hasher, first(shared)).unwrap_or_default();
                shared.insert_unique(new, Shared(slot), rehash);
            }
        }
    }

    /// Returns the slots whose field holds this value, lowest first.
    pub(super) fn find<'a>(&self, value: Cell<'_>, cell_of: impl Fn(Slot) -> Cell<'a>) -> &[Slot] {
        let is_it = |shared: &Shared| are_same(cell_of(self.lists.of(shared)[0]), value);
        let found = hash(&self.hasher, value).and_then(|hash| self.shared.find(hash, is_it));
        found.map_or(&[], |shared| self.lists.of(shared))
    }
}

/// Returns the hash of what can be searched for.
fn hash(hasher: &RandomState, cell: Cell<'_>) -> Option<u64> {
    match cell {
        Cell::Text(text) => Some(hasher.hash_one(folded(text))),
        Cell::Id(id) => Some(hasher.hash_one(id)),
        _ => None,
    }
}

fn are_same(one: Cell<'_>, other: Cell<'_>) -> bool {
    match (one, other) {
        (Cell::Text(one), Cell::Text(other)) => compare_folded(one, other).is_eq(),
        (Cell::Id(one), Cell::Id(other)) => one == other,
        _ => false,
    }
}

impl Shared {
    fn list(self) -> Option<usize> {
        (self.0 & IS_LIST != 0).then_some((self.0 & !IS_LIST) as usize)
    }
}

impl Lists {
    fn of<'s>(&'s self, shared: &'s Shared) -> &'s [Slot] {
        match shared.list() {
            Some(list) => &self.lists[list],
            None => std::slice::from_ref(&shared.0),
        }
    }

    /// Adds a slot and returns what shares the value now.
    fn add(&mut self, shared: Shared, slot: Slot) -> Shared {
        if let Some(list) = shared.list() {
            let list = &mut self.lists[list];
            if let Err(place) = list.binary_search(&slot) {
                list.insert(place, slot);
            }
            return shared;
        }
        let both = vec![slot.min(shared.0), slot.max(shared.0)];
        let list = self.free.pop().unwrap_or_else(|| {
            self.lists.push(Vec::new());
            self.lists.len() as Slot - 1
        });
        self.lists[list as usize] = both;
        Shared(list | IS_LIST)
    }

    /// Removes a slot and returns whether none is left.
    fn remove(&mut self, shared: Shared, slot: Slot) -> bool {
        let Some(list) = shared.list() else { return true };
        let slots = &mut self.lists[list];
        slots.retain(|known| *known != slot);
        if slots.is_empty() {
            self.free.push(list as Slot);
        }
        slots.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_was_set_last_is_found_in_any_case(
            changes in prop::collection::vec((0..20_u32, prop::option::of("[a-cA-C]")), 0..200),
        ) {
            let mut rows: Vec<Option<String>> = vec![None; 20];
            let mut index = Index::default();
            fn cell(text: &Option<String>) -> Cell<'_> {
                text.as_deref().map_or(Cell::Null, Cell::Text)
            }
            for (slot, text) in changes {
                let before = std::mem::replace(&mut rows[slot as usize], text);
                index.moved(slot, cell(&before), |slot| cell(&rows[slot as usize]));
            }
            let mut expected: BTreeMap<String, Vec<Slot>> = BTreeMap::new();
            for (slot, text) in rows.iter().enumerate() {
                if let Some(text) = text {
                    expected.entry(folded(text)).or_default().push(slot as Slot);
                }
            }
            for text in ["a", "b", "c"] {
                let found = index.find(Cell::Text(text), |slot| cell(&rows[slot as usize]));
                prop_assert_eq!(found, expected.get(text).map_or(&[][..], Vec::as_slice));
            }
        }
    }
}
