//! Short texts that many rows hold, each kept once: first names, cities, choices.
//!
//! A text becomes a word when it is met again before too many others were. The
//! words are the process's, not one org's, and are never given back; that they are
//! bounded makes up for it.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{LazyLock, OnceLock, PoisonError, RwLock};

/// How many words there can be.
const WORDS_MAX: usize = 1 << 14;

/// How long a word can be, in bytes.
const LENGTH_MAX: usize = 120;

/// How many texts are remembered that were met once.
const MET_MAX: usize = 1 << 16;

/// The place of a word among all.
pub(super) type Place = u16;

static WORDS: [OnceLock<&str>; WORDS_MAX] = [const { OnceLock::new() }; WORDS_MAX];

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

struct Known {
    places: HashMap<&'static str, Place>,
    /// The hashes of texts that were met, each in the place that it leads to.
    met: Vec<u64>,
}

impl Default for Known {
    fn default() -> Self {
        Self { places: HashMap::new(), met: vec![0; MET_MAX] }
    }
}

/// Returns the word in a place that was given.
pub(super) fn word(place: Place) -> &'static str {
    WORDS[usize::from(place)].get().copied().unwrap_or_default()
}

/// Returns the place of a text, if it is a word or becomes one.
pub(super) fn place(text: &str) -> Option<Place> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        let place = known.places.get(text).copied();
        if place.is_some() || known.places.len() == WORDS_MAX {
            return place;
        }
    }
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).meet(text)
}

impl Known {
    fn meet(&mut self, text: &str) -> Option<Place> {
        if let Some(place) = self.places.get(text) {
            return Some(*place);
        }
        let hash = self.places.hasher().hash_one(text);
        let met = std::mem::replace(&mut self.met[hash as usize % MET_MAX], hash);
        if met != hash || self.places.len() == WORDS_MAX {
            return None;
        }
        let place = Place::try_from(self.places.len()).ok()?;
        let text: &'static str = Box::leak(text.into());
        WORDS[usize::from(place)].set(text).ok()?;
        self.places.insert(text, place);
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_met_again_has_one_place_and_the_place_its_text() {
        // Texts that other tests meet at the same time may be in the way, once.
        let meet = |text: &str| (0..9).find_map(|_| place(text));
        let first = meet("a word of this test").unwrap();
        assert_eq!(place("a word of this test"), Some(first));
        assert_ne!(meet("another word of this test"), Some(first));
        assert_eq!(word(first), "a word of this test");
        assert_eq!(meet(&"long".repeat(31)), None);
    }
}
