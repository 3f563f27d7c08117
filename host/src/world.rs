//! Assembles what people work with: the home, the settings, the doors of an org.
//!
//! The command line and the browser's pages both stand on it, so that what one can
//! do, the other does by the same code.

mod budget;
mod cases;
mod connect;
mod failed;
mod mappings;
mod vault;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::clock::Clock;
use crate::config::{self, Config, MappingSettings};
use crate::model::{Audit, Connection, JobKey, OrgId};
use crate::plugin::{Library, Plugins};
use crate::salesforce::{Http, Pace, Salesforce};
use crate::secret::Secret;
use crate::store::{self, Store};
use crate::sync::{Doors, Settings};

use self::vault::Stored;

pub use self::budget::Counted;
pub use self::cases::Named;
pub use self::connect::read_secret;
pub use self::failed::{Failed, Fault};
pub use self::mappings::{Back, Judgement, refused};

/// The folder of the customer's mappings, in the home.
const MAPPINGS: &str = "mappings";
/// The folder of compiled mappings, in the home.
const CACHE: &str = "cache";

/// Where a world is, and what it is opened with.
pub struct Place {
    /// The home; made where there is none.
    pub home: PathBuf,
    /// The key that seals grants, for machines that have no file for it.
    pub key: Option<Secret>,
    /// The file of the key; `key` in the home, where none is named.
    pub key_file: Option<PathBuf>,
    /// The program itself, which makes components of scripts.
    pub program: PathBuf,
    /// The org to work on, by id or user name, where one was named.
    pub org: Option<String>,
}

/// All that people work with.
pub struct World {
    /// The folder of it all.
    pub home: PathBuf,
    /// What the host knows.
    pub store: Arc<Store>,
    /// Makes calls.
    pub http: Http,
    /// The time.
    pub clock: Clock,
    program: PathBuf,
    org: Option<String>,
    /// The mappings, with the settings that they were opened with.
    library: Mutex<Option<(MappingSettings, Arc<Library>)>>,
    /// The settings as they were read last, and the file that they were read of.
    config: Mutex<Read>,
}

/// The settings as they were read last.
struct Read {
    /// Tells the file that was looked at last, from what it was before.
    version: Option<Version>,
    /// Those that could be understood.
    config: Config,
    /// Why those that are in the file now can't be.
    trouble: Option<(String, String)>,
}

/// What tells a file from what it was before: its size and when it was written.
type Version = (u64, Option<SystemTime>);

impl World {
    /// Opens the home; makes it where there is none.
    pub fn open(place: Place) -> Result<Self, Failed> {
        let Place { home, key, key_file, program, org } = place;
        store::make_folder(&home)?;
        // A daemon may be told another working folder.
        let home = std::path::absolute(&home)
            .map_err(|cause| Failed::new(format!("can't use {}: {cause}", home.display())))?;
        let config = Config::load(&home)?;
        let key_file = key_file.unwrap_or_else(|| home.join("key"));
        // A new key would open nothing of what is there.
        if key.is_none() && home.join(store::CONTROL).exists() && !key_file.exists() {
            let file = key_file.display();
            return Err(Failed::new(format!("the file of the key, {file}, is not there"))
                .hint("Name it with --key-file, or bring it back: grants are sealed with it."));
        }
        let key = config::load_key(key.as_ref(), &key_file)?;
        let store = Arc::new(Store::open(&home, key)?);
        let pace = Pace { seed: u64::from(std::process::id()), ..Pace::default() };
        let http = Http::new(pace, config.proxy.as_ref())?;
        let read = Read { version: version_of(&home), config, trouble: None };
        let (library, config) = (Mutex::default(), Mutex::new(read));
        Ok(Self { home, store, http, clock: Clock::System, program, org, library, config })
    }

    /// Returns the org to work on: the one that was named, or the only one.
    pub fn connection(&self) -> Result<Connection, Failed> {
        let mut connections = self.store.connections()?;
        if let Some(wanted) = &self.org {
            let short = |id: &OrgId| id.as_str().starts_with(wanted.as_str()) && wanted.len() >= 15;
            connections.retain(|one| short(&one.org) || one.username == *wanted);
        }
        match (connections.len(), &self.org) {
            (1, _) => Ok(connections.remove(0)),
            (0, None) => {
                Err(Failed::new("no org is connected")
                    .hint("Run `efficlose connect` to connect one."))
            }
            (0, Some(wanted)) => {
                Err(Failed::new(format!("no connected org is called \"{wanted}\""))
                    .hint("Run `efficlose status` to see those that are."))
            }
            (count, _) => {
                let names: Vec<_> = connections.iter().map(|one| one.org.to_string()).collect();
                Err(Failed::new(format!("{count} orgs are connected"))
                    .hint(format!("Name one with --org: {}.", names.join(", "))))
            }
        }
    }

    /// Returns the orgs that were asked for: the one named, or all.
    pub fn connections(&self) -> Result<Vec<Connection>, Failed> {
        match self.org {
            Some(_) => Ok(vec![self.connection()?]),
            None => Ok(self.store.connections()?),
        }
    }

    /// Returns the orgs that the settings name and that are not connected.
    pub fn unconnected(&self) -> Result<Vec<OrgId>, Failed> {
        let connections = self.store.connections()?;
        let is_connected = |org: &OrgId| connections.iter().any(|one| one.org == *org);
        Ok(self.current().orgs.into_keys().filter(|org| !is_connected(org)).collect())
    }

    /// Returns the connection of an org.
    pub fn connection_of(&self, org: &OrgId) -> Result<Connection, Failed> {
        let connection = self.store.connections()?.into_iter().find(|one| one.org == *org);
        connection.ok_or_else(|| {
            Failed::new(format!("the org {org} is not connected"))
                .hint("`efficlose status`, or the first page, shows those that are.")
                .of(Fault::Unknown)
        })
    }

    /// Returns the settings as they stand in the file now; those that were read last, while
    /// the file can't be understood.
    pub fn current(&self) -> Config {
        self.read().config.clone()
    }

    /// Returns why the settings that are in the file can't be understood, where that is so:
    /// those of before hold.
    pub fn trouble(&self) -> Option<Failed> {
        let (message, hint) = self.read().trouble.clone()?;
        Some(Failed::new(message).hint(hint).of(Fault::Here))
    }

    /// Reads the settings, where they have changed since they were read last.
    fn read(&self) -> MutexGuard<'_, Read> {
        let mut read = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let now = version_of(&self.home);
        if read.version != now {
            read.version = now;
            read.trouble = match Config::load(&self.home) {
                Ok(config) => {
                    read.config = config;
                    None
                }
                Err(error) => {
                    tracing::error!(hint = error.hint(), "the settings of before hold: {error}");
                    Some((error.to_string(), error.hint()))
                }
            };
        }
        read
    }

    /// Returns what a person chose for an org; nothing, before set-up.
    pub fn settings(&self, org: &OrgId) -> Settings {
        self.current().orgs.remove(org).unwrap_or_default()
    }

    /// Saves what a person chose for an org over what was set up when they began; fields that
    /// have changed since are taken in.
    ///
    /// # Errors
    ///
    /// Refuses it where something else was set up meanwhile.
    pub fn set_up(&self, org: &OrgId, base: &Settings, settings: &Settings) -> Result<(), Failed> {
        let _lock = self.store.lock_settings()?;
        if self.settings(org) != *base {
            return Err(Failed::new("something else was set up meanwhile")
                .hint("Begin the set-up again: it begins with what is set up by now.")
                .of(Fault::Busy));
        }
        config::save_org(&self.home, org, settings)?;
        Ok(self.store.org(org)?.forget_drifts()?)
    }

    /// Notes in the audit trail what someone did. What was done is done: that it can't be noted
    /// is told in the log.
    pub fn note(&self, who: &str, org: Option<&OrgId>, did: impl Into<String>) {
        let at = self.clock.now();
        let audit = Audit { at, who: who.to_owned(), org: org.cloned(), did: did.into() };
        if let Err(error) = self.store.note(&audit) {
            tracing::error!(who, did = audit.did, "what was done can't be noted: {error}");
        }
    }

    /// Makes the jobs of an org due that `is_meant` picks, so that a daemon runs them soon.
    pub fn wake(&self, org: &OrgId, is_meant: impl Fn(&JobKey) -> bool) -> Result<(), Failed> {
        let now = self.clock.now();
        for job in self.settings(org).jobs(org).iter().filter(|job| is_meant(job)) {
            self.store.wake(job, now)?;
        }
        Ok(())
    }

    /// Opens Salesforce with the stored grant of an org.
    pub fn salesforce(&self, connection: &Connection) -> Result<Salesforce, Failed> {
        let store = Arc::clone(&self.store);
        let vault = Arc::new(Stored { store, org: connection.org.clone() });
        let login = connection.login_url.parse()?;
        let (client_id, version) = (&connection.client_id, &connection.api_version);
        let allowance = Arc::new(self.budget(connection));
        Ok(Salesforce::open(&self.http, login, client_id, version, vault, allowance)?)
    }

    /// Returns the budget of an org.
    pub fn budget(&self, connection: &Connection) -> Counted {
        let (org, store) = (connection.org.clone(), Arc::clone(&self.store));
        let percent = self.settings(&connection.org).budget_percent;
        Counted { store, org, percent, clock: self.clock }
    }

    /// Opens the doors of an org with these choices.
    pub fn doors(&self, connection: &Connection, settings: Settings) -> Result<Doors, Failed> {
        let salesforce = self.salesforce(connection)?;
        let (org, store) = (connection.org.clone(), Arc::clone(&self.store));
        Ok(Doors::open(org, store, salesforce, self.library()?, settings, self.clock)?)
    }

    /// Returns the mappings; starts their engine the first time, and anew where the settings for
    /// them have changed.
    pub fn library(&self) -> Result<Arc<Library>, Failed> {
        let settings = self.current().mapping;
        let mut opened = self.library.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((with, library)) = &*opened
            && *with == settings
        {
            return Ok(Arc::clone(library));
        }
        let cache = self.home.join(CACHE);
        let plugins = Plugins::start(&cache, settings.limits())?;
        let (maker, drafts) = (self.program.clone(), self.home.join(MAPPINGS));
        let signers = settings.signers.clone();
        let library = Arc::new(Library::new(plugins, maker, &cache, &drafts, signers));
        *opened = Some((settings, Arc::clone(&library)));
        Ok(library)
    }

    /// Returns where the customer's mappings are.
    pub fn mappings(&self) -> PathBuf {
        self.home.join(MAPPINGS)
    }
}

/// Returns what tells the settings' file from what it was before.
fn version_of(home: &Path) -> Option<Version> {
    let about = home.join(config::FILE).metadata().ok()?;
    Some((about.len(), about.modified().ok()))
}
