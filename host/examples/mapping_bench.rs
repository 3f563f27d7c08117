//! Measures mappings through the door, conversions and fresh instances included:
//! `cargo xtask bench mapping`. All in one run, so that ratios mean something. What is
//! measured is written to the file that is named, for other engines to map.

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use efficlose::model::{Object, Pulled, Value};
use efficlose::plugin::{self, Library, Limits, Mapping, Plugins};
use efficlose_contact::Contact;
use efficlose_kit::{Running, Table, Value as Own};
use efficlose_sandbox::{Records, Settings, start};
use serde_json::Value as Json;

/// How many rows a page has, as in a pull.
const PAGE: usize = 2_000;
/// How long each is measured, in seconds.
const SECONDS: f64 = 2.0;
/// How many calls, and how many loads, are measured.
const CALLS: u32 = 10_000;
const LOADS: u32 = 50;

/// What is read of the org: what the default mapping of Contact reads.
const FIELDS: &str = "Id, Name, FirstName, LastName, Salutation, Email, Phone, MobilePhone, Title, \
    Department, Account.Name, AccountId, ReportsToId, MailingStreet, MailingCity, MailingState, \
    MailingPostalCode, MailingCountry, LeadSource, Birthdate, DoNotCall, HasOptedOutOfEmail, \
    Description, OwnerId, Owner.Email, LastActivityDate, CreatedDate, LastModifiedDate";

const FIELD_MAP: &str = r#"
[pull]
name = "FirstName ~ ' ' ~ LastName"
email = "Email | lower"
title = "Title or 'unknown'"
company = "Account.Name"
phone = "Phone | replace(' ', '')"
city = "MailingCity | upper"
country = "MailingCountry | default('unknown')"
department = "Department | trim"
custom.kind = "'decides' if 'Head' in (Title or '') else 'works'"
custom.where = "(MailingCity or '') ~ ', ' ~ (MailingCountry or '')"
"#;

const SCRIPT: &str = r#"
export const fields = ["FirstName", "LastName", "Email", "Title", "Account.Name?", "Phone", "MailingCity", "MailingCountry", "Department", "LeadSource"];
export const columns = ["name", "first_name", "last_name", "email", "title", "company", "phone", "city", "country", "department"];
export function pull(record) {
  return {
    name: `${record.FirstName} ${record.LastName}`,
    first_name: record.FirstName,
    last_name: record.LastName,
    email: record.Email?.toLowerCase(),
    title: record.Title ?? "unknown",
    company: record.Account.Name,
    phone: record.Phone,
    city: record.MailingCity,
    country: record.MailingCountry,
    department: record.Department,
  };
}
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = tempfile::tempdir()?;
    let cache = home.path().join("cache");
    let drafts = home.path().join("drafts");
    std::fs::create_dir(&drafts)?;
    // <target>/release/examples/bench stands beside <target>/release/efficlose.
    let own = std::env::current_exe()?;
    let maker = own.ancestors().nth(2).ok_or("no folder")?.join("efficlose");
    let open = || -> Result<Library, Box<dyn std::error::Error>> {
        let plugins = Plugins::start(&cache, Limits::default())?;
        Ok(Library::new(plugins, maker.clone(), &cache, &drafts, Vec::new()))
    };
    let library = open()?;
    let default = library.default(Object::Contact, Vec::new())?;
    let native = native(&default);
    println!("{native:>12.0} records/s  the default mapping natively, its table built too (1.00)");
    if let Some(place) = std::env::args().nth(1) {
        let measured = serde_json::json!({ "native": native, "records": records() });
        std::fs::write(place, measured.to_string())?;
    }
    let line = |what: &str, rate: f64, wanted: f64| {
        println!("{rate:>12.0} records/s  {what} ({:.2}; wanted {wanted:.0})", rate / native);
    };
    line("the default mapping of Contact", rate(&default), 250_000.0);
    let map = written(&drafts, "contact.toml", FIELD_MAP)?;
    line("a field map with ten expressions", rate(&map_of(&library, &map)?), 60_000.0);
    std::fs::remove_file(&map)?;
    let script = written(&drafts, "contact.js", SCRIPT)?;
    line("a script of ten fields", rate(&map_of(&library, &script)?), 40_000.0);
    let made = each(|| default.instantiate())?;
    println!("{:>12.1} µs         an instance made and dropped (wanted 10)", made * 1e6);
    let no_rows: [Vec<Value>; 0] = [];
    let call = each(|| default.pull(&[], &no_rows).map(drop))?;
    println!("{:>12.1} µs         an empty call: instance, configure, pull", call * 1e6);
    // What is loaded stays with its library, so each load needs one of its own.
    let mut loaded = Duration::ZERO;
    for _ in 0..LOADS {
        let again = open()?;
        let started = Instant::now();
        again.default(Object::Contact, Vec::new())?;
        loaded += started.elapsed();
    }
    let load = loaded.as_secs_f64() / f64::from(LOADS);
    println!(
        "{:>12.2} ms         the default mapping loaded as kept, and configured (wanted 1)",
        load * 1e3
    );
    Ok(())
}

/// Returns how many seconds each of many calls takes.
fn each(mut call: impl FnMut() -> Result<(), plugin::Error>) -> Result<f64, plugin::Error> {
    let started = Instant::now();
    for _ in 0..CALLS {
        call()?;
    }
    Ok(started.elapsed().as_secs_f64() / f64::from(CALLS))
}

fn written(folder: &Path, name: &str, text: &str) -> std::io::Result<std::path::PathBuf> {
    let file = folder.join(name);
    std::fs::write(&file, text)?;
    Ok(file)
}

fn map_of(library: &Library, file: &Path) -> Result<Mapping, Box<dyn std::error::Error>> {
    Ok(library.mapping_in(file, Object::Contact, Vec::new())?)
}

/// A page of records under these columns, as the sandbox org gives them: some fields
/// are empty, as in an org that people use.
fn page(columns: &[String]) -> Vec<Vec<Value>> {
    let value = |found: Option<&Json>| match found {
        Some(Json::Bool(truth)) => Value::Boolean(*truth),
        Some(Json::Number(number)) => Value::Number(number.as_f64().unwrap_or_default()),
        Some(Json::String(text)) => Value::Text(text.clone()),
        _ => Value::Null,
    };
    let field = |record: &Json, path: &String| {
        value(path.split('.').try_fold(record, |found, name| found.get(name)))
    };
    let row = |record| columns.iter().map(|path| field(record, path)).collect();
    records().iter().map(row).collect()
}

fn records() -> &'static [Json] {
    static ORG: OnceLock<Vec<Json>> = OnceLock::new();
    ORG.get_or_init(|| queried().expect("the sandbox org answers"))
}

/// Reads contacts with all that any of the mappings reads.
fn queried() -> Result<Vec<Json>, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let records = Records { contact: PAGE as u32, account: 200, ..Records::none() };
        let org = start(Settings { records, ..Settings::default() }).await?;
        let greeting = org.greeting().clone();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build()?;
        let query = format!("{}/services/data/v66.0/query", greeting.url);
        let asked = http.get(query).query(&[("q", format!("SELECT {FIELDS} FROM Contact"))]);
        let answer = asked.bearer_auth(&greeting.access_token).send().await?;
        let mut answer: Json = answer.error_for_status()?.json().await?;
        org.stop().await;
        let Json::Array(records) = answer["records"].take() else {
            return Err("no records".into());
        };
        assert_eq!(records.len(), PAGE);
        Ok(records)
    })
}

fn columns(mapping: &Mapping) -> Vec<String> {
    mapping.spec().reads.iter().map(|need| need.path.to_string()).collect()
}

fn rate(mapping: &Mapping) -> f64 {
    let columns = columns(mapping);
    let rows = page(&columns);
    measured(|| {
        let outcomes = mapping.pull(&columns, &rows).expect("the mapping works");
        assert!(matches!(outcomes[0], Pulled::Mapped(_)), "{:?}", outcomes[0]);
    })
}

fn native(mapping: &Mapping) -> f64 {
    let columns = columns(mapping);
    let rows = page(&columns);
    let own = |value: &Value| match value {
        Value::Null => Own::Null,
        Value::Boolean(truth) => Own::Boolean(*truth),
        Value::Integer(number) => Own::Integer(*number),
        Value::Number(number) => Own::Number(*number),
        Value::Text(text) => Own::Text(text.clone()),
    };
    let (running, _) = Running::<Contact>::configure(Vec::new()).expect("no settings are fine");
    measured(|| {
        let rows = rows.iter().map(|row| row.iter().map(own).collect()).collect();
        let outcomes = running.pull(Table { columns: columns.clone(), rows });
        assert_eq!(outcomes.len(), PAGE);
    })
}

fn measured(mut page: impl FnMut()) -> f64 {
    page();
    let started = Instant::now();
    let mut pages = 0;
    while started.elapsed().as_secs_f64() < SECONDS {
        page();
        pages += 1;
    }
    (pages * PAGE) as f64 / started.elapsed().as_secs_f64()
}
