//! `efficlose records`

use serde_json::{Map, Value as Json, json};

use super::changes;
use super::output::{Failed, Output, shown};
use crate::model::{Entity, Fields, Object, SalesforceId};
use crate::store::OrgStore;
use crate::sync::origins;
use crate::world::World;

/// Show what was imported
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the entities of an object
    List {
        /// Object to list
        #[arg(long, value_name = "OBJECT")]
        object: Object,
        /// How many to list
        #[arg(long, default_value_t = 20, value_name = "COUNT")]
        limit: u32,
        /// Id after which to begin, to list on
        #[arg(long, value_name = "ID")]
        after: Option<SalesforceId>,
    },
    /// Show one entity with the record it comes from and what was written to it
    Show {
        /// Object of the record
        object: Object,
        /// Id of the record
        id: SalesforceId,
    },
    /// Tell where the values of a record come from: from Salesforce, or from which meeting,
    /// mapping and run
    Why {
        /// Object of the record
        object: Object,
        /// Id of the record
        id: SalesforceId,
        /// Field of the record, all that were ever written by default
        field: Option<String>,
    },
}

/// How many changes to a record are shown.
const CHANGES_SHOWN: u32 = 50;

pub(super) fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    match args.command {
        Command::List { object, limit, after } => list(object, limit, after, world, output),
        Command::Show { object, id } => show(object, &id, world, output),
        Command::Why { object, id, field } => why(object, &id, field.as_deref(), world, output),
    }
}

fn list(
    object: Object,
    limit: u32,
    after: Option<SalesforceId>,
    world: &World,
    output: &Output,
) -> Result<(), Failed> {
    let store = world.store.org(&world.connection()?.org)?;
    let entities = store.entities(object, after.as_ref(), limit)?;
    output.json(&entities.iter().map(Entity::to_json).collect::<Vec<_>>());
    let columns = object.telling_columns();
    let mut headers = vec!["id"];
    headers.extend(columns);
    let rows = entities.iter().map(|entity| {
        let cells = columns.iter().map(|column| shown(entity.get(column)));
        std::iter::once(entity.id.to_string()).chain(cells).collect()
    });
    output.table(&headers, &["amount"], rows.collect(), &format!("No {object} was imported yet."));
    if entities.len() == limit as usize && store.count(object)? > u64::from(limit) {
        let last = entities.last().map(|entity| entity.id.to_string()).unwrap_or_default();
        output.line(format!("There are more: --after {last}"));
    }
    Ok(())
}

fn show(object: Object, id: &SalesforceId, world: &World, output: &Output) -> Result<(), Failed> {
    let store = world.store.org(&world.connection()?.org)?;
    let entity = store.entity(object, id)?;
    let source = store.source(object, id)?.unwrap_or_default();
    let state = store.source_state(object, id)?.ok_or_else(|| unread(object, id))?;
    let changes = store.changes(crate::store::ChangesOf::Record(id), CHANGES_SHOWN)?;
    let became = store.became(object, id)?;
    output.json(&json!({
        "entity": entity.as_ref().map(Entity::to_json),
        "source": nest(&source),
        "state": state.fate.as_str(),
        "reason": state.reason,
        "modified_at": state.modified_at,
        "mapping": state.mapping,
        "became": became.iter().map(|(object, id)| json!({
            "object": object, "id": id,
        })).collect::<Vec<_>>(),
        "changes": changes.iter().map(changes::to_json).collect::<Vec<_>>(),
    }));
    let why = state.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    output.line(format!("{object} {id}  {}{why}", state.fate.as_str()));
    for (object, id) in &became {
        output.line(format!("It became {object} {id}: `efficlose records show {object} {id}`"));
    }
    let lines = |fields: &Fields| {
        let filled = fields.iter().filter(|(_, value)| !value.is_blank());
        filled.map(|(name, value)| vec![name.clone(), shown(value)]).collect::<Vec<_>>()
    };
    let entity = entity.map(|entity| entity.fields).unwrap_or_default();
    output.table(&["entity", ""], &[], lines(&entity), "It has no entity.");
    output.line("");
    output.table(&["record", ""], &[], lines(&source), "Nothing of the record is kept.");
    for change in &changes {
        output.line("");
        output.line(changes::headline(change));
        output.table(&["field", "value"], &[], lines(&change.planned.after), "");
    }
    Ok(())
}

fn why(
    object: Object,
    id: &SalesforceId,
    field: Option<&str>,
    world: &World,
    output: &Output,
) -> Result<(), Failed> {
    let store = world.store.org(&world.connection()?.org)?;
    let source = match store.source(object, id)? {
        Some(source) => source,
        None => return Err(gone(&store, object, id)?),
    };
    let origins = origins(&store, id, &source, field)?;
    if let (Some(field), []) = (field, origins.as_slice()) {
        return Err(Failed::new(format!("{object} {id} has no field {field} that is read here"))
            .hint(format!("`efficlose records show {object} {id}` shows those that are.")));
    }
    let all = origins.iter().map(|origin| {
        let from = match (&origin.change, origin.is_ours()) {
            (_, true) => "efficlose",
            (Some(_), false) => "salesforce, after efficlose",
            (None, _) => "salesforce",
        };
        json!({
            "field": origin.field,
            "value": origin.value.to_json(),
            "from": from,
            "change": origin.change.as_ref().map(changes::to_json),
        })
    });
    let all: Vec<Json> = all.collect();
    match (field, all.as_slice()) {
        (Some(_), [one]) => output.json(one),
        _ => output.json(&all),
    }
    if origins.is_empty() {
        output.line("All of it comes from Salesforce: nothing was written to it by efficlose.");
    }
    for origin in &origins {
        output.line(format!("{}: {}", origin.field, shown(&origin.value)));
        output.line(format!("    {}", origin.said(&store)?));
    }
    Ok(())
}

/// Says why nothing is kept of a record.
fn gone(store: &OrgStore, object: Object, id: &SalesforceId) -> Result<Failed, Failed> {
    let Some(state) = store.source_state(object, id)? else { return Ok(unread(object, id)) };
    let became = store.became(object, id)?;
    let failed = Failed::new(format!("{object} {id} is {}: no value of it is kept", state.fate));
    Ok(match became.first() {
        Some((heir, id)) => failed.hint(format!("It became {heir} {id}: ask for that one.")),
        None => failed.hint(format!("`efficlose records show {object} {id}` says what is known.")),
    })
}

fn unread(object: Object, id: &SalesforceId) -> Failed {
    Failed::new(format!("{object} {id} was never imported"))
        .hint("Run `efficlose sync`, or check the id and the object.")
}

fn nest(fields: &Fields) -> Json {
    fields.iter().map(|(name, value)| (name.clone(), value.to_json())).collect::<Map<_, _>>().into()
}
