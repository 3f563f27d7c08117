//! Connecting an org, keeping the connection alive, and ending it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::world::{Decision, Org, World, assert_fails, assert_says, few, files, none, text};

async fn set(org: &Org, settings: Json) {
    org.control(Method::PATCH, "/settings", settings).await;
}

/// Returns whether the org is connected, as the status says it.
pub(crate) async fn state(world: &World) -> String {
    text(&world.json(&["status"]).await["orgs"][0]["state"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_allows_it_at_the_printed_address_connects_the_org() {
    let world = World::start_with(none()).await;
    let mut running = world.spawn(&world.org.connect_arguments());
    let page = running.line_starting("http").await;
    let address = reqwest::Url::parse(&page).unwrap();
    assert!(page.starts_with(world.org.url()), "{page}");
    let asked: Vec<_> = address.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert!(asked.contains(&"code_challenge".to_owned()), "{page}");
    let end = world.org.decide(&page, Decision::Allow).await;
    assert_eq!(end.status(), 200);
    assert_says(&end.text().await.unwrap(), &["efficlose is connected"]);
    let output = running.end().await.succeeded();
    assert_says(&output.stdout, &["Connected to 00D", "integration@northwind.example"]);
    assert_eq!(state(&world).await, "Connected, not set up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_reads_the_address_and_the_end_as_json() {
    let world = World::start_with(none()).await;
    let mut arguments = world.org.connect_arguments().to_vec();
    arguments.push("--json");
    let mut running = world.spawn(&arguments);
    let line: Json = serde_json::from_str(&running.line_starting("{").await).unwrap();
    world.org.decide(&text(&line["authorize_url"]), Decision::Allow).await;
    let ended = running.end().await.succeeded().json();
    assert_eq!(ended["connected"], true);
    assert_eq!(ended["username"], "integration@northwind.example");
    assert_eq!(ended["org"], world.org_id().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_home_that_nobody_named_is_for_its_owner_alone() {
    let world = World::start_with(none()).await;
    let user = tempfile::tempdir().unwrap();
    let mut command = world.command(&world.org.connect_arguments());
    command.env_remove("EFFICLOSE_HOME").env("HOME", user.path()).stdin(Stdio::null());
    let mut running = world.spawn_command(command);
    let page = running.line_starting("http").await;
    world.org.decide(&page, Decision::Allow).await;
    running.end().await.succeeded();
    let home = user.path().join(".local/share/efficlose");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home), 0o700);
    let found = files(&home);
    assert!(found.contains(&home.join("key")) && found.contains(&home.join("control.db")));
    for file in found {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_may_be_named_from_where_one_stands() {
    let world = World::start().await;
    world.connect().await;
    let mut command = world.command(&["setup", "--yes"]);
    let name = world.home().file_name().unwrap();
    command.env("EFFICLOSE_HOME", name).current_dir(world.home().parent().unwrap());
    let running = world.spawn_command(command);
    let said = running.end().await.succeeded();
    assert_says(&said.stdout, &[&world.home().join("config.toml").display().to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_up_again_keeps_what_was_chosen_before() {
    let world = World::start().await;
    world.connect().await;
    world.ok(&["setup", "--yes", "--object", "Contact", "--pull-only", "--every", "30"]).await;
    let file = world.home().join("config.toml");
    let chosen = std::fs::read_to_string(&file).unwrap();
    assert_says(&chosen, &["push = false", "every_minutes = 30"]);
    world.ok(&["setup", "--yes"]).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), chosen);
    world.ok(&["setup", "--yes", "--object", "Contact", "--object", "Task"]).await;
    let more = std::fs::read_to_string(&file).unwrap();
    assert_says(&more, &["every_minutes = 30", "objects.Task]", "every_minutes = 120"]);
    assert!(!more.contains("objects.Lead"), "{more}");
    world.ok(&["setup", "--yes", "--two-way"]).await;
    assert!(!std::fs::read_to_string(&file).unwrap().contains("push = false"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_the_org_does_not_know_ends_the_wait_with_a_mend() {
    let world = World::start_with(none()).await;
    let mut arguments = world.org.connect_arguments();
    arguments[5] = "3MVG9nobody";
    let mut running = world.spawn(&arguments);
    let page = running.line_starting("http").await;
    let shown = world.org.browse(&page).await;
    let leads_to = shown.headers()["location"].to_str().unwrap();
    assert_says(leads_to, &["RemoteAccessErrorPage", "invalid_client_id"]);
    let output = running.end().await;
    assert_fails(output, "the app is not known at this login URL", "check the consumer key");
    assert_eq!(world.json(&["status"]).await["orgs"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_never_comes_back_ends_with_a_mend() {
    let world = World::start_with(none()).await;
    let mut arguments = world.org.connect_arguments().to_vec();
    arguments.extend(["--timeout", "1"]);
    let output = world.efficlose(&arguments).await;
    let hint = "Read what Salesforce shows in the browser";
    assert_fails(output, "the login did not come back within 1 seconds", hint);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_denies_it_connects_nothing() {
    let world = World::start_with(none()).await;
    let output = world.connect_to(&world.org, Decision::Deny).await;
    assert_fails(output, "the login was denied", "Press Allow");
    assert_eq!(world.json(&["status"]).await["orgs"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_another_login_is_refused_and_the_wait_goes_on() {
    let world = World::start_with(none()).await;
    let mut running = world.spawn(&world.org.connect_arguments());
    let page = running.line_starting("http").await;
    let back = world.org.press(&page, Decision::Allow).await;
    let (callback, _) = back.split_once('?').unwrap();
    for stranger in ["?code=abc&state=guessed", "?code=abc", "?error=access_denied"] {
        let answer = world.org.browse(&format!("{callback}{stranger}")).await;
        assert_eq!(answer.status(), 400, "{stranger}");
        assert!(!running.has_ended());
    }
    assert_eq!(world.org.browse(&back).await.status(), 200);
    assert_says(&running.end().await.succeeded().stdout, &["Connected to 00D"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_with_a_secret_gives_it_from_a_file_and_keeps_it_sealed() {
    let world = World::start_with(none()).await;
    let secret = world.org.sandbox.greeting().client_secret.clone();
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("secret");
    let connect = async |text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut arguments = world.org.connect_arguments().to_vec();
        arguments.extend(["--client-secret-file", file.to_str().unwrap()]);
        let mut running = world.spawn(&arguments);
        let page = running.line_starting("http").await;
        world.org.decide(&page, Decision::Allow).await;
        running.end().await
    };
    let wrong = connect("not-the-secret").await;
    assert_says(&wrong.stderr, &["the app's secret is wrong"]);
    assert!(!wrong.failed().stderr.contains("not-the-secret"));
    let right = connect(&format!("{secret}\n")).await.succeeded();
    assert!(!right.stdout.contains(&secret) && !right.stderr.contains(&secret));
    world.org.expire_sessions().await;
    world.setup().await;
    for file in files(world.home()) {
        let bytes = std::fs::read(&file).unwrap();
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{} holds the secret", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_without_the_api_is_told_when_it_is_connected() {
    let world = World::start_with(none()).await;
    set(&world.org, json!({ "apiDisabled": true })).await;
    let output = world.connect_to(&world.org, Decision::Allow).await;
    assert_fails(output, "the API is closed to this org", "API Enabled");
    assert_eq!(world.json(&["status"]).await["orgs"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_not_kept_is_revoked() {
    let world = World::start_with(none()).await;
    set(&world.org, json!({ "apiDisabled": true })).await;
    world.connect_to(&world.org, Decision::Allow).await.failed();
    let requests = world.org.requests().await;
    let is_revoked =
        |request: &&Json| request["path"] == "/services/oauth2/revoke" && request["status"] == 200;
    assert_eq!(requests.iter().filter(is_revoked).count(), 1, "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_that_loses_the_api_says_so_once_and_syncs_when_it_is_back() {
    let world = World::ready().await;
    set(&world.org, json!({ "apiDisabled": true })).await;
    let (sync, error) = world.sync_fails().await;
    assert_says(&text(&error["message"]), &["the API is closed to this org"]);
    assert_says(&text(&error["hint"]), &["API Enabled"]);
    assert_eq!(sync.runs().len(), 1, "no other object is tried: {:?}", sync.runs());
    assert_eq!(state(&world).await, "Connected");
    set(&world.org, json!({ "apiDisabled": false })).await;
    assert_eq!(world.sync().await.total("failed"), 0);
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_is_renewed_without_anyone_noticing() {
    let world = World::ready().await;
    let (access, _) = world.tokens().await;
    world.org.expire_sessions().await;
    let sync = world.sync().await;
    assert_eq!(sync.total("mapped"), 87);
    assert_ne!(world.tokens().await.0, access);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_grant_is_told_with_its_mend_and_mended_by_connecting_again() {
    let world = World::ready().await;
    world.sync().await;
    world.org.control(Method::POST, "/refresh-tokens/revoke", json!({})).await;
    let output = world.efficlose(&["sync"]).await;
    assert_fails(output, "the refresh token was revoked", "`efficlose connect`");
    assert_eq!(state(&world).await, "Needs to be connected again");
    let status = world.ok(&["status"]).await.stdout;
    assert_says(&status, &["Needs to be connected again", "Run `efficlose connect`"]);
    world.connect().await;
    assert_eq!(state(&world).await, "Connected");
    let sync = world.sync().await;
    assert_eq!(sync.total("mapped"), 0, "what was imported stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_that_is_given_back_in_salesforce_needs_nobody_to_connect_again() {
    let world = World::ready().await;
    world.org.expire_sessions().await;
    let refusal = json!({ "error": "invalid_grant", "error_description": "inactive user" });
    world
        .org
        .fault(json!({
            "path": "/services/oauth2/token", "times": 9,
            "kind": "status", "status": 400, "body": refusal,
        }))
        .await;
    let output = world.efficlose(&["sync"]).await;
    assert_fails(output, "the connected user is inactive", "Activate the user");
    assert_eq!(state(&world).await, "Needs to be connected again");
    world.org.calm().await;
    world.sync().await;
    assert_eq!(state(&world).await, "Connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_the_user_does_not_see_is_left_out_of_the_set_up_and_said_so() {
    let world = World::start().await;
    world.connect().await;
    world.org.secure_object(json!({ "object": "Lead", "visible": false })).await;
    let output = world.efficlose(&["setup", "--yes", "--object", "Lead"]).await;
    assert_fails(output, "the connected user does not see Lead", "read access to Lead");
    let said = world.ok(&["setup", "--yes"]).await.stdout;
    assert_says(&said, &["Lead can't sync: the connected user does not see Lead", "read access"]);
    let chosen = std::fs::read_to_string(world.home().join("config.toml")).unwrap();
    assert_says(&chosen, &["objects.Contact", "objects.Task"]);
    assert!(!chosen.contains("objects.Lead"), "{chosen}");
    world.sync().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_tokens_outlive_many_sessions() {
    let world = World::ready().await;
    set(&world.org, json!({ "rotate": true })).await;
    let (_, mut refresh) = world.tokens().await;
    for _ in 0..3 {
        world.org.expire_sessions().await;
        world.sync().await;
        let (_, next) = world.tokens().await;
        assert_ne!(next, refresh, "each renewal brings a new token");
        refresh = next;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_renew_at_once_use_no_rotated_token_twice() {
    let world = World::ready().await;
    set(&world.org, json!({ "rotate": true })).await;
    for _ in 0..3 {
        world.org.expire_sessions().await;
        world.org.forget_requests().await;
        let (setup, sync, again) = tokio::join!(
            world.efficlose(&["setup", "--yes"]),
            world.efficlose(&["sync"]),
            world.efficlose(&["setup", "--yes"]),
        );
        setup.succeeded();
        sync.succeeded();
        again.succeeded();
        let renewals = world.org.requests().await;
        let renewals = renewals.iter().filter(|r| r["path"] == "/services/oauth2/token");
        assert_eq!(renewals.count(), 1, "one renews, the others use what it got");
    }
    assert_eq!(state(&world).await, "Connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnecting_revokes_the_grant_and_forgets_it() {
    let world = World::ready().await;
    let (access, refresh) = world.tokens().await;
    assert!(world.org.opens(&access).await && world.org.refreshes(&refresh).await);
    let output = world.ok(&["disconnect"]).await;
    assert_says(&output.stdout, &["Disconnected from 00D"]);
    assert!(!world.org.opens(&access).await);
    assert!(!world.org.refreshes(&refresh).await);
    assert_eq!(world.json(&["status"]).await["orgs"], json!([]));
    let output = world.efficlose(&["sync"]).await;
    assert_fails(output, "no org is connected", "`efficlose connect`");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_that_is_connected_again_goes_on_where_it_was() {
    let world = World::ready().await;
    world.sync().await;
    world.ok(&["disconnect"]).await;
    world.connect().await;
    assert_eq!(state(&world).await, "Connected", "what was set up holds");
    let sync = world.sync().await;
    assert_eq!(sync.total("mapped"), 0);
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnecting_where_nobody_can_be_told_needs_a_word() {
    let mut world = World::ready().await;
    let elsewhere = Org::start(few()).await;
    std::mem::replace(&mut world.org, elsewhere).sandbox.stop().await;
    let output = world.efficlose(&["disconnect"]).await;
    assert_fails(output, "cannot reach 127.0.0.1", "--force");
    assert_eq!(state(&world).await, "Connected");
    let output = world.ok(&["disconnect", "--force"]).await;
    assert_says(&output.stdout, &["Salesforce was not told"]);
    assert_eq!(world.json(&["status"]).await["orgs"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_a_grant_stays_closed() {
    let world = World::ready_with(none()).await;
    let key = world.home().join("key");
    let right = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, "ab".repeat(32)).unwrap();
    let output = world.efficlose(&["sync"]).await;
    assert_fails(output, "does not open with this key", "`efficlose connect`");
    std::fs::write(&key, right).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = world.efficlose(&["sync"]).await;
    assert_fails(output, "can be read by others (mode 644)", "chmod 600");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    world.sync().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_is_named_by_its_id_or_its_user() {
    let world = World::ready_with(none()).await;
    let id = world.org_id().await;
    for name in [&id, &id[..15], "integration@northwind.example"] {
        assert_eq!(world.json(&["runs", "--org", name]).await, json!([]));
    }
    let output = world.efficlose(&["runs", "--org", "somebody@else.example"]).await;
    assert_fails(output, "no connected org is called", "`efficlose status`");
}

/// The world itself refuses an output that holds a token; here the log talks, so
/// that there is something to refuse.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_every_call_and_never_a_token() {
    let world = World::start().await;
    let mut arguments = world.org.connect_arguments().to_vec();
    arguments.push("-vv");
    let mut running = world.spawn(&arguments);
    let page = running.line_starting("http").await;
    world.org.decide(&page, Decision::Allow).await;
    let connected = running.end().await.succeeded();
    assert_says(&connected.stderr, &["called Salesforce", "/services/oauth2/token"]);
    world.setup().await;
    world.org.expire_sessions().await;
    let synced = world.ok(&["sync", "-vv"]).await;
    assert_says(&synced.stderr, &["renewed the session", "/queryAll"]);
    let (access, refresh) = world.tokens().await;
    for output in [&connected, &synced] {
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(!said.contains(&access) && !said.contains(&refresh));
    }
    world.org.control(Method::POST, "/refresh-tokens/revoke", json!({})).await;
    world.efficlose(&["sync", "-vv", "--json"]).await.failed();
    world.efficlose(&["disconnect", "-vv"]).await.succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_where_it_is_said_to_be_is_not_made_anew() {
    let world = World::ready().await;
    let nowhere = world.home().join("no-such-key");
    let file = nowhere.to_str().unwrap();
    let status = world.efficlose(&["status", "--key-file", file]).await;
    assert_fails(status, "no-such-key, is not there", "grants are sealed with it");
    assert!(!nowhere.exists());
    world.ok(&["status"]).await;
}
