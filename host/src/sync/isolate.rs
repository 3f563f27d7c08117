//! Finds the record that a mapping can't take, so that the others go on.

use std::time::Duration;

use crate::model::Problem;
use crate::plugin::{Cause, Error};

/// How much a search may cost that finds nothing before the mapping as a whole is held to be
/// at fault. A search halves, so one bad record among 2,000 takes 12 failed calls.
const SEARCH_COST_MAX: u32 = 48;
/// What a call costs that had to be waited for.
const WAITED_COST: u32 = 3;
/// How many rows of a page may fail alone.
const ISOLATED_MAX: u32 = 100;
/// For how long calls of a page may be waited for that were stopped then. One record among
/// 2,000 that is never done with takes some 20 seconds.
const WAITED_MAX: Duration = Duration::from_secs(120);

/// Calls `call` on all of `rows`; where that crashes, on ever smaller parts, until
/// only the rows that it crashes on are left, which `fail` makes outcomes of.
///
/// A mapping that breaks the contract, or crashes again and again, is an error.
pub(super) fn isolate<R, O>(
    rows: &[R],
    mut call: impl FnMut(&[R]) -> Result<Vec<O>, Error>,
    fail: impl Fn(Problem) -> O,
) -> Result<Vec<O>, Error> {
    let mut outcomes = Vec::with_capacity(rows.len());
    let mut search = Search::default();
    let mut parts = if rows.is_empty() { Vec::new() } else { vec![rows] };
    while let Some(part) = parts.pop() {
        let error = match call(part) {
            Ok(done) => {
                search.has_worked();
                outcomes.extend(done);
                continue;
            }
            Err(error) => error,
        };
        search.has_failed(&error);
        if let [_] = part {
            search.has_found();
            outcomes.push(fail(problem(&error)));
        } else {
            let (first, second) = part.split_at(part.len() / 2);
            parts.push(second);
            parts.push(first);
        }
        if search.is_over() {
            return Err(error);
        }
    }
    Ok(outcomes)
}

/// What the search for bad rows of a page has come to.
#[derive(Default)]
struct Search {
    /// What it costs since it found something last.
    cost: u32,
    /// Whether a part was mapped: as long as none was, it may be the mapping that is bad.
    any_worked: bool,
    isolated: u32,
    waited: Duration,
}

impl Search {
    fn has_worked(&mut self) {
        self.any_worked = true;
        self.cost = 0;
    }

    fn has_failed(&mut self, error: &Error) {
        self.cost += cost_of(error);
        if let Some(Cause::Deadline(deadline)) = error.cause() {
            self.waited = self.waited.saturating_add(*deadline);
        }
    }

    /// Notes that a row fails alone; where its cost was more than a search may take, it stays.
    fn has_found(&mut self) {
        self.isolated += 1;
        if self.any_worked && self.cost <= SEARCH_COST_MAX {
            self.cost = 0;
        }
    }

    /// Tells whether the mapping as a whole is held to be at fault.
    fn is_over(&self) -> bool {
        self.cost > SEARCH_COST_MAX || self.isolated > ISOLATED_MAX || self.waited > WAITED_MAX
    }
}

/// Returns what a failed call costs; more than a search may, where the records
/// can't be at fault.
fn cost_of(error: &Error) -> u32 {
    match error.cause() {
        Some(Cause::Trap(_) | Cause::Memory(_) | Cause::Output(_)) => 1,
        Some(Cause::Deadline(_)) => WAITED_COST,
        _ => SEARCH_COST_MAX + 1,
    }
}

fn problem(error: &Error) -> Problem {
    Problem { message: error.to_string(), at: None, hint: Some(error.hint()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Object;

    fn crash(cause: Cause) -> Error {
        Error::Call { plugin: "contact".to_owned(), object: Object::Contact, cause }
    }

    #[test]
    fn one_bad_record_never_stops_a_page() {
        let rows: Vec<u32> = (0..2_000).collect();
        for bad in [0, 1, 999, 1_999] {
            let call = |part: &[u32]| match part.contains(&bad) {
                true => Err(crash(Cause::Trap("unreachable".to_owned()))),
                false => Ok(part.iter().map(|row| Ok(*row)).collect()),
            };
            let outcomes = isolate(&rows, call, Err).unwrap();
            assert_eq!(outcomes.len(), rows.len());
            for (row, outcome) in rows.iter().zip(outcomes) {
                assert_eq!(outcome.is_err(), *row == bad);
                assert!(outcome.is_err() || outcome == Ok(*row), "the order is kept");
            }
        }
    }

    /// Searches 2,000 rows of which some are bad, and returns how many were found, or none
    /// where the mapping was given up on; and in how many calls.
    fn found(is_bad: impl Fn(u32) -> bool, cause: &Cause) -> (Option<usize>, u32) {
        let rows: Vec<u32> = (0..2_000).collect();
        let mut calls = 0;
        let call = |part: &[u32]| {
            calls += 1;
            match part.iter().any(|row| is_bad(*row)) {
                true => Err(crash(cause.clone())),
                false => Ok(part.iter().map(|row| Ok(*row)).collect()),
            }
        };
        let outcomes = isolate(&rows, call, Err);
        let found = outcomes.ok().map(|outcomes| {
            assert_eq!(outcomes.len(), rows.len());
            for (row, outcome) in rows.iter().zip(&outcomes) {
                assert_eq!(outcome.is_err(), is_bad(*row), "{row}");
            }
            outcomes.iter().filter(|outcome| outcome.is_err()).count()
        });
        (found, calls)
    }

    #[test]
    fn many_bad_records_do_not_stop_a_page_that_is_good_for_the_rest() {
        let trap = Cause::Trap("unreachable".to_owned());
        for apart in [20, 21, 37, 333] {
            let bad = 2_000_usize.div_ceil(apart as usize);
            assert_eq!(found(|row| row % apart == 0, &trap).0, Some(bad), "each {apart}th");
        }
        assert_eq!(found(|row| (900..1_000).contains(&row), &trap).0, Some(100));
        assert_eq!(found(|row| row < 15, &trap).0, Some(15));
        for bad in [[0, 1], [0, 1_999], [700, 701], [999, 1_000]] {
            let deadline = Cause::Deadline(Duration::from_secs(2));
            assert_eq!(found(|row| bad.contains(&row), &deadline).0, Some(2), "{bad:?}");
        }
    }

    #[test]
    fn a_mapping_with_too_many_bad_records_is_given_up_on_in_time() {
        let trap = Cause::Trap("unreachable".to_owned());
        let (given_up, calls) = found(|row| row % 10 == 0, &trap);
        assert_eq!(given_up, None);
        assert!(calls < 1_000, "{calls} calls");
        let deadline = Duration::from_secs(2);
        let (given_up, calls) = found(|row| row % 100 == 50, &Cause::Deadline(deadline));
        assert_eq!(given_up, None);
        assert!(calls < 150, "{calls} calls");
    }

    #[test]
    fn a_mapping_that_always_crashes_is_given_up_on() {
        for (cause, most) in [
            (Cause::Trap("unreachable".to_owned()), 49),
            (Cause::Deadline(Duration::from_secs(2)), 17),
            (Cause::Count { given: 2_000, returned: 1 }, 1),
        ] {
            let mut calls = 0;
            let outcome = isolate(
                &[0; 2_000],
                |_| {
                    calls += 1;
                    Err::<Vec<()>, _>(crash(cause.clone()))
                },
                |_| (),
            );
            assert!(outcome.is_err());
            assert!(calls <= most, "{calls} calls");
        }
    }
}
