//! `efficlose matches`

use serde_json::json;

use super::output::{Failed, Output};
use crate::model::{Choice, Direction, Question};
use crate::sync::choice;
use crate::world::World;

/// Choose who or what a meeting was about, where several records fit
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List what waits to be chosen, with the records that fit
    List {
        /// How many to list
        #[arg(long, default_value_t = 50, value_name = "COUNT")]
        limit: u32,
        /// List what was chosen instead
        #[arg(long)]
        chosen: bool,
    },
    /// Choose a record, for ever
    ///
    /// Who has an address is chosen for every meeting; an account or an opportunity for one.
    Choose {
        /// Id of the meeting
        meeting: String,
        /// What is chosen
        #[arg(value_name = "ADDRESS|account|opportunity")]
        question: Question,
        /// Id of the record; `none`, if it is none of them; `auto`, to leave it to the rules
        #[arg(value_name = "ID|none|auto")]
        record: String,
    },
}

pub(super) fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    match args.command {
        Command::List { limit, chosen: false } => list(limit, world, output),
        Command::List { limit, chosen: true } => list_chosen(limit, world, output),
        Command::Choose { meeting, question, record } => {
            choose(&meeting, &question, &record, world, output)
        }
    }
}

fn list(limit: u32, world: &World, output: &Output) -> Result<(), Failed> {
    let store = world.store.org(&world.connection()?.org)?;
    let reviews = store.reviews(limit)?;
    let all = reviews.iter().map(|(meeting, review)| {
        json!({ "meeting": meeting, "question": review.question, "candidates": review.candidates })
    });
    output.json(&all.collect::<Vec<_>>());
    if reviews.is_empty() {
        output.line("Nothing waits to be chosen.");
    }
    for (meeting, review) in &reviews {
        let title = store.meeting(meeting)?.map(|meeting| meeting.title).unwrap_or_default();
        let asked = match &review.question {
            Question::Person(email) => format!("who is {email}?"),
            other => format!("which {other} was it about?"),
        };
        output.line(format!("{meeting}  {title}: {asked}"));
        for one in &review.candidates {
            output.line(format!(
                "    {} {}  {}: {}",
                one.object, one.record_id, one.name, one.reason
            ));
        }
        output.line(format!("    efficlose matches choose {meeting} {} ID", review.question));
    }
    Ok(())
}

fn list_chosen(limit: u32, world: &World, output: &Output) -> Result<(), Failed> {
    let store = world.store.org(&world.connection()?.org)?;
    let chosen = store.chosen(limit)?;
    let record = |choice: &Choice| match choice {
        Choice::Record(object, id) => Some((*object, id.clone())),
        Choice::Nobody => None,
    };
    let all = chosen.iter().map(|(meeting, question, choice)| {
        let (object, id) = record(choice).unzip();
        let meeting = (!meeting.is_empty()).then_some(meeting);
        json!({ "meeting": meeting, "question": question, "object": object, "record": id })
    });
    output.json(&all.collect::<Vec<_>>());
    let rows = chosen.iter().map(|(meeting, question, choice)| {
        let meeting = if meeting.is_empty() { "every meeting" } else { meeting };
        let record =
            record(choice).map_or("none".to_owned(), |(object, id)| format!("{object} {id}"));
        vec![question.to_string(), meeting.to_owned(), record]
    });
    let none = "Nothing was chosen yet.";
    output.table(&["question", "of", "record"], &[], rows.collect(), none);
    Ok(())
}

fn choose(
    meeting: &str,
    question: &Question,
    record: &str,
    world: &World,
    output: &Output,
) -> Result<(), Failed> {
    let org = world.connection()?.org;
    let store = world.store.org(&org)?;
    let choice = choice(&store, meeting, question, record)?;
    store.choose(meeting, question, choice.as_ref(), world.clock.now())?;
    world.wake(&org, |job| job.direction == Direction::Push)?;
    output.json(&json!({ "meeting": meeting, "question": question, "record": match &choice {
        Some(Choice::Record(_, id)) => Some(id),
        _ => None,
    }}));
    output.line("Chosen; the next sync writes accordingly.");
    Ok(())
}
