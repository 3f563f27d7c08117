//! The command line: its flags, and running a sandbox until it is told to stop.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args as ClapArgs;
use tokio::signal;

use crate::{CustomField, Description, Records, Settings, StartError, start};

/// Run an invented Salesforce org on this machine
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// Address to listen at; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Number that records, ids and tokens are made from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// How many records there are, such as contact=1000,lead=5
    #[arg(long, value_name = "COUNTS", default_value_t)]
    pub records: Records,
    /// File that describes the org's fields, rules and people
    #[arg(long, value_name = "FILE")]
    pub description: Option<PathBuf>,
    /// Custom field to add, such as Contact.Score__c:number; may be given several times
    #[arg(long = "field", value_name = "OBJECT.FIELD__c[:TYPE]")]
    pub fields: Vec<CustomField>,
    /// Let tests steer it through /__sandbox
    #[arg(long)]
    pub control: bool,
    /// Print nothing but one line of JSON
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// Returns what the flags ask for.
    ///
    /// # Errors
    ///
    /// Says that the file with the org's description can't be read.
    pub fn settings(&self) -> Result<Settings, RunError> {
        let description = match &self.description {
            Some(path) => Description::read(&std::fs::read_to_string(path)?)
                .map_err(StartError::Description)?,
            None => Description::default(),
        };
        Ok(Settings {
            description,
            listen: self.listen,
            seed: self.seed,
            records: self.records,
            control: self.control,
            custom_fields: self.fields.clone(),
            ..Settings::default()
        })
    }
}

/// Runs a sandbox until Ctrl-C or SIGTERM. The first line of output is the
/// greeting as JSON.
///
/// # Errors
///
/// As [`start`], and when the output or the signals fail.
pub async fn run(args: &Args) -> Result<(), RunError> {
    let sandbox = start(args.settings()?).await?;
    let greeting = serde_json::to_string(sandbox.greeting()).map_err(io::Error::from)?;
    let mut out = io::stdout();
    writeln!(out, "{greeting}")?;
    if !args.json {
        writeln!(out, "A sandbox org listens at {}. Ctrl-C stops it.", sandbox.greeting().url)?;
    }
    out.flush()?;
    told_to_stop().await?;
    sandbox.stop().await;
    Ok(())
}

#[cfg(unix)]
async fn told_to_stop() -> io::Result<()> {
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn told_to_stop() -> io::Result<()> {
    signal::ctrl_c().await
}

/// Why running a sandbox failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It didn't start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The output, the signals or the file with the description failed.
    #[error("talking to the terminal or reading the org's description failed")]
    Io(#[from] io::Error),
}
