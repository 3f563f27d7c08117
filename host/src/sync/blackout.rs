//! Blackouts: times of the week at which nothing syncs by itself.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{DateTime, Time, Weekday};

/// The days as they are written, the first of the week first.
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// A time of the week, such as `mon-fri 08:00-18:00`, `sun 22:00-04:00` or `12:00-13:00`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Blackout {
    text: String,
    /// The first and the last day on which it begins, as places in [`DAYS`].
    days: (usize, usize),
    from: Time,
    to: Time,
}

impl Blackout {
    /// Tells whether a moment, by the clock on the wall, lies in it. One that ends earlier than it begins goes on to the
    /// next day.
    pub(super) fn covers(&self, at: DateTime) -> bool {
        let time = at.time();
        let today = DAYS.iter().position(|(_, day)| *day == at.weekday()).unwrap_or_default();
        let begins_on = |day: usize| {
            let (first, last) = self.days;
            if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last }
        };
        if self.from < self.to {
            return begins_on(today) && time >= self.from && time < self.to;
        }
        let yesterday = (today + DAYS.len() - 1) % DAYS.len();
        (begins_on(today) && time >= self.from) || (begins_on(yesterday) && time < self.to)
    }
}

impl FromStr for Blackout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" is no time of the week: write it as \"mon-fri 08:00-18:00\", a whole day as \"sat-sun 00:00-24:00\""
            )
        };
        let plain = text.trim().to_lowercase();
        let (days, times) = plain.rsplit_once(' ').unwrap_or(("mon-sun", &plain));
        let day = |name: &str| DAYS.iter().position(|(known, _)| *known == name.trim());
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (from, to) = times.split_once('-').ok_or_else(wrong)?;
        // A day ends where the next one begins.
        let time = |text: &str| match text.trim() {
            "24:00" => Ok(Time::midnight()),
            text => text.parse::<Time>().map_err(|_| wrong()),
        };
        Ok(Self {
            days: (day(first).ok_or_else(wrong)?, day(last).ok_or_else(wrong)?),
            from: time(from)?,
            to: time(to)?,
            text: text.to_owned(),
        })
    }
}

impl TryFrom<String> for Blackout {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Blackout> for String {
    fn from(blackout: Blackout) -> Self {
        blackout.text
    }
}

impl fmt::Display for Blackout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(blackout: &str, at: &str) -> bool {
        blackout.parse::<Blackout>().unwrap().covers(at.parse().unwrap())
    }

    #[test]
    fn a_blackout_covers_its_hours_on_its_days_by_the_clock_on_the_wall() {
        // The 23rd of November 2026 is a Monday.
        for (blackout, at, is_covered) in [
            ("mon-fri 08:00-18:00", "2026-11-23T08:00", true),
            ("mon-fri 08:00-18:00", "2026-11-23T18:00", false),
            ("mon-fri 08:00-18:00", "2026-11-28T12:00", false),
            ("Sat-Mon 08:00-18:00", "2026-11-22T12:00", true),
            ("sat-mon 08:00-18:00", "2026-11-24T12:00", false),
            ("12:00-13:00", "2026-11-25T12:30", true),
            ("sun 22:00-04:00", "2026-11-22T23:00", true),
            ("sun 22:00-04:00", "2026-11-23T03:59", true),
            ("sun 22:00-04:00", "2026-11-22T03:00", false),
            ("sat-sun 00:00-24:00", "2026-11-28T00:00", true),
            ("sat-sun 00:00-24:00", "2026-11-29T23:59", true),
            ("sat-sun 00:00-24:00", "2026-11-30T00:00", false),
        ] {
            assert_eq!(covers(blackout, at), is_covered, "{blackout} at {at}");
        }
    }

    #[test]
    fn what_is_no_time_of_the_week_is_refused_with_how_one_is_written() {
        for text in ["", "mon", "08:00", "mon-fri 8-9", "may 08:00-09:00", "mon 08:00-25:00"] {
            let error = text.parse::<Blackout>().unwrap_err();
            assert!(error.contains("mon-fri 08:00-18:00"), "{text}: {error}");
        }
    }
}
