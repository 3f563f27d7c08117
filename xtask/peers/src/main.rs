//! Other engines at what the default mapping of Contact does, on the records that our own
//! benchmark has written: `cargo xtask bench mapping`.

use std::error::Error;
use std::time::Instant;

use extism::{Manifest, Plugin, Wasm};
use serde::Deserialize;
use serde_json::Value as Json;
use vrl::compiler::runtime::{Runtime, Terminate};
use vrl::compiler::{Program, TargetValue, TimeZone, compile};
use vrl::value::{Secrets, Value};

/// How long each is measured, in seconds.
const SECONDS: f64 = 2.0;

const PROGRAM: &str = r#"
. = {
  "name": .Name, "first_name": .FirstName, "last_name": .LastName, "salutation": .Salutation,
  "email": .Email, "phone": .Phone, "mobile": .MobilePhone, "title": .Title,
  "department": .Department, "company": .Account.Name, "account_id": .AccountId,
  "reports_to_id": .ReportsToId, "street": .MailingStreet, "city": .MailingCity,
  "state": .MailingState, "postal_code": .MailingPostalCode, "country": .MailingCountry,
  "source": .LeadSource, "birth_date": .Birthdate, "do_not_call": .DoNotCall,
  "email_opt_out": .HasOptedOutOfEmail, "description": .Description, "owner_id": .OwnerId,
  "owner_email": .Owner.Email, "last_activity_on": .LastActivityDate,
  "created_at": .CreatedDate, "updated_at": .LastModifiedDate
}
"#;

/// What our own benchmark has written.
#[derive(Deserialize)]
struct Measured {
    /// Records a second of the default mapping in native code.
    native: f64,
    /// A page as the org gives it.
    records: Vec<Json>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(measured), Some(guest)) = (arguments.next(), arguments.next()) else {
        return Err("usage: efficlose-peers RECORDS PLUGIN".into());
    };
    let measured: Measured = serde_json::from_slice(&std::fs::read(measured)?)?;
    let line = |what: &str, rate: f64| {
        println!("{rate:>12.0} records/s  {what} ({:.2})", rate / measured.native);
    };
    line("vrl, native code: records of JSON to its values, and the program", vrl(&measured)?);
    line("extism: JSON in, JSON out", extism(&measured, &guest)?);
    Ok(())
}

fn vrl(measured: &Measured) -> Result<f64, Box<dyn Error>> {
    let compiled = compile(PROGRAM, &vrl::stdlib::all()).map_err(|why| format!("{why:?}"))?;
    let mut runtime = Runtime::default();
    let mut map = |record: &Json, program: &Program| -> Result<Value, Terminate> {
        let metadata = Value::Object(Default::default());
        let value = Value::from(record.clone());
        let mut target = TargetValue { value, metadata, secrets: Secrets::default() };
        runtime.resolve(&mut target, program, &TimeZone::default())
    };
    rate(measured, || {
        for record in &measured.records {
            let person = map(record, &compiled.program).map_err(|why| format!("{why:?}"))?;
            assert!(matches!(person, Value::Object(person) if person.contains_key("last_name")));
        }
        Ok(())
    })
}

fn extism(measured: &Measured, guest: &str) -> Result<f64, Box<dyn Error>> {
    let manifest = Manifest::new([Wasm::data(std::fs::read(guest)?)]);
    let mut plugin = Plugin::new(manifest, [], false)?;
    rate(measured, || {
        let page = serde_json::to_vec(&measured.records)?;
        let people: Vec<Json> = serde_json::from_slice(plugin.call::<_, &[u8]>("pull", page)?)?;
        assert_eq!(people.len(), measured.records.len());
        assert!(people[0]["last_name"].is_string());
        Ok(())
    })
}

/// Returns how many records a second `page` maps.
fn rate(
    measured: &Measured,
    mut page: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    page()?;
    let started = Instant::now();
    let mut pages = 0;
    while started.elapsed().as_secs_f64() < SECONDS {
        page()?;
        pages += 1;
    }
    Ok((pages * measured.records.len()) as f64 / started.elapsed().as_secs_f64())
}
