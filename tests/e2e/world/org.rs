//! A sandbox org, seen by plain HTTP: people at work, and the levers that steer it.

use efficlose_sandbox::{Sandbox, Settings};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::said::{array, text};

/// The version of the API that the other client speaks.
const V: &str = "/services/data/v66.0";

/// A sandbox org, and a person who works in it.
pub(crate) struct Org {
    pub(crate) sandbox: Sandbox,
    /// When its clock was stopped.
    pub(crate) now: Timestamp,
    http: reqwest::Client,
}

/// What a person does at Salesforce's page.
#[derive(Clone, Copy)]
pub(crate) enum Decision {
    Allow,
    Deny,
}

impl Org {
    /// Starts an org whose clock stands still at the present second.
    pub(crate) async fn start(mut settings: Settings) -> Self {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        settings.frozen_at = Some(now);
        let sandbox = efficlose_sandbox::start(settings).await.unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = http.no_proxy().build().unwrap();
        Self { sandbox, now, http }
    }

    pub(crate) fn url(&self) -> &str {
        &self.sandbox.greeting().url
    }

    pub(crate) fn connect_arguments(&self) -> [&str; 6] {
        let greeting = self.sandbox.greeting();
        let (login, app) = (greeting.login_url.as_str(), greeting.client_id.as_str());
        ["connect", "--no-browser", "--login-url", login, "--client-id", app]
    }

    /// Opens the consent page, decides, and goes where the page leads.
    pub(crate) async fn decide(&self, page: &str, decision: Decision) -> reqwest::Response {
        let back = self.press(page, decision).await;
        self.http.get(back).send().await.unwrap()
    }

    /// Opens the consent page, decides, and returns where the page leads.
    pub(crate) async fn press(&self, page: &str, decision: Decision) -> String {
        let shown = self.http.get(page).send().await.unwrap().text().await.unwrap();
        let mut form = hidden_fields(&shown);
        let decision = match decision {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
        };
        form.push(("decision".to_owned(), decision.to_owned()));
        let action = page.split('?').next().unwrap();
        let answer = self.http.post(action).form(&form).send().await.unwrap();
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    /// Gets a page as a browser that shows it and goes nowhere by itself.
    pub(crate) async fn browse(&self, url: &str) -> reqwest::Response {
        self.http.get(url).send().await.unwrap()
    }

    /// Returns the records that a query finds.
    pub(crate) async fn soql(&self, soql: &str) -> Vec<Json> {
        let mut records = Vec::new();
        let mut path = format!("{V}/query?{}", form(&[("q", soql)]));
        loop {
            let page = self.data(Method::GET, &path, None).await;
            records.extend(array(page["records"].clone()));
            match page["nextRecordsUrl"].as_str() {
                Some(next) => path = next.to_owned(),
                None => return records,
            }
        }
    }

    /// Returns one record with these fields.
    pub(crate) async fn get(&self, object: &str, id: &str, fields: &str) -> Json {
        let query = format!("SELECT {fields} FROM {object} WHERE Id = '{id}'");
        let mut records = self.soql(&query).await;
        assert_eq!(records.len(), 1, "{object} {id}");
        records.remove(0)
    }

    /// Creates a record and returns its id.
    pub(crate) async fn create(&self, object: &str, fields: Json) -> String {
        let path = format!("{V}/sobjects/{object}");
        text(&self.data(Method::POST, &path, Some(fields)).await["id"])
    }

    /// Creates records of an object and returns their ids.
    pub(crate) async fn create_many(&self, object: &str, records: Vec<Json>) -> Vec<String> {
        let mut ids = Vec::new();
        for part in records.chunks(200) {
            let mut part = part.to_vec();
            for record in &mut part {
                record["attributes"] = json!({ "type": object });
            }
            let body = json!({ "allOrNone": true, "records": part });
            let path = format!("{V}/composite/sobjects");
            let made = array(self.data(Method::POST, &path, Some(body)).await);
            ids.extend(made.iter().map(|made| text(&made["id"])));
        }
        ids
    }

    pub(crate) async fn patch(&self, object: &str, id: &str, fields: Json) {
        self.data(Method::PATCH, &format!("{V}/sobjects/{object}/{id}"), Some(fields)).await;
    }

    pub(crate) async fn delete(&self, object: &str, id: &str) {
        self.data(Method::DELETE, &format!("{V}/sobjects/{object}/{id}"), None).await;
    }

    /// Merges records into one.
    pub(crate) async fn merge(&self, master: &str, ids: &[&str]) {
        let order = json!({ "master": master, "ids": ids });
        self.control(Method::POST, "/records/merge", order).await;
    }

    /// Converts a lead, and returns what it became.
    pub(crate) async fn convert(&self, lead: &str) -> Json {
        self.control(Method::POST, &format!("/leads/{lead}/convert"), json!({})).await
    }

    /// Makes a call for data in a session of its own.
    async fn data(&self, method: Method, path: &str, body: Option<Json>) -> Json {
        let token = self.token().await;
        let (status, text) = self.call(method, path, Some(&token), body).await;
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Json::Null)
    }

    /// Returns a new access token, which no end of sessions has ended yet.
    async fn token(&self) -> String {
        let greeting = self.sandbox.greeting();
        let asked = self.http.post(format!("{}/services/oauth2/token", self.url()));
        let asked = asked.form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &greeting.client_id),
            ("client_secret", &greeting.client_secret),
        ]);
        let answer: Json = asked.send().await.unwrap().json().await.unwrap();
        text(&answer["access_token"])
    }

    /// Makes a call and returns status and text.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Json>,
    ) -> (u16, String) {
        let mut request = self.http.request(method, format!("{}{path}", self.url()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Tells whether an access token opens the org.
    pub(crate) async fn opens(&self, token: &str) -> bool {
        self.call(Method::GET, &format!("{V}/limits"), Some(token), None).await.0 == 200
    }

    /// Tells whether a refresh token gives an access token.
    pub(crate) async fn refreshes(&self, token: &str) -> bool {
        let url = format!("{}/services/oauth2/token", self.url());
        let client_id = self.sandbox.greeting().client_id.as_str();
        let fields =
            [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", client_id)];
        self.http.post(url).form(&fields).send().await.unwrap().status().is_success()
    }

    // Steering

    /// Steers the sandbox.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Json) -> Json {
        let path = format!("/__sandbox{path}");
        let (status, text) = self.call(method, &path, None, Some(body)).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Lets time pass in the org.
    pub(crate) async fn pass(&self, seconds: i64) {
        self.control(Method::POST, "/clock", json!({ "advanceSeconds": seconds })).await;
    }

    pub(crate) async fn expire_sessions(&self) {
        self.control(Method::POST, "/sessions/expire", json!({})).await;
    }

    /// Plans a fault.
    pub(crate) async fn fault(&self, fault: Json) {
        self.control(Method::POST, "/faults", fault).await;
    }

    /// Forgets all faults and lets hanging answers go.
    pub(crate) async fn calm(&self) {
        self.control(Method::DELETE, "/faults", json!({})).await;
        self.control(Method::POST, "/faults/release", json!({})).await;
    }

    /// Tells whether all planned faults have struck.
    pub(crate) async fn has_struck(&self) -> bool {
        self.control(Method::GET, "/faults", json!({})).await["faults"] == json!([])
    }

    pub(crate) async fn change_field(&self, object: &str, field: &str, change: Json) {
        self.control(Method::PATCH, &format!("/fields/{object}/{field}"), change).await;
    }

    /// Says who sees an object and who writes it.
    pub(crate) async fn secure_object(&self, security: Json) {
        self.control(Method::PUT, "/object-security", security).await;
    }

    /// Sets when records were last changed, and nothing else.
    pub(crate) async fn touch(&self, ids: &[String], at: Timestamp) {
        let body = json!({ "ids": ids, "systemModstamp": at.to_string() });
        self.control(Method::POST, "/records/touch", body).await;
    }

    pub(crate) async fn undelete(&self, id: &str) {
        self.control(Method::POST, "/records/undelete", json!({ "ids": [id] })).await;
    }

    /// Forgets the requests so far.
    pub(crate) async fn forget_requests(&self) {
        self.control(Method::DELETE, "/requests", json!({})).await;
    }

    /// Returns the requests since they were forgotten.
    pub(crate) async fn requests(&self) -> Vec<Json> {
        array(self.control(Method::GET, "/requests", json!({})).await["requests"].take())
    }

    /// Returns the requests that write records: not a query that is too long for
    /// an address, nor records that are read by their ids.
    pub(crate) async fn writes(&self) -> Vec<Json> {
        let mut requests = self.requests().await;
        requests.retain(|request| {
            let path = text(&request["path"]);
            let method = text(&request["method"]);
            let retrieves = path.contains("/composite/sobjects/") && method == "POST";
            let reads = method == "GET" || retrieves || path.ends_with("/composite");
            path.starts_with("/services/data") && !reads
        });
        requests
    }
}

/// Returns the hidden fields of a page's form.
fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input type=\"hidden\" name=\"").skip(1);
    let plain = |text: &str| text.replace("&quot;", "\"").replace("&amp;", "&");
    inputs
        .map(|input| {
            let (name, rest) = input.split_once("\" value=\"").unwrap();
            (plain(name), plain(rest.split_once("\">").unwrap().0))
        })
        .collect()
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
