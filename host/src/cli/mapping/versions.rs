//! The mappings of an object one after another: which is used, which were before.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::output::{Failed, Output};
use super::super::world::World;
use super::{io, settings};
use crate::model::Object;
use crate::plugin::{Brought, signature_of};
use crate::store::{Accepted, make_folder};

/// The folder of the mappings that were used before, in that of the mappings.
const BEFORE: &str = "before";
/// How the name of a mark ends that stands for the default.
const DEFAULT: &str = "default";
/// How many earlier mappings of an object are kept.
const BEFORE_MAX: u32 = 100;

/// Puts a mapping where the next sync finds it, and keeps the one before; returns its
/// place.
pub(super) fn put(object: Object, brought: Brought, world: &World) -> Result<PathBuf, Failed> {
    let folder = world.mappings();
    let ending = Path::new(&brought.name).extension().unwrap_or_default();
    let place = folder.join(object.file_name()).with_extension(ending);
    make_folder(&folder)?;
    let new = place.with_extension("new");
    std::fs::write(&new, &brought.bytes).map_err(|cause| io(&new, &cause))?;
    let old = put_aside(object, world)?;
    let signature = signature_of(&place);
    if brought.signature.is_empty() {
        remove(&signature)?;
    } else {
        std::fs::write(&signature, &brought.signature).map_err(|cause| io(&signature, &cause))?;
    }
    // At no time is there none: a sync that looks takes the one or the other, or
    // finds two and says so.
    std::fs::rename(&new, &place).map_err(|cause| io(&place, &cause))?;
    if let Some(old) = old.filter(|old| *old != place) {
        remove(&old)?;
        remove(&signature_of(&old))?;
    }
    let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
    accept(object, Some(Brought { name, ..brought }), world)?;
    Ok(place)
}

/// Notes that a person wants a mapping: it need not prove itself to the next sync.
pub(super) fn accept(
    object: Object,
    brought: Option<Brought>,
    world: &World,
) -> Result<(), Failed> {
    let settings = settings(object, world)?;
    let library = world.library()?;
    let mapping = library.mapping_of(brought.as_ref(), object, settings.clone())?;
    let digest = mapping.digest().to_owned();
    let Brought { name, bytes: source, signature } = brought.unwrap_or_default();
    let accepted = Accepted { name, source, signature, settings, digest };
    Ok(world.store.org(&world.connection()?.org)?.accept(object, &accepted)?)
}

/// Copies the mapping in use to those before it, and returns its file; the default
/// leaves an empty mark.
fn put_aside(object: Object, world: &World) -> Result<Option<PathBuf>, Failed> {
    let before = world.mappings().join(BEFORE);
    make_folder(&before)?;
    let number = earlier(object, world)?.last().map_or(1, |(number, _)| number + 1);
    let named = |ending: &str| before.join(format!("{}.{number}.{ending}", object.file_name()));
    match world.library()?.file(object)? {
        Some(file) => {
            copy(&file, &named(&ending_of(&file)))?;
            Ok(Some(file))
        }
        None => {
            let mark = named(DEFAULT);
            std::fs::write(&mark, "").map_err(|cause| io(&mark, &cause))?;
            Ok(None)
        }
    }
}

/// Returns the mappings that were used before, with their numbers, the latest last.
fn earlier(object: Object, world: &World) -> Result<Vec<(u32, PathBuf)>, Failed> {
    let folder = world.mappings().join(BEFORE);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(io(&folder, &cause)),
    };
    let numbered = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let rest = name.strip_prefix(object.file_name())?.strip_prefix('.')?;
        // A signature has one more ending.
        let (number, ending) = rest.split_once('.')?;
        Some((number.parse().ok()?, (!ending.contains('.')).then_some(path)?))
    };
    let mut found: Vec<_> = entries.flatten().filter_map(|entry| numbered(entry.path())).collect();
    found.sort();
    let over = found.len().saturating_sub(BEFORE_MAX as usize);
    for (_, old) in found.drain(..over) {
        remove(&old)?;
        remove(&signature_of(&old))?;
    }
    Ok(found)
}

/// Goes back to the mapping before.
pub(super) fn back(object: Object, world: &World, output: &Output) -> Result<(), Failed> {
    let used = world.library()?.file(object)?;
    let last = earlier(object, world)?.pop().map(|(_, last)| last);
    if used.is_none() && last.is_none() {
        return Err(Failed::new(format!("no other mapping of {object} was used before"))
            .hint("Run `efficlose mapping list` to see which is used."));
    }
    if let Some(file) = &used {
        // It may have been changed there; nothing that a person wrote is lost.
        let undone = format!("undone.{}.{}", object.file_name(), ending_of(file));
        let before = world.mappings().join(BEFORE);
        make_folder(&before)?;
        let undone = before.join(undone);
        copy(file, &undone)?;
        output.line(format!("The one that was used is kept as {}", undone.display()));
    }
    let place =
        |last: &Path| world.mappings().join(object.file_name()).with_extension(ending_of(last));
    // One that was put there by hand had the default before it.
    let is_default = last.as_ref().is_none_or(|last| ending_of(last) == DEFAULT);
    let (from, kept) = match last {
        Some(last) if !is_default => {
            let place = place(&last);
            remove(&signature_of(&place))?;
            rename_if_there(&signature_of(&last), &signature_of(&place))?;
            // In the place of the one before at once: no sync finds none in between.
            std::fs::rename(&last, &place).map_err(|cause| io(&place, &cause))?;
            (place.display().to_string(), Some(place))
        }
        mark => {
            mark.map_or(Ok(()), |mark| remove(&mark))?;
            ("the default".to_owned(), None)
        }
    };
    if let Some(file) = used.filter(|file| Some(file) != kept.as_ref()) {
        remove(&file)?;
        remove(&signature_of(&file))?;
    }
    // Should it not be usable any more, the next sync says so.
    if let Ok(brought) = world.library()?.brought(object) {
        accept(object, brought, world).ok();
    }
    output.json(&json!({ "object": object, "from": from }));
    output.line(format!("{object} is mapped by {from} again"));
    Ok(())
}

fn ending_of(file: &Path) -> String {
    file.extension().unwrap_or_default().to_string_lossy().into_owned()
}

/// Copies a mapping, with the signature that lies beside it.
fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    std::fs::copy(from, to).map_err(|cause| io(from, &cause))?;
    let (from, to) = (signature_of(from), signature_of(to));
    if from.exists() {
        std::fs::copy(&from, to).map_err(|cause| io(&from, &cause))?;
    } else {
        remove(&to)?;
    }
    Ok(())
}

fn rename_if_there(from: &Path, to: &Path) -> Result<(), Failed> {
    match std::fs::rename(from, to) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(io(from, &cause)),
        _ => Ok(()),
    }
}

/// Removes a file, where it is there.
fn remove(file: &Path) -> Result<(), Failed> {
    match std::fs::remove_file(file) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(io(file, &cause)),
        _ => Ok(()),
    }
}
