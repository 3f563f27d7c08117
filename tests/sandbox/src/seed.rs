//! Fills a new org with invented records. The same seed and the same time give
//! the same org, ids included.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::ids::Id;
use crate::org::Org;
use crate::records::Records;
use crate::schema::Kind;
use crate::value::Value;
use crate::write::{Writer, plant};

mod customers;
mod insiders;
mod words;

/// The domain of the org's own people.
pub(crate) const OWN_DOMAIN: &str = "northwind.example";

/// The org's name.
pub(crate) const ORG_NAME: &str = "Northwind Traders";

/// How far back the last changes reach, in seconds.
const HISTORY_SECONDS: i64 = 90 * 86_400;

/// How much older than its last change a record can be, in seconds.
const AGE_SECONDS: i64 = 400 * 86_400;

/// How many moments bulk loads happened at; records loaded together share one.
const BULK_LOADS: usize = 5;

/// A new org and the people who matter to whoever logs in.
#[derive(Debug)]
pub(crate) struct Seeded {
    /// The org.
    pub(crate) org: Org,
    /// The user who can do everything.
    pub(crate) admin: Id,
    /// The user connections log in as.
    pub(crate) integration: Id,
}

/// Returns an org with records.
pub(crate) fn seed(seed: u64, records: Records, now: i64) -> Seeded {
    let mut rng = StdRng::seed_from_u64(seed);
    let org = Org::new(|_| rng.random_range(62_u64.pow(4)..62_u64.pow(5)));
    let loads = std::array::from_fn(|_| now - rng.random_range(3600..HISTORY_SECONDS));
    let mut gardener = Gardener {
        org,
        rng,
        now,
        loads,
        owners: Vec::new(),
        accounts: Vec::new(),
        contacts: 0,
        leads: Vec::new(),
        opportunities: 0,
        addresses: HashMap::new(),
    };
    let (admin, integration) = gardener.people();
    gardener.organization(admin);
    gardener.task_statuses(admin);
    (0..records.account).for_each(|number| gardener.account(number));
    (0..records.contact).for_each(|_| gardener.contact());
    (0..records.opportunity).for_each(|_| gardener.opportunity());
    (0..records.lead).for_each(|number| gardener.lead(number));
    (0..records.task).for_each(|_| gardener.task());
    Seeded { org: gardener.org, admin, integration }
}

/// How many of an account's people have a part in its deals.
const ROLES: usize = 3;

struct Account {
    id: Id,
    name: String,
    domain: String,
    /// The first few of its people.
    contacts: Vec<Id>,
    opportunity: Option<Id>,
}

struct Gardener {
    org: Org,
    rng: StdRng,
    now: i64,
    loads: [i64; BULK_LOADS],
    owners: Vec<Id>,
    accounts: Vec<Account>,
    /// How many there are; what is in them is asked of the org.
    contacts: u32,
    leads: Vec<Id>,
    opportunities: usize,
    /// How many people have an address, but for a number, by its hash.
    addresses: HashMap<u64, u32>,
}

fn text(text: impl Into<Box<str>>) -> Value {
    Value::Text(text.into())
}

impl Gardener {
    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())]
    }

    fn choice(&mut self, object: &str, field: &str) -> Value {
        let table = self.org.named(object);
        let index = table.object.index_of(field).unwrap_or_default();
        let field = table.object.field(index);
        debug_assert!(matches!(field.kind, Kind::Picklist));
        let place = self.rng.random_range(0..field.choices.len());
        Value::Text(field.choices[place].value.clone())
    }

    /// A last change within the history; a third of them share a moment.
    fn changed_at(&mut self) -> i64 {
        if self.chance(33) {
            return self.pick(&self.loads.clone());
        }
        self.now - self.rng.random_range(60..HISTORY_SECONDS)
    }

    fn plant(&mut self, object: &str, mut values: Vec<(&str, Value)>) -> Id {
        let changed_at = self.changed_at();
        // Many records are never changed again.
        let age = if self.chance(40) { 0 } else { self.rng.random_range(0..AGE_SECONDS) };
        let created_at = changed_at - age;
        let owner = self.owner();
        values.push(("CreatedDate", Value::Moment(created_at)));
        let writer = Writer::new(owner, changed_at);
        let object = self.org.find_object(object).unwrap_or_default();
        plant(&mut self.org, &writer, object, values)
    }

    fn owner(&mut self) -> Id {
        match self.owners.is_empty() {
            true => self.org.named("User").id_of(0),
            false => self.pick(&self.owners.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ID_FIELD;

    const NOW: i64 = 1_764_000_000;

    fn print(org: &Org) -> String {
        let mut out = Vec::new();
        for table in org.tables() {
            for slot in 0..table.slots() {
                for field in ID_FIELD..table.object.fields().len() {
                    table.cell(slot, field).write_json(&mut out);
                }
            }
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_org() {
        let [one, two, other] =
            [7, 7, 8].map(|number| print(&seed(number, Records::default(), NOW).org));
        assert_eq!(one, two);
        assert_ne!(one, other);
    }

    #[test]
    fn contacts_have_unique_addresses_at_reserved_domains() {
        let org = seed(1, Records::default(), NOW).org;
        let contacts = org.named("Contact");
        let mut seen = std::collections::HashSet::new();
        for slot in 0..contacts.slots() {
            if let Some(email) = contacts.named(slot, "Email").as_text() {
                assert!(email.ends_with(".example"), "{email}");
                assert!(seen.insert(email.to_owned()), "{email}");
            }
        }
        assert!(seen.len() > 150);
    }

    #[test]
    fn some_records_were_changed_in_the_same_second() {
        let org = seed(1, Records::default(), NOW).org;
        let contacts = org.named("Contact");
        let stamps: std::collections::HashSet<String> = (0..contacts.slots())
            .map(|slot| format!("{:?}", contacts.named(slot, "SystemModstamp")))
            .collect();
        assert!(stamps.len() < contacts.slots() as usize);
    }
}
