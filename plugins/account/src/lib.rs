//! The default mapping of Account: a company.

use efficlose_kit::ColumnType::{Date, Integer, Number, Text, Timestamp};
use efficlose_kit::{
    Column, FieldMap, Kind, Mapping, Problem, Pulled, Pushed, Record, Request, Settings, Spec,
    Value, domain_of, note, optional, required,
};

/// Accounts as companies.
pub struct Account {
    fields: FieldMap,
}

#[cfg(feature = "component")]
efficlose_kit::mapping!(crate::Account);

impl Mapping for Account {
    fn configure(settings: &Settings) -> Result<(Self, Spec), Problem> {
        let fields = FieldMap::new(
            [
                required("name", Text, "Name"),
                optional("website", Text, "Website"),
                optional("phone", Text, "Phone"),
                optional("type", Text, "Type"),
                optional("industry", Text, "Industry"),
                optional("source", Text, "AccountSource"),
                optional("rating", Text, "Rating"),
                optional("ownership", Text, "Ownership"),
                optional("employees", Integer, "NumberOfEmployees"),
                optional("annual_revenue", Number, "AnnualRevenue"),
                optional("account_number", Text, "AccountNumber"),
                optional("ticker", Text, "TickerSymbol"),
                optional("parent_id", Text, "ParentId"),
                optional("street", Text, "BillingStreet"),
                optional("city", Text, "BillingCity"),
                optional("state", Text, "BillingState"),
                optional("postal_code", Text, "BillingPostalCode"),
                optional("country", Text, "BillingCountry"),
                optional("shipping_street", Text, "ShippingStreet"),
                optional("shipping_city", Text, "ShippingCity"),
                optional("shipping_state", Text, "ShippingState"),
                optional("shipping_postal_code", Text, "ShippingPostalCode"),
                optional("shipping_country", Text, "ShippingCountry"),
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
        let mut spec = fields.spec("Account", Kind::Company, note::writes());
        spec.columns.push(Column { name: "domain".to_owned(), of: Text });
        Ok((Self { fields }, spec))
    }

    fn pull(&self, record: &mut Record<'_>) -> Pulled {
        let domain = record.text("Website").and_then(domain_of);
        match self.fields.entity(record) {
            Ok(mut entity) => {
                entity.push(Value::from(domain));
                Pulled::Mapped(entity)
            }
            Err(problem) => Pulled::Failed(problem),
        }
    }

    fn push(&self, request: &Request) -> Pushed {
        note::push(request)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_gives_what_it_says() {
        efficlose_kit::cases::check::<super::Account>(env!("CARGO_MANIFEST_DIR"));
    }
}
