//! Connections: the orgs that are connected.

use rusqlite::{Row, params};

use super::database::{all, run};
use super::value::{micros, time, word};
use super::{Error, Result, Store, grants};
use crate::model::{Connection, OrgId};
use crate::secret::Grant;

/// How many orgs one host may keep.
const CONNECTIONS_MAX: u32 = 10_000;

impl Store {
    /// Saves a connection and its grant in one transaction, durably.
    ///
    /// An org that was connected before is connected anew, and isn't broken any
    /// more.
    pub fn connect(&self, connection: &Connection, grant: &Grant) -> Result<()> {
        let sealed = grants::seal(&self.key, &connection.org, grant);
        self.control.write_durably("save a connection", |db| {
            run(
                db,
                "INSERT INTO connections
                     (org, login_url, client_id, username, user_id, api_version, connected_at,
                      name, is_sandbox)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (org) DO UPDATE SET
                     login_url = excluded.login_url, client_id = excluded.client_id,
                     username = excluded.username, user_id = excluded.user_id,
                     api_version = excluded.api_version, connected_at = excluded.connected_at,
                     name = excluded.name, is_sandbox = excluded.is_sandbox, broken = NULL",
                params![
                    connection.org.as_str(),
                    connection.login_url,
                    connection.client_id,
                    connection.username,
                    connection.user_id,
                    connection.api_version,
                    micros(connection.connected_at),
                    connection.name,
                    connection.is_sandbox,
                ],
            )?;
            grants::save(db, &connection.org, &sealed)
        })
    }

    /// Returns all connections, in the order of their orgs.
    pub fn connections(&self) -> Result<Vec<Connection>> {
        self.control.read("read the connections", |db| {
            let sql = "SELECT * FROM connections ORDER BY org LIMIT ?1";
            all(db, sql, [CONNECTIONS_MAX], connection)
        })
    }

    /// Says why the grant no longer opens the org.
    pub fn mark_broken(&self, org: &OrgId, why: &str) -> Result<()> {
        self.control.write("mark a connection", |db| {
            let sql = "UPDATE connections SET broken = ?2 WHERE org = ?1";
            match run(db, sql, params![org.as_str(), why])? {
                0 => Err(Error::NoGrant(org.clone())),
                _ => Ok(()),
            }
        })
    }

    /// Says that the grant opens the org, if anything else was said.
    pub fn mark_mended(&self, org: &OrgId) -> Result<()> {
        self.control.write("mark a connection", |db| {
            let sql = "UPDATE connections SET broken = NULL WHERE org = ?1 AND broken IS NOT NULL";
            run(db, sql, [org.as_str()])?;
            Ok(())
        })
    }

    /// Forgets a connection, its grant and its schedules in one transaction.
    ///
    /// The history of its runs stays, and so does the org's own file.
    pub fn disconnect(&self, org: &OrgId) -> Result<()> {
        self.control.write_durably("forget a connection", |db| {
            run(db, "DELETE FROM connections WHERE org = ?1", [org.as_str()])?;
            run(db, "DELETE FROM schedules WHERE org = ?1", [org.as_str()])?;
            Ok(())
        })
    }
}

fn connection(row: &Row<'_>) -> rusqlite::Result<Connection> {
    Ok(Connection {
        org: word(row, "org")?,
        login_url: row.get("login_url")?,
        client_id: row.get("client_id")?,
        username: row.get("username")?,
        user_id: row.get("user_id")?,
        api_version: row.get("api_version")?,
        connected_at: time(row, "connected_at")?,
        broken: row.get("broken")?,
        name: row.get("name")?,
        is_sandbox: row.get("is_sandbox")?,
    })
}

#[cfg(test)]
mod tests {
    use crate::model::{Direction, JobKey, Object};
    use crate::store::world::{World, at, connection, grant, org};

    #[test]
    fn connecting_anew_replaces_the_connection_and_mends_it() {
        let world = World::new();
        let store = world.store();
        store.connect(&connection(), &grant("first")).unwrap();
        let broken = || store.connections().unwrap().remove(0).broken;
        store.mark_broken(&org(), "access was taken back").unwrap();
        store.mark_mended(&org()).unwrap();
        assert_eq!(broken(), None);
        store.mark_broken(&org(), "access was taken back").unwrap();
        assert_eq!(broken().as_deref(), Some("access was taken back"));

        let mut again = connection();
        again.username = "other@example.com".to_owned();
        store.connect(&again, &grant("second")).unwrap();
        assert_eq!(store.connections().unwrap(), [again]);
        assert_eq!(store.grant(&org()).unwrap().access_token.expose(), "second");
    }

    #[test]
    fn a_disconnected_org_keeps_its_runs_and_its_file() {
        let world = World::new();
        let store = world.store();
        let key = JobKey { org: org(), object: Object::Lead, direction: Direction::Pull };
        store.connect(&connection(), &grant("token")).unwrap();
        store.wake(&key, at(60)).unwrap();
        store.start_run(&key, at(0)).unwrap();
        store.org(&org()).unwrap();

        store.disconnect(&org()).unwrap();
        assert_eq!(store.connections().unwrap(), []);
        assert_eq!(store.next_at(&key).unwrap(), None);
        assert_eq!(store.runs(&org(), 9).unwrap().len(), 1);
        assert!(store.folder(&org()).join("store.db").exists());
        let error = store.grant(&org()).unwrap_err();
        assert!(error.hint().unwrap().contains("efficlose connect"));
        assert!(store.save_grant(&org(), &grant("late")).is_err());
    }
}
