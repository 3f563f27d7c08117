//! Indexes: what entities are searched by. A large import does without them and has them built at
//! its end: kept up record by record they cost as much as all the rest. A migration finds them
//! missing where such an import was killed: it drops with `IF EXISTS`.

use rusqlite::Connection;

use super::database::{all, one};
use super::value::number;
use super::{OrgStore, Result};

/// How many records an import must have for it to do without.
const LARGE_MIN: u64 = 20_000;

/// The indexes, as the migrations have them.
const INDEXES: [(&str, &str); 4] = [
    (
        "entities_by_object",
        "CREATE INDEX entities_by_object ON entities (object) WHERE deleted_at IS NULL",
    ),
    (
        "entities_by_email",
        "CREATE INDEX entities_by_email ON entities (email)
WHERE email IS NOT NULL AND deleted_at IS NULL",
    ),
    (
        "entities_by_domain",
        "CREATE INDEX entities_by_domain ON entities (domain, object, record_id)
WHERE domain IS NOT NULL AND deleted_at IS NULL",
    ),
    (
        "entities_by_account",
        "CREATE INDEX entities_by_account ON entities (account_id)
WHERE account_id IS NOT NULL AND deleted_at IS NULL",
    ),
];

impl OrgStore {
    /// Lets go of the indexes where so many records are about to be imported that they are
    /// more than there are. Searches are slow until [`OrgStore::index`].
    pub fn unindex(&self, coming: u64) -> Result<()> {
        if coming < LARGE_MIN {
            return Ok(());
        }
        self.database.write("let go of indexes", |db| {
            // Counting them would read them all; those that were removed still have their rows.
            let sql = "SELECT ifnull(max(source_id), 0) AS found FROM entities";
            let there = one(db, sql, [], |row| number(row, "found"))?.unwrap_or_default();
            if coming <= there {
                return Ok(());
            }
            for name in there_are(db)? {
                db.execute_batch(&format!("DROP INDEX {name}"))?;
            }
            Ok(())
        })
    }

    /// Builds the indexes that are missing, each in a transaction of its own, which others that
    /// write wait for.
    pub fn index(&self) -> Result<()> {
        let known = self.database.read("look for indexes", there_are)?;
        for (name, sql) in INDEXES.iter().filter(|(name, _)| !known.iter().any(|own| own == name)) {
            tracing::debug!(name, "builds an index");
            self.database.write("build an index", |db| Ok(db.execute_batch(sql)?))?;
        }
        Ok(())
    }
}

/// Returns the names of those indexes that there are.
fn there_are(db: &Connection) -> Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'entities'";
    let mut names: Vec<String> = all(db, sql, [], |row| row.get("name"))?;
    names.retain(|name| INDEXES.iter().any(|(known, _)| known == name));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::World;

    fn definitions(org: &OrgStore) -> Vec<(String, String)> {
        let sql = "SELECT name, sql FROM sqlite_schema
                   WHERE type = 'index' AND tbl_name = 'entities' AND sql IS NOT NULL ORDER BY name";
        let read =
            |db: &Connection| all(db, sql, [], |row| Ok((row.get("name")?, row.get("sql")?)));
        org.database.read("look for indexes", read).unwrap()
    }

    #[test]
    fn indexes_that_a_large_import_lets_go_of_come_back_as_the_migrations_have_them() {
        let world = World::new();
        let org = world.org();
        let before = definitions(&org);
        assert_eq!(before.len(), INDEXES.len());
        org.unindex(LARGE_MIN - 1).unwrap();
        assert_eq!(definitions(&org), before, "a small import keeps them");
        org.unindex(LARGE_MIN).unwrap();
        assert_eq!(definitions(&org), []);
        org.index().unwrap();
        assert_eq!(definitions(&org), before);
        org.index().unwrap();
    }
}
