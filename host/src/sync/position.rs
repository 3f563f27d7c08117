//! Positions: from where a pull reads its next page, and where it stands after it.

use jiff::{SignedDuration, Timestamp};

use super::prepare::Prepared;
use super::remap;
use crate::model::Cursor;
use crate::salesforce::Page;
use crate::store::Position;

/// Tells whether records were read so far for another mapping, or with other fields.
pub(super) fn is_new(position: &Position, prepared: &Prepared) -> bool {
    position.reading.as_deref() != Some(prepared.reading.as_str())
}

/// Returns from where a pull reads its next page: after its cursor, or, where a run begins,
/// from where records may have come to be seen since.
pub(super) fn start(position: &Position) -> Option<Cursor> {
    match position.unsettled.filter(|_| !position.paging) {
        Some(stamp) => Some(Cursor { stamp, id: None }),
        None => position.cursor.clone(),
    }
}

/// Returns where the pull stands after a page that was read from `after`.
pub(super) fn after_page(
    prepared: &Prepared,
    before: &Position,
    after: Option<&Cursor>,
    page: &Page,
    window: SignedDuration,
) -> Position {
    let is_new = is_new(before, prepared);
    let last = page.keys.last();
    let last = last.map(|key| Cursor { stamp: key.modified_at, id: Some(key.id.clone()) });
    let cursor = last.or_else(|| before.cursor.clone().filter(|_| !is_new));
    // A page in the middle of a run adds to what the ones before it left open.
    let open = before.unsettled.filter(|_| before.paging && !is_new);
    let unsettled = unsettled(open, after, cursor.as_ref(), page.read_at, window);
    let whole = is_new || before.whole;
    let source = match whole && !page.more {
        true => Some(remap::reading(prepared)),
        false => before.source.clone().filter(|_| !is_new),
    };
    Position {
        cursor,
        paging: page.more,
        unsettled,
        covered: if page.more { before.covered } else { page.read_at.or(before.covered) },
        source,
        reading: Some(prepared.reading.clone()),
        whole,
        left_since: match is_new {
            true => page.read_at.and_then(|at| at.checked_sub(window).ok()),
            false => before.left_since,
        },
        extract: None,
    }
}

/// Returns the earliest stamp at which records may still come to be seen that a read up to
/// `last` did not find; none, where it found all.
///
/// A record is stamped when it is saved and seen when its transaction ends, at most
/// `window` later. So what was read at one moment is complete but for its last `window`;
/// that is counted by Salesforce's clock, or where the answer tells no time, from the
/// youngest stamp.
fn unsettled(
    open: Option<Timestamp>,
    after: Option<&Cursor>,
    last: Option<&Cursor>,
    read_at: Option<Timestamp>,
    window: SignedDuration,
) -> Option<Timestamp> {
    let Some(last) = last else { return open };
    let read_at = read_at.unwrap_or(last.stamp);
    let horizon = read_at.checked_sub(window).unwrap_or(Timestamp::MIN);
    if last.stamp < horizon {
        return open;
    }
    let begins = after.map_or(horizon, |after| after.stamp.max(horizon));
    Some(open.map_or(begins, |open| open.min(begins)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: SignedDuration = SignedDuration::from_secs(300);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn cursor(second: i64) -> Cursor {
        Cursor { stamp: at(second), id: None }
    }

    fn left(open: Option<i64>, after: Option<i64>, last: i64, read_at: i64) -> Option<i64> {
        let (open, after, last) = (open.map(at), after.map(cursor), cursor(last));
        let left = unsettled(open, after.as_ref(), Some(&last), Some(at(read_at)), WINDOW);
        left.map(Timestamp::as_second)
    }

    #[test]
    fn what_is_older_than_the_window_is_settled_for_good() {
        assert_eq!(left(None, None, 1_000, 1_301), None);
        assert_eq!(left(Some(7), None, 1_000, 1_301), Some(7));
    }

    #[test]
    fn what_is_younger_than_the_window_is_read_again_and_nothing_before_it() {
        assert_eq!(left(None, None, 1_000, 1_300), Some(1_000));
        assert_eq!(left(None, Some(10), 1_000, 1_100), Some(800));
        assert_eq!(left(None, Some(900), 1_000, 1_100), Some(900));
        assert_eq!(left(Some(850), Some(900), 1_000, 1_100), Some(850));
    }

    #[test]
    fn without_a_clock_the_youngest_stamp_is_taken_for_now() {
        let last = cursor(1_000);
        assert_eq!(unsettled(None, None, Some(&last), None, WINDOW), Some(at(700)));
        assert_eq!(unsettled(None, None, None, None, WINDOW), None);
    }
}
