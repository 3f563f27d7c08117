//! Matches a meeting to records: people by e-mail address, then the account, then the
//! opportunity, each by rules in order. Every rule says what it found; where several records
//! fit, a person chooses, and what a person chose holds for ever.

mod opportunity;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::rules::{AccountRule, PeopleRule, Ties};
use super::{Rules, Settings};
use crate::model::{
    Candidate, Choice, Entity, Match, Meeting, Object, Question, Review, SalesforceId, Verdict,
};
use crate::store::{Fate, OrgStore, Result};

/// Domains that anyone may have an address at: they tell nothing of a company.
const FREE_MAIL: [&str; 20] = [
    "aol.com",
    "fastmail.com",
    "gmail.com",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mac.com",
    "mail.com",
    "me.com",
    "msn.com",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "web.de",
    "yahoo.com",
    "yandex.com",
];

/// Where the rooms and shared calendars have their addresses that are invited as people are.
const CALENDARS: [&str; 2] = ["group.calendar.google.com", "resource.calendar.google.com"];

/// What a meeting was matched to.
#[derive(Debug, Clone, Default)]
pub struct Matching {
    /// The matched records: people first, in the order of the participants.
    pub matches: Vec<Match>,
    /// Addresses of participants who are nobody that we know.
    pub unknown: Vec<String>,
    /// What a person has to choose.
    pub reviews: Vec<Review>,
    /// What each rule said.
    pub verdicts: Vec<Verdict>,
    /// Guests whose roles tell one of several opportunities from the others.
    pub role_holders: Vec<SalesforceId>,
}

impl Matching {
    /// Returns the matches of one object.
    pub(super) fn of(&self, object: Object) -> impl Iterator<Item = &Match> {
        self.matches.iter().filter(move |found| found.object == object)
    }

    /// Returns the question that waits for a person before it is known which record of an
    /// object the meeting is about.
    pub(super) fn waits_for(&self, object: Object) -> Option<&Question> {
        let mut questions = self.reviews.iter().map(|review| &review.question);
        let is_of_account = matches!(object, Object::Account | Object::Opportunity);
        // Whom the account is told by may have to be chosen first.
        let is_open = is_of_account && self.of(Object::Account).next().is_none();
        questions.find(|question| match question {
            Question::Person(_) => question.objects().contains(&object) || is_open,
            Question::Account => is_of_account,
            Question::Opportunity => object == Object::Opportunity,
        })
    }
}

/// Matches a meeting to the entities of the store.
pub fn find(store: &OrgStore, meeting: &Meeting, settings: &Settings) -> Result<Matching> {
    let emails = guests(meeting, &settings.own_domains);
    let mut matcher = Matcher {
        store,
        meeting,
        rules: &settings.matching,
        choices: store.choices(&meeting.id, &emails)?,
        before: store.matches(&meeting.id)?,
        found: Matching::default(),
    };
    let people = store.people_by_email(&emails)?;
    let mut accounts: Vec<SalesforceId> = Vec::new();
    for email in &emails {
        let Some(entity) = matcher.person(&people, email)? else { continue };
        accounts.extend(account_of(&entity));
    }
    let open = matcher.open_votes(&mut accounts)?;
    let account = matcher.account(&accounts, open)?;
    matcher.opportunity(account.as_ref())?;
    Ok(matcher.found)
}

/// Tells whether anyone may have an address at a domain.
pub fn is_free_mail(domain: &str) -> bool {
    FREE_MAIL.contains(&domain)
}

struct Matcher<'a> {
    store: &'a OrgStore,
    meeting: &'a Meeting,
    rules: &'a Rules,
    choices: HashMap<Question, Choice>,
    /// What the meeting was matched to before.
    before: Vec<Match>,
    found: Matching,
}

/// What a person's word leaves to the rules.
enum Chosen {
    /// This record is the one.
    Record(Box<Entity>),
    /// None is.
    Nobody,
    /// All: nobody chose, or what was chosen is gone.
    Open,
}

impl Matcher<'_> {
    /// Finds who has an address; none, where that is nobody that we know, or not certain.
    fn person(&mut self, people: &[Entity], email: &str) -> Result<Option<Entity>> {
        let question = Question::Person(email.to_owned());
        match self.chosen(&question)? {
            Chosen::Record(entity) => return Ok(self.take_person(*entity, email, BY_HAND)),
            Chosen::Nobody => return Ok(None),
            Chosen::Open => {}
        }
        let has_it = |entity: &&Entity| {
            entity.text("email").is_some_and(|text| text.trim().to_lowercase() == email)
        };
        for rule in &self.rules.people {
            let (name, object) = match rule {
                PeopleRule::Contact => ("contact", Object::Contact),
                PeopleRule::Lead => ("lead", Object::Lead),
                PeopleRule::ConvertedLead => {
                    let leads = people.iter().filter(has_it);
                    let mut several = self.converted(leads)?;
                    let name = "converted-lead";
                    if several.len() > 1 {
                        return Ok(self.tie(question, name, several, email));
                    }
                    let Some(contact) = several.pop() else {
                        self.say(&question, name, "no lead with the address was converted");
                        continue;
                    };
                    let why =
                        format!("the lead with the address {email} was converted to this contact");
                    self.say(&question, name, &why);
                    return Ok(self.take_person(contact, email, &why));
                }
            };
            let those = people.iter().filter(|entity| entity.object == object).filter(has_it);
            let those: Vec<&Entity> = those.filter(|entity| !entity.is("converted")).collect();
            match those.as_slice() {
                [] => self.say(&question, name, &format!("no {name} has the address")),
                [only] => {
                    let why = format!("the {name} with the address {email}");
                    self.say(&question, name, &why);
                    return Ok(self.take_person((*only).clone(), email, &why));
                }
                several => {
                    let several: Vec<Entity> = several.iter().copied().cloned().collect();
                    return Ok(self.tie(question, name, several, email));
                }
            }
        }
        // The record may have got another address since, as one does that was merged.
        let before = self.matched_before(email).cloned();
        let entity = before.as_ref().map(|one| self.store.entity(one.object, &one.record_id));
        let (Some(before), Some(entity)) = (before, entity.transpose()?.flatten()) else {
            self.say(&question, "before", "nobody that we know has the address");
            self.found.unknown.push(email.to_owned());
            return Ok(None);
        };
        self.say(&question, "before", "the address led to this record before");
        Ok(self.take_person(entity, email, &before.reason))
    }

    /// Returns the contacts that leads were converted to, as they are now, each once.
    fn converted<'e>(&self, leads: impl Iterator<Item = &'e Entity>) -> Result<Vec<Entity>> {
        let mut contacts: Vec<Entity> = Vec::new();
        for lead in leads.filter(|entity| entity.is("converted")) {
            let Some(id) = lead.text("converted_contact_id").and_then(|id| id.parse().ok()) else {
                continue;
            };
            let heirs = self.store.became(Object::Contact, &id)?;
            let heir = heirs.into_iter().find(|(object, _)| *object == Object::Contact);
            let id = heir.map_or(id, |(_, id)| id);
            let contact = self.store.entity(Object::Contact, &id)?;
            contacts.extend(contact.filter(|_| contacts.iter().all(|known| known.id != id)));
        }
        Ok(contacts)
    }

    /// Decides between people with one address.
    fn tie(
        &mut self,
        question: Question,
        rule: &'static str,
        several: Vec<Entity>,
        email: &str,
    ) -> Option<Entity> {
        let count = several.len();
        let before = self.matched_before(email).cloned();
        let is_before = |entity: &&Entity| {
            let before = before.as_ref().map(|before| (before.object, &before.record_id));
            before == Some((entity.object, &entity.id))
        };
        // What it led to before it still does, lest a meeting's record changes with each edit.
        let taken = several.iter().find(is_before).zip(before.as_ref());
        let taken = taken.map(|(entity, before)| (entity, before.reason.clone()));
        let newest = several.iter().max_by_key(|entity| (entity.modified_at, &entity.id));
        let newest = newest.filter(|_| self.rules.ties == Ties::Newest).map(|entity| {
            (entity, format!("of {count} {rule}s with the address {email}, the one changed last"))
        });
        match taken.or(newest) {
            Some((entity, why)) => {
                let entity = entity.clone();
                self.say(&question, rule, &why);
                self.take_person(entity, email, &why)
            }
            None => {
                let candidates = several.iter().map(|entity| {
                    let (about, at) = (about(entity), entity.modified_at);
                    let why = format!("it has the address{about}, and was changed at {at}");
                    candidate(entity, why)
                });
                self.ask(question, rule, candidates.collect());
                None
            }
        }
    }

    fn matched_before(&self, email: &str) -> Option<&Match> {
        self.before.iter().find(|found| found.email.as_deref() == Some(email))
    }

    /// Takes a person in, once: one may have come under two addresses.
    fn take_person(&mut self, entity: Entity, email: &str, why: &str) -> Option<Entity> {
        if self.found.matches.iter().any(|other| other.record_id == entity.id) {
            return None;
        }
        self.found.matches.push(Match {
            object: entity.object,
            record_id: entity.id.clone(),
            email: Some(email.to_owned()),
            reason: why.to_owned(),
        });
        Some(entity)
    }

    /// Returns how many people wait to be chosen whose account depends on that; adds the accounts
    /// of those who are of one account whoever they are.
    fn open_votes(&self, accounts: &mut Vec<SalesforceId>) -> Result<usize> {
        let mut open = 0;
        for review in &self.found.reviews {
            let mut theirs = HashSet::new();
            for one in &review.candidates {
                let entity = self.store.entity(one.object, &one.record_id)?;
                theirs.insert(entity.as_ref().and_then(account_of));
            }
            let is_certain = !theirs.contains(&None);
            match theirs.into_iter().flatten().collect::<Vec<_>>().as_slice() {
                [account] if is_certain => accounts.push(account.clone()),
                [] | [_] => {}
                _ => open += 1,
            }
        }
        Ok(open)
    }

    /// Finds the account that the meeting is about. `open` more people may belong to any.
    fn account(&mut self, of_people: &[SalesforceId], open: usize) -> Result<Option<SalesforceId>> {
        let question = Question::Account;
        match self.chosen(&question)? {
            Chosen::Record(entity) => {
                return Ok(Some(self.take(entity.object, entity.id, BY_HAND)));
            }
            Chosen::Nobody => return Ok(None),
            Chosen::Open => {}
        }
        for rule in &self.rules.account {
            let (name, none, found) = match rule {
                AccountRule::People if open > 0 && lead_of(of_people) <= open => {
                    self.say(&question, "people", "it has to be chosen first who was there");
                    return Ok(None);
                }
                AccountRule::People => {
                    ("people", "nobody who was matched belongs to one", by_people(of_people))
                }
                AccountRule::Domain => {
                    let none = "no account's web site is at a participant's domain";
                    ("domain", none, self.by_domain()?)
                }
            };
            match found.as_slice() {
                [] => self.say(&question, name, none),
                [(id, why)] => {
                    self.say(&question, name, why);
                    return Ok(Some(self.take(Object::Account, id.clone(), why)));
                }
                several => {
                    let mut candidates = Vec::new();
                    for (id, why) in several {
                        let entity = self.store.entity(Object::Account, id)?;
                        candidates.extend(entity.map(|entity| candidate(&entity, why.clone())));
                    }
                    if candidates.is_empty() {
                        self.say(&question, name, "several fit, and none of them was imported");
                    } else {
                        self.ask(question, name, candidates);
                    }
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    /// Returns the accounts whose web sites are at the domains of participants.
    fn by_domain(&self) -> Result<Vec<(SalesforceId, String)>> {
        let matched = self.found.matches.iter().filter_map(|found| found.email.as_deref());
        let emails = matched.chain(self.found.unknown.iter().map(String::as_str));
        let mut tried = HashSet::new();
        let mut found = Vec::new();
        for email in emails {
            let domain = domain(email);
            let more = &self.rules.free_mail;
            let is_free =
                is_free_mail(domain) || more.iter().any(|free| free.eq_ignore_ascii_case(domain));
            if domain.is_empty() || is_free || !tried.insert(domain) {
                continue;
            }
            let why = format!("its web site is at {domain}, where a participant has an address");
            let companies = self.store.companies_by_domain(domain)?.into_iter();
            found.extend(companies.map(|company| (company.id, why.clone())));
        }
        Ok(found)
    }

    /// Returns what a person chose, as it is now: a record that was merged or converted is
    /// what it became.
    fn chosen(&mut self, question: &Question) -> Result<Chosen> {
        let (object, id) = match self.choices.get(question) {
            None => return Ok(Chosen::Open),
            Some(Choice::Nobody) => {
                self.say(question, "choice", "a person chose that it is none of the records");
                return Ok(Chosen::Nobody);
            }
            Some(Choice::Record(object, id)) => (*object, id.clone()),
        };
        let mut heirs = self.store.became(object, &id)?;
        heirs.retain(|(object, _)| question.objects().contains(object));
        for (object, id) in heirs.iter().chain([&(object, id.clone())]) {
            let entity = self.store.entity(*object, id)?;
            if let Some(entity) = entity.filter(|entity| !entity.is("converted")) {
                self.say(question, "choice", BY_HAND);
                return Ok(Chosen::Record(Box::new(entity)));
            }
        }
        let fate = self.store.source_state(object, &id)?.map(|state| state.fate);
        if matches!(fate, Some(Fate::Hidden | Fate::Unselected)) {
            let said = "the record that a person chose is not visible, or not selected, any more";
            self.say(question, "choice", said);
            return Ok(Chosen::Nobody);
        }
        self.say(question, "choice", "the record that a person chose is not there any more");
        Ok(Chosen::Open)
    }

    fn take(&mut self, object: Object, id: SalesforceId, why: &str) -> SalesforceId {
        let (record_id, reason) = (id.clone(), why.to_owned());
        self.found.matches.push(Match { object, record_id, email: None, reason });
        id
    }

    fn ask(&mut self, question: Question, rule: &'static str, candidates: Vec<Candidate>) {
        let said = format!("{} records fit: a person has to choose", candidates.len());
        self.say(&question, rule, &said);
        self.found.reviews.push(Review { question, candidates });
    }

    fn say(&mut self, question: &Question, rule: &'static str, said: &str) {
        let (question, said) = (question.clone(), said.to_owned());
        self.found.verdicts.push(Verdict { question, rule, said });
    }
}

const BY_HAND: &str = "a person chose it";

/// Returns what tells a person from others of one name, as a part of a sentence.
fn about(person: &Entity) -> String {
    let known = ["title", "company"].into_iter().filter_map(|column| person.text(column));
    known.filter(|text| !text.trim().is_empty()).map(|text| format!(", {}", text.trim())).collect()
}

fn candidate(entity: &Entity, reason: String) -> Candidate {
    Candidate {
        object: entity.object,
        record_id: entity.id.clone(),
        name: entity.text("name").unwrap_or_default().to_owned(),
        reason,
    }
}

/// Returns the addresses of the participants who are people, and not our own, each
/// once, in lower case.
fn guests(meeting: &Meeting, own_domains: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    let everyone = meeting.organizer.iter().chain(&meeting.participants);
    everyone
        .filter_map(|participant| participant.email.as_deref())
        .map(|email| email.trim().to_lowercase())
        .filter(|email| !own_domains.iter().any(|own| is_within(domain(email), own)))
        .filter(|email| !CALENDARS.contains(&domain(email)))
        .filter(|email| seen.insert(email.clone()))
        .collect()
}

/// Tells whether a domain is another, or below it.
fn is_within(domain: &str, other: &str) -> bool {
    let start = domain.len().checked_sub(other.len());
    let above = start.and_then(|start| domain.split_at_checked(start));
    above.is_some_and(|(below, same)| {
        same.eq_ignore_ascii_case(other) && (below.is_empty() || below.ends_with('.'))
    })
}

fn account_of(person: &Entity) -> Option<SalesforceId> {
    person.text("account_id").and_then(|id| id.parse().ok())
}

fn counted(accounts: &[SalesforceId]) -> BTreeMap<&SalesforceId, usize> {
    let mut counts: BTreeMap<&SalesforceId, usize> = BTreeMap::new();
    for account in accounts {
        *counts.entry(account).or_default() += 1;
    }
    counts
}

/// Returns how many more people belong to the account of most than to any other.
fn lead_of(accounts: &[SalesforceId]) -> usize {
    let mut counts: Vec<usize> = counted(accounts).into_values().collect();
    counts.sort_unstable();
    let most = counts.pop().unwrap_or_default();
    most - counts.pop().unwrap_or_default()
}

/// Returns the accounts that most matched people belong to.
fn by_people(accounts: &[SalesforceId]) -> Vec<(SalesforceId, String)> {
    let counts = counted(accounts);
    let most = counts.values().copied().max().unwrap_or_default();
    let those = counts.into_iter().filter(|(_, count)| *count == most);
    those
        .map(|(id, _)| (id.clone(), format!("{most} of the matched people belong to it")))
        .collect()
}

fn domain(email: &str) -> &str {
    email.rsplit_once('@').map_or("", |(_, domain)| domain)
}
