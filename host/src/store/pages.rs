//! Pages: settling what was read and mapped, all of it or nothing.

mod statements;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use statements::{Statements, Stored};

use super::backfills::Backfill;
use super::encoded::{Encoded, Made, Searchable, There, What};
use super::entities::Fate;
use super::failures::{self, Subject, Trouble};
use super::rereads::{self, Reread};
use super::value::micros;
use super::{OrgStore, Position, Result, backfills, cursors, leftovers, links, successors, work};
use crate::model::{Counts, Cursor, Direction, Kind, Mender, Object, Problem, SalesforceId};

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
    pub next: &'a Position,
    /// What its entities are.
    pub kind: Kind,
    /// The digest of the mapping.
    pub mapping: &'a str,
    /// The records, in the order in which they were read.
    pub rows: &'a [Encoded],
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
    /// What was to be read again, and how far that is with these.
    pub done: Again<'a>,
    /// What its entities are.
    pub kind: Kind,
    /// The digest of the mapping.
    pub mapping: &'a str,
    /// The records.
    pub rows: Vec<Encoded>,
    /// The time of the run.
    pub now: Timestamp,
}

/// Why records are mapped or read again.
#[derive(Debug, Clone, Copy)]
pub enum Again<'a> {
    /// Something that is noted nowhere, or that has more to it.
    Unnoted,
    /// What hangs on others, all of which is done now.
    Reread(&'a Reread),
    /// A backfill, which has come so far; none, if it has come to its end.
    Backfill(&'a Backfill, Option<&'a Cursor>),
}

impl OrgStore {
    /// Settles pages that follow each other in one transaction: sources, entities, failures,
    /// what follows for meetings, and the cursor.
    ///
    /// Leaves nothing behind where the job was claimed anew or the cursor isn't
    /// where a page began. A record older than the stored one is ignored. Of
    /// what Salesforce has deleted, no value is kept.
    ///
    /// Work that found no record waits again once an entity changed. A task that
    /// is closed or opened in Salesforce closes or opens its action item.
    pub fn settle(&self, pages: &[Page<'_>]) -> Result<Counts> {
        self.database.write("settle a page", |db| {
            let mut counts = Counts::default();
            for page in pages {
                cursors::check_fence(db, page.object, Direction::Pull, page.fence)?;
                cursors::check_position(db, page.object, page.expected)?;
                let batch = Batch {
                    object: page.object,
                    kind: page.kind,
                    mapping: page.mapping,
                    rows: page.rows,
                    may_be_old: true,
                    now: page.now,
                };
                counts += settle(db, &batch)?;
                if page.next.whole && !page.next.paging {
                    counts.skipped += leftovers::remove(db, page.object, page.mapping, page.now)?;
                }
                cursors::save(db, page.object, page.next)?;
                if !page.next.paging {
                    cursors::note_imported(db, page.object, page.now)?;
                }
            }
            Ok(counts)
        })
    }

    /// Settles records that were mapped or read again, in one transaction, as
    /// [`OrgStore::settle`] does; the cursor stays. They were read just now, or are the stored
    /// ones: one that is older than what is stored counts all the same.
    pub fn remap(&self, remap: &Remap<'_>) -> Result<Counts> {
        self.database.write("settle records mapped again", |db| {
            cursors::check_fence(db, remap.object, Direction::Pull, remap.fence)?;
            let batch = Batch {
                object: remap.object,
                kind: remap.kind,
                mapping: remap.mapping,
                rows: &remap.rows,
                may_be_old: false,
                now: remap.now,
            };
            match remap.done {
                Again::Unnoted => {}
                Again::Reread(reread) => rereads::done(db, remap.object, reread)?,
                Again::Backfill(backfill, cursor) => {
                    backfills::advance(db, remap.object, backfill, cursor, remap.rows.len())?;
                }
            }
            settle(db, &batch)
        })
    }
}

struct Batch<'a> {
    object: Object,
    kind: Kind,
    mapping: &'a str,
    rows: &'a [Encoded],
    /// Whether a record may have been read before the one that is stored.
    may_be_old: bool,
    now: Timestamp,
}

fn settle(db: &Connection, batch: &Batch<'_>) -> Result<Counts> {
    let mut settling = Settling {
        db,
        batch,
        statements: Statements::prepare(db)?,
        failing: failures::any(db, batch.object, Direction::Pull)?,
        watched: rereads::watched(db, batch.object)?,
        merged: successors::any(db, batch.object)?,
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
    statements: Statements<'a>,
    /// Whether the object may have failures to clear: mostly it has none.
    failing: bool,
    /// The fields that other objects take from this one.
    watched: Vec<String>,
    /// Whether some record of the object became another.
    merged: bool,
    /// Whether an entity was made, changed or removed.
    touched: bool,
    counts: Counts,
}

impl Settling<'_> {
    fn row(&mut self, row: &Encoded) -> Result<()> {
        self.counts.pulled += 1;
        let stored = self.statements.stored(self.batch.object, &row.id)?;
        let is_older = |stored: &Stored| micros(row.modified_at) < stored.modified_at;
        if self.batch.may_be_old && stored.as_ref().is_some_and(is_older) {
            self.counts.unchanged += 1;
            return Ok(());
        }
        if !row.became.is_empty() {
            let was_known = stored.is_some();
            successors::note(self.db, self.batch.object, &row.id, &row.became, was_known)?;
        }
        match &row.what {
            What::Gone(fate, why) => self.gone(row, *fate, *why, stored.as_ref()),
            What::There(there) => self.there(row, there, stored.as_ref()),
        }
    }

    fn gone(
        &mut self,
        row: &Encoded,
        fate: Fate,
        why: Option<&'static str>,
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

    fn there(&mut self, row: &Encoded, there: &There, stored: Option<&Stored>) -> Result<()> {
        let fate = there.outcome.fate();
        match &there.outcome {
            Made::Failed(problem) => self.save_failure(&row.id, problem)?,
            Made::Entity(_) | Made::Skipped(_) => self.clear_failure(&row.id)?,
        }
        let same = stored.filter(|stored| stored.is(fate, &there.hash, self.batch.mapping));
        match &there.outcome {
            Made::Entity(_) if same.is_some() => self.counts.unchanged += 1,
            Made::Entity(_) => self.counts.mapped += 1,
            Made::Skipped(_) => self.counts.skipped += 1,
            Made::Failed(_) => self.counts.failed += 1,
        }
        if let Some(same) = same {
            // What others take from it may be none of what is read of it.
            if micros(row.modified_at) != same.modified_at {
                self.tell_kin(row, there, same)?;
                // What we wrote may have been taken back by hand.
                self.see_task(row, same.closed, same.closed)?;
            }
            return self.restamp(row, same);
        }
        match stored {
            Some(stored) => self.tell_kin(row, there, stored)?,
            // It was merged before it was ever read, and is back.
            None if self.merged => successors::forget(self.db, self.batch.object, &row.id)?,
            None => {}
        }
        let source_id = self.save_source(row, there, stored)?;
        if self.batch.object == Object::Task {
            links::set_gone(self.db, &row.id, false)?;
        }
        match &there.outcome {
            Made::Entity(entity) => self.save_entity(row, source_id, entity, stored),
            Made::Skipped(_) => stored.map_or(Ok(()), |stored| self.remove(stored)),
            Made::Failed(_) => Ok(()),
        }
    }

    /// Has those records read again that take from this one what differs by now; one that
    /// is back is nothing else any more.
    fn tell_kin(&mut self, row: &Encoded, there: &There, stored: &Stored) -> Result<()> {
        if stored.fate == Fate::Deleted {
            successors::forget(self.db, self.batch.object, &row.id)?;
        }
        let (db, watched) = (self.db, &self.watched);
        let changed = micros(row.modified_at) != stored.modified_at;
        if !watched.is_empty()
            && rereads::differs(db, stored.source_id, watched, &there.source, changed)?
        {
            rereads::want(db, self.batch.object, &row.id)?;
        }
        Ok(())
    }

    /// Notes that a record was touched without a change to what is read of it;
    /// without the newer stamp an older state could come after it.
    fn restamp(&mut self, row: &Encoded, same: &Stored) -> Result<()> {
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
        row: &Encoded,
        there: &There,
        stored: Option<&Stored>,
    ) -> Result<i64> {
        let modified_at = micros(row.modified_at);
        let (fate, mapping) = (there.outcome.fate().as_str(), self.batch.mapping);
        let reason = match &there.outcome {
            Made::Skipped(reason) => Some(reason),
            Made::Entity(_) | Made::Failed(_) => None,
        };
        let There { hash, source, .. } = there;
        if let Some(stored) = stored {
            let id = stored.source_id;
            let values = params![id, modified_at, fate, reason, mapping, hash, source];
            self.statements.change_source.execute(values)?;
            return Ok(id);
        }
        let (object, id) = (self.batch.object.as_str(), row.id.as_str());
        let values = params![object, id, modified_at, fate, reason, mapping, hash, source];
        self.statements.insert_source.execute(values)?;
        Ok(self.db.last_insert_rowid())
    }

    fn save_entity(
        &mut self,
        row: &Encoded,
        source_id: i64,
        entity: &Searchable,
        stored: Option<&Stored>,
    ) -> Result<()> {
        self.touched = true;
        self.statements.save_entity.execute(params![
            source_id,
            self.batch.object.as_str(),
            row.id.as_str(),
            self.batch.kind.as_str(),
            entity.name,
            entity.email,
            entity.domain,
            entity.account_id,
            entity.owner_id,
            entity.closed,
            entity.converted,
            entity.on_date,
            entity.who_id,
            entity.what_id,
            micros(row.modified_at),
            entity.fields,
        ])?;
        let read = stored.and_then(|stored| stored.closed);
        self.see_task(row, entity.closed, read)
    }

    fn see_task(&self, row: &Encoded, closed: Option<bool>, read: Option<bool>) -> Result<()> {
        match closed.filter(|_| self.batch.object == Object::Task) {
            Some(closed) => links::see(self.db, &row.id, closed, read),
            None => Ok(()),
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

#[cfg(test)]
mod tests;
