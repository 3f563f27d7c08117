//! The people of the demonstration: the one who clicks Allow, and those who work
//! in Salesforce. They use plain HTTP, as any other client would.

use serde_json::{Value, json};

use crate::cli::output::Failed;

fn failed(what: &str, why: impl std::fmt::Display) -> Failed {
    Failed::new(format!("the demonstration could not {what}: {why}"))
}

fn client() -> Result<reqwest::Client, Failed> {
    // Fails only where the connector has installed one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    client.map_err(|error| failed("make a client", error))
}

/// Opens the consent page, presses Allow and goes where it leads, as a browser
/// does.
pub(super) async fn allow(authorize_url: &str) -> Result<(), Failed> {
    let client = client()?;
    let failed = |error: reqwest::Error| failed("press Allow", error.without_url());
    let page = client.get(authorize_url).send().await.map_err(failed)?;
    let page = page.text().await.map_err(failed)?;
    let mut form = hidden_fields(&page);
    form.push(("decision".to_owned(), "allow".to_owned()));
    let action = authorize_url.split('?').next().unwrap_or_default();
    let answer = client.post(action).form(&form).send().await.map_err(failed)?;
    let next = answer.headers().get("location").and_then(|to| to.to_str().ok());
    let next = next.ok_or_else(|| self::failed("press Allow", "the page leads nowhere"))?;
    client.get(next).send().await.map_err(failed)?;
    Ok(())
}

/// Returns the hidden fields of a page's form.
fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input ").skip(1).filter(|input| input.contains("type=\"hidden\""));
    let attribute = |input: &str, name: &str| {
        let start = input.find(&format!("{name}=\""))? + name.len() + 2;
        let value = &input[start..];
        let value = &value[..value.find('"')?];
        let plain = value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
        Some(plain.replace("&#39;", "'").replace("&amp;", "&"))
    };
    inputs
        .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
        .collect()
}

/// Who takes part in the meetings.
pub(super) struct Cast {
    pub(super) contact_id: String,
    pub(super) contact_name: String,
    pub(super) contact_email: String,
    pub(super) company: String,
    pub(super) lead_name: String,
    pub(super) lead_email: String,
    pub(super) owner_email: String,
}

/// Someone who works in Salesforce.
pub(super) struct Admin {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Admin {
    pub(super) fn new(url: &str, token: &str) -> Result<Self, Failed> {
        let base = format!("{url}/services/data/v66.0");
        Ok(Self { client: client()?, base, token: token.to_owned() })
    }

    /// Chooses a contact with an open opportunity, and a lead.
    pub(super) async fn cast(&self) -> Result<Cast, Failed> {
        let deals = self
            .query(
                "SELECT AccountId, Owner.Email FROM Opportunity \
                 WHERE IsClosed = false AND AccountId != null ORDER BY Id LIMIT 200",
            )
            .await?;
        for deal in &deals {
            let account = text(&deal["AccountId"]);
            let contacts = self
                .query(&format!(
                    "SELECT Id, Name, Email, Account.Name FROM Contact \
                     WHERE AccountId = '{account}' AND Email != null ORDER BY Id LIMIT 1"
                ))
                .await?;
            let Some(contact) = contacts.first() else { continue };
            let leads = self
                .query(
                    "SELECT Name, Email FROM Lead \
                     WHERE IsConverted = false AND Email != null ORDER BY Id LIMIT 1",
                )
                .await?;
            let lead = leads.first().ok_or_else(|| failed("find a lead", "there is none"))?;
            return Ok(Cast {
                contact_id: text(&contact["Id"]),
                contact_name: text(&contact["Name"]),
                contact_email: text(&contact["Email"]),
                company: text(&contact["Account"]["Name"]),
                lead_name: text(&lead["Name"]),
                lead_email: text(&lead["Email"]),
                owner_email: text(&deal["Owner"]["Email"]),
            });
        }
        Err(failed("find a contact with an open opportunity", "there is none"))
    }

    /// Returns a contact's description.
    pub(super) async fn description(&self, id: &str) -> Result<String, Failed> {
        let path = format!("sobjects/Contact/{id}?fields=Description");
        let record = self.call(reqwest::Method::GET, &path, None).await?;
        Ok(text(&record["Description"]))
    }

    /// Completes the task with this subject, and returns the subject.
    pub(super) async fn complete_task(&self, subject: &str) -> Result<String, Failed> {
        let tasks = self
            .query(&format!("SELECT Id, Subject FROM Task WHERE Subject = '{subject}' LIMIT 1"))
            .await?;
        let task = tasks.first().ok_or_else(|| failed("complete a task", "it is not there"))?;
        let path = format!("sobjects/Task/{}", text(&task["Id"]));
        let body = json!({ "Status": "Completed" });
        self.call(reqwest::Method::PATCH, &path, Some(body)).await?;
        Ok(text(&task["Subject"]))
    }

    /// Gives a contact another title.
    pub(super) async fn retitle(&self, id: &str, title: &str) -> Result<(), Failed> {
        let path = format!("sobjects/Contact/{id}");
        self.call(reqwest::Method::PATCH, &path, Some(json!({ "Title": title }))).await?;
        Ok(())
    }

    async fn query(&self, soql: &str) -> Result<Vec<Value>, Failed> {
        let query = percent_encoding::utf8_percent_encode(soql, percent_encoding::NON_ALPHANUMERIC);
        let answer = self.call(reqwest::Method::GET, &format!("query?q={query}"), None).await?;
        Ok(answer["records"].as_array().cloned().unwrap_or_default())
    }

    async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Failed> {
        let what = "work in Salesforce";
        let mut request =
            self.client.request(method, format!("{}/{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(|error| failed(what, error))?;
        let status = answer.status();
        let body = answer.text().await.map_err(|error| failed(what, error))?;
        if !status.is_success() {
            return Err(failed(what, format!("{status}: {body}")));
        }
        Ok(serde_json::from_str(&body).unwrap_or(Value::Null))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
