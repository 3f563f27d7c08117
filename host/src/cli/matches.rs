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
        Command::List { limit } => list(limit, world, output),
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
