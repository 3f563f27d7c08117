//! The default mapping of Contact: a person.

use efficlose_kit::ColumnType::{Boolean, Date, Text, Timestamp};
use efficlose_kit::{
    FieldMap, Kind, Mapping, Problem, Pulled, Pushed, Record, Request, Settings, Spec, note,
    optional, required,
};

/// Contacts as persons.
pub struct Contact {
    fields: FieldMap,
}

#[cfg(feature = "component")]
efficlose_kit::mapping!(crate::Contact);

impl Mapping for Contact {
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
                optional("department", Text, "Department"),
                optional("company", Text, "Account.Name"),
                optional("account_id", Text, "AccountId"),
                optional("reports_to_id", Text, "ReportsToId"),
                optional("street", Text, "MailingStreet"),
                optional("city", Text, "MailingCity"),
                optional("state", Text, "MailingState"),
                optional("postal_code", Text, "MailingPostalCode"),
                optional("country", Text, "MailingCountry"),
                optional("source", Text, "LeadSource"),
                optional("birth_date", Date, "Birthdate"),
                optional("do_not_call", Boolean, "DoNotCall"),
                optional("email_opt_out", Boolean, "HasOptedOutOfEmail"),
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
        let spec = fields.spec("Contact", Kind::Person, note::writes());
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
        efficlose_kit::cases::check::<super::Contact>(env!("CARGO_MANIFEST_DIR"));
    }
}
