//! The one clock, handed to whoever needs the time.

use jiff::Timestamp;

/// Tells the time: the machine's, or one that stands still.
#[derive(Debug, Clone, Copy, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that always tells this time, for runs that must repeat exactly.
    Fixed(Timestamp),
}

impl Clock {
    /// Returns the time, to the second: Salesforce keeps no finer one.
    pub fn now(self) -> Timestamp {
        match self {
            Self::Fixed(at) => at,
            Self::System => {
                let second = Timestamp::now().as_second();
                Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
            }
        }
    }
}
