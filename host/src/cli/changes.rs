//! `efficlose changes`

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::output::{Failed, Output, shown};
use crate::model::{Change, Direction, Intent, JobKey, Object, SalesforceId, Value};
use crate::store::{ChangesOf, OrgStore};
use crate::sync::{Foreseen, UndoFate, Undone, round, undo};
use crate::world::World;

/// How many changes one undo takes back.
const UNDONE_MAX: u32 = 100_000;

/// Show what was written to Salesforce, and take it back
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List changes with the values before and after, the latest first
    List {
        /// Those of this run, meeting, record or change only
        #[arg(value_name = "RUN|MEETING|RECORD|CHANGE")]
        of: Option<String>,
        /// How many to list
        #[arg(long, default_value_t = 20, value_name = "COUNT")]
        limit: u32,
    },
    /// Take back what a run or a meeting wrote, what was written to a record, or one change
    ///
    /// Each field gets the value that it had before, where it still holds what was written;
    /// what anyone has changed since is left as it is. A task that was made is deleted, if
    /// nobody has touched it. What is taken back is not written again by the same meeting,
    /// unless the change that took it back is itself taken back.
    Undo {
        /// What to take back
        #[arg(value_name = "RUN|MEETING|RECORD|CHANGE")]
        of: String,
        /// Only tell what would be taken back
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    match args.command {
        Command::List { of, limit } => list(of.as_deref(), limit, world, output),
        Command::Undo { of, dry_run } => take_back(&of, dry_run, world, output).await,
    }
}

/// Returns the changes that a word stands for: a change's number, a run, a meeting or a record;
/// `run:`, `meeting:`, `record:` and `change:` before it say which.
fn changes_of(store: &OrgStore, of: &str, limit: u32) -> Result<Vec<Change>, Failed> {
    let (kind, name) = of.split_once(':').unwrap_or(("", of));
    let is_kind = ["run", "meeting", "record", "change"].contains(&kind);
    let (kind, name) = if is_kind { (kind, name) } else { ("", of) };
    let record = name.parse::<SalesforceId>().ok();
    let mut meanings = Vec::new();
    for meant in ["change", "run", "meeting", "record"] {
        if !kind.is_empty() && kind != meant {
            continue;
        }
        let changes = match (meant, &record) {
            ("change", _) => match name.parse::<i64>() {
                Ok(number) => store.change(number)?.into_iter().collect(),
                Err(_) => Vec::new(),
            },
            ("run", _) => store.changes(ChangesOf::Run(name), limit)?,
            ("meeting", _) => store.changes(ChangesOf::Meeting(name), limit)?,
            (_, Some(id)) => store.changes(ChangesOf::Record(id), limit)?,
            (_, None) => Vec::new(),
        };
        if !changes.is_empty() {
            meanings.push((meant, changes));
        }
    }
    match meanings.len() {
        0 => Err(Failed::new(format!("nothing was written that \"{of}\" stands for"))
            .hint("Run `efficlose changes list` to see what was.")),
        1 => Ok(meanings.remove(0).1),
        _ => {
            let names: Vec<_> =
                meanings.iter().map(|(meant, _)| format!("`{meant}:{name}`")).collect();
            Err(Failed::new(format!("\"{of}\" may mean several things"))
                .hint(format!("Say which: {}.", names.join(" or "))))
        }
    }
}

fn list(of: Option<&str>, limit: u32, world: &World, output: &Output) -> Result<(), Failed> {
    let store = world.store.org(&world.connection()?.org)?;
    let changes = match of {
        Some(of) => changes_of(&store, of, limit)?,
        None => store.changes(ChangesOf::Everything, limit)?,
    };
    let ids: Vec<i64> = changes.iter().map(|change| change.id).collect();
    let undone = store.undone(&ids)?;
    let all = changes.iter().map(|change| {
        let mut json = to_json(change);
        json["undone"] = json!(undone.contains(&change.id));
        json
    });
    output.json(&all.collect::<Vec<_>>());
    if changes.is_empty() {
        output.line("Nothing was written yet.");
    }
    for change in &changes {
        let note = if undone.contains(&change.id) { ", taken back" } else { "" };
        tell(&format!("{}{note}", headline(change)), change, &BTreeMap::new(), output);
    }
    Ok(())
}

/// Prints a change: its headline, and field by field what it does, and where the mapping says so.
pub(super) fn tell(
    headline: &str,
    change: &Change,
    places: &BTreeMap<String, String>,
    output: &Output,
) {
    output.line(headline);
    for (name, before, after) in change.planned.pairs() {
        let place = places.get(name).map(|place| format!("  ({place})")).unwrap_or_default();
        output.line(format!("    {name}: {}{place}", pair(before, after)));
    }
    for (name, why) in &change.planned.left {
        output.line(format!("    {name}: left as it is, {why}"));
    }
}

/// Says what a change would be that is not made.
pub(super) fn intention(foreseen: &Foreseen) -> String {
    let planned = &foreseen.change.planned;
    let does = match &planned.intent {
        Intent::Create { .. } => "create a new one".to_owned(),
        Intent::Update(id) => format!("update {id}"),
        Intent::Delete(id) => format!("delete {id}"),
    };
    let (object, meeting, by) = (planned.object, &planned.meeting_id, &foreseen.by);
    format!("{object}: {does}, from the meeting {meeting}, by {by}")
}

async fn take_back(of: &str, is_dry: bool, world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let store = world.store.org(&connection.org)?;
    let mut changes = changes_of(&store, of, UNDONE_MAX)?;
    if changes.len() >= UNDONE_MAX as usize {
        return Err(Failed::new(format!("\"{of}\" stands for {UNDONE_MAX} changes or more"))
            .hint("Take them back meeting by meeting."));
    }
    // What was taken back of a meeting is written again only by name, or by its run.
    let is_undo = |change: &Change| change.planned.undoes.is_some();
    if !changes.iter().all(is_undo) {
        changes.retain(|change| !is_undo(change));
    }
    let settings = world.settings(&connection.org);
    let mut pulls = settings.jobs(&connection.org);
    pulls.retain(|job: &JobKey| job.direction == Direction::Pull);
    let doors = world.doors(&connection, settings)?;
    let undone = undo(&doors, changes, is_dry).await?;
    let is_done = |one: &&Undone| matches!(one.fate, UndoFate::Restored | UndoFate::Deleted);
    let done = undone.iter().filter(is_done);
    let objects: Vec<Object> = done.filter_map(|one| one.object.synced()).collect();
    pulls.retain(|job| !is_dry && objects.contains(&job.object));
    report(&undone, is_dry, output);
    if !pulls.is_empty() {
        let stop = super::serve::stop_on_signal();
        round(&doors, &pulls, &stop, &|_, _| ()).await?;
    }
    let is_open = |one: &&Undone| matches!(one.fate, UndoFate::Failed(_) | UndoFate::Unknown);
    match undone.iter().filter(is_open).count() {
        0 => Ok(()),
        count => {
            Err(Failed::new(format!("{count} changes were not taken back, as far as is known"))
                .hint("Mend what is said of them, and run the same command again."))
        }
    }
}

fn report(undone: &[Undone], is_dry: bool, output: &Output) {
    let all = undone.iter().map(|one| {
        let (fate, why) = match &one.fate {
            UndoFate::Restored => ("restored", None),
            UndoFate::Deleted => ("deleted", None),
            UndoFate::LeftAlone(why) => ("left_alone", Some(why.clone())),
            UndoFate::Failed(problem) => ("failed", Some(problem.to_string())),
            UndoFate::Unknown => ("unknown", None),
        };
        let is_restored = one.fate == UndoFate::Restored;
        let restored = one.restored.iter().filter(|_| is_restored).map(|(name, now, before)| {
            (name.clone(), json!({ "from": now.to_json(), "to": before.to_json() }))
        });
        let left = one.left.iter().map(|(name, why)| (name.clone(), json!(why)));
        json!({
            "change": one.change, "object": one.object, "record": one.record, "fate": fate,
            "why": why,
            "restored": restored.collect::<Map<_, _>>(), "left": left.collect::<Map<_, _>>(),
        })
    });
    output.json(&json!({ "dry_run": is_dry, "changes": all.collect::<Vec<_>>() }));
    for one in undone {
        let record = one.record.as_ref().map(ToString::to_string).unwrap_or_default();
        let fate = match (&one.fate, is_dry) {
            (UndoFate::Restored, false) => "taken back".to_owned(),
            (UndoFate::Restored, true) => "would be taken back".to_owned(),
            (UndoFate::Deleted, false) => "deleted".to_owned(),
            (UndoFate::Deleted, true) => "would be deleted".to_owned(),
            (UndoFate::LeftAlone(why), _) => format!("left alone: {why}"),
            (UndoFate::Failed(problem), _) => format!("not taken back: {problem}"),
            (UndoFate::Unknown, _) => "not known yet: the next sync looks it up".to_owned(),
        };
        output.line(format!("{}  {} {record}: {fate}", one.change, one.object));
        if one.fate == UndoFate::Restored {
            for (name, now, before) in &one.restored {
                output.line(format!("    {name}: {}", pair(now, before)));
            }
        }
        for (name, why) in &one.left {
            output.line(format!("    {name}: left as it is, {why}"));
        }
    }
}

/// Says what a change is, without its fields.
pub(super) fn headline(change: &Change) -> String {
    let planned = &change.planned;
    let record = change.record_id.as_ref().map(ToString::to_string).unwrap_or_default();
    let does = match planned.intent {
        Intent::Create { .. } => "created",
        Intent::Update(_) => "updated",
        Intent::Delete(_) => "deleted",
    };
    let item = planned.action_item_id.as_ref().map(|id| format!(", action item {id}"));
    let undo = planned.undoes.map(|undone| format!(", takes back {undone}"));
    format!(
        "{}  {}  {} {record} {does} ({}), run {}, meeting {}{}{}",
        change.id,
        change.planned_at,
        planned.object,
        change.state.as_str(),
        change.run_id,
        planned.meeting_id,
        item.unwrap_or_default(),
        undo.unwrap_or_default(),
    )
}

/// Returns a change for a machine.
pub(super) fn to_json(change: &Change) -> Json {
    let mut json = to_plan(change);
    json["id"] = json!(change.id);
    json["run"] = json!(change.run_id);
    json["undoes"] = json!(change.planned.undoes);
    json["state"] = json!(change.state);
    json["planned_at"] = json!(change.planned_at);
    json["ended_at"] = json!(change.ended_at);
    json
}

/// Returns what a change would be that is not made, for a machine.
pub(super) fn to_intention(foreseen: &Foreseen) -> Json {
    let mut json = to_plan(&foreseen.change);
    json["by"] = json!(foreseen.by);
    json["doubt"] = json!(foreseen.doubt.as_ref().map(|doubt| json!({
        "message": doubt.message, "mend": doubt.hint,
    })));
    for (name, place) in &foreseen.places {
        json["fields"][name]["by"] = json!(place);
    }
    json
}

/// Returns what a change does, for a machine.
fn to_plan(change: &Change) -> Json {
    let planned = &change.planned;
    let does = match planned.intent {
        Intent::Create { .. } => "create",
        Intent::Update(_) => "update",
        Intent::Delete(_) => "delete",
    };
    let fields = planned.pairs().map(|(name, before, after)| {
        (name.to_owned(), json!({ "before": before.to_json(), "after": after.to_json() }))
    });
    json!({
        "object": planned.object,
        "record": change.record_id,
        "does": does,
        "fields": fields.collect::<Map<_, _>>(),
        "meeting": planned.meeting_id,
        "action_item": planned.action_item_id,
        "mapping": planned.mapping,
        "left": planned.left.iter().map(|(name, why)| (name.clone(), json!(why)))
            .collect::<Map<_, _>>(),
    })
}

/// How much of two values is shown where they are the same at the beginning.
const SAME_SHOWN: usize = 20;

/// Says how a value becomes another; what both begin with is cut short, so that the difference
/// is seen.
fn pair(before: &Value, after: &Value) -> String {
    let (Some(old), Some(new)) = (before.text(), after.text()) else {
        return format!("{} → {}", quoted(before, 0), quoted(after, 0));
    };
    let same = old.chars().zip(new.chars()).take_while(|(old, new)| old == new).count();
    let cut = same.saturating_sub(SAME_SHOWN);
    format!("{} → {}", quoted(before, cut), quoted(after, cut))
}

/// Returns a value as it stands in a sentence, without so many of its first characters.
fn quoted(value: &Value, cut: usize) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Text(text) => {
            let rest: String = text.chars().skip(cut).collect();
            let dots = if cut > 0 { "…" } else { "" };
            format!("{:?}", format!("{dots}{}", shown(&Value::Text(rest))))
        }
        other => shown(other),
    }
}
