//! OAuth 2.0: authorize, token, revoke, introspect, userinfo.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, json};

use super::call::{Answer, Call};
use super::{identity, pages};
use crate::access::{Claims, Granted, OauthError, Proof, Request};
use crate::ids::Id;
use crate::org::Org;
use crate::state::State;

/// The grant of an app that signs for a user.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

type Pairs = [(String, String)];

pub(super) fn answer(state: &State, call: &Call, path: &[&str]) -> Answer {
    match (call.method.as_str(), path) {
        ("GET" | "HEAD", ["authorize"]) => authorize(state, &call.query),
        ("POST", ["authorize"]) => {
            let form = call.form();
            match find(&form, "decision") {
                Some(decision) => decide(state, &form, decision == "allow"),
                None => authorize(state, &form),
            }
        }
        ("POST", ["token"]) => token(state, call),
        ("GET", ["token"]) => oauth_error(&("invalid_request", "must use HTTP POST".to_owned())),
        ("GET", ["revoke"]) => revoke(state, &call.query),
        ("POST", ["revoke"]) => {
            let mut form = call.form();
            form.extend(call.query.iter().cloned());
            revoke(state, &form)
        }
        ("POST", ["introspect"]) => introspect(state, call),
        ("GET" | "POST", ["singleaccess"]) => identity::single_access(state, call),
        ("GET" | "POST", ["userinfo"]) => identity::userinfo(state, call),
        _ => Answer::text(404, "Not Found"),
    }
}

fn find<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(known, _)| known == name)?;
    Some(&found.1)
}

fn username(org: &Org, user: Id) -> &str {
    let place = org.locate(user);
    let name = place.and_then(|(object, slot)| org.table(object).named(slot, "Username").as_text());
    name.unwrap_or_default()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn asked(pairs: &Pairs) -> Request {
    let text = |name| find(pairs, name).unwrap_or_default().to_owned();
    Request {
        client_id: text("client_id"),
        redirect_uri: text("redirect_uri"),
        scope: text("scope"),
        challenge: find(pairs, "code_challenge").map(str::to_owned),
    }
}

/// Shows the consent page, or says why not: to the app where it is known, else
/// on a page of this host.
fn authorize(state: &State, pairs: &Pairs) -> Answer {
    let request = asked(pairs);
    if let Some(answer) = refuse(state, pairs, &request) {
        return answer;
    }
    let integration = state.access().integration();
    let org = state.org();
    let user = username(&org, integration);
    let scope =
        if request.scope.is_empty() { "everything the app is set up for" } else { &request.scope };
    pages::consent(pairs, scope, crate::seed::ORG_NAME, user)
}

fn refuse(state: &State, pairs: &Pairs, request: &Request) -> Option<Answer> {
    match state.access().check(request) {
        Err((code @ "invalid_scope", description)) => {
            return Some(back(pairs, &[("error", code), ("error_description", &description)]));
        }
        Err((code, description)) => {
            return Some(Answer::redirect(format!(
                "{}/setup/secur/RemoteAccessErrorPage.apexp?error={code}&error_description={}",
                state.url,
                encoded(&description)
            )));
        }
        Ok(()) => {}
    }
    if find(pairs, "response_type") != Some("code") {
        let description = "response type not supported";
        let error = [("error", "unsupported_response_type"), ("error_description", description)];
        return Some(back(pairs, &error));
    }
    let method = find(pairs, "code_challenge_method").unwrap_or("S256");
    if method != "S256" {
        let error = [
            ("error", "invalid_request"),
            ("error_description", "code challenge method not supported"),
        ];
        return Some(back(pairs, &error));
    }
    None
}

fn decide(state: &State, form: &Pairs, allowed: bool) -> Answer {
    let request = asked(form);
    if let Some(answer) = refuse(state, form, &request) {
        return answer;
    }
    if !allowed {
        let description = "end-user denied authorization";
        return back(form, &[("error", "access_denied"), ("error_description", description)]);
    }
    let code = state.access().allow(request, state.clock.now());
    back(form, &[("code", &code)])
}

/// Sends the browser back to the app.
fn back(pairs: &Pairs, result: &[(&str, &str)]) -> Answer {
    let mut to = find(pairs, "redirect_uri").unwrap_or_default().to_owned();
    let state = find(pairs, "state").map(|state| ("state", state));
    for (name, value) in result.iter().copied().chain(state) {
        to.push(if to.contains('?') { '&' } else { '?' });
        to.push_str(&format!("{name}={}", encoded(value)));
    }
    Answer::redirect(to)
}

fn oauth_error((code, description): &OauthError) -> Answer {
    let status = if *code == "invalid_client" { 401 } else { 400 };
    let body = json!({"error": code, "error_description": description});
    Answer::json(status, &body).with_header("pragma", "no-cache".to_owned())
}

/// Returns the app's proof from the Basic header or from the body.
fn proof(call: &Call, form: &Pairs) -> Proof {
    let basic = call
        .header("authorization")
        .and_then(|header| header.strip_prefix("Basic "))
        .and_then(|encoded| BASE64_STANDARD.decode(encoded.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some((client_id, secret)) = basic.as_deref().and_then(|pair| pair.split_once(':')) {
        let decoded = |part: &str| {
            percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
        };
        return Proof { client_id: decoded(client_id), client_secret: Some(decoded(secret)) };
    }
    Proof {
        client_id: find(form, "client_id").unwrap_or_default().to_owned(),
        client_secret: find(form, "client_secret").map(str::to_owned),
    }
}

fn token(state: &State, call: &Call) -> Answer {
    let form = call.form();
    let proof = proof(call, &form);
    let now = state.clock.now();
    let text = |name| find(&form, name).unwrap_or_default();
    let granted = match text("grant_type") {
        "authorization_code" => state.access().exchange(
            &proof,
            text("code"),
            text("redirect_uri"),
            find(&form, "code_verifier"),
            now,
        ),
        "refresh_token" => state.access().refresh(&proof, text("refresh_token"), now),
        JWT_BEARER => jwt_bearer(state, text("assertion"), now),
        "client_credentials" => state.access().client_credentials(&proof, now),
        "" => Err(("invalid_request", "grant_type parameter is required".to_owned())),
        _ => Err(("unsupported_grant_type", "grant type not supported".to_owned())),
    };
    match granted {
        Ok(granted) => tokens(state, granted, now),
        Err(error) => oauth_error(&error),
    }
}

/// Finds the user first: the org is locked before the tokens are.
fn jwt_bearer(state: &State, assertion: &str, now: i64) -> Result<Granted, OauthError> {
    let claims = Claims::read(assertion, &state.url, now)?;
    let user = {
        let org = state.org();
        let users = org.named("User");
        (0..users.slots())
            .find(|slot| users.named(*slot, "Username").as_text() == Some(&claims.subject))
            .filter(|slot| users.named(*slot, "IsActive").is_true())
            .map(|slot| users.id_of(slot))
    };
    state.access().jwt_bearer(&claims, user, now)
}

fn tokens(state: &State, granted: Granted, now: i64) -> Answer {
    let id = identity::address(state, granted.user);
    let issued_at = (now * 1000).to_string();
    let mut body = Map::new();
    body.insert("access_token".to_owned(), granted.access_token.into());
    if let Some(token) = granted.refresh_token {
        body.insert("refresh_token".to_owned(), token.into());
    }
    let (signature, instance_url) = {
        let access = state.access();
        let url = access.instance_url.clone().unwrap_or_else(|| state.url.clone());
        (access.sign(&id, &issued_at), url)
    };
    for (name, value) in [
        ("signature", signature),
        ("scope", granted.scope),
        ("instance_url", instance_url),
        ("id", id),
        ("token_type", "Bearer".to_owned()),
        ("issued_at", issued_at),
    ] {
        body.insert(name.to_owned(), value.into());
    }
    Answer::json(200, &body.into())
}

fn revoke(state: &State, pairs: &Pairs) -> Answer {
    let token = find(pairs, "token").unwrap_or_default();
    match state.access().revoke(token) {
        true => Answer::empty(200),
        false => {
            oauth_error(&("unsupported_token_type", "this token type is not supported".to_owned()))
        }
    }
}

fn introspect(state: &State, call: &Call) -> Answer {
    let form = call.form();
    let now = state.clock.now();
    let access = state.access();
    if let Err(error) = access.authenticate(&proof(call, &form), true) {
        return oauth_error(&error);
    }
    let known = access.inspect(find(&form, "token").unwrap_or_default(), now);
    drop(access);
    let Some((user, client, scope, ends_at)) = known else {
        return Answer::json(200, &json!({"active": false}));
    };
    let org = state.org();
    let kind = if ends_at.is_some() { "access_token" } else { "refresh_token" };
    let body = json!({
        "active": true,
        "scope": scope,
        "client_id": client,
        "username": username(&org, user),
        "sub": identity::address_within(&org, state, user),
        "token_type": kind,
        "exp": ends_at,
        "iat": now,
        "nbf": now,
    });
    Answer::json(200, &body)
}
