//! Style and script: a file each, kept by browsers until it changes.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use super::Shared;
use crate::secret::Secret;

/// A file that pages load.
pub(super) struct Asset {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// How the pages look.
pub(super) const STYLE: Asset =
    Asset { path: "/assets/style.css", kind: "text/css", text: include_str!("assets/style.css") };
/// What keeps them live.
pub(super) const SCRIPT: Asset = Asset {
    path: "/assets/script.js",
    kind: "text/javascript",
    text: include_str!("assets/script.js"),
};
/// What stands in a browser's tab.
pub(super) const ICON: Asset = Asset {
    path: "/assets/icon.svg",
    kind: "image/svg+xml",
    text: include_str!("assets/icon.svg"),
};

/// How long a browser keeps a file: another one has another address.
const KEPT: &str = "public, max-age=31536000, immutable";

/// What tells the files of this version from those of others.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all = [STYLE, SCRIPT, ICON].map(|asset| asset.text).concat();
    let digits = Secret::from(all).fingerprint();
    digits.bytes().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
});

impl Asset {
    /// Returns its address.
    pub(super) fn address(&self) -> String {
        format!("{}?{}", self.path, *VERSION)
    }
}

pub(super) fn routes() -> Router<Shared> {
    [STYLE, SCRIPT, ICON].into_iter().fold(Router::new(), |routes, asset| {
        let Asset { path, kind, text } = asset;
        routes.route(path, get(move || file(kind, text)))
    })
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, KEPT)], text)
}
