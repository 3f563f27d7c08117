//! The API, as the platform meets it, and what watches the host.

use std::path::Path;

use reqwest::{Client, Response};
use serde_json::{Value as Json, json};
use tokio::process::Command;

use crate::cast::{ADA, description, meeting, stage};
use crate::world::{Running, World, array, assert_says, eventually, text};

/// The daemon, the address of its pages, and a token.
async fn served(world: &World) -> (Running, String, String) {
    let mut daemon = world.spawn(&["serve"]);
    let said = daemon.line_starting("Pages are at ").await;
    let base = said.split([' ', ';']).find(|word| word.starts_with("http")).unwrap().to_owned();
    let token = text(&world.json(&["web", "token", "add", "platform"]).await["token"]);
    (daemon, base, token)
}

async fn end(daemon: Running) {
    daemon.terminate().await;
    daemon.end().await.succeeded();
}

async fn post(base: &str, token: &str, body: String) -> Response {
    let request = Client::new().post(format!("{base}/api/meetings")).bearer_auth(token);
    request.header("Content-Type", "application/json").body(body).send().await.unwrap()
}

async fn get(base: &str, token: &str, path: &str) -> Json {
    let answer =
        Client::new().get(format!("{base}{path}")).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_that_the_platform_posts_is_written_once_however_often_it_is_sent() {
    let (world, cast) = stage().await;
    world.sync().await;
    let (daemon, base, token) = served(&world).await;
    let told = meeting(&world.org, "m1", 2, &[ADA]).to_string();
    for was in ["new", "same"] {
        let answer = post(&base, &token, told.clone()).await;
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.json::<Json>().await.unwrap(), json!({ "id": "m1", "was": was }));
    }
    eventually("the meeting to be written", async || {
        description(&world.org, "Contact", &cast.contact).await.contains("Learned in m1")
    })
    .await;
    let shown = get(&base, &token, "/api/meetings/m1").await;
    assert_eq!(shown["meeting"]["title"], "Talk m1");
    assert_eq!(array(get(&base, &token, "/api/meetings").await["meetings"].take()).len(), 1);
    end(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_call_is_told_what_is_wrong_with_it_and_where() {
    let (world, _cast) = stage().await;
    let (daemon, base, token) = served(&world).await;
    let good = meeting(&world.org, "m1", 2, &[ADA]);
    let mut nobody = good.clone();
    nobody["participants"] = json!([{ "email": "nobody" }]);
    let mut early = good.clone();
    early["ended_at"] = json!("2000-01-01T00:00:00Z");
    for (body, status, field, said) in [
        (nobody.to_string(), 422, json!("participants[0].email"), "is not an e-mail address"),
        (early.to_string(), 422, json!("ended_at"), "ends before it starts"),
        ("{".to_owned(), 400, json!(null), "it is not JSON"),
        ("{}".to_owned(), 400, json!("id"), "missing field `id`"),
        (format!("[{good}]"), 400, json!(null), "invalid type"),
        (format!("\"{}\"", "x".repeat(9 << 20)), 413, json!(null), "length limit"),
    ] {
        let answer = post(&base, &token, body).await;
        assert_eq!(answer.status(), status, "{said}");
        let error = answer.json::<Json>().await.unwrap()["error"].take();
        assert_eq!(error["field"], field, "{error}");
        assert_says(&text(&error["message"]), &[said]);
    }
    let answer = Client::new()
        .get(format!("{base}/api/meetings/%FF"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.json::<Json>().await.unwrap()["error"]["message"].is_string());
    let answer = post(&base, "guessed", good.to_string()).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["www-authenticate"]),
        (401, &"Bearer".parse().unwrap())
    );
    world.ok(&["web", "token", "revoke", "platform"]).await;
    assert_eq!(post(&base, &token, good.to_string()).await.status(), 401);
    assert_eq!(array(world.json(&["meetings", "list"]).await).len(), 0);
    let answer = Client::new().get(format!("{base}/api/nothing")).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    assert!(answer.json::<Json>().await.unwrap()["error"]["message"].is_string());
    let answer = Client::new().delete(format!("{base}/api/status")).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    end(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_come_page_by_page_each_once() {
    let world = World::ready().await;
    world.sync().await;
    let (daemon, base, token) = served(&world).await;
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    for _ in 0..10 {
        let page = get(&base, &token, &format!("/api/entities/Contact?limit=7{cursor}")).await;
        ids.extend(page["entities"].as_array().unwrap().iter().map(|entity| text(&entity["id"])));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let all: Vec<String> =
        world.records("Contact").await.iter().map(|one| text(&one["id"])).collect();
    assert_eq!(ids, all);
    let one = get(&base, &token, &format!("/api/entities/Contact/{}", ids[0])).await;
    assert_eq!(one, world.record("Contact", &ids[0]).await["entity"]);
    let status = get(&base, &token, "/api/status").await;
    assert_eq!((&status["state"], &status["is_connected"]), (&json!("Connected"), &json!(true)));

    let watch = async |path: &str| {
        Client::new().get(format!("{base}{path}")).send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(watch("/health").await, "well\n");
    let org = world.org_id().await;
    assert_says(
        &watch("/metrics").await,
        &[
            &format!("efficlose_connected{{org=\"{org}\"}} 1"),
            &format!("efficlose_records{{org=\"{org}\",object=\"Contact\"}} 30"),
            "# EOF",
        ],
    );
    end(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_tries_everything_finds_the_api_as_its_document_says() {
    let (world, _cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    world.sync().await;
    let (daemon, base, token) = served(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = "seed = 1\nworkers = 1\nheaders = { Authorization = \"Bearer ${API_TOKEN}\" }\n\
                    [warnings]\nfail-on = true\n\
                    [checks]\npositive_data_acceptance.expected-statuses = [\"2xx\", \"401\", \"404\", \"422\"]\n";
    std::fs::write(folder.path().join("schemathesis.toml"), settings).unwrap();
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients/python/bin/schemathesis");
    let tried = Command::new(program)
        .args(["--no-color", "run", &format!("{base}/api/openapi.json")])
        .args(["--max-examples", "20", "--generation-database", "none", "--max-redirects", "0"])
        .args(["--request-timeout", "10"])
        .current_dir(folder.path())
        .env("API_TOKEN", &token)
        // It reaches this machine alone.
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .output()
        .await
        .expect("`cargo xtask test` installs schemathesis");
    assert!(tried.status.success(), "{}", String::from_utf8_lossy(&tried.stdout));
    end(daemon).await;
}
