//! The default mapping of Contact as a plugin of Extism, the way its guides write one:
//! JSON in, JSON out.

use extism_pdk::{FnResult, Json, plugin_fn};
use serde::{Deserialize, Serialize};

/// A contact as Salesforce has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Contact {
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    salutation: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    mobile_phone: Option<String>,
    title: Option<String>,
    department: Option<String>,
    account: Option<Account>,
    account_id: Option<String>,
    reports_to_id: Option<String>,
    mailing_street: Option<String>,
    mailing_city: Option<String>,
    mailing_state: Option<String>,
    mailing_postal_code: Option<String>,
    mailing_country: Option<String>,
    lead_source: Option<String>,
    birthdate: Option<String>,
    do_not_call: Option<bool>,
    has_opted_out_of_email: Option<bool>,
    description: Option<String>,
    owner_id: Option<String>,
    owner: Option<Owner>,
    last_activity_date: Option<String>,
    created_date: Option<String>,
    last_modified_date: Option<String>,
}

/// Its account.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Account {
    name: Option<String>,
}

/// Its owner.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Owner {
    email: Option<String>,
}

/// A person as the platform holds it.
#[derive(Serialize)]
pub struct Person {
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    salutation: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    mobile: Option<String>,
    title: Option<String>,
    department: Option<String>,
    company: Option<String>,
    account_id: Option<String>,
    reports_to_id: Option<String>,
    street: Option<String>,
    city: Option<String>,
    state: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
    source: Option<String>,
    birth_date: Option<String>,
    do_not_call: Option<bool>,
    email_opt_out: Option<bool>,
    description: Option<String>,
    owner_id: Option<String>,
    owner_email: Option<String>,
    last_activity_on: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

/// Maps a page of contacts.
#[plugin_fn]
pub fn pull(Json(records): Json<Vec<Contact>>) -> FnResult<Json<Vec<Person>>> {
    Ok(Json(records.into_iter().map(person).collect()))
}

fn person(contact: Contact) -> Person {
    Person {
        name: contact.name,
        first_name: contact.first_name,
        last_name: contact.last_name,
        salutation: contact.salutation,
        email: contact.email,
        phone: contact.phone,
        mobile: contact.mobile_phone,
        title: contact.title,
        department: contact.department,
        company: contact.account.and_then(|account| account.name),
        account_id: contact.account_id,
        reports_to_id: contact.reports_to_id,
        street: contact.mailing_street,
        city: contact.mailing_city,
        state: contact.mailing_state,
        postal_code: contact.mailing_postal_code,
        country: contact.mailing_country,
        source: contact.lead_source,
        birth_date: contact.birthdate,
        do_not_call: contact.do_not_call,
        email_opt_out: contact.has_opted_out_of_email,
        description: contact.description,
        owner_id: contact.owner_id,
        owner_email: contact.owner.and_then(|owner| owner.email),
        last_activity_on: contact.last_activity_date,
        created_at: contact.created_date,
        updated_at: contact.last_modified_date,
    }
}
