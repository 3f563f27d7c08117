//! The org's time, which tests can stop and move.

use std::sync::Mutex;

use jiff::Timestamp;

/// How far from 1970 the clock can be set: well within four digits of a year.
const REACH_SECONDS: i64 = 200_000_000_000;

/// Tells the time, in whole seconds as Salesforce stores it.
#[derive(Debug)]
pub(crate) struct Clock(Mutex<State>);

#[derive(Clone, Copy, Debug)]
enum State {
    Running { ahead_seconds: i64 },
    Frozen { at: i64 },
}

impl Clock {
    /// Returns a clock that shows the system's time.
    pub(crate) fn running() -> Self {
        Self(Mutex::new(State::Running { ahead_seconds: 0 }))
    }

    /// Returns a clock that stands still.
    pub(crate) fn frozen(at: Timestamp) -> Self {
        Self(Mutex::new(State::Frozen { at: at.as_second() }))
    }

    /// Returns the time in seconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        match *self.state() {
            State::Running { ahead_seconds } => system_now() + ahead_seconds,
            State::Frozen { at } => at,
        }
    }

    /// Stops at a time, or at the present one.
    pub(crate) fn freeze(&self, at: Option<i64>) {
        let at = at.unwrap_or_else(|| self.now());
        *self.state() = State::Frozen { at };
    }

    /// Runs on from where it stands.
    pub(crate) fn resume(&self) {
        let ahead_seconds = self.now() - system_now();
        *self.state() = State::Running { ahead_seconds };
    }

    /// Moves forward.
    pub(crate) fn advance(&self, seconds: i64) {
        match &mut *self.state() {
            State::Running { ahead_seconds } => {
                *ahead_seconds =
                    ahead_seconds.saturating_add(seconds).clamp(-REACH_SECONDS, REACH_SECONDS);
            }
            State::Frozen { at } => {
                *at = at.saturating_add(seconds).clamp(-REACH_SECONDS, REACH_SECONDS);
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn system_now() -> i64 {
    Timestamp::now().as_second()
}
