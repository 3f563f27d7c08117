//! What someone has just done, said on the page that follows.

use axum::response::Redirect;

/// The name in an address, before the word for what was done.
const NAME: &str = "done";

/// What can be said: the word in the address, and the sentence.
const SAID: [(&str, &str); 10] = [
    ("connected", "The org is connected."),
    (
        "enabled",
        "It is set up. The first sync begins within seconds; this page shows how it goes on.",
    ),
    ("sync", "A sync begins within seconds; this page shows how it goes on."),
    ("paused", "It is paused: nothing is read or written until it is resumed."),
    ("resumed", "It goes on from where it was."),
    ("retried", "It is tried again: records at once, writes within seconds."),
    ("chosen", "Chosen, for ever. What waited for it is written within seconds."),
    ("left", "It is left to the rules again."),
    ("undone", "It is taken back. The same meeting does not write it again."),
    (
        "used",
        "The mapping is used from the next sync on. There is a way back at the end of its page.",
    ),
];

/// Leads to a page that says what was done.
pub(super) fn then(path: &str, word: &'static str) -> Redirect {
    debug_assert!(SAID.iter().any(|(known, _)| *known == word), "{word} can't be said");
    Redirect::to(&format!("{path}?{NAME}={word}"))
}

/// Returns what the query of an address says was done.
pub(super) fn said(query: &str) -> Option<&'static str> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let (_, word) = pairs.find(|(name, _)| name == NAME)?;
    SAID.iter().find(|(known, _)| *known == word).map(|(_, said)| *said)
}
