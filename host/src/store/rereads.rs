//! Rereads: records that have to be read again though they bear no new stamp, since
//! something that they take from another record has changed.

use rusqlite::{Connection, params};

use super::database::{all, one, run};
use super::value::{fields, json, to_json, word};
use super::{OrgStore, Result};
use crate::model::{Fields, Object, SalesforceId, Value};

/// A field of an object that leads to records of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kin {
    /// The field, such as `AccountId`.
    pub field: String,
    /// The object that it leads to.
    pub parent: Object,
    /// The fields of that object which are read by way of it.
    pub columns: Vec<String>,
}

/// Records to read again: those whose field holds one of these ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reread {
    /// The field.
    pub field: String,
    /// The ids.
    pub parents: Vec<SalesforceId>,
}

impl OrgStore {
    /// Notes by which fields an object takes something from which others.
    pub fn save_kin(&self, object: Object, kin: &[Kin]) -> Result<()> {
        if self.kin(object)? == kin {
            return Ok(());
        }
        self.database.write("save what leads to other objects", |db| {
            run(db, "DELETE FROM kin WHERE object = ?1", [object.as_str()])?;
            let sql = "INSERT INTO kin (object, field, parent, columns) VALUES (?1, ?2, ?3, ?4)";
            for kin in kin {
                let columns = to_json(&kin.columns);
                let values = params![object.as_str(), kin.field, kin.parent.as_str(), columns];
                run(db, sql, values)?;
            }
            // A field that is gone can't be asked for any more.
            let lost = "DELETE FROM rereads
                        WHERE object = ?1 AND field NOT IN (SELECT field FROM kin WHERE object = ?1)";
            run(db, lost, [object.as_str()]).map(|_| ())
        })
    }

    fn kin(&self, object: Object) -> Result<Vec<Kin>> {
        self.database.read("read what leads to other objects", |db| {
            let sql = "SELECT field, parent, columns FROM kin WHERE object = ?1 ORDER BY rowid";
            all(db, sql, [object.as_str()], |row| {
                let (field, parent) = (row.get("field")?, word(row, "parent")?);
                Ok(Kin { field, parent, columns: json(row, "columns")? })
            })
        })
    }

    /// Returns the next records of an object to read again, those of up to `limit` ids in
    /// one field.
    pub fn reread(&self, object: Object, limit: u32) -> Result<Option<Reread>> {
        let wanted = self.database.read("read what is to be read again", |db| {
            let sql = "SELECT field, parent_id FROM rereads
                       WHERE object = ?1 ORDER BY field, parent_id LIMIT ?2";
            all(db, sql, params![object.as_str(), limit], |row| {
                Ok((row.get::<_, String>("field")?, word(row, "parent_id")?))
            })
        })?;
        let Some(field) = wanted.first().map(|(field, _)| field.clone()) else { return Ok(None) };
        let parents = wanted.into_iter().filter(|(of, _)| *of == field).map(|(_, id)| id);
        let parents = parents.collect();
        Ok(Some(Reread { field, parents }))
    }
}

/// Notes that what hangs on a record is to be read again.
pub(super) fn want(db: &Connection, parent: Object, id: &SalesforceId) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO rereads (object, field, parent_id)
               SELECT object, field, ?2 FROM kin WHERE parent = ?1";
    run(db, sql, [parent.as_str(), id.as_str()]).map(|_| ())
}

/// Notes that records were read again.
pub(super) fn done(db: &Connection, object: Object, reread: &Reread) -> Result<()> {
    let sql = "DELETE FROM rereads WHERE object = ?1 AND field = ?2 AND parent_id = ?3";
    for id in &reread.parents {
        run(db, sql, [object.as_str(), &reread.field, id.as_str()])?;
    }
    Ok(())
}

/// Returns the fields of an object that others read by way of theirs.
pub(super) fn watched(db: &Connection, parent: Object) -> Result<Vec<String>> {
    let sql = "SELECT columns FROM kin WHERE parent = ?1";
    let columns = all(db, sql, [parent.as_str()], |row| json::<Vec<String>>(row, "columns"))?;
    let mut columns = columns.concat();
    columns.sort();
    columns.dedup();
    Ok(columns)
}

/// Tells whether one of the watched fields differs from what is stored of a record; one that
/// isn't stored may, where the record was `changed`.
pub(super) fn differs(
    db: &Connection,
    source_id: i64,
    watched: &[String],
    source: &[u8],
    changed: bool,
) -> Result<bool> {
    let sql = "SELECT json(source) AS before, json(?2) AS after FROM sources
               WHERE source_id = ?1 AND source IS NOT NULL";
    let both = one(db, sql, params![source_id, source], |row| {
        Ok((fields(row, "before")?, fields(row, "after")?))
    })?;
    let Some((before, after)) = both else { return Ok(true) };
    let of = |fields: &Fields, name: &String| {
        let named = |(own, _): &&(String, Value)| own.eq_ignore_ascii_case(name);
        fields.iter().find(named).map(|(_, value)| value.clone())
    };
    Ok(watched.iter().any(|name| match (of(&before, name), of(&after, name)) {
        (Some(old), Some(new)) => old != new,
        _ => changed,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::{World, deleted, id, mapped, named};

    fn reread(world: &World, object: Object) -> Vec<SalesforceId> {
        world.org().reread(object, 9).unwrap().map(|reread| reread.parents).unwrap_or_default()
    }

    fn contacts_take(world: &World, columns: &[&str]) {
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        let kin = Kin { field: "AccountId".to_owned(), parent: Object::Account, columns };
        world.org().save_kin(Object::Contact, std::slice::from_ref(&kin)).unwrap();
        world.org().save_kin(Object::Contact, &[kin]).unwrap();
    }

    #[test]
    fn what_takes_a_name_from_a_record_is_read_again_when_the_name_changes() {
        let world = World::new();
        contacts_take(&world, &["name"]);
        world.pull(Object::Account, vec![named(1, 1, "Acme"), named(2, 1, "Bolt")]);
        assert_eq!(reread(&world, Object::Contact), [], "they are new");
        let same_name = mapped(1, 2, &[("name", "Acme".into()), ("domain", "acme.example".into())]);
        world.pull(Object::Account, vec![same_name, named(2, 2, "Nut")]);
        assert_eq!(reread(&world, Object::Contact), [id(2)]);
        assert_eq!(reread(&world, Object::Lead), []);
    }

    #[test]
    fn what_takes_a_field_that_is_not_read_is_read_again_with_every_new_stamp() {
        let world = World::new();
        contacts_take(&world, &["Industry"]);
        world.pull(Object::Account, vec![named(1, 1, "Acme"), named(2, 1, "Bolt")]);
        world.pull(Object::Account, vec![named(1, 1, "Acme"), named(2, 2, "Bolt")]);
        assert_eq!(reread(&world, Object::Contact), [id(2)]);
    }

    #[test]
    fn what_hung_on_a_merged_record_is_read_again_and_once() {
        let world = World::new();
        let org = world.org();
        contacts_take(&world, &[]);
        world.pull(Object::Account, vec![named(1, 1, "Acme"), named(2, 1, "Bolt")]);
        let row = crate::store::Row { became: vec![(Object::Account, id(2))], ..deleted(1, 2) };
        world.pull(Object::Account, vec![row.clone()]);
        let wanted = org.reread(Object::Contact, 9).unwrap().unwrap();
        assert_eq!(wanted.parents, [id(2)]);
        org.database.write("test", |db| done(db, Object::Contact, &wanted)).unwrap();
        world.pull(Object::Account, vec![row]);
        assert_eq!(reread(&world, Object::Contact), [], "it is known by now");
    }
}
