//! `efficlose mapping`

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value as Json, json};

use super::output::{Failed, Output};
use super::records::shown;
use super::world::World;
use crate::model::{Object, Spec};
use crate::plugin::Mapping;
use crate::store::make_folder;
use crate::sync::{Preview, preview};

/// Try mappings of your own on stored records, use them, and go back
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the mapping of each object that syncs
    List,
    /// Show what a mapping would change on stored records; writes nothing, calls nothing
    Preview {
        #[command(flatten)]
        which: Which,
        /// How many records to try it on
        #[arg(long, default_value_t = 100, value_name = "COUNT")]
        records: u64,
    },
    /// Try a mapping on all stored records, and sum up what would change
    Replay {
        #[command(flatten)]
        which: Which,
    },
    /// Use a mapping from the next sync on, once it has been tried on all stored records
    ///
    /// It is refused where more records than one in a hundred would fail or lose their
    /// entity, and where it selects other records than the mapping before, which can't
    /// be tried on what is stored.
    Use {
        #[command(flatten)]
        which: Which,
        /// Use it however many records would fail
        #[arg(long)]
        force: bool,
    },
    /// Go back to the mapping that was used before, at last the default
    Back {
        /// Object whose mapping it is
        object: Object,
    },
}

/// Which mapping is meant.
#[derive(clap::Args)]
pub(super) struct Which {
    /// The mapping: a field map (.toml), a script (.js) or a component (.wasm)
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Object that it maps; by default what the file is called, as `contact.js`
    #[arg(long, value_name = "OBJECT")]
    object: Option<Object>,
}

impl Which {
    /// Returns the object that it maps.
    pub(super) fn object(&self) -> Result<Object, Failed> {
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        self.object.map_or_else(|| stem.parse(), Ok).map_err(|_| {
            Failed::new(format!("\"{stem}\" is not called after an object"))
                .hint("Name the object that it maps with --object.")
        })
    }
}

/// How many changed records are shown.
const SHOWN: usize = 20;
/// How many columns of one are shown.
const COLUMNS_SHOWN: usize = 12;
/// The share of records that may fail, or lose their entity, with a mapping that is
/// taken into use.
const FAILING_MAX: f64 = 0.01;
/// The folder of the mappings that were used before, in that of the mappings.
const BEFORE: &str = "before";
/// How many earlier mappings of an object are kept.
const BEFORE_MAX: u32 = 100;

pub(super) fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    // Mappings are loaded and called where nothing else runs on this thread.
    tokio::task::block_in_place(|| match args.command {
        Command::List => list(world, output),
        Command::Preview { which, records } => {
            let (_, seen) = tried(&which, records, world, output)?;
            report(&which, &seen, output);
            Ok(())
        }
        Command::Replay { which } => {
            let started = Instant::now();
            let (_, seen) = tried(&which, u64::MAX, world, output)?;
            report(&which, &seen, output);
            let seconds = started.elapsed().as_secs_f64();
            output.line(format!("Took {seconds:.1} s"));
            Ok(())
        }
        Command::Use { which, force } => take(&which, force, world, output),
        Command::Back { object } => back(object, world, output),
    })
}

fn list(world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let settings = world.settings(&connection.org);
    let library = world.library()?;
    let (mut rows, mut all) = (Vec::new(), Vec::new());
    for (object, choices) in &settings.objects {
        let file = library.file(*object).ok().flatten();
        let from = file.as_ref().map_or("default".to_owned(), |file| file.display().to_string());
        match library.mapping(*object, choices.mapping()) {
            Ok(mapping) => {
                let spec = mapping.spec();
                all.push(described(&mapping, &from));
                rows.push(vec![
                    object.to_string(),
                    from,
                    mapping.digest().to_owned(),
                    spec.reads.len().to_string(),
                    spec.columns.len().to_string(),
                    names(spec).join(", "),
                ]);
            }
            Err(error) => {
                all.push(json!({
                    "object": object, "from": from,
                    "error": { "message": error.to_string(), "hint": error.hint() },
                }));
                rows.push(vec![
                    object.to_string(),
                    from,
                    format!("can't be used: {error}"),
                    String::new(),
                    String::new(),
                    String::new(),
                ]);
            }
        }
    }
    output.json(&all);
    let headers = ["object", "from", "digest", "reads", "columns", "writes"];
    output.table(&headers, &["reads", "columns"], rows, "No object was chosen.");
    Ok(())
}

/// Returns what a mapping is and needs, for a machine.
pub(super) fn described(mapping: &Mapping, from: &str) -> Json {
    let spec = mapping.spec();
    json!({
        "object": spec.object,
        "from": from,
        "digest": mapping.digest(),
        "kind": spec.kind,
        "reads": spec.reads.iter().map(|need| need.path.as_str()).collect::<Vec<_>>(),
        "filter": spec.filter.as_ref().map(|filter| filter.as_str()),
        "columns": spec.columns.iter().map(|column| &column.name).collect::<Vec<_>>(),
        "writes": names(spec),
    })
}

fn names(spec: &Spec) -> Vec<String> {
    spec.writes.iter().map(|write| write.field.to_string()).collect()
}

/// Tries a mapping on stored records.
fn tried(
    which: &Which,
    limit: u64,
    world: &World,
    output: &Output,
) -> Result<(Mapping, Preview), Failed> {
    let object = which.object()?;
    let connection = world.connection()?;
    let settings = world.settings(&connection.org);
    let choices = settings.objects.get(&object).cloned().unwrap_or_default();
    let mapping = world.library()?.mapping_in(&which.file, object, choices.mapping())?;
    let store = world.store.org(&connection.org)?;
    let bar = output.progress();
    let seen = preview(&store, &mapping, object, limit, SHOWN, &mut |records| {
        bar.set_message(format!("{records} records"));
    });
    bar.finish_and_clear();
    Ok((mapping, seen?))
}

fn report(which: &Which, seen: &Preview, output: &Output) {
    let counts = seen.counts;
    let json_of = |change: &crate::sync::Change| {
        let columns = change.columns.iter().map(|(name, (old, new))| {
            (name.clone(), json!({ "old": old.to_json(), "new": new.to_json() }))
        });
        json!({
            "id": change.id,
            "becomes": change.fate,
            "why": change.why.as_ref().map(|why| json!({
                "message": why.message, "at": why.at, "mend": why.hint,
            })),
            "columns": columns.collect::<serde_json::Map<_, _>>(),
        })
    };
    output.json(&json!({
        "file": which.file,
        "records": counts.pulled,
        "changed": counts.mapped,
        "unchanged": counts.unchanged,
        "skipped": counts.skipped,
        "failed": counts.failed,
        "newly_failed": seen.broken,
        "lost": seen.lost,
        "mended": seen.mended,
        "unread": seen.unread,
        "changes": seen.changes.iter().map(json_of).collect::<Vec<_>>(),
    }));
    let mut rows = Vec::new();
    for change in &seen.changes {
        let id = change.id.to_string();
        if let Some(why) = &change.why {
            rows.push(vec![id.clone(), change.fate.to_string(), why.to_string(), String::new()]);
        }
        for (name, (old, new)) in change.columns.iter().take(COLUMNS_SHOWN) {
            rows.push(vec![id.clone(), name.clone(), shown(old), shown(new)]);
        }
        if change.columns.len() > COLUMNS_SHOWN {
            let more = change.columns.len() - COLUMNS_SHOWN;
            rows.push(vec![id, format!("{more} more"), String::new(), String::new()]);
        }
    }
    output.table(&["record", "column", "is", "would be"], &[], rows, "Nothing would change.");
    output.line(format!(
        "Of {} records {} would change, {} not; {} would be skipped, {} fail ({} that did not before)",
        counts.pulled, counts.mapped, counts.unchanged, counts.skipped, counts.failed, seen.broken
    ));
    if !seen.unread.is_empty() {
        let fields = seen.unread.join(", ");
        output.line(format!("Not stored yet, and read by the next sync: {fields}"));
    }
}

/// Puts a mapping where the next sync finds it, and keeps the one before.
fn take(which: &Which, force: bool, world: &World, output: &Output) -> Result<(), Failed> {
    let object = which.object()?;
    let (mapping, seen) = tried(which, u64::MAX, world, output)?;
    #[allow(clippy::cast_precision_loss)]
    let is_many = |count: u64| count as f64 > seen.counts.pulled as f64 * FAILING_MAX;
    let records = seen.counts.pulled;
    let against = if is_many(seen.broken) {
        Some(format!("{} of {records} records would fail that did not before", seen.broken))
    } else if is_many(seen.lost) {
        Some(format!("{} of {records} records would lose their entity", seen.lost))
    } else if mapping.spec().filter != in_use(object, world)?.and_then(|spec| spec.filter) {
        Some("it selects other records than the mapping before, which can't be tried".to_owned())
    } else {
        None
    };
    report(which, &seen, output);
    if let Some(why) = against.filter(|_| !force) {
        return Err(Failed::new(why).hint("Mend the mapping, or use it all the same with --force."));
    }
    let folder = world.mappings();
    let ending = which.file.extension().unwrap_or_default();
    let place = folder.join(object.file_name()).with_extension(ending);
    let bytes = std::fs::read(&which.file).map_err(|cause| io(&which.file, &cause))?;
    make_folder(&folder)?;
    let new = place.with_extension("new");
    std::fs::write(&new, bytes).map_err(|cause| io(&new, &cause))?;
    let old = put_aside(object, world)?;
    // At no time is there none: a sync that looks takes the one or the other, or
    // finds two and says so.
    std::fs::rename(&new, &place).map_err(|cause| io(&place, &cause))?;
    if let Some(old) = old.filter(|old| *old != place) {
        std::fs::remove_file(&old).map_err(|cause| io(&old, &cause))?;
    }
    output.line(format!("{object} is mapped by {} from the next sync on", place.display()));
    output.line(format!("`efficlose mapping back {object}` goes back."));
    Ok(())
}

/// Returns what the mapping that is in use needs; none, where it can't be used.
fn in_use(object: Object, world: &World) -> Result<Option<Spec>, Failed> {
    let settings = world.settings(&world.connection()?.org);
    let choices = settings.objects.get(&object).cloned().unwrap_or_default();
    Ok(world.library()?.mapping(object, choices.mapping()).ok().map(|used| used.spec().clone()))
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
            let ending = file.extension().unwrap_or_default().to_string_lossy().into_owned();
            let place = named(&ending);
            std::fs::copy(&file, &place).map_err(|cause| io(&file, &cause))?;
            Ok(Some(file))
        }
        None => {
            let mark = named("default");
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
        let number = rest.split_once('.')?.0.parse().ok()?;
        Some((number, path))
    };
    let mut found: Vec<_> = entries.flatten().filter_map(|entry| numbered(entry.path())).collect();
    found.sort();
    let over = found.len().saturating_sub(BEFORE_MAX as usize);
    for (_, old) in found.drain(..over) {
        std::fs::remove_file(&old).map_err(|cause| io(&old, &cause))?;
    }
    Ok(found)
}

fn back(object: Object, world: &World, output: &Output) -> Result<(), Failed> {
    let Some((_, last)) = earlier(object, world)?.pop() else {
        return Err(Failed::new(format!("no other mapping of {object} was used before"))
            .hint("Run `efficlose mapping list` to see which is used."));
    };
    if let Some(file) = world.library()?.file(object)? {
        // It may have been changed there; nothing that a person wrote is lost.
        let ending = file.extension().unwrap_or_default().to_string_lossy().into_owned();
        let undone = format!("undone.{}.{ending}", object.file_name());
        let undone = world.mappings().join(BEFORE).join(undone);
        std::fs::rename(&file, &undone).map_err(|cause| io(&file, &cause))?;
        output.line(format!("The one that was used is kept as {}", undone.display()));
    }
    let ending = last.extension().unwrap_or_default().to_string_lossy().into_owned();
    let from = if ending == "default" {
        std::fs::remove_file(&last).map_err(|cause| io(&last, &cause))?;
        "the default".to_owned()
    } else {
        let place = world.mappings().join(object.file_name()).with_extension(&ending);
        std::fs::rename(&last, &place).map_err(|cause| io(&place, &cause))?;
        place.display().to_string()
    };
    output.json(&json!({ "object": object, "from": from }));
    output.line(format!("{object} is mapped by {from} again"));
    Ok(())
}

pub(super) fn io(file: &Path, cause: &std::io::Error) -> Failed {
    Failed::new(format!("can't use {}: {cause}", file.display()))
}
