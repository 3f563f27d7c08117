//! API versions: which are answered, and what each release was called.

use serde_json::{Value as Json, json};

use crate::refusal::Refusal;

const OLDEST: u32 = 50;
/// The version of the latest release.
const NEWEST: u32 = 68;

/// Versions up to this one are retired.
const RETIRED: u32 = 30;

/// An API version that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32);

impl Version {
    /// Returns the version named by a path's part, such as `v66.0`, unless the org's
    /// newest is older.
    pub(super) fn parse(part: &str, newest: Option<u32>) -> Result<Self, Refusal> {
        let number = part
            .strip_prefix(['v', 'V'])
            .and_then(|rest| rest.strip_suffix(".0"))
            .and_then(|number| number.parse().ok())
            .ok_or_else(Refusal::not_found)?;
        match number {
            OLDEST..=NEWEST if newest.is_none_or(|newest| number <= newest) => Ok(Self(number)),
            20..=RETIRED => {
                let message = format!("API version {number}.0 has been retired");
                Err(Refusal::new("UNSUPPORTED_API_VERSION", message).with_status(410))
            }
            _ => Err(Refusal::not_found()),
        }
    }

    /// Returns it as `66.0`.
    pub(super) fn text(self) -> String {
        format!("{}.0", self.0)
    }

    /// Returns the path all of its resources are under.
    pub(super) fn base(self) -> String {
        format!("/services/data/v{}.0", self.0)
    }

    fn label(self) -> String {
        let season = ["Winter", "Spring", "Summer"][((self.0 - OLDEST) % 3) as usize];
        format!("{season} '{}", 21 + (self.0 - OLDEST) / 3)
    }
}

/// Returns the list of versions up to the one that the org's release has.
pub(super) fn list(newest: Option<u32>) -> Json {
    let versions = (OLDEST..=newest.unwrap_or(NEWEST)).map(Version);
    versions
        .map(|version| json!({"label": version.label(), "url": version.base(), "version": version.text()}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_called_by_their_seasons() {
        assert_eq!(Version(66).label(), "Spring '26");
        assert_eq!(Version(68).label(), "Winter '27");
    }

    #[test]
    fn retired_and_unknown_versions_are_told_apart() {
        assert_eq!(Version::parse("v66.0", None), Ok(Version(66)));
        assert_eq!(Version::parse("v30.0", None).unwrap_err().status, 410);
        assert_eq!(Version::parse("v69.0", None).unwrap_err().status, 404);
        assert_eq!(Version::parse("v66.0", Some(65)).unwrap_err().status, 404);
        assert_eq!(Version::parse("66", None).unwrap_err().status, 404);
    }
}
