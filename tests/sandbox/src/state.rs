//! Everything a running sandbox holds, each part behind its own lock.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::access::Access;
use crate::clock::Clock;
use crate::cursors::Cursors;
use crate::faults::Faults;
use crate::jobs::Jobs;
use crate::org::Org;
use crate::traffic::Traffic;

/// A running sandbox.
#[derive(Debug)]
pub(crate) struct State {
    org: RwLock<Org>,
    access: Mutex<Access>,
    cursors: Mutex<Cursors>,
    jobs: Mutex<Jobs>,
    traffic: Mutex<Traffic>,
    /// What goes wrong on purpose.
    pub(crate) faults: Faults,
    /// The org's time.
    pub(crate) clock: Clock,
    /// The address clients reach it at, without a slash at the end.
    pub(crate) url: String,
    /// Whether tests may steer it.
    pub(crate) control: bool,
}

impl State {
    /// Returns a sandbox around an org.
    pub(crate) fn new(
        org: Org,
        access: Access,
        traffic: Traffic,
        clock: Clock,
        url: String,
    ) -> Self {
        Self {
            org: RwLock::new(org),
            access: Mutex::new(access),
            cursors: Mutex::new(Cursors::default()),
            jobs: Mutex::new(Jobs::default()),
            traffic: Mutex::new(traffic),
            faults: Faults::default(),
            clock,
            url,
            control: false,
        }
    }

    /// Locks the org to read.
    pub(crate) fn org(&self) -> RwLockReadGuard<'_, Org> {
        self.org.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the org to write.
    pub(crate) fn org_mut(&self) -> RwLockWriteGuard<'_, Org> {
        self.org.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks sessions and tokens.
    pub(crate) fn access(&self) -> MutexGuard<'_, Access> {
        self.access.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the query cursors.
    pub(crate) fn cursors(&self) -> MutexGuard<'_, Cursors> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the bulk jobs. Who also needs the org locks the org first.
    pub(crate) fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the request log and the limits.
    pub(crate) fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
