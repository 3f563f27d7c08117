//! What is said: in JSON, and in words.

use serde_json::Value as Json;

/// Returns the text of a JSON value; empty, where it is none.
pub(crate) fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn array(json: Json) -> Vec<Json> {
    match json {
        Json::Array(items) => items,
        other => panic!("not an array: {other}"),
    }
}

/// Asserts that a text says all of this.
pub(crate) fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "\"{part}\" is not in: {text}");
    }
}
