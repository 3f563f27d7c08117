//! Logging in: consent, codes, tokens, rotation, the end of tokens.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::client::{Answer, Client, V};

const CALLBACK: &str = "http://127.0.0.1:4711/any/path";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0123";

fn challenge() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// The fields of the page's form.
fn fields(page: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for input in page.split("<input type=\"hidden\" name=\"").skip(1) {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        let value = rest.split_once("\">").unwrap().0;
        fields.push((name.to_owned(), value.replace("&amp;", "&").replace("&quot;", "\"")));
    }
    fields
}

fn pairs_of(location: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(location).unwrap();
    url.query_pairs().into_owned().collect()
}

fn pair(pairs: &[(String, String)], name: &str) -> String {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

async fn authorize(client: &Client, changes: &[(&str, &str)]) -> Answer {
    let challenge = challenge();
    let mut query: Vec<(&str, &str)> = vec![
        ("response_type", "code"),
        ("client_id", &client.sandbox.greeting().client_id),
        ("redirect_uri", CALLBACK),
        ("scope", "api refresh_token"),
        ("state", "s&t=\"1\""),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        query.retain(|(known, _)| known != name);
        query.push((name, value));
    }
    client.send(client.request("GET", "/services/oauth2/authorize").query(&query)).await
}

async fn decide(client: &Client, decision: &str) -> Vec<(String, String)> {
    let page = authorize(client, &[]).await;
    assert_eq!(page.status, 200);
    let mut form = fields(&page.text);
    form.push(("decision".to_owned(), decision.to_owned()));
    let form: Vec<(&str, &str)> =
        form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = client.form("/services/oauth2/authorize", &form).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    assert!(answer.header("location").starts_with(CALLBACK));
    pairs_of(answer.header("location"))
}

async fn exchange(client: &Client, code: &str, changes: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", client.sandbox.greeting().client_id.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    client.form("/services/oauth2/token", &form).await
}

async fn connect(client: &Client) -> Json {
    let code = pair(&decide(client, "allow").await, "code");
    let answer = exchange(client, &code, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

async fn refresh(client: &Client, token: &str) -> Answer {
    let id = &client.sandbox.greeting().client_id;
    client
        .form(
            "/services/oauth2/token",
            &[("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", id)],
        )
        .await
}

#[tokio::test]
async fn a_person_who_allows_gets_a_session_of_the_integration_user() {
    let mut client = Client::start().await;
    let result = decide(&client, "allow").await;
    assert_eq!(pair(&result, "state"), "s&t=\"1\"");
    let code = pair(&result, "code");
    assert!(code.ends_with("=="));
    let tokens = exchange(&client, &code, &[]).await.json();
    assert!(tokens.get("expires_in").is_none());
    assert_eq!(tokens["issued_at"], "1795521600000");
    assert_eq!(tokens["scope"], "api refresh_token");
    assert_eq!(tokens["instance_url"], client.sandbox.greeting().url);
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(access.find('!'), Some(15));
    client.token = access.to_owned();
    let info = client.get("/services/oauth2/userinfo").await.json();
    assert_eq!(info["preferred_username"], "integration@northwind.example");
    let identity = tokens["id"].as_str().unwrap().replace(&client.sandbox.greeting().url, "");
    assert_eq!(client.get(&identity).await.json()["email"], "integration@northwind.example");
    let made =
        client.json("POST", &format!("{V}/sobjects/Task"), json!({"Subject": "mine"})).await.json();
    let path = format!("{V}/sobjects/Task/{}?fields=CreatedById", made["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.json()["CreatedById"], info["user_id"]);
    client.sandbox.stop().await;
}

#[tokio::test]
async fn a_person_who_denies_sends_the_app_away() {
    let client = Client::start().await;
    let result = decide(&client, "deny").await;
    assert_eq!(pair(&result, "error"), "access_denied");
    assert_eq!(pair(&result, "error_description"), "end-user denied authorization");
    assert_eq!(pair(&result, "code"), "");
}

#[tokio::test]
async fn requests_that_can_not_go_back_end_on_a_page() {
    let client = Client::start().await;
    for (change, error) in [
        (("client_id", "3MVG9nobody"), "invalid_client_id"),
        (("redirect_uri", "http://evil.example/cb"), "redirect_uri_mismatch"),
        (("redirect_uri", "http://127.0.0.1.evil.example/cb"), "redirect_uri_mismatch"),
        (("redirect_uri", ""), "redirect_uri_missing"),
    ] {
        let answer = authorize(&client, &[change]).await;
        let location = answer.header("location");
        assert!(location.starts_with(&client.sandbox.greeting().url), "{location}");
        assert_eq!(pair(&pairs_of(location), "error"), error);
        let page = client.get(&location.replace(&client.sandbox.greeting().url, "")).await;
        assert!(page.text.contains(error));
    }
}

#[tokio::test]
async fn requests_that_ask_wrongly_go_back_with_an_error() {
    let client = Client::start().await;
    for (change, error) in [
        (("scope", "api everything"), "invalid_scope"),
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge_method", "plain"), "invalid_request"),
    ] {
        let answer = authorize(&client, &[change]).await;
        let location = answer.header("location");
        assert!(location.starts_with(CALLBACK), "{location}");
        assert_eq!(pair(&pairs_of(location), "error"), error);
    }
}

#[tokio::test]
async fn a_code_works_once_for_its_app_its_address_and_its_verifier() {
    let client = Client::start().await;
    let wrong = "another-verifier-of-at-least-forty-three-characters";
    for (change, error) in [
        (("code_verifier", wrong), "invalid_grant"),
        (("redirect_uri", "http://127.0.0.1:1/"), "redirect_uri_mismatch"),
        (("client_secret", "wrong"), "invalid_client"),
        (("client_id", "nobody"), "invalid_client_id"),
        (("grant_type", "password"), "unsupported_grant_type"),
    ] {
        let code = pair(&decide(&client, "allow").await, "code");
        let answer = exchange(&client, &code, &[change]).await;
        assert_eq!(answer.json()["error"], error);
        assert!((400..=401).contains(&answer.status));
    }
    let code = pair(&decide(&client, "allow").await, "code");
    let secret = client.sandbox.greeting().client_secret.clone();
    let with_secret = [("client_secret", secret.as_str())];
    assert_eq!(exchange(&client, &code, &with_secret).await.status, 200);
    let again = exchange(&client, &code, &with_secret).await;
    assert_eq!((again.status, &again.json()["error"]), (400, &json!("invalid_grant")));
    let late = pair(&decide(&client, "allow").await, "code");
    client.control("POST", "/clock", json!({"advanceSeconds": 601})).await;
    assert_eq!(
        exchange(&client, &late, &[]).await.json()["error_description"],
        "expired authorization code"
    );
}

#[tokio::test]
async fn a_rotated_out_token_ends_its_whole_family() {
    let mut client = Client::start().await;
    client.control("PATCH", "/settings", json!({"rotate": true})).await;
    let first = connect(&client).await;
    let old = first["refresh_token"].as_str().unwrap();
    let second = refresh(&client, old).await.json();
    let new = second["refresh_token"].as_str().unwrap();
    assert_ne!(old, new);
    let reuse = refresh(&client, old).await;
    assert_eq!(reuse.status, 400);
    assert_eq!(
        reuse.json(),
        json!({"error": "invalid_grant", "error_description": "expired access/refresh token"})
    );
    assert_eq!(refresh(&client, new).await.json()["error"], "invalid_grant");
    client.token = second["access_token"].as_str().unwrap().to_owned();
    assert_eq!(client.get(&format!("{V}/limits")).await.status, 401);
}

#[tokio::test]
async fn without_rotation_a_refresh_gives_only_an_access_token() {
    let client = Client::start().await;
    let token = &client.sandbox.greeting().refresh_token;
    let answer = refresh(&client, token).await.json();
    assert!(answer.get("refresh_token").is_none());
    assert_eq!(refresh(&client, token).await.status, 200);
}

#[tokio::test]
async fn a_sixth_approval_ends_the_oldest() {
    let client = Client::start().await;
    let mut tokens = Vec::new();
    for _ in 0..6 {
        tokens.push(connect(&client).await["refresh_token"].as_str().unwrap().to_owned());
    }
    assert_eq!(refresh(&client, &tokens[0]).await.status, 400);
    assert_eq!(refresh(&client, &tokens[1]).await.status, 200);
}

#[tokio::test]
async fn revoking_a_refresh_token_ends_its_sessions() {
    let mut client = Client::start().await;
    let tokens = connect(&client).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(client.form("/services/oauth2/revoke", &[("token", token)]).await.status, 200);
    assert_eq!(client.form("/services/oauth2/revoke", &[("token", token)]).await.status, 400);
    client.token = tokens["access_token"].as_str().unwrap().to_owned();
    let dead = client.get(&format!("{V}/sobjects")).await;
    assert_eq!(dead.status, 401);
    assert_eq!(
        dead.json(),
        json!([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
    );
    let info = client.get("/services/oauth2/userinfo").await;
    assert_eq!((info.status, info.text.as_str()), (403, "Bad_OAuth_Token"));
}

#[tokio::test]
async fn an_app_can_come_in_by_itself_and_ask_about_tokens() {
    let mut client = Client::start().await;
    let greeting = client.sandbox.greeting().clone();
    let request = client
        .stranger("POST", "/services/oauth2/token")
        .basic_auth(&greeting.client_id, Some(&greeting.client_secret))
        .form(&[("grant_type", "client_credentials")]);
    let tokens = client.send(request).await.json();
    assert!(tokens.get("refresh_token").is_none());
    client.token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(client.get(&format!("{V}/limits")).await.status, 200);
    let ask = |token: String| {
        let greeting = greeting.clone();
        let client = &client;
        async move {
            let form = [
                ("token", token.as_str()),
                ("client_id", &greeting.client_id),
                ("client_secret", &greeting.client_secret),
            ];
            client.form("/services/oauth2/introspect", &form).await.json()
        }
    };
    assert_eq!(ask(client.token.clone()).await["username"], "integration@northwind.example");
    assert_eq!(ask("nothing".to_owned()).await, json!({"active": false}));
}

#[tokio::test]
async fn a_session_ends_after_two_idle_hours_and_is_refreshed() {
    let mut client = Client::start().await;
    client.control("POST", "/clock", json!({"advanceSeconds": 7201})).await;
    assert_eq!(client.get(&format!("{V}/limits")).await.status, 401);
    let token = client.sandbox.greeting().refresh_token.clone();
    client.token =
        refresh(&client, &token).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(client.get(&format!("{V}/limits")).await.status, 200);
}

#[tokio::test]
async fn discovery_names_every_door() {
    let client = Client::start().await;
    let url = &client.sandbox.greeting().url;
    let known = client.get("/.well-known/openid-configuration").await.json();
    assert_eq!(known["issuer"], *url);
    assert_eq!(known["token_endpoint"], format!("{url}/services/oauth2/token"));
}
