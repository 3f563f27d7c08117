//! `efficlose serve`

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;

use super::output::{Failed, Output};
use crate::daemon;
use crate::model::{Role, many};
use crate::sync::{self, Settings};
use crate::web;
use crate::world::World;

/// Run the daemon: sync what is due, every two hours or as set up, and serve pages and the API
///
/// Ends on SIGTERM or Ctrl-C, after the pages that are being done. Mappings, and all settings but
/// `[web]`, `[telemetry]` and `proxy`, are read anew for each round; a blackout that begins ends
/// the round that is under way.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Where to serve pages; by default what the settings say, else 127.0.0.1:1717
    #[arg(long, env = "EFFICLOSE_LISTEN", hide_env_values = true, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Serve no pages and no API
    #[arg(long, conflicts_with = "listen")]
    no_web: bool,
}

pub(super) async fn run(args: Args, world: World, output: &Output) -> Result<(), Failed> {
    let stop = stop_on_signal();
    let world = Arc::new(world);
    let settings = {
        let world = Arc::clone(&world);
        move |org: &_| world.settings(org)
    };
    let open = {
        let (world, settings) = (Arc::clone(&world), settings.clone());
        move |org: &_| -> daemon::Opening {
            let (world, settings): (_, Settings) = (Arc::clone(&world), settings(org));
            let org = crate::model::OrgId::clone(org);
            Box::pin(async move { open_doors(&world, &org, settings) })
        }
    };
    let pages = match args.no_web {
        true => None,
        false => Some(web::listen(&world, args.listen, stop.clone()).await?),
    };
    greet(&world, pages.as_ref(), output)?;
    world.library()?;
    let mark = {
        let world = Arc::clone(&world);
        move |object| world.library().ok()?.mark(object)
    };
    let needs = daemon::World {
        control: Arc::clone(&world.store),
        clock: world.clock,
        settings: Box::new(settings),
        notices: Box::new(move || world.current().notices),
        open: Box::new(open),
        mark: Box::new(mark),
    };
    let pages = pages.map(|pages| tokio::spawn(pages.serve()));
    daemon::run(Arc::new(needs), stop).await;
    if let Some(pages) = pages {
        // It ends on the same signal; that a page crashed is in the log.
        let _ = pages.await;
    }
    output.line("Stopped.");
    Ok(())
}

/// Says what is served. Whoever has started it at a terminal gets a link that signs in; a log
/// is no place for one.
fn greet(world: &World, pages: Option<&web::Listening>, output: &Output) -> Result<(), Failed> {
    let orgs = world.store.connections()?.len();
    let url = pages.map(web::Listening::url);
    output.json(&json!({ "serving": true, "orgs": orgs, "url": url }));
    output.line(format!(
        "Serving {}; Ctrl-C stops.",
        many(orgs as u64, "connected org", "connected orgs")
    ));
    match url {
        Some(url) if output.is_read_by_person() => {
            output.line(format!("Pages are at {url}; this link signs you in, once:"));
            output.line(web::login_link(world, url, Role::Admin)?);
        }
        Some(url) => output.line(format!("Pages are at {url}; `efficlose web` signs you in.")),
        None => {}
    }
    Ok(())
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
