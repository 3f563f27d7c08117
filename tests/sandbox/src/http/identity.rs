//! Who is logged in: the identity URL, userinfo and the discovery document.

use serde_json::{Value as Json, json};

use super::call::{Answer, Call};
use crate::ids::Id;
use crate::state::State;
use crate::value::{Cell, moment_text};

/// Returns a user's identity URL.
pub(super) fn address(state: &State, user: Id) -> String {
    address_within(&state.org(), state, user)
}

/// Returns the caller's identity URL while the org is locked already.
pub(super) fn address_within(org: &crate::org::Org, state: &State, user: Id) -> String {
    format!("{}/id/{}/{user}", state.url, org.id)
}

/// A dead token is 403 with a word, not the usual array.
fn caller(state: &State, call: &Call) -> Result<Id, Answer> {
    let form = call.form();
    let in_form =
        form.iter().find(|(name, _)| name == "access_token").map(|(_, token)| token.as_str());
    let token = call
        .bearer()
        .or_else(|| call.parameter("oauth_token"))
        .or_else(|| call.parameter("access_token"))
        .or(in_form)
        .ok_or_else(|| Answer::text(403, "Missing_OAuth_Token"))?;
    let session = state.access().session(token, state.clock.now());
    session.map(|session| session.user).ok_or_else(|| Answer::text(403, "Bad_OAuth_Token"))
}

pub(super) fn identity(state: &State, call: &Call) -> Answer {
    let asking = match caller(state, call) {
        Ok(user) => user,
        Err(answer) => return answer,
    };
    if Id::parse(&call.segments[1]) != Some(state.org().id) {
        return Answer::text(403, "Wrong_Org");
    }
    let Some(user) = Id::parse(&call.segments[2]) else {
        return Answer::text(404, "Bad_Id");
    };
    let Some(body) = describe_user(state, user, call.parameter("version")) else {
        return Answer::text(404, "Bad_Id");
    };
    debug_assert_eq!(asking.prefix(), user.prefix());
    Answer::json(200, &body)
}

fn describe_user(state: &State, user: Id, version: Option<&str>) -> Option<Json> {
    let org = state.org();
    let (object, slot) = org.locate(user)?;
    let table = org.table(object);
    let text = |name: &str| table.named(slot, name).as_text().map(str::to_owned);
    let modified = match table.named(slot, "LastModifiedDate") {
        Cell::Moment(seconds) => moment_text(seconds),
        _ => String::new(),
    };
    Some(json!({
        "id": format!("{}/id/{}/{user}", state.url, org.id),
        "asserted_user": true,
        "user_id": user.to_string(),
        "organization_id": org.id.to_string(),
        "username": text("Username"),
        "nick_name": text("CommunityNickname"),
        "display_name": text("Name"),
        "email": text("Email"),
        "email_verified": true,
        "first_name": text("FirstName"),
        "last_name": text("LastName"),
        "timezone": text("TimeZoneSidKey"),
        "photos": {
            "picture": format!("{}/profilephoto/005/F", state.url),
            "thumbnail": format!("{}/profilephoto/005/T", state.url),
        },
        "addr_street": text("Street"),
        "addr_city": text("City"),
        "addr_state": text("State"),
        "addr_country": text("Country"),
        "addr_zip": text("PostalCode"),
        "mobile_phone": text("MobilePhone"),
        "mobile_phone_verified": false,
        "is_lightning_login_user": false,
        "status": {"created_date": null, "body": null},
        "urls": urls(&state.url, org.id, user, version),
        "active": table.named(slot, "IsActive").is_true(),
        "user_type": "STANDARD",
        "language": text("LanguageLocaleKey"),
        "locale": text("LocaleSidKey"),
        "utcOffset": 0,
        "last_modified_date": modified,
        "is_app_installed": true,
    }))
}

fn urls(url: &str, org: Id, user: Id, version: Option<&str>) -> Json {
    let version = match version {
        Some("latest") => "68.0",
        Some(version) => version,
        None => "{version}",
    };
    let soap = |kind: &str| format!("{url}/services/Soap/{kind}/{version}/{}", org.short());
    let data = |rest: &str| format!("{url}/services/data/v{version}/{rest}");
    json!({
        "enterprise": soap("c"),
        "metadata": soap("m"),
        "partner": soap("u"),
        "rest": data(""),
        "sobjects": data("sobjects/"),
        "search": data("search/"),
        "query": data("query/"),
        "recent": data("recent/"),
        "tooling_soap": soap("T"),
        "tooling_rest": data("tooling/"),
        "profile": format!("{url}/{user}"),
        "feeds": data("chatter/feeds"),
        "groups": data("chatter/groups"),
        "users": data("chatter/users"),
        "feed_items": data("chatter/feed-items"),
        "feed_elements": data("chatter/feed-elements"),
        "custom_domain": url,
    })
}

/// Returns the address at which a browser is logged in as the caller. There is no
/// page behind it.
pub(super) fn single_access(state: &State, call: &Call) -> Answer {
    match caller(state, call) {
        Ok(_) => {
            let url = format!("{}/secur/frontdoor.jsp?otp=once", state.url);
            Answer::json(200, &json!({"frontdoor_uri": url}))
        }
        Err(answer) => answer,
    }
}

pub(super) fn userinfo(state: &State, call: &Call) -> Answer {
    let user = match caller(state, call) {
        Ok(user) => user,
        Err(answer) => return answer,
    };
    let Some(known) = describe_user(state, user, None) else {
        return Answer::text(404, "Bad_Id");
    };
    Answer::json(
        200,
        &json!({
            "sub": known["id"],
            "user_id": known["user_id"],
            "organization_id": known["organization_id"],
            "preferred_username": known["username"],
            "nickname": known["nick_name"],
            "name": known["display_name"],
            "email": known["email"],
            "email_verified": true,
            "given_name": known["first_name"],
            "family_name": known["last_name"],
            "zoneinfo": known["timezone"],
            "photos": known["photos"],
            "profile": known["urls"]["profile"],
            "picture": known["photos"]["picture"],
            "address": {},
            "urls": known["urls"],
            "active": known["active"],
            "user_type": known["user_type"],
            "language": known["language"],
            "locale": known["locale"],
            "utcOffset": 0,
            "updated_at": known["last_modified_date"],
        }),
    )
}

pub(super) fn discovery(state: &State) -> Answer {
    let at = |path: &str| format!("{}{path}", state.url);
    Answer::json(
        200,
        &json!({
            "issuer": state.url,
            "authorization_endpoint": at("/services/oauth2/authorize"),
            "token_endpoint": at("/services/oauth2/token"),
            "revocation_endpoint": at("/services/oauth2/revoke"),
            "userinfo_endpoint": at("/services/oauth2/userinfo"),
            "jwks_uri": at("/id/keys"),
            "registration_endpoint": at("/services/oauth2/register"),
            "introspection_endpoint": at("/services/oauth2/introspect"),
            "scopes_supported": ["api", "refresh_token", "offline_access", "full", "id", "openid", "profile", "email", "web"],
            "response_types_supported": ["code", "token", "token id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "display_values_supported": ["page", "popup", "touch"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        }),
    )
}
