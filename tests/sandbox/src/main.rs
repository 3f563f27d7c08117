//! The binary `efficlose-sandbox`.

use std::process::ExitCode;

use clap::Parser;
use efficlose_sandbox::cli::{Args, run};

#[derive(Parser)]
#[command(version, about)]
struct Command {
    #[command(flatten)]
    args: Args,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Command::parse().args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
