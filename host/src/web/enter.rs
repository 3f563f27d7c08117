//! Signing in: by a link that is printed, or by a password.

use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde::Deserialize;

use super::guard::{sign_in, sign_out};
use super::page::{bare, trouble};
use super::refused::{Refused, Shown};
use super::visitor::Visitor;
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
    /// Returns where to go on: an address of ours, never another site's, however it is
    /// written.
    fn path(&self, base: &str) -> String {
        let ours = url::Url::parse(base).ok().and_then(|base| {
            let url = base.join(&self.back).ok()?;
            let path = &url[url::Position::BeforePath..];
            let is_ours = url.origin() == base.origin() && self.back.starts_with('/');
            (is_ours && !path.starts_with("//")).then(|| path.to_owned())
        });
        ours.unwrap_or_else(|| "/".to_owned())
    }
}

pub(super) async fn form(State(site): State<Shared>, Query(back): Query<Back>) -> Shown {
    asked(&site, &back, None)
}

fn asked(site: &Site, back: &Back, refused: Option<&Failed>) -> Shown {
    let has_password = |role| site.world.store.password(role).map(|hash| hash.is_some());
    let (admin, viewer) = (has_password(Role::Admin)?, has_password(Role::Viewer)?);
    let body = html! {
        @if let Some(why) = refused { (trouble(&why.message, why.hint.as_deref())) }
        @if admin || viewer {
            form method="post" action="/login" {
                input type="hidden" name="back" value=(back.path(&site.base));
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
    headers: HeaderMap,
    Form(login): Form<Login>,
) -> Result<Response, Refused> {
    try_one(&site)?;
    let role: Role = login.role.parse().map_err(Failed::new)?;
    let hash = site.world.store.password(role)?;
    let is_right = tokio::task::block_in_place(|| {
        hash.as_ref().is_some_and(|hash| login.password.is_of(hash))
    });
    if !is_right {
        let nobody = Person { name: "someone".to_owned(), role: Role::Viewer };
        site.note(&nobody, None, format!("tried to sign in as {role} with another password"));
        let why = Failed::new("this is not the password")
            .hint("Try again, or run `efficlose web` on the machine that serves this page.");
        let shown = asked(&site, &Back { back: login.back }, Some(&why))?;
        return Ok((StatusCode::FORBIDDEN, shown).into_response());
    }
    let person = Person { name: role.to_string(), role };
    let jar = sign_in(&site, &headers, &person)?;
    site.note(&person, None, "signed in by password");
    let back = Back { back: login.back };
    Ok((jar, Redirect::to(&back.path(&site.base))).into_response())
}

/// A link is used by a button, not by being looked at: programs look at links in advance.
pub(super) async fn invited(State(site): State<Shared>, Path(link): Path<Secret>) -> Shown {
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
    headers: HeaderMap,
    Path(link): Path<Secret>,
) -> Result<Response, Refused> {
    let now = site.world.clock.now();
    let role = site.world.store.login_link(&link.fingerprint(), true, now)?;
    let role = role.ok_or_else(stale)?;
    let person = Person { name: role.to_string(), role };
    let jar = sign_in(&site, &headers, &person)?;
    site.note(&person, None, "signed in by link");
    Ok((jar, Redirect::to("/")).into_response())
}

fn stale() -> Refused {
    let why = Failed::new("this link was used, or is too old")
        .hint("Run `efficlose web` on the machine that serves this page: it prints another.");
    Refused::new(StatusCode::FORBIDDEN, why)
}

/// Counts a password that is tried; refuses it where there were too many. Links aren't counted:
/// nobody can guess one, and whoever sends many would keep all others out.
fn try_one(site: &Site) -> Result<(), Refused> {
    site.logins.check().map_err(|_| {
        let why = Failed::new("there were too many tries to sign in").hint("Wait a minute.");
        Refused::new(StatusCode::TOO_MANY_REQUESTS, why)
    })
}

/// Signs someone out; that the form is ours is known by the site that has sent it.
pub(super) async fn leave(
    State(site): State<Shared>,
    headers: HeaderMap,
    visitor: Visitor,
) -> Result<Response, Refused> {
    let jar = sign_out(&site, &headers)?;
    site.note(&visitor.person, None, "signed out");
    Ok((jar, Redirect::to("/login")).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_nobody_is_sent_to_another_site() {
        let path = |back: &str| Back { back: back.to_owned() }.path("http://localhost:1717");
        for back in ["/orgs/00Dxx?a=1#b", "/", "/a//b"] {
            assert_eq!(path(back), back);
        }
        for back in [
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "evil",
            "",
            "\u{1}/",
            "/%2f/../..//evil.example/..//evil.example",
        ] {
            let path = path(back);
            let joined = url::Url::parse("http://localhost:1717").unwrap().join(&path).unwrap();
            assert_eq!(joined.origin().ascii_serialization(), "http://localhost:1717", "{back}");
            assert!(path.starts_with('/') && !path.starts_with("//"), "{back} gives {path}");
        }
    }
}
