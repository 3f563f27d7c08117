//! `efficlose verify`

use serde_json::json;

use super::output::{Failed, Output};
use crate::model::{Object, Verified};
use crate::sync::verify;
use crate::world::World;

/// Prove that the store has what the org has, and mend what differs
///
/// Reads the id and stamp of every record that the org shows, with formulas and parents'
/// fields, and holds them against the store: month by month by count and hash, and record by
/// record. What differs is read again. `serve` and `sync` do this once a day by themselves.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Verify this object only; may be given several times
    #[arg(long, value_name = "OBJECT")]
    object: Vec<Object>,
    /// Remove records that are not visible any more even where these are most of an object
    #[arg(long)]
    anyway: bool,
}

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let settings = world.settings(&connection.org);
    let pulled = settings.objects.iter().filter(|(_, choices)| choices.pull);
    let mut objects: Vec<Object> = pulled.map(|(object, _)| *object).collect();
    objects.retain(|object| args.object.is_empty() || args.object.contains(object));
    if objects.is_empty() {
        return Err(Failed::new("nothing that is imported was named")
            .hint("Run `efficlose setup` to choose what syncs."));
    }
    let doors = world.doors(&connection, settings)?;
    let stop = super::serve::stop_on_signal();
    let bar = output.progress();
    let shown = |object: Object, count: u64| bar.set_message(format!("{object}: {count} records"));
    let mut all = Vec::new();
    for object in objects {
        match verify(&doors, object, args.anyway, &stop, &shown).await? {
            Some(verified) => all.push(verified),
            None => {
                bar.finish_and_clear();
                return Err(Failed::new("the verification was stopped before its end")
                    .hint("Run it again: it lists the records from where it was stopped."));
            }
        }
    }
    bar.finish_and_clear();
    report(&all, output);
    Ok(())
}

fn report(all: &[Verified], output: &Output) {
    output.json(&json!({ "objects": all }));
    let mut rows = Vec::new();
    for verified in all {
        let windows = verified.windows.iter().map(|window| {
            vec![
                verified.object.to_string(),
                window.month.clone(),
                window.org.count.to_string(),
                window.store.count.to_string(),
                window.org.hash.clone(),
                if window.org == window.store { "the same" } else { "differed" }.to_owned(),
            ]
        });
        rows.extend(windows);
    }
    let headers = ["object", "month", "org", "store", "hash", ""];
    output.table(&headers, &["org", "store"], rows, "There are no records.");
    for verified in all {
        output.line(format!("{}: {}", verified.object, verified.said()));
    }
}
