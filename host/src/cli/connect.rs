//! `efficlose connect`

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::output::{Failed, Output};
use crate::salesforce::{App, Authorization, Callback, LoginUrl, exchange};
use crate::world::{World, read_secret};

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

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let login: LoginUrl = args.login_url.parse()?;
    let client_secret = args.client_secret_file.as_deref().map(read_secret).transpose()?;
    let app = App { client_id: args.client_id, client_secret };
    let callback = Callback::listen(args.port).await?;
    let authorization = Authorization::begin(&login, &app, callback.redirect_url());
    invite(&authorization, args.no_browser, output);
    authorization.probe(&world.http).await?;
    let code = callback.wait(&authorization, Duration::from_secs(args.timeout)).await?;
    let connected = exchange(&world.http, &authorization, code).await?;
    let connection = world.connect(&login, &app, connected, None).await?;
    output.json(&json!({
        "org": connection.org,
        "username": connection.username,
        "name": connection.name,
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
