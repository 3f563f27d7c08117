//! `efficlose pause` and `efficlose resume`

use serde_json::json;

use super::output::{Failed, Output};
use crate::model::Object;
use crate::world::World;

/// Pause objects: nothing of them is read or written until `resume`
///
/// A run under way goes on to its end. `sync --object` of a paused object syncs it all the
/// same.
#[derive(clap::Args)]
pub(super) struct PauseArgs {
    /// Object to pause, all by default; may be given several times
    #[arg(long, value_name = "OBJECT")]
    object: Vec<Object>,
}

/// Let paused objects go on where they were
#[derive(clap::Args)]
pub(super) struct ResumeArgs {
    /// Object that goes on, all by default; may be given several times
    #[arg(long, value_name = "OBJECT")]
    object: Vec<Object>,
}

pub(super) fn pause(args: PauseArgs, world: &World, output: &Output) -> Result<(), Failed> {
    set(&args.object, true, world, output)
}

pub(super) fn resume(args: ResumeArgs, world: &World, output: &Output) -> Result<(), Failed> {
    set(&args.object, false, world, output)
}

fn set(objects: &[Object], pause: bool, world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let objects = if objects.is_empty() { &Object::ALL } else { objects };
    world.store.pause(&connection.org, objects, pause, world.clock.now())?;
    let paused: Vec<Object> = world.store.paused(&connection.org)?.into_keys().collect();
    output.json(&json!({ "paused": paused }));
    let names: Vec<_> = paused.iter().map(ToString::to_string).collect();
    output.line(match names.as_slice() {
        [] => "Nothing is paused".to_owned(),
        names => format!("Paused: {}; `efficlose resume` lets them go on", names.join(", ")),
    });
    Ok(())
}
