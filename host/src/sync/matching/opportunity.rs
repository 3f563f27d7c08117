//! Which opportunity of an account a meeting is about: of those that were open then, the one that
//! the rules leave.

use super::{BY_HAND, Chosen, Matcher, candidate};
use crate::model::{Entity, Object, Question, SalesforceId};
use crate::salesforce::DISGUISE;
use crate::store::Result;
use crate::sync::rules::OpportunityRule;

impl Matcher<'_> {
    /// Finds the opportunity of an account that the meeting is about, of those that were open
    /// then.
    pub(super) fn opportunity(&mut self, account: Option<&SalesforceId>) -> Result<()> {
        let question = Question::Opportunity;
        match self.chosen(&question)? {
            Chosen::Record(entity) => {
                self.take(entity.object, entity.id, BY_HAND);
                return Ok(());
            }
            Chosen::Nobody => return Ok(()),
            Chosen::Open => {}
        }
        let Some(account) = account else { return Ok(()) };
        let all = self.store.deals_of(account)?;
        // What was decided by what was open then holds, though it was closed since.
        let day = self.day();
        let before = self.before.iter().find(|before| before.object == Object::Opportunity);
        if let Some(before) = before.cloned() {
            let was_open = |deal: &&Entity| {
                deal.id == before.record_id
                    && deal.is("closed")
                    && deal.text("close_on").is_some_and(|close_on| close_on >= &*day)
            };
            if all.iter().any(|deal| was_open(&deal)) {
                self.say(&question, "before", "it was about this one while it was open");
                self.take(Object::Opportunity, before.record_id, &before.reason);
                return Ok(());
            }
        }
        let (closed, mut deals): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|deal| deal.is("closed"));
        let mut why = "the only open opportunity of the account";
        if deals.is_empty() {
            // One that was closed since was what the meeting was about.
            deals = closed;
            deals.retain(|deal| deal.text("close_on").is_some_and(|close_on| close_on >= &*day));
            why = "the only opportunity of the account that was open then";
        }
        let mut is_hosted = false;
        if deals.is_empty() {
            let said = "the account has no opportunity that is open, or was at the time";
            self.say(&question, "account", said);
            return Ok(());
        }
        for rule in &self.rules.opportunity {
            if deals.len() == 1 {
                break;
            }
            match rule {
                OpportunityRule::Contact => {
                    let theirs = self.of_guests(&deals)?;
                    let said = format!(
                        "{} of {} have a guest among their contacts",
                        theirs.len(),
                        deals.len()
                    );
                    self.say(&question, "contact", &said);
                    if !theirs.is_empty() {
                        deals = theirs;
                        why = "the only open opportunity with a guest among its contacts";
                    }
                }
                OpportunityRule::Organizer => {
                    let owned = self.hosted(&deals);
                    let said = format!("the organizer owns {} of {}", owned.len(), deals.len());
                    self.say(&question, "organizer", &said);
                    if !owned.is_empty() {
                        (deals, is_hosted) = (owned, true);
                        why = "the only open opportunity that the organizer owns";
                    }
                }
                OpportunityRule::CloseDate => {
                    let next = self.next_to_close(&deals);
                    let said = format!("{} of {} close next", next.len(), deals.len());
                    self.say(&question, "close-date", &said);
                    if !next.is_empty() {
                        deals = next;
                        why = match is_hosted {
                            true => "of those the organizer owns, the one to close next",
                            false => "the open opportunity to close next",
                        };
                    }
                }
            }
        }
        match deals.as_slice() {
            [deal] => {
                self.say(&question, "account", why);
                self.take(Object::Opportunity, deal.id.clone(), why);
            }
            several => {
                let candidates = several.iter().map(|deal| {
                    let close_on = deal.text("close_on").unwrap_or("no known day");
                    candidate(deal, format!("it is open, and to close on {close_on}"))
                });
                self.ask(question, "account", candidates.collect());
            }
        }
        Ok(())
    }

    /// Returns the opportunities in which a guest has a role, or is the primary contact.
    fn of_guests(&mut self, deals: &[Entity]) -> Result<Vec<Entity>> {
        let guests = self.found.of(Object::Contact).map(|found| found.record_id.clone());
        let guests: Vec<SalesforceId> = guests.collect();
        let mut theirs = Vec::new();
        for deal in deals {
            let primary = deal.text("contact_id");
            let is_primary = guests.iter().any(|guest| primary == Some(guest.as_str()));
            if is_primary || self.store.has_role(&guests, &deal.id)? {
                theirs.push(deal.clone());
            }
        }
        self.found.role_holders = guests;
        Ok(theirs)
    }

    fn hosted(&self, deals: &[Entity]) -> Vec<Entity> {
        let plain = |email: &str| {
            let email = email.trim().to_lowercase();
            // A sandbox org disguises the addresses of its users.
            email.strip_suffix(DISGUISE).map_or(email.clone(), str::to_owned)
        };
        let host = self.meeting.organizer.as_ref().and_then(|host| host.email.as_deref());
        let host = host.map(plain);
        let is_hosts =
            |deal: &&Entity| host.is_some() && deal.text("owner_email").map(plain) == host;
        deals.iter().filter(is_hosts).cloned().collect()
    }

    /// Returns the day of the meeting, as close dates are written.
    fn day(&self) -> String {
        self.meeting.day(None).to_string()
    }

    /// Returns the deals with the earliest close date on or after the meeting.
    fn next_to_close(&self, deals: &[Entity]) -> Vec<Entity> {
        let day = self.day();
        let close_on = |deal: &Entity| {
            deal.text("close_on").filter(|close_on| *close_on >= &*day).map(str::to_owned)
        };
        let next = deals.iter().filter_map(close_on).min();
        deals.iter().filter(|deal| next.is_some() && close_on(deal) == next).cloned().collect()
    }
}
