//! Standard actions: of those, converting a lead.

use serde_json::{Value as Json, json};

use super::call::Answer;
use super::records::atomically;
use super::rest::{Answered, Errand};
use crate::ids::Id;
use crate::org::Org;
use crate::refusal::Refusal;
use crate::write::{Conversion, convert_lead};

/// The most inputs of one request.
const INPUT_LIMIT: usize = 200;

/// Converts leads, each on its own. One failure makes the whole answer a 400.
pub(super) fn convert_leads(org: &mut Org, errand: &Errand<'_>) -> Answered {
    let body = errand.call.json()?;
    let inputs = body["inputs"].as_array().filter(|inputs| inputs.len() <= INPUT_LIMIT);
    let inputs = inputs.ok_or_else(|| {
        Refusal::malformed_body(format!("an action needs `inputs`, at most {INPUT_LIMIT}"))
    })?;
    let mut all_went_well = true;
    let mut results = Vec::with_capacity(inputs.len());
    for input in inputs {
        let result = atomically(org, |org| convert(org, errand, input));
        all_went_well &= result.is_ok();
        let (errors, values) = match result {
            Ok(values) => (Json::Null, values),
            Err(refusal) => (refusal.row()["errors"].clone(), Json::Null),
        };
        results.push(json!({
            "actionName": "convertLead",
            "errors": errors,
            "invocationId": null,
            "isSuccess": errors.is_null(),
            "outcome": null,
            "outputValues": values,
            "sortOrder": -1,
            "version": 1,
        }));
    }
    let status = if all_went_well { 200 } else { 400 };
    Ok(Answer::json(status, &results.into()))
}

fn convert(org: &mut Org, errand: &Errand<'_>, input: &Json) -> Result<Json, Refusal> {
    let id = |name: &str| match &input[name] {
        Json::Null => Ok(None),
        value => Id::parse(value.as_str().unwrap_or_default()).map(Some).ok_or_else(|| {
            let message = format!("{name}: id value of incorrect type: {value}");
            Refusal::new("MALFORMED_ID", message).with_fields([name])
        }),
    };
    let lead = id("leadId")?.ok_or_else(|| {
        let message = "Missing required input parameter: leadId";
        Refusal::new("REQUIRED_FIELD_MISSING", message).with_fields(["leadId"])
    })?;
    let conversion = Conversion {
        account: id("accountId")?,
        contact: id("contactId")?,
        owner: id("ownerId")?,
        status: input["convertedStatus"].as_str().map(str::to_owned),
        opportunity_name: input["opportunityName"].as_str().map(str::to_owned),
        makes_opportunity: input["createOpportunity"].as_bool().unwrap_or(true),
    };
    let converted = convert_lead(org, errand.writer, lead, &conversion)?;
    Ok(json!({
        "leadId": lead.to_string(),
        "accountId": converted.account.to_string(),
        "contactId": converted.contact.to_string(),
        "opportunityId": converted.opportunity.map(|id| id.to_string()),
    }))
}
