//! Mappings: which one of an object was found good last, and what is wrong with one
//! that was brought since.

use rusqlite::{Connection, params};

use super::database::{one, run};
use super::value::{json, to_json};
use super::{OrgStore, Result};
use crate::model::{Object, Problem, Setting};

/// The mapping of an object that was found good last.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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

    /// Returns the mapping that was found good before that one, where it is kept.
    pub fn accepted_before(&self, object: Object) -> Result<Option<Accepted>> {
        self.database.read("read the mapping before", |db| before(db, object))
    }

    /// Notes that a mapping was found good; nothing is refused then. The one before is kept
    /// for a while longer, should this one fail after all.
    pub fn accept(&self, object: Object, accepted: &Accepted) -> Result<()> {
        let before = self.accepted(object)?.filter(|before| before.digest != accepted.digest);
        self.database.write("save the mapping", |db| {
            put(db, object, accepted)?;
            let Some(before) = &before else { return Ok(()) };
            let sql = "UPDATE mappings SET previous = ?2 WHERE object = ?1";
            run(db, sql, params![object.as_str(), to_json(before)]).map(|_| ())
        })
    }

    /// Puts the mapping that was good before in the place of the one that fails after all,
    /// which stays refused until another comes; tells whether there was one.
    pub fn fall_back(&self, object: Object, why: &Problem) -> Result<bool> {
        let broke = self.accepted(object)?.map(|accepted| accepted.digest);
        let fell = self.database.write("go back to the mapping before", |db| {
            let Some(before) = before(db, object)? else { return Ok(false) };
            put(db, object, &before)?;
            let sql = "UPDATE mappings SET previous = NULL, broke = ?2 WHERE object = ?1";
            run(db, sql, params![object.as_str(), broke])?;
            Ok(true)
        })?;
        if fell {
            self.refuse(object, Some(&Refused { why: why.clone(), last_goes_on: true }))?;
        }
        Ok(fell)
    }

    /// Tells whether a mapping is the one that failed after it was found good.
    pub fn has_broken(&self, object: Object, digest: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM mappings WHERE object = ?1 AND broke = ?2";
        self.database.read("read the mapping", |db| {
            Ok(one(db, sql, [object.as_str(), digest], |_| Ok(()))?.is_some())
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

fn before(db: &Connection, object: Object) -> Result<Option<Accepted>> {
    let sql = "SELECT previous FROM mappings WHERE object = ?1 AND previous IS NOT NULL";
    one(db, sql, [object.as_str()], |row| json::<Accepted>(row, "previous"))
}

fn put(db: &Connection, object: Object, accepted: &Accepted) -> Result<()> {
    let sql = "INSERT INTO mappings (object, name, source, signature, settings, digest)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (object) DO UPDATE SET
                   name = excluded.name, source = excluded.source,
                   signature = excluded.signature, settings = excluded.settings,
                   digest = excluded.digest,
                   refused_message = NULL, refused_at = NULL, refused_hint = NULL,
                   last_goes_on = FALSE, previous = NULL, broke = NULL";
    let Accepted { name, source, signature, settings, digest } = accepted;
    let settings = to_json(settings);
    run(db, sql, params![object.as_str(), name, source, signature, settings, digest]).map(|_| ())
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

    #[test]
    fn a_mapping_that_fails_after_all_gives_way_to_the_one_before_once() {
        let world = World::new();
        let org = world.org();
        let good = |digest: &str| Accepted {
            name: "contact.js".to_owned(),
            source: digest.as_bytes().to_vec(),
            signature: String::new(),
            settings: Vec::new(),
            digest: digest.to_owned(),
        };
        let why = Problem { message: "it fails".to_owned(), at: None, hint: None };
        org.accept(Object::Contact, &good("aa")).unwrap();
        assert!(!org.fall_back(Object::Contact, &why).unwrap(), "there was none before");
        org.accept(Object::Contact, &good("bb")).unwrap();
        org.accept(Object::Contact, &good("bb")).unwrap();
        assert!(!org.fall_back(Object::Contact, &why).unwrap(), "it was taken as it is");
        org.accept(Object::Contact, &good("aa")).unwrap();
        org.accept(Object::Contact, &good("bb")).unwrap();
        assert_eq!(org.accepted_before(Object::Contact).unwrap(), Some(good("aa")));
        assert!(org.fall_back(Object::Contact, &why).unwrap());
        assert_eq!(org.accepted(Object::Contact).unwrap(), Some(good("aa")));
        assert_eq!(org.accepted_before(Object::Contact).unwrap(), None);
        assert_eq!(org.refused(Object::Contact).unwrap().unwrap().why, why);
        assert!(org.has_broken(Object::Contact, "bb").unwrap());
        assert!(!org.fall_back(Object::Contact, &why).unwrap());
        org.accept(Object::Contact, &good("bb")).unwrap();
        assert!(!org.has_broken(Object::Contact, "bb").unwrap(), "someone has said so");
    }
}
