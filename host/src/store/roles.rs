//! Roles: in which opportunities contacts have a part, as last asked of Salesforce.

use jiff::Timestamp;
use rusqlite::params;

use super::database::{one, run};
use super::value::micros;
use super::{OrgStore, Result};
use crate::model::SalesforceId;

impl OrgStore {
    /// Tells whether any of these contacts has a role in an opportunity, as far as Salesforce
    /// was asked.
    pub fn has_role(&self, contacts: &[SalesforceId], opportunity: &SalesforceId) -> Result<bool> {
        self.database.read("look up a role", |db| {
            let sql = "SELECT 1 FROM roles WHERE contact_id = ?1 AND opportunity_id = ?2";
            for contact in contacts {
                if one(db, sql, [contact.as_str(), opportunity.as_str()], |_| Ok(()))?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Returns those of the contacts of whose roles Salesforce was not asked since then.
    pub fn unasked(
        &self,
        contacts: &[SalesforceId],
        since: Timestamp,
    ) -> Result<Vec<SalesforceId>> {
        self.database.read("look up roles", |db| {
            let sql = "SELECT 1 FROM roles_asked WHERE contact_id = ?1 AND asked_at >= ?2";
            let mut unasked = Vec::new();
            for contact in contacts {
                let key = params![contact.as_str(), micros(since)];
                if one(db, sql, key, |_| Ok(()))?.is_none() {
                    unasked.push(contact.clone());
                }
            }
            Ok(unasked)
        })
    }

    /// Saves what Salesforce says of these contacts' roles, each as a contact and an
    /// opportunity, in place of what it said before.
    pub fn save_roles(
        &self,
        contacts: &[SalesforceId],
        roles: &[(SalesforceId, SalesforceId)],
        now: Timestamp,
    ) -> Result<()> {
        self.database.write("save roles", |db| {
            for contact in contacts {
                run(db, "DELETE FROM roles WHERE contact_id = ?1", [contact.as_str()])?;
                let sql = "INSERT INTO roles_asked (contact_id, asked_at) VALUES (?1, ?2)
                           ON CONFLICT (contact_id) DO UPDATE SET asked_at = excluded.asked_at";
                run(db, sql, params![contact.as_str(), micros(now)])?;
            }
            let sql = "INSERT OR IGNORE INTO roles (contact_id, opportunity_id) VALUES (?1, ?2)";
            for (contact, opportunity) in roles {
                run(db, sql, [contact.as_str(), opportunity.as_str()])?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::store::world::{World, at, id};

    #[test]
    fn roles_are_what_was_said_last_and_asked_again_once_that_is_old() {
        let world = World::new();
        let org = world.org();
        let contacts = [id(1), id(2)];
        assert_eq!(org.unasked(&contacts, at(10)).unwrap(), contacts);
        org.save_roles(&contacts, &[(id(1), id(7)), (id(1), id(8)), (id(1), id(8))], at(10))
            .unwrap();
        assert!(org.has_role(&contacts, &id(7)).unwrap());
        assert!(!org.has_role(&[id(2)], &id(7)).unwrap());
        assert!(org.unasked(&contacts, at(10)).unwrap().is_empty());
        assert_eq!(org.unasked(&contacts, at(11)).unwrap(), contacts);
        org.save_roles(&[id(1)], &[(id(1), id(9))], at(11)).unwrap();
        assert!(org.has_role(&contacts, &id(9)).unwrap());
        assert!(!org.has_role(&contacts, &id(7)).unwrap());
    }
}
