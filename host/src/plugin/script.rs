//! Scripts: a JavaScript file becomes a component, as any other mapping is.
//!
//! What stands outside of a script's functions runs while the component is made,
//! where neither its time nor its memory could be bounded. So it is made in a
//! process of its own, which is ended when it takes too much of either.

mod make;
mod source;

use std::collections::HashMap;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::Cause;
use super::kept::Kept;
use crate::model::Spec;

pub use make::{WIT, make};

use make::{Order, needs};
use source::Language;

/// The command of the binary that makes a component of what it reads, for this
/// room alone.
pub const COMMAND: &str = "script-component";
/// How large a script may be, in bytes.
pub const SCRIPT_MAX: u64 = 1 << 20;
/// How long it may take to make a component.
const TIME_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether it is made.
const LOOK: Duration = Duration::from_millis(20);
/// How many components are kept, the newest.
const KEPT_MAX: usize = 40;
/// How long a message about a script may be, in characters.
const MESSAGE_MAX: usize = 1_000;

/// After what time a script is tried again that took too much of a busy machine.
const AGAIN_AFTER: Duration = Duration::from_secs(600);
/// How many refused scripts are remembered.
const REFUSED_MAX: usize = 100;

/// The component of a script.
pub(super) struct Made {
    pub(super) component: Vec<u8>,
    /// Tells the script and what stands around it. The component's own bytes are
    /// others each time that it is made.
    pub(super) digest: String,
}

/// Why a script was refused, and until when it isn't tried again.
struct Refused {
    why: String,
    until: Option<Instant>,
}

/// Makes components of scripts, and keeps them.
pub(super) struct Scripts {
    /// The binary that has the command.
    maker: PathBuf,
    kept: Kept,
    /// What is wrong with the scripts that were refused, by their digests: they aren't
    /// tried again by every round of a daemon.
    refused: Mutex<HashMap<String, Refused>>,
}

impl Scripts {
    pub(super) fn new(maker: PathBuf, cache: &Path) -> Self {
        Self { maker, kept: Kept::new(cache.join("scripts"), KEPT_MAX), refused: Mutex::default() }
    }

    /// Returns the component of a script, in JavaScript or, where the name ends in `.ts`,
    /// in TypeScript. `default` is the spec of the mapping that does what the script
    /// leaves out.
    pub(super) fn component(
        &self,
        file: &str,
        source: &str,
        default: &Spec,
    ) -> Result<Made, Cause> {
        let language =
            if file.ends_with(".ts") { Language::TypeScript } else { Language::JavaScript };
        let order = Order {
            file: file.to_owned(),
            language,
            source: source.to_owned(),
            default: needs(default),
        };
        let hash = Sha256::digest(order.identity());
        let digest: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{digest}.wasm");
        if let Some(component) = self.kept.read(&name) {
            return Ok(Made { component, digest });
        }
        // One at a time: each takes a core and much memory.
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = |known: &&Refused| known.until.is_none_or(|until| Instant::now() < until);
        if let Some(known) = refused.get(&digest).filter(is_known) {
            return Err(Cause::Script(known.why.clone()));
        }
        let component = made(&self.maker, &order).map_err(|why| {
            if refused.len() == REFUSED_MAX {
                refused.clear();
            }
            // What may have the moment's reasons is tried again, in a while.
            let until = match why {
                Unmade::Refused(_) => None,
                Unmade::Ended(_) | Unmade::Passing(_) => Some(Instant::now() + AGAIN_AFTER),
            };
            refused.insert(digest.clone(), Refused { why: why.to_string(), until });
            Cause::Script(why.to_string())
        })?;
        self.kept.keep(&name, &component);
        Ok(Made { component, digest })
    }
}

/// Why no component was made of a script.
#[derive(Debug, thiserror::Error)]
enum Unmade {
    /// It is the script's fault.
    #[error("{0}")]
    Refused(String),
    /// It took too much time or memory; another time the machine may be less busy.
    #[error("{0}")]
    Ended(String),
    /// It may go better another time.
    #[error("it can't be compiled: {0}")]
    Passing(#[from] std::io::Error),
}

/// Has a component made by a process of its own, which `maker` is the binary of.
fn made(maker: &Path, order: &Order) -> Result<Vec<u8>, Unmade> {
    // It goes with this process's end of the work, however the other one ends.
    let folder = tempfile::tempdir()?;
    let mut maker = Command::new(maker)
        .arg(COMMAND)
        .env_clear()
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let order = serde_json::to_vec(order).map_err(std::io::Error::other)?;
    let (mut input, output, errors) =
        (maker.stdin.take(), maker.stdout.take(), maker.stderr.take());
    std::thread::scope(|scope| {
        let component = scope.spawn(move || read(output, super::COMPONENT_MAX));
        let message = scope.spawn(move || read(errors, MESSAGE_MAX as u64 * 4));
        scope.spawn(move || {
            // It may have been ended before it has read all.
            let _ = input.take().map(|mut input| input.write_all(&order));
        });
        let is_made = ended(&mut maker);
        let component = component.join().unwrap_or_default();
        let message = message.join().unwrap_or_default();
        let message = String::from_utf8_lossy(&message);
        match is_made {
            Some(true) => Ok(component),
            Some(false) => Err(match message.trim() {
                "" => Unmade::Ended(
                    "it needs too much memory outside of its functions, or is nested too deeply"
                        .to_owned(),
                ),
                said => Unmade::Refused(said.chars().take(MESSAGE_MAX).collect()),
            }),
            None => Err(Unmade::Ended(format!(
                "what stands outside of its functions ran longer than {} seconds",
                TIME_MAX.as_secs()
            ))),
        }
    })
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
