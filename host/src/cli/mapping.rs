//! `efficlose mapping`

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value as Json, json};
use tokio::task::block_in_place;

use super::output::{Failed, Output, shown};
use crate::model::{Object, Spec, Value};
use crate::plugin::{Brought, Mapping};
use crate::sync::{Preview, Replay};
use crate::world::{Back, Judgement, World};

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
            let (object, brought) = (which.object()?, Brought::read(&which.file)?);
            let org = world.connection()?.org;
            let bar = output.progress();
            let seen = world.try_on(&org, object, &brought, (records, SHOWN), &mut |records| {
                bar.set_message(format!("{records} records"));
            });
            bar.finish_and_clear();
            let (_, seen) = seen?;
            report(&which, &seen, None, output);
            verdict(seen.against())
        }),
        Command::Replay { which } => block_in_place(|| {
            let started = Instant::now();
            let brought = Brought::read(&which.file)?;
            let Judgement { seen, pushes, .. } = judged(which.object()?, &brought, world, output)?;
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
                world.fits(&world.connection()?, object, &brought).await?;
            }
            block_in_place(|| take(&which, brought, force, world, output))
        }
        Command::Accept { object } => block_in_place(|| {
            let brought = world.library()?.brought(object)?;
            world.accept(&world.connection()?.org, object, brought)?;
            output.json(&json!({ "object": object }));
            output.line(format!("The mapping of {object} is used as it is from the next sync on"));
            Ok(())
        }),
        Command::Back { object } => block_in_place(|| back(object, world, output)),
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

/// Takes a mapping into use, unless what is stored speaks against it.
fn take(
    which: &Which,
    brought: Brought,
    force: bool,
    world: &World,
    output: &Output,
) -> Result<(), Failed> {
    let (object, org) = (which.object()?, world.connection()?.org);
    let judged = judged(object, &brought, world, output)?;
    report(which, &judged.seen, Some(&judged.pushes), output);
    if let Some(against) = judged.against.filter(|_| !force) {
        return Err(against);
    }
    let place = world.put(&org, object, brought)?;
    output.line(format!("{object} is mapped by {} from the next sync on", place.display()));
    output.line(format!("`efficlose mapping back {object}` goes back."));
    Ok(())
}

fn judged(
    object: Object,
    brought: &Brought,
    world: &World,
    output: &Output,
) -> Result<Judgement, Failed> {
    let bar = output.progress();
    let judged = world.judge(&world.connection()?.org, object, brought, SHOWN, &mut |records| {
        bar.set_message(format!("{records} records"));
    });
    bar.finish_and_clear();
    judged
}

/// Goes back to the mapping before.
fn back(object: Object, world: &World, output: &Output) -> Result<(), Failed> {
    let Back { now, undone } = world.back(&world.connection()?.org, object)?;
    if let Some(undone) = undone {
        output.line(format!("The one that was used is kept as {}", undone.display()));
    }
    let from = now.map_or("the default".to_owned(), |now| now.display().to_string());
    output.json(&json!({ "object": object, "from": from }));
    output.line(format!("{object} is mapped by {from} again"));
    Ok(())
}

pub(super) fn io(file: &Path, cause: &std::io::Error) -> Failed {
    Failed::new(format!("can't use {}: {cause}", file.display()))
}
