//! A request as the rooms behind the wire see it, and their answer.

use axum::http::HeaderMap;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use crate::refusal::Refusal;

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// In capitals; `_HttpMethod` already minded.
    pub(super) method: String,
    /// The path with doubled slashes collapsed, still percent-encoded.
    pub(super) path: String,
    /// The path's parts, decoded.
    pub(super) segments: Vec<String>,
    /// The query's pairs, decoded.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Call {
    pub(super) fn new(head: &Parts, body: Vec<u8>) -> Self {
        let address = head.uri.path_and_query().map_or("/", |part| part.as_str());
        let mut call = Self::inner(head.method.as_str(), address, body);
        call.headers = head.headers.clone();
        call
    }

    /// Returns a call as it stands in a composite request.
    pub(super) fn inner(method: &str, address: &str, body: Vec<u8>) -> Self {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let raw: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let query = pairs(query);
        let mut method = method.to_ascii_uppercase();
        let meant = query.iter().find(|(name, _)| name == "_HttpMethod");
        if let ("POST", Some((_, meant))) = (method.as_str(), meant) {
            method = meant.to_ascii_uppercase();
        }
        Self {
            method,
            path: format!("/{}", raw.join("/")),
            segments: raw
                .iter()
                .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
                .collect(),
            query,
            headers: HeaderMap::new(),
            body,
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name)?;
        Some(&found.1)
    }

    /// Returns the body as JSON.
    pub(super) fn json(&self) -> Result<Json, Refusal> {
        let is_json = self
            .header("content-type")
            .is_none_or(|kind| kind.to_ascii_lowercase().contains("json"));
        if !is_json {
            let message = "The content type is not supported; send application/json";
            return Err(Refusal::new("UNSUPPORTED_MEDIA_TYPE", message).with_status(415));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            Refusal::malformed_body(format!(
                "The HTTP entity body is not valid JSON at [line:{}, column:{}]",
                error.line(),
                error.column()
            ))
        })
    }

    /// Returns the body as a form.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        pairs(&String::from_utf8_lossy(&self.body))
    }

    /// Returns the token of the `Authorization` header.
    pub(super) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        let known = ["bearer", "oauth"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        known.then(|| token.trim())
    }
}

/// Returns the decoded pairs of a query or a form.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let part = part.replace('+', " ");
        percent_decode_str(&part).decode_utf8_lossy().into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// What goes back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Returns an answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self::raw(status, Vec::new())
    }

    /// Returns an answer whose body is JSON already.
    pub(super) fn raw(status: u16, body: Vec<u8>) -> Self {
        Self { status, content_type: "application/json;charset=UTF-8", headers: Vec::new(), body }
    }

    pub(super) fn json(status: u16, body: &Json) -> Self {
        Self::raw(status, body.to_string().into_bytes())
    }

    pub(super) fn refusal(refusal: &Refusal) -> Self {
        Self::json(refusal.status, &refusal.body())
    }

    pub(super) fn text(status: u16, body: &str) -> Self {
        Self {
            content_type: "text/plain;charset=UTF-8",
            ..Self::raw(status, body.as_bytes().to_vec())
        }
    }

    pub(super) fn html(status: u16, body: String) -> Self {
        Self { content_type: "text/html;charset=UTF-8", ..Self::raw(status, body.into_bytes()) }
    }

    pub(super) fn redirect(to: String) -> Self {
        Self::empty(302).with_header("location", to)
    }

    pub(super) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Returns whether it says that something went well.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
