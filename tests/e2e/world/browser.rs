//! A person at a browser: Chromium without a window, steered by its driver.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::time::within;

/// How long anything at the browser may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it is tried to click what is replaced meanwhile.
const TRIES: usize = 5;
/// What the driver says once it listens, before its port.
const STARTED: &str = "successfully on port ";
/// Where pictures of pages are kept, to be looked at by people.
const PICTURES: &str = "pages";

/// A browser with one window.
pub(crate) struct Browser {
    driver: Child,
    client: Client,
    /// The profile, the caches and whatever else the browser leaves.
    _home: TempDir,
}

impl Browser {
    /// Opens a browser. It reaches this machine alone.
    pub(crate) async fn open() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // The browser outlives its driver, unless their group is ended.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("`cargo xtask test` installs the driver");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = within(LIMIT, "the driver", async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, port)) = line.split_once(STARTED) {
                    return port.trim_end_matches('.').to_owned();
                }
            }
            panic!("the driver did not start")
        })
        .await;
        let options = json!({ "goog:chromeOptions": { "args": [
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--no-proxy-server",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
            "--lang=en-US", "--window-size=1280,900",
        ] } });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(serde_json::from_value(options).unwrap());
        let client = builder.connect(&format!("http://127.0.0.1:{port}")).await.unwrap();
        Self { driver, client, _home: home }
    }

    /// Goes to an address.
    pub(crate) async fn goto(&self, url: &str) {
        within(LIMIT, url, self.client.goto(url)).await.unwrap();
    }

    /// Returns where the browser is.
    pub(crate) async fn url(&self) -> String {
        self.client.current_url().await.unwrap().to_string()
    }

    /// Returns what is called so in CSS; waits until it is there.
    pub(crate) async fn find(&self, css: &str) -> Element {
        self.wait(Locator::Css(css), css).await
    }

    /// Clicks what is labelled so: a button, a link, a choice, or what opens more.
    pub(crate) async fn click(&self, label: &str) {
        let path = format!(
            "//*[self::button or self::a or self::label or self::summary][normalize-space(.)={}]",
            quoted(label)
        );
        for _ in 0..TRIES {
            // What is live may be replaced just now.
            if self.wait(Locator::XPath(&path), label).await.click().await.is_ok() {
                return;
            }
        }
        panic!("{label} can't be clicked, at {}", self.url().await);
    }

    /// Waits until the page says something.
    pub(crate) async fn says(&self, words: &str) {
        let path = format!("//*[text()[contains(normalize-space(.), {})]]", quoted(words));
        self.wait(Locator::XPath(&path), words).await;
    }

    async fn wait(&self, place: Locator<'_>, name: &str) -> Element {
        let found = self.client.wait().at_most(LIMIT).for_element(place).await;
        match found {
            Ok(element) => element,
            Err(why) => panic!("{name}: {why}, at {}:\n{}", self.url().await, self.text().await),
        }
    }

    /// Returns the words of the page.
    pub(crate) async fn text(&self) -> String {
        self.client.find(Locator::Css("body")).await.unwrap().text().await.unwrap()
    }

    /// Writes into a field in place of what stands there.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Chooses of a list.
    pub(crate) async fn choose(&self, css: &str, value: &str) {
        self.find(css).await.select_by_value(value).await.unwrap();
    }

    /// Presses keys, wherever the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Runs a script in the page and returns what it returns.
    pub(crate) async fn run(&self, script: &str) -> Json {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Shows the page as a device would, light or dark.
    pub(crate) async fn become_device(&self, width: u32, height: u32, is_dark: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    async fn devtools(&self, command: &str, parameters: Json) {
        let order = Devtools(json!({ "cmd": command, "params": parameters }));
        self.client.issue_cmd(order).await.unwrap();
    }

    /// Keeps a picture of the page among what tests leave, for people to look at.
    pub(crate) async fn picture(&self, name: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PICTURES);
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.png"));
        std::fs::write(&file, self.client.screenshot().await.unwrap()).unwrap();
        file
    }

    /// Asserts that axe finds nothing serious about the page.
    pub(crate) async fn assert_accessible(&self) {
        let place = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../target/clients/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(place).expect("`cargo xtask test` installs axe");
        self.client.execute(&axe, Vec::new()).await.unwrap();
        let script =
            "const done = arguments[0]; axe.run(document).then((found) => done(found.violations
            .filter((one) => ['serious', 'critical'].includes(one.impact))
            .map((one) => one.id + ': ' + one.nodes.map((node) => node.html).join(' | '))));";
        let found = self.client.execute_async(script, Vec::new()).await.unwrap();
        assert_eq!(found, json!([]), "at {}", self.url().await);
    }

    /// Closes the browser.
    pub(crate) async fn close(mut self) {
        self.client.clone().close().await.unwrap();
        end_group(&self.driver);
        self.driver.wait().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        end_group(&self.driver);
    }
}

/// Ends the driver and the browser that it started.
fn end_group(driver: &Child) {
    if let Some(id) = driver.id() {
        let told =
            std::process::Command::new("kill").args(["-KILL", "--", &format!("-{id}")]).status();
        assert!(told.is_ok(), "kill is on every machine");
    }
}

/// Returns a text as XPath writes it, which knows no escapes.
fn quoted(text: &str) -> String {
    assert!(!text.contains('"'), "{text}");
    format!("\"{text}\"")
}

/// A command of Chromium's own.
#[derive(Debug)]
struct Devtools(Json);

impl fantoccini::wd::WebDriverCompatibleCommand for Devtools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (reqwest::Method, Option<String>) {
        (reqwest::Method::POST, Some(self.0.to_string()))
    }
}
