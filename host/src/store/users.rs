//! Users: which address belongs to which user of the org, as last looked up.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::database::{one, run};
use super::entities::folded;
use super::value::{micros, word_or_none};
use super::{OrgStore, Result};
use crate::model::User;

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
    ) -> Result<HashMap<String, Option<User>>> {
        self.database.read("look up users", |db| {
            let sql = "SELECT user_id, time_zone FROM users WHERE email = ?1 AND checked_at >= ?2";
            let mut users = HashMap::new();
            for email in emails.iter().map(|email| folded(email)) {
                let user = one(db, sql, params![email, micros(since)], user)?;
                if let Some(user) = user {
                    users.insert(email, user);
                }
            }
            Ok(users)
        })
    }

    /// Saves users that were looked up, and addresses that have none.
    pub fn save_users(&self, users: &[(String, Option<User>)], now: Timestamp) -> Result<()> {
        self.database.write("save users", |db| {
            let sql = "INSERT INTO users (email, user_id, time_zone, checked_at)
                       VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (email) DO UPDATE SET
                           user_id = excluded.user_id, time_zone = excluded.time_zone,
                           checked_at = excluded.checked_at";
            for (email, user) in users {
                let id = user.as_ref().map(|user| user.id.as_str());
                let time_zone = user.as_ref().and_then(|user| user.time_zone.as_deref());
                run(db, sql, params![folded(email), id, time_zone, micros(now)])?;
            }
            Ok(())
        })
    }
}

fn user(row: &Row<'_>) -> rusqlite::Result<Option<User>> {
    let time_zone = row.get("time_zone")?;
    Ok(word_or_none(row, "user_id")?.map(|id| User { id, time_zone }))
}

#[cfg(test)]
mod tests {
    use super::User;
    use crate::store::world::{World, at, id, texts};

    #[test]
    fn an_address_without_a_user_is_known_until_it_is_too_old() {
        let world = World::new();
        let org = world.org();
        let ann = User { id: id(5), time_zone: Some("Europe/Berlin".to_owned()) };
        let found =
            [("Ann@Acme.com".to_owned(), Some(ann.clone())), ("eve@x.com".to_owned(), None)];
        org.save_users(&found, at(10)).unwrap();
        let emails = texts(&["ann@acme.COM", "eve@x.com", "new@x.com"]);
        let users = org.users(&emails, at(10)).unwrap();
        assert_eq!(users.len(), 2);
        assert_eq!(users["ann@acme.com"], Some(ann));
        assert_eq!(users["eve@x.com"], None);
        assert!(org.users(&emails, at(11)).unwrap().is_empty());
    }
}
