//! Development tasks: `cargo xtask demo`, `cargo xtask test` and their parts.

mod browser;
mod clients;
mod debian;
mod peers;
mod plugins;
mod registry;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};
use efficlose_toolchain::Compiler;

/// Development tasks of efficlose
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what builds need on this machine
    Prerequisites,
    /// Build everything and show the product at work on a sandbox org
    Demo,
    /// Install what tests need and run all tests
    Test,
    /// Measure; everything in one run, so that ratios mean something
    Bench {
        /// What to measure
        what: Bench,
    },
    /// Build mappings into components; print the digest and the file of each
    Plugins {
        /// Packages to build; the default mappings and the examples, if none is named
        packages: Vec<String>,
        /// Build them twice, in another folder, and fail if a byte differs
        #[arg(long)]
        reproduce: bool,
    },
}

/// What can be measured.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Bench {
    /// Records a second through mappings of every form, beside native code
    Mapping,
    /// An import and the syncs after it: records a second, calls, memory
    Pull,
    /// A thousand meetings: planning and writing what follows of them
    Push,
    /// Seeding, memory and pages of the sandbox org
    Sandbox,
}

/// What a task ends with: nothing, or a sentence for the person who ran it.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let outcome = match Args::parse().task {
        Task::Prerequisites => prerequisites(),
        Task::Demo => demo(),
        Task::Test => test(),
        Task::Bench { what } => bench(what),
        Task::Plugins { packages, reproduce: false } => plugins::build(&packages),
        Task::Plugins { packages, reproduce: true } => plugins::reproduce(&packages),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn prerequisites() -> Outcome {
    let compiler = Compiler::install().map_err(|error| error.to_string())?;
    eprintln!("mappings are built by {compiler:?}");
    Ok(())
}

fn demo() -> Outcome {
    prerequisites()?;
    cargo(&["run", "--package", "efficlose", "--", "demo"])
}

fn test() -> Outcome {
    prerequisites()?;
    clients::install()?;
    registry::install()?;
    browser::install()?;
    cargo(&["test", "--workspace"])
}

fn bench(what: Bench) -> Outcome {
    prerequisites()?;
    match what {
        Bench::Sandbox => {
            cargo(&["run", "--release", "-p", "efficlose-sandbox", "--example", "bench"])
        }
        Bench::Pull => of_the_binary("pull_bench"),
        Bench::Push => of_the_binary("push_bench"),
        Bench::Mapping => {
            cargo(&["build", "--release", "-p", "efficlose", "--bin", "efficlose"])?;
            let page = target().join("bench-mapping.json");
            let place = page.display().to_string();
            let bench = ["run", "--release", "-p", "efficlose", "--example", "mapping_bench"];
            cargo(&[&bench[..], &["--", &place]].concat())?;
            peers::bench(&page)
        }
    }
}

/// Builds the binary, and runs a benchmark that runs it.
fn of_the_binary(bench: &str) -> Outcome {
    cargo(&["build", "--release", "-p", "efficlose", "--bin", "efficlose"])?;
    cargo(&["run", "--release", "-p", "efficlose", "--example", bench])
}

/// Runs cargo in the workspace.
fn cargo(arguments: &[&str]) -> Outcome {
    let status = Command::new("cargo").args(arguments).current_dir(workspace()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("`cargo {}` failed", arguments.join(" "))),
        Err(cause) => Err(format!("can't run cargo: {cause}")),
    }
}

/// Returns cargo's folder for what it makes.
fn target() -> PathBuf {
    let chosen = std::env::var_os("CARGO_TARGET_DIR");
    chosen.map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// Returns the folder of the workspace.
fn workspace() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("this package lies in the workspace").to_owned()
}
