//! One SQLite file: opened, migrated, read and written in transactions.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Params, Transaction, TransactionBehavior,
};

use super::{Error, Result};

/// How long a write waits for another process that writes.
const BUSY_MAX: Duration = Duration::from_secs(10);
/// How many statements stay prepared: more than there are.
const STATEMENTS_KEPT: usize = 128;

// `jsonb` came with 3.45.
const _: () = assert!(rusqlite::ffi::SQLITE_VERSION_NUMBER >= 3_045_000);

/// An open SQLite file.
#[derive(Debug)]
pub(super) struct Database {
    connection: Mutex<Connection>,
    /// Whether all of it is thrown away in the end.
    rehearses: bool,
}

impl Database {
    /// Opens the file, or makes it for its owner alone, and migrates it.
    pub(super) fn open(path: &Path, migrations: &[&str]) -> Result<Self> {
        make_file(path)?;
        let opened = connect(path).map_err(|error| error.while_doing("open the database"))?;
        let mut connection = opened;
        migrate(&mut connection, path, migrations)
            .map_err(|error| error.while_doing("migrate the database"))?;
        Ok(Self { connection: Mutex::new(connection), rehearses: false })
    }

    /// Opens a file that is there and was migrated, for a rehearsal: nobody else sees what is
    /// written, and nothing of it stays. Others can't write meanwhile.
    pub(super) fn rehearse(path: &Path) -> Result<Self> {
        let opened = connect(path).and_then(|connection| {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            Ok(connection)
        });
        let connection = opened.map_err(|error| error.while_doing("open the database"))?;
        Ok(Self { connection: Mutex::new(connection), rehearses: true })
    }

    /// Reads one state of the database, whatever is written meanwhile.
    pub(super) fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.lock();
        if self.rehearses {
            return work(&connection).map_err(|error| error.while_doing(doing));
        }
        let transaction = connection.transaction().map_err(Error::from);
        let read = transaction.and_then(|transaction| work(&transaction));
        read.map_err(|error| error.while_doing(doing))
    }

    /// Writes in one transaction: an error leaves nothing behind.
    pub(super) fn write<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.lock();
        let written = match self.rehearses {
            true => rehearse(&mut connection, work),
            false => transact(&mut connection, work),
        };
        written.map_err(|error| error.while_doing(doing))
    }

    /// Writes in one transaction that is on the disk before this returns.
    ///
    /// Other writes may be lost with the machine's power, though never torn:
    /// what they hold can be read from Salesforce again.
    pub(super) fn write_durably<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        if self.rehearses {
            return self.write(doing, work);
        }
        let mut connection = self.lock();
        let written =
            synchronous(&connection, "FULL").and_then(|()| transact(&mut connection, work));
        let calmed = synchronous(&connection, "NORMAL");
        let written = written.and_then(|written| calmed.map(|()| written));
        written.map_err(|error| error.while_doing(doing))
    }

    /// A panic elsewhere has rolled its transaction back, so the connection is
    /// as good as before.
    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the write lock at once: a transaction that began by reading can't wait
/// for another's.
fn transact<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let written = work(&transaction)?;
    transaction.commit()?;
    Ok(written)
}

/// Writes within the transaction that is thrown away in the end.
fn rehearse<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    let savepoint = connection.savepoint()?;
    let written = work(&savepoint)?;
    savepoint.commit()?;
    Ok(written)
}

fn synchronous(connection: &Connection, how: &str) -> Result<()> {
    Ok(connection.pragma_update(None, "synchronous", how)?)
}

fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_MAX)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // A page of 2,000 records writes about 4 MB; with SQLite's own bounds it
    // would spill from the cache and copy the log into the file within one write.
    // A record takes about 1 kB twice: larger pages leave less of them empty.
    connection.execute_batch(
        "PRAGMA page_size = 8192;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         PRAGMA foreign_keys = ON;
         PRAGMA cache_size = -18000;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(connection)
}

/// Brings the database to the newest version: each migration is one
/// transaction, and whoever comes second finds it done.
fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<()> {
    let known = migrations.len();
    loop {
        let found = version(connection)?;
        if found > known {
            return Err(Error::Newer { path: path.to_owned(), found, known });
        }
        if found == known {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step(&transaction, found, migrations[found])?;
        transaction.commit()?;
    }
}

fn step(transaction: &Transaction<'_>, found: usize, migration: &str) -> Result<()> {
    if version(transaction)? != found {
        return Ok(());
    }
    transaction.execute_batch(migration)?;
    transaction.pragma_update(None, "user_version", found as i64 + 1)?;
    Ok(())
}

fn version(connection: &Connection) -> Result<usize> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(version as usize)
}

/// Runs a statement and returns how many rows it changed.
pub(super) fn run(db: &Connection, sql: &'static str, params: impl Params) -> Result<usize> {
    Ok(db.prepare_cached(sql)?.execute(params)?)
}

/// Returns the row that a query finds, if it finds one.
pub(super) fn one<T>(
    db: &Connection,
    sql: &'static str,
    params: impl Params,
    read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    Ok(db.prepare_cached(sql)?.query_row(params, read).optional()?)
}

/// Returns every row that a query finds. Queries carry their own limit.
pub(super) fn all<T>(
    db: &Connection,
    sql: &'static str,
    params: impl Params,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Makes a folder and those above it, for their owner alone.
pub fn make_folder(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|cause| file_error("make the folder", path, cause))
}

/// Makes a file for its owner alone, unless it is there, and returns it opened.
/// SQLite gives its log the same rights.
pub(super) fn make_file(path: &Path) -> Result<fs::File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|cause| file_error("open", path, cause))
}

pub(super) fn file_error(doing: &'static str, path: &Path, cause: std::io::Error) -> Error {
    Error::File { doing, path: PathBuf::from(path), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE notes (text TEXT NOT NULL) STRICT;";
    const SECOND: &str = "ALTER TABLE notes ADD COLUMN at INTEGER;";

    fn synchronous_now(db: &Connection) -> i64 {
        db.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap()
    }

    fn notes(database: &Database) -> i64 {
        database.lock().query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap()
    }

    fn note(db: &Connection) -> Result<()> {
        run(db, "INSERT INTO notes (text) VALUES ('kept')", []).map(|_| ())
    }

    #[test]
    fn migrations_run_once_and_go_on_from_where_they_stood() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notes.db");
        let database = Database::open(&path, &[FIRST]).unwrap();
        database.write("note", note).unwrap();
        drop(database);
        for _ in 0..2 {
            let database = Database::open(&path, &[FIRST, SECOND]).unwrap();
            assert_eq!(notes(&database), 1);
            assert_eq!(version(&database.lock()).unwrap(), 2);
        }
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notes.db");
        let broken = "CREATE TABLE more (text TEXT); CREATE TABLE notes (text TEXT);";
        assert!(Database::open(&path, &[FIRST, broken]).is_err());
        let database = Database::open(&path, &[FIRST]).unwrap();
        assert!(database.lock().prepare("SELECT * FROM more").is_err());
    }

    #[test]
    fn a_database_from_a_newer_version_is_refused_with_both_versions() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notes.db");
        drop(Database::open(&path, &[FIRST, SECOND]).unwrap());
        let error = Database::open(&path, &[FIRST]).unwrap_err();
        let message = error.to_string();
        assert!(message.ends_with("has version 2, and this efficlose knows versions up to 1"));
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_durable_write_is_synced_in_full_and_the_next_one_is_not() {
        let home = tempfile::tempdir().unwrap();
        let database = Database::open(&home.path().join("notes.db"), &[FIRST]).unwrap();
        let during = database.write_durably("note", |db| Ok(synchronous_now(db))).unwrap();
        assert_eq!((during, synchronous_now(&database.lock())), (2, 1));
        let failed: Result<()> = database.write_durably("note", |_| Err(Error::NoFailure(1)));
        assert!(failed.is_err());
        assert_eq!(synchronous_now(&database.lock()), 1);
    }

    #[test]
    fn a_write_that_fails_leaves_nothing_and_says_what_was_being_done() {
        let home = tempfile::tempdir().unwrap();
        let database = Database::open(&home.path().join("notes.db"), &[FIRST]).unwrap();
        let failed = database.write("keep a note", |db| {
            note(db)?;
            run(db, "INSERT INTO notes (text) VALUES (NULL)", [])
        });
        assert!(failed.unwrap_err().to_string().starts_with("could not keep a note: "));
        assert_eq!(notes(&database), 0);
    }

    #[cfg(unix)]
    #[test]
    fn folders_and_files_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        make_folder(&folder).unwrap();
        let path = folder.join("notes.db");
        let database = Database::open(&path, &[FIRST]).unwrap();
        database.write("note", note).unwrap();
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&home.path().join("a")), 0o700);
        for file in ["notes.db", "notes.db-wal", "notes.db-shm"] {
            assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
        }
    }
}
