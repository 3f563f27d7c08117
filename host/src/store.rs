//! The store door: the only room that knows SQL.
//!
//! `control.db` holds what the host knows of all orgs: connections, sealed
//! grants, schedules, runs. Everything of one org lies in a file of its own, so
//! an org is moved or erased with its folder, and no query can join two.

mod access;
mod backfills;
mod calls;
mod connections;
mod cursors;
mod database;
mod descriptions;
mod drifts;
mod encoded;
mod entities;
mod failures;
mod grants;
mod indexes;
mod journal;
mod jsonb;
mod leftovers;
mod links;
mod locks;
mod mappings;
mod matches;
mod meetings;
mod notices;
mod pages;
mod requests;
mod rereads;
mod roles;
mod runs;
mod schedules;
mod successors;
mod users;
mod value;
mod verifications;
mod work;
#[cfg(test)]
mod world;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use self::database::Database;
use crate::model::{Direction, Object, OrgId};
use crate::secret::{Key, SealError};

pub use self::backfills::Backfill;
pub use self::cursors::{Extract, Position, Reading};
pub use self::database::make_folder;
pub use self::encoded::{Encoded, Outcome, Row, encode};
pub use self::entities::{Fate, SourceState, Sources};
pub use self::failures::{Subject, Trouble};
pub use self::journal::{ChangesOf, Ended, TakenBack};
pub use self::links::Link;
pub use self::locks::Lock;
pub use self::mappings::{Accepted, Refused};
pub use self::meetings::{Added, DoneBy, ItemState, MeetingSummary};
pub use self::pages::{Again, Page, Remap};
pub use self::rereads::{Kin, Reread};
pub use self::verifications::{Difference, Sight};
pub use self::work::{Standing, WorkCounts, WorkEnd};

/// The file in the home that holds what belongs to all orgs.
pub const CONTROL: &str = "control.db";

const CONTROL_MIGRATIONS: &[&str] = &[
    include_str!("store/migrations/control/0001.sql"),
    include_str!("store/migrations/control/0002.sql"),
    include_str!("store/migrations/control/0003.sql"),
    include_str!("store/migrations/control/0004.sql"),
    include_str!("store/migrations/control/0005.sql"),
];
const ORG: &[&str] = &[
    include_str!("store/migrations/org/0001.sql"),
    include_str!("store/migrations/org/0002.sql"),
    include_str!("store/migrations/org/0003.sql"),
    include_str!("store/migrations/org/0004.sql"),
    include_str!("store/migrations/org/0005.sql"),
    include_str!("store/migrations/org/0006.sql"),
    include_str!("store/migrations/org/0007.sql"),
    include_str!("store/migrations/org/0008.sql"),
    include_str!("store/migrations/org/0009.sql"),
    include_str!("store/migrations/org/0010.sql"),
    include_str!("store/migrations/org/0011.sql"),
];

/// What the host knows of all orgs.
pub struct Store {
    home: PathBuf,
    key: Key,
    control: Database,
    orgs: Mutex<BTreeMap<OrgId, Arc<OrgStore>>>,
}

impl Store {
    /// Opens the store under `home`, and makes it where there is none.
    ///
    /// Folders are made for their owner alone, files too. `key` seals grants.
    pub fn open(home: &Path, key: Key) -> Result<Self> {
        database::make_folder(home)?;
        let control = Database::open(&home.join(CONTROL), CONTROL_MIGRATIONS)?;
        Ok(Self { home: home.to_owned(), key, control, orgs: Mutex::default() })
    }

    /// Returns the store of an org: opened, or made, on the first call.
    pub fn org(&self, org: &OrgId) -> Result<Arc<OrgStore>> {
        let mut orgs = self.orgs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = orgs.get(org) {
            return Ok(Arc::clone(open));
        }
        let folder = self.folder(org);
        database::make_folder(&folder)?;
        let database = Database::open(&folder.join("store.db"), ORG)?;
        let opened = Arc::new(OrgStore { database });
        orgs.insert(org.clone(), Arc::clone(&opened));
        Ok(opened)
    }

    /// Returns the store of an org as it is now, to be written to for a rehearsal: nobody else
    /// sees that, and nothing of it stays once this is dropped.
    pub fn rehearsal(&self, org: &OrgId) -> Result<Arc<OrgStore>> {
        self.org(org)?;
        let database = Database::rehearse(&self.folder(org).join("store.db"))?;
        Ok(Arc::new(OrgStore { database }))
    }

    fn folder(&self, org: &OrgId) -> PathBuf {
        self.home.join("orgs").join(org.as_str())
    }
}

/// What the host knows of one org: records, meetings, the journal.
#[derive(Debug)]
pub struct OrgStore {
    database: Database,
}

/// What the store returns.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite refused.
    #[error("could not {doing}: {cause}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        cause: rusqlite::Error,
    },
    /// A file or folder can't be used.
    #[error("could not {doing} {}: {cause}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A newer host has written this database.
    #[error(
        "the database {} has version {found}, and this efficlose knows versions up to {known}",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The newest that is known here.
        known: usize,
    },
    /// The org isn't connected.
    #[error("there is no grant for the org {0}")]
    NoGrant(OrgId),
    /// The grant was sealed with another key, or was changed.
    #[error("could not open the grant of the org {org}: {cause}")]
    Sealed {
        /// The org.
        org: OrgId,
        /// What is wrong with it.
        cause: SealError,
    },
    /// The grant opens, but holds no grant.
    #[error("could not read the grant of the org {0}")]
    BadGrant(OrgId),
    /// Another process keeps a lock.
    #[error("another efficlose {doing} (org {org}), and did not end within {seconds} seconds")]
    Locked {
        /// The org.
        org: OrgId,
        /// What the other process does.
        doing: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Another process, or another page, writes settings or mappings.
    #[error("settings or mappings are being written by someone else")]
    SettingsLocked,
    /// There is no such run.
    #[error("there is no run {0}")]
    NoRun(String),
    /// There is no such failure.
    #[error("there is no failure {0}")]
    NoFailure(i64),
    /// The job was claimed anew, by this process or another.
    #[error("another run of the {object} {direction} has taken over")]
    Fenced {
        /// The object.
        object: Object,
        /// The direction.
        direction: Direction,
    },
    /// The cursor isn't where the page began.
    #[error("the cursor of {object} moved while a page was under way")]
    CursorMoved {
        /// The object.
        object: Object,
    },
    /// A create with this mark is open: whether Salesforce has it isn't known.
    #[error("a change that creates \"{mark}\" is open already")]
    MarkOpen {
        /// The mark.
        mark: String,
    },
}

impl Error {
    /// Returns what mends it, as a sentence.
    pub fn hint(&self) -> Option<&'static str> {
        use rusqlite::ErrorCode;
        match self {
            Self::Database { cause, .. } => match cause.sqlite_error_code()? {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Some(
                    "Another efficlose is writing to this home; wait until it is done, or stop it.",
                ),
                ErrorCode::DiskFull => Some("Make room on the disk, then try again."),
                ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => Some(
                    "Run efficlose as the user who owns the home, and let that user write to it.",
                ),
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Some(
                    "Restore the file from a backup; what an org's file holds of records can be pulled again.",
                ),
                _ => None,
            },
            Self::File { .. } => {
                Some("Run efficlose as the user who owns the home, and let that user write to it.")
            }
            Self::Newer { .. } => Some("Run the efficlose that wrote it, or a newer one."),
            Self::NoGrant(_) | Self::BadGrant(_) => {
                Some("Run `efficlose connect` to connect the org.")
            }
            Self::Sealed { .. } => Some(
                "Start efficlose with the key that it was connected with, or run `efficlose connect` to connect the org anew.",
            ),
            Self::SettingsLocked => Some("Try again in a moment."),
            Self::Locked { .. } => {
                Some("Wait until it is done, or stop the other efficlose that uses this home.")
            }
            Self::NoFailure(_) => Some("Run `efficlose failures list` to see those that are open."),
            Self::NoRun(_) => Some("Run `efficlose runs` to see those that are kept."),
            Self::Fenced { .. } | Self::CursorMoved { .. } | Self::MarkOpen { .. } => None,
        }
    }

    /// Says what was being done, where SQLite's error alone doesn't.
    fn while_doing(self, doing: &'static str) -> Self {
        match self {
            Self::Database { cause, .. } => Self::Database { doing, cause },
            other => other,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Database { doing: "use the database", cause }
    }
}
