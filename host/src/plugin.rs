//! The door to mappings: loads components, and calls them within bounds.
//!
//! Every call runs in a fresh instance that can compute and log, nothing else.
//! Whatever a mapping does, it ends in outcomes or in an [`Error`] that names the
//! plugin and the object.

mod brought;
pub mod cases;
mod check;
mod compiled;
mod field_map;
mod instance;
mod kept;
mod library;
mod limits;
mod packed;
pub mod script;
mod signature;
mod starter;
mod state;
#[cfg(test)]
mod tests;
mod v1;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::Linker;
use wasmtime::{Config, Engine};

use self::compiled::Compiled;
use self::field_map::Lines;
use crate::model::{Object, Problem, Pulled, Pushed, Request, Setting, Spec, Value};

pub use brought::{Brought, signature_of};
pub use field_map::{expressions, with_expressions};
pub(crate) use limits::COMPONENT_MAX;

pub use library::{Library, Mark, component_of};
pub use limits::Limits;
pub use signature::{Signer, SigningKey};
pub use starter::{name_field, starter};

/// How often the clock of running calls ticks.
const TICK: Duration = Duration::from_millis(10);

/// Compiles components and lets calls' time run. One for a process.
pub struct Plugins {
    compiled: Compiled,
    linker: Linker<state::State>,
    limits: Limits,
    places: Arc<instance::Places>,
}

impl Plugins {
    /// Starts the engine and the thread that ticks for it, which ends with it.
    ///
    /// Compiled code is kept in `cache`, by the hash of the component.
    pub fn start(cache: &Path, limits: Limits) -> Result<Self, Error> {
        let start = |error: wasmtime::Error| Error::Start(format!("{error:#}"));
        let mut config = Config::new();
        config.max_wasm_stack(limits.stack_bytes);
        config.allocation_strategy(instance::pool(limits));
        config.epoch_interruption(true);
        let engine = Engine::new(&config).map_err(start)?;
        let mut linker = Linker::new(&engine);
        v1::link(&mut linker).map_err(start)?;
        let ticking = engine.weak();
        std::thread::Builder::new()
            .name("plugin-clock".to_owned())
            .spawn(move || {
                while let Some(engine) = ticking.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(TICK);
                }
            })
            .map_err(|error| Error::Start(error.to_string()))?;
        let (compiled, places) = (Compiled::new(engine, cache), Arc::new(instance::Places::new()));
        Ok(Self { compiled, linker, limits, places })
    }

    /// Compiles a component and refuses one that is no mapping, or that asks for
    /// more than the log. `name` is what messages call it.
    pub fn load(&self, name: &str, object: Object, bytes: &[u8]) -> Result<Plugin, Error> {
        let error = |cause| Error::Load { plugin: name.to_owned(), object, cause };
        check::is_component(bytes, self.limits).map_err(error)?;
        let digest: String =
            Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let component = self
            .compiled
            .component(&digest, bytes)
            .map_err(|why| error(Cause::NotComponent(format!("{why:#}"))))?;
        check::is_mapping(&component).map_err(error)?;
        let pre = self
            .linker
            .instantiate_pre(&component)
            .and_then(v1::MappingPre::new)
            .map_err(|why| error(Cause::Contract(format!("{why:#}"))))?;
        let (name, places) = (name.to_owned(), Arc::clone(&self.places));
        let (limits, takes_packed) = (self.limits, bytes.ends_with(packed::SECTION));
        Ok(Plugin { name, object, digest, pre, limits, places, takes_packed })
    }
}

/// A component that was loaded: bound to the object whose records it is given.
pub struct Plugin {
    name: String,
    object: Object,
    digest: String,
    pre: v1::MappingPre<state::State>,
    limits: Limits,
    places: Arc<instance::Places>,
    /// Whether it is given records packed.
    takes_packed: bool,
}

impl Plugin {
    /// Configures the plugin with these settings and checks what it asks for.
    pub fn configure(self: Arc<Self>, settings: Vec<Setting>) -> Result<Mapping, Error> {
        let spec = self.spec(&settings)?;
        check::spec(&spec, self.object).map_err(|why| self.error(Cause::Spec(why)))?;
        let digest = digest(&self.digest, &settings);
        let name = self.name.clone();
        let half = Half { plugin: self, settings: settings.into() };
        let lines = Lines::default();
        Ok(Mapping { name, puller: half.clone(), pusher: half, spec, digest, lines })
    }

    /// Returns what the plugin asks for with these settings, unchecked.
    fn spec(&self, settings: &[Setting]) -> Result<Spec, Error> {
        let spec = instance::configured(self, settings, 0, |spec, _, _| Ok(spec));
        let spec = spec.and_then(|answer| answer.map_err(Cause::Refused));
        spec.and_then(|spec| v1::spec(spec).map_err(Cause::Spec)).map_err(|cause| self.error(cause))
    }

    fn error(&self, cause: Cause) -> Error {
        Error::Call { plugin: self.name.clone(), object: self.object, cause }
    }
}

/// Returns a digest of a component together with its settings: what decides an
/// outcome.
fn digest(component: &str, settings: &[Setting]) -> String {
    let mut hash = Sha256::new();
    hash.update(component);
    for setting in settings {
        hash.update(format!("\0{}\0{}", setting.name, setting.value));
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What maps one way: a plugin, and what it is configured with.
#[derive(Clone)]
struct Half {
    plugin: Arc<Plugin>,
    settings: Arc<[Setting]>,
}

impl Half {
    /// Maps records to entities of so many values each.
    fn pull(
        &self,
        columns: &[String],
        rows: &[Vec<Value>],
        width: usize,
    ) -> Result<Vec<Pulled>, Error> {
        self.run(
            rows.len(),
            |instance, store| v1::pull(instance, store, columns, rows),
            |outcomes| {
                check::count(outcomes.len(), rows.len())?;
                check::widths(outcomes, width)
            },
        )
    }

    /// Runs `call`, which is given so many rows, in a fresh instance.
    fn run<T>(
        &self,
        rows: usize,
        call: impl FnOnce(&v1::Mapping, &mut wasmtime::Store<state::State>) -> wasmtime::Result<T>,
        check: impl FnOnce(&T) -> Result<(), Cause>,
    ) -> Result<T, Error> {
        let outcomes = instance::run(&self.plugin, &self.settings, rows, call);
        let checked = outcomes.and_then(|outcomes| check(&outcomes).map(|()| outcomes));
        checked.map_err(|cause| self.plugin.error(cause))
    }
}

/// One plugin, or one for each way, with settings: what maps one object.
pub struct Mapping {
    name: String,
    puller: Half,
    pusher: Half,
    spec: Spec,
    digest: String,
    /// Where things stand in a field map.
    lines: Lines,
}

impl Mapping {
    /// Puts a plugin over this mapping, which goes on doing what the plugin leaves
    /// out: pull, where the plugin makes no columns; push, where it writes nothing.
    /// The plugin has settings of its own.
    fn under(self, plugin: Plugin, settings: Vec<Setting>) -> Result<Self, Error> {
        let plugin = Arc::new(plugin);
        let mut spec = plugin.spec(&settings)?;
        // What the default does one way may change with it.
        let both = format!("{}\0{}", plugin.digest, self.digest);
        let digest = digest(&both, &settings);
        let half = Half { plugin: Arc::clone(&plugin), settings: settings.into() };
        let mut mapping = Self { name: plugin.name.clone(), digest, ..self };
        if spec.columns.is_empty() {
            let Spec { reads, filter, columns, .. } = mapping.spec;
            (spec.reads, spec.filter, spec.columns) = (reads, filter, columns);
        } else {
            mapping.puller = half.clone();
        }
        if spec.writes.is_empty() {
            spec.writes = mapping.spec.writes;
        } else {
            mapping.pusher = half;
        }
        check::spec(&spec, plugin.object).map_err(|why| plugin.error(Cause::Spec(why)))?;
        mapping.spec = spec;
        Ok(mapping)
    }

    /// Returns what the mapping reads, makes and writes.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Returns what the default mapping does for this one, `pull` or `push`.
    pub fn left_to_default(&self) -> Vec<&'static str> {
        let is_default = |half: &Half| half.plugin.name != self.name;
        let ways = [("pull", &self.puller), ("push", &self.pusher)];
        let left = ways.into_iter().filter(|(_, half)| is_default(half));
        left.map(|(way, _)| way).collect()
    }

    /// Returns where a column, a field that is written or one that is read stands, as
    /// `lead.toml:3`; none, where the mapping is no field map.
    pub fn place_of(&self, name: &str) -> Option<String> {
        self.lines.of(name).map(|line| format!("{}:{line}", self.name))
    }

    /// Returns where what is written to a field is decided, as [`Mapping::place_of`] does; none
    /// where the default decides it.
    pub fn place_of_write(&self, field: &str) -> Option<String> {
        self.lines.of_write(field).map(|line| format!("{}:{line}", self.name))
    }

    /// Returns the name that messages call it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of what decides what is written: the default's, where this one leaves
    /// that to it.
    pub fn name_of_push(&self) -> &str {
        &self.pusher.plugin.name
    }

    /// Returns 16 hexadecimal digits that tell the component and its settings.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Makes an instance of what pulls and lets go of it, as every call does before it computes
    /// anything.
    pub fn instantiate(&self) -> Result<(), Error> {
        let plugin = &self.puller.plugin;
        instance::fresh(plugin, 0, |_, _| Ok(())).map_err(|cause| plugin.error(cause))
    }

    /// Maps records, given as rows under their column names, to entities: one
    /// outcome for each row, in order, each entity with one value for each column, of its type.
    pub fn pull(&self, columns: &[String], rows: &[Vec<Value>]) -> Result<Vec<Pulled>, Error> {
        let width = self.spec.columns.len();
        let is_packed = self.puller.plugin.takes_packed;
        if let Some((columns, rows)) = is_packed.then(|| packed::pack(columns, rows)).flatten() {
            let outcomes = self.puller.pull(&columns, &rows, 1)?;
            if let Some(outcomes) = packed::unpack(outcomes, &self.spec.columns) {
                return Ok(check::fitting(outcomes, &self.spec.columns));
            }
        }
        let outcomes = self.puller.pull(columns, rows, width)?;
        Ok(check::fitting(outcomes, &self.spec.columns))
    }

    /// Maps meetings to fields to write: one outcome for each request, in order,
    /// naming only fields that the spec says are written.
    pub fn push(&self, requests: &[Request]) -> Result<Vec<Pushed>, Error> {
        self.pusher.run(
            requests.len(),
            |instance, store| v1::push(instance, store, requests),
            |outcomes| {
                check::count(outcomes.len(), requests.len())?;
                check::fields(outcomes, &self.spec)
            },
        )
    }
}

/// What is wrong with a plugin, or with what it did.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Cause {
    /// Not a component at all.
    #[error("is not a WebAssembly component: {0}")]
    NotComponent(String),
    /// Made for another contract, or for none.
    #[error("does not fit the contract: {0}")]
    Contract(String),
    /// Asks for more than the log.
    #[error("imports {0}, and a mapping may import nothing but the log")]
    Import(String),
    /// A script that can't be read, or that fails before it is asked anything.
    #[error("can't be made of its script: {0}")]
    Script(String),
    /// Refused its settings.
    #[error("refuses its settings: {0}")]
    Refused(Problem),
    /// Said something about itself that can't be.
    #[error("asks for what can't be: {0}")]
    Spec(String),
    /// Ran too long.
    #[error("ran longer than {} seconds and was stopped", .0.as_secs_f32())]
    Deadline(Duration),
    /// Took too much memory.
    #[error("needed more than {} MiB of memory and was stopped", .0 >> 20)]
    Memory(usize),
    /// Gave too much at once.
    #[error("returned more than {} MiB at once and was stopped", .0 >> 20)]
    Output(usize),
    /// Crashed.
    #[error("crashed: {0}")]
    Trap(String),
    /// Lost or invented outcomes.
    #[error("returned {returned} outcomes for {given} records")]
    Count {
        /// How many outcomes there should be.
        given: usize,
        /// How many there are.
        returned: usize,
    },
    /// An entity has too few or too many values.
    #[error("returned an entity of {returned} values where its spec has {columns} columns")]
    Width {
        /// How many values there should be.
        columns: usize,
        /// How many there are.
        returned: usize,
    },
    /// Writes a field that it didn't say it writes.
    #[error("writes the field {0}, which its spec does not list")]
    Field(String),
}

/// Why a mapping can't be used. Never stops anything but its own object.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The engine doesn't start.
    #[error("can't start the engine for mappings: {0}")]
    Start(String),
    /// A mapping's file can't be read.
    #[error("can't read the mapping {file}: {why}")]
    File {
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
    /// A mapping is not signed by anyone whose signature counts.
    #[error("the mapping {file} is refused: {why}")]
    Unsigned {
        /// The file.
        file: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A plugin is refused.
    #[error("plugin \"{plugin}\" for {object} {cause}")]
    Load {
        /// Its name.
        plugin: String,
        /// The object it is to map.
        object: Object,
        /// What is wrong with it.
        cause: Cause,
    },
    /// A plugin failed in a call.
    #[error("plugin \"{plugin}\" for {object} {cause}")]
    Call {
        /// Its name.
        plugin: String,
        /// The object it maps.
        object: Object,
        /// What went wrong.
        cause: Cause,
    },
}

impl Error {
    /// Returns it with another place in the problem of refused settings.
    fn placed(self, place: impl FnOnce(Problem) -> Problem) -> Self {
        match self {
            Self::Call { plugin, object, cause: Cause::Refused(problem) } => {
                Self::Call { plugin, object, cause: Cause::Refused(place(problem)) }
            }
            other => other,
        }
    }

    /// Returns what went wrong inside a plugin, if that is what it was.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Start(_) | Self::File { .. } | Self::Unsigned { .. } => None,
            Self::Load { cause, .. } | Self::Call { cause, .. } => Some(cause),
        }
    }

    /// Returns a sentence with the mend.
    pub fn hint(&self) -> String {
        let hint = match self.cause() {
            None => match self {
                Self::Unsigned { .. } => {
                    "Have it signed with `efficlose plugin sign` by one of the signers that \
                     config.toml names."
                }
                Self::File { .. } => {
                    "Mend the file, or remove it to go back to the default mapping."
                }
                _ => "Check the folder's permissions and free space.",
            },
            Some(Cause::Refused(Problem { hint: Some(hint), .. })) => hint,
            Some(Cause::Refused(_)) => "Mend the setting in the configuration file.",
            Some(Cause::NotComponent(_)) => {
                "Build the mapping as a component, as the README shows."
            }
            Some(Cause::Contract(_)) => {
                "Build the mapping against the contract in wit/v1, or update efficlose."
            }
            Some(Cause::Script(_)) => "Mend the script at that line.",
            Some(Cause::Import(_)) => {
                "Build the mapping for wasm32-unknown-unknown, or with WASI stubbed out."
            }
            Some(_) => {
                "Mend the mapping, or remove its file to go back to the default mapping; then run \
                 `efficlose sync`."
            }
        };
        hint.to_owned()
    }
}
