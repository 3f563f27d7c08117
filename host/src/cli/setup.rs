//! `efficlose setup`

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::json;

use super::output::{Failed, Output};
use super::world::World;
use crate::config;
use crate::model::{Connection, Object};
use crate::salesforce::{Description, FieldType, Salesforce};
use crate::sync::{Error, Fit, INTERVALS, ObjectSettings, Settings, fit, is_free_mail};

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
    #[arg(long, value_name = "DOMAIN")]
    own_domain: Vec<String>,
    /// Leave custom fields out
    #[arg(long)]
    no_custom_fields: bool,
}

fn minutes() -> clap::builder::RangedU64ValueParser<u32> {
    clap::builder::RangedU64ValueParser::new()
        .range(u64::from(*INTERVALS.start())..=u64::from(*INTERVALS.end()))
}

/// The mapping's setting that lists custom fields.
const CUSTOM_FIELDS: &str = "custom_fields";
/// How many custom fields of an object are taken without being asked for.
const CUSTOM_FIELDS_MAX: usize = 50;

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let salesforce = world.salesforce(&connection)?;
    let before = world.settings(&connection.org);
    let before_objects: Vec<Object> = before.objects.keys().copied().collect();
    let mut settings = proposal(&args, &connection, &salesforce, before).await?;
    if !args.yes {
        offer_all(&mut settings, &salesforce).await?;
        ask(&mut settings, &before_objects)?;
    }
    let doors = world.doors(&connection, settings.clone())?;
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
    config::save_org(&world.home, &connection.org, &settings)?;
    world.store.org(&connection.org)?.forget_drifts()?;
    report(&settings, &fits, &misfits, world, output);
    Ok(())
}

/// Returns what is chosen where nobody says otherwise: what the flags say, else
/// what was chosen before, else the defaults.
async fn proposal(
    args: &Args,
    connection: &Connection,
    salesforce: &Salesforce,
    before: Settings,
) -> Result<Settings, Failed> {
    let own_domains = match args.own_domain.as_slice() {
        [] if !before.own_domains.is_empty() => before.own_domains,
        [] => own_domain(connection, salesforce).await?.into_iter().collect(),
        named => named.iter().map(|domain| domain.trim().to_lowercase()).collect(),
    };
    let chosen = match args.object.as_slice() {
        [] if !before.objects.is_empty() => before.objects.keys().copied().collect(),
        [] => Object::ALL.to_vec(),
        named => named.to_vec(),
    };
    let mut objects = BTreeMap::new();
    for object in chosen {
        let mut settings = match before.objects.get(&object) {
            Some(before) => before.clone(),
            None => ObjectSettings {
                mapping: mapping_settings(object, salesforce).await?,
                ..ObjectSettings::default()
            },
        };
        if args.no_custom_fields {
            settings.mapping.remove(CUSTOM_FIELDS);
        }
        settings.push = args.two_way || (settings.push && !args.pull_only);
        settings.every_minutes = args.every.unwrap_or(settings.every_minutes);
        objects.insert(object, settings);
    }
    Ok(Settings { own_domains, objects, ..before })
}

/// Returns what the default mapping of an object is best told of this org.
async fn mapping_settings(
    object: Object,
    salesforce: &Salesforce,
) -> Result<BTreeMap<String, String>, Failed> {
    let mut settings = BTreeMap::new();
    let Some(description) = salesforce.describe(object.as_str()).await? else {
        return Ok(settings);
    };
    let custom = custom_fields(&description);
    if !custom.is_empty() {
        settings.insert(CUSTOM_FIELDS.to_owned(), custom);
    }
    if object == Object::Task {
        settings.extend(task_statuses(salesforce).await?);
    }
    Ok(settings)
}

/// Returns the domain of the connected user's address.
async fn own_domain(
    connection: &Connection,
    salesforce: &Salesforce,
) -> Result<Option<String>, Failed> {
    let (id, email) = (name("Id"), name("Email"));
    let user = std::slice::from_ref(&connection.user_id);
    let users = salesforce.find("User", &id, user, std::slice::from_ref(&email)).await?;
    let place = users.column("Email");
    let address = users.rows.first().zip(place).and_then(|(row, place)| row[place].text());
    let domain = address.and_then(|address| address.rsplit_once('@')).map(|(_, domain)| domain);
    // Sandboxes put this at the end of every address, so that no mail goes out.
    let domain = domain.map(|domain| domain.trim_end_matches(".invalid").to_lowercase());
    Ok(domain.filter(|domain| !is_free_mail(domain)))
}

fn name(text: &str) -> crate::model::FieldName {
    text.parse().expect("a name that is written here is well formed")
}

/// Returns the object's custom fields with their types, as the mapping's setting
/// lists them.
fn custom_fields(org: &Description) -> String {
    let custom = org.fields.iter().filter(|field| field.custom);
    let listed = custom.filter_map(|field| {
        let of = match field.kind {
            FieldType::Boolean => "boolean",
            FieldType::Int | FieldType::Long => "integer",
            FieldType::Double | FieldType::Currency | FieldType::Percent => "number",
            FieldType::Date => "date",
            FieldType::DateTime => "timestamp",
            FieldType::Address | FieldType::Location | FieldType::Base64 => return None,
            _ => return Some(field.name.clone()),
        };
        Some(format!("{}:{of}", field.name))
    });
    listed.take(CUSTOM_FIELDS_MAX).collect::<Vec<_>>().join(", ")
}

/// Returns which statuses of a task count as open and done in this org.
async fn task_statuses(salesforce: &Salesforce) -> Result<Vec<(String, String)>, Failed> {
    let statuses = salesforce.task_statuses().await?;
    let best = |closed: bool, usual: &str| {
        let those = statuses.iter().filter(move |status| status.closed == closed);
        let named = those.clone().find(|status| status.name == usual);
        let named = named.or_else(|| those.clone().find(|status| status.default));
        named.or_else(|| those.clone().next()).map(|status| status.name.clone())
    };
    let closed = statuses.iter().filter(|status| status.closed).map(|status| status.name.as_str());
    let closed = closed.collect::<Vec<_>>().join(", ");
    let mut settings = vec![("closed_statuses".to_owned(), closed)];
    settings.extend(best(true, "Completed").map(|status| ("closed_status".to_owned(), status)));
    settings.extend(best(false, "Not Started").map(|status| ("open_status".to_owned(), status)));
    Ok(settings)
}

/// Adds the objects that were not chosen before, so that they can be now.
async fn offer_all(settings: &mut Settings, salesforce: &Salesforce) -> Result<(), Failed> {
    for object in Object::ALL {
        if let Entry::Vacant(vacant) = settings.objects.entry(object) {
            let mapping = mapping_settings(object, salesforce).await?;
            vacant.insert(ObjectSettings { mapping, ..ObjectSettings::default() });
        }
    }
    Ok(())
}

/// Lets a person change what is chosen. What was chosen before is marked; all is,
/// where nothing was.
fn ask(settings: &mut Settings, before: &[Object]) -> Result<(), Failed> {
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
    let domains = Text::new("Domains of your own people, who are no contacts?")
        .with_default(&domains)
        .prompt()
        .map_err(failed)?;
    let domains = domains.split(',').map(|domain| domain.trim().to_lowercase());
    settings.own_domains = domains.filter(|domain| !domain.is_empty()).collect();
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
