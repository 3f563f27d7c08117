//! What Salesforce says when it refuses: a code, a sentence, and the fields at fault.

use serde_json::{Value as Json, json};

/// What a row can be refused with that needs an admin's setup to provoke.
pub(crate) const ROW_CODES: [&str; 24] = [
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "CANNOT_EXECUTE_FLOW_TRIGGER",
    "FLOW_EXCEPTION",
    "CUSTOM_APEX_ERROR",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "FIELD_INTEGRITY_EXCEPTION",
    "FIELD_FILTER_VALIDATION_EXCEPTION",
    "DUPLICATE_VALUE",
    "DUPLICATES_DETECTED",
    "DUPLICATE_EXTERNAL_ID",
    "ENTITY_IS_DELETED",
    "ENTITY_IS_LOCKED",
    "UNABLE_TO_LOCK_ROW",
    "INVALID_CROSS_REFERENCE_KEY",
    "STORAGE_LIMIT_EXCEEDED",
    "LIMIT_EXCEEDED",
    "TOO_MANY_APEX_REQUESTS",
    "TXN_SECURITY_NO_ACCESS",
    "INACTIVE_OWNER_OR_USER",
    "FUNCTIONALITY_NOT_ENABLED",
    "UNKNOWN_EXCEPTION",
    "SERVER_UNAVAILABLE",
];

/// A refusal of a request or of one row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    /// The HTTP status, where it is the answer to a whole request.
    pub(crate) status: u16,
    /// The code that clients act on.
    pub(crate) code: &'static str,
    /// The sentence for people.
    pub(crate) message: String,
    /// The fields at fault.
    pub(crate) fields: Vec<String>,
    /// What else a single answer says, under a key of its own.
    details: Option<Box<(String, Json)>>,
}

impl Refusal {
    /// Returns a refusal with status 400.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into(), fields: Vec::new(), details: None }
    }

    /// Returns it with another status.
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Returns it with the fields at fault.
    pub(crate) fn with_fields<T: Into<String>>(
        mut self,
        fields: impl IntoIterator<Item = T>,
    ) -> Self {
        self.fields = fields.into_iter().map(Into::into).collect();
        self
    }

    /// Returns it with details, which rows of a collection don't show.
    pub(crate) fn with_details(mut self, key: &str, details: Json) -> Self {
        self.details = Some(Box::new((key.to_owned(), details)));
        self
    }

    /// Returns "there is no such thing here".
    pub(crate) fn not_found() -> Self {
        Self::new("NOT_FOUND", "The requested resource does not exist").with_status(404)
    }

    /// Returns "this is in the recycle bin".
    pub(crate) fn is_deleted() -> Self {
        Self::new("ENTITY_IS_DELETED", "entity is deleted").with_status(404)
    }

    /// Returns "the body is not what it should be".
    pub(crate) fn malformed_body(message: impl Into<String>) -> Self {
        Self::new("JSON_PARSER_ERROR", message)
    }

    /// Returns the body of an answer: an array, even for a single refusal.
    pub(crate) fn body(&self) -> Json {
        let mut body = json!({"message": self.message, "errorCode": self.code});
        if !self.fields.is_empty() {
            body["fields"] = json!(self.fields);
        }
        if let Some((key, details)) = self.details.as_deref() {
            body[key.as_str()] = details.clone();
        }
        Json::Array(vec![body])
    }

    /// Returns it as a row of a collection, which spells the code otherwise.
    pub(crate) fn row(&self) -> Json {
        json!({
            "success": false,
            "errors": [{
                "statusCode": self.code,
                "message": self.message,
                "fields": self.fields,
            }],
        })
    }
}
