//! The default mapping of Lead: a person who is not yet a contact.

use efficlose_kit::ColumnType::{Boolean, Date, Integer, Number, Text, Timestamp};
use efficlose_kit::{
    FieldMap, Kind, Mapping, Problem, Pulled, Pushed, Record, Request, Settings, Spec, note,
    optional, required,
};

/// Leads as persons.
pub struct Lead {
    fields: FieldMap,
}

#[cfg(feature = "component")]
efficlose_kit::mapping!(crate::Lead);

impl Mapping for Lead {
    fn configure(settings: &Settings) -> Result<(Self, Spec), Problem> {
        let fields = FieldMap::new(
            [
                required("name", Text, "Name"),
                optional("first_name", Text, "FirstName"),
                required("last_name", Text, "LastName"),
                optional("salutation", Text, "Salutation"),
                optional("email", Text, "Email"),
                optional("phone", Text, "Phone"),
                optional("mobile", Text, "MobilePhone"),
                optional("title", Text, "Title"),
                required("company", Text, "Company"),
                optional("website", Text, "Website"),
                optional("industry", Text, "Industry"),
                optional("employees", Integer, "NumberOfEmployees"),
                optional("annual_revenue", Number, "AnnualRevenue"),
                optional("status", Text, "Status"),
                optional("rating", Text, "Rating"),
                optional("source", Text, "LeadSource"),
                optional("street", Text, "Street"),
                optional("city", Text, "City"),
                optional("state", Text, "State"),
                optional("postal_code", Text, "PostalCode"),
                optional("country", Text, "Country"),
                optional("do_not_call", Boolean, "DoNotCall"),
                optional("email_opt_out", Boolean, "HasOptedOutOfEmail"),
                required("converted", Boolean, "IsConverted"),
                optional("converted_on", Date, "ConvertedDate"),
                optional("converted_contact_id", Text, "ConvertedContactId"),
                optional("converted_account_id", Text, "ConvertedAccountId"),
                optional("converted_opportunity_id", Text, "ConvertedOpportunityId"),
                optional("description", Text, "Description"),
                optional("owner_id", Text, "OwnerId"),
                optional("owner_email", Text, "Owner.Email"),
                optional("record_type_id", Text, "RecordTypeId"),
                optional("last_activity_on", Date, "LastActivityDate"),
                optional("created_at", Timestamp, "CreatedDate"),
                optional("updated_at", Timestamp, "LastModifiedDate"),
            ],
            settings,
        )?;
        let spec = fields.spec("Lead", Kind::Person, note::writes());
        Ok((Self { fields }, spec))
    }

    fn pull(&self, record: &mut Record<'_>) -> Pulled {
        self.fields.pull(record)
    }

    fn push(&self, request: &Request) -> Pushed {
        note::push(request)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_gives_what_it_says() {
        efficlose_kit::cases::check::<super::Lead>(env!("CARGO_MANIFEST_DIR"));
    }
}
