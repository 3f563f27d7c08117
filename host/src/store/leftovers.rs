//! What is left of an earlier reading: records that the mapping no longer selects.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::Result;
use super::database::{one, run};
use super::value::micros;
use crate::model::Object;

/// Takes out the entities of an object that a pull of the whole object under this
/// mapping did not come by, and returns how many there were. Their sources stay.
pub(super) fn remove(
    db: &Connection,
    object: Object,
    mapping: &str,
    now: Timestamp,
) -> Result<u64> {
    let (object, now) = (object.as_str(), micros(now));
    let any = "SELECT 1 FROM sources
               WHERE object = ?1 AND mapping <> ?2 AND state NOT IN ('deleted', 'hidden') LIMIT 1";
    if one(db, any, [object, mapping], |_| Ok(()))?.is_none() {
        return Ok(0);
    }
    let entities = "UPDATE entities SET deleted_at = ?3, name = NULL, email = NULL, domain = NULL,
                        account_id = NULL, owner_id = NULL, on_date = NULL, who_id = NULL,
                        what_id = NULL, fields = jsonb('{}')
                    WHERE deleted_at IS NULL AND source_id IN (
                        SELECT source_id FROM sources
                        WHERE object = ?1 AND mapping <> ?2 AND state NOT IN ('deleted', 'hidden'))";
    run(db, entities, params![object, mapping, now])?;
    let failures = "DELETE FROM failures
                    WHERE object = ?1 AND direction = 'pull' AND subject IN (
                        SELECT record_id FROM sources
                        WHERE object = ?1 AND mapping <> ?2 AND state = 'failed')";
    run(db, failures, params![object, mapping])?;
    let sources = "UPDATE sources SET state = 'unselected', mapping = ?2,
                       reason = 'the mapping no longer selects it'
                   WHERE object = ?1 AND mapping <> ?2 AND state NOT IN ('deleted', 'hidden')";
    Ok(run(db, sources, params![object, mapping])? as u64)
}
