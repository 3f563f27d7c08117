//! `efficlose mapping`

mod versions;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value as Json, json};
use tokio::task::block_in_place;

use super::output::{Failed, Output};
use super::plugin::{misfits_of, refused};
use super::records::shown;
use super::world::World;
use crate::model::{Object, Setting, Spec, Value};
use crate::plugin::{Brought, Mapping};
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
    ///
    /// Ends with code 1 where `mapping use` would refuse it.
    Preview {
        #[command(flatten)]
        which: Which,
        /// How many records to try it on
        #[arg(long, default_value_t = 100, value_name = "COUNT")]
        records: u64,
    },
    /// Try a mapping on all stored records and on what was asked of the one before for
    /// meetings, and sum up what would change
    ///
    /// Ends with code 1 where `mapping use` would refuse it.
    Replay {
        #[command(flatten)]
        which: Which,
    },
    /// Use a mapping from the next sync on, once it has been tried on all stored records
    ///
    /// It is refused where it doesn't fit the fields that the org has, where more records than
    /// one in a hundred would fail or lose their entity, and where it selects other records
    /// than the mapping before, which can't be tried on what is stored.
    Use {
        #[command(flatten)]
        which: Which,
        /// Use it however many records would fail
        #[arg(long)]
        force: bool,
    },
    /// Use the mapping that lies there as it is, though it was refused
    ///
    /// A mapping that came into the folder by hand, or whose settings have changed, is tried
    /// before it is used; this says that it shall be used whatever the trial said.
    Accept {
        /// Object whose mapping it is
        object: Object,
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
    /// The mapping: a field map (.toml), a script (.js, .ts) or a component (.wasm)
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

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    // Mappings are loaded and called where nothing else runs on this thread.
    match args.command {
        Command::List => block_in_place(|| list(world, output)),
        Command::Preview { which, records } => block_in_place(|| {
            let brought = Brought::read(&which.file)?;
            let (_, seen) = tried(which.object()?, &brought, records, world, output)?;
            report(&which, &seen, None, output);
            verdict(seen.against())
        }),
        Command::Replay { which } => block_in_place(|| {
            let started = Instant::now();
            let brought = Brought::read(&which.file)?;
            let (mapping, seen) = tried(which.object()?, &brought, u64::MAX, world, output)?;
            let pushes = replayed(&mapping, world)?;
            report(&which, &seen, Some(&pushes), output);
            let seconds = started.elapsed().as_secs_f64();
            output.line(format!("Took {seconds:.1} s"));
            verdict(seen.against().or_else(|| pushes.against()))
        }),
        Command::Use { which, force } => {
            // What is tried is what is used, whatever becomes of the file meanwhile.
            let (object, brought) = (which.object()?, Brought::read(&which.file)?);
            world.library()?.is_signed(&brought, object)?;
            if !force {
                fits(object, &brought, world).await?;
            }
            block_in_place(|| take(&which, brought, force, world, output))
        }
        Command::Accept { object } => block_in_place(|| {
            let brought = world.library()?.brought(object)?;
            versions::accept(object, brought, world)?;
            output.json(&json!({ "object": object }));
            output.line(format!("The mapping of {object} is used as it is from the next sync on"));
            Ok(())
        }),
        Command::Back { object } => block_in_place(|| versions::back(object, world, output)),
    }
}

fn list(world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let settings = world.settings(&connection.org);
    let (library, store) = (world.library()?, world.store.org(&connection.org)?);
    let (mut rows, mut all) = (Vec::new(), Vec::new());
    for (object, choices) in &settings.objects {
        let file = library.file(*object).ok().flatten();
        let from = file.as_ref().map_or("default".to_owned(), |file| file.display().to_string());
        let refused = store.refused(*object)?.map_or("", |_| " (refused)");
        match library.mapping(*object, choices.mapping()) {
            Ok(mapping) => {
                let spec = mapping.spec();
                all.push(described(&mapping, &from));
                rows.push(vec![
                    object.to_string(),
                    from + refused,
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
    object: Object,
    brought: &Brought,
    limit: u64,
    world: &World,
    output: &Output,
) -> Result<(Mapping, Preview), Failed> {
    let settings = settings(object, world)?;
    let mapping = world.library()?.mapping_of(Some(brought), object, settings)?;
    let store = world.store.org(&world.connection()?.org)?;
    let bar = output.progress();
    let seen = preview(&store, &mapping, object, limit, SHOWN, &mut |records| {
        bar.set_message(format!("{records} records"));
    });
    bar.finish_and_clear();
    Ok((mapping, seen?))
}

/// Asks a mapping what the one before was asked for meetings.
fn replayed(mapping: &Mapping, world: &World) -> Result<Replay, Failed> {
    let store = world.store.org(&world.connection()?.org)?;
    Ok(replay(&store, mapping, mapping.spec().object, SHOWN)?)
}

/// Returns values by name, each as it is and as it would be.
fn both<'a>(values: impl IntoIterator<Item = (&'a String, &'a (Value, Value))>) -> Json {
    let pairs = values.into_iter().map(|(name, (old, new))| {
        (name.clone(), json!({ "old": old.to_json(), "new": new.to_json() }))
    });
    pairs.collect::<serde_json::Map<_, _>>().into()
}

/// Makes a look at a mapping fail where it speaks against using it.
fn verdict(against: Option<String>) -> Result<(), Failed> {
    against.map_or(Ok(()), |why| {
        Err(Failed::new(why).hint("Mend the mapping, and look again; nothing was changed."))
    })
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
            rows.push(vec![id.clone(), change.fate.to_string(), String::new(), why.to_string()]);
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
        output.line(format!(
            "Not stored, so empty here; the next sync reads what of it the org has: {fields}"
        ));
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
            rows.push(row("nothing".to_owned(), String::new(), why.to_string()));
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

/// Refuses a mapping that doesn't fit what the org says of its fields: one that reads or
/// writes what isn't there, or that writes what would be refused.
async fn fits(object: Object, brought: &Brought, world: &World) -> Result<(), Failed> {
    let (settings, library) = (settings(object, world)?, world.library()?);
    let mapping = block_in_place(|| library.mapping_of(Some(brought), object, settings))?;
    let misfits = misfits_of(&mapping, world).await?;
    let has_records = world.store.org(&world.connection()?.org)?.count(object)? > 0;
    refused(&misfits, has_records).map_or(Ok(()), Err)
}

/// Takes a mapping into use, unless what is stored speaks against it.
fn take(
    which: &Which,
    brought: Brought,
    force: bool,
    world: &World,
    output: &Output,
) -> Result<(), Failed> {
    let object = which.object()?;
    let (mapping, seen) = tried(object, &brought, u64::MAX, world, output)?;
    let pushes = replayed(&mapping, world)?;
    let has_other_filter =
        mapping.spec().filter != in_use(object, world)?.and_then(|spec| spec.filter);
    let filter = has_other_filter.then(|| {
        "it selects other records than the mapping before, which can't be tried".to_owned()
    });
    let against = seen.against().or_else(|| pushes.against()).or(filter);
    report(which, &seen, Some(&pushes), output);
    if let Some(why) = against.filter(|_| !force) {
        let hint = match seen.unread.as_slice() {
            [] => "Mend the mapping; where it does so on purpose, use it with --force.".to_owned(),
            unread => format!(
                "It reads what is not stored yet ({}), so little can be tried: use it with --force, \
                 and the next sync reads it.",
                unread.join(", ")
            ),
        };
        return Err(Failed::new(why).hint(hint));
    }
    let place = versions::put(object, brought, world)?;
    output.line(format!("{object} is mapped by {} from the next sync on", place.display()));
    output.line(format!("`efficlose mapping back {object}` goes back."));
    Ok(())
}

/// Returns what the mapping that is in use needs; none, where it can't be used.
fn in_use(object: Object, world: &World) -> Result<Option<Spec>, Failed> {
    let settings = settings(object, world)?;
    Ok(world.library()?.mapping(object, settings).ok().map(|used| used.spec().clone()))
}

/// Returns the choices for the mapping of an object.
fn settings(object: Object, world: &World) -> Result<Vec<Setting>, Failed> {
    let settings = world.settings(&world.connection()?.org);
    Ok(settings.objects.get(&object).map(|choices| choices.mapping()).unwrap_or_default())
}

pub(super) fn io(file: &Path, cause: &std::io::Error) -> Failed {
    Failed::new(format!("can't use {}: {cause}", file.display()))
}
