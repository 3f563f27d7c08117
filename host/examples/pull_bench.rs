//! Measures pulls of the real binary from a sandbox org on the same machine:
//! `cargo xtask bench pull`. Prints records a second, calls, peak memory, and the share of
//! the time that fetching, mapping and storing took.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use efficlose::config::{load_key, save_org};
use efficlose::model::{Connection, Object, OrgId};
use efficlose::secret::Grant;
use efficlose::store::Store;
use efficlose::sync::{ObjectSettings, Settings as Choices};
use efficlose_sandbox::{Records, Sandbox, Settings, start};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

type Done<T> = Result<T, Box<dyn Error>>;

/// How many calls a day the org has: where they abound, 100,000 records are read by pages, and
/// else by an extract.
const DAILY_LIMITS: [u64; 2] = [5_000_000, 15_000];
/// How many records change before the sync that follows an import.
const CHANGED: usize = 500;
/// How often it is looked at how much memory the binary holds.
const LOOK: Duration = Duration::from_millis(5);
/// What is wanted: records a second of an import, its peak memory in MB, and the seconds of
/// a sync after some changes.
const WANTED: (f64, f64, f64) = (40_000.0, 150.0, 1.0);

#[tokio::main]
async fn main() -> Done<()> {
    let counts: Vec<u32> =
        std::env::args().skip(1).map(|count| count.parse()).collect::<Result<_, _>>()?;
    let counts = if counts.is_empty() { vec![100_000, 1_000_000] } else { counts };
    for count in counts {
        for daily_limit in DAILY_LIMITS {
            measure(count, daily_limit).await?;
        }
    }
    Ok(())
}

async fn measure(contacts: u32, daily_limit: u64) -> Done<()> {
    let records = Records { contact: contacts, account: 10_000, ..Records::none() };
    let org = start(Settings { records, control: true, ..Settings::default() }).await?;
    let home = tempfile::tempdir()?;
    connect(&org, home.path())?;
    limit(&org, daily_limit).await?;
    // Compiled mappings are kept from an earlier run.
    sync(home.path(), Object::Account)?;
    println!("{contacts} contacts of an org with {daily_limit} calls a day");
    let first = sync(home.path(), Object::Contact)?;
    let rate = first.pulled / first.seconds;
    println!("{rate:>12.0} records/s     an import (wanted {:.0})", WANTED.0);
    println!("{:>12.0} calls         of it", first.calls);
    println!("{:>12.0} MB            its peak memory (wanted {:.0})", first.megabytes, WANTED.1);
    let [fetch, map, store] = first.spent.map(|seconds| 100.0 * seconds / first.seconds);
    println!(
        "{fetch:>11.0} %             of its time fetching, {map:.0} % mapping, {store:.0} % storing, side by side"
    );
    touch(&org).await?;
    let changed = sync(home.path(), Object::Contact)?;
    let what = format!("a sync of {} records in {} calls", changed.pulled, changed.calls);
    println!("{:>12.2} s             {what} (wanted {:.0})", changed.seconds, WANTED.2);
    // What was changed just now is read again until it is settled.
    let idle = sync(home.path(), Object::Account)?;
    let what =
        format!("a sync of nothing in {} calls, at most {:.0} MB", idle.calls, idle.megabytes);
    println!("{:>12.2} s             {what}", idle.seconds);
    org.stop().await;
    Ok(())
}

/// Connects the org as if someone had allowed it, and chooses two objects.
fn connect(org: &Sandbox, home: &Path) -> Done<()> {
    let greeting = org.greeting();
    let id: OrgId = "00Dxx0000001gPLEAY".parse()?;
    let store = Store::open(home, load_key(None, &home.join("key"))?)?;
    let connection = Connection {
        org: id.clone(),
        login_url: greeting.login_url.clone(),
        client_id: greeting.client_id.clone(),
        username: "admin@bench.example".to_owned(),
        user_id: "005000000000001AAA".to_owned(),
        api_version: "66.0".to_owned(),
        connected_at: Timestamp::now(),
        broken: None,
        name: None,
        is_sandbox: false,
    };
    let grant = Grant {
        instance_url: greeting.url.clone(),
        access_token: greeting.access_token.as_str().into(),
        refresh_token: Some(greeting.refresh_token.as_str().into()),
        client_secret: Some(greeting.client_secret.as_str().into()),
    };
    store.connect(&connection, &grant)?;
    let mut choices = Choices::default();
    for object in [Object::Account, Object::Contact] {
        choices.objects.insert(object, ObjectSettings { push: false, ..ObjectSettings::default() });
    }
    Ok(save_org(home, &id, &choices)?)
}

/// What a sync did.
struct Synced {
    pulled: f64,
    calls: f64,
    seconds: f64,
    spent: [f64; 3],
    megabytes: f64,
}

fn sync(home: &Path, object: Object) -> Done<Synced> {
    let at = Instant::now();
    let mut child = Command::new(binary()?)
        .args(["sync", "--json", "--object", object.as_str()])
        .env("EFFICLOSE_HOME", home)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut megabytes: f64 = 0.0;
    while child.try_wait()?.is_none() {
        megabytes = megabytes.max(peak(child.id()));
        std::thread::sleep(LOOK);
    }
    let seconds = at.elapsed().as_secs_f64();
    let output = child.wait_with_output()?;
    let said: Json = serde_json::from_slice(&output.stdout)?;
    let number = |json: &Json| json.as_f64().unwrap_or_default();
    let run = &said["runs"][0];
    if run["ended"] != "complete" {
        return Err(format!("the sync failed: {said}").into());
    }
    Ok(Synced {
        pulled: number(&run["counts"]["pulled"]),
        calls: number(&said["total"]["calls"]),
        seconds,
        spent: ["fetch", "map", "store"].map(|stage| number(&run["seconds"][stage])),
        megabytes,
    })
}

/// Returns the most memory that a process has held so far, in MB.
fn peak(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1_024.0
}

/// Returns the binary: it stands beside the folder of the examples.
fn binary() -> Done<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.ancestors().nth(2).ok_or("no folder")?.join("efficlose"))
}

/// Gives the org so many API calls a day.
async fn limit(org: &Sandbox, daily_limit: u64) -> Done<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let settings = http.patch(format!("{}/__sandbox/settings", org.greeting().url));
    settings.json(&json!({ "dailyLimit": daily_limit })).send().await?.error_for_status()?;
    Ok(())
}

/// Gives some contacts a new stamp.
async fn touch(org: &Sandbox) -> Done<()> {
    let greeting = org.greeting();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let soql = format!("SELECT Id FROM Contact LIMIT {CHANGED}");
    let query = http.get(format!("{}/services/data/v66.0/query", greeting.url));
    let query = query.query(&[("q", soql)]).bearer_auth(&greeting.access_token);
    let found: Json = query.send().await?.error_for_status()?.json().await?;
    let records = found["records"].as_array().ok_or("no records")?;
    let ids: Vec<&Json> = records.iter().map(|record| &record["Id"]).collect();
    let touch = http.post(format!("{}/__sandbox/records/touch", greeting.url));
    touch.json(&json!({ "ids": ids })).send().await?.error_for_status()?;
    Ok(())
}
