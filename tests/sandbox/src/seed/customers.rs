//! Whom the org sells to: accounts, their people, deals, leads and tasks.

use rand::RngExt;

use super::{Account, Gardener, Person, text, words};
use crate::ids::Id;
use crate::value::{Value, civil_utc};

/// Every so many leads one is converted.
const LEADS_PER_CONVERSION: u32 = 7;

impl Gardener {
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
        let known = self.addresses.entry(format!("{local}@{domain}")).or_default();
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
        values.extend(Value::text(email.clone()).map(|email| ("Email", email)));
        if let Some(place) = account {
            values.push(("AccountId", Value::Id(self.accounts[place].id)));
        }
        let number = self.contacts.len();
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
        if let Some(place) = account {
            self.accounts[place].contacts.push(id);
        }
        self.contacts.push(Person { id, first, last, email, account });
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
        let people: Vec<Id> = self.accounts[account].contacts.iter().take(3).copied().collect();
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
        let converts = number % LEADS_PER_CONVERSION == 3 && !self.contacts.is_empty();
        let (company, domain) = self.company(number + 100_000);
        let mut values = vec![
            ("Title", text(self.pick(&words::TITLES))),
            ("LeadSource", self.choice("Lead", "LeadSource")),
            ("Industry", self.choice("Lead", "Industry")),
            ("Rating", self.choice("Lead", "Rating")),
            ("OwnerId", Value::Id(owner)),
        ];
        if converts {
            let place = self.rng.random_range(0..self.contacts.len());
            let person = &self.contacts[place];
            let account = person.account.map(|account| &self.accounts[account]);
            values.extend([
                ("FirstName", text(person.first)),
                ("LastName", text(person.last)),
                ("Company", text(account.map_or(company, |account| account.name.clone()))),
                ("Status", text("Closed - Converted")),
                ("IsConverted", Value::Bool(true)),
                ("ConvertedContactId", Value::Id(person.id)),
                ("ConvertedDate", Value::Date(civil_utc(self.now - 86_400 * 30).date())),
            ]);
            values.extend(account.map(|account| ("ConvertedAccountId", Value::Id(account.id))));
            values.extend(Value::text(person.email.clone()).map(|email| ("Email", email)));
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
        } else if !self.contacts.is_empty() {
            let place = self.rng.random_range(0..self.contacts.len());
            values.push(("WhoId", Value::Id(self.contacts[place].id)));
            let account = self.contacts[place].account;
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
