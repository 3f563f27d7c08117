//! The catalogue of what Salesforce refuses: the cause of each code, who can
//! mend it, how, and whether to try again.
//!
//! The command line, the status page and the documentation read this table.

mod api;
mod login;

use serde::Deserialize;

use super::clean;
use crate::model::{Mender, Problem};

/// Returns every entry of the catalogue, calls first, then logins.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    api::ENTRIES.iter().chain(login::ENTRIES)
}

/// Returns the entry for a code.
///
/// `words` is what Salesforce says beside the code. It is looked at for those
/// codes alone that mean several things and have no other mark.
pub fn entry(code: &str, words: &str) -> &'static Entry {
    let words = words.to_lowercase();
    let fits = |entry: &&Entry| entry.code == code && words.contains(entry.says);
    all().find(fits).unwrap_or(&UNKNOWN)
}

/// What a code means.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Salesforce's own code; empty for the entry of codes not listed.
    pub code: &'static str,
    /// What the words beside the code hold, in lower case, where the code alone
    /// does not tell; empty otherwise.
    pub says: &'static str,
    /// The cause, in lower case, without a full stop.
    pub cause: &'static str,
    /// Who can mend it.
    pub mender: Mender,
    /// How, as a sentence.
    pub mend: &'static str,
    /// Whether trying again may help.
    pub retry: Retry,
}

/// Whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not before somebody has mended something.
    Never,
    /// In the same call, after seconds.
    Soon,
    /// In a later run.
    Later,
    /// In a later run, which asks otherwise: what was asked for is refused again.
    Otherwise,
    /// Once, with a renewed token.
    AfterRefresh,
    /// Once, after the object was described anew.
    AfterDescribe,
}

/// Writes an entry in one line.
const fn row(
    code: &'static str,
    mender: Mender,
    retry: Retry,
    cause: &'static str,
    mend: &'static str,
) -> Entry {
    Entry { code, says: "", cause, mender, mend, retry }
}

impl Entry {
    /// Returns the entry narrowed to answers whose words hold `says`.
    const fn saying(self, says: &'static str) -> Self {
        Self { says, ..self }
    }
}

/// What is said of a code that is not listed.
static UNKNOWN: Entry = row(
    "",
    Mender::SalesforceAdmin,
    Retry::Never,
    "Salesforce refused it",
    "Read Salesforce's own words, or look the code up in Salesforce's REST API guide.",
);

/// Something that Salesforce refused, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Salesforce's code, such as `FIELD_CUSTOM_VALIDATION_EXCEPTION`.
    pub code: String,
    /// Salesforce's words; the admin's own for a validation rule, and in the
    /// language of the connected user.
    pub message: String,
    /// The fields at fault, where Salesforce names them.
    pub fields: Vec<String>,
}

impl Refusal {
    /// Returns a refusal, its words made fit to be shown.
    pub(super) fn new(code: &str, message: &str, fields: Vec<String>) -> Self {
        let mut refusal = Self { code: clean::shown(code), message: clean::shown(message), fields };
        if refusal.fields.is_empty() && code == "INVALID_FIELD" {
            refusal.fields.extend(column_of(message));
        }
        refusal
    }

    /// Returns what the catalogue knows of it.
    pub fn entry(&self) -> &'static Entry {
        entry(&self.code, &self.message)
    }

    /// Returns who can mend it.
    pub fn mender(&self) -> Mender {
        self.entry().mender
    }

    /// Returns it as a problem: the cause with Salesforce's words, the fields at
    /// fault, and the mend.
    pub fn problem(&self) -> Problem {
        Problem {
            message: self.to_string(),
            at: (!self.fields.is_empty()).then(|| self.fields.join(", ")),
            hint: Some(self.entry().mend.to_owned()),
        }
    }

    /// Tells whether another transaction held the record: such a write may be
    /// sent again at once. A flow's failure can wrap the code in its words.
    pub(super) fn is_lock(&self) -> bool {
        const LOCK: &str = "UNABLE_TO_LOCK_ROW";
        self.code == LOCK || self.message.contains(LOCK)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cause = self.entry().cause;
        match self.message.trim_end_matches('.') {
            "" => write!(f, "{cause} ({})", self.code),
            message => write!(f, "{cause}: {message} ({})", self.code),
        }
    }
}

/// Returns the column that a query named and the object lacks, for which there
/// is no place but the message: `No such column 'X' on entity 'Y'`.
fn column_of(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("No such column '")?;
    let (column, _) = rest.split_once('\'')?;
    Some(clean::shown(column))
}

/// One reason as it stands in an answer: rows of a collection say `statusCode`,
/// all else says `errorCode`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reason {
    error_code: Option<String>,
    status_code: Option<String>,
    message: Option<String>,
    fields: Option<Vec<String>>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        let code = reason.error_code.or(reason.status_code).unwrap_or_default();
        let message = reason.message.unwrap_or_default();
        Self::new(&code, &message, reason.fields.unwrap_or_default())
    }
}

/// Reads the first reason of an array of them.
pub(super) fn first(body: &[u8]) -> Option<Refusal> {
    let reasons: Vec<Reason> = serde_json::from_slice(body).ok()?;
    let refusal = reasons.into_iter().next().map(Refusal::from)?;
    (!refusal.code.is_empty()).then_some(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_a_cause_and_a_mend_that_can_be_found() {
        for entry in all() {
            let Entry { code, says, cause, mend, .. } = entry;
            assert!(!cause.ends_with('.') && cause.len() > 10, "{code}: {cause}");
            assert!(mend.ends_with('.') && mend.len() > 10, "{code}: {mend}");
            assert_eq!(says.to_lowercase(), **says);
            assert_eq!(super::entry(code, says), entry, "{code} is hidden by an earlier entry");
        }
    }

    #[test]
    fn a_code_that_is_not_listed_is_told_in_salesforces_words() {
        let refusal = Refusal::new("NEW_CODE", "Something new.", Vec::new());
        assert_eq!(refusal.to_string(), "Salesforce refused it: Something new (NEW_CODE)");
        assert_eq!(refusal.mender(), Mender::SalesforceAdmin);
    }

    #[test]
    fn both_spellings_of_a_reason_are_read() {
        for key in ["statusCode", "errorCode"] {
            let body = format!(
                r#"[{{"{key}": "STRING_TOO_LONG", "message": "too long", "fields": ["Subject"],
                "extendedErrorDetails": []}}]"#
            );
            let problem = first(body.as_bytes()).unwrap().problem();
            assert_eq!(problem.at.as_deref(), Some("Subject"));
            assert!(problem.message.contains("too long"));
        }
        assert_eq!(first(br#"{"error": "x"}"#), None);
        assert_eq!(first(b"[]"), None);
    }

    #[test]
    fn what_only_the_words_tell_is_found_in_them() {
        let refusal = |code, message| Refusal::new(code, message, Vec::new());
        let column = refusal("INVALID_FIELD", "…\nNo such column 'Foo__c' on entity 'Contact'.");
        assert_eq!(column.fields, ["Foo__c"]);
        assert!(refusal("CANNOT_EXECUTE_FLOW_TRIGGER", "… UNABLE_TO_LOCK_ROW …").is_lock());
    }

    #[test]
    fn a_dead_session_and_a_session_of_the_wrong_kind_are_told_apart() {
        let retry = |message| Refusal::new("INVALID_SESSION_ID", message, Vec::new()).entry().retry;
        assert_eq!(retry("Session expired or invalid"), Retry::AfterRefresh);
        assert_eq!(retry("This session is not valid for use with the REST API"), Retry::Never);
        assert_eq!(retry("Connected app is not attached to Agent"), Retry::Never);
    }
}
