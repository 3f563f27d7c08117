//! A Salesforce look-alike for tests and demonstrations.
//!
//! [`start`] gives an org that answers at the wire as Salesforce does: OAuth,
//! REST, SOQL, composite requests, describe, limits and errors. What is in it is
//! invented from a seed. It shares no code with the programs that are tested
//! against it, so that a mistake can't cancel itself out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

mod access;
pub mod cli;
mod clock;
mod cursors;
mod description;
mod faults;
mod http;
mod ids;
mod jobs;
mod org;
mod records;
mod refusal;
mod rules;
mod schema;
mod seed;
mod settings;
mod soql;
mod state;
mod traffic;
mod value;
mod write;

pub use description::{Description, FieldSecurity, ObjectSecurity, Person};
pub use records::{RECORD_LIMIT, Records, RecordsError};
pub use rules::{DuplicateRule, ValidationRule};
pub use schema::{CustomField, CustomKind, CustomObject};
pub use settings::Settings;

use access::Access;
use clock::Clock;
use state::State;
use traffic::Traffic;

/// How long requests in flight may take to end when a sandbox stops.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// What a client needs to come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Greeting {
    /// The base of all addresses.
    pub url: String,
    /// Where people log in; the same server.
    pub login_url: String,
    /// The connected app's id.
    pub client_id: String,
    /// The connected app's secret.
    pub client_secret: String,
    /// An access token of the admin.
    pub access_token: String,
    /// A refresh token of the admin.
    pub refresh_token: String,
}

/// A running sandbox. Dropping it leaves the server running until its runtime
/// ends; [`Sandbox::stop`] ends it.
#[derive(Debug)]
pub struct Sandbox {
    greeting: Greeting,
    local_addr: SocketAddr,
    state: Arc<State>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// Starts a sandbox and returns once it listens.
///
/// # Errors
///
/// Says that the address can't be listened at, or which custom field is wrong.
pub async fn start(settings: Settings) -> Result<Sandbox, StartError> {
    let listen = settings.listen;
    let at_address = |source| StartError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(at_address)?;
    let local_addr = listener.local_addr().map_err(at_address)?;
    let url = format!("http://{local_addr}");
    let clock = settings.frozen_at.map_or_else(Clock::running, Clock::frozen);
    let seeded = seed::seed(settings.seed, settings.records, clock.now());
    let mut org = seeded.org;
    for field in &settings.custom_fields {
        org.add_field(field, clock.now()).map_err(StartError::Field)?;
    }
    settings
        .description
        .apply(&mut org, seeded.admin, clock.now())
        .map_err(StartError::Description)?;
    let mut access = Access::new(settings.seed, org.id, seeded.integration);
    access.rotate = settings.rotate_refresh_tokens;
    let client_id = access.client_id.clone();
    let granted = access.grant(seeded.admin, &client_id, "refresh_token api id", clock.now());
    let greeting = Greeting {
        login_url: url.clone(),
        client_id,
        client_secret: access.client_secret.clone(),
        access_token: granted.access_token,
        refresh_token: granted.refresh_token.unwrap_or_default(),
        url: url.clone(),
    };
    let mut state = State::new(org, access, Traffic::new(), clock, url);
    state.control = settings.control;
    let state = Arc::new(state);
    let router = http::router(state.clone());
    let (stop, stopped) = oneshot::channel();
    let serving = http::serve(listener, router, async {
        // A sandbox that is dropped goes on serving.
        if stopped.await.is_err() {
            std::future::pending().await
        }
    });
    Ok(Sandbox { greeting, local_addr, state, stop, server: tokio::spawn(serving) })
}

impl Sandbox {
    /// Returns what a client needs to come in.
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Returns where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops it: no new connections, hanging answers are let go, and requests in
    /// flight get a moment to end.
    pub async fn stop(mut self) {
        // The server may have ended by itself; then there is nothing to stop.
        let _ = self.stop.send(());
        self.state.faults.release();
        if tokio::time::timeout(STOP_LIMIT, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

/// Why a sandbox didn't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("listening at {listen} failed")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The description of the org is wrong.
    #[error("describing the org failed: {0}")]
    Description(String),
    /// A custom field can't be added.
    #[error("adding a custom field failed: {0}")]
    Field(String),
}
