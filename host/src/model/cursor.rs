//! How far a pull has come.

use jiff::{SignedDuration, Timestamp};

use super::SalesforceId;

/// The last record that is settled: records are read in the order of this pair.
///
/// Stamps have a resolution of one second and a bulk save gives thousands of
/// records the same one, so the id breaks the tie. The stamp is always one that
/// Salesforce gave, never a local time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// `SystemModstamp` of the record.
    pub stamp: Timestamp,
    /// The record.
    pub id: Option<SalesforceId>,
}

impl Cursor {
    /// Returns a cursor that lies `window` earlier, from which records are read
    /// again that were saved before it but became visible after it.
    pub fn rewound(&self, window: SignedDuration) -> Self {
        let stamp = self.stamp.checked_sub(window).unwrap_or(Timestamp::MIN);
        Self { stamp, id: None }
    }
}
