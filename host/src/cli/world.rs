//! Assembles what commands need: the home, the settings, the doors.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::Globals;
use super::budget::Counted;
use super::output::Failed;
use super::vault::Stored;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::model::{Connection, OrgId};
use crate::plugin::{Library, Plugins};
use crate::salesforce::{Http, Pace, Salesforce};
use crate::secret::Secret;
use crate::store::{self, Store};
use crate::sync::{Doors, Settings};

/// Holds the key itself, for machines that have no file for it.
const KEY: &str = "EFFICLOSE_KEY";
/// The folder of the customer's mappings, in the home.
const MAPPINGS: &str = "mappings";
/// The folder of compiled mappings, in the home.
const CACHE: &str = "cache";

/// All that a command needs of the world.
pub(super) struct World {
    pub(super) home: PathBuf,
    pub(super) config: Config,
    pub(super) store: Arc<Store>,
    pub(super) http: Http,
    pub(super) clock: Clock,
    org: Option<String>,
    library: OnceLock<Arc<Library>>,
}

impl World {
    /// Opens the home; makes it where there is none.
    pub(super) fn open(globals: &Globals) -> Result<Self, Failed> {
        let home = globals.home.clone().map_or_else(default_home, Ok)?;
        store::make_folder(&home)?;
        // A daemon may be told another working folder, and the compiler's cache
        // takes no relative one.
        let home = std::path::absolute(&home)
            .map_err(|cause| Failed::new(format!("can't use {}: {cause}", home.display())))?;
        let config = Config::load(&home)?;
        let key = std::env::var(KEY).ok().map(Secret::from);
        let key_file = globals.key_file.clone().unwrap_or_else(|| home.join("key"));
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
        let (org, library) = (globals.org.clone(), OnceLock::new());
        Ok(Self { home, config, store, http, clock: Clock::System, org, library })
    }

    /// Returns the org to work on: the one that was named, or the only one.
    pub(super) fn connection(&self) -> Result<Connection, Failed> {
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
    pub(super) fn connections(&self) -> Result<Vec<Connection>, Failed> {
        match self.org {
            Some(_) => Ok(vec![self.connection()?]),
            None => Ok(self.store.connections()?),
        }
    }

    /// Returns what a person chose for an org; nothing, before set-up.
    pub(super) fn settings(&self, org: &OrgId) -> Settings {
        self.config.orgs.get(org).cloned().unwrap_or_default()
    }

    /// Opens Salesforce with the stored grant of an org.
    pub(super) fn salesforce(&self, connection: &Connection) -> Result<Salesforce, Failed> {
        let store = Arc::clone(&self.store);
        let vault = Arc::new(Stored { store, org: connection.org.clone() });
        let login = connection.login_url.parse()?;
        let (client_id, version) = (&connection.client_id, &connection.api_version);
        let allowance = Arc::new(self.budget(connection));
        Ok(Salesforce::open(&self.http, login, client_id, version, vault, allowance)?)
    }

    /// Returns the budget of an org.
    pub(super) fn budget(&self, connection: &Connection) -> Counted {
        let (org, store) = (connection.org.clone(), Arc::clone(&self.store));
        let percent = self.settings(&connection.org).budget_percent;
        Counted { store, org, percent, clock: self.clock }
    }

    /// Opens the doors of an org with these choices.
    pub(super) fn doors(
        &self,
        connection: &Connection,
        settings: Settings,
    ) -> Result<Doors, Failed> {
        let salesforce = self.salesforce(connection)?;
        let (org, store) = (connection.org.clone(), Arc::clone(&self.store));
        Ok(Doors::open(org, store, salesforce, self.library()?, settings, self.clock)?)
    }

    /// Returns the mappings; starts their engine the first time.
    pub(super) fn library(&self) -> Result<Arc<Library>, Failed> {
        if let Some(library) = self.library.get() {
            return Ok(Arc::clone(library));
        }
        let cache = self.home.join(CACHE);
        let plugins = Plugins::start(&cache, self.config.mapping.limits())?;
        let maker = std::env::current_exe()
            .map_err(|cause| Failed::new(format!("can't find the program itself: {cause}")))?;
        let signers = self.config.mapping.signers.clone();
        let library = Library::new(plugins, maker, &cache, &self.home.join(MAPPINGS), signers);
        let library = Arc::new(library);
        Ok(Arc::clone(self.library.get_or_init(|| library)))
    }

    /// Returns where the customer's mappings are.
    pub(super) fn mappings(&self) -> PathBuf {
        self.home.join(MAPPINGS)
    }
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
