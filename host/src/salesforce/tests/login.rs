//! Logins, from the address in the browser to the grant.

use std::time::Duration;

use super::http;
use super::server::{Reply, Seen, Server, json};
use crate::salesforce::{
    App, Authorization, Callback, Code, Error, LoginUrl, Pace, api_version, exchange, revoke,
};
use crate::secret::Secret;

const ID: &str = "https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001Sv6AAAS";

fn app(secret: Option<&str>) -> App {
    App { client_id: "3MVG9client".into(), client_secret: secret.map(Into::into) }
}

fn begin(login: &str) -> Authorization {
    let login: LoginUrl = login.parse().unwrap();
    let redirect = "http://localhost:1717/oauth/callback".parse().unwrap();
    Authorization::begin(&login, &app(Some("app-secret")), redirect)
}

fn parameter(authorization: &Authorization, name: &str) -> String {
    let mut pairs = authorization.url.query_pairs();
    pairs.find(|(key, _)| key == name).unwrap_or_else(|| panic!("no {name}")).1.into_owned()
}

#[test]
fn a_login_asks_for_what_is_needed_and_proves_itself() {
    let authorization = begin("login");
    let url = authorization.url.as_str();
    assert!(url.starts_with("https://login.salesforce.com/services/oauth2/authorize?"), "{url}");
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "3MVG9client"),
        ("redirect_uri", "http://localhost:1717/oauth/callback"),
        ("scope", "api refresh_token"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(parameter(&authorization, name), value);
    }
    assert_eq!(parameter(&authorization, "code_challenge").len(), 43);
    let again = begin("login");
    for name in ["state", "code_challenge"] {
        assert_ne!(parameter(&authorization, name), parameter(&again, name));
    }
    let debug = format!("{authorization:?}");
    assert!(!debug.contains(&parameter(&authorization, "state")) && !debug.contains("app-secret"));
}

#[tokio::test]
async fn a_code_becomes_a_grant() {
    let server = Server::start(|_, _| {
        json(serde_json::json!({
            "access_token": "00Dxx0000001gPL!AR8AQ", "refresh_token": "5Aep861", "scope": "refresh_token api",
            "instance_url": "http://127.0.0.1:9/", "id": ID, "issued_at": "1764000000000",
        }))
    })
    .await;
    let authorization = begin(&server.url);
    let code = Code::from(Secret::from("aPrx=="));
    let connected = exchange(&http(), &authorization, code).await.unwrap();
    assert_eq!(connected.org.as_str(), "00Dxx0000001gPLEAY");
    assert_eq!(connected.user.as_str(), "005xx000001Sv6AAAS");
    assert_eq!(connected.scope, "refresh_token api");
    assert_eq!(connected.grant.instance_url, "http://127.0.0.1:9");
    assert_eq!(connected.grant.refresh_token.as_ref().unwrap().expose(), "5Aep861");
    assert_eq!(connected.grant.client_secret.as_ref().unwrap().expose(), "app-secret");
    let debug = format!("{connected:?}");
    assert!(!debug.contains("AR8AQ") && !debug.contains("5Aep"), "{debug}");

    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/services/oauth2/token"));
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "aPrx=="),
        ("client_id", "3MVG9client"),
        ("client_secret", "app-secret"),
        ("redirect_uri", "http://localhost:1717/oauth/callback"),
    ] {
        assert_eq!(seen.get(name), value);
    }
    assert!(seen.get("code_verifier").len() >= 43);
}

#[tokio::test]
async fn a_login_without_a_refresh_token_is_refused_with_the_mend() {
    let server = Server::start(|_, _| {
        json(serde_json::json!({
            "access_token": "x", "instance_url": "http://127.0.0.1:9", "id": ID, "token_type": "Bearer",
        }))
    })
    .await;
    let exchanged = exchange(&http(), &begin(&server.url), Secret::from("c").into()).await;
    let error = exchanged.unwrap_err();
    assert!(matches!(error, Error::NoRefreshToken));
    assert!(error.hint().contains("refresh_token, offline_access"), "{}", error.hint());
}

#[tokio::test]
async fn a_refused_login_tells_the_cause_and_no_secret() {
    let server = Server::start(|seen: &Seen, _| {
        let words = format!("expired authorization code: code={}", seen.get("code"));
        let body = serde_json::json!({ "error": "invalid_grant", "error_description": words });
        Reply::Json(400, body.to_string())
    })
    .await;
    let exchanged = exchange(&http(), &begin(&server.url), Secret::from("aPrxCode").into()).await;
    let error = exchanged.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("used before or is too old"), "{text}");
    assert!(!text.contains("aPrxCode"), "{text}");
    assert_eq!(error.code(), "invalid_grant");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_login_that_is_answered_with_a_page_says_so() {
    for (status, what) in [(200, "a web page"), (302, "a redirect"), (503, "failed with HTTP 503")]
    {
        let server = Server::start(move |_, _| Reply::Html(status, "<html>down</html>")).await;
        let exchanged = exchange(&http(), &begin(&server.url), Secret::from("c").into()).await;
        let error = exchanged.unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[tokio::test]
async fn revoking_a_token_that_is_unknown_is_done() {
    let server = Server::start(|_, before| match before {
        0 => Reply::Text(200, ""),
        1 => Reply::Json(400, r#"{"error":"invalid_token"}"#.into()),
        _ => Reply::Json(403, r#"{"error":"x"}"#.into()),
    })
    .await;
    let grant =
        super::Memory::with(&server, "old", Some("refresh-1")).grant.lock().unwrap().clone();
    let login: LoginUrl = server.url.parse().unwrap();
    assert!(revoke(&http(), &login, &grant).await.is_ok());
    assert!(revoke(&http(), &login, &grant).await.is_ok());
    assert!(revoke(&http(), &login, &grant).await.is_err());
    assert_eq!(server.seen()[0].get("token"), "refresh-1");
}

#[tokio::test]
async fn the_version_is_the_newest_that_both_sides_know() {
    for (offers, want) in [
        (
            r#"[{"version":"9.0"},{"version":"68.0"},{"version":"66.0"},{"version":"65.0"}]"#,
            Some("66.0"),
        ),
        (r#"[{"version":"64.0","label":"x"},{"version":"63.0"}]"#, Some("64.0")),
        (r#"[{"version":"57.0"}]"#, None),
    ] {
        let server = Server::start(move |_, _| json(offers)).await;
        assert_eq!(api_version(&http(), &server.url).await.ok().as_deref(), want);
        assert_eq!(server.seen()[0].path, "/services/data");
    }
}

#[tokio::test]
async fn no_secret_of_an_address_or_a_body_is_in_an_error() {
    let cut = Server::start(|_, _| Reply::Cut).await;
    for url in ["http://127.0.0.1:1", cut.url.as_str(), "http://nowhere.invalid"] {
        let url = format!("{url}/cb?code=aPrxCode&token=5AepToken");
        let request = http().request(reqwest::Method::POST, url.parse().unwrap());
        let error =
            http().send(request.body("token=5AepToken").build().unwrap()).await.err().unwrap();
        let text = format!("{error} {error:?} {}", error.hint());
        assert!(!text.contains("aPrxCode") && !text.contains("5AepToken"), "{text}");
    }
    let org = super::org(&cut);
    assert_eq!(format!("{org:?}"), r#"Salesforce { version: "66.0", .. }"#);
    let open = |version| {
        let vault = super::Memory::with(&cut, "old", None);
        let allowance = std::sync::Arc::new(crate::salesforce::Unlimited);
        let login = "login".parse().unwrap();
        crate::salesforce::Salesforce::open(&http(), login, "c", version, vault, allowance)
    };
    assert!(open("66.0/../x").is_err() && open("66").is_err() && open("66.0").is_ok());
}

/// Gets a page of the callback as a browser would, which knows it as `localhost`.
async fn browse(callback: &str, query: &str) -> (u16, String) {
    let client = crate::salesforce::Http::new(Pace::default(), None).unwrap();
    let url = format!("{}?{query}", callback.replace("localhost", "127.0.0.1"));
    let request = client.request(reqwest::Method::GET, url.parse().unwrap()).build().unwrap();
    let answer = client.send(request).await.unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

/// Has a browser fetch these pages of one login; `STATE` stands for its state.
async fn come_back(queries: Vec<String>) -> (crate::salesforce::Result<Code>, Vec<(u16, String)>) {
    let callback = Callback::listen(0).await.unwrap();
    let address = callback.redirect_url();
    assert_eq!((address.host_str(), address.path()), (Some("localhost"), "/oauth/callback"));
    let login: LoginUrl = "login".parse().unwrap();
    let authorization = Authorization::begin(&login, &app(None), address.clone());
    let state = parameter(&authorization, "state");
    let browser = tokio::spawn(async move {
        let mut pages = Vec::new();
        for query in queries {
            pages.push(browse(address.as_str(), &query.replace("STATE", &state)).await);
        }
        pages
    });
    let code = callback.wait(&authorization, Duration::from_secs(20)).await;
    (code, browser.await.unwrap())
}

#[tokio::test]
async fn a_code_comes_back_once_decoded_and_only_with_its_state() {
    let queries = [
        "code=evil&state=wrong",
        "code=evil",
        "state=STATEx&code=evil",
        "code=aPrx%3D%3D&state=STATE",
    ];
    let (code, pages) = come_back(queries.map(str::to_owned).into()).await;
    let statuses: Vec<u16> = pages.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [400, 400, 400, 200]);
    assert_eq!(code.unwrap().0.expose(), "aPrx==");
    assert!(pages[3].1.contains("efficlose is connected."), "{}", pages[3].1);
}

#[tokio::test]
async fn a_denied_login_tells_the_person_and_the_terminal_why() {
    for (code, words) in [
        ("access_denied", "Press Allow"),
        ("access-denied", "Press Allow"),
        ("OAUTH_APP_BLOCKED", "Connected Apps OAuth Usage"),
        ("OAUTH_NEW%3Cscript%3E", "Salesforce"),
    ] {
        let query = format!("error={code}&error_description=end-user+denied+%3Cb%3E&state=STATE");
        let (outcome, pages) = come_back(vec![query]).await;
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::OAuth { .. }));
        assert!(error.hint().contains(words), "{}", error.hint());
        let page = &pages[0].1;
        assert!(page.contains("end-user denied &lt;b&gt;"), "{page}");
        assert!(!page.contains("<b>") && !page.contains("<script>"), "{page}");
    }
}

#[tokio::test]
async fn a_login_that_never_comes_back_ends_the_wait_and_the_listening() {
    let callback = Callback::listen(0).await.unwrap();
    let port = callback.redirect_url().port().unwrap();
    let error = callback.wait(&begin("login"), Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, Error::LoginTimeout { .. }));
    let again = Callback::listen(port).await.unwrap();
    let taken = Callback::listen(port).await.unwrap_err();
    assert!(taken.to_string().contains(&port.to_string()) && taken.hint().contains("--port"));
    drop(again);
}
