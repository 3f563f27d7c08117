//! What a mapping may use.

use std::time::Duration;

/// How large a component may be let be, in bytes.
pub(crate) const COMPONENT_MAX: u64 = 64 << 20;

/// What one call of a mapping may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Memory of the instance, in bytes, all its memories together.
    pub memory_bytes: usize,
    /// What it may hand to the host at once, in bytes.
    pub output_bytes: usize,
    /// How long it may run, whatever it is given.
    pub deadline: Duration,
    /// How much longer for each record or request that it is given.
    pub deadline_per_row: Duration,
    /// How deep its calls may go, in bytes of stack.
    pub stack_bytes: usize,
    /// How many lines it may log.
    pub log_lines: u32,
    /// How long a logged line may be, in characters.
    pub log_line_characters: usize,
    /// How large its component may be, in bytes.
    pub component_bytes: u64,
    /// Of how many core instances the component may be made.
    pub instances: u32,
    /// How many tables it may have.
    pub tables: u32,
    /// How many memories it may have.
    pub memories: u32,
}

impl Default for Limits {
    /// Enough for a page of 2,000 wide records, with room to spare. The component of a script is
    /// made of eleven instances and has three memories, one in Python is made of some dozens.
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            output_bytes: 128 << 20,
            deadline: Duration::from_secs(1),
            deadline_per_row: Duration::from_millis(2),
            stack_bytes: 512 << 10,
            log_lines: 100,
            log_line_characters: 500,
            component_bytes: COMPONENT_MAX,
            instances: 64,
            tables: 32,
            memories: 8,
        }
    }
}

impl Limits {
    /// Returns how long a call may run that is given so many rows.
    pub(super) fn deadline_for(self, rows: usize) -> Duration {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        self.deadline.saturating_add(self.deadline_per_row.saturating_mul(rows))
    }
}
