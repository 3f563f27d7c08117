//! `efficlose mapping`

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value as Json, json};

use super::output::{Failed, Output};
use super::records::shown;
use super::world::World;
use crate::model::{Object, Spec, Value};
use crate::plugin::{Brought, Mapping};
use crate::store::{Accepted, make_folder};
use crate::sync::{Preview, Replay, preview, replay};

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
    /// Try a mapping on all stored records and on what was asked of the one before for
    /// meetings, and sum up what would change
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
            report(&which, &seen, None, output);
            Ok(())
        }
        Command::Replay { which } => {
            let started = Instant::now();
            let (mapping, seen) = tried(&which, u64::MAX, world, output)?;
            let pushes = replayed(&which, &mapping, world)?;
            report(&which, &seen, Some(&pushes), output);
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

/// Asks a mapping what the one before was asked for meetings.
fn replayed(which: &Which, mapping: &Mapping, world: &World) -> Result<Replay, Failed> {
    let store = world.store.org(&world.connection()?.org)?;
    Ok(replay(&store, mapping, which.object()?, SHOWN)?)
}

/// Returns values by name, each as it is and as it would be.
fn both<'a>(values: impl IntoIterator<Item = (&'a String, &'a (Value, Value))>) -> Json {
    let pairs = values.into_iter().map(|(name, (old, new))| {
        (name.clone(), json!({ "old": old.to_json(), "new": new.to_json() }))
    });
    pairs.collect::<serde_json::Map<_, _>>().into()
}

fn report(which: &Which, seen: &Preview, pushes: Option<&Replay>, output: &Output) {
    let counts = seen.counts;
    let json_of = |change: &crate::sync::Change| {
        json!({
            "id": change.id,
            "becomes": change.fate,
            "why": change.why.as_ref().map(|why| json!({
                "message": why.message, "at": why.at, "mend": why.hint,
            })),
            "columns": both(&change.columns),
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
        "pushes": pushes.map(|pushes| json!({
            "requests": pushes.requests,
            "changed": pushes.changed,
            "newly_failed": pushes.broken,
            "changes": pushes.changes.iter().map(|change| json!({
                "meeting": change.meeting_id,
                "record": change.record_id,
                "why": change.why.as_ref().map(|why| &why.message),
                "fields": both(&change.fields),
            })).collect::<Vec<_>>(),
        })),
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
    if let Some(pushes) = pushes.filter(|pushes| pushes.requests > 0) {
        told_of(pushes, output);
    }
    if !seen.unread.is_empty() {
        let fields = seen.unread.join(", ");
        output.line(format!("Not stored yet, and read by the next sync: {fields}"));
    }
}

/// Shows what would be written otherwise for meetings that were written already.
fn told_of(pushes: &Replay, output: &Output) {
    let mut rows = Vec::new();
    for change in &pushes.changes {
        let record = change.record_id.as_ref().map_or("new".to_owned(), ToString::to_string);
        let row = |name: String, old: String, new: String| {
            vec![change.meeting_id.clone(), record.clone(), name, old, new]
        };
        if let Some(why) = &change.why {
            rows.push(row("nothing".to_owned(), why.to_string(), String::new()));
        }
        let fields = change.fields.iter().take(COLUMNS_SHOWN);
        rows.extend(fields.map(|(name, (old, new))| row(name.clone(), shown(old), shown(new))));
    }
    let headers = ["meeting", "record", "field", "was", "would be"];
    output.table(&headers, &[], rows, "Nothing would be written otherwise.");
    output.line(format!(
        "Of {} writes for meetings {} would be others, {} fail that did not before",
        pushes.requests, pushes.changed, pushes.broken
    ));
}

/// Puts a mapping where the next sync finds it, and keeps the one before.
fn take(which: &Which, force: bool, world: &World, output: &Output) -> Result<(), Failed> {
    let object = which.object()?;
    let (mapping, seen) = tried(which, u64::MAX, world, output)?;
    let pushes = replayed(which, &mapping, world)?;
    let has_other_filter =
        mapping.spec().filter != in_use(object, world)?.and_then(|spec| spec.filter);
    let filter = has_other_filter.then(|| {
        "it selects other records than the mapping before, which can't be tried".to_owned()
    });
    let against = seen.against().or_else(|| pushes.against()).or(filter);
    report(which, &seen, Some(&pushes), output);
    if let Some(why) = against.filter(|_| !force) {
        return Err(Failed::new(why).hint("Mend the mapping, or use it all the same with --force."));
    }
    let folder = world.mappings();
    let ending = which.file.extension().unwrap_or_default();
    let place = folder.join(object.file_name()).with_extension(ending);
    let brought = Brought::read(&which.file)?;
    make_folder(&folder)?;
    let new = place.with_extension("new");
    std::fs::write(&new, &brought.bytes).map_err(|cause| io(&new, &cause))?;
    let old = put_aside(object, world)?;
    // At no time is there none: a sync that looks takes the one or the other, or
    // finds two and says so.
    std::fs::rename(&new, &place).map_err(|cause| io(&place, &cause))?;
    if let Some(old) = old.filter(|old| *old != place) {
        std::fs::remove_file(&old).map_err(|cause| io(&old, &cause))?;
    }
    accept(object, Some(Brought { name: name_of(&place), ..brought }), world)?;
    output.line(format!("{object} is mapped by {} from the next sync on", place.display()));
    output.line(format!("`efficlose mapping back {object}` goes back."));
    Ok(())
}

/// Notes that a person wants a mapping: it need not prove itself to the next sync.
fn accept(object: Object, brought: Option<Brought>, world: &World) -> Result<(), Failed> {
    let connection = world.connection()?;
    let settings = world.settings(&connection.org);
    let choices = settings.objects.get(&object).cloned().unwrap_or_default();
    let mapping = world.library()?.mapping_of(brought.as_ref(), object, choices.mapping())?;
    let digest = mapping.digest().to_owned();
    let Brought { name, bytes: source } = brought.unwrap_or_default();
    let accepted = Accepted { name, source, digest };
    Ok(world.store.org(&connection.org)?.accept(object, &accepted)?)
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
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
    // Should it not be usable any more, the next sync says so.
    if let Ok(brought) = world.library()?.brought(object) {
        accept(object, brought, world).ok();
    }
    output.json(&json!({ "object": object, "from": from }));
    output.line(format!("{object} is mapped by {from} again"));
    Ok(())
}

pub(super) fn io(file: &Path, cause: &std::io::Error) -> Failed {
    Failed::new(format!("can't use {}: {cause}", file.display()))
}
