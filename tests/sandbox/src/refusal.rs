//! What Salesforce says when it refuses: a code, a sentence, and the fields at fault.

use serde_json::{Value as Json, json};

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
}

impl Refusal {
    /// Returns a refusal with status 400.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into(), fields: Vec::new() }
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
