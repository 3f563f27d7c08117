//! Who is let in, and what is never let through.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use jiff::SignedDuration;

use super::page::Refused;
use super::{Shared, Site, later};
use crate::model::{Person, Role};
use crate::secret::Secret;
use crate::store;
use crate::world::Failed;

/// The cookie of a session.
const COOKIE: &str = "efficlose";
/// How long a session lasts.
const SESSION_LIFE: SignedDuration = SignedDuration::from_hours(12);
/// What the form token is derived from a session for.
const FORM: &str = "form";
/// The field of a form that bears its token.
pub(super) const TOKEN: &str = "token";
/// What a browser may do with a page: use what comes from here, and send forms back here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Someone who is signed in, at a page.
pub(super) struct Visitor {
    pub(super) person: Person,
    /// What a form has to bear so that it is taken: other sites can't know it.
    pub(super) token: Secret,
}

impl Visitor {
    /// Tells whether they may change things.
    pub(super) fn is_admin(&self) -> bool {
        self.person.role == Role::Admin
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Response> {
        let visitor = visitor(parts, site).map_err(|error| Refused::from(error).into_response())?;
        visitor.ok_or_else(|| match parts.method {
            Method::GET if parts.uri.path() != "/" => {
                let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
                let back: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
                Redirect::to(&format!("/login?back={back}")).into_response()
            }
            _ => Redirect::to("/login").into_response(),
        })
    }
}

/// A form that an admin has sent from one of our pages.
pub(super) struct Posted {
    pub(super) person: Person,
    pub(super) token: Secret,
    fields: Vec<(String, String)>,
}

impl FromRequest<Shared> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Shared) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Visitor { person, token } = Visitor::from_request_parts(&mut parts, site).await?;
        let request = Request::from_parts(parts, body);
        let fields = axum::Form::<Vec<(String, String)>>::from_request(request, site).await;
        let axum::Form(fields) = fields.map_err(|why| {
            Refused::new(why.status(), Failed::new(why.body_text())).into_response()
        })?;
        let sent = fields.iter().find(|(name, _)| name == TOKEN);
        if !sent.is_some_and(|(_, sent)| token.is_same(sent)) {
            let why = Failed::new("this form is too old, or did not come from this page")
                .hint("Go back, load the page again, and send it once more.");
            return Err(Refused::new(StatusCode::FORBIDDEN, why).into_response());
        }
        if person.role != Role::Admin {
            let why = Failed::new("you may look, but not change anything")
                .hint("Ask an admin, or sign in as one: `efficlose web` prints a link.");
            return Err(Refused::new(StatusCode::FORBIDDEN, why).into_response());
        }
        Ok(Self { person, token, fields })
    }
}

impl Posted {
    /// Returns a field of the form, without space around it; empty, where it isn't there.
    pub(super) fn one(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map_or("", |(_, value)| value.trim())
    }

    /// Returns a field as it was sent.
    pub(super) fn text(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Returns the fields whose names begin so, by what follows.
    pub(super) fn beginning(&self, start: &str) -> impl Iterator<Item = (String, String)> {
        self.fields.iter().filter_map(move |(name, value)| {
            Some((name.strip_prefix(start)?.to_owned(), value.clone()))
        })
    }

    /// Returns all fields of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let those = self.fields.iter().filter(move |(known, _)| known == name);
        those.map(|(_, value)| value.trim())
    }

    /// Returns the person as a visitor, to show them a page.
    pub(super) fn visitor(&self) -> Visitor {
        Visitor { person: self.person.clone(), token: self.token.clone() }
    }
}

fn visitor(parts: &Parts, site: &Site) -> Result<Option<Visitor>, store::Error> {
    if let Some(person) = told_by_proxy(parts, site) {
        // No cookie is needed; the form token is bound to the person for as long as we run.
        let token = site.proxy_secret.derived(&format!("{FORM}:{}", person.name));
        return Ok(Some(Visitor { person, token }));
    }
    let Some(session) = session(&parts.headers) else { return Ok(None) };
    let person = site.world.store.session(&session.fingerprint(), site.world.clock.now())?;
    Ok(person.map(|person| Visitor { person, token: session.derived(FORM) }))
}

/// Returns who a proxy says that it is, where one is named in the settings and it is the one
/// that calls.
fn told_by_proxy(parts: &Parts, site: &Site) -> Option<Person> {
    let proxy = site.settings.proxy.as_ref()?;
    let ConnectInfo(from) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    if !proxy.from.contains(&from.ip().to_canonical()) {
        return None;
    }
    let name = parts.headers.get(&proxy.user_header)?.to_str().ok()?.trim();
    let is_admin = proxy.admins.iter().any(|admin| admin.eq_ignore_ascii_case(name));
    let role = if is_admin { Role::Admin } else { Role::Viewer };
    (!name.is_empty()).then(|| Person { name: name.to_owned(), role })
}

fn session(headers: &HeaderMap) -> Option<Secret> {
    let jar = CookieJar::from_headers(headers);
    jar.get(COOKIE).map(|cookie| Secret::from(cookie.value()))
}

/// Signs someone in: keeps a session and returns its cookie.
pub(super) fn sign_in(site: &Site, person: &Person) -> store::Result<CookieJar> {
    let session = Secret::generate();
    let until = later(site.world.clock.now(), SESSION_LIFE);
    site.world.store.save_session(&session.fingerprint(), person, until)?;
    // Lax: a person comes back from Salesforce's page by following a redirect.
    let cookie = Cookie::build((COOKIE, session.expose().to_owned()))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(site.base.starts_with("https://"))
        .path("/");
    Ok(CookieJar::new().add(cookie))
}

/// Signs someone out: ends the session and takes its cookie away.
pub(super) fn sign_out(site: &Site, headers: &HeaderMap) -> store::Result<CookieJar> {
    if let Some(session) = session(headers) {
        site.world.store.end_session(&session.fingerprint())?;
    }
    Ok(CookieJar::from_headers(headers).remove(Cookie::build(COOKIE).path("/")))
}

/// Refuses what no page of ours asks for, and tells browsers what pages may do.
///
/// A name that isn't ours in `Host` may be another site's that leads here (DNS rebinding).
pub(super) async fn headers(State(site): State<Shared>, request: Request, next: Next) -> Response {
    let is_ours = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| is_ours(&site, host));
    let mut response = match is_ours {
        true => next.run(request).await,
        false => (StatusCode::MISDIRECTED_REQUEST, "no such host\n").into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn is_ours(site: &Site, host: &str) -> bool {
    let public = site.base.split_once("://").map_or("", |(_, host)| host);
    let public = public.split('/').next().unwrap_or_default();
    let here = ["localhost", "127.0.0.1", "[::1]"].map(|name| format!("{name}:{}", site.port));
    host.eq_ignore_ascii_case(public) || here.contains(&host.to_lowercase())
}
