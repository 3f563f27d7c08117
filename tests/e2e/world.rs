//! The world that a test runs in: a home, an org, the binary, and a person who
//! works in the org by another client than ours.

mod browser;
mod org;
mod running;
mod said;
mod time;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use efficlose::config::load_key;
use efficlose::model::{Change, Direction, Object};
use efficlose::store::Store;
use efficlose_sandbox::{Records, Settings};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::process::Command;
use toml_edit::{DocumentMut, Item};

pub(crate) use browser::Browser;
pub(crate) use org::{Decision, Org};
use running::holds_token;
pub(crate) use running::{Output, Running, Sync, assert_fails};
pub(crate) use said::{array, assert_says, text};
pub(crate) use time::{day, days_before, eventually};

/// The objects that sync.
pub(crate) const OBJECTS: [&str; 5] = ["Account", "Contact", "Lead", "Opportunity", "Task"];

/// A home and an org, and what happens in both.
pub(crate) struct World {
    home: TempDir,
    pub(crate) org: Org,
    running: Arc<AtomicUsize>,
}

/// Returns an org with few records of each object, the same for every test.
pub(crate) fn few() -> Settings {
    Settings {
        control: true,
        seed: 11,
        records: Records { contact: 30, lead: 15, account: 10, opportunity: 12, task: 20 },
        ..Settings::default()
    }
}

/// Returns an org without records.
pub(crate) fn none() -> Settings {
    Settings { records: Records::none(), ..few() }
}

impl World {
    /// Starts an org with few records, which nothing is connected to.
    pub(crate) async fn start() -> Self {
        Self::start_with(few()).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        let org = Org::start(settings).await;
        let home = tempfile::tempdir().unwrap();
        // Compiled mappings are kept by the hash of their content, so worlds can share
        // them, and only the first has to wait for the compiler.
        let compiled = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        std::fs::create_dir_all(&compiled).unwrap();
        std::os::unix::fs::symlink(compiled, home.path().join("cache")).unwrap();
        Self { home, org, running: Arc::default() }
    }

    /// Starts an org with few records that is connected and set up.
    pub(crate) async fn ready() -> Self {
        Self::ready_with(few()).await
    }

    pub(crate) async fn ready_with(settings: Settings) -> Self {
        let world = Self::start_with(settings).await;
        world.connect().await;
        world.setup().await;
        world
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    // Commands

    /// Runs a command to its end.
    pub(crate) async fn efficlose(&self, arguments: &[&str]) -> Output {
        self.efficlose_fed(arguments, "").await
    }

    /// Runs a command that reads `input`.
    pub(crate) async fn efficlose_fed(&self, arguments: &[&str], input: &str) -> Output {
        let mut running = self.spawn(arguments);
        running.feed(input).await;
        running.end().await
    }

    /// Runs a command that has to succeed.
    pub(crate) async fn ok(&self, arguments: &[&str]) -> Output {
        self.efficlose(arguments).await.succeeded()
    }

    /// Runs a command that has to succeed and returns its JSON.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Json {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        self.ok(&arguments).await.json()
    }

    /// Starts a command and goes on while it runs.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        self.spawn_command(self.command(arguments))
    }

    /// Starts a command whose environment the test has changed.
    pub(crate) fn spawn_command(&self, mut command: Command) -> Running {
        Running::start(&mut command, &self.running)
    }

    /// Returns the binary in an environment that holds the home and nothing else.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_efficlose"));
        command
            .env_clear()
            .env("HOME", self.home())
            .env("EFFICLOSE_HOME", self.home())
            // Any free port: many of these run at a time.
            .env("EFFICLOSE_LISTEN", "127.0.0.1:0")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Changes what the settings say of the org.
    pub(crate) fn choose(&self, choose: impl Fn(&mut Item)) {
        let file = self.home().join("config.toml");
        let mut settings: DocumentMut = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        for (_, org) in settings["orgs"].as_table_like_mut().unwrap().iter_mut() {
            choose(org);
        }
        std::fs::write(&file, settings.to_string()).unwrap();
    }

    /// Changes what the settings say of each object.
    pub(crate) fn choose_of_each(&self, choose: impl Fn(&mut Item)) {
        self.choose(|org| {
            for (_, object) in org["objects"].as_table_like_mut().unwrap().iter_mut() {
                choose(object);
            }
        });
    }

    /// Has objects held while a mapping that was brought is refused.
    pub(crate) fn hold_what_is_refused(&self) {
        self.choose_of_each(|object| object["when_refused"] = toml_edit::value("hold"));
    }

    // What most tests begin with

    /// Connects the org, as a person who allows it does.
    pub(crate) async fn connect(&self) -> Output {
        self.connect_to(&self.org, Decision::Allow).await.succeeded()
    }

    /// Runs `connect` while a person at the browser decides.
    pub(crate) async fn connect_to(&self, org: &Org, decision: Decision) -> Output {
        let mut running = self.spawn(&org.connect_arguments());
        let page = running.line_starting("http").await;
        org.decide(&page, decision).await;
        running.end().await
    }

    /// Connects another org with few records and sets it up; returns it with its id.
    pub(crate) async fn connect_another(&self) -> (Org, String) {
        let other = Org::start(Settings { seed: 12, ..few() }).await;
        let said = self.connect_to(&other, Decision::Allow).await.succeeded().stdout;
        let id = said.split("Connected to ").nth(1).unwrap()[..18].to_owned();
        self.ok(&["setup", "--yes", "--org", &id]).await;
        (other, id)
    }

    pub(crate) async fn setup(&self) -> Output {
        self.ok(&["setup", "--yes"]).await
    }

    /// Syncs, and returns what the runs did.
    pub(crate) async fn sync(&self) -> Sync {
        Sync(self.json(&["sync"]).await)
    }

    /// Syncs where something has to go wrong, and returns what the runs did, and
    /// the error.
    pub(crate) async fn sync_fails(&self) -> (Sync, Json) {
        let output = self.efficlose(&["sync", "--json"]).await.failed();
        (Sync(output.json()), output.error())
    }

    /// Tells of meetings.
    pub(crate) async fn tell(&self, meetings: &[Json]) -> Json {
        let lines: String = meetings.iter().map(|meeting| format!("{meeting}\n")).collect();
        let added = self.efficlose_fed(&["meetings", "add", "-", "--json"], &lines).await;
        added.succeeded().json()
    }

    /// Returns what became of a meeting.
    pub(crate) async fn meeting(&self, id: &str) -> Json {
        self.json(&["meetings", "show", id]).await
    }

    pub(crate) async fn failures(&self) -> Vec<Json> {
        array(self.json(&["failures", "list"]).await)
    }

    /// Returns the entities of an object.
    pub(crate) async fn records(&self, object: &str) -> Vec<Json> {
        array(self.json(&["records", "list", "--object", object, "--limit", "100000"]).await)
    }

    /// Returns one entity.
    pub(crate) async fn record(&self, object: &str, id: &str) -> Json {
        self.json(&["records", "show", object, id]).await
    }

    /// Returns the id of the connected org.
    pub(crate) async fn org_id(&self) -> String {
        text(&self.json(&["status"]).await["orgs"][0]["org"])
    }

    // What holds

    /// Asserts that the store has what the org has, and nothing else.
    pub(crate) async fn assert_in_step(&self) {
        for object in OBJECTS {
            let name = if object == "Task" { "Subject" } else { "Name" };
            let there = self.org.soql(&format!("SELECT Id, {name} FROM {object}")).await;
            let there: BTreeSet<_> =
                there.iter().map(|r| (text(&r["Id"]), text(&r[name]))).collect();
            let here = self.records(object).await;
            let here: BTreeSet<_> =
                here.iter().map(|r| (text(&r["id"]), text(&r["name"]))).collect();
            assert_eq!(here, there, "{object}");
        }
    }

    /// Returns the changes whose end is not known.
    pub(crate) async fn open_changes(&self) -> Vec<Change> {
        let key = load_key(None, &self.home().join("key")).unwrap();
        let store = Store::open(self.home(), key).unwrap();
        let org = store.org(&self.org_id().await.parse().unwrap()).unwrap();
        Object::ALL.iter().flat_map(|object| org.open_changes(*object).unwrap()).collect()
    }

    /// Takes over the pull of an object, as another process would that holds the first one for
    /// dead.
    pub(crate) async fn take_over(&self, object: Object) {
        let key = load_key(None, &self.home().join("key")).unwrap();
        let store = Store::open(self.home(), key).unwrap();
        let org = store.org(&self.org_id().await.parse().unwrap()).unwrap();
        org.claim(object, Direction::Pull).unwrap();
    }

    /// Changes what is stored of the connected org, as time that passes would.
    pub(crate) async fn age(&self, sql: &str) {
        let store = self.home().join("orgs").join(self.org_id().await).join("store.db");
        let changed = rusqlite::Connection::open(store).unwrap().execute(sql, []).unwrap();
        assert!(changed > 0, "nothing is as old as that: {sql}");
    }

    /// Returns the tokens that the store holds for the connected org.
    pub(crate) async fn tokens(&self) -> (String, String) {
        let key = load_key(None, &self.home().join("key")).unwrap();
        let store = Store::open(self.home(), key).unwrap();
        let grant = store.grant(&self.org_id().await.parse().unwrap()).unwrap();
        let refresh = grant.refresh_token.unwrap();
        (grant.access_token.expose().to_owned(), refresh.expose().to_owned())
    }
}

impl Drop for World {
    /// Refuses leftover work: a process that runs on, a token on the disk.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let running = self.running.load(Ordering::SeqCst);
        assert_eq!(running, 0, "processes that the test has not waited for");
        for file in files(self.home.path()) {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!holds_token(&bytes), "{} holds a token in plain", file.display());
        }
    }
}

/// Returns every file below a folder, as far as it belongs to it.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found
}
