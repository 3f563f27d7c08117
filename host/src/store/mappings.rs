//! Mappings: which one of an object was found good last, and what is wrong with one
//! that was brought since.

use rusqlite::params;

use super::database::{one, run};
use super::value::{json, to_json};
use super::{OrgStore, Result};
use crate::model::{Object, Problem, Setting};

/// The mapping of an object that was found good last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The name of the customer's file; empty for the default.
    pub name: String,
    /// What was in it.
    pub source: Vec<u8>,
    /// The signature that lay beside it.
    pub signature: String,
    /// The settings that it had.
    pub settings: Vec<Setting>,
    /// Tells the mapping and its settings.
    pub digest: String,
}

/// A mapping that was brought and is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong with it.
    pub why: Problem,
    /// Whether the one that was found good last maps in its place; else nothing does.
    pub last_goes_on: bool,
}

impl OrgStore {
    /// Returns the mapping of an object that was found good last.
    pub fn accepted(&self, object: Object) -> Result<Option<Accepted>> {
        let sql = "SELECT name, source, signature, settings, digest FROM mappings
                   WHERE object = ?1 AND digest <> ''";
        self.database.read("read the mapping", |db| {
            one(db, sql, [object.as_str()], |row| {
                let (name, source) = (row.get(0)?, row.get(1)?);
                let settings = json(row, "settings")?;
                Ok(Accepted { name, source, signature: row.get(2)?, settings, digest: row.get(4)? })
            })
        })
    }

    /// Notes that a mapping was found good; nothing is refused then.
    pub fn accept(&self, object: Object, accepted: &Accepted) -> Result<()> {
        let sql = "INSERT INTO mappings (object, name, source, signature, settings, digest)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT (object) DO UPDATE SET
                       name = excluded.name, source = excluded.source,
                       signature = excluded.signature, settings = excluded.settings,
                       digest = excluded.digest,
                       refused_message = NULL, refused_at = NULL, refused_hint = NULL,
                       last_goes_on = FALSE";
        let Accepted { name, source, signature, settings, digest } = accepted;
        let settings = to_json(settings);
        self.database.write("save the mapping", |db| {
            run(db, sql, params![object.as_str(), name, source, signature, settings, digest])
                .map(|_| ())
        })
    }

    /// Returns what is wrong with a mapping that was brought and is not used.
    pub fn refused(&self, object: Object) -> Result<Option<Refused>> {
        let sql = "SELECT refused_message, refused_at, refused_hint, last_goes_on FROM mappings
                   WHERE object = ?1 AND refused_message IS NOT NULL";
        self.database.read("read what is wrong with a mapping", |db| {
            one(db, sql, [object.as_str()], |row| {
                let why = Problem { message: row.get(0)?, at: row.get(1)?, hint: row.get(2)? };
                Ok(Refused { why, last_goes_on: row.get(3)? })
            })
        })
    }

    /// Notes what is wrong with a mapping that is not used; none, where nothing is.
    pub fn refuse(&self, object: Object, refused: Option<&Refused>) -> Result<()> {
        let sql = "INSERT INTO mappings
                       (object, refused_message, refused_at, refused_hint, last_goes_on)
                   VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (object) DO UPDATE SET
                       refused_message = excluded.refused_message,
                       refused_at = excluded.refused_at, refused_hint = excluded.refused_hint,
                       last_goes_on = excluded.last_goes_on";
        let why = refused.map(|refused| &refused.why);
        let (message, at) = (why.map(|why| &why.message), why.and_then(|why| why.at.as_ref()));
        let hint = why.and_then(|why| why.hint.as_ref());
        let last = refused.is_some_and(|refused| refused.last_goes_on);
        self.database.write("save what is wrong with a mapping", |db| {
            run(db, sql, params![object.as_str(), message, at, hint, last]).map(|_| ())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::World;

    #[test]
    fn the_last_good_mapping_stays_while_another_is_refused() {
        let world = World::new();
        let org = world.org();
        let good = Accepted {
            name: "contact.js".to_owned(),
            source: b"good".to_vec(),
            signature: "signed".to_owned(),
            settings: vec![Setting { name: "a".to_owned(), value: "b".to_owned() }],
            digest: "aa".to_owned(),
        };
        let why = Problem { message: "it is wrong".to_owned(), at: None, hint: None };
        let bad = Refused { why, last_goes_on: true };
        org.refuse(Object::Contact, Some(&bad)).unwrap();
        assert_eq!(org.accepted(Object::Contact).unwrap(), None);
        org.accept(Object::Contact, &good).unwrap();
        assert_eq!(org.refused(Object::Contact).unwrap(), None);
        org.refuse(Object::Contact, Some(&bad)).unwrap();
        assert_eq!(org.refused(Object::Contact).unwrap(), Some(bad));
        assert_eq!(org.accepted(Object::Contact).unwrap(), Some(good));
        org.refuse(Object::Contact, None).unwrap();
        assert_eq!(org.refused(Object::Contact).unwrap(), None);
        assert_eq!(org.accepted(Object::Lead).unwrap(), None);
    }
}
