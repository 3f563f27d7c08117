//! `efficlose disconnect`

use serde_json::json;

use super::output::{Failed, Output};
use super::world::World;
use crate::salesforce::{LoginUrl, revoke};

/// Disconnect an org: revoke its grant and forget it
///
/// What was imported and the journal stay in the org's folder until it is
/// deleted.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Forget the grant even if Salesforce can't be told
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let revoked = revoke_at_salesforce(world, &connection).await;
    if let Err(failed) = &revoked
        && !args.force
    {
        let hint = "Try again, or use --force and remove the app's access in Salesforce's Setup.";
        return Err(Failed::new(failed.message.clone()).hint(hint));
    }
    world.store.disconnect(&connection.org)?;
    let folder = world.home.join("orgs").join(connection.org.as_str());
    output.json(&json!({
        "org": connection.org,
        "revoked": revoked.is_ok(),
        "kept": folder,
    }));
    output.line(format!("Disconnected from {}", connection.org));
    if revoked.is_err() {
        output.line("Salesforce was not told: remove the app's access in its Setup.");
    }
    output.line(format!("Imported records and the journal stay in {}", folder.display()));
    Ok(())
}

async fn revoke_at_salesforce(
    world: &World,
    connection: &crate::model::Connection,
) -> Result<(), Failed> {
    let grant = world.store.grant(&connection.org)?;
    let login: LoginUrl = connection.login_url.parse()?;
    Ok(revoke(&world.http, &login, &grant).await?)
}
