//! `efficlose connect`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::output::{Failed, Output};
use super::vault::Held;
use super::world::World;
use crate::model::{Connection, Object};
use crate::salesforce::{
    App, Authorization, Callback, Connected, LoginUrl, Salesforce, Unlimited, api_version, exchange,
};
use crate::secret::Secret;

/// Connect a Salesforce org
///
/// Opens Salesforce's login page in a browser, waits until the person there has
/// allowed access, and keeps the grant sealed. No password or key is copied.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Where people log in: `login`, `test`, or the org's My Domain
    #[arg(long, default_value = "login", value_name = "URL")]
    login_url: String,
    /// Consumer key of the app at Salesforce
    #[arg(long, env = "EFFICLOSE_CLIENT_ID", hide_env_values = true, value_name = "ID")]
    client_id: String,
    /// File that holds the consumer secret, where the app has one
    #[arg(long, env = "EFFICLOSE_CLIENT_SECRET_FILE", hide_env_values = true, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Port of the callback, where the app's callback names one; any free one by default
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "PORT")]
    port: u16,
    /// Print the address of the login page on a line of its own, and open no browser
    #[arg(long)]
    no_browser: bool,
    /// How long to wait for the person, in seconds
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    timeout: u64,
}

/// How large the file of a secret may be, in bytes.
const SECRET_MAX: u64 = 4_096;

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let login: LoginUrl = args.login_url.parse()?;
    let client_secret = args.client_secret_file.as_deref().map(secret).transpose()?;
    let app = App { client_id: args.client_id, client_secret };
    let callback = Callback::listen(args.port).await?;
    let authorization = Authorization::begin(&login, &app, callback.redirect_url());
    invite(&authorization, args.no_browser, output);
    authorization.probe(&world.http).await?;
    let code = callback.wait(&authorization, Duration::from_secs(args.timeout)).await?;
    let connected = exchange(&world.http, &authorization, code).await?;
    let connection = keep(world, &login, &app, connected).await?;
    output.json(&json!({
        "org": connection.org,
        "username": connection.username,
        "api_version": connection.api_version,
        "connected": true,
    }));
    output.line(format!("Connected to {} as {}", connection.org, connection.username));
    output.line("Next: `efficlose setup` chooses what syncs.");
    Ok(())
}

/// Shows the person the way to the login page.
fn invite(authorization: &Authorization, no_browser: bool, output: &Output) {
    let url = authorization.url.as_str();
    output.json(&json!({ "authorize_url": url }));
    if no_browser || webbrowser::open(url).is_err() {
        output.line("Open this page in a browser and allow access:");
    } else {
        output.line("Allow access in the browser. If no page has opened, this is its address:");
    }
    output.line(url);
}

/// Looks whether the org opens with the grant, then keeps both.
async fn keep(
    world: &World,
    login: &LoginUrl,
    app: &App,
    connected: Connected,
) -> Result<Connection, Failed> {
    let version = api_version(&world.http, &connected.grant.instance_url).await?;
    let vault = Arc::new(Held::new(connected.grant));
    let (login_url, client_id) = (login.clone(), &app.client_id);
    let (http, unlimited) = (&world.http, Arc::new(Unlimited));
    let salesforce =
        Salesforce::open(http, login_url, client_id, &version, vault.clone(), unlimited)?;
    let identity = salesforce.whoami().await?;
    // An org or a user without API access is told now, not at the first sync.
    salesforce.describe(Object::Contact.as_str()).await?;
    let connection = Connection {
        org: connected.org,
        login_url: login.to_string(),
        client_id: app.client_id.clone(),
        username: identity.username,
        user_id: connected.user.to_string(),
        api_version: version,
        connected_at: world.clock.now(),
        broken: None,
    };
    world.store.connect(&connection, &vault.grant())?;
    if let Some(usage) = salesforce.usage() {
        world.store.save_usage(&connection.org, usage, world.clock.now())?;
    }
    Ok(connection)
}

/// Reads a secret from a file: an argument could be seen by others.
fn secret(file: &Path) -> Result<Secret, Failed> {
    let failed = |why: String| Failed::new(format!("can't read {}: {why}", file.display()));
    let about = file.metadata().map_err(|cause| failed(cause.to_string()))?;
    if about.len() > SECRET_MAX {
        return Err(failed("it is too large for a secret".to_owned()));
    }
    let text = std::fs::read_to_string(file).map_err(|cause| failed(cause.to_string()))?;
    Ok(Secret::from(text.trim()))
}
