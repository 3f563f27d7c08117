//! `efficlose matches`

use serde_json::json;

use super::meetings::wake;
use super::output::{Failed, Output};
use super::world::World;
use crate::model::{Choice, Question, SalesforceId};
use crate::store::OrgStore;

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
    let Some(told) = store.meeting(meeting)? else {
        return Err(Failed::new(format!("there is no meeting \"{meeting}\""))
            .hint("Run `efficlose meetings list` to see those there are."));
    };
    if let Question::Person(email) = question {
        let everyone = told.organizer.iter().chain(&told.participants);
        let mut emails = everyone.filter_map(|one| one.email.as_deref());
        if !emails.any(|known| known.trim().eq_ignore_ascii_case(email)) {
            return Err(Failed::new(format!("nobody at the meeting has the address {email}"))
                .hint(format!("`efficlose meetings show {meeting}` shows who took part.")));
        }
    }
    let choice = match record {
        "auto" => None,
        "none" => Some(Choice::Nobody),
        id => Some(chosen(&store, question, id)?),
    };
    store.choose(meeting, question, choice.as_ref(), world.clock.now())?;
    wake(world, &org)?;
    output.json(&json!({ "meeting": meeting, "question": question, "record": match &choice {
        Some(Choice::Record(_, id)) => Some(id),
        _ => None,
    }}));
    output.line("Chosen; the next sync writes accordingly.");
    Ok(())
}

/// Returns the record that was named, if it can be an answer.
fn chosen(store: &OrgStore, question: &Question, id: &str) -> Result<Choice, Failed> {
    let hint = "Name the id of a record, `none`, or `auto`.";
    let id: SalesforceId = id.parse().map_err(|why| Failed::new(format!("{why}")).hint(hint))?;
    for object in question.objects() {
        if store.entity(*object, &id)?.is_some() {
            return Ok(Choice::Record(*object, id));
        }
    }
    let objects: Vec<_> = question.objects().iter().map(ToString::to_string).collect();
    Err(Failed::new(format!("{id} is no {} that was imported", objects.join(" or ")))
        .hint("`efficlose matches list` shows the records that fit; any other of their kind may be chosen."))
}
