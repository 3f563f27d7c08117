//! Finds the record that a mapping can't take, so that the others go on.

use crate::model::Problem;
use crate::plugin::{Cause, Error};

/// How much a search may cost before the mapping as a whole is held to be at
/// fault. A search halves, so one bad record among 2,000 takes 12 failed calls.
const SEARCH_COST_MAX: u32 = 48;
/// What a call costs that had to be waited for.
const WAITED_COST: u32 = 4;

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
    let mut cost = 0;
    let mut parts = if rows.is_empty() { Vec::new() } else { vec![rows] };
    while let Some(part) = parts.pop() {
        let error = match call(part) {
            Ok(done) => {
                outcomes.extend(done);
                continue;
            }
            Err(error) => error,
        };
        cost += cost_of(&error);
        if cost > SEARCH_COST_MAX {
            return Err(error);
        }
        if let [_] = part {
            outcomes.push(fail(problem(&error)));
            continue;
        }
        let (first, second) = part.split_at(part.len() / 2);
        parts.push(second);
        parts.push(first);
    }
    Ok(outcomes)
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

    #[test]
    fn a_mapping_that_always_crashes_is_given_up_on() {
        for (cause, most) in [
            (Cause::Trap("unreachable".to_owned()), 49),
            (Cause::Deadline(std::time::Duration::from_secs(2)), 13),
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
