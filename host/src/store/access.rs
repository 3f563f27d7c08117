//! Access: links, sessions, passwords and tokens by their hashes, and the audit trail.

use jiff::Timestamp;
use rusqlite::params;

use super::database::{all, one, run};
use super::value::{micros, time, word, word_or_none};
use super::{Result, Store};
use crate::model::{ApiToken, Audit, OrgId, Person, Role};
use crate::secret::Fingerprint;

/// How many people may be signed in; whoever signed in first goes first.
const SESSIONS_MAX: u32 = 1_000;
/// How many links wait to be used.
const LINKS_MAX: u32 = 100;
/// How many tokens are listed.
const TOKENS_MAX: u32 = 1_000;
/// How many entries of the audit trail are kept.
const AUDITS_MAX: u32 = 100_000;

impl Store {
    /// Keeps a link that signs someone in once, until it expires.
    pub fn save_login_link(&self, link: &Fingerprint, role: Role, until: Timestamp) -> Result<()> {
        self.control.write("save a login link", |db| {
            let sql = "INSERT INTO login_links (hash, role, expires_at) VALUES (?1, ?2, ?3)";
            run(db, sql, params![link.bytes(), role.as_str(), micros(until)])?;
            let sql = "DELETE FROM login_links WHERE hash NOT IN
                           (SELECT hash FROM login_links ORDER BY expires_at DESC LIMIT ?1)";
            run(db, sql, [LINKS_MAX])?;
            Ok(())
        })
    }

    /// Returns what a login link lets someone do, while it is good; using it up, where
    /// `is_used`.
    pub fn login_link(
        &self,
        link: &Fingerprint,
        is_used: bool,
        now: Timestamp,
    ) -> Result<Option<Role>> {
        self.control.write("use a login link", |db| {
            let sql = "SELECT role FROM login_links WHERE hash = ?1 AND expires_at > ?2";
            let role = one(db, sql, params![link.bytes(), micros(now)], |row| word(row, "role"))?;
            if is_used {
                run(db, "DELETE FROM login_links WHERE hash = ?1", [link.bytes()])?;
            }
            Ok(role)
        })
    }

    /// Keeps a session until it expires.
    pub fn save_session(
        &self,
        session: &Fingerprint,
        person: &Person,
        until: Timestamp,
    ) -> Result<()> {
        self.control.write("save a session", |db| {
            let sql = "INSERT INTO sessions (hash, name, role, expires_at)
                       VALUES (?1, ?2, ?3, ?4)";
            let role = person.role.as_str();
            run(db, sql, params![session.bytes(), person.name, role, micros(until)])?;
            let sql = "DELETE FROM sessions WHERE hash NOT IN
                           (SELECT hash FROM sessions ORDER BY expires_at DESC LIMIT ?1)";
            run(db, sql, [SESSIONS_MAX])?;
            Ok(())
        })
    }

    /// Returns who a session belongs to, while it is good.
    pub fn session(&self, session: &Fingerprint, now: Timestamp) -> Result<Option<Person>> {
        self.control.read("read a session", |db| {
            let sql = "SELECT name, role FROM sessions WHERE hash = ?1 AND expires_at > ?2";
            one(db, sql, params![session.bytes(), micros(now)], |row| {
                Ok(Person { name: row.get("name")?, role: word(row, "role")? })
            })
        })
    }

    /// Ends a session.
    pub fn end_session(&self, session: &Fingerprint) -> Result<()> {
        self.control.write("end a session", |db| {
            run(db, "DELETE FROM sessions WHERE hash = ?1", [session.bytes()])?;
            Ok(())
        })
    }

    /// Returns the hash of a role's password, as a PHC string.
    pub fn password(&self, role: Role) -> Result<Option<String>> {
        self.control.read("read a password", |db| {
            let sql = "SELECT hash FROM passwords WHERE role = ?1";
            one(db, sql, [role.as_str()], |row| row.get("hash"))
        })
    }

    /// Sets the password of a role, or takes it away; ends the sessions of that role and its
    /// links.
    pub fn save_password(&self, role: Role, hash: Option<&str>) -> Result<()> {
        self.control.write_durably("save a password", |db| {
            match hash {
                Some(hash) => run(
                    db,
                    "INSERT INTO passwords (role, hash) VALUES (?1, ?2)
                     ON CONFLICT (role) DO UPDATE SET hash = excluded.hash",
                    [role.as_str(), hash],
                )?,
                None => run(db, "DELETE FROM passwords WHERE role = ?1", [role.as_str()])?,
            };
            run(db, "DELETE FROM sessions WHERE role = ?1", [role.as_str()])?;
            run(db, "DELETE FROM login_links WHERE role = ?1", [role.as_str()])?;
            Ok(())
        })
    }

    /// Keeps what opens the API of an org. One of the same name is replaced.
    pub fn save_api_token(&self, token: &ApiToken, secret: &Fingerprint) -> Result<()> {
        self.control.write_durably("save an API token", |db| {
            let sql = "INSERT INTO api_tokens (name, org, hash, created_at) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (org, name) DO UPDATE SET
                           hash = excluded.hash, created_at = excluded.created_at";
            let (org, at) = (token.org.as_str(), micros(token.created_at));
            run(db, sql, params![token.name, org, secret.bytes(), at])?;
            Ok(())
        })
    }

    /// Returns the org that a token opens, and what the token is called.
    pub fn api_token(&self, secret: &Fingerprint) -> Result<Option<ApiToken>> {
        self.control.read("read an API token", |db| {
            let sql = "SELECT * FROM api_tokens WHERE hash = ?1";
            one(db, sql, [secret.bytes()], api_token)
        })
    }

    /// Returns what opens the API of an org, by name.
    pub fn api_tokens(&self, org: &OrgId) -> Result<Vec<ApiToken>> {
        self.control.read("read the API tokens", |db| {
            let sql = "SELECT * FROM api_tokens WHERE org = ?1 ORDER BY name LIMIT ?2";
            all(db, sql, params![org.as_str(), TOKENS_MAX], api_token)
        })
    }

    /// Forgets a token; tells whether there was one.
    pub fn revoke_api_token(&self, org: &OrgId, name: &str) -> Result<bool> {
        self.control.write_durably("revoke an API token", |db| {
            let sql = "DELETE FROM api_tokens WHERE org = ?1 AND name = ?2";
            Ok(run(db, sql, [org.as_str(), name])? > 0)
        })
    }

    /// Notes what someone did.
    pub fn note(&self, audit: &Audit) -> Result<()> {
        self.control.write("note what was done", |db| {
            let Audit { at, who, org, did } = audit;
            let sql = "INSERT INTO audits (at, who, org, did) VALUES (?1, ?2, ?3, ?4)";
            run(db, sql, params![micros(*at), who, org.as_ref().map(OrgId::as_str), did])?;
            let sql = "DELETE FROM audits WHERE id <= (SELECT max(id) FROM audits) - ?1";
            run(db, sql, [AUDITS_MAX])?;
            Ok(())
        })
    }

    /// Returns what was done, the latest first.
    pub fn audits(&self, limit: u32) -> Result<Vec<Audit>> {
        self.control.read("read what was done", |db| {
            all(db, "SELECT * FROM audits ORDER BY id DESC LIMIT ?1", [limit], |row| {
                Ok(Audit {
                    at: time(row, "at")?,
                    who: row.get("who")?,
                    org: word_or_none(row, "org")?,
                    did: row.get("did")?,
                })
            })
        })
    }

    /// Returns the set-up of an org that a person has begun, as it was kept.
    pub fn draft(&self, org: &OrgId) -> Result<Option<String>> {
        self.control.read("read a draft", |db| {
            let sql = "SELECT draft FROM drafts WHERE org = ?1";
            one(db, sql, [org.as_str()], |row| row.get("draft"))
        })
    }

    /// Keeps the set-up of an org that a person has begun, or forgets it.
    pub fn save_draft(&self, org: &OrgId, draft: Option<&str>) -> Result<()> {
        self.control.write("save a draft", |db| {
            match draft {
                Some(draft) => run(
                    db,
                    "INSERT INTO drafts (org, draft) VALUES (?1, ?2)
                     ON CONFLICT (org) DO UPDATE SET draft = excluded.draft",
                    [org.as_str(), draft],
                )?,
                None => run(db, "DELETE FROM drafts WHERE org = ?1", [org.as_str()])?,
            };
            Ok(())
        })
    }

    /// Returns where pages are served, or were last.
    pub fn address(&self) -> Result<Option<String>> {
        self.control.read("read an address", |db| {
            one(db, "SELECT address FROM addresses", [], |row| row.get("address"))
        })
    }

    /// Notes where pages are served.
    pub fn save_address(&self, address: &str) -> Result<()> {
        self.control.write("save an address", |db| {
            let sql = "INSERT INTO addresses (id, address) VALUES (1, ?1)
                       ON CONFLICT (id) DO UPDATE SET address = excluded.address";
            run(db, sql, [address])?;
            Ok(())
        })
    }
}

fn api_token(row: &rusqlite::Row<'_>) -> rusqlite::Result<ApiToken> {
    Ok(ApiToken {
        name: row.get("name")?,
        org: word(row, "org")?,
        created_at: time(row, "created_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::store::world::{World, at, connection, grant, org};

    fn print(text: &str) -> Fingerprint {
        Secret::from(text).fingerprint()
    }

    #[test]
    fn a_login_link_signs_in_once_and_not_after_its_time() {
        let world = World::new();
        let store = world.store();
        store.save_login_link(&print("one"), Role::Viewer, at(60)).unwrap();
        store.save_login_link(&print("two"), Role::Admin, at(60)).unwrap();
        assert_eq!(store.login_link(&print("one"), false, at(0)).unwrap(), Some(Role::Viewer));
        assert_eq!(store.login_link(&print("one"), true, at(0)).unwrap(), Some(Role::Viewer));
        assert_eq!(store.login_link(&print("one"), true, at(0)).unwrap(), None);
        assert_eq!(store.login_link(&print("two"), true, at(60)).unwrap(), None);
    }

    #[test]
    fn a_session_ends_by_itself_by_hand_and_with_another_password() {
        let world = World::new();
        let store = world.store();
        let person = |role| Person { name: "ada".to_owned(), role };
        for (name, role) in [("a", Role::Admin), ("b", Role::Admin), ("c", Role::Viewer)] {
            store.save_session(&print(name), &person(role), at(60)).unwrap();
        }
        let is_open = |name: &str, now| store.session(&print(name), now).unwrap().is_some();
        assert!(is_open("a", at(59)) && !is_open("a", at(60)));
        store.end_session(&print("a")).unwrap();
        assert!(!is_open("a", at(0)) && is_open("b", at(0)));
        store.save_password(Role::Admin, Some("hash")).unwrap();
        assert!(!is_open("b", at(0)) && is_open("c", at(0)));
    }

    #[test]
    fn a_token_opens_one_org_until_it_is_revoked_or_the_org_is_disconnected() {
        let world = World::new();
        let store = world.store();
        store.connect(&connection(), &grant("first")).unwrap();
        let token = |name: &str| ApiToken { name: name.to_owned(), org: org(), created_at: at(0) };
        store.save_api_token(&token("old"), &print("1")).unwrap();
        store.save_api_token(&token("new"), &print("2")).unwrap();
        assert_eq!(store.api_token(&print("1")).unwrap(), Some(token("old")));
        assert!(store.revoke_api_token(&org(), "old").unwrap());
        assert_eq!(store.api_token(&print("1")).unwrap(), None);
        store.disconnect(&org()).unwrap();
        assert_eq!(store.api_token(&print("2")).unwrap(), None);
    }
}
