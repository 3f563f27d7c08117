//! Measures pulls of the real binary from a sandbox org on the same machine:
//! `cargo xtask bench pull`. Prints records a second, calls, peak memory, and the share of
//! the time that fetching, mapping and storing took.

mod home;

use efficlose::model::Object;
use efficlose_sandbox::Records;
use reqwest::Method;
use serde_json::{Value as Json, json};

use home::{Done, Home};

/// How many calls a day the org has: where they abound, 100,000 records are read by pages, and
/// else by an extract.
const DAILY_LIMITS: [u64; 2] = [5_000_000, 15_000];
/// How many records change before the sync that follows an import.
const CHANGED: usize = 500;
/// What is wanted: records a second of an import, its peak memory in MB, and the seconds of
/// a sync after some changes.
const WANTED: (f64, f64, f64) = (40_000.0, 150.0, 1.0);

#[tokio::main]
async fn main() -> Done<()> {
    let counts: Vec<u32> =
        std::env::args().skip(1).map(|count| count.parse()).collect::<Result<_, _>>()?;
    let counts = if counts.is_empty() { vec![100_000, 1_000_000] } else { counts };
    for count in counts {
        for daily_limit in DAILY_LIMITS {
            measure(count, daily_limit).await?;
        }
    }
    Ok(())
}

async fn measure(contacts: u32, daily_limit: u64) -> Done<()> {
    let records = Records { contact: contacts, account: 10_000, ..Records::none() };
    let objects = [Object::Account, Object::Contact];
    let home = Home::start(records, daily_limit, &objects, false).await?;
    // Compiled mappings are kept from an earlier run.
    sync(&home, Object::Account)?;
    println!("{contacts} contacts of an org with {daily_limit} calls a day");
    let first = sync(&home, Object::Contact)?;
    let rate = first.pulled / first.seconds;
    println!("{rate:>12.0} records/s     an import (wanted {:.0})", WANTED.0);
    println!("{:>12.0} calls         of it", first.calls);
    println!("{:>12.0} MB            its peak memory (wanted {:.0})", first.megabytes, WANTED.1);
    let [fetch, map, store] = first.spent.map(|seconds| 100.0 * seconds / first.seconds);
    println!(
        "{fetch:>11.0} %             of its time fetching, {map:.0} % mapping, {store:.0} % storing, side by side"
    );
    touch(&home).await?;
    let changed = sync(&home, Object::Contact)?;
    let what = format!("a sync of {} records in {} calls", changed.pulled, changed.calls);
    println!("{:>12.2} s             {what} (wanted {:.0})", changed.seconds, WANTED.2);
    // What was changed just now is read again until it is settled.
    let idle = sync(&home, Object::Account)?;
    let what =
        format!("a sync of nothing in {} calls, at most {:.0} MB", idle.calls, idle.megabytes);
    println!("{:>12.2} s             {what}", idle.seconds);
    home.org.stop().await;
    Ok(())
}

/// What a sync did.
struct Synced {
    pulled: f64,
    calls: f64,
    seconds: f64,
    spent: [f64; 3],
    megabytes: f64,
}

fn sync(home: &Home, object: Object) -> Done<Synced> {
    let ran = home.run(&["sync", "--object", object.as_str()])?;
    let number = |json: &Json| json.as_f64().unwrap_or_default();
    let run = &ran.said["runs"][0];
    if run["ended"] != "complete" {
        return Err(format!("the sync failed: {}", ran.said).into());
    }
    Ok(Synced {
        pulled: number(&run["counts"]["pulled"]),
        calls: number(&ran.said["total"]["calls"]),
        seconds: ran.seconds,
        spent: ["fetch", "map", "store"].map(|stage| number(&run["seconds"][stage])),
        megabytes: ran.megabytes,
    })
}

/// Gives some contacts a new stamp.
async fn touch(home: &Home) -> Done<()> {
    let records = home.find(&format!("SELECT Id FROM Contact LIMIT {CHANGED}")).await?;
    let ids: Vec<&Json> = records.iter().map(|record| &record["Id"]).collect();
    home.control(Method::POST, "records/touch", json!({ "ids": ids })).await
}
