//! Measures what meetings cost that are written to a sandbox org on the same machine:
//! `cargo xtask bench push`. Prints the seconds and calls of a dry run, of the writing, and of
//! a sync after it that has nothing to write.

mod home;

use efficlose::model::Object;
use efficlose_sandbox::Records;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use home::{Done, Home};

/// How many meetings are told, and how many guests and action items each has.
const MEETINGS: usize = 1_000;
const GUESTS: usize = 3;
const ITEMS: usize = 2;
/// So many meetings come on one day.
const A_DAY: usize = 50;
const DAILY_LIMIT: u64 = 5_000_000;
/// What is wanted: the seconds in which the changes of all meetings are planned.
const WANTED: f64 = 5.0;

#[tokio::main]
async fn main() -> Done<()> {
    let records = Records {
        account: 1_000,
        contact: 10_000,
        lead: 2_000,
        opportunity: 2_000,
        ..Records::none()
    };
    let home = Home::start(records, DAILY_LIMIT, &Object::ALL, true).await?;
    home.run(&["sync"])?;
    let file = home.folder.path().join("meetings.jsonl");
    std::fs::write(&file, meetings(&home).await?)?;
    let told = home.run(&["meetings", "add", &file.display().to_string()])?;
    println!("{MEETINGS} meetings of {GUESTS} guests and {ITEMS} action items");
    println!("{:>12.2} s   to take them in", told.seconds);
    let plan = home.run(&["sync", "--dry-run"])?;
    let org = &plan.said["orgs"][0];
    let count = org["changes"].as_array().map_or(0, Vec::len);
    let what = format!("to plan {count} changes in {} calls", org["calls"]);
    println!("{:>12.2} s   {what} (wanted {WANTED:.0})", plan.seconds);
    report("to write", &home.run(&["sync"])?);
    report("a sync after it, to write", &home.run(&["sync"])?);
    home.org.stop().await;
    Ok(())
}

fn report(what: &str, ran: &home::Ran) {
    let total = &ran.said["total"];
    let (seconds, megabytes) = (ran.seconds, ran.megabytes);
    println!(
        "{seconds:>12.2} s   {what} {} changes in {} calls, at most {megabytes:.0} MB",
        total["pushed"], total["calls"]
    );
}

/// Returns meetings with contacts of the org, as lines of JSON.
async fn meetings(home: &Home) -> Done<String> {
    let host = home.find("SELECT Email FROM User WHERE IsActive = true LIMIT 1").await?;
    let host = host.first().ok_or("no user")?["Email"].clone();
    let contacts =
        home.find("SELECT Email FROM Contact WHERE Email != null ORDER BY Id LIMIT 2000").await?;
    let emails: Vec<&Json> = contacts.iter().map(|contact| &contact["Email"]).collect();
    let mut guests = emails.iter().cycle();
    let mut lines = String::new();
    for nth in 0..MEETINGS {
        let days = i64::try_from(1 + nth / A_DAY)?;
        let started = Timestamp::now() - SignedDuration::from_hours(24 * days);
        let guests: Vec<Json> =
            guests.by_ref().take(GUESTS).map(|email| json!({ "email": email })).collect();
        let items: Vec<Json> = (0..ITEMS)
            .map(|item| json!({ "id": item.to_string(), "text": format!("Send offer {item} of talk {nth}"), "done": false }))
            .collect();
        let meeting = json!({
            "id": format!("m{nth}"), "title": format!("Talk {nth}"), "started_at": started,
            "url": format!("https://meetings.example/m{nth}"), "organizer": { "email": host },
            "participants": guests, "action_items": items,
            "insights": [{ "kind": "need", "text": format!("Learned in talk {nth}") }],
        });
        lines.push_str(&format!("{meeting}\n"));
    }
    Ok(lines)
}
