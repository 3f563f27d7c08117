//! Style and script: a file each, kept by browsers until it changes.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use super::Shared;

/// Where the style is; another version of it has another query.
pub(super) const STYLE: &str = concat!("/assets/style.css?", env!("CARGO_PKG_VERSION"));
/// Where the script is.
pub(super) const SCRIPT: &str = concat!("/assets/script.js?", env!("CARGO_PKG_VERSION"));
/// Where the icon is.
pub(super) const ICON: &str = "/assets/icon.svg";

/// How long a browser may keep what has a version.
const KEPT: &str = "public, max-age=3600";

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/assets/style.css", get(|| file("text/css", include_str!("assets/style.css"))))
        .route(
            "/assets/script.js",
            get(|| file("text/javascript", include_str!("assets/script.js"))),
        )
        .route("/assets/icon.svg", get(|| file("image/svg+xml", include_str!("assets/icon.svg"))))
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, KEPT)], text)
}
