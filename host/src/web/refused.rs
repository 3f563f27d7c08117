//! Why there is no page.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::page::{bare, trouble};
use crate::world::{Failed, Fault};
use crate::{plugin, salesforce, store, sync};

/// What a page ends with: the page, or why there is none.
pub(super) type Shown = Result<Markup, Refused>;

/// Why there is no page: a status, a fact and its mend.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    failed: Failed,
}

impl Refused {
    pub(super) fn new(status: StatusCode, failed: Failed) -> Self {
        Self { status, failed }
    }

    /// Says that there is no such thing.
    pub(super) fn unknown(what: impl Into<String>) -> Self {
        Failed::new(what).of(Fault::Unknown).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Failed { message, hint, .. } = &self.failed;
        let title = match self.status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::CONFLICT => "Not just now",
            _ => "That did not work",
        };
        let body = html! {
            (trouble(message, hint.as_deref()))
            p { a href="/" { "Go to the integrations" } }
        };
        (self.status, bare(title, body)).into_response()
    }
}

impl From<Failed> for Refused {
    fn from(failed: Failed) -> Self {
        let status = match failed.fault {
            Fault::Asked => StatusCode::UNPROCESSABLE_ENTITY,
            Fault::Unknown => StatusCode::NOT_FOUND,
            Fault::Busy => StatusCode::CONFLICT,
            Fault::Here => StatusCode::INTERNAL_SERVER_ERROR,
            Fault::There => StatusCode::BAD_GATEWAY,
        };
        if failed.fault == Fault::Here {
            tracing::error!(hint = failed.hint, "a page can't be shown: {}", failed.message);
        }
        Self::new(status, failed)
    }
}

/// Whatever goes wrong below becomes a page by way of what a person is told.
macro_rules! refused_from {
    ($($error:ty),*) => {
        $(impl From<$error> for Refused {
            fn from(error: $error) -> Self {
                Failed::from(error).into()
            }
        })*
    };
}
refused_from!(store::Error, sync::Error, salesforce::Error, plugin::Error);

/// What stands where there is no page.
pub(super) async fn nowhere() -> Refused {
    Refused::unknown("there is no such page")
}
