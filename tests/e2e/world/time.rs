//! Days, and waiting for what has to come.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How long a condition may take to come true.
const WAIT_LIMIT: Duration = Duration::from_secs(30);
/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Returns a day as Salesforce writes it.
pub(crate) fn day(at: Timestamp) -> String {
    at.to_string()[..10].to_owned()
}

/// Returns the time a number of days before another.
pub(crate) fn days_before(at: Timestamp, days: i64) -> Timestamp {
    at - SignedDuration::from_hours(24 * days)
}

/// Waits until a condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !holds().await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within(WAIT_LIMIT, what, looking).await
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(limit: Duration, what: &str, waiting: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(limit, waiting).await;
    waited.unwrap_or_else(|_| panic!("waited {limit:?} for {what}"))
}
