//! Drift: a field that is not what it was when set-up was last looked at.

use jiff::Timestamp;

use super::Object;

/// How a field has changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Drift {
    /// The object.
    pub object: Object,
    /// The field.
    pub field: String,
    /// How it has changed, as a part of a sentence.
    pub change: String,
    /// When that was seen.
    pub seen_at: Timestamp,
}
