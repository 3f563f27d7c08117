//! Grants: sealed at rest, each under its org.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::database::{one, run};
use super::value::to_json;
use super::{Error, Result, Store};
use crate::model::OrgId;
use crate::secret::{Grant, Key, Secret};

impl Store {
    /// Returns an org's grant, opened.
    pub fn grant(&self, org: &OrgId) -> Result<Grant> {
        let sealed: Option<Vec<u8>> = self.control.read("read a grant", |db| {
            let sql = "SELECT sealed FROM grants WHERE org = ?1";
            one(db, sql, [org.as_str()], |row| row.get(0))
        })?;
        let Some(sealed) = sealed else {
            return Err(Error::NoGrant(org.clone()));
        };
        let text = self.key.open(org.as_str(), &sealed);
        let text = text.map_err(|cause| Error::Sealed { org: org.clone(), cause })?;
        let plain = serde_json::from_str::<Plain>(text.expose());
        plain.map(Grant::from).map_err(|_| Error::BadGrant(org.clone()))
    }

    /// Saves a renewed grant; it is on the disk before this returns.
    ///
    /// Where refresh tokens change with every use, the old one is worth nothing
    /// from then on: a grant lost here would lock the org out.
    pub fn save_grant(&self, org: &OrgId, grant: &Grant) -> Result<()> {
        let sealed = seal(&self.key, org, grant);
        self.control.write_durably("save a grant", |db| {
            let sql = "SELECT 1 FROM connections WHERE org = ?1";
            if one(db, sql, [org.as_str()], |_| Ok(()))?.is_none() {
                return Err(Error::NoGrant(org.clone()));
            }
            save(db, org, &sealed)
        })
    }
}

/// Returns a grant as one sealed text, which opens for this org alone.
pub(super) fn seal(key: &Key, org: &OrgId, grant: &Grant) -> Vec<u8> {
    let expose = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
    let plain = Plain {
        instance_url: grant.instance_url.clone(),
        access_token: grant.access_token.expose().to_owned(),
        refresh_token: expose(&grant.refresh_token),
        client_secret: expose(&grant.client_secret),
    };
    key.seal(org.as_str(), &Secret::from(to_json(&plain)))
}

pub(super) fn save(db: &Connection, org: &OrgId, sealed: &[u8]) -> Result<()> {
    let sql = "INSERT INTO grants (org, sealed) VALUES (?1, ?2)
               ON CONFLICT (org) DO UPDATE SET sealed = excluded.sealed";
    run(db, sql, params![org.as_str(), sealed])?;
    Ok(())
}

/// A grant as the text that is sealed.
#[derive(Serialize, Deserialize)]
struct Plain {
    instance_url: String,
    access_token: String,
    refresh_token: Option<String>,
    client_secret: Option<String>,
}

impl From<Plain> for Grant {
    fn from(plain: Plain) -> Self {
        Self {
            instance_url: plain.instance_url,
            access_token: plain.access_token.into(),
            refresh_token: plain.refresh_token.map(Secret::from),
            client_secret: plain.client_secret.map(Secret::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::world::{World, connection, grant, org, refuse_unless_durable};

    #[test]
    fn a_grant_comes_back_as_it_was_saved() {
        let world = World::new();
        let store = world.store();
        store.connect(&connection(), &grant("first")).unwrap();
        let renewed = Grant { refresh_token: None, ..grant("second") };
        store.save_grant(&org(), &renewed).unwrap();
        let read = store.grant(&org()).unwrap();
        assert_eq!(read.instance_url, renewed.instance_url);
        assert_eq!(read.access_token.expose(), "second");
        assert!(read.refresh_token.is_none());
        assert_eq!(read.client_secret.unwrap().expose(), "the-client-secret");
    }

    #[test]
    fn a_renewed_grant_is_on_the_disk_before_it_is_used() {
        let world = World::new();
        let store = world.store();
        refuse_unless_durable(&store.control.lock(), "grants");
        store.connect(&connection(), &grant("first")).unwrap();
        store.save_grant(&org(), &grant("second")).unwrap();
    }

    #[test]
    fn no_part_of_a_grant_lies_in_a_file_in_plain() {
        let world = World::new();
        let store = world.store();
        store.connect(&connection(), &grant("the-access-token")).unwrap();
        drop(store);
        for file in fs::read_dir(world.home()).unwrap() {
            let path = file.unwrap().path();
            let Ok(bytes) = fs::read(&path) else { continue };
            for secret in ["the-access-token", "the-refresh-token", "the-client-secret"] {
                let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!found, "{secret} in {}", path.display());
            }
        }
    }

    #[test]
    fn a_grant_does_not_open_with_another_key_and_the_mend_is_named() {
        let world = World::new();
        world.store().connect(&connection(), &grant("token")).unwrap();
        let stranger = Store::open(world.home(), Key::generate()).unwrap();
        let error = stranger.grant(&org()).unwrap_err();
        assert!(matches!(error, Error::Sealed { .. }));
        assert!(error.hint().unwrap().contains("efficlose connect"));
    }
}
