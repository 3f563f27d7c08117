//! Locks among processes: who renews a grant, who syncs an org. The system gives
//! them back when their process ends, however it ends.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::database::{file_error, make_file, make_folder};
use super::{Error, Result, Store};
use crate::model::OrgId;

/// How long to wait between two tries to get a lock.
const LOCK_PAUSE: Duration = Duration::from_millis(100);
/// How often a lock is tried for: a minute in all.
const LOCK_TRIES: u32 = 600;
/// How often that of the settings is tried for, which are written in no time: ten seconds.
const SETTINGS_TRIES: u32 = 100;
/// The file of the lock of the settings, in the home.
const SETTINGS: &str = "settings.lock";

/// What one process does alone.
#[derive(Debug, Clone, Copy)]
enum Right {
    Renew,
    Sync,
}

impl Right {
    fn file(self) -> &'static str {
        match self {
            Self::Renew => "grant.lock",
            Self::Sync => "sync.lock",
        }
    }

    fn doing(self) -> &'static str {
        match self {
            Self::Renew => "renews the grant",
            Self::Sync => "is syncing",
        }
    }
}

/// A right that one process has alone; given back when dropped.
#[derive(Debug)]
#[must_use = "the lock is given back when it is dropped"]
pub struct Lock {
    _file: File,
}

impl Store {
    /// Waits until no other process renews this org's grant, and keeps others
    /// out until the lock is dropped.
    ///
    /// Gives up with an error after a minute: renewing takes seconds.
    pub fn lock_grant(&self, org: &OrgId) -> Result<Lock> {
        self.lock(org, Right::Renew, LOCK_TRIES)
    }

    /// Waits until no other process syncs this org, and keeps others out until
    /// the lock is dropped: a write of theirs that is still on the wire can't be
    /// found by looking.
    ///
    /// Gives up with an error after a minute.
    pub fn lock_round(&self, org: &OrgId) -> Result<Lock> {
        self.lock(org, Right::Sync, LOCK_TRIES)
    }

    /// Keeps others out as [`Store::lock_round`] does, where nobody syncs this org just now.
    pub fn try_lock_round(&self, org: &OrgId) -> Result<Option<Lock>> {
        match self.lock(org, Right::Sync, 1) {
            Ok(lock) => Ok(Some(lock)),
            Err(Error::Locked { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits until nobody else writes settings or mappings, and keeps others out until the
    /// lock is dropped: what one has read must be what it writes over.
    pub fn lock_settings(&self) -> Result<Lock> {
        let path = self.home.join(SETTINGS);
        match try_for(&path, SETTINGS_TRIES)? {
            Some(lock) => Ok(lock),
            None => Err(Error::SettingsLocked),
        }
    }

    fn lock(&self, org: &OrgId, right: Right, tries: u32) -> Result<Lock> {
        let folder = self.folder(org);
        make_folder(&folder)?;
        match try_for(&folder.join(right.file()), tries)? {
            Some(lock) => Ok(lock),
            None => {
                let seconds = (LOCK_PAUSE * tries).as_secs();
                Err(Error::Locked { org: org.clone(), doing: right.doing(), seconds })
            }
        }
    }
}

/// Tries so often to lock a file, with pauses between.
fn try_for(path: &Path, tries: u32) -> Result<Option<Lock>> {
    let file = make_file(path)?;
    for attempt in 0..tries {
        match file.try_lock() {
            Ok(()) => return Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) if attempt + 1 < tries => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(cause)) => return Err(file_error("lock", path, cause)),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::world::{World, org};

    #[test]
    fn a_lock_shuts_out_a_second_holder_until_it_is_dropped() {
        let world = World::new();
        let store = world.store();
        let held = store.lock_round(&org()).unwrap();
        let refused = store.lock(&org(), Right::Sync, 1).unwrap_err();
        assert!(matches!(refused, Error::Locked { .. }));
        assert!(refused.hint().is_some());
        assert!(store.lock_grant(&org()).is_ok(), "another right is another lock");
        assert!(store.try_lock_round(&org()).unwrap().is_none());
        drop(held);
        assert!(store.try_lock_round(&org()).unwrap().is_some());
        assert!(store.lock(&org(), Right::Sync, 1).is_ok());
    }
}
