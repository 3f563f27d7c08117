//! Whom the org sells to: accounts, their people, deals, leads and tasks.

use std::hash::{DefaultHasher, Hash, Hasher};

use rand::RngExt;

use super::{Account, Gardener, ROLES, text, words};
use crate::ids::Id;
use crate::org::Slot;
use crate::value::{Value, civil_utc};

/// Every so many leads one is converted.
const LEADS_PER_CONVERSION: u32 = 7;

impl Gardener {
    /// Returns the name and the domain of a company; no other has this number.
    fn company(&mut self, number: u32) -> (String, String) {
        let first = self.pick(&words::COMPANY_NAMES);
        let kind = self.pick(&words::COMPANY_KINDS);
        let form = self.pick(&words::COMPANY_FORMS);
        let domain = format!("{first}-{kind}-{number}.example").to_lowercase();
        (format!("{first} {kind}{form}"), domain)
    }

    pub(super) fn account(&mut self, number: u32) {
        let (name, domain) = self.company(number);
        let (city, country) = self.pick(&words::CITIES);
        let staff = self.rng.random_range(5..20_000);
        let owner = self.owner();
        let mut values = vec![
            ("Name", text(name.clone())),
            ("Website", text(format!("https://www.{domain}"))),
            ("BillingCity", text(city)),
            ("BillingCountry", text(country)),
            ("BillingStreet", text(format!("{} Main Street", number % 200 + 1))),
            ("Phone", text(format!("+1 555 01{:02}", number % 100))),
            ("NumberOfEmployees", Value::Int(staff)),
            ("AnnualRevenue", Value::Number((staff * 120_000) as f64)),
            ("Industry", self.choice("Account", "Industry")),
            ("Type", self.choice("Account", "Type")),
            ("Tier__c", self.choice("Account", "Tier__c")),
            ("OwnerId", Value::Id(owner)),
        ];
        if self.chance(15) {
            values.push(("Description", text(self.pick(&words::NOTES))));
        }
        let id = self.plant("Account", values);
        self.accounts.push(Account { id, name, domain, contacts: Vec::new(), opportunity: None });
    }

    fn any_account(&mut self) -> Option<usize> {
        let count = self.accounts.len();
        (count > 0).then(|| self.rng.random_range(0..count))
    }

    /// Returns a name and an address nobody else has.
    fn person(&mut self, domain: &str) -> (&'static str, &'static str, String) {
        let (first, first_plain) = self.pick(&words::FIRST_NAMES);
        let (last, last_plain) = self.pick(&words::LAST_NAMES);
        let local = format!("{first_plain}.{last_plain}");
        let mut hasher = DefaultHasher::new();
        (&local, domain).hash(&mut hasher);
        let known = self.addresses.entry(hasher.finish()).or_default();
        *known += 1;
        let email = match *known {
            1 => format!("{local}@{domain}"),
            several => format!("{local}{several}@{domain}"),
        };
        (first, last, email)
    }

    pub(super) fn contact(&mut self) {
        let account = self.any_account().filter(|_| self.rng.random_range(0..100) < 95);
        let domain = account
            .map_or("freemail.example".to_owned(), |place| self.accounts[place].domain.clone());
        let (first, last, email) = self.person(&domain);
        let owner = self.owner();
        let mut values = vec![
            ("FirstName", text(first)),
            ("LastName", text(last)),
            ("Title", text(self.pick(&words::TITLES))),
            ("Department", text(self.pick(&words::DEPARTMENTS))),
            ("LeadSource", self.choice("Contact", "LeadSource")),
            ("Region__c", self.choice("Contact", "Region__c")),
            ("OwnerId", Value::Id(owner)),
        ];
        // A few have none, as in every org.
        let email = if self.chance(97) { email } else { String::new() };
        values.extend(Value::text(email).map(|email| ("Email", email)));
        if let Some(place) = account {
            values.push(("AccountId", Value::Id(self.accounts[place].id)));
        }
        let number = self.contacts;
        if self.chance(60) {
            values.push(("Phone", text(format!("+1 555 01{:02}", number % 100))));
            values.push(("MailingCity", text(self.pick(&words::CITIES).0)));
        }
        if self.chance(30) {
            values.push(("External_Id__c", text(format!("CRM-{number:06}"))));
        }
        if self.chance(20) {
            values.push(("Description", text(self.pick(&words::NOTES))));
        }
        let id = self.plant("Contact", values);
        if let Some(place) = account
            && self.accounts[place].contacts.len() < ROLES
        {
            self.accounts[place].contacts.push(id);
        }
        self.contacts += 1;
    }

    /// Returns any contact with the place of its account.
    fn any_contact(&mut self) -> Option<(Slot, Option<usize>)> {
        let slot = (self.contacts > 0).then(|| self.rng.random_range(0..self.contacts))?;
        let account = self.org.named("Contact").named(slot, "AccountId").as_id();
        let accounts = self.org.named("Account");
        Some((slot, account.and_then(|id| accounts.slot_of(id)).map(|slot| slot as usize)))
    }

    pub(super) fn opportunity(&mut self) {
        let account = self.any_account();
        let company =
            account.map_or("Walk-in".to_owned(), |place| self.accounts[place].name.clone());
        let name: String =
            format!("{company} – {}", self.pick(&words::DEALS)).chars().take(120).collect();
        let close = self.now + self.rng.random_range(-120..120) * 86_400;
        let number = self.opportunities;
        let stages = self.org.named("Opportunity").object.index_of("StageName");
        let stages =
            &self.org.named("Opportunity").object.field(stages.unwrap_or_default()).choices;
        let stage = stages[number % stages.len()].value.clone();
        let owner = self.owner();
        let mut values = vec![
            ("Name", text(name)),
            ("StageName", Value::Text(stage)),
            ("CloseDate", Value::Date(civil_utc(close).date())),
            ("Type", self.choice("Opportunity", "Type")),
            ("Renewal__c", Value::Bool(self.rng.random_range(0..4) == 0)),
            ("OwnerId", Value::Id(owner)),
        ];
        if self.chance(85) {
            let amount = self.rng.random_range(10..4000) * 250;
            values.push(("Amount", Value::Number(f64::from(amount))));
        }
        if let Some(place) = account {
            values.push(("AccountId", Value::Id(self.accounts[place].id)));
        }
        if self.chance(40) {
            values.push(("NextStep", text(self.pick(&words::SUBJECTS))));
        }
        let id = self.plant("Opportunity", values);
        self.opportunities += 1;
        if let Some(place) = account {
            self.accounts[place].opportunity = Some(id);
            self.roles(id, place);
        }
    }

    /// Up to three of the account's people have a part in the deal.
    fn roles(&mut self, opportunity: Id, account: usize) {
        let people = self.accounts[account].contacts.clone();
        for (place, contact) in people.into_iter().enumerate() {
            let role = self.choice("OpportunityContactRole", "Role");
            self.plant(
                "OpportunityContactRole",
                vec![
                    ("OpportunityId", Value::Id(opportunity)),
                    ("ContactId", Value::Id(contact)),
                    ("Role", role),
                    ("IsPrimary", Value::Bool(place == 0)),
                ],
            );
        }
    }

    pub(super) fn lead(&mut self, number: u32) {
        let owner = self.owner();
        let converts = number % LEADS_PER_CONVERSION == 3;
        let (company, domain) = self.company(number + 100_000);
        let mut values = vec![
            ("Title", text(self.pick(&words::TITLES))),
            ("LeadSource", self.choice("Lead", "LeadSource")),
            ("Industry", self.choice("Lead", "Industry")),
            ("Rating", self.choice("Lead", "Rating")),
            ("OwnerId", Value::Id(owner)),
        ];
        if let Some((person, account)) = converts.then(|| self.any_contact()).flatten() {
            let account = account.map(|account| &self.accounts[account]);
            let people = self.org.named("Contact");
            let held = |field| Some((field, people.named(person, field).to_value()?));
            values.extend(["FirstName", "LastName", "Email"].into_iter().filter_map(held));
            values.extend([
                ("Company", text(account.map_or(company, |account| account.name.clone()))),
                ("Status", text("Closed - Converted")),
                ("IsConverted", Value::Bool(true)),
                ("ConvertedContactId", Value::Id(people.id_of(person))),
                ("ConvertedDate", Value::Date(civil_utc(self.now - 86_400 * 30).date())),
            ]);
            values.extend(account.map(|account| ("ConvertedAccountId", Value::Id(account.id))));
            self.plant("Lead", values);
            return;
        }
        let (first, last, email) = self.person(&domain);
        let status =
            self.pick(&["Open - Not Contacted", "Working - Contacted", "Closed - Not Converted"]);
        values.extend([
            ("FirstName", text(first)),
            ("LastName", text(last)),
            ("Company", text(company)),
            ("Email", text(email)),
            ("Website", text(format!("https://{domain}"))),
            ("Status", text(status)),
        ]);
        if self.chance(20) {
            values.push(("Description", text(self.pick(&words::NOTES))));
        }
        let id = self.plant("Lead", values);
        self.leads.push(id);
    }

    pub(super) fn task(&mut self) {
        let owner = self.owner();
        let due = self.now + self.rng.random_range(-60..30) * 86_400;
        let mut values = vec![
            ("Subject", text(self.pick(&words::SUBJECTS))),
            ("Status", self.choice("Task", "Status")),
            ("Priority", self.choice("Task", "Priority")),
            ("ActivityDate", Value::Date(civil_utc(due).date())),
            ("OwnerId", Value::Id(owner)),
        ];
        if self.chance(20) && !self.leads.is_empty() {
            values.push(("WhoId", Value::Id(self.pick(&self.leads.clone()))));
        } else if let Some((person, account)) = self.any_contact() {
            values.push(("WhoId", Value::Id(self.org.named("Contact").id_of(person))));
            let what = account.map(|place| {
                let account = &self.accounts[place];
                account.opportunity.unwrap_or(account.id)
            });
            values.extend(what.map(|what| ("WhatId", Value::Id(what))));
        }
        if self.chance(40) {
            values.push(("Description", text(self.pick(&words::NOTES))));
        }
        if self.chance(25) {
            values.push(("TaskSubtype", text("Call")));
            values.push(("CallDurationInSeconds", Value::Int(self.rng.random_range(60..3600))));
            values.push(("CallType", self.choice("Task", "CallType")));
        }
        self.plant("Task", values);
    }
}
