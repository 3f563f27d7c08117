//! What an org's admins have set up that may refuse what is written.

use super::{Checkup, Health};
use crate::model::Object;
use crate::salesforce;
use crate::sync::{Doors, Error, Newcomer};

/// How many rules of one object are named.
const NAMED_MAX: usize = 10;

impl Checkup {
    /// Looks at the rules for the objects that are written.
    pub(super) async fn rules(&mut self, doors: &Doors) -> Result<(), Error> {
        let objects = doors.settings.objects.iter().filter(|(_, choices)| choices.push);
        let written: Vec<Object> = objects.map(|(object, _)| *object).collect();
        if written.is_empty() {
            return Ok(());
        }
        self.validation(doors, &written).await?;
        match doors.settings.matching.create.map(Newcomer::object) {
            Some(made) if written.contains(&made) => self.duplicates(doors, made).await,
            _ => Ok(()),
        }
    }

    /// Looks at what records must hold. What a rule asks for is not told, and trying it out would
    /// set off what else the org does when a record is saved.
    async fn validation(&mut self, doors: &Doors, written: &[Object]) -> Result<(), Error> {
        let told = doors.salesforce.validation_rules().await;
        let Some(rules) = self.told("validation rules", "Setup", told)? else { return Ok(()) };
        for &object in written {
            let own = rules.iter().filter(|rule| rule.object == object);
            let own: Vec<_> =
                own.map(|rule| format!("{} (\"{}\")", rule.name, rule.message)).collect();
            if own.is_empty() {
                let said = "no validation rule looks at what is written";
                self.find(object.as_str(), Health::Good, said.to_owned(), None);
                continue;
            }
            let said = format!("what is written may be refused by {}", names("validation", &own));
            let mend = format!(
                "Nothing need be done: what a rule refuses waits among the failures, with its \
                 words. To have all of it taken, have the mapping of {object} give what the rules \
                 ask for, or have them leave out the connected user."
            );
            self.find(object.as_str(), Health::Warning, said, Some(mend));
        }
        Ok(())
    }

    /// Looks at what may keep guests from being made records of an object.
    async fn duplicates(&mut self, doors: &Doors, object: Object) -> Result<(), Error> {
        let about = object.as_str();
        let told = doors.salesforce.duplicate_rules().await;
        let Some(rules) = self.told("duplicate rules", about, told)? else { return Ok(()) };
        let own = rules.iter().filter(|(_, of)| of == about).map(|(label, _)| label.clone());
        let own: Vec<_> = own.collect();
        if own.is_empty() {
            let said = "no duplicate rule compares new ones with others";
            self.find(about, Health::Good, said.to_owned(), None);
            return Ok(());
        }
        let said = format!(
            "a guest who looks like somebody else may be refused by {}",
            names("duplicate", &own)
        );
        let mend = format!(
            "Nothing need be done: it is asked first who has the address, and who is refused \
             waits among the failures. To have all of them made, let the rules allow it in Setup \
             → Duplicate Rules, or leave {object} out of `create`."
        );
        self.find(about, Health::Warning, said, Some(mend));
        Ok(())
    }

    /// Returns what was told of rules; none, where the connected user may not see them.
    fn told<T>(
        &mut self,
        rules: &str,
        about: &str,
        answer: salesforce::Result<T>,
    ) -> Result<Option<T>, Error> {
        match answer.map_err(Error::from) {
            Err(error) if error.is_org_wide() => Err(error),
            Err(error) => {
                let problem = error.problem();
                let said = format!(
                    "whether {rules} may refuse what is written can't be read: {}",
                    problem.message
                );
                self.find(about, Health::Warning, said, problem.hint);
                Ok(None)
            }
            Ok(told) => Ok(Some(told)),
        }
    }
}

/// Names rules of a kind, the first of them.
fn names(kind: &str, rules: &[String]) -> String {
    let more = rules.len().saturating_sub(NAMED_MAX);
    let named = rules[..rules.len() - more].join(", ");
    match more {
        0 => format!("the {kind} rules {named}"),
        more => format!("the {kind} rules {named} and {more} more"),
    }
}
