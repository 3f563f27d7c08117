//! `efficlose backfill`

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::output::{Failed, Output};
use crate::model::{Direction, JobKey, Object};
use crate::sync::round;
use crate::world::World;

/// Read the records of a range of days again, whatever was read before
///
/// Goes on with the next sync where it is stopped, or where the budget has no more calls for
/// it.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Object to read
    #[arg(long, value_name = "OBJECT")]
    object: Object,
    /// The first day on which records were changed last, as 2026-01-31, in UTC
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// The day after the last; by default all until now
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
}

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let settings = world.settings(&connection.org);
    let object = args.object;
    if settings.objects.get(&object).is_none_or(|choices| !choices.pull) {
        return Err(Failed::new(format!("{object} is not imported"))
            .hint("Run `efficlose setup` to choose what syncs."));
    }
    let since = start_of(args.from)?;
    let until = args.to.map_or(Ok(world.clock.now()), start_of)?;
    if since >= until {
        return Err(Failed::new("the range of days ends before it begins")
            .hint("Give the day after the last with --to."));
    }
    let store = world.store.org(&connection.org)?;
    store.begin_backfill(object, since, until)?;
    let doors = world.doors(&connection, settings)?;
    let stop = super::serve::stop_on_signal();
    let job = JobKey { org: connection.org.clone(), object, direction: Direction::Pull };
    let bar = output.progress();
    let shown = |job: &JobKey, counts: crate::model::Counts| {
        bar.set_message(format!("{}: {} records", job.object, counts.pulled));
    };
    let runs = round(&doors, &[job], &stop, &shown).await;
    bar.finish_and_clear();
    let left = store.backfill(object)?;
    super::sync::report(&runs?, &[], std::time::Duration::ZERO, output);
    match left {
        Some(left) => {
            Err(Failed::new(format!("{} records were read, and there are more", left.records))
                .hint("The next sync goes on with it."))
        }
        None => Ok(()),
    }
}

fn start_of(day: Date) -> Result<Timestamp, Failed> {
    let midnight = day.at(0, 0, 0, 0);
    TimeZone::UTC.to_timestamp(midnight).map_err(|why| Failed::new(why.to_string()))
}
