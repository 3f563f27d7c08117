//! The statements that every row of a page needs.

use rusqlite::{CachedStatement, Connection, OptionalExtension};

use super::super::Result;
use super::super::entities::Fate;
use super::super::value::word;
use crate::model::{Object, SalesforceId};

/// What is stored of a record.
pub(super) struct Stored {
    pub(super) source_id: i64,
    pub(super) modified_at: i64,
    pub(super) fate: Fate,
    mapping: String,
    hash: Option<Vec<u8>>,
    /// Whether there is an entity.
    pub(super) live: bool,
    /// Whether the entity is closed, or was before it was removed.
    pub(super) closed: Option<bool>,
}

impl Stored {
    pub(super) fn is(&self, fate: Fate, hash: &[u8], mapping: &str) -> bool {
        self.fate == fate && self.hash.as_deref() == Some(hash) && self.mapping == mapping
    }
}

/// The statements that every row needs, looked up once for a page.
pub(super) struct Statements<'a> {
    pub(super) stored: CachedStatement<'a>,
    pub(super) insert_source: CachedStatement<'a>,
    pub(super) change_source: CachedStatement<'a>,
    pub(super) restamp_source: CachedStatement<'a>,
    pub(super) restamp_entity: CachedStatement<'a>,
    pub(super) bury: CachedStatement<'a>,
    pub(super) save_entity: CachedStatement<'a>,
    pub(super) remove: CachedStatement<'a>,
}

impl<'a> Statements<'a> {
    pub(super) fn prepare(db: &'a Connection) -> Result<Self> {
        Ok(Self {
            stored: db.prepare_cached(
                "SELECT sources.source_id, sources.modified_at, state, mapping, hash,
                     entities.source_id IS NOT NULL AND deleted_at IS NULL AS live, closed
                 FROM sources LEFT JOIN entities ON entities.source_id = sources.source_id
                 WHERE sources.object = ?1 AND sources.record_id = ?2",
            )?,
            insert_source: db.prepare_cached(
                "INSERT INTO sources
                     (object, record_id, modified_at, state, reason, mapping, hash, source)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            change_source: db.prepare_cached(
                "UPDATE sources SET modified_at = ?2, state = ?3, reason = ?4, mapping = ?5,
                     hash = ?6, source = ?7
                 WHERE source_id = ?1",
            )?,
            restamp_source: db
                .prepare_cached("UPDATE sources SET modified_at = ?2 WHERE source_id = ?1")?,
            restamp_entity: db
                .prepare_cached("UPDATE entities SET modified_at = ?2 WHERE source_id = ?1")?,
            bury: db.prepare_cached(
                "UPDATE sources SET modified_at = ?2, state = ?3, reason = ?4,
                     hash = NULL, source = NULL
                 WHERE source_id = ?1",
            )?,
            save_entity: db.prepare_cached(
                "INSERT INTO entities
                     (source_id, object, record_id, kind, name, email, domain, account_id, owner_id,
                      closed, converted, on_date, who_id, what_id, modified_at, fields)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
                 ON CONFLICT (source_id) DO UPDATE SET
                     kind = excluded.kind, name = excluded.name, email = excluded.email,
                     domain = excluded.domain, account_id = excluded.account_id,
                     owner_id = excluded.owner_id, closed = excluded.closed,
                     converted = excluded.converted, on_date = excluded.on_date,
                     who_id = excluded.who_id, what_id = excluded.what_id,
                     modified_at = excluded.modified_at, deleted_at = NULL,
                     fields = excluded.fields",
            )?,
            remove: db.prepare_cached(
                "UPDATE entities SET deleted_at = ?2, name = NULL, email = NULL, domain = NULL,
                     account_id = NULL, owner_id = NULL, on_date = NULL, who_id = NULL,
                     what_id = NULL, fields = jsonb('{}')
                 WHERE source_id = ?1",
            )?,
        })
    }

    pub(super) fn stored(&mut self, object: Object, id: &SalesforceId) -> Result<Option<Stored>> {
        let found = self.stored.query_row([object.as_str(), id.as_str()], |row| {
            Ok(Stored {
                source_id: row.get(0)?,
                modified_at: row.get(1)?,
                fate: word(row, "state")?,
                mapping: row.get(3)?,
                hash: row.get(4)?,
                live: row.get(5)?,
                closed: row.get(6)?,
            })
        });
        Ok(found.optional()?)
    }
}
