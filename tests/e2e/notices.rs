//! Who is told when something goes wrong, and when it is well again.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ring::hmac;
use serde_json::{Value as Json, json};

use crate::cast::{ADA, meeting, stage, with_items};
use crate::world::{Sync, World, assert_says, text};

/// What a webhook was posted: the signature and the body.
type Posted = Arc<Mutex<Vec<(String, String)>>>;

/// Serves a webhook that takes what it is given while `takes` says so.
async fn webhook(takes: Arc<Mutex<bool>>) -> (String, Posted) {
    let posted = Posted::default();
    let take = move |State(posted): State<Posted>, headers: HeaderMap, body: String| async move {
        if !*takes.lock().unwrap() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        let signature = headers["efficlose-signature"].to_str().unwrap().to_owned();
        posted.lock().unwrap().push((signature, body));
        StatusCode::NO_CONTENT
    };
    let router = axum::Router::new().route("/hook", axum::routing::post(take));
    let router = router.with_state(Arc::clone(&posted));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}/hook"), posted)
}

/// Returns what was posted since, once each signature is proven.
fn notices(posted: &Posted) -> Vec<Json> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"hush");
    let taken = std::mem::take(&mut *posted.lock().unwrap());
    let notices = taken.into_iter().map(|(signature, body)| {
        let (time, digits) = signature.split_once(",v1=").unwrap();
        let signed = format!("{}.{body}", time.strip_prefix("t=").unwrap());
        let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        let tag: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        hmac::verify(&key, signed.as_bytes(), &tag).unwrap();
        serde_json::from_str(&body).unwrap()
    });
    notices.collect()
}

/// Has notices sent to a webhook, and to whom else the settings say.
fn notify(world: &World, webhook: &str, more: &str) {
    let secret = world.home().join("hush");
    std::fs::write(&secret, "hush\n").unwrap();
    let file = world.home().join("config.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let notices =
        format!("[notices]\nwebhook = \"{webhook}\"\nsecret_file = {secret:?}\n{more}\n{settings}");
    std::fs::write(&file, notices).unwrap();
}

fn is(notice: &Json, about: &str, is_mended: bool) -> bool {
    notice["about"] == about && notice["is_mended"] == is_mended
}

/// Returns how many notices are about this.
fn count(notices: &[Json], about: &str, is_mended: bool) -> usize {
    notices.iter().filter(|notice| is(notice, about, is_mended)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_and_a_command_hear_of_each_change_once_and_of_its_mend() {
    let world = World::ready().await;
    let takes = Arc::new(Mutex::new(true));
    let (url, posted) = webhook(Arc::clone(&takes)).await;
    let log = world.home().join("notices.jsonl");
    let command = format!(
        "command = [\"/bin/sh\", \"-c\", \"cat >> {}; echo >> {}\"]\n",
        log.display(),
        log.display()
    );
    notify(&world, &url, &command);
    world.sync().await;
    assert_eq!(notices(&posted), Vec::<Json>::new(), "all is well");
    world.ok(&["notices", "test"]).await;
    assert_eq!(notices(&posted).iter().filter(|notice| is(notice, "test", true)).count(), 1);
    assert_says(&std::fs::read_to_string(&log).unwrap(), &["this is a test"]);

    world.org.change_field("Contact", "LastName", json!({ "visible": false })).await;
    for _ in 0..2 {
        world.sync_fails().await;
    }
    let told = notices(&posted);
    assert!(told.iter().any(|notice| is(notice, "Contact pull", false)), "{told:?}");
    assert!(told.iter().all(|notice| !text(&notice["message"]).is_empty()));
    let broken = told.iter().filter(|notice| is(notice, "Contact pull", false)).count();
    assert_eq!(broken, 1, "it is told once: {told:?}");
    assert_says(&std::fs::read_to_string(&log).unwrap(), &["Contact pull", "field-level security"]);

    // What could not be told is told after the next sync.
    world.org.change_field("Contact", "LastName", json!({ "visible": true })).await;
    *takes.lock().unwrap() = false;
    world.sync().await;
    assert_eq!(notices(&posted), Vec::<Json>::new());
    *takes.lock().unwrap() = true;
    world.sync().await;
    let told = notices(&posted);
    assert!(told.iter().any(|notice| is(notice, "Contact pull", true)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_together_by_their_causes() {
    let (world, _) = stage().await;
    let (url, posted) = webhook(Arc::new(Mutex::new(true))).await;
    notify(&world, &url, "");
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    let script = "export const writes = { Title: 'overwrite' };
export function push(q) { throw new Error('nobody knows ' + q.meeting.insights[0].kind); }";
    std::fs::write(folder.join("contact.js"), script).unwrap();
    world.ok(&["mapping", "accept", "Contact"]).await;
    world.sync().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    world.sync().await;
    let told = notices(&posted);
    let digest = told.iter().find(|notice| is(notice, "failures", false)).unwrap();
    assert_eq!(digest["message"], "one failure waits for a mend");
    let cause = &digest["causes"][0];
    assert_eq!(
        (&cause["count"], &cause["object"], &cause["direction"], &cause["mender"]),
        (&json!(1), &json!("Contact"), &json!("push"), &json!("mapping_author"))
    );
    assert_says(&text(&cause["message"]), &["nobody knows need"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_does_not_take_a_webhook_hears_once_all_the_same() {
    let world = World::ready().await;
    let (url, posted) = webhook(Arc::new(Mutex::new(true))).await;
    let (script, log) = (world.home().join("page.sh"), world.home().join("notices.jsonl"));
    std::fs::write(&script, "exit 3\n").unwrap();
    notify(&world, &url, &format!("command = [\"/bin/sh\", {script:?}]\n"));
    world.org.change_field("Contact", "LastName", json!({ "visible": false })).await;
    for _ in 0..2 {
        world.sync_fails().await;
    }
    assert_eq!(count(&notices(&posted), "Contact pull", false), 1);

    // Once it takes what it is given, it is told of what it has missed.
    std::fs::write(&script, format!("cat >> {}\n", log.display())).unwrap();
    for _ in 0..2 {
        world.sync_fails().await;
    }
    let heard = std::fs::read_to_string(&log).unwrap();
    let heard: Vec<Json> = heard.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(count(&heard, "Contact pull", false), 1, "{heard:?}");
    assert_eq!(count(&notices(&posted), "Contact pull", false), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_broken_by_one_thing_after_another_is_told_once() {
    let world = World::ready().await;
    let (url, posted) = webhook(Arc::new(Mutex::new(true))).await;
    notify(&world, &url, "");
    world.org.change_field("Contact", "LastName", json!({ "visible": false })).await;
    let (first, _) = world.sync_fails().await;
    world.org.secure_object(json!({ "object": "Contact", "visible": false })).await;
    let (second, _) = world.sync_fails().await;
    let why = |sync: &Sync| text(&sync.run("Contact", "pull")["error"]["message"]);
    assert_ne!(why(&first), why(&second));
    assert_eq!(count(&notices(&posted), "Contact pull", false), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_that_come_up_again_within_a_day_are_told_once() {
    let (world, _) = stage().await;
    let (url, posted) = webhook(Arc::new(Mutex::new(true))).await;
    notify(&world, &url, "");
    world.sync().await;
    let error = json!({ "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Not now" });
    let body = json!([{ "success": false, "errors": [error] }]);
    for id in ["m1", "m2"] {
        let path = "{V}/composite/sobjects";
        let fault = json!({
            "method": "POST", "path": path, "kind": "status", "status": 200, "body": body,
        });
        world.org.fault(fault).await;
        world.tell(&[with_items(meeting(&world.org, id, 2, &[ADA]), &[("a", "One")])]).await;
        world.ok(&["sync", "--object", "Task"]).await;
        assert_eq!(world.failures().await.len(), 1, "{id}");
        world.ok(&["failures", "retry"]).await;
        world.sync().await;
        assert_eq!(world.failures().await, Vec::<Json>::new(), "{id}");
    }
    let told = notices(&posted);
    assert_eq!(count(&told, "failures", false), 1, "{told:?}");
    assert_eq!(count(&told, "failures", true), 1, "{told:?}");
}
