//! Users: which address belongs to which user of the org, as last looked up.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::params;

use super::database::{one, run};
use super::entities::folded;
use super::value::{micros, word_or_none};
use super::{OrgStore, Result};
use crate::model::SalesforceId;

impl OrgStore {
    /// Returns the users with these addresses that were looked up no earlier
    /// than `since`, under their addresses in lower case.
    ///
    /// An address that isn't in the answer has to be looked up; one that has no
    /// user was, and has none.
    pub fn users(
        &self,
        emails: &[String],
        since: Timestamp,
    ) -> Result<HashMap<String, Option<SalesforceId>>> {
        self.database.read("look up users", |db| {
            let sql = "SELECT user_id FROM users WHERE email = ?1 AND checked_at >= ?2";
            let mut users = HashMap::new();
            for email in emails.iter().map(|email| folded(email)) {
                let user = one(db, sql, params![email, micros(since)], |row| {
                    word_or_none(row, "user_id")
                })?;
                if let Some(user) = user {
                    users.insert(email, user);
                }
            }
            Ok(users)
        })
    }

    /// Saves users that were looked up, and addresses that have none.
    pub fn save_users(
        &self,
        users: &[(String, Option<SalesforceId>)],
        now: Timestamp,
    ) -> Result<()> {
        self.database.write("save users", |db| {
            let sql = "INSERT INTO users (email, user_id, checked_at) VALUES (?1, ?2, ?3)
                       ON CONFLICT (email) DO UPDATE SET
                           user_id = excluded.user_id, checked_at = excluded.checked_at";
            for (email, user) in users {
                let user = user.as_ref().map(SalesforceId::as_str);
                run(db, sql, params![folded(email), user, micros(now)])?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::store::world::{World, at, id, texts};

    #[test]
    fn an_address_without_a_user_is_known_until_it_is_too_old() {
        let world = World::new();
        let org = world.org();
        let found = [("Ann@Acme.com".to_owned(), Some(id(5))), ("eve@x.com".to_owned(), None)];
        org.save_users(&found, at(10)).unwrap();
        let emails = texts(&["ann@acme.COM", "eve@x.com", "new@x.com"]);
        let users = org.users(&emails, at(10)).unwrap();
        assert_eq!(users.len(), 2);
        assert_eq!(users["ann@acme.com"], Some(id(5)));
        assert_eq!(users["eve@x.com"], None);
        assert!(org.users(&emails, at(11)).unwrap().is_empty());
    }
}
