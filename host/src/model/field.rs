//! Names of fields and conditions on them, checked once so that a query can't
//! be bent by them.

use std::fmt;
use std::str::FromStr;

/// How many steps up a path may take; SOQL allows no more.
const STEPS_MAX: usize = 5;
/// How long a name may be.
const NAME_MAX: usize = 120;
/// How long a condition may be; SOQL allows 4,000 characters in a WHERE.
const FILTER_MAX: usize = 3_000;

/// The API name of a field: letters, digits and underscores.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct FieldName(String);

impl TryFrom<String> for FieldName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<FieldName> for String {
    fn from(name: FieldName) -> Self {
        name.0
    }
}

impl FieldName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether this is a customer's own field.
    pub fn is_custom(&self) -> bool {
        self.0.ends_with("__c")
    }
}

impl FromStr for FieldName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let rest = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if !(rest && first) || text.len() > NAME_MAX {
            return Err(NameError::Field(text.chars().take(NAME_MAX).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A field of the record itself, `Email`, or of a parent, `Account.Name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(String);

impl FieldPath {
    /// Returns the path, its steps joined by dots.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the steps: parents first, the field last.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// Returns the first step up and what is left of the path from there; none, if
    /// this is a field of the record itself.
    pub fn up(&self) -> Option<(&str, Self)> {
        let (parent, rest) = self.0.split_once('.')?;
        Some((parent, Self(rest.to_owned())))
    }

    /// Returns the name, if this is a field of the record itself.
    pub fn own(&self) -> Option<FieldName> {
        self.0.parse().ok()
    }
}

impl FromStr for FieldPath {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let steps: Vec<_> = text.split('.').map(FieldName::from_str).collect();
        if steps.len() > STEPS_MAX + 1 || steps.iter().any(Result::is_err) {
            return Err(NameError::Path(text.chars().take(NAME_MAX).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<FieldName> for FieldPath {
    fn from(name: FieldName) -> Self {
        Self(name.0)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A SOQL condition that can only narrow a query: it closes what it opens, and
/// has no words that would begin another clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(String);

impl Filter {
    /// Returns the condition, to be put in parentheses.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Filter {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why| Err(NameError::Filter { why, text: text.chars().take(200).collect() });
        if text.trim().is_empty() || text.len() > FILTER_MAX {
            return refuse("it must have 1 to 3,000 characters");
        }
        let Some(bare) = without_strings(text) else {
            return refuse("a quote is not closed");
        };
        let mut depth = 0i32;
        for character in bare.chars() {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth < 0 {
                break;
            }
        }
        if depth != 0 {
            return refuse("its parentheses do not match");
        }
        let clauses = [
            "select", "from", "where", "group", "having", "order", "limit", "offset", "for",
            "using", "with", "typeof", "update",
        ];
        let mut words = bare.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        if words.any(|word| clauses.contains(&word.to_ascii_lowercase().as_str())) {
            return refuse("it may hold conditions only, no other clause");
        }
        if bare.chars().any(|c| !c.is_ascii() || matches!(c, ';' | '{' | '}' | '@')) {
            return refuse("it holds a character that SOQL does not know outside quotes");
        }
        Ok(Self(text.trim().to_owned()))
    }
}

/// Returns the text with each quoted string emptied, if all are closed.
fn without_strings(text: &str) -> Option<String> {
    let mut bare = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        bare.push(character);
        if character != '\'' {
            continue;
        }
        loop {
            match characters.next()? {
                '\\' => {
                    characters.next()?;
                }
                '\'' => break,
                _ => {}
            }
        }
        bare.push('\'');
    }
    Some(bare)
}

/// A name or condition that is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No field name.
    #[error("\"{0}\" is not the API name of a field")]
    Field(String),
    /// No path.
    #[error("\"{0}\" is not a path of field names, at most five parents up")]
    Path(String),
    /// No condition.
    #[error("the filter \"{text}\" is refused: {why}")]
    Filter {
        /// What is wrong.
        why: &'static str,
        /// The condition.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_that_would_bend_a_query_are_refused() {
        for good in ["Email", "Region__c", "ns__Region__c"] {
            assert!(good.parse::<FieldName>().is_ok(), "{good}");
        }
        for bad in ["", "1a", "a b", "a'", "a)", "Account.Name", "é", "a--"] {
            assert!(bad.parse::<FieldName>().is_err(), "{bad}");
        }
        assert!("Account.Owner.Email".parse::<FieldPath>().is_ok());
        for bad in [".", "a.", "a.b.c.d.e.f.g", "a. b"] {
            assert!(bad.parse::<FieldPath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_filter_can_only_narrow() {
        for good in [
            "IsDeleted = false",
            "Name = 'O\\'Neill) OR (' AND (A = 1 OR B = 2)",
            "Name IN ('limit')",
        ] {
            assert!(good.parse::<Filter>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "A = 1) OR (B = 2",
            "A = 'open",
            "A = 1 LIMIT 5",
            "A IN (SELECT Id FROM Account)",
            "A = 1; B",
            "(A = 1",
        ] {
            assert!(bad.parse::<Filter>().is_err(), "{bad}");
        }
    }
}
