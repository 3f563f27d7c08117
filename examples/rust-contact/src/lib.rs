//! A mapping of Contact that a customer could have written in Rust: only people
//! whom we may write to, no telephone numbers, and only risks go back.

use efficlose_kit::ColumnType::Text;
use efficlose_kit::{
    FieldMap, Kind, Mapping, Policy, Problem, Pulled, Pushed, Record, Request, Settings, Spec,
    clip, optional, required, set, write,
};

/// Contacts, as this customer wants them.
pub struct Contact {
    fields: FieldMap,
}

efficlose_kit::mapping!(crate::Contact);

impl Mapping for Contact {
    fn configure(settings: &Settings) -> Result<(Self, Spec), Problem> {
        let fields = FieldMap::new(
            [
                required("name", Text, "Name"),
                required("email", Text, "Email"),
                optional("title", Text, "Title"),
                optional("company", Text, "Account.Name"),
                optional("account_id", Text, "AccountId"),
            ],
            settings,
        )?;
        let writes = vec![write("Description", Policy::Append)];
        let mut spec = fields.spec("Contact", Kind::Person, writes);
        spec.filter = Some("Email != null".to_owned());
        Ok((Self { fields }, spec))
    }

    fn pull(&self, record: &mut Record<'_>) -> Pulled {
        if record.text("Email").is_some_and(|email| email.ends_with(".invalid")) {
            return Pulled::Skipped("nobody can be written to there".to_owned());
        }
        self.fields.pull(record)
    }

    fn push(&self, request: &Request) -> Pushed {
        let risks = request.meeting.insights.iter().filter(|insight| insight.kind == "risk");
        let lines: Vec<_> = risks.map(|risk| format!("Risk: {}", clip(&risk.text, 200))).collect();
        if lines.is_empty() {
            return Pushed::Skipped("the meeting told of no risk".to_owned());
        }
        Pushed::Mapped(vec![set("Description", lines.join("\n"))])
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_gives_what_it_says() {
        efficlose_kit::cases::check::<super::Contact>(env!("CARGO_MANIFEST_DIR"));
    }
}
