//! `efficlose meetings`

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::output::{Failed, Output};
use crate::intake::{self, TEXT_MAX};
use crate::model::{Direction, Meeting, Object, Sobject, many};
use crate::store::{Added, DoneBy, ItemState, MeetingSummary, Standing};
use crate::sync::match_meeting;
use crate::world::World;

/// Take in meetings and show what became of them
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Take in meetings from a file of JSON or JSON lines
    ///
    /// Nothing of a file is taken in if any of it is bad, unless told otherwise.
    /// A meeting with an id that is known is the same meeting, told anew.
    Add {
        /// File to read, or - for standard input
        file: PathBuf,
        /// Take in the good meetings of a file that has bad ones
        #[arg(long)]
        keep_going: bool,
    },
    /// List the meetings, the latest first
    List {
        /// How many to list
        #[arg(long, default_value_t = 20, value_name = "COUNT")]
        limit: u32,
    },
    /// Show a meeting: what it was matched to and why, and what was written
    Show {
        /// Id of the meeting
        id: String,
        /// Show what each rule of matching says now
        #[arg(long)]
        explain: bool,
    },
    /// Print the JSON schema of a meeting
    Schema,
}

pub(super) fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    match args.command {
        Command::Add { file, keep_going } => add(&file, keep_going, world, output),
        Command::List { limit } => list(limit, world, output),
        Command::Show { id, explain } => show(&id, explain, world, output),
        Command::Schema => {
            // The schema is JSON whoever reads it.
            Output::new(false).line(intake::schema());
            Ok(())
        }
    }
}

fn add(file: &Path, keep_going: bool, world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let text = read(file)?;
    let now = world.clock.now();
    let (good, bad): (Vec<_>, Vec<_>) =
        intake::parse(&text, now).into_iter().partition(Result::is_ok);
    let good: Vec<Meeting> = good.into_iter().flatten().collect();
    let bad: Vec<_> = bad.into_iter().filter_map(Result::err).collect();
    if !bad.is_empty() && !keep_going {
        let all: Vec<_> = bad.iter().map(|refused| format!("\n  {refused}")).collect();
        let name = file.display();
        return Err(Failed::new(format!("nothing of {name} was taken in:{}", all.concat()))
            .hint("Mend the lines, or use --keep-going to take in the others."));
    }
    let store = world.store.org(&connection.org)?;
    let added = store.add_meetings(&good, now)?;
    world.wake(&connection.org, |job| job.direction == Direction::Push)?;
    let count = |of| added.iter().filter(|one| **one == of).count();
    let (new, changed, same) = (count(Added::New), count(Added::Changed), count(Added::Same));
    output.json(&json!({
        "new": new,
        "changed": changed,
        "same": same,
        "refused": bad.iter().map(|refused| json!({
            "line": refused.line, "field": refused.field, "message": refused.message,
        })).collect::<Vec<_>>(),
    }));
    output.line(format!(
        "Took in {}, {changed} changed, {same} the same",
        many(new as u64, "new meeting", "new meetings")
    ));
    for refused in &bad {
        output.line(format!("  refused: {refused}"));
    }
    match bad.len() {
        0 => Ok(()),
        count => Err(Failed::new(format!("{count} meetings were refused"))
            .hint("Mend them and add the file again; those taken in are not doubled.")),
    }
}

fn read(file: &Path) -> Result<String, Failed> {
    let failed = |why: String| Failed::new(format!("can't read {}: {why}", file.display()));
    let open: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(file).map_err(|cause| failed(cause.to_string()))?),
    };
    let mut text = String::new();
    let most = TEXT_MAX as u64 + 1;
    open.take(most).read_to_string(&mut text).map_err(|cause| failed(cause.to_string()))?;
    if text.len() > TEXT_MAX {
        return Err(failed(format!("it is larger than {} MiB; split it", TEXT_MAX >> 20)));
    }
    Ok(text)
}

fn list(limit: u32, world: &World, output: &Output) -> Result<(), Failed> {
    let store = world.store.org(&world.connection()?.org)?;
    let meetings = store.meetings(None, limit)?;
    output.json(&meetings.iter().map(MeetingSummary::to_json).collect::<Vec<_>>());
    let rows = meetings.iter().map(|meeting| {
        let work = meeting.work;
        vec![
            meeting.id.clone(),
            meeting.started_at.to_string(),
            meeting.title.clone(),
            format!("{} of {}", meeting.items_done, meeting.items_total),
            work.settled.to_string(),
            (work.waiting + work.unmatched).to_string(),
            work.failed.to_string(),
        ]
    });
    let headers = ["id", "started", "title", "items done", "settled", "waiting", "failed"];
    let none = "There is no meeting yet. `efficlose meetings add FILE` takes some in.";
    output.table(&headers, &["settled", "waiting", "failed"], rows.collect(), none);
    Ok(())
}

fn show(id: &str, explain: bool, world: &World, output: &Output) -> Result<(), Failed> {
    let org = world.connection()?.org;
    let store = world.store.org(&org)?;
    let meeting = store.meeting(id)?.ok_or_else(|| {
        Failed::new(format!("there is no meeting \"{id}\""))
            .hint("Run `efficlose meetings list` to see those there are.")
    })?;
    let matches = store.matches(id)?;
    let items = store.item_states(id)?;
    let work = store.work_of(id)?;
    let logged = store.link(id, None)?.filter(|link| !link.gone).map(|link| link.record_id);
    let verdicts = match explain {
        true => match_meeting(&store, &meeting, &world.settings(&org))?.verdicts,
        false => Vec::new(),
    };
    output.json(&json!({
        "meeting": meeting,
        "rules": verdicts,
        "matches": matches,
        "logged_as": logged,
        "action_items": items.iter().map(ItemState::to_json).collect::<Vec<_>>(),
        "work": work.iter().map(Standing::to_json).collect::<Vec<_>>(),
    }));
    output.line(format!("{}  {}  {}", meeting.id, meeting.started_at, meeting.title));
    let rows = matches.iter().map(|found| {
        vec![found.object.to_string(), found.record_id.to_string(), found.reason.clone()]
    });
    output.table(
        &["matched", "record", "because"],
        &[],
        rows.collect(),
        "It is matched to nothing yet.",
    );
    output.line("");
    if explain {
        let rows = verdicts.into_iter().map(|verdict| {
            vec![verdict.question.to_string(), verdict.rule.to_owned(), verdict.said]
        });
        output.table(
            &["question", "rule", "says"],
            &[],
            rows.collect(),
            "No guest has an address.",
        );
        output.line("");
    }
    let rows = items.iter().map(|item| {
        let task = match (&item.record_id, item.gone) {
            (Some(id), false) => id.to_string(),
            (Some(id), true) => format!("{id}, deleted in Salesforce"),
            (None, _) => "none yet".to_owned(),
        };
        let done = match (item.done, item.done_by) {
            (false, _) => "no",
            (true, DoneBy::Platform) => "on the platform",
            (true, DoneBy::Salesforce) => "in Salesforce",
        };
        vec![item.item_id.clone(), item.text.clone(), done.to_owned(), task]
    });
    output.table(&["item", "text", "done", "task"], &[], rows.collect(), "It has no action items.");
    output.line("");
    let settings = world.settings(&org);
    let is_written = |object| settings.objects.get(&object).is_some_and(|choices| choices.push);
    let rows = work.iter().map(|one| {
        let object = match (&one.work.item_id, one.work.object) {
            (Some(item), Object::Task) => format!("Task of {item}"),
            (_, object) => object.to_string(),
        };
        let (state, reason) = match is_written(one.work.object) {
            true => (one.state.as_str(), one.reason.clone().unwrap_or_default()),
            false => ("not set up", "`efficlose setup` chooses what is written".to_owned()),
        };
        vec![object, state.to_owned(), reason]
    });
    output.table(&["to write", "state", ""], &[], rows.collect(), "");
    if let Some(id) = logged {
        output.line(format!("It is logged as the {} {id}.", Sobject::of_activity(&id)));
    }
    output.line(format!("`efficlose changes list {id}` shows what was written."));
    Ok(())
}
