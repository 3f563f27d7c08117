//! Pages for people at a browser, the API for the platform, and what watches the host.
//!
//! A page is rendered whole by the server and works without scripts; a little of our own
//! JavaScript keeps it live. Nothing is fetched from elsewhere.

mod api;
mod assets;
mod audit;
mod changes;
mod chart;
mod connect;
mod done;
mod enter;
mod guard;
mod link;
mod live;
mod mappings;
mod matches;
mod meetings;
mod metrics;
mod page;
mod records;
mod refused;
mod runs;
mod setup;
mod status;
mod visitor;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

use crate::config::WebSettings;
use crate::model::{OrgId, Person, Role};
use crate::salesforce::CALLBACK_PATH;
use crate::secret::Secret;
use crate::world::{Failed, Fault, World};

use self::refused::Refused;

/// How long a login link may wait to be used.
const LINK_LIFE: SignedDuration = SignedDuration::from_mins(15);
/// How many bytes a form may have.
const FORM_MAX: usize = 4 << 20;
/// How many passwords may be tried in a minute, by everyone.
const LOGINS_MAX: NonZeroU32 = NonZeroU32::new(20).expect("it is not 0");
/// How many pages may be live at a time.
const LIVE_MAX: usize = 200;
/// How many mappings are tried at a time, each on a processor of its own.
const TRIES_MAX: usize = 2;
/// How many connections there may be at a time.
const CONNECTIONS_MAX: usize = 1_000;
/// How long the head of a request may take.
const HEADERS_WITHIN: Duration = Duration::from_secs(15);
/// How long to wait where no connection can be taken.
const PAUSE: Duration = Duration::from_millis(100);
/// How long answers that are being given may take once it is to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// All that pages need.
pub(crate) struct Site {
    world: Arc<World>,
    /// Where people reach it, without a slash at its end.
    base: String,
    settings: WebSettings,
    port: u16,
    /// What form tokens are made of where a proxy signs people in.
    proxy_secret: Secret,
    pending: Mutex<VecDeque<connect::Pending>>,
    logins: DefaultDirectRateLimiter,
    live: Arc<Semaphore>,
    seen: Mutex<HashMap<OrgId, Arc<status::Seen>>>,
    tries: Semaphore,
    stop: watch::Receiver<bool>,
}

type Shared = Arc<Site>;

/// Where whatever watches the host finds out whether it is well, by whatever name it calls it.
const HEALTH: &str = "/health";
/// Where Prometheus finds numbers.
const METRICS: &str = "/metrics";

/// A listener with the pages that it will serve.
pub struct Listening {
    listener: TcpListener,
    site: Shared,
}

/// Listens where the settings say, or at `address`.
///
/// # Errors
///
/// Refuses an address that other machines reach, unless there is a password or a proxy that
/// signs people in.
pub async fn listen(
    world: &Arc<World>,
    address: Option<SocketAddr>,
    stop: watch::Receiver<bool>,
) -> Result<Listening, Failed> {
    let settings = world.current().web;
    let address = address.unwrap_or(settings.listen);
    let has_password = world.store.password(Role::Admin)?.is_some();
    if !address.ip().is_loopback() && !has_password && settings.proxy.is_none() {
        return Err(Failed::new(format!(
            "{address} is reached by other machines, and nobody would have to sign in"
        ))
        .hint("Set a password with `efficlose web password`, or name a proxy in [web.proxy]."));
    }
    if !address.ip().is_loopback() && settings.public_url.is_none() {
        return Err(Failed::new(format!("{address} is reached by other machines"))
            .hint("Say in [web] under which public_url people reach it."));
    }
    let taken = |cause: std::io::Error| {
        Failed::new(format!("can't serve pages at {address}: {cause}"))
            .hint("Choose another address with --listen, or serve none with --no-web.")
    };
    let listener = TcpListener::bind(address).await.map_err(taken)?;
    let port = listener.local_addr().map_err(taken)?.port();
    // Salesforce takes a callback that is not encrypted for `localhost` alone.
    let base = match &settings.public_url {
        Some(url) => url.as_str().to_owned(),
        None => format!("http://localhost:{port}"),
    };
    world.store.save_address(&base)?;
    let site = Site {
        world: Arc::clone(world),
        base,
        settings,
        port,
        proxy_secret: Secret::generate(),
        pending: Mutex::default(),
        logins: RateLimiter::direct(Quota::per_minute(LOGINS_MAX)),
        live: Arc::new(Semaphore::new(LIVE_MAX)),
        seen: Mutex::default(),
        tries: Semaphore::new(TRIES_MAX),
        stop,
    };
    Ok(Listening { listener, site: Arc::new(site) })
}

impl Listening {
    /// Returns where people reach the pages.
    pub fn url(&self) -> &str {
        &self.site.base
    }

    /// Serves until it is to stop: each connection on its own, so many at a time.
    pub async fn serve(self) {
        let mut stop = self.site.stop.clone();
        let pages = pages(Arc::clone(&self.site));
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let open = GracefulShutdown::new();
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
        loop {
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place,
                () = stopped(&mut stop) => break,
            };
            let (stream, from) = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(cause) => {
                        // Too many files, say: it may be better in a moment.
                        tracing::warn!(%cause, "a connection can't be taken");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
                () = stopped(&mut stop) => break,
            };
            let pages = pages.clone();
            let answer = service_fn(move |mut request: hyper::Request<Incoming>| {
                request.extensions_mut().insert(ConnectInfo(from));
                pages.clone().oneshot(request)
            });
            let connection = open.watch(http.serve_connection(TokioIo::new(stream), answer));
            tokio::spawn(async move {
                // Whoever has gone need not be told.
                let _ = connection.await;
                drop(place);
            });
        }
        // What is being answered is answered.
        let _ = tokio::time::timeout(FAREWELL, open.shutdown()).await;
    }
}

/// Waits until it is to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Where nobody is left to say so, it is.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Makes a link that signs someone in once.
pub fn login_link(world: &World, base: &str, role: Role) -> Result<String, Failed> {
    let secret = Secret::generate();
    let until = later(world.clock.now(), LINK_LIFE);
    world.store.save_login_link(&secret.fingerprint(), role, until)?;
    Ok(format!("{base}{}", enter::path_of(&secret)))
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(now)
}

impl Site {
    /// Notes what someone did.
    ///
    /// What was seen of the org is old by then.
    fn note(&self, person: &Person, org: Option<&OrgId>, did: impl Into<String>) {
        self.world.note(&person.name, org, did);
        if let Some(org) = org {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(org);
        }
    }
}

/// Does something to its end, though whoever asked for it may have gone: what Salesforce was told
/// must be noted here, too.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refused>> + Send + 'static,
) -> Result<T, Refused> {
    tokio::spawn(work).await.unwrap_or_else(|crashed| {
        tracing::error!(%crashed, "what was asked for at a page broke off");
        let why = Failed::new("it broke off; look what became of it").of(Fault::Here);
        Err(why.into())
    })
}

/// Returns all pages by their paths.
fn pages(site: Shared) -> Router {
    let people = Router::new()
        .route("/", get(connect::integrations))
        .route("/connect", get(connect::form).post(connect::begin))
        .route(CALLBACK_PATH, get(connect::arrived))
        .route("/login", get(enter::form).post(enter::with_password))
        .route("/login/{link}", get(enter::invited).post(enter::with_link))
        .route("/logout", post(enter::leave))
        .route("/audit", get(audit::list))
        .route("/orgs/{org}", get(status::show))
        .route("/orgs/{org}/live", get(live::stream))
        .route("/orgs/{org}/sync", post(status::sync))
        .route("/orgs/{org}/pause", post(status::pause))
        .route("/orgs/{org}/retry", post(status::retry))
        .route("/orgs/{org}/doctor", get(status::doctor))
        .route("/orgs/{org}/disconnect", get(connect::leaving).post(connect::disconnect))
        .route("/orgs/{org}/matches", get(matches::list).post(matches::choose))
        .route("/orgs/{org}/runs", get(runs::list))
        .route("/orgs/{org}/changes", get(changes::list))
        .route("/orgs/{org}/plan", post(changes::plan))
        .route("/orgs/{org}/undo", post(changes::take_all_back))
        .route("/orgs/{org}/changes/{change}/undo", get(changes::ask).post(changes::take_back))
        .route("/orgs/{org}/setup", get(setup::begin))
        .route("/orgs/{org}/setup/discard", post(setup::discard))
        .route("/orgs/{org}/setup/objects", get(setup::objects::ask).post(setup::objects::take))
        .route(
            "/orgs/{org}/setup/fields/{object}",
            get(setup::fields::ask).post(setup::fields::take),
        )
        .route("/orgs/{org}/setup/matching", get(setup::matching::ask).post(setup::matching::take))
        .route("/orgs/{org}/setup/review", get(setup::review::ask).post(setup::review::enable))
        .route("/orgs/{org}/mappings", get(mappings::list))
        .route("/orgs/{org}/mappings/{object}", get(mappings::edit).post(mappings::take))
        .route("/orgs/{org}/mappings/{object}/preview", post(mappings::preview))
        .route("/orgs/{org}/mappings/{object}/replay", post(mappings::replay))
        .route("/orgs/{org}/mappings/{object}/case", post(mappings::make_case))
        .route("/orgs/{org}/mappings/{object}/back", post(mappings::back))
        .route("/orgs/{org}/records/{object}", get(records::list))
        .route("/orgs/{org}/records/{object}/{id}", get(records::show))
        .route("/orgs/{org}/meetings", get(meetings::list))
        .route("/orgs/{org}/meetings/{id}", get(meetings::show))
        .layer(DefaultBodyLimit::max(FORM_MAX))
        .fallback(refused::nowhere);
    Router::new()
        .merge(people)
        .merge(api::routes())
        .merge(assets::routes())
        .merge(metrics::routes())
        .layer(from_fn_with_state(Arc::clone(&site), guard::headers))
        .with_state(site)
}
