//! Sessions that end and are renewed.

use std::sync::{Arc, OnceLock};

use super::server::{Reply, Seen, Server, json, refused};
use super::{Memory, open};
use crate::model::{Mender, Object};
use crate::salesforce::Error;

const COUNT: &str = r#"{"totalSize": 17, "done": true, "records": []}"#;

fn renewal(server_url: &str, access: &str, refresh: Option<&str>) -> Reply {
    let mut body = serde_json::json!({
        "access_token": access, "instance_url": server_url, "token_type": "Bearer",
        "id": "https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001Sv6AAAS",
        "issued_at": "1764000000000", "signature": "x",
    });
    if let Some(refresh) = refresh {
        body["refresh_token"] = refresh.into();
    }
    json(body)
}

fn expired() -> Reply {
    refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
}

/// Renews to `new` and `refresh-2`, and takes the token `new` alone.
async fn rotating() -> Server {
    let url: Arc<OnceLock<String>> = Arc::default();
    let told = Arc::clone(&url);
    let server = Server::start(move |seen: &Seen, _| match seen.path.as_str() {
        "/services/oauth2/token" if seen.get("refresh_token") == "refresh-1" => {
            renewal(told.get().unwrap(), "new", Some("refresh-2"))
        }
        "/services/oauth2/token" => Reply::Json(
            400,
            r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#
                .into(),
        ),
        _ if seen.token() == "new" => json(COUNT),
        _ => expired(),
    })
    .await;
    url.set(server.url.clone()).unwrap();
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_calls_that_meet_a_dead_session_renew_it_once() {
    let server = rotating().await;
    let vault = Memory::with(&server, "old", Some("refresh-1"));
    // Two values over one vault stand for two processes.
    let orgs = [open(&server, &vault), open(&server, &vault)];
    let calls: Vec<_> = (0..20)
        .map(|n: usize| {
            let org = orgs[n % 2].clone();
            tokio::spawn(async move { org.count(Object::Contact, None).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 17);
    }
    assert_eq!(server.count("/oauth2/token"), 1);
    assert_eq!(*vault.saves.lock().unwrap(), ["new"]);
    assert_eq!(orgs[0].usage().unwrap().used, 18);
}

#[tokio::test]
async fn a_rotated_token_is_kept_before_it_is_used() {
    let vault: Arc<OnceLock<Arc<Memory>>> = Arc::default();
    let (known, url) = (Arc::clone(&vault), Arc::new(OnceLock::<String>::new()));
    let told = Arc::clone(&url);
    let server = Server::start(move |seen: &Seen, _| match (seen.path.as_str(), seen.token()) {
        ("/services/oauth2/token", _) => renewal(told.get().unwrap(), "new", Some("refresh-2")),
        (_, "new") => {
            let kept = known.get().unwrap().tokens();
            assert_eq!(kept, ("new".to_owned(), "refresh-2".to_owned()));
            json(COUNT)
        }
        _ => expired(),
    })
    .await;
    url.set(server.url.clone()).unwrap();
    let memory = Memory::with(&server, "old", Some("refresh-1"));
    // A vault that fails for a moment must not cost the connection.
    *memory.broken_saves.lock().unwrap() = 2;
    vault.set(Arc::clone(&memory)).ok().unwrap();
    let org = open(&server, &memory);
    assert_eq!(org.count(Object::Lead, None).await.unwrap(), 17);
    assert_eq!(org.calls(), 2);
    let renewal = server.seen().into_iter().find(|seen| seen.path.ends_with("/token")).unwrap();
    assert_eq!(renewal.get("grant_type"), "refresh_token");
    assert_eq!(renewal.get("client_id"), "client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_renewal_goes_on_when_the_call_that_wanted_it_is_dropped() {
    let url = Arc::new(OnceLock::<String>::new());
    let told = Arc::clone(&url);
    let (asked, mut was_asked) = tokio::sync::mpsc::unbounded_channel();
    let (answer, may_answer) = std::sync::mpsc::channel::<()>();
    let may_answer = std::sync::Mutex::new(may_answer);
    let server = Server::start(move |seen: &Seen, _| match (seen.path.as_str(), seen.token()) {
        ("/services/oauth2/token", _) => {
            asked.send(()).unwrap();
            may_answer.lock().unwrap().recv().unwrap();
            renewal(told.get().unwrap(), "new", Some("refresh-2"))
        }
        (_, "new") => json(COUNT),
        _ => expired(),
    })
    .await;
    url.set(server.url.clone()).unwrap();
    let vault = Memory::with(&server, "old", Some("refresh-1"));
    let org = open(&server, &vault);
    let call = tokio::spawn({
        let org = org.clone();
        async move { org.count(Object::Lead, None).await }
    });
    was_asked.recv().await.unwrap();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    answer.send(()).unwrap();
    assert_eq!(org.count(Object::Lead, None).await.unwrap(), 17);
    assert_eq!(vault.tokens(), ("new".to_owned(), "refresh-2".to_owned()));
    assert_eq!(server.count("/oauth2/token"), 1);
}

#[tokio::test]
async fn a_refresh_token_stays_where_the_renewal_gives_none() {
    let url = Arc::new(OnceLock::<String>::new());
    let told = Arc::clone(&url);
    let server = Server::start(move |seen: &Seen, _| match (seen.path.as_str(), seen.token()) {
        ("/services/oauth2/token", _) => renewal(told.get().unwrap(), "new", None),
        (_, "new") => json(COUNT),
        _ => expired(),
    })
    .await;
    url.set(server.url.clone()).unwrap();
    let vault = Memory::with(&server, "old", Some("refresh-1"));
    open(&server, &vault).count(Object::Lead, None).await.unwrap();
    assert_eq!(vault.tokens(), ("new".to_owned(), "refresh-1".to_owned()));
}

#[tokio::test]
async fn a_grant_that_another_process_renewed_is_used_without_a_renewal() {
    let server = rotating().await;
    let vault = Memory::with(&server, "old", Some("refresh-1"));
    let org = open(&server, &vault);
    assert_eq!(org.count(Object::Lead, None).await.unwrap(), 17);
    let late = open(&server, &vault);
    vault.grant.lock().unwrap().access_token = "old".into();
    let _ = late.usage();
    let pass = late.org.session.pass().await.unwrap();
    vault.grant.lock().unwrap().access_token = "new".into();
    assert_eq!(pass.token.expose(), "old");
    assert_eq!(late.count(Object::Lead, None).await.unwrap(), 17);
    assert_eq!(server.count("/oauth2/token"), 1);
}

#[tokio::test]
async fn a_refused_renewal_ends_the_connection_and_is_not_repeated() {
    let server = rotating().await;
    let vault = Memory::with(&server, "old", Some("dead"));
    let org = open(&server, &vault);
    for _ in 0..3 {
        let error = org.count(Object::Lead, None).await.unwrap_err();
        assert!(matches!(error, Error::SessionEnded { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "the connection to Salesforce has ended: the refresh token was revoked, replaced, \
             or not used for too long: expired access/refresh token (invalid_grant)"
        );
        assert!(error.hint().contains("`efficlose connect`"));
        assert!(!error.is_transient());
    }
    assert_eq!(server.count("/oauth2/token"), 1);
    // A person connected anew meanwhile.
    *vault.grant.lock().unwrap() =
        Memory::with(&server, "new", Some("refresh-1")).grant.lock().unwrap().clone();
    assert_eq!(org.count(Object::Lead, None).await.unwrap(), 17);
}

#[tokio::test]
async fn a_grant_without_a_refresh_token_ends_with_its_session() {
    let server = rotating().await;
    let org = open(&server, &Memory::with(&server, "old", None));
    let error = org.count(Object::Lead, None).await.unwrap_err();
    assert_eq!(error.code(), "no_refresh_token");
    assert!(matches!(error, Error::SessionEnded { .. }));
    assert_eq!(server.count("/oauth2/token"), 0);
}

#[tokio::test]
async fn sessions_of_the_wrong_kind_are_never_renewed() {
    for words in [
        "This session is not valid for use with the REST API",
        "Connected app is not attached to Agent",
    ] {
        let server = Server::start(move |_, _| refused(401, "INVALID_SESSION_ID", words)).await;
        let org = super::org(&server);
        let error = org.count(Object::Lead, None).await.unwrap_err();
        assert_eq!(error.code(), "INVALID_SESSION_ID");
        assert_eq!(error.mender(), Mender::SalesforceAdmin);
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_session_that_is_refused_right_after_its_renewal_is_given_up() {
    let url = Arc::new(OnceLock::<String>::new());
    let told = Arc::clone(&url);
    let server = Server::start(move |seen: &Seen, _| match seen.path.as_str() {
        "/services/oauth2/token" => renewal(told.get().unwrap(), "new", None),
        _ => expired(),
    })
    .await;
    url.set(server.url.clone()).unwrap();
    let org = super::org(&server);
    let error = org.count(Object::Lead, None).await.unwrap_err();
    assert_eq!(error.code(), "INVALID_SESSION_ID");
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_renewal_whose_answer_is_lost_is_not_sent_again() {
    let server = Server::start(|seen: &Seen, _| match seen.path.as_str() {
        "/services/oauth2/token" => Reply::Cut,
        _ => expired(),
    })
    .await;
    let error = super::org(&server).count(Object::Lead, None).await.unwrap_err();
    assert!(matches!(error, Error::Renewal { .. }), "{error}");
    assert!(!error.leaves_in_doubt());
    assert_eq!(server.count("/oauth2/token"), 1);
}

#[tokio::test]
async fn the_identity_service_says_in_plain_text_that_a_session_is_dead() {
    let url = Arc::new(OnceLock::<String>::new());
    let told = Arc::clone(&url);
    let server = Server::start(move |seen: &Seen, _| match (seen.path.as_str(), seen.token()) {
        ("/services/oauth2/token", _) => renewal(told.get().unwrap(), "new", None),
        (_, "new") => json(
            r#"{"preferred_username":"ada@acme.example","name":"Ada","user_id":"005xx000001Sv6AAAS",
            "organization_id":"00Dxx0000001gPLEAY","email":null}"#,
        ),
        _ => Reply::Text(403, "Bad_OAuth_Token"),
    })
    .await;
    url.set(server.url.clone()).unwrap();
    let me = super::org(&server).whoami().await.unwrap();
    assert_eq!((me.username.as_str(), me.display_name.as_str()), ("ada@acme.example", "Ada"));
    assert_eq!(me.org.as_str(), "00Dxx0000001gPLEAY");
}
