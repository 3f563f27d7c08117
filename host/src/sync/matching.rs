//! Matches a meeting to records: people by e-mail address, then the account, then
//! the opportunity. Every match says why; what is not certain is not matched.

use std::collections::{BTreeMap, HashSet};

use crate::model::{Entity, Match, Meeting, Object, SalesforceId};
use crate::store::{OrgStore, Result};

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

/// What a meeting was matched to.
#[derive(Debug, Clone, Default)]
pub(super) struct Matching {
    /// The matched records: people first, in the order of the participants.
    pub(super) matches: Vec<Match>,
    /// Addresses of participants who are nobody that we know.
    pub(super) unknown: Vec<String>,
}

impl Matching {
    /// Returns the matches of one object.
    pub(super) fn of(&self, object: Object) -> impl Iterator<Item = &Match> {
        self.matches.iter().filter(move |found| found.object == object)
    }
}

/// Matches a meeting to the entities of the store.
///
/// `own_domains` are those of our own people, who are no contacts.
pub(super) fn find(
    store: &OrgStore,
    meeting: &Meeting,
    own_domains: &[String],
) -> Result<Matching> {
    let emails = guests(meeting, own_domains);
    let people = store.people_by_email(&emails)?;
    let before = store.matches(&meeting.id)?;
    let mut matching = Matching::default();
    let mut accounts: Vec<SalesforceId> = Vec::new();
    for email in emails {
        let found = match person(store, &people, &email)? {
            None => matched_before(store, &before, &email)?,
            found => found,
        };
        let Some((entity, reason)) = found else {
            matching.unknown.push(email);
            continue;
        };
        // One person may have come under two addresses.
        if matching.matches.iter().any(|other| other.record_id == entity.id) {
            continue;
        }
        accounts.extend(entity.text("account_id").and_then(|id| id.parse().ok()));
        matching.matches.push(Match {
            object: entity.object,
            record_id: entity.id,
            email: Some(email),
            reason,
        });
    }
    let domains = matching.matches.iter().filter_map(|found| found.email.as_deref());
    let domains: Vec<_> = domains.chain(matching.unknown.iter().map(String::as_str)).collect();
    // Where people of several companies met, no domain tells which it was about.
    let account = match accounts.is_empty() {
        true => by_domain(store, &domains)?,
        false => by_people(&accounts),
    };
    if let Some((id, reason)) = account {
        let deal = deal(store, &id, meeting)?;
        let account = Match { object: Object::Account, record_id: id, email: None, reason };
        matching.matches.push(account);
        matching.matches.extend(deal);
    }
    Ok(matching)
}

/// Returns the addresses of the participants who are not our own people, each
/// once, in lower case.
fn guests(meeting: &Meeting, own_domains: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    let everyone = meeting.organizer.iter().chain(&meeting.participants);
    everyone
        .filter_map(|participant| participant.email.as_deref())
        .map(|email| email.trim().to_lowercase())
        .filter(|email| !own_domains.iter().any(|own| own.eq_ignore_ascii_case(domain(email))))
        .filter(|email| seen.insert(email.clone()))
        .collect()
}

/// Returns the contact with this address, else the lead that is not converted,
/// else the contact that a lead was converted to.
fn person(store: &OrgStore, people: &[Entity], email: &str) -> Result<Option<(Entity, String)>> {
    let has_it = |entity: &&Entity| {
        entity.text("email").is_some_and(|text| text.trim().eq_ignore_ascii_case(email))
    };
    let newest = |object| {
        let those = people.iter().filter(|entity| entity.object == object).filter(has_it);
        let those = those.filter(|entity| !entity.is("converted"));
        let count = those.clone().count();
        let newest = those.max_by_key(|entity| (entity.modified_at, &entity.id));
        newest.map(|entity| (entity.clone(), reason(object, email, count)))
    };
    if let Some(found) = newest(Object::Contact).or_else(|| newest(Object::Lead)) {
        return Ok(Some(found));
    }
    let converted = people.iter().filter(has_it).find(|entity| entity.is("converted"));
    let contact = converted.and_then(|lead| lead.text("converted_contact_id")?.parse().ok());
    let Some(id) = contact else { return Ok(None) };
    let contact = store.entity(Object::Contact, &id)?;
    Ok(contact.map(|entity| {
        (entity, format!("the lead with the address {email} was converted to this contact"))
    }))
}

/// Returns the record that an address led to before: it may have got another address since,
/// as one does that was merged into another.
fn matched_before(
    store: &OrgStore,
    before: &[Match],
    email: &str,
) -> Result<Option<(Entity, String)>> {
    let found = before.iter().find(|found| found.email.as_deref() == Some(email));
    let Some(found) = found else { return Ok(None) };
    let entity = store.entity(found.object, &found.record_id)?;
    Ok(entity.map(|entity| (entity, found.reason.clone())))
}

fn reason(object: Object, email: &str, count: usize) -> String {
    let word = object.file_name();
    if count == 1 {
        return format!("the {word} with the address {email}");
    }
    format!("of {count} {word}s with the address {email}, the one changed last")
}

/// Returns the account that most matched people belong to, if one stands out.
fn by_people(accounts: &[SalesforceId]) -> Option<(SalesforceId, String)> {
    let mut counts: BTreeMap<&SalesforceId, usize> = BTreeMap::new();
    for account in accounts {
        *counts.entry(account).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    let mut first = accounts.iter().filter(|account| counts[account] == most);
    let account = first.next()?;
    if first.any(|other| other != account) {
        return None;
    }
    Some((account.clone(), format!("{most} of the matched people belong to it")))
}

/// Returns the account whose web site has a participant's domain, if there is
/// exactly one among all of them.
fn by_domain(store: &OrgStore, emails: &[&str]) -> Result<Option<(SalesforceId, String)>> {
    let mut tried = HashSet::new();
    let mut found = Vec::new();
    for email in emails {
        let domain = domain(email);
        if domain.is_empty() || is_free_mail(domain) || !tried.insert(domain) {
            continue;
        }
        let reason = format!("its web site is at {domain}, where a participant has an address");
        let companies = store.companies_by_domain(domain)?.into_iter();
        found.extend(companies.map(|company| (company.id, reason.clone())));
    }
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// Returns the open opportunity of an account that the meeting is about: the only
/// one, else the only one of the organizer's, else the one to close first after
/// the meeting.
fn deal(store: &OrgStore, account: &SalesforceId, meeting: &Meeting) -> Result<Option<Match>> {
    let deals = store.deals_of(account)?;
    let open: Vec<&Entity> = deals.iter().filter(|deal| !deal.is("closed")).collect();
    let host = meeting.organizer.as_ref().and_then(|organizer| organizer.email.as_deref());
    let hosted = |deal: &&&Entity| {
        host.is_some_and(|host| {
            deal.text("owner_email").is_some_and(|owner| owner.eq_ignore_ascii_case(host))
        })
    };
    let owned: Vec<_> = open.iter().filter(hosted).copied().collect();
    let (deal, reason) = match (open.as_slice(), owned.as_slice()) {
        ([only], _) => (Some(*only), "the only open opportunity of the account"),
        (_, [only]) => (Some(*only), "the only open opportunity that the organizer owns"),
        (open, []) => (next_to_close(open, meeting), "the open opportunity to close next"),
        (_, owned) => {
            (next_to_close(owned, meeting), "of those the organizer owns, the one to close next")
        }
    };
    Ok(deal.map(|deal| Match {
        object: Object::Opportunity,
        record_id: deal.id.clone(),
        email: None,
        reason: reason.to_owned(),
    }))
}

/// Returns the deal with the earliest close date on or after the meeting; none, if
/// two share it.
fn next_to_close<'a>(deals: &[&'a Entity], meeting: &Meeting) -> Option<&'a Entity> {
    let day = meeting.started_at.to_string();
    let day = day.get(..10)?;
    let close_on = |deal: &Entity| deal.text("close_on").map(str::to_owned);
    let coming = deals.iter().filter(|deal| close_on(deal).is_some_and(|on| on.as_str() >= day));
    let next = coming.clone().filter_map(|deal| close_on(deal)).min()?;
    let mut those = coming.filter(|deal| close_on(deal).as_ref() == Some(&next));
    let deal = those.next()?;
    if those.next().is_some() { None } else { Some(deal) }
}

/// Tells whether anyone may have an address at a domain.
pub fn is_free_mail(domain: &str) -> bool {
    FREE_MAIL.contains(&domain)
}

fn domain(email: &str) -> &str {
    email.rsplit_once('@').map_or("", |(_, domain)| domain)
}
