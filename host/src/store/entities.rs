//! Entities and the sources they were made from, to be looked up.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::database::{all, one};
use super::value::{fields, micros, number, time, word};
use super::{OrgStore, Result};
use crate::model::{Entity, Fields, Object, SalesforceId, Table, Value};

/// How many people with one e-mail address are looked at.
const PEOPLE_MAX: u32 = 50;
/// How many companies with one domain are looked at.
const COMPANIES_MAX: u32 = 50;
/// How many deals of one account are looked at.
const DEALS_MAX: u32 = 1_000;

const PAGE: &str = "
    SELECT entities.object, entities.record_id, kind, entities.modified_at,
        json(fields) AS fields
    FROM sources JOIN entities ON entities.source_id = sources.source_id
    WHERE sources.object = ?1 AND sources.record_id > ?2 AND deleted_at IS NULL
    ORDER BY sources.record_id LIMIT ?3";
const ONE: &str = "
    SELECT entities.object, entities.record_id, kind, entities.modified_at,
        json(fields) AS fields
    FROM sources JOIN entities ON entities.source_id = sources.source_id
    WHERE sources.object = ?1 AND sources.record_id = ?2 AND deleted_at IS NULL";
const COUNT: &str = "
    SELECT count(*) AS found FROM entities WHERE object = ?1 AND deleted_at IS NULL";
const PEOPLE: &str = "
    SELECT object, record_id, kind, modified_at, json(fields) AS fields FROM entities
    WHERE email = ?1 AND object IN ('Contact', 'Lead') AND deleted_at IS NULL
    ORDER BY object, record_id LIMIT ?2";
const COMPANIES: &str = "
    SELECT object, record_id, kind, modified_at, json(fields) AS fields FROM entities
    WHERE domain = ?1 AND object = 'Account' AND deleted_at IS NULL
    ORDER BY record_id LIMIT ?2";
const DEALS: &str = "
    SELECT object, record_id, kind, modified_at, json(fields) AS fields FROM entities
    WHERE account_id = ?1 AND object = 'Opportunity' AND deleted_at IS NULL
    ORDER BY on_date DESC, record_id LIMIT ?2";
const SOURCE: &str = "
    SELECT modified_at, json(source) AS source FROM sources
    WHERE object = ?1 AND record_id = ?2 AND source IS NOT NULL";
const SOURCE_STATE: &str = "
    SELECT modified_at, state, reason, mapping FROM sources WHERE object = ?1 AND record_id = ?2";
const SOURCE_IDS: &str = "
    SELECT record_id FROM sources
    WHERE object = ?1 AND record_id > ?2 AND source IS NOT NULL AND state <> 'unselected'
    ORDER BY record_id LIMIT ?3";
const MAPPED_OTHERWISE: &str = "
    SELECT record_id FROM sources
    WHERE object = ?1 AND record_id > ?2 AND source IS NOT NULL AND state <> 'unselected'
        AND mapping <> ?4
    ORDER BY record_id LIMIT ?3";

/// Records as they were read, to be mapped again.
#[derive(Debug, Clone, PartialEq)]
pub struct Sources {
    /// The records, one for each row of the table.
    pub ids: Vec<SalesforceId>,
    /// `SystemModstamp` of each record.
    pub stamps: Vec<Timestamp>,
    /// Their values.
    pub table: Table,
}

/// What became of a record when it was last mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// What became of it.
    pub fate: Fate,
    /// Why it was skipped. Why it failed is told by its failure.
    pub reason: Option<String>,
    /// The digest of the mapping that decided it.
    pub mapping: String,
    /// `SystemModstamp` of the record.
    pub modified_at: Timestamp,
}

/// What can become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is an entity.
    Mapped,
    /// The mapping doesn't want it.
    Skipped,
    /// It waits for a mend; the entity it was before stays.
    Failed,
    /// Salesforce has deleted it.
    Deleted,
    /// The connected user doesn't see it any more.
    Hidden,
    /// The mapping's condition doesn't select it any more.
    Unselected,
}

impl Fate {
    /// Returns the word for it, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
            Self::Hidden => "hidden",
            Self::Unselected => "unselected",
        }
    }
}

impl FromStr for Fate {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let all = [
            Self::Mapped,
            Self::Skipped,
            Self::Failed,
            Self::Deleted,
            Self::Hidden,
            Self::Unselected,
        ];
        let known = all.into_iter().find(|fate| fate.as_str() == text);
        known.ok_or_else(|| format!("\"{text}\" is nothing that becomes of a record"))
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl OrgStore {
    /// Returns the entities of an object that come after an id, by id.
    pub fn entities(
        &self,
        object: Object,
        after: Option<&SalesforceId>,
        limit: u32,
    ) -> Result<Vec<Entity>> {
        let after = after.map_or("", SalesforceId::as_str);
        self.database.read("read entities", |db| {
            all(db, PAGE, params![object.as_str(), after, limit], entity)
        })
    }

    /// Returns entities of an object whose name or address holds a text, whatever its case.
    ///
    /// Looks through all of them: for people who search, not for what runs often.
    pub fn search(&self, object: Object, text: &str, limit: u32) -> Result<Vec<Entity>> {
        self.database.read("search entities", |db| {
            let sql = "SELECT object, record_id, kind, json(fields) AS fields, modified_at
                       FROM entities WHERE object = ?1 AND deleted_at IS NULL
                           AND (instr(lower(name), lower(?2)) OR instr(lower(email), lower(?2)))
                       ORDER BY name, record_id LIMIT ?3";
            all(db, sql, params![object.as_str(), text, limit], entity)
        })
    }

    /// Returns the entity of a record; none where it was skipped or deleted.
    pub fn entity(&self, object: Object, id: &SalesforceId) -> Result<Option<Entity>> {
        self.database
            .read("read an entity", |db| one(db, ONE, [object.as_str(), id.as_str()], entity))
    }

    /// Returns how many entities an object has.
    pub fn count(&self, object: Object) -> Result<u64> {
        let count = self.database.read("count entities", |db| {
            one(db, COUNT, [object.as_str()], |row| number(row, "found"))
        })?;
        Ok(count.unwrap_or_default())
    }

    /// Returns the contacts, then the leads, with one of these e-mail addresses,
    /// whatever its case; at most 50 for each address.
    pub fn people_by_email(&self, emails: &[String]) -> Result<Vec<Entity>> {
        let mut wanted: Vec<_> = emails.iter().map(|email| folded(email)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut people = self.database.read("look up people", |db| {
            let mut people = Vec::new();
            for email in &wanted {
                people.extend(all(db, PEOPLE, params![email, PEOPLE_MAX], entity)?);
            }
            Ok(people)
        })?;
        people.sort_by_key(|person| person.object);
        Ok(people)
    }

    /// Returns the accounts with this domain, whatever its case; at most 50.
    pub fn companies_by_domain(&self, domain: &str) -> Result<Vec<Entity>> {
        self.database.read("look up companies", |db| {
            all(db, COMPANIES, params![folded(domain), COMPANIES_MAX], entity)
        })
    }

    /// Returns the opportunities of an account, open and closed, the one that
    /// closes last first; at most 1,000.
    pub fn deals_of(&self, account_id: &SalesforceId) -> Result<Vec<Entity>> {
        self.database.read("look up deals", |db| {
            all(db, DEALS, params![account_id.as_str(), DEALS_MAX], entity)
        })
    }

    /// Returns a record as it was last read; none once Salesforce has deleted it.
    pub fn source(&self, object: Object, id: &SalesforceId) -> Result<Option<Fields>> {
        self.database.read("read a source", |db| {
            one(db, SOURCE, [object.as_str(), id.as_str()], |row| fields(row, "source"))
        })
    }

    /// Returns what became of a record when it was last mapped.
    pub fn source_state(&self, object: Object, id: &SalesforceId) -> Result<Option<SourceState>> {
        self.database.read("read a source", |db| {
            one(db, SOURCE_STATE, [object.as_str(), id.as_str()], |row| {
                Ok(SourceState {
                    fate: word(row, "state")?,
                    reason: row.get("reason")?,
                    mapping: row.get("mapping")?,
                    modified_at: time(row, "modified_at")?,
                })
            })
        })
    }

    /// Returns those of the records whose stored state is older than this stamp; those that
    /// are gone or not selected don't count.
    pub fn older(
        &self,
        object: Object,
        records: &[(SalesforceId, Timestamp)],
    ) -> Result<Vec<SalesforceId>> {
        self.database.read("look for older records", |db| {
            let mut older = db.prepare_cached(
                "SELECT 1 FROM sources WHERE object = ?1 AND record_id = ?2 AND modified_at < ?3
                     AND state NOT IN ('deleted', 'hidden', 'unselected')",
            )?;
            let mut found = Vec::new();
            for (id, stamp) in records {
                if older.exists(params![object.as_str(), id.as_str(), micros(*stamp)])? {
                    found.push(id.clone());
                }
            }
            Ok(found)
        })
    }

    /// Returns the ids of stored records that come after an id, by id: skipped
    /// and failed ones too.
    pub fn source_ids(
        &self,
        object: Object,
        after: Option<&SalesforceId>,
        limit: u32,
    ) -> Result<Vec<SalesforceId>> {
        let after = after.map_or("", SalesforceId::as_str);
        self.database.read("read sources", |db| {
            let key = params![object.as_str(), after, limit];
            all(db, SOURCE_IDS, key, |row| word(row, "record_id"))
        })
    }

    /// Returns the ids of stored records that another mapping has mapped and that come after
    /// an id, by id.
    pub fn mapped_otherwise(
        &self,
        object: Object,
        mapping: &str,
        after: Option<&SalesforceId>,
        limit: u32,
    ) -> Result<Vec<SalesforceId>> {
        let after = after.map_or("", SalesforceId::as_str);
        self.database.read("read sources", |db| {
            let key = params![object.as_str(), after, limit, mapping];
            all(db, MAPPED_OTHERWISE, key, |row| word(row, "record_id"))
        })
    }

    /// Returns records as they were last read, under these columns.
    ///
    /// Leaves out those that were deleted, and those that were read without one
    /// of the columns: they have to be read from Salesforce again.
    pub fn sources(
        &self,
        object: Object,
        columns: &Arc<[String]>,
        ids: &[SalesforceId],
    ) -> Result<Sources> {
        let table = Table { columns: Arc::clone(columns), rows: Vec::new() };
        let mut sources = Sources { ids: Vec::new(), stamps: Vec::new(), table };
        self.database.read("read sources", |db| {
            for id in ids {
                let key = [object.as_str(), id.as_str()];
                let source = one(db, SOURCE, key, |row| {
                    Ok((time(row, "modified_at")?, fields(row, "source")?))
                })?;
                let Some((stamp, source)) = source else { continue };
                let Some(values) = under(columns, source) else { continue };
                sources.ids.push(id.clone());
                sources.stamps.push(stamp);
                sources.table.rows.push(values);
            }
            Ok(sources)
        })
    }
}

/// Returns the values under these columns, if there is one for each.
fn under(columns: &[String], mut fields: Fields) -> Option<Vec<Value>> {
    if columns.iter().eq(fields.iter().map(|(name, _)| name)) {
        return Some(fields.into_iter().map(|(_, value)| value).collect());
    }
    let mut take = |column: &String| {
        let place = fields.iter().position(|(name, _)| name == column)?;
        Some(fields.swap_remove(place).1)
    };
    columns.iter().map(&mut take).collect()
}

/// Returns a text as it is searched for.
pub(super) fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

fn entity(row: &Row<'_>) -> rusqlite::Result<Entity> {
    Ok(Entity {
        object: word(row, "object")?,
        id: word(row, "record_id")?,
        kind: word(row, "kind")?,
        fields: fields(row, "fields")?,
        modified_at: time(row, "modified_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::{World, columns, id, mapped, texts};

    #[test]
    fn people_are_found_by_address_whatever_its_case_contacts_first() {
        let world = World::new();
        let org = world.org();
        world.pull(Object::Lead, vec![mapped(1, 1, &[("email", "ANN@Acme.com ".into())])]);
        world.pull(
            Object::Contact,
            vec![
                mapped(2, 1, &[("email", "ann@acme.com".into())]),
                mapped(3, 1, &[("email", "bob@acme.com".into())]),
                mapped(4, 1, &[("name", "no address".into())]),
            ],
        );
        let emails = texts(&["Ann@ACME.com", "ann@acme.com", "eve@acme.com"]);
        let found = org.people_by_email(&emails).unwrap();
        let found: Vec<_> = found.iter().map(|person| (person.object, &person.id)).collect();
        assert_eq!(found, [(Object::Contact, &id(2)), (Object::Lead, &id(1))]);
    }

    #[test]
    fn companies_are_found_by_domain_and_deals_by_their_account() {
        let world = World::new();
        let org = world.org();
        let account = Value::from(id(1).as_str());
        world.pull(Object::Account, vec![mapped(1, 1, &[("domain", "Acme.COM".into())])]);
        world.pull(
            Object::Opportunity,
            vec![
                mapped(2, 1, &[("account_id", account.clone()), ("close_on", "2026-01-31".into())]),
                mapped(3, 1, &[("account_id", account.clone()), ("close_on", "2026-05-31".into())]),
                mapped(4, 1, &[("account_id", id(9).as_str().into())]),
            ],
        );
        // A task of the account is no deal of it.
        world.pull(Object::Task, vec![mapped(5, 1, &[("account_id", account)])]);
        assert_eq!(org.companies_by_domain("acme.com").unwrap()[0].id, id(1));
        let deals = org.deals_of(&id(1)).unwrap();
        let deals: Vec<_> = deals.iter().map(|deal| &deal.id).collect();
        assert_eq!(deals, [&id(3), &id(2)]);
    }

    #[test]
    fn every_search_is_on_an_index() {
        let world = World::new();
        let org = world.org();
        let db = org.database.lock();
        for (sql, index) in [
            (PAGE, "sqlite_autoindex_sources_1"),
            (ONE, "sqlite_autoindex_sources_1"),
            (COUNT, "entities_by_object"),
            (PEOPLE, "entities_by_email"),
            (COMPANIES, "entities_by_domain"),
            (DEALS, "entities_by_account"),
            (SOURCE, "sqlite_autoindex_sources_1"),
            (SOURCE_STATE, "sqlite_autoindex_sources_1"),
            (SOURCE_IDS, "sqlite_autoindex_sources_1"),
            (MAPPED_OTHERWISE, "sqlite_autoindex_sources_1"),
        ] {
            let plan = world.plan(&db, sql);
            let searched = plan.contains("SEARCH") && plan.contains(index);
            assert!(searched && !plan.contains("SCAN"), "{sql}\n{plan}");
        }
    }

    #[test]
    fn sources_come_back_under_the_columns_that_are_wanted_or_not_at_all() {
        let world = World::new();
        let org = world.org();
        world.pull(Object::Lead, vec![mapped(1, 1, &[]), mapped(2, 2, &[])]);
        let ids = [id(1), id(7), id(2)];
        let sources = org.sources(Object::Lead, &columns(), &ids).unwrap();
        assert_eq!(sources.ids, [id(1), id(2)]);
        assert_eq!(sources.table.rows[0][0], id(1).as_str().into());

        let turned: Arc<[String]> = columns().iter().rev().cloned().collect();
        let again = org.sources(Object::Lead, &turned, &ids).unwrap();
        let mut first = again.table.rows[0].clone();
        first.reverse();
        assert_eq!(first, sources.table.rows[0]);

        let more: Arc<[String]> = columns().iter().cloned().chain(["New__c".to_owned()]).collect();
        assert_eq!(org.sources(Object::Lead, &more, &ids).unwrap().ids, []);
        assert_eq!(org.source_ids(Object::Lead, Some(&id(1)), 9).unwrap(), [id(2)]);
    }
}
