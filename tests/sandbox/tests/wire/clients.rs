//! The sandbox judged by clients that others wrote.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::client::Client;

/// Runs a script against a new org and fails with what it said.
async fn judge(program: &Path, library: &Path, script: &str) {
    let library = installed().join(library);
    assert!(
        library.exists(),
        "{} is missing; run `cargo xtask test`, which installs it",
        library.display()
    );
    let client = Client::start().await;
    let greeting = serde_json::to_string(client.sandbox.greeting()).unwrap();
    let run = Command::new(program)
        .arg(workspace().join("tests/clients").join(script))
        .env("SANDBOX", greeting)
        .env("NODE_PATH", installed().join("node_modules"))
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .await
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn installed() -> PathBuf {
    workspace().join("target/clients")
}

#[tokio::test(flavor = "multi_thread")]
async fn jsforce_gets_what_it_expects() {
    judge(Path::new("node"), Path::new("installed-package-lock.json"), "jsforce.cjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simple_salesforce_gets_what_it_expects() {
    let python = installed().join("python/bin/python");
    judge(&python, Path::new("installed-requirements.txt"), "simple-salesforce.py").await;
}
