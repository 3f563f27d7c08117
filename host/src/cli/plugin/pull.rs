//! `efficlose plugin pull`: fetches mappings, and notes in a lock file what they were.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::mapping::io;
use super::super::output::{Failed, Output};
use crate::model::Object;
use crate::registry::{Digest, Source, check, fetch};
use crate::world::World;

/// The file that notes what was fetched, in the folder where it is put.
const LOCK: &str = "mappings.lock";
/// How many files a lock file may name.
const LOCKED_MAX: usize = 1_000;

/// What was fetched, by the names of the files.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    #[serde(default)]
    mappings: BTreeMap<String, Locked>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Locked {
    from: String,
    digest: Digest,
}

/// Fetches a mapping into a file and notes it in the lock file beside it.
pub(super) async fn one(
    from: &Source,
    to: Option<&Path>,
    wanted: Option<&Digest>,
    world: &World,
    output: &Output,
) -> Result<(), Failed> {
    let file = to.map_or_else(|| named(from), |to| Ok(to.to_owned()))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !is_mapping(&name) {
        return Err(Failed::new(format!("\"{name}\" is no mapping's name"))
            .hint("Name the file with --to, such as --to contact.wasm or --to lead.toml."));
    }
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let bytes = fetched(from, wanted, world).await?;
    let locked = Locked { from: from.to_string(), digest: Digest::of(&bytes) };
    let place = folder.join(LOCK);
    let mut lock = read(&place)?;
    put(&file, &bytes)?;
    lock.mappings.insert(name, locked.clone());
    let text = toml_edit::ser::to_string_pretty(&lock).map_err(|e| Failed::new(e.to_string()))?;
    put(&place, text.as_bytes())?;
    output.json(&json!({ "file": file, "digest": locked.digest, "lock": place }));
    output.line(format!("Wrote {}, {}", file.display(), locked.digest));
    output.line(format!("Noted in {}; next:", place.display()));
    output.line(format!("    efficlose mapping preview {}", file.display()));
    Ok(())
}

/// Fetches all that the lock file of this folder names and that is not there as it was.
pub(super) async fn locked(force: bool, world: &World, output: &Output) -> Result<(), Failed> {
    let lock = read(Path::new(LOCK))?;
    if lock.mappings.is_empty() {
        return Err(Failed::new(format!("there is no {LOCK} here that names a mapping"))
            .hint("Name what to fetch: a file, an https address, or oci://registry/name:tag."));
    }
    let mut all = Vec::new();
    for (name, Locked { from, digest }) in &lock.mappings {
        // A lock file of others writes mappings into this folder, and nothing else.
        if !is_mapping(name) {
            return Err(Failed::new(format!(
                "{LOCK} names \"{name}\", which is no mapping's name"
            ))
            .hint("Remove it from the lock file."));
        }
        let file = PathBuf::from(name);
        let there = std::fs::read(&file).ok().map(|bytes| Digest::of(&bytes));
        let is_there = there.as_ref() == Some(digest);
        if let Some(there) = there.filter(|_| !is_there && !force) {
            return Err(Failed::new(format!(
                "{name} was changed since it was fetched: it has {there}, and {LOCK} names {digest}"
            ))
            .hint("Give what you changed another name, or fetch over it with --force."));
        }
        if !is_there {
            let source: Source = from.parse().map_err(Failed::new)?;
            put(&file, &fetched(&source, Some(digest), world).await?)?;
        }
        let did = if is_there { "is there" } else { "was fetched" };
        output.line(format!("{name} {did}, {digest}"));
        all.push(json!({ "file": name, "digest": digest, "fetched": !is_there }));
    }
    output.json(&json!({ "files": all }));
    Ok(())
}

/// Tells whether a name is that of a mapping, without a folder: a component or script of
/// any name, or a field map called after its object, as other files end in .toml too.
fn is_mapping(name: &str) -> bool {
    let path = Path::new(name);
    let (stem, ending) = (path.file_stem(), path.extension().and_then(|ending| ending.to_str()));
    let is_object =
        || stem.and_then(|stem| stem.to_str()).is_some_and(|s| s.parse::<Object>().is_ok());
    path.file_name().is_some_and(|plain| plain == name)
        && match ending {
            Some("wasm" | "js" | "ts") => true,
            Some("toml") => is_object(),
            _ => false,
        }
}

async fn fetched(from: &Source, wanted: Option<&Digest>, world: &World) -> Result<Vec<u8>, Failed> {
    let failed = |error: crate::registry::Error| Failed::new(error.to_string()).hint(error.hint());
    let bytes = fetch(from, world.current().proxy.as_ref()).await.map_err(failed)?;
    if let Some(wanted) = wanted {
        check(from, &bytes, wanted).map_err(failed)?;
    }
    Ok(bytes)
}

/// Returns the name of what is fetched, as its address says it.
fn named(from: &Source) -> Result<PathBuf, Failed> {
    let name = match from {
        Source::File(file) => file.file_name().map(PathBuf::from),
        Source::Web(url) => {
            url.path_segments().and_then(|mut parts| parts.next_back()).map(PathBuf::from)
        }
        Source::Oci(image) => {
            image.repository().rsplit('/').next().map(|name| PathBuf::from(format!("{name}.wasm")))
        }
    };
    name.filter(|name| name.extension().is_some()).ok_or_else(|| {
        Failed::new(format!("{from} says no name for the file"))
            .hint("Name the file with --to, such as --to contact.wasm.")
    })
}

fn read(place: &Path) -> Result<Lock, Failed> {
    let text = match std::fs::read_to_string(place) {
        Ok(text) => text,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Lock::default()),
        Err(cause) => return Err(io(place, &cause)),
    };
    let lock: Lock = toml_edit::de::from_str(&text).map_err(|error| {
        Failed::new(format!("could not understand {}: {error}", place.display()))
            .hint("Mend the line, or remove the file and fetch anew.")
    })?;
    if lock.mappings.len() > LOCKED_MAX {
        return Err(Failed::new(format!("{} names more than {LOCKED_MAX}", place.display())));
    }
    Ok(lock)
}

/// Writes a file so that a crash leaves the old one or the new one, whole.
fn put(file: &Path, bytes: &[u8]) -> Result<(), Failed> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let write = || -> std::io::Result<()> {
        let mut new = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        std::io::Write::write_all(&mut new, bytes)?;
        new.persist(file)?;
        Ok(())
    };
    write().map_err(|cause| io(file, &cause))
}
