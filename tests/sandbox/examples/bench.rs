//! Measures whether the sandbox is fast enough to measure others with:
//! `cargo run --release -p efficlose-sandbox --example bench [CONTACTS]`.
//!
//! Prints how long an org takes to seed, how much memory its rows need, and how
//! many records a second its query pages give, each beside what is wanted.

use std::time::Instant;

use efficlose_sandbox::{Records, Settings, start};
use serde_json::Value as Json;

const WANTED_SEED_SECONDS: f64 = 60.0;
const WANTED_MEGABYTES: f64 = 200.0;
const WANTED_RECORDS_PER_SECOND: f64 = 100_000.0;

/// How many pages are read.
const PAGES: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let contacts = std::env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse())?;
    let millions = f64::from(contacts) / 1e6;
    let before = resident_megabytes();
    let at = Instant::now();
    let records = Records { contact: contacts, account: 10_000, ..Records::none() };
    let sandbox = start(Settings { records, ..Settings::default() }).await?;
    let seconds = at.elapsed().as_secs_f64() / millions;
    line("seconds to seed a million contacts", seconds, WANTED_SEED_SECONDS);
    let megabytes = (resident_megabytes() - before) / millions;
    line("megabytes for a million contacts", megabytes, WANTED_MEGABYTES);
    let greeting = sandbox.greeting().clone();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut path = "/services/data/v66.0/query?q=SELECT+Id,FirstName,LastName,Email,Phone,Title,AccountId,SystemModstamp+FROM+Contact".to_owned();
    let mut read = 0;
    let at = Instant::now();
    for _ in 0..PAGES {
        let request = http.get(format!("{}{path}", greeting.url));
        let body = request.bearer_auth(&greeting.access_token).send().await?.bytes().await?;
        // Only the head is parsed: it is the sandbox that is measured.
        let head_end = body.windows(10).position(|part| part == b"\"records\":").unwrap_or(0);
        let head = String::from_utf8_lossy(&body[..head_end]).trim_end_matches(',').to_owned();
        let head: Json = serde_json::from_str(&format!("{head}}}"))?;
        read += 2_000;
        match head["nextRecordsUrl"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => break,
        }
    }
    let rate = f64::from(read) / at.elapsed().as_secs_f64();
    line("records a second in pages, on one core with the client", rate, WANTED_RECORDS_PER_SECOND);
    sandbox.stop().await;
    Ok(())
}

fn line(what: &str, measured: f64, wanted: f64) {
    println!("{measured:>12.1} {what} (wanted {wanted}, ratio {:.2})", measured / wanted);
}

/// Returns the memory in use, or nothing where the system doesn't tell.
fn resident_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
