//! The default mappings of all objects, with a customer's expressions over them: what a
//! field map runs on. One component for all five, so that those who bring no field
//! map don't carry what evaluates expressions.
//!
//! The setting `object` says which of them it is.

use efficlose_account::Account;
use efficlose_contact::Contact;
use efficlose_kit::{
    Mapping, Problem, Pulled, Pushed, Record, Request, Settings, Spec, WithExpressions,
};
use efficlose_lead::Lead;
use efficlose_opportunity::Opportunity;
use efficlose_task::Task;

/// The default mapping of one object, with expressions over it.
pub enum FieldMap {
    /// Of Account.
    Account(WithExpressions<Account>),
    /// Of Contact.
    Contact(WithExpressions<Contact>),
    /// Of Lead.
    Lead(WithExpressions<Lead>),
    /// Of Opportunity.
    Opportunity(WithExpressions<Opportunity>),
    /// Of Task.
    Task(WithExpressions<Task>),
}

efficlose_kit::mapping!(crate::FieldMap);

fn of<M: Mapping>(
    settings: &Settings,
    made: fn(M) -> FieldMap,
) -> Result<(FieldMap, Spec), Problem> {
    M::configure(settings).map(|(mapping, spec)| (made(mapping), spec))
}

impl Mapping for FieldMap {
    fn configure(settings: &Settings) -> Result<(Self, Spec), Problem> {
        match settings.get("object") {
            Some("Account") => of(settings, Self::Account),
            Some("Contact") => of(settings, Self::Contact),
            Some("Lead") => of(settings, Self::Lead),
            Some("Opportunity") => of(settings, Self::Opportunity),
            Some("Task") => of(settings, Self::Task),
            other => Err(Problem {
                message: format!("there is no field map of {}", other.unwrap_or("no object")),
                at: Some("object".to_owned()),
                hint: None,
            }),
        }
    }

    fn pull(&self, record: &mut Record<'_>) -> Pulled {
        match self {
            Self::Account(mapping) => mapping.pull(record),
            Self::Contact(mapping) => mapping.pull(record),
            Self::Lead(mapping) => mapping.pull(record),
            Self::Opportunity(mapping) => mapping.pull(record),
            Self::Task(mapping) => mapping.pull(record),
        }
    }

    fn push(&self, request: &Request) -> Pushed {
        match self {
            Self::Account(mapping) => mapping.push(request),
            Self::Contact(mapping) => mapping.push(request),
            Self::Lead(mapping) => mapping.push(request),
            Self::Opportunity(mapping) => mapping.push(request),
            Self::Task(mapping) => mapping.push(request),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_gives_what_it_says() {
        efficlose_kit::cases::check::<super::FieldMap>(env!("CARGO_MANIFEST_DIR"));
    }
}
