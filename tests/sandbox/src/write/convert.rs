//! Lead conversion: a lead becomes an account, a contact and an opportunity.

use super::{Body, Writer, insert, stamp};
use crate::ids::Id;
use crate::org::Org;
use crate::refusal::Refusal;
use crate::value::{Cell, Value, civil_utc};

const DAYS_TO_CLOSE: i64 = 90;

/// Converts a lead and returns the account, the contact and the opportunity.
///
/// # Errors
///
/// Says that there is no such lead or that it is converted already.
pub(crate) fn convert_lead(org: &mut Org, writer: &Writer, id: Id) -> Result<[Id; 3], Refusal> {
    let lead = org.find_object("Lead").ok_or_else(Refusal::not_found)?;
    let slot = super::live_slot(org, lead, id)?;
    let table = org.table(lead);
    if table.named(slot, "IsConverted").is_true() {
        let message = "lead is converted already";
        return Err(Refusal::new("CANNOT_UPDATE_CONVERTED_LEAD", message));
    }
    let text = |name: &str| match table.named(slot, name) {
        Cell::Text(text) => text.into(),
        _ => serde_json::Value::Null,
    };
    let body = |pairs: Vec<(&str, serde_json::Value)>| -> Body {
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    };
    let close = civil_utc(writer.now + DAYS_TO_CLOSE * 86_400).date();
    let account_body = body(vec![("Name", text("Company")), ("Website", text("Website"))]);
    let contact_body = body(vec![
        ("FirstName", text("FirstName")),
        ("LastName", text("LastName")),
        ("Email", text("Email")),
        ("Phone", text("Phone")),
        ("Title", text("Title")),
    ]);
    let opportunity_body = body(vec![
        ("Name", text("Company")),
        ("StageName", "Prospecting".into()),
        ("CloseDate", close.to_string().into()),
    ]);
    let mut make = |object: &str, mut body: Body, account: Option<Id>| {
        if let Some(account) = account {
            body.insert("AccountId".to_owned(), account.to_string().into());
        }
        let object = org.find_object(object).ok_or_else(Refusal::not_found)?;
        insert(org, writer, object, &body)
    };
    let account = make("Account", account_body, None)?;
    let contact = make("Contact", contact_body, Some(account))?;
    let opportunity = make("Opportunity", opportunity_body, Some(account))?;
    let table = org.table(lead);
    let mut row = table.row(slot).cloned().unwrap_or_default();
    for (name, value) in [
        ("IsConverted", Some(Value::Bool(true))),
        ("Status", Value::text("Closed - Converted")),
        ("ConvertedDate", Some(Value::Date(civil_utc(writer.now).date()))),
        ("ConvertedAccountId", Some(Value::Id(account))),
        ("ConvertedContactId", Some(Value::Id(contact))),
        ("ConvertedOpportunityId", Some(Value::Id(opportunity))),
    ] {
        table.seed(&mut row, name, value);
    }
    stamp(table, &mut row, writer.user, writer.now);
    org.replace(lead, slot, Some(row));
    Ok([account, contact, opportunity])
}
