//! Verifications: whether the store has what the org has.

use jiff::Timestamp;

use super::Object;

/// How many records there are, and what tells them with their stamps.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// 16 hexadecimal digits of a hash over ids and `SystemModstamp`s, by ids.
    pub hash: String,
}

/// What org and store have of one month, by the stamps of the records.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// The month, as `2026-01`, in UTC.
    pub month: String,
    /// What the org has.
    pub org: Tally,
    /// What the store had.
    pub store: Tally,
}

/// What a verification of an object found, and what it mended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Verified {
    /// The object.
    pub object: Object,
    /// When it ended.
    pub at: Timestamp,
    /// Up to which stamp all records were compared; of younger ones, what a sync brings is the
    /// next one's.
    pub covered: Timestamp,
    /// Month by month, as it was before anything was mended.
    pub windows: Vec<Window>,
    /// Records that the store lacked or had another state of, and has by now.
    pub missing: u64,
    /// Records whose formulas or parents' fields were others, and are refreshed.
    pub refreshed: u64,
    /// Records that were deleted without a trace in a query.
    pub deleted: u64,
    /// Records that the connected user does not see any more.
    pub hidden: u64,
    /// Records that the mapping's condition does not select any more.
    pub unselected: u64,
    /// How many calls it took.
    pub calls: u64,
}

impl Verified {
    /// Tells whether the store had what the org has, formulas and parents' fields aside.
    pub fn was_complete(&self) -> bool {
        self.missing + self.deleted + self.hidden + self.unselected == 0
    }

    /// Says in a sentence what was found.
    pub fn said(&self) -> String {
        let parts = [
            (self.missing, "read again"),
            (self.deleted, "deleted"),
            (self.hidden, "not visible any more"),
            (self.unselected, "not selected any more"),
            (self.refreshed, "with new formulas or parents' fields"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<_> = parts.map(|(count, what)| format!("{count} {what}")).collect();
        match (self.was_complete(), parts.is_empty()) {
            (true, true) => "complete".to_owned(),
            (true, false) => format!("complete; {}", parts.join(", ")),
            (false, _) => format!("differed and is mended: {}", parts.join(", ")),
        }
    }
}
