//! `efficlose sandbox`

use super::output::{Failed, Output};

/// Start an invented Salesforce org to try things on
///
/// It answers as Salesforce does, at an address of this machine, and forgets
/// everything when it stops. The first line says how to connect to it.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sandbox: efficlose_sandbox::cli::Args,
}

pub(super) async fn run(args: Args, _output: &Output) -> Result<(), Failed> {
    efficlose_sandbox::cli::run(&args.sandbox).await.map_err(|error| Failed::new(error.to_string()))
}
