//! Who is let in, and what is never let through.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use jiff::SignedDuration;

use super::refused::Refused;
use super::visitor::{TOKEN, Visitor};
use super::{HEALTH, METRICS, Shared, Site, done, later};
use crate::model::{Connection, Person, Role};
use crate::salesforce::CALLBACK_PATH;
use crate::secret::Secret;
use crate::store;
use crate::world::{Failed, Fault};

/// The cookie of a session; where pages are encrypted, no other site of the same domain can
/// set it.
const COOKIE: &str = "efficlose";
const COOKIE_ENCRYPTED: &str = "__Host-efficlose";
/// How long a session lasts.
const SESSION_LIFE: SignedDuration = SignedDuration::from_hours(12);
/// What the form token is derived from a session for.
const FORM: &str = "form";
/// How long what a request bears may take, and how many bytes it may have, whatever it is for.
const BODY_WITHIN: Duration = Duration::from_secs(30);
const BODY_MAX: usize = 16 << 20;
/// What a browser may do with a page: use what comes from here, and send forms back here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Response> {
        let visitor = visitor(parts, site).map_err(|error| Refused::from(error).into_response())?;
        visitor.ok_or_else(|| {
            let path = parts.uri.path();
            // What Salesforce added to the callback's address is no business of the login's.
            if parts.method != Method::GET || path == "/" || path == CALLBACK_PATH {
                return Redirect::to("/login").into_response();
            }
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let back: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
            Redirect::to(&format!("/login?back={back}")).into_response()
        })
    }
}

/// An admin at a page: one that asks Salesforce, or shows what only admins see.
pub(super) struct Admin(pub(super) Visitor);

impl FromRequestParts<Shared> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, site).await?;
        if visitor.is_admin() {
            return Ok(Self(visitor));
        }
        Err(not_allowed("this page is for admins").into_response())
    }
}

fn not_allowed(message: &str) -> Refused {
    let why = Failed::new(message)
        .hint("Ask an admin, or sign in as one: `efficlose web` prints a link.");
    Refused::new(StatusCode::FORBIDDEN, why)
}

/// The connected org that an address names.
pub(super) struct At(pub(super) Connection);

impl FromRequestParts<Shared> for At {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Response> {
        // Only who is signed in is told which orgs there are.
        Visitor::from_request_parts(parts, site).await?;
        let unknown = || Refused::unknown("there is no such org").into_response();
        let named = RawPathParams::from_request_parts(parts, site).await.map_err(|_| unknown())?;
        let org = named.iter().find(|(name, _)| *name == "org").and_then(|(_, id)| id.parse().ok());
        let connection = site.world.connection_of(&org.ok_or_else(unknown)?);
        connection.map(Self).map_err(|failed| Refused::from(failed).into_response())
    }
}

/// A form that an admin has sent from one of our pages.
pub(super) struct Posted {
    visitor: Visitor,
    fields: Vec<(String, String)>,
}

impl FromRequest<Shared> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Shared) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, site).await?;
        let request = Request::from_parts(parts, body);
        let fields = axum::Form::<Vec<(String, String)>>::from_request(request, site).await;
        let axum::Form(fields) = fields.map_err(|why| {
            Refused::new(why.status(), Failed::new(why.body_text())).into_response()
        })?;
        let posted = Self { visitor, fields };
        if !posted.visitor.token.is_same(posted.one(TOKEN)) {
            let why = Failed::new("this form is too old, or did not come from this page")
                .hint("Go back, load the page again, and send it once more.");
            return Err(Refused::new(StatusCode::FORBIDDEN, why).into_response());
        }
        if !posted.visitor.is_admin() {
            return Err(not_allowed("you may look, but not change anything").into_response());
        }
        Ok(posted)
    }
}

impl Posted {
    /// Returns who has sent it, to show them a page.
    pub(super) fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// Returns who has sent it.
    pub(super) fn person(&self) -> &Person {
        &self.visitor.person
    }

    /// Returns a field as it was sent; none, where it wasn't.
    pub(super) fn sent(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }

    /// Returns a field, without space around it; empty, where it wasn't sent.
    pub(super) fn one(&self, name: &str) -> &str {
        self.sent(name).unwrap_or_default().trim()
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
}

fn visitor(parts: &Parts, site: &Site) -> Result<Option<Visitor>, store::Error> {
    let done = done::said(parts.uri.query().unwrap_or_default());
    if let Some(person) = told_by_proxy(parts, site) {
        // No cookie is needed; the form token is bound to the person for as long as we run.
        let token = site.proxy_secret.derived(&format!("{FORM}:{}", person.name));
        return Ok(Some(Visitor { person, token, session: None, done }));
    }
    let Some(session) = session(site, &parts.headers) else { return Ok(None) };
    let person = site.world.store.session(&session.fingerprint(), site.world.clock.now())?;
    let token = session.derived(FORM);
    Ok(person.map(|person| Visitor { person, token, session: Some(session), done }))
}

/// Returns who a proxy says that it is, where one is named in the settings and it is the one
/// that calls. A header that is there twice is no proxy's word alone.
fn told_by_proxy(parts: &Parts, site: &Site) -> Option<Person> {
    let proxy = site.settings.proxy.as_ref()?;
    let ConnectInfo(from) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    if !proxy.from.contains(&from.ip().to_canonical()) {
        return None;
    }
    let mut told = parts.headers.get_all(&proxy.user_header).iter();
    let (Some(name), None) = (told.next(), told.next()) else { return None };
    let name = name.to_str().ok()?.trim();
    let is_admin = proxy.admins.iter().any(|admin| admin.eq_ignore_ascii_case(name));
    let role = if is_admin { Role::Admin } else { Role::Viewer };
    (!name.is_empty()).then(|| Person { name: name.to_owned(), role })
}

fn cookie(site: &Site) -> &'static str {
    if site.is_encrypted() { COOKIE_ENCRYPTED } else { COOKIE }
}

fn session(site: &Site, headers: &HeaderMap) -> Option<Secret> {
    let jar = CookieJar::from_headers(headers);
    jar.get(cookie(site)).map(|cookie| Secret::from(cookie.value()))
}

/// Signs someone in: keeps a session and returns its cookie. The session of before ends.
pub(super) fn sign_in(
    site: &Site,
    headers: &HeaderMap,
    person: &Person,
) -> store::Result<CookieJar> {
    if let Some(session) = session(site, headers) {
        site.world.store.end_session(&session.fingerprint())?;
    }
    let session = Secret::generate();
    let until = later(site.world.clock.now(), SESSION_LIFE);
    site.world.store.save_session(&session.fingerprint(), person, until)?;
    // Lax: a person comes back from Salesforce's page by following a redirect.
    let cookie = Cookie::build((cookie(site), session.expose().to_owned()))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(site.is_encrypted())
        .path("/");
    Ok(CookieJar::new().add(cookie))
}

/// Signs someone out: ends the session and takes its cookie away.
pub(super) fn sign_out(site: &Site, headers: &HeaderMap) -> store::Result<CookieJar> {
    if let Some(session) = session(site, headers) {
        site.world.store.end_session(&session.fingerprint())?;
    }
    let gone = Cookie::build(cookie(site)).secure(site.is_encrypted()).path("/");
    Ok(CookieJar::from_headers(headers).remove(gone))
}

/// Refuses what no page of ours asks for, and tells browsers what pages may do.
pub(super) async fn headers(State(site): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&site, &request) {
        Some(refusal) => refusal,
        None => match whole(request).await {
            Ok(request) => next.run(request).await,
            Err(status) => status.into_response(),
        },
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Without any, forms would bear no origin either.
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Reads what a request bears, before anyone waits for it: whoever sends it too slowly keeps no
/// place.
async fn whole(request: Request) -> Result<Request, StatusCode> {
    if request.method().is_safe() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_WITHIN, to_bytes(body, BODY_MAX)).await;
    let body = read
        .map_err(|_| StatusCode::REQUEST_TIMEOUT)?
        .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Returns what a request is answered that goes no further.
///
/// A name that isn't ours in `Host` may be another site's that leads here (DNS rebinding). A
/// form that another site sends is no one's wish, whoever is signed in here.
fn refusal(site: &Site, request: &Request) -> Option<Response> {
    let text = |name: &HeaderName| request.headers().get(name).and_then(|text| text.to_str().ok());
    if request.uri().path() == HEALTH {
        return None;
    }
    let host = text(&header::HOST).unwrap_or_default();
    if !site.is_called(host) {
        let here = ["localhost", "127.0.0.1", "[::1]"].map(|name| format!("{name}:{}", site.port));
        if !here.iter().any(|name| name.eq_ignore_ascii_case(host)) {
            return Some((StatusCode::MISDIRECTED_REQUEST, "no such host\n").into_response());
        }
        // A cookie of one name is not sent to another, and Salesforce leads back to one alone.
        let is_for_machines =
            ["/api/", METRICS].iter().any(|of| request.uri().path().starts_with(of));
        if request.method() == Method::GET && !is_for_machines {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            return Some(Redirect::temporary(&format!("{}{path}", site.base)).into_response());
        }
    }
    let is_from_elsewhere = match text(&HeaderName::from_static("sec-fetch-site")) {
        Some(from) => !matches!(from, "same-origin" | "none"),
        None => text(&header::ORIGIN).is_some_and(|from| !from.eq_ignore_ascii_case(&site.base)),
    };
    if !request.method().is_safe() && is_from_elsewhere {
        return Some(not_allowed("another site has sent this").into_response());
    }
    None
}

impl Site {
    /// Tells whether a host is the one under which people reach it.
    fn is_called(&self, host: &str) -> bool {
        let name = self.base.split_once("://").map_or("", |(_, host)| host);
        name.eq_ignore_ascii_case(host)
    }

    /// Tells whether pages are encrypted on their way.
    fn is_encrypted(&self) -> bool {
        self.base.starts_with("https://")
    }

    /// Refuses what a sync that is under way doesn't let through: it would have to be waited
    /// for.
    pub(super) fn is_free(&self, connection: &Connection) -> Result<(), Failed> {
        match self.world.store.try_lock_round(&connection.org)? {
            Some(_) => Ok(()),
            None => Err(Failed::new("a sync of this org is under way")
                .hint("Try again when it has ended; the status page shows it.")
                .of(Fault::Busy)),
        }
    }
}
