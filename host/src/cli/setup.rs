//! `efficlose setup`

use serde_json::json;

use super::output::{Failed, Output};
use crate::config;
use crate::model::Object;
use crate::sync::{
    self, CUSTOM_FIELDS, Error, Fit, INTERVALS, ObjectSettings, Settings, Wishes, domain, fit,
    offer_all, propose,
};
use crate::world::World;

/// Choose which objects sync, which way, how often and with which custom fields
///
/// Asks on a terminal. What was chosen before is what it proposes. What it writes
/// into the settings' file can be edited by hand.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Ask nothing: take the defaults, and what the other flags say
    #[arg(long, short)]
    yes: bool,
    /// Object to sync; may be given several times; those chosen before, else all five
    #[arg(long, value_name = "OBJECT")]
    object: Vec<Object>,
    /// Import only, write nothing to Salesforce
    #[arg(long, conflicts_with = "two_way")]
    pull_only: bool,
    /// Import and write back, where it was set up to import only
    #[arg(long)]
    two_way: bool,
    /// How often to sync, in minutes; 120 by default
    #[arg(long, value_name = "MINUTES", value_parser = minutes())]
    every: Option<u32>,
    /// Domain of your own people, who are no contacts; that of the connected user by default
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    own_domain: Vec<String>,
    /// Leave custom fields out
    #[arg(long)]
    no_custom_fields: bool,
}

fn minutes() -> clap::builder::RangedU64ValueParser<u32> {
    clap::builder::RangedU64ValueParser::new()
        .range(u64::from(*INTERVALS.start())..=u64::from(*INTERVALS.end()))
}

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let salesforce = world.salesforce(&connection)?;
    let before = world.settings(&connection.org);
    let before_objects: Vec<Object> = before.objects.keys().copied().collect();
    let base = before.clone();
    let mut settings = propose(&salesforce, &connection, &wishes(&args), before).await?;
    if !args.yes {
        offer_all(&mut settings, &salesforce).await?;
        ask(&mut settings, &before_objects)?;
    }
    let doors = world.doors(&connection, settings.clone())?.looking();
    let (mut fits, mut misfits) = (Vec::new(), Vec::new());
    for object in settings.objects.keys() {
        match fit(&doors, *object).await {
            Ok(fit) => fits.push((*object, fit)),
            // What a person named must not be left out without being said so.
            Err(error) if error.is_org_wide() || args.object.contains(object) => {
                return Err(error.into());
            }
            Err(error) => misfits.push((*object, error)),
        }
    }
    if fits.is_empty()
        && let Some((_, error)) = misfits.pop()
    {
        return Err(error.into());
    }
    // One that was chosen before stays chosen, and waits for its mend.
    let is_out = |object: &Object| misfits.iter().any(|(misfit, _)| misfit == object);
    settings.objects.retain(|object, _| before_objects.contains(object) || !is_out(object));
    world.set_up(&connection.org, &base, &settings)?;
    report(&settings, &fits, &misfits, world, output);
    Ok(())
}

/// Returns what the flags say. Objects that were set up both ways become import only on
/// request, and the other way about.
fn wishes(args: &Args) -> Wishes {
    Wishes {
        objects: args.object.clone(),
        own_domains: args.own_domain.clone(),
        push: if args.two_way { Some(true) } else { args.pull_only.then_some(false) },
        every_minutes: args.every,
        no_custom_fields: args.no_custom_fields,
    }
}

/// Lets a person change what is chosen. What was chosen before is marked; all is,
/// where nothing was.
fn ask(settings: &mut Settings, before: &[Object]) -> Result<(), Failed> {
    use inquire::validator::Validation;
    use inquire::{Confirm, CustomType, MultiSelect, Text};
    let failed = |error: inquire::InquireError| match error {
        inquire::InquireError::NotTTY => Failed::new("there is no terminal to ask on")
            .hint("Use --yes, with flags for what should not be the default."),
        error => Failed::new(format!("nothing was set up: {error}")),
    };
    let all: Vec<Object> = settings.objects.keys().copied().collect();
    let was_chosen = |nth: &usize| before.is_empty() || before.contains(&all[*nth]);
    let marked: Vec<usize> = (0..all.len()).filter(was_chosen).collect();
    let chosen = MultiSelect::new("Which objects sync?", all).with_default(&marked);
    let chosen = chosen.prompt().map_err(failed)?;
    settings.objects.retain(|object, _| chosen.contains(object));
    let pushes = settings.objects.values().any(|object| object.push);
    let push = Confirm::new("Write meeting insights and action items back to Salesforce?");
    let push = push.with_default(pushes).prompt().map_err(failed)?;
    let minutes = settings.objects.values().map(|object| object.every_minutes).next();
    let every = CustomType::<u32>::new("Every how many minutes?");
    let every = every.with_default(minutes.unwrap_or(ObjectSettings::default().every_minutes));
    let every = every.prompt().map_err(failed)?.clamp(*INTERVALS.start(), *INTERVALS.end());
    for (object, choice) in &mut settings.objects {
        choice.push = push;
        choice.every_minutes = every;
        let Some(custom) = choice.mapping.get(CUSTOM_FIELDS) else { continue };
        let fields: Vec<String> = custom.split(", ").map(str::to_owned).collect();
        let marked: Vec<usize> = (0..fields.len()).collect();
        let question = format!("Which custom fields of {object} are imported?");
        let fields = MultiSelect::new(&question, fields).with_default(&marked);
        let fields = fields.prompt().map_err(failed)?;
        choice.mapping.insert(CUSTOM_FIELDS.to_owned(), fields.join(", "));
    }
    let domains = settings.own_domains.join(", ");
    let listed = Text::new("Domains of your own people, who are no contacts?")
        .with_default(&domains)
        .with_validator(|text: &str| {
            Ok(match sync::domains(text) {
                Ok(_) => Validation::Valid,
                Err(why) => Validation::Invalid(why.into()),
            })
        })
        .prompt()
        .map_err(failed)?;
    settings.own_domains = sync::domains(&listed).map_err(Failed::new)?;
    Ok(())
}

fn report(
    settings: &Settings,
    fits: &[(Object, Fit)],
    misfits: &[(Object, Error)],
    world: &World,
    output: &Output,
) {
    let file = world.home.join(config::FILE);
    output.json(&json!({
        "file": file,
        "settings": settings,
        "objects": fits.iter().map(|(object, fit)| json!({
            "object": object,
            "mapping": fit.mapping,
            "reads": fit.reads,
            "left_out": fit.left_out,
            "writes": fit.writes,
        })).collect::<Vec<_>>(),
        "problems": misfits.iter().map(|(object, error)| {
            let problem = error.problem();
            json!({
                "object": object,
                "message": problem.message,
                "at": problem.at,
                "mend": problem.hint,
            })
        }).collect::<Vec<_>>(),
    }));
    let rows = fits.iter().map(|(object, fit)| {
        let chosen = &settings.objects[object];
        vec![
            object.to_string(),
            fit.mapping.clone(),
            fit.reads.len().to_string(),
            if chosen.push { fit.writes.join(", ") } else { "nothing".to_owned() },
            fit.left_out.join(", "),
        ]
    });
    let headers = ["object", "mapping", "fields read", "writes", "the org lacks or hides"];
    output.table(&headers, &["fields read"], rows.collect(), "No object was chosen.");
    for (object, error) in misfits {
        let problem = error.problem();
        output.line(format!("{object} can't sync: {problem}"));
        output.line(format!("    {}", problem.hint.unwrap_or_default()));
    }
    output.line(format!("Saved in {}", file.display()));
    output.line("Next: `efficlose sync` syncs once; `efficlose serve` goes on by itself.");
}
