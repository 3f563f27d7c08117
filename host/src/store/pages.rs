//! Pages: settling what was read and mapped, all of it or nothing.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::entities::{Fate, folded};
use super::failures::{self, Subject, Trouble};
use super::rereads::{self, Reread};
use super::value::{hash, micros, word, write_object};
use super::{OrgStore, Position, Result, cursors, leftovers, links, successors, work};
use crate::model::{Counts, Direction, Mender, Object, Problem, Pulled, SalesforceId, Spec, Value};

/// A page that was read and mapped.
#[derive(Debug)]
pub struct Page<'a> {
    /// The object.
    pub object: Object,
    /// The fence under which the page was read.
    pub fence: u64,
    /// Where the page began.
    pub expected: &'a Position,
    /// Where the next one begins.
    pub next: Position,
    /// What the mapping said of its entities.
    pub spec: &'a Spec,
    /// The names of a source's values.
    pub columns: &'a Arc<[String]>,
    /// The digest of the mapping.
    pub mapping: &'a str,
    /// The records, in the order in which they were read.
    pub rows: Vec<Row>,
    /// The time of the run.
    pub now: Timestamp,
}

/// Records that were mapped again, or read again out of their order.
#[derive(Debug)]
pub struct Remap<'a> {
    /// The object.
    pub object: Object,
    /// The fence under which they were taken.
    pub fence: u64,
    /// What was to be read again, and is with these.
    pub done: Option<&'a Reread>,
    /// What the mapping said of its entities.
    pub spec: &'a Spec,
    /// The names of a source's values.
    pub columns: &'a Arc<[String]>,
    /// The digest of the mapping.
    pub mapping: &'a str,
    /// The records.
    pub rows: Vec<Row>,
    /// The time of the run.
    pub now: Timestamp,
}

/// One record of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The record.
    pub id: SalesforceId,
    /// Its `SystemModstamp`.
    pub modified_at: Timestamp,
    /// Its values, one for each column; may be empty for one that is gone.
    pub source: Vec<Value>,
    /// What it was merged into or converted to.
    pub became: Vec<(Object, SalesforceId)>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a record that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// What the mapping made of it.
    Pulled(Pulled),
    /// Salesforce has deleted it.
    Deleted,
    /// The connected user doesn't see it any more, though it may be there.
    Hidden,
    /// The mapping's condition doesn't select it any more.
    Unselected,
}

impl OrgStore {
    /// Settles a page in one transaction: sources, entities, failures, what
    /// follows for meetings, and the cursor.
    ///
    /// Leaves nothing behind where the job was claimed anew or the cursor isn't
    /// where the page began. A record older than the stored one is ignored. Of
    /// what Salesforce has deleted, no value is kept.
    ///
    /// Work that found no record waits again once an entity changed. A task that
    /// is closed or opened in Salesforce closes or opens its action item.
    pub fn settle(&self, page: &Page<'_>) -> Result<Counts> {
        self.database.write("settle a page", |db| {
            cursors::check_fence(db, page.object, Direction::Pull, page.fence)?;
            cursors::check_position(db, page.object, page.expected)?;
            let batch = Batch {
                object: page.object,
                spec: page.spec,
                columns: page.columns,
                mapping: page.mapping,
                rows: &page.rows,
                now: page.now,
            };
            let mut counts = settle(db, &batch)?;
            if page.next.whole && !page.next.paging {
                counts.skipped += leftovers::remove(db, page.object, page.mapping, page.now)?;
            }
            cursors::save(db, page.object, &page.next)?;
            if !page.next.paging {
                cursors::note_imported(db, page.object, page.now)?;
            }
            Ok(counts)
        })
    }

    /// Settles records that were mapped or read again, in one transaction, as
    /// [`OrgStore::settle`] does; the cursor stays.
    pub fn remap(&self, remap: &Remap<'_>) -> Result<Counts> {
        self.database.write("settle records mapped again", |db| {
            cursors::check_fence(db, remap.object, Direction::Pull, remap.fence)?;
            let batch = Batch {
                object: remap.object,
                spec: remap.spec,
                columns: remap.columns,
                mapping: remap.mapping,
                rows: &remap.rows,
                now: remap.now,
            };
            remap.done.map_or(Ok(()), |reread| rereads::done(db, remap.object, reread))?;
            settle(db, &batch)
        })
    }
}

struct Batch<'a> {
    object: Object,
    spec: &'a Spec,
    columns: &'a [String],
    mapping: &'a str,
    rows: &'a [Row],
    now: Timestamp,
}

fn settle(db: &Connection, batch: &Batch<'_>) -> Result<Counts> {
    let mut settling = Settling {
        db,
        batch,
        places: Places::of(batch.spec),
        statements: Statements::prepare(db)?,
        json: String::new(),
        failing: failures::any(db, batch.object, Direction::Pull)?,
        watched: rereads::watched(db, batch.object)?,
        touched: false,
        counts: Counts::default(),
    };
    for row in batch.rows {
        settling.row(row)?;
    }
    if settling.touched {
        work::wake_unmatched(db)?;
    }
    Ok(settling.counts)
}

/// A batch on its way into the tables.
struct Settling<'a> {
    db: &'a Connection,
    batch: &'a Batch<'a>,
    places: Places,
    statements: Statements<'a>,
    /// The JSON of one row, whose memory serves them all.
    json: String,
    /// Whether the object may have failures to clear: mostly it has none.
    failing: bool,
    /// The fields that other objects take from this one.
    watched: Vec<String>,
    /// Whether an entity was made, changed or removed.
    touched: bool,
    counts: Counts,
}

impl Settling<'_> {
    fn row(&mut self, row: &Row) -> Result<()> {
        self.counts.pulled += 1;
        let stored = self.statements.stored(self.batch.object, &row.id)?;
        if stored.as_ref().is_some_and(|stored| micros(row.modified_at) < stored.modified_at) {
            self.counts.unchanged += 1;
            return Ok(());
        }
        if !row.became.is_empty() {
            let was_known = stored.is_some();
            successors::note(self.db, self.batch.object, &row.id, &row.became, was_known)?;
        }
        match &row.outcome {
            Outcome::Deleted => self.gone(row, Fate::Deleted, None, stored.as_ref()),
            Outcome::Hidden => {
                let why = "the connected user does not see it any more";
                self.gone(row, Fate::Hidden, Some(why), stored.as_ref())
            }
            Outcome::Unselected => {
                let why = "the mapping no longer selects it";
                self.gone(row, Fate::Unselected, Some(why), stored.as_ref())
            }
            Outcome::Pulled(outcome) => self.pulled(row, outcome, stored.as_ref()),
        }
    }

    fn gone(
        &mut self,
        row: &Row,
        fate: Fate,
        why: Option<&str>,
        stored: Option<&Stored>,
    ) -> Result<()> {
        self.clear_failure(&row.id)?;
        // A task may be deleted before it was ever read.
        if self.batch.object == Object::Task && fate == Fate::Deleted {
            links::set_gone(self.db, &row.id, true)?;
        }
        let Some(stored) = stored else { return Ok(()) };
        let (id, at) = (stored.source_id, micros(row.modified_at));
        self.statements.bury.execute(params![id, at, fate.as_str(), why])?;
        if stored.live {
            self.counts.deleted += 1;
            self.remove(stored)?;
        }
        Ok(())
    }

    fn pulled(&mut self, row: &Row, outcome: &Pulled, stored: Option<&Stored>) -> Result<()> {
        let (fate, reason) = match outcome {
            Pulled::Mapped(_) => (Fate::Mapped, None),
            Pulled::Skipped(reason) => (Fate::Skipped, Some(reason.as_str())),
            Pulled::Failed(_) => (Fate::Failed, None),
        };
        match outcome {
            Pulled::Failed(problem) => self.save_failure(&row.id, problem)?,
            Pulled::Mapped(_) | Pulled::Skipped(_) => self.clear_failure(&row.id)?,
        }
        let columns = self.batch.columns.iter().map(String::as_str);
        write_object(&mut self.json, columns.zip(&row.source));
        let hash = hash(&self.json);
        let same = stored.filter(|stored| stored.is(fate, &hash, self.batch.mapping));
        match fate {
            Fate::Mapped if same.is_some() => self.counts.unchanged += 1,
            Fate::Mapped => self.counts.mapped += 1,
            Fate::Skipped => self.counts.skipped += 1,
            _ => self.counts.failed += 1,
        }
        if let Some(same) = same {
            return self.restamp(row, same);
        }
        if let Some(stored) = stored {
            self.tell_kin(row, stored)?;
        }
        let source_id = self.save_source(row, stored, fate, reason, &hash)?;
        if self.batch.object == Object::Task {
            links::set_gone(self.db, &row.id, false)?;
        }
        match outcome {
            Pulled::Mapped(values) => self.save_entity(row, source_id, values, stored),
            Pulled::Skipped(_) => stored.map_or(Ok(()), |stored| self.remove(stored)),
            Pulled::Failed(_) => Ok(()),
        }
    }

    /// Has those records read again that take from this one what differs by now; one that
    /// is back is nothing else any more.
    fn tell_kin(&mut self, row: &Row, stored: &Stored) -> Result<()> {
        if stored.fate == Fate::Deleted {
            successors::forget(self.db, self.batch.object, &row.id)?;
        }
        let Batch { object, columns, .. } = *self.batch;
        let (db, watched) = (self.db, &self.watched);
        if !watched.is_empty()
            && rereads::differs(db, stored.source_id, watched, columns, &row.source)?
        {
            rereads::want(db, object, &row.id)?;
        }
        Ok(())
    }

    /// Notes that a record was touched without a change to what is read of it;
    /// without the newer stamp an older state could come after it.
    fn restamp(&mut self, row: &Row, same: &Stored) -> Result<()> {
        let modified_at = micros(row.modified_at);
        if modified_at == same.modified_at {
            return Ok(());
        }
        self.statements.restamp_source.execute([same.source_id, modified_at])?;
        if same.fate == Fate::Mapped {
            self.statements.restamp_entity.execute([same.source_id, modified_at])?;
        }
        Ok(())
    }

    fn save_source(
        &mut self,
        row: &Row,
        stored: Option<&Stored>,
        fate: Fate,
        reason: Option<&str>,
        hash: &[u8],
    ) -> Result<i64> {
        let modified_at = micros(row.modified_at);
        let (fate, mapping) = (fate.as_str(), self.batch.mapping);
        if let Some(stored) = stored {
            let id = stored.source_id;
            let values = params![id, modified_at, fate, reason, mapping, hash, self.json];
            self.statements.change_source.execute(values)?;
            return Ok(id);
        }
        let (object, id) = (self.batch.object.as_str(), row.id.as_str());
        let values = params![object, id, modified_at, fate, reason, mapping, hash, self.json];
        self.statements.insert_source.execute(values)?;
        Ok(self.db.last_insert_rowid())
    }

    fn save_entity(
        &mut self,
        row: &Row,
        source_id: i64,
        values: &[Value],
        stored: Option<&Stored>,
    ) -> Result<()> {
        self.touched = true;
        let columns = self.batch.spec.columns.iter().map(|column| column.name.as_str());
        write_object(&mut self.json, columns.zip(values));
        let places = &self.places;
        let closed = boolean(values, places.closed);
        self.statements.save_entity.execute(params![
            source_id,
            self.batch.object.as_str(),
            row.id.as_str(),
            self.batch.spec.kind.as_str(),
            text(values, places.name),
            text(values, places.email).map(folded),
            text(values, places.domain).map(folded),
            text(values, places.account_id),
            text(values, places.owner_id),
            closed,
            boolean(values, places.converted),
            text(values, places.on_date),
            text(values, places.who_id),
            text(values, places.what_id),
            micros(row.modified_at),
            self.json,
        ])?;
        let before = stored.and_then(|stored| stored.closed).unwrap_or(false);
        match closed {
            Some(closed) if self.batch.object == Object::Task && closed != before => {
                links::flip_item(self.db, &row.id, closed)
            }
            _ => Ok(()),
        }
    }

    fn remove(&mut self, stored: &Stored) -> Result<()> {
        if stored.live {
            self.touched = true;
            self.statements.remove.execute([stored.source_id, micros(self.batch.now)])?;
        }
        Ok(())
    }

    fn save_failure(&mut self, id: &SalesforceId, problem: &Problem) -> Result<()> {
        self.failing = true;
        let trouble = Trouble {
            code: "mapping".to_owned(),
            problem: problem.clone(),
            mender: Mender::MappingAuthor,
        };
        let subject = Subject::Record(id.clone());
        let object = self.batch.object;
        failures::save(self.db, Direction::Pull, object, &subject, &trouble, self.batch.now)
    }

    fn clear_failure(&self, id: &SalesforceId) -> Result<()> {
        if !self.failing {
            return Ok(());
        }
        let subject = Subject::Record(id.clone());
        failures::clear(self.db, Direction::Pull, self.batch.object, &subject)
    }
}

fn text(values: &[Value], place: Option<usize>) -> Option<&str> {
    let text = values.get(place?)?.text()?;
    Some(text).filter(|text| !text.is_empty())
}

fn boolean(values: &[Value], place: Option<usize>) -> Option<bool> {
    match values.get(place?)? {
        Value::Boolean(value) => Some(*value),
        _ => None,
    }
}

/// Where the columns that are searched lie in a mapping's outcome.
struct Places {
    name: Option<usize>,
    email: Option<usize>,
    domain: Option<usize>,
    account_id: Option<usize>,
    owner_id: Option<usize>,
    closed: Option<usize>,
    converted: Option<usize>,
    on_date: Option<usize>,
    who_id: Option<usize>,
    what_id: Option<usize>,
}

impl Places {
    fn of(spec: &Spec) -> Self {
        let place = |name| spec.columns.iter().position(|column| column.name == name);
        Self {
            name: place("name"),
            email: place("email"),
            domain: place("domain"),
            account_id: place("account_id"),
            owner_id: place("owner_id"),
            closed: place("closed"),
            converted: place("converted"),
            on_date: place("due_on").or_else(|| place("close_on")),
            who_id: place("who_id"),
            what_id: place("what_id"),
        }
    }
}

/// What is stored of a record.
struct Stored {
    source_id: i64,
    modified_at: i64,
    fate: Fate,
    mapping: String,
    hash: Option<Vec<u8>>,
    /// Whether there is an entity.
    live: bool,
    /// Whether the entity is closed, or was before it was removed.
    closed: Option<bool>,
}

impl Stored {
    fn is(&self, fate: Fate, hash: &[u8], mapping: &str) -> bool {
        self.fate == fate && self.hash.as_deref() == Some(hash) && self.mapping == mapping
    }
}

/// The statements that every row needs, looked up once for a page.
struct Statements<'a> {
    stored: CachedStatement<'a>,
    insert_source: CachedStatement<'a>,
    change_source: CachedStatement<'a>,
    restamp_source: CachedStatement<'a>,
    restamp_entity: CachedStatement<'a>,
    bury: CachedStatement<'a>,
    save_entity: CachedStatement<'a>,
    remove: CachedStatement<'a>,
}

impl<'a> Statements<'a> {
    fn prepare(db: &'a Connection) -> Result<Self> {
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
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, jsonb(?8))",
            )?,
            change_source: db.prepare_cached(
                "UPDATE sources SET modified_at = ?2, state = ?3, reason = ?4, mapping = ?5,
                     hash = ?6, source = jsonb(?7)
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
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, jsonb(?16))
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

    fn stored(&mut self, object: Object, id: &SalesforceId) -> Result<Option<Stored>> {
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

#[cfg(test)]
mod tests;
