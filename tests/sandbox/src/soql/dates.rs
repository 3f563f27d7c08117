//! Date literals as spans of days, in the time zone of every user here: GMT.

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

use super::tree::{DateRange, Unit};

/// Returns the first day of the span and the first day after it.
pub(super) fn span(range: DateRange, today: Date) -> (Date, Date) {
    let days = |from: i64, to: i64| (plus(today, from.days()), plus(today, to.days()));
    match range {
        DateRange::Yesterday => days(-1, 0),
        DateRange::Today => days(0, 1),
        DateRange::Tomorrow => days(1, 2),
        DateRange::Last90Days => days(-90, 1),
        DateRange::Next90Days => days(1, 91),
        DateRange::LastN(Unit::Day, count) => days(-i64::from(count), 1),
        DateRange::NextN(Unit::Day, count) => days(1, i64::from(count) + 1),
        DateRange::Last(unit) => units(unit, today, -1, 0),
        DateRange::This(unit) => units(unit, today, 0, 1),
        DateRange::Next(unit) => units(unit, today, 1, 2),
        DateRange::LastN(unit, count) => units(unit, today, -i64::from(count), 0),
        DateRange::NextN(unit, count) => units(unit, today, 1, i64::from(count) + 1),
        DateRange::Ago(unit, count) => {
            let count = i64::from(count);
            units(unit, today, -count, 1 - count)
        }
    }
}

fn units(unit: Unit, today: Date, from: i64, to: i64) -> (Date, Date) {
    let start = start_of(unit, today);
    let step = |count: i64| match unit {
        Unit::Day => Span::new().try_days(count),
        Unit::Week => Span::new().try_weeks(count),
        Unit::Month => Span::new().try_months(count),
        Unit::Quarter | Unit::FiscalQuarter => Span::new().try_months(count.saturating_mul(3)),
        Unit::Year | Unit::FiscalYear => Span::new().try_years(count),
    };
    let moved = |count: i64| step(count).map_or(start, |span| plus(start, span));
    (moved(from), moved(to))
}

fn start_of(unit: Unit, day: Date) -> Date {
    match unit {
        Unit::Day => day,
        Unit::Week => plus(day, (-i64::from(day.weekday().since(Weekday::Sunday))).days()),
        Unit::Month => day.first_of_month(),
        Unit::Quarter | Unit::FiscalQuarter => {
            let into = i64::from((day.month() - 1) % 3);
            plus(day.first_of_month(), (-into).months())
        }
        Unit::Year | Unit::FiscalYear => day.first_of_year(),
    }
}

/// A literal far outside the calendar ends at the calendar's end.
fn plus(day: Date, span: Span) -> Date {
    day.saturating_add(span)
}

/// Returns the date literal of this lower-case word.
pub(super) fn named(word: &str) -> Option<DateRange> {
    match word {
        "yesterday" => return Some(DateRange::Yesterday),
        "today" => return Some(DateRange::Today),
        "tomorrow" => return Some(DateRange::Tomorrow),
        "last_90_days" => return Some(DateRange::Last90Days),
        "next_90_days" => return Some(DateRange::Next90Days),
        _ => {}
    }
    let Some((word, count)) = word.split_once(':') else {
        let (which, unit) = word.split_once('_')?;
        let unit = Unit::named(unit, false)?;
        return match which {
            "last" => Some(DateRange::Last(unit)),
            "this" => Some(DateRange::This(unit)),
            "next" => Some(DateRange::Next(unit)),
            _ => None,
        };
    };
    let count = count.parse().ok()?;
    if let Some(unit) = word.strip_prefix("last_n_") {
        return Some(DateRange::LastN(Unit::named(unit, true)?, count));
    }
    if let Some(unit) = word.strip_prefix("next_n_") {
        return Some(DateRange::NextN(Unit::named(unit, true)?, count));
    }
    let unit = word.strip_prefix("n_")?.strip_suffix("_ago")?;
    Some(DateRange::Ago(Unit::named(unit, true)?, count))
}

impl Unit {
    fn named(name: &str, counted: bool) -> Option<Self> {
        let name = match counted {
            true => name.strip_suffix('s')?,
            false => name,
        };
        let unit = match name {
            "day" if counted => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            "fiscal_quarter" => Self::FiscalQuarter,
            "fiscal_year" => Self::FiscalYear,
            _ => return None,
        };
        Some(unit)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn literals_are_spans_of_days() {
        let today = date(2026, 11, 25);
        let cases = [
            (DateRange::Today, date(2026, 11, 25), date(2026, 11, 26)),
            (DateRange::LastN(Unit::Day, 30), date(2026, 10, 26), date(2026, 11, 26)),
            (DateRange::This(Unit::Week), date(2026, 11, 22), date(2026, 11, 29)),
            (DateRange::Last(Unit::Quarter), date(2026, 7, 1), date(2026, 10, 1)),
            (DateRange::LastN(Unit::Month, 2), date(2026, 9, 1), date(2026, 11, 1)),
            (DateRange::NextN(Unit::Year, 1), date(2027, 1, 1), date(2028, 1, 1)),
            (DateRange::Ago(Unit::Day, 3), date(2026, 11, 22), date(2026, 11, 23)),
        ];
        for (range, from, to) in cases {
            assert_eq!(span(range, today), (from, to), "{range}");
        }
    }
}
