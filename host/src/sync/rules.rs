//! Rules: in which order a meeting is matched, and what decides where several records fit.

use serde::{Deserialize, Serialize};

use super::domain;
use crate::model::Object;

/// How meetings are matched to records; `[orgs.ORG.matching]` in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Among which records a participant is looked for, the first that has someone.
    pub people: Vec<PeopleRule>,
    /// By what the account is found, the first that finds any.
    pub account: Vec<AccountRule>,
    /// By what the opportunity is told from the account's others, one after the other, until
    /// one is left.
    pub opportunity: Vec<OpportunityRule>,
    /// What is done where several people have one address.
    pub ties: Ties,
    /// Domains, besides those that are known, that tell nothing of a company.
    #[serde(deserialize_with = "domain::told")]
    pub free_mail: Vec<String>,
    /// What a participant becomes who is nobody that we or Salesforce know; nothing, unless
    /// someone wants that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create: Option<Newcomer>,
}

/// What becomes of a participant who is nobody that we or Salesforce know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Newcomer {
    /// A lead.
    Lead,
    /// A contact of the account that the meeting is about.
    Contact,
}

impl Newcomer {
    /// Returns the object of which a record is made.
    pub fn object(self) -> Object {
        match self {
            Self::Lead => Object::Lead,
            Self::Contact => Object::Contact,
        }
    }
}

/// Among which records a participant is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeopleRule {
    /// Contacts with the address.
    Contact,
    /// Leads with the address that are not converted.
    Lead,
    /// Contacts that a lead with the address was converted to.
    ConvertedLead,
}

/// By what the account is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountRule {
    /// The account that most of the matched people belong to.
    People,
    /// The account whose web site is at a participant's domain.
    Domain,
}

/// By what an opportunity is told from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpportunityRule {
    /// Those with a guest among their contacts, if there are any.
    Contact,
    /// Those that the organizer owns, if there are any.
    Organizer,
    /// The one to close first, on the day of the meeting or after it.
    CloseDate,
}

/// What is done where several people have one address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ties {
    /// A person chooses.
    #[default]
    Review,
    /// The one that was changed last is taken.
    Newest,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            people: vec![PeopleRule::Contact, PeopleRule::Lead, PeopleRule::ConvertedLead],
            account: vec![AccountRule::People, AccountRule::Domain],
            opportunity: vec![
                OpportunityRule::Contact,
                OpportunityRule::Organizer,
                OpportunityRule::CloseDate,
            ],
            ties: Ties::default(),
            free_mail: Vec::new(),
            create: None,
        }
    }
}

impl Rules {
    pub(super) fn are_usual(&self) -> bool {
        *self == Self::default()
    }
}
