//! Scripts: a JavaScript file becomes a component, as any other mapping is.
//!
//! What stands outside of a script's functions runs while the component is made,
//! where neither its time nor its memory could be bounded. So it is made in a
//! process of its own, which is ended when it takes too much of either.

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use sha2::{Digest, Sha256};

use super::Cause;
use crate::model::{ColumnType, Policy, Spec};

/// The command of the binary that makes a component of what it reads, for this
/// room alone.
pub const COMMAND: &str = "script-component";
/// How large a script may be, in bytes.
pub const SCRIPT_MAX: u64 = 1 << 20;
/// How long it may take to make a component.
const TIME_MAX: Duration = Duration::from_secs(30);
/// How much memory that may take, in bytes.
const MEMORY_MAX: u64 = 2 << 30;
/// How often it is looked whether it is made.
const LOOK: Duration = Duration::from_millis(20);
/// How many components are kept, the newest.
const KEPT_MAX: usize = 40;
/// How long a message about a script may be, in characters.
const MESSAGE_MAX: usize = 1_000;

/// What stands before a script, on its first line, so that its lines keep their
/// numbers.
const BEFORE: &str = include_str!("script/before.js");
/// What stands behind it: joins it to the contract.
const AFTER: &str = include_str!("script/after.js");
/// The contract.
const WIT: &str = include_str!("../../../wit/v1/mapping.wit");
/// How the runtime calls a script in its messages.
const USER: &str = "componentize-qjs:user.js:";

/// The component of a script.
pub(super) struct Made {
    pub(super) component: Vec<u8>,
    /// Tells the script and what stands around it. The component's own bytes are
    /// others each time that it is made.
    pub(super) digest: String,
}

/// Makes components of scripts, and keeps them.
pub(super) struct Scripts {
    /// The binary that has the command.
    maker: PathBuf,
    kept: PathBuf,
    /// What was wrong with the script that was tried last, by its digest: it isn't
    /// tried again for the other way, nor by every round of a daemon.
    failed: Mutex<Option<(String, String)>>,
}

impl Scripts {
    pub(super) fn new(maker: PathBuf, cache: &Path) -> Self {
        Self { maker, kept: cache.join("scripts"), failed: Mutex::default() }
    }

    /// Returns the component of a script. `default` is the spec of the mapping that
    /// does what the script leaves out.
    pub(super) fn component(
        &self,
        file: &str,
        source: &str,
        default: &Spec,
    ) -> Result<Made, Cause> {
        let module = module(file, source, default);
        let mut hash = Sha256::new();
        hash.update(format!("{}\0{WIT}\0{module}", env!("CARGO_PKG_VERSION")));
        let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let kept = self.kept.join(&digest).with_extension("wasm");
        if let Some(component) = read_kept(&kept) {
            return Ok(Made { component, digest });
        }
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, why)) = failed.as_ref().filter(|(known, _)| *known == digest) {
            return Err(Cause::Script(why.clone()));
        }
        let made = self.make(&module).map_err(|why| told(file, &why));
        let component = made.map_err(|why| {
            *failed = Some((digest.clone(), why.clone()));
            Cause::Script(why)
        })?;
        // One that can't be kept is made again next time.
        if let Err(error) = self.keep(&kept, &component) {
            tracing::warn!(%error, "the component of a script can't be kept");
        }
        Ok(Made { component, digest })
    }

    /// Has the component made by a process of its own.
    fn make(&self, module: &str) -> Result<Vec<u8>, String> {
        let unstarted = |error: std::io::Error| format!("it can't be compiled: {error}");
        let mut maker = Command::new(&self.maker)
            .arg(COMMAND)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(unstarted)?;
        let (mut input, output, errors) =
            (maker.stdin.take(), maker.stdout.take(), maker.stderr.take());
        std::thread::scope(|scope| {
            let component = scope.spawn(move || read(output, super::COMPONENT_MAX));
            let message = scope.spawn(move || read(errors, MESSAGE_MAX as u64 * 4));
            scope.spawn(move || {
                // It may have been ended before it has read all.
                let _ = input.take().map(|mut input| input.write_all(module.as_bytes()));
            });
            let is_made = ended(&mut maker);
            let component = component.join().unwrap_or_default();
            let message = message.join().unwrap_or_default();
            match is_made {
                Some(true) => Ok(component),
                Some(false) => Err(String::from_utf8_lossy(&message).into_owned()),
                None => Err(format!(
                    "what stands outside of its functions ran longer than {} seconds",
                    TIME_MAX.as_secs()
                )),
            }
        })
    }

    fn keep(&self, file: &Path, component: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.kept)?;
        let new = tempfile::NamedTempFile::new_in(&self.kept)?;
        new.as_file().write_all(component)?;
        new.persist(file)?;
        let mut all: Vec<_> = std::fs::read_dir(&self.kept)?
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        all.sort();
        let over = all.len().saturating_sub(KEPT_MAX);
        all.iter().take(over).try_for_each(|(_, old)| std::fs::remove_file(old))
    }
}

/// Returns a component that was kept whole.
fn read_kept(file: &Path) -> Option<Vec<u8>> {
    std::fs::read(file).ok().filter(|component| super::check::is_component(component).is_ok())
}

/// Waits for a process; returns whether it ended well, or none where its time was
/// over and it was ended.
fn ended(process: &mut Child) -> Option<bool> {
    let started = Instant::now();
    while started.elapsed() < TIME_MAX {
        match process.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) => std::thread::sleep(LOOK),
            Err(_) => break,
        }
    }
    let _ = process.kill();
    let _ = process.wait();
    None
}

fn read(from: Option<impl Read>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = from.map(|from| from.take(most).read_to_end(&mut bytes));
    bytes
}

/// Makes a component of a module that stands on standard input, within the memory
/// that this may take; the work of the command [`COMMAND`].
pub fn make(module: &str) -> Result<Vec<u8>, String> {
    let most = rustix::process::Rlimit { current: Some(MEMORY_MAX), maximum: Some(MEMORY_MAX) };
    rustix::process::setrlimit(rustix::process::Resource::Data, most)
        .map_err(|error| error.to_string())?;
    // Should whoever waits for it be gone, it ends all the same.
    let seconds = Some(TIME_MAX.as_secs());
    let most = rustix::process::Rlimit { current: seconds, maximum: seconds };
    rustix::process::setrlimit(rustix::process::Resource::Cpu, most)
        .map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let contract = folder.path().join("mapping.wit");
    std::fs::write(&contract, WIT).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let options = componentize_qjs::ComponentizeOpts {
        wit_path: &contract,
        js_source: module,
        js_path: None,
        module_root: None,
        world_name: Some("mapping"),
        stub_wasi: true,
        disable_gc: false,
        runtime: componentize_qjs::Runtime::DefaultSync,
    };
    let made = runtime.block_on(componentize_qjs::componentize(&options));
    made.map_err(|error| format!("{error:#}"))
}

/// Returns a script with what stands around it.
fn module(file: &str, source: &str, default: &Spec) -> String {
    let before: Vec<&str> =
        BEFORE.lines().filter(|line| !line.starts_with("//")).map(str::trim).collect();
    let quoted = |text: String| serde_json::to_string(&text).unwrap_or_default();
    let after = AFTER
        .replace("\"@DEFAULT@\"", &quoted(needs(default).to_string()))
        .replace("\"@LINES@\"", &source.lines().count().max(1).to_string())
        .replace("\"@FILE@\"", &quoted(file.to_owned()));
    format!("{} {source}\n{after}", before.join(" "))
}

/// Returns what a mapping needs, as the contract spells it.
fn needs(spec: &Spec) -> serde_json::Value {
    let mut columns: Vec<(&str, ColumnType)> = spec.kind.columns().collect();
    for column in &spec.columns {
        if !columns.iter().any(|(name, _)| *name == column.name) {
            columns.push((&column.name, column.of));
        }
    }
    json!({
        "object": spec.object,
        "kind": spec.kind,
        "reads": spec.reads.iter().map(|need| json!({
            "path": need.path.as_str(),
            "optional": need.optional,
        })).collect::<Vec<_>>(),
        "filter": spec.filter.as_ref().map(|filter| filter.as_str()),
        "columns": columns.iter().map(|(name, of)| json!({ "name": name, "of": of })).collect::<Vec<_>>(),
        "writes": spec.writes.iter().map(|write| json!({
            "field": write.field.as_str(),
            "optional": write.optional,
            "policy": policy(write.policy),
        })).collect::<Vec<_>>(),
    })
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::FillIfBlank => "fill-if-blank",
        Policy::Overwrite => "overwrite",
        Policy::Append => "append",
        Policy::OursUntilEdited => "ours-until-edited",
    }
}

/// Says what is wrong with a script, and where.
fn told(file: &str, why: &str) -> String {
    let message = match why.rsplit_once("Error: ") {
        Some((_, rest)) => rest,
        None => why,
    };
    let (message, place) = match message.split_once(USER) {
        Some((before, after)) => {
            let digits = |c: char| !(c.is_ascii_digit() || c == ':');
            (before, after.split(digits).next().unwrap_or_default().trim_end_matches(':'))
        }
        None => (message, ""),
    };
    let message = message.lines().next().unwrap_or_default().trim();
    let message = match message {
        "" => "it needs too much memory outside of its functions",
        message => message,
    };
    let place = if place.is_empty() { String::new() } else { format!("{file}:{place}: ") };
    format!("{place}{message}").chars().take(MESSAGE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let why = ": Failed to evaluate user JavaScript module: Failed to declare JavaScript \
                   module: Error: unexpected token in expression: '='\n    at \
                   componentize-qjs:user.js:4:11\n";
        assert_eq!(told("lead.js", why), "lead.js:4:11: unexpected token in expression: '='");
        let why = "x: Error: cannot read property 'foo' of null\n    at <anonymous> \
                   (componentize-qjs:user.js:3:1)";
        assert_eq!(told("lead.js", why), "lead.js:3:1: cannot read property 'foo' of null");
        assert_eq!(told("lead.js", "it can't be compiled"), "it can't be compiled");
    }
}
