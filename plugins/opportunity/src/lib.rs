//! The default mapping of Opportunity: a deal.

use efficlose_kit::ColumnType::{Boolean, Date, Number, Text, Timestamp};
use efficlose_kit::{
    FieldMap, Kind, Mapping, Problem, Pulled, Pushed, Record, Request, Settings, Spec, note,
    optional, required,
};

/// Opportunities as deals.
pub struct Opportunity {
    fields: FieldMap,
}

#[cfg(feature = "component")]
efficlose_kit::mapping!(crate::Opportunity);

impl Mapping for Opportunity {
    fn configure(settings: &Settings) -> Result<(Self, Spec), Problem> {
        let fields = FieldMap::new(
            [
                required("name", Text, "Name"),
                optional("account_id", Text, "AccountId"),
                optional("company", Text, "Account.Name"),
                optional("contact_id", Text, "ContactId"),
                required("stage", Text, "StageName"),
                optional("amount", Number, "Amount"),
                optional("probability", Number, "Probability"),
                optional("expected_revenue", Number, "ExpectedRevenue"),
                required("close_on", Date, "CloseDate"),
                required("closed", Boolean, "IsClosed"),
                required("won", Boolean, "IsWon"),
                optional("type", Text, "Type"),
                optional("source", Text, "LeadSource"),
                optional("next_step", Text, "NextStep"),
                optional("forecast_category", Text, "ForecastCategoryName"),
                optional("campaign_id", Text, "CampaignId"),
                optional("private", Boolean, "IsPrivate"),
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
        let spec = fields.spec("Opportunity", Kind::Deal, note::writes());
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
        efficlose_kit::cases::check::<super::Opportunity>(env!("CARGO_MANIFEST_DIR"));
    }
}
