//! A home that is connected to a sandbox org, and the real binary run in it: what the
//! benchmarks have in common.

use std::error::Error;
use std::path::PathBuf;
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
use tempfile::TempDir;

pub(crate) type Done<T> = Result<T, Box<dyn Error>>;

/// How often it is looked at how much memory the binary holds.
const LOOK: Duration = Duration::from_millis(5);

/// A folder of settings and records, and the org that it is connected to.
pub(crate) struct Home {
    pub(crate) org: Sandbox,
    pub(crate) folder: TempDir,
    http: reqwest::Client,
}

/// What a command said, how long it took, and the most memory that it held, in MB.
pub(crate) struct Ran {
    pub(crate) said: Json,
    pub(crate) seconds: f64,
    pub(crate) megabytes: f64,
}

impl Home {
    /// Starts an org with these records and so many calls a day, connected as if someone had
    /// allowed it; the objects are imported, and written where they are pushed.
    pub(crate) async fn start(
        records: Records,
        daily_limit: u64,
        objects: &[Object],
        push: bool,
    ) -> Done<Self> {
        let org = start(Settings { records, control: true, ..Settings::default() }).await?;
        let folder = tempfile::tempdir()?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build()?;
        let home = Self { org, folder, http };
        home.connect(objects, push)?;
        let limit = json!({ "dailyLimit": daily_limit });
        home.control(reqwest::Method::PATCH, "settings", limit).await?;
        Ok(home)
    }

    fn connect(&self, objects: &[Object], push: bool) -> Done<()> {
        let greeting = self.org.greeting();
        let id: OrgId = "00Dxx0000001gPLEAY".parse()?;
        let place = self.folder.path();
        let store = Store::open(place, load_key(None, &place.join("key"))?)?;
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
        for object in objects {
            let settings = ObjectSettings { push, ..ObjectSettings::default() };
            choices.objects.insert(*object, settings);
        }
        Ok(save_org(place, &id, &choices)?)
    }

    /// Runs a command that answers with JSON.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done<Ran> {
        let at = Instant::now();
        let mut child = Command::new(binary()?)
            .args(arguments)
            .arg("--json")
            .env("EFFICLOSE_HOME", self.folder.path())
            .stdout(Stdio::piped())
            .spawn()?;
        // What it says may be more than a pipe holds.
        let mut out = child.stdout.take().ok_or("no output")?;
        let reader = std::thread::spawn(move || {
            let mut said = Vec::new();
            std::io::Read::read_to_end(&mut out, &mut said).map(|_| said)
        });
        let mut megabytes: f64 = 0.0;
        while child.try_wait()?.is_none() {
            megabytes = megabytes.max(peak(child.id()));
            std::thread::sleep(LOOK);
        }
        let seconds = at.elapsed().as_secs_f64();
        let status = child.wait()?;
        let said = reader.join().map_err(|_| "the output can't be read")??;
        if !status.success() {
            return Err(format!("{arguments:?} failed: {}", String::from_utf8_lossy(&said)).into());
        }
        Ok(Ran { said: serde_json::from_slice(&said)?, seconds, megabytes })
    }

    /// Returns the records that a query finds in the org: a page of them.
    pub(crate) async fn find(&self, soql: &str) -> Done<Vec<Json>> {
        let greeting = self.org.greeting();
        let query = self.http.get(format!("{}/services/data/v66.0/query", greeting.url));
        let query = query.query(&[("q", soql)]).bearer_auth(&greeting.access_token);
        let mut found: Json = query.send().await?.error_for_status()?.json().await?;
        Ok(serde_json::from_value(found["records"].take())?)
    }

    /// Steers the org.
    pub(crate) async fn control(
        &self,
        method: reqwest::Method,
        what: &str,
        body: Json,
    ) -> Done<()> {
        let door = format!("{}/__sandbox/{what}", self.org.greeting().url);
        self.http.request(method, door).json(&body).send().await?.error_for_status()?;
        Ok(())
    }
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
