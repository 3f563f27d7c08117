//! `efficlose serve`

use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;

use super::output::{Failed, Output};
use super::world::World;
use crate::config::Config;
use crate::daemon;
use crate::sync::{self, Settings};

/// Run the daemon: sync what is due, every two hours or as set up
///
/// Ends on SIGTERM or Ctrl-C, after the pages that are being done. Settings and
/// mappings are read anew for each round.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_args: Args, world: World, output: &Output) -> Result<(), Failed> {
    let stop = stop_on_signal();
    let world = Arc::new(world);
    let settings = {
        let world = Arc::clone(&world);
        move |org: &_| current(&world).orgs.get(org).cloned().unwrap_or_default()
    };
    let open = {
        let (world, settings) = (Arc::clone(&world), settings.clone());
        move |org: &_| -> daemon::Opening {
            let (world, settings): (_, Settings) = (Arc::clone(&world), settings(org));
            let org = crate::model::OrgId::clone(org);
            Box::pin(async move { open_doors(&world, &org, settings) })
        }
    };
    let orgs = world.store.connections()?.len();
    output.json(&json!({ "serving": true, "orgs": orgs }));
    output.line(format!("Serving {orgs} connected orgs; Ctrl-C stops."));
    let library = world.library()?;
    let needs = daemon::World {
        control: Arc::clone(&world.store),
        clock: world.clock,
        settings: Box::new(settings),
        notices: Box::new(move || current(&world).notices),
        open: Box::new(open),
        mark: Box::new(move |object| library.mark(object)),
    };
    daemon::run(Arc::new(needs), stop).await;
    output.line("Stopped.");
    Ok(())
}

/// Returns the settings as they stand in the file now; those of the start, while
/// the file can't be understood.
fn current(world: &World) -> Config {
    Config::load(&world.home).unwrap_or_else(|error| {
        tracing::error!(hint = error.hint(), "the settings of the start hold: {error}");
        world.config.clone()
    })
}

fn open_doors(
    world: &World,
    org: &crate::model::OrgId,
    settings: Settings,
) -> Result<sync::Doors, sync::Error> {
    let connection = world.store.connections()?.into_iter().find(|one| one.org == *org);
    let failed = |failed: Failed| {
        sync::Error::Org(crate::model::Problem {
            message: failed.message,
            at: None,
            hint: failed.hint,
        })
    };
    let connection = connection
        .ok_or_else(|| failed(Failed::new(format!("{org} is not connected any more"))))?;
    world.doors(&connection, settings).map_err(failed)
}

/// Returns what turns true on SIGTERM or Ctrl-C. A second one ends the process at
/// once, as anyone would expect.
pub(super) fn stop_on_signal() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        signal().await;
        let _ = stop.send(true);
        signal().await;
        std::process::exit(130);
    });
    stopped
}

async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
