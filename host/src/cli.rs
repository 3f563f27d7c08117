//! The commands: the only floor that prints, and the place that assembles.

mod backfill;
mod changes;
mod config;
mod connect;
mod demo;
mod disconnect;
mod doctor;
mod failures;
mod mapping;
mod matches;
mod meetings;
mod notices;
mod output;
mod pause;
mod plugin;
mod records;
mod runs;
mod script_component;
mod serve;
mod setup;
mod status;
mod sync;
mod types;
mod verify;
mod web;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, CommandFactory, Parser, Subcommand};

use crate::config::Config;
use crate::plugin::script;
use crate::secret::Secret;
use crate::telemetry::Traces;
use crate::world::{Place, World};
use output::{Failed, Output};

/// Keep a meeting platform and Salesforce in step
///
/// Connect an org, choose what syncs, and from then on contacts, leads,
/// accounts, opportunities and tasks are imported, and what meetings taught is
/// written back.
#[derive(Parser)]
#[command(name = "efficlose", version, max_term_width = 100)]
pub struct Args {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(clap::Args)]
struct Globals {
    /// Folder of the settings, the grants and the records
    #[arg(
        long,
        global = true,
        env = "EFFICLOSE_HOME",
        hide_env_values = true,
        value_name = "FOLDER"
    )]
    home: Option<PathBuf>,
    /// File of the key that seals grants; `key` in the home by default
    #[arg(
        long,
        global = true,
        env = "EFFICLOSE_KEY_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    key_file: Option<PathBuf>,
    /// Org to work on, by id or user name; needed where several are connected
    #[arg(long, global = true, value_name = "ORG")]
    org: Option<String>,
    /// Print JSON, for machines
    #[arg(long, global = true)]
    json: bool,
    /// Log more on standard error; twice logs every call
    #[arg(long, short, global = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    Sandbox(efficlose_sandbox::cli::Args),
    Connect(connect::Args),
    Disconnect(disconnect::Args),
    Setup(setup::Args),
    Doctor(doctor::Args),
    Sync(sync::Args),
    Verify(verify::Args),
    Backfill(backfill::Args),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Serve(serve::Args),
    Web(web::Args),
    Status(status::Args),
    Runs(runs::Args),
    Records(records::Args),
    Changes(changes::Args),
    Mapping(mapping::Args),
    Meetings(meetings::Args),
    Matches(matches::Args),
    Plugin(plugin::Args),
    Failures(failures::Args),
    Notices(notices::Args),
    Config(config::Args),
    /// Make a component of a script that stands on standard input
    #[command(name = script::COMMAND, hide = true)]
    ScriptComponent,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let output = Output::new(args.globals.json);
    if matches!(args.command, Command::ScriptComponent) {
        return script_component::run();
    }
    let serves = matches!(args.command, Command::Serve(_));
    let traces = if serves { traces(&args.globals) } else { None };
    log(args.globals.verbose, serves, traces.as_ref());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(args, &output)),
        Err(cause) => Err(Failed::new(format!("can't start: {cause}"))),
    };
    if let Some(traces) = traces {
        traces.end();
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            output.failed(&failed);
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args, output: &Output) -> Result<(), Failed> {
    // These need no home.
    match args.command {
        Command::Demo(args) => return demo::run(args, output).await,
        Command::Sandbox(args) => {
            let ran = efficlose_sandbox::cli::run(&args).await;
            return ran.map_err(|error| Failed::new(error.to_string()));
        }
        _ => {}
    }
    let world = World::open(place(&args.globals)?)?;
    match args.command {
        Command::Connect(args) => connect::run(args, &world, output).await,
        Command::Disconnect(args) => disconnect::run(args, &world, output).await,
        Command::Setup(args) => setup::run(args, &world, output).await,
        Command::Doctor(args) => doctor::run(args, &world, output).await,
        Command::Sync(args) => sync::run(args, &world, output).await,
        Command::Backfill(args) => backfill::run(args, &world, output).await,
        Command::Pause(args) => pause::pause(args, &world, output),
        Command::Resume(args) => pause::resume(args, &world, output),
        Command::Verify(args) => verify::run(args, &world, output).await,
        Command::Serve(args) => serve::run(args, world, output).await,
        Command::Web(args) => web::run(args, &world, output),
        Command::Status(args) => status::run(args, &world, output),
        Command::Runs(args) => runs::run(args, &world, output),
        Command::Records(args) => records::run(args, &world, output),
        Command::Changes(args) => changes::run(args, &world, output).await,
        Command::Mapping(args) => mapping::run(args, &world, output).await,
        Command::Meetings(args) => meetings::run(args, &world, output),
        Command::Matches(args) => matches::run(args, &world, output),
        Command::Plugin(args) => plugin::run(args, &world, output).await,
        Command::Failures(args) => failures::run(args, &world, output).await,
        Command::Notices(args) => notices::run(args, &world, output).await,
        Command::Config(args) => config::run(args, &world, output),
        Command::Demo(_) | Command::Sandbox(_) | Command::ScriptComponent => Ok(()),
    }
}

/// Holds the key itself, for machines that have no file for it.
const KEY: &str = "EFFICLOSE_KEY";

/// Returns where to work, from the arguments and the environment.
fn place(globals: &Globals) -> Result<Place, Failed> {
    Ok(Place {
        home: globals.home.clone().map_or_else(default_home, Ok)?,
        key: std::env::var(KEY).ok().map(Secret::from),
        key_file: globals.key_file.clone(),
        program: std::env::current_exe()
            .map_err(|cause| Failed::new(format!("can't find the program itself: {cause}")))?,
        org: globals.org.clone(),
    })
}

/// Returns the folder that the system has for a user's data.
fn default_home() -> Result<PathBuf, Failed> {
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let user = || std::env::home_dir().map(|home| home.join(".local/share"));
    let data = data
        .or_else(user)
        .ok_or_else(|| Failed::new("there is no home folder").hint("Name a folder with --home."))?;
    Ok(data.join("efficlose"))
}

/// Logs to standard error: what someone must act on, and more when asked to. The
/// daemon tells what it does, too.
fn log(verbose: u8, serves: bool, traces: Option<&Traces>) {
    use tracing_subscriber::Layer as _;
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let level = match verbose + u8::from(serves) {
        0 => LevelFilter::ERROR,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    // A command's own message tells what went wrong; the log would say it twice.
    let level = if verbose == 0 && !serves { LevelFilter::OFF } else { level };
    let filter = Targets::new().with_target("efficlose", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .with_filter(filter);
    // Traces are for machines: how much a person reads doesn't matter to them.
    let all = Targets::new().with_target("efficlose", LevelFilter::INFO);
    let traces = traces.map(|traces| traces.layer().with_filter(all));
    tracing_subscriber::registry().with(lines).with(traces).init();
}

/// Begins to send traces, where the settings name a collector. Settings that can't be understood
/// are told of when the home is opened.
fn traces(globals: &Globals) -> Option<Traces> {
    let home = globals.home.clone().map_or_else(default_home, Ok).ok()?;
    let collector = Config::load(&home).ok()?.telemetry.otlp?;
    match Traces::start(&collector) {
        Ok(traces) => Some(traces),
        Err(why) => {
            eprintln!("warning: no traces are sent to {collector}: {why}");
            None
        }
    }
}

/// Returns the help of every command, as a person sees it.
pub fn reference() -> String {
    fn add(command: &mut clap::Command, path: &str, text: &mut String) {
        let path = format!("{path}{}", command.get_name());
        text.push_str(&format!("# {path}\n\n{}\n", command.render_long_help()));
        let shown = command.get_subcommands().filter(|inner| !inner.is_hide_set());
        let names: Vec<String> = shown.map(|inner| inner.get_name().to_owned()).collect();
        for name in names.iter().filter(|name| *name != "help") {
            if let Some(inner) = command.find_subcommand_mut(name) {
                add(inner, &format!("{path} "), text);
            }
        }
    }
    let mut command = Args::command().term_width(90);
    command.build();
    let mut text = String::new();
    add(&mut command, "", &mut text);
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
