//! `efficlose disconnect`

use serde_json::json;

use super::output::{Failed, Output};
use crate::world::World;

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
    let is_told = world.disconnect(&connection, args.force).await?;
    let folder = world.home.join("orgs").join(connection.org.as_str());
    output.json(&json!({
        "org": connection.org,
        "revoked": is_told,
        "kept": folder,
    }));
    output.line(format!("Disconnected from {}", connection.org));
    if !is_told {
        output.line("Salesforce was not told: remove the app's access in its Setup.");
    }
    output.line(format!("Imported records and the journal stay in {}", folder.display()));
    Ok(())
}
