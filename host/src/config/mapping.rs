//! What one call of a mapping may use, and whose mappings are used; `[mapping]` in the settings.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plugin::{COMPONENT_MAX, Limits, Signer};

/// How deep the calls of a mapping may be let go, in KiB of stack: a thread has
/// 2 MiB, of which the host needs some.
const STACK_KIB: RangeInclusive<u32> = 64..=1_024;
/// Of how many instances, tables and memories a component may be let be made: for each, the host
/// sets addresses aside for as many calls as there may be at once.
const INSTANCES: RangeInclusive<u32> = 1..=256;
const TABLES: RangeInclusive<u32> = 1..=128;
const MEMORIES: RangeInclusive<u32> = 1..=16;

/// What one call of a mapping may use, where it should be other than usual, and whose
/// mappings are used. What lies beyond a range counts as its end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingSettings {
    /// Memory, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// Time, in milliseconds, beside what each record adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_milliseconds: Option<u32>,
    /// What each record adds, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_microseconds_per_record: Option<u32>,
    /// What it may hand over at once, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_mib: Option<u32>,
    /// How many lines it may log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<u32>,
    /// How long a logged line may be, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_line_characters: Option<u32>,
    /// How deep its calls may go, in KiB of stack: 64 to 1,024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_kib: Option<u32>,
    /// How large a component may be, in MiB: at most 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_mib: Option<u32>,
    /// Of how many core instances a component may be made: at most 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<u32>,
    /// How many tables it may have: at most 128.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<u32>,
    /// How many memories it may have: at most 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memories: Option<u32>,
    /// Whose signature a customer's mapping must have to be used; where nobody is named,
    /// it needs none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<Signer>,
}

impl MappingSettings {
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the limits: these, and the usual ones where nothing is said.
    pub fn limits(&self) -> Limits {
        let usual = Limits::default();
        let within = |told: Option<u32>, range: RangeInclusive<u32>, usual: u32| {
            told.map_or(usual, |told| told.clamp(*range.start(), *range.end()))
        };
        let bytes =
            |told: Option<u32>, usual: usize| told.map_or(usual, |mib| (mib as usize) << 20);
        let stack = self.stack_kib.map(|kib| kib.clamp(*STACK_KIB.start(), *STACK_KIB.end()));
        let component = self.component_mib.map(|mib| u64::from(mib) << 20);
        Limits {
            memory_bytes: bytes(self.memory_mib, usual.memory_bytes),
            output_bytes: bytes(self.output_mib, usual.output_bytes),
            deadline: self
                .deadline_milliseconds
                .map_or(usual.deadline, |time| Duration::from_millis(time.into())),
            deadline_per_row: self
                .deadline_microseconds_per_record
                .map_or(usual.deadline_per_row, |time| Duration::from_micros(time.into())),
            stack_bytes: stack.map_or(usual.stack_bytes, |kib| (kib as usize) << 10),
            log_lines: self.log_lines.unwrap_or(usual.log_lines),
            log_line_characters: self
                .log_line_characters
                .map_or(usual.log_line_characters, |letters| letters as usize),
            component_bytes: component.unwrap_or(usual.component_bytes).min(COMPONENT_MAX),
            instances: within(self.instances, INSTANCES, usual.instances),
            tables: within(self.tables, TABLES, usual.tables),
            memories: within(self.memories, MEMORIES, usual.memories),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_a_range_counts_as_its_end() {
        let told = "memory_mib = 64\nstack_kib = 9000\ncomponent_mib = 900\nmemories = 0\n\
                    deadline_microseconds_per_record = 500";
        let limits = toml_edit::de::from_str::<MappingSettings>(told).unwrap().limits();
        assert_eq!((limits.memory_bytes, limits.stack_bytes), (64 << 20, 1 << 20));
        assert_eq!((limits.component_bytes, limits.memories), (COMPONENT_MAX, 1));
        assert_eq!(limits.deadline_per_row, Duration::from_micros(500));
        assert_eq!(limits.tables, Limits::default().tables);
    }
}
