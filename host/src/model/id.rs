//! Salesforce ids: 15 characters that tell case apart, or 18 that needn't.

use std::fmt;
use std::str::FromStr;

/// The id of a record, always in its 18-character form.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct SalesforceId(String);

impl SalesforceId {
    /// Returns the 18 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id that no record has.
    pub const NOBODY: &str = "000000000000000AAA";

    /// Returns the three characters that tell the object: `003` for a contact.
    pub fn prefix(&self) -> &str {
        &self.0[..3]
    }
}

impl FromStr for SalesforceId {
    type Err = IdError;

    /// Reads 15 or 18 characters. The suffix is computed anew, so an id whose
    /// suffix is wrong is refused.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !letters || !matches!(text.len(), 15 | 18) {
            return Err(IdError(text.chars().take(40).collect()));
        }
        let full = format!("{}{}", &text[..15], suffix(&text[..15]));
        if text.len() == 18 && !full[15..].eq_ignore_ascii_case(&text[15..]) {
            return Err(IdError(text.to_owned()));
        }
        Ok(Self(full))
    }
}

/// Returns the three characters that make an id safe where case is lost: one
/// for each block of five, which has a bit for each capital.
fn suffix(short: &str) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let blocks = short.as_bytes().chunks(5);
    blocks
        .map(|block| {
            let capitals = block.iter().enumerate().filter(|(_, byte)| byte.is_ascii_uppercase());
            let bits: usize = capitals.map(|(place, _)| 1 << place).sum();
            char::from(alphabet[bits])
        })
        .collect()
}

impl TryFrom<String> for SalesforceId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<SalesforceId> for String {
    fn from(id: SalesforceId) -> Self {
        id.0
    }
}

impl fmt::Display for SalesforceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of an org, such as `00Dxx0000001gPLEAY`.
pub type OrgId = SalesforceId;

/// A text that is no Salesforce id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a Salesforce id of 15 or 18 characters")]
pub struct IdError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_characters_get_the_suffix_that_salesforce_gives() {
        let known = [
            ("001Da00000xnAk6", "IAE"),
            ("0015500001QdQWa", "AAN"),
            ("003q000000KvQ1t", "AAF"),
            ("a0D30000001n7Pi", "EAI"),
            ("701E0000000JuFH", "IA0"),
        ];
        for (short, suffix) in known {
            let id: SalesforceId = short.parse().unwrap();
            assert_eq!(id.as_str(), format!("{short}{suffix}"));
            assert_eq!(id.as_str().parse(), Ok(id));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "003", "003q000000KvQ1tAAX", "003q000000KvQ1'", "003q000000Kv Q1t"] {
            assert!(text.parse::<SalesforceId>().is_err(), "{text}");
        }
    }
}
