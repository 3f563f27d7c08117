//! Lead conversion: a lead becomes an account, a contact and an opportunity.

use serde_json::Value as Json;

use super::{Body, Writer, insert, live_slot, stamp};
use crate::ids::Id;
use crate::org::{Org, Slot};
use crate::refusal::Refusal;
use crate::schema::ObjectIndex;
use crate::value::{Cell, Value, civil_utc};

const DAYS_TO_CLOSE: i64 = 90;

/// How a lead is converted; what is left out is made.
#[derive(Clone, Debug)]
pub(crate) struct Conversion {
    /// The account it becomes part of.
    pub(crate) account: Option<Id>,
    /// The contact it becomes.
    pub(crate) contact: Option<Id>,
    /// Who owns what is made.
    pub(crate) owner: Option<Id>,
    /// The lead's status afterwards.
    pub(crate) status: Option<String>,
    /// What the opportunity is called, if not as the company.
    pub(crate) opportunity_name: Option<String>,
    /// Whether there is an opportunity.
    pub(crate) makes_opportunity: bool,
}

impl Default for Conversion {
    fn default() -> Self {
        Self {
            account: None,
            contact: None,
            owner: None,
            status: None,
            opportunity_name: None,
            makes_opportunity: true,
        }
    }
}

/// What a lead became.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Converted {
    pub(crate) account: Id,
    pub(crate) contact: Id,
    pub(crate) opportunity: Option<Id>,
}

/// Converts a lead and returns the account, the contact and the opportunity.
///
/// # Errors
///
/// Says that there is no such lead, account or contact, or that the lead is
/// converted already; some records may be made then, so the caller rolls back.
pub(crate) fn convert_lead(
    org: &mut Org,
    writer: &Writer,
    id: Id,
    how: &Conversion,
) -> Result<Converted, Refusal> {
    let lead = org.find_object("Lead").ok_or_else(Refusal::not_found)?;
    let slot = live_slot(org, lead, id)?;
    if org.table(lead).named(slot, "IsConverted").is_true() {
        let message = "lead is converted already";
        return Err(Refusal::new("CANNOT_UPDATE_CONVERTED_LEAD", message));
    }
    let bodies = bodies(org, lead, slot, writer.now, how);
    let mut make = |object: &str, mut body: Body, account: Option<Id>| {
        for (name, id) in [("AccountId", account), ("OwnerId", how.owner)] {
            if let Some(id) = id {
                body.insert(name.to_owned(), id.to_string().into());
            }
        }
        let object = org.find_object(object).ok_or_else(Refusal::not_found)?;
        insert(org, writer, object, &body)
    };
    let [account_body, contact_body, opportunity_body] = bodies;
    let account = match how.account {
        Some(account) => account,
        None => make("Account", account_body, None)?,
    };
    let contact = match how.contact {
        Some(contact) => contact,
        None => make("Contact", contact_body, Some(account))?,
    };
    let opportunity = match how.makes_opportunity {
        true => Some(make("Opportunity", opportunity_body, Some(account))?),
        false => None,
    };
    for (name, id) in [("Account", account), ("Contact", contact)] {
        let object = org.find_object(name).ok_or_else(Refusal::not_found)?;
        live_slot(org, object, id)?;
    }
    let converted = Converted { account, contact, opportunity };
    close(org, writer, (lead, slot), how, converted);
    Ok(converted)
}

fn bodies(org: &Org, lead: ObjectIndex, slot: Slot, now: i64, how: &Conversion) -> [Body; 3] {
    let table = org.table(lead);
    let text = |name: &str| match table.named(slot, name) {
        Cell::Text(text) => text.into(),
        _ => Json::Null,
    };
    let body = |pairs: Vec<(&str, Json)>| -> Body {
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    };
    let close = civil_utc(now + DAYS_TO_CLOSE * 86_400).date();
    let name = how.opportunity_name.clone().map_or_else(|| text("Company"), Json::from);
    let same = |names: &[&'static str]| names.iter().map(|name| (*name, text(name))).collect();
    [
        body(vec![("Name", text("Company")), ("Website", text("Website"))]),
        body(same(&["FirstName", "LastName", "Email", "Phone", "Title"])),
        body(vec![
            ("Name", name),
            ("StageName", "Prospecting".into()),
            ("CloseDate", close.to_string().into()),
        ]),
    ]
}

fn close(
    org: &mut Org,
    writer: &Writer,
    (lead, slot): (ObjectIndex, Slot),
    how: &Conversion,
    converted: Converted,
) {
    let table = org.table(lead);
    let mut row = table.row(slot).cloned().unwrap_or_default();
    for (name, value) in [
        ("IsConverted", Some(Value::Bool(true))),
        ("Status", Value::text(how.status.as_deref().unwrap_or("Closed - Converted"))),
        ("ConvertedDate", Some(Value::Date(civil_utc(writer.now).date()))),
        ("ConvertedAccountId", Some(Value::Id(converted.account))),
        ("ConvertedContactId", Some(Value::Id(converted.contact))),
        ("ConvertedOpportunityId", converted.opportunity.map(Value::Id)),
    ] {
        table.seed(&mut row, name, value);
    }
    stamp(table, &mut row, writer.user, writer.now);
    org.replace(lead, slot, Some(row));
}
