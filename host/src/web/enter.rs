//! Signing in: by a link that is printed, or by a password.

use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde::Deserialize;

use super::guard::{Visitor, sign_in, sign_out};
use super::page::{Refused, Shown, bare};
use super::{Shared, Site};
use crate::model::{Person, Role};
use crate::secret::Secret;
use crate::world::Failed;

/// Returns the path of a login link.
pub(super) fn path_of(link: &Secret) -> String {
    format!("/login/{}", link.expose())
}

#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    back: String,
}

impl Back {
    /// Returns where to go on: a path of ours, never another site.
    fn path(&self) -> &str {
        let is_ours = self.back.starts_with('/')
            && !self.back.starts_with("//")
            && !self.back.contains(['\\', '\n', '\r']);
        if is_ours { &self.back } else { "/" }
    }
}

pub(super) async fn form(State(site): State<Shared>, Query(back): Query<Back>) -> Shown {
    let has_password = |role| site.world.store.password(role).map(|hash| hash.is_some());
    let (admin, viewer) = (has_password(Role::Admin)?, has_password(Role::Viewer)?);
    let body = html! {
        @if admin || viewer {
            form method="post" action="/login" {
                input type="hidden" name="back" value=(back.path());
                @if admin && viewer {
                    fieldset {
                        legend { "Sign in as" }
                        @for role in [Role::Admin, Role::Viewer] {
                            label.choice {
                                input type="radio" name="role" value=(role) checked[role == Role::Admin];
                                " " (role)
                            }
                        }
                    }
                } @else {
                    input type="hidden" name="role" value=(if admin { Role::Admin } else { Role::Viewer });
                }
                div.field {
                    label for="password" { "Password" }
                    input #password type="password" name="password" autocomplete="current-password" required autofocus;
                }
                button.main { "Sign in" }
            }
            p.muted { "Or run " code { "efficlose web" } " on the machine that serves this page: it prints a link." }
        } @else {
            p { "Run " code { "efficlose web" } " on the machine that serves this page. It prints a link that signs you in once." }
        }
    };
    Ok(bare("Sign in", body))
}

#[derive(Deserialize)]
pub(super) struct Login {
    role: String,
    password: Secret,
    #[serde(default)]
    back: String,
}

pub(super) async fn with_password(
    State(site): State<Shared>,
    Form(login): Form<Login>,
) -> Result<Response, Refused> {
    try_one(&site)?;
    let role: Role = login.role.parse().map_err(Failed::new)?;
    let hash = site.world.store.password(role)?;
    let is_right = tokio::task::block_in_place(|| {
        hash.as_ref().is_some_and(|hash| login.password.is_of(hash))
    });
    if !is_right {
        let why = Failed::new("this is not the password")
            .hint("Try again, or run `efficlose web` on the machine that serves this page.");
        return Err(Refused::new(StatusCode::FORBIDDEN, why));
    }
    let person = Person { name: role.to_string(), role };
    let jar = sign_in(&site, &person)?;
    site.note(&person, None, "signed in by password");
    let back = Back { back: login.back };
    Ok((jar, Redirect::to(back.path())).into_response())
}

/// A link is used by a button, not by being looked at: programs look at links in advance.
pub(super) async fn invited(State(site): State<Shared>, Path(link): Path<Secret>) -> Shown {
    try_one(&site)?;
    let now = site.world.clock.now();
    let role = site.world.store.login_link(&link.fingerprint(), false, now)?;
    let role = role.ok_or_else(stale)?;
    let action = path_of(&link);
    Ok(bare(
        "Sign in",
        html! {
            p { "This link signs you in once, as " strong { (role) } "." }
            form method="post" action=(action) { button.main autofocus { "Sign in" } }
        },
    ))
}

pub(super) async fn with_link(
    State(site): State<Shared>,
    Path(link): Path<Secret>,
) -> Result<Response, Refused> {
    try_one(&site)?;
    let now = site.world.clock.now();
    let role = site.world.store.login_link(&link.fingerprint(), true, now)?;
    let role = role.ok_or_else(stale)?;
    let person = Person { name: role.to_string(), role };
    let jar = sign_in(&site, &person)?;
    site.note(&person, None, "signed in by link");
    Ok((jar, Redirect::to("/")).into_response())
}

fn stale() -> Refused {
    let why = Failed::new("this link was used, or is too old")
        .hint("Run `efficlose web` on the machine that serves this page: it prints another.");
    Refused::new(StatusCode::FORBIDDEN, why)
}

/// Counts a try to sign in; refuses it where there were too many.
fn try_one(site: &Site) -> Result<(), Refused> {
    site.logins.check().map_err(|_| {
        let why = Failed::new("there were too many tries to sign in").hint("Wait a minute.");
        Refused::new(StatusCode::TOO_MANY_REQUESTS, why)
    })
}

pub(super) async fn leave(
    State(site): State<Shared>,
    headers: HeaderMap,
    visitor: Visitor,
    Form(sent): Form<Leaving>,
) -> Result<Response, Refused> {
    if !visitor.token.is_same(&sent.token) {
        return Err(Refused::new(StatusCode::FORBIDDEN, Failed::new("this form is too old")));
    }
    let jar = sign_out(&site, &headers)?;
    Ok((jar, Redirect::to("/login")).into_response())
}

#[derive(Deserialize)]
pub(super) struct Leaving {
    token: String,
}
