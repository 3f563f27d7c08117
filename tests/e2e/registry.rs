//! Mappings that come from elsewhere: by file, web and registry, held to their digests;
//! and signed ones.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use oci_client::Reference;
use oci_client::client::{Client, ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::secrets::RegistryAuth;
use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::world::{Output, World, assert_fails, assert_says, text};

const SCRIPT: &str =
    "export const fields = ['Email'];\nexport const pull = (r) => ({ email: r.Email });\n";

/// Runs a command in a folder of its own.
async fn within(world: &World, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = world.command(arguments);
    command.current_dir(folder);
    world.spawn_command(command).end().await
}

fn folder(world: &World, name: &str) -> PathBuf {
    let folder = world.home().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Serves a script at an address of this machine, which says `found` of it.
async fn served(found: axum::http::StatusCode) -> String {
    let answer = move || async move { (found, SCRIPT) };
    let router = axum::Router::new().route("/acme/contact.js", axum::routing::get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/acme/contact.js")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_is_fetched_once_and_held_to_its_digest_from_then_on() {
    let world = World::start().await;
    let (here, there) = (folder(&world, "here"), folder(&world, "there"));
    std::fs::write(there.join("lead.js"), SCRIPT).unwrap();
    let file = there.join("lead.js").display().to_string();
    let web = served(axum::http::StatusCode::OK).await;
    for from in [&file, &web] {
        let said = within(&world, &here, &["plugin", "pull", from]).await.succeeded().stdout;
        assert_says(&said, &["sha256:", "Noted in mappings.lock", "mapping preview"]);
    }
    assert_eq!(std::fs::read_to_string(here.join("contact.js")).unwrap(), SCRIPT);
    std::fs::remove_file(here.join("lead.js")).unwrap();
    let again = within(&world, &here, &["plugin", "pull", "--json"]).await.succeeded();
    let again: Json = again.json();
    assert_eq!(
        (&again["files"][0]["fetched"], &again["files"][1]["fetched"]),
        (&false.into(), &true.into())
    );
    std::fs::write(there.join("lead.js"), "export const pull = () => null;").unwrap();
    std::fs::remove_file(here.join("lead.js")).unwrap();
    let changed = within(&world, &here, &["plugin", "pull"]).await;
    assert_fails(changed, "lead.js is sha256:", "with its new digest");
    assert!(!here.join("lead.js").exists(), "what is not what it was is not written");
    let wrong = format!("sha256:{}", "0".repeat(64));
    let output = within(&world, &here, &["plugin", "pull", &web, "--digest", &wrong]).await;
    assert_fails(output, ", not sha256:0000", "with its new digest");
    let gone = served(axum::http::StatusCode::NOT_FOUND).await;
    let output = within(&world, &here, &["plugin", "pull", &gone]).await;
    assert_fails(output, "404", "Check the address");
    let escape = "[mappings.\"../contact.js\"]\nfrom = \"x.js\"\ndigest = \"sha256:".to_owned();
    std::fs::write(there.join("mappings.lock"), escape + &"0".repeat(64) + "\"\n").unwrap();
    let output = within(&world, &there, &["plugin", "pull"]).await;
    assert_fails(output, "which is no mapping's name", "Remove it");
}

/// A registry that others wrote, on a port of its own.
async fn registry(world: &World) -> (Child, String) {
    let config = world.home().join("registry.yml");
    let storage = world.home().join("images");
    let text = format!(
        "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n",
        storage.display()
    );
    std::fs::write(&config, text).unwrap();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let program = workspace.join("target/clients/registry/usr/bin/docker-registry");
    let mut registry = Command::new(program)
        .arg("serve")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("`cargo xtask test` unpacks the registry");
    let mut lines = BufReader::new(registry.stderr.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some((_, rest)) = line.split_once("listening on ") {
            let end = rest.find(|letter: char| !(letter.is_ascii_digit() || ".:".contains(letter)));
            let address = rest[..end.unwrap_or(rest.len())].to_owned();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (registry, address);
        }
    }
    panic!("the registry does not listen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_comes_from_a_registry() {
    let world = World::start().await;
    let (_registry, address) = registry(&world).await;
    let image: Reference = format!("{address}/acme/contact:1.2").parse().unwrap();
    let protocol = ClientProtocol::HttpsExcept(vec![address.clone()]);
    let client = Client::try_from(ClientConfig { protocol, ..ClientConfig::default() }).unwrap();
    let layer = ImageLayer::new(SCRIPT.as_bytes().to_vec(), "application/wasm".to_owned(), None);
    let config = Config::oci_v1(b"{}".to_vec(), None);
    client.push(&image, &[layer], config, &RegistryAuth::Anonymous, None).await.unwrap();
    let here = folder(&world, "here");
    let from = format!("oci://{image}");
    let pull = ["plugin", "pull", &from, "--to", "contact.js"];
    within(&world, &here, &pull).await.succeeded();
    assert_eq!(std::fs::read_to_string(here.join("contact.js")).unwrap(), SCRIPT);
    std::fs::remove_file(here.join("contact.js")).unwrap();
    within(&world, &here, &["plugin", "pull"]).await.succeeded();
    assert_eq!(std::fs::read_to_string(here.join("contact.js")).unwrap(), SCRIPT);
    let missing = format!("oci://{address}/acme/nothing:1");
    let output = within(&world, &here, &["plugin", "pull", &missing]).await;
    assert_fails(output, "can't fetch oci://", "Check the address");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_signers_are_named_no_other_mapping_is_used() {
    let world = World::ready().await;
    world.sync().await;
    let here = folder(&world, "here");
    std::fs::write(here.join("contact.js"), SCRIPT).unwrap();
    let script = here.join("contact.js").display().to_string();
    let key = here.join("signing.key").display().to_string();
    let made = world.json(&["plugin", "keygen", &key]).await;
    let config = world.home().join("config.toml");
    let settings = std::fs::read_to_string(&config).unwrap();
    let signers = format!("[mapping]\nsigners = [{}]\n\n{settings}", made["signer"]);
    std::fs::write(&config, signers).unwrap();
    let output = world.efficlose(&["mapping", "use", &script]).await;
    assert_fails(output, "the mapping contact.js is refused: it is not signed", "plugin sign");
    world.ok(&["plugin", "sign", &script, "--key", &key]).await;
    world.ok(&["mapping", "use", &script]).await;
    let used = world.home().join("mappings/contact.js");
    world.sync().await;
    std::fs::write(&used, SCRIPT.replace("r.Email", "'forged@x.example'")).unwrap();
    let sync = world.json(&["sync"]).await;
    assert_says(&text(&sync["refused"][0]["message"]), &["no signer has signed this"]);
    assert_eq!(sync["refused"][0]["goes_on"], "the last good mapping");
    let forged = world.records("Contact").await;
    assert!(forged.iter().all(|contact| contact["email"] != "forged@x.example"));
    world.ok(&["mapping", "back", "contact"]).await;
    assert_eq!(world.json(&["sync"]).await["refused"], Json::Array(Vec::new()));
}
