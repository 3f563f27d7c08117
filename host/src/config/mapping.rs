//! What one call of a mapping may use, and whose mappings are used; `[mapping]` in the settings.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::plugin::{Limits, Signer};

/// A number of the settings that lies within bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Bounded<const LEAST: u32, const MOST: u32>(u32);

impl<'de, const LEAST: u32, const MOST: u32> Deserialize<'de> for Bounded<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(settings: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(settings)?;
        match (LEAST..=MOST).contains(&number) {
            true => Ok(Self(number)),
            false => Err(D::Error::custom(format!("{number} is not within {LEAST} to {MOST}"))),
        }
    }
}

impl<const LEAST: u32, const MOST: u32> Bounded<LEAST, MOST> {
    fn bytes(self, unit: u32) -> usize {
        (self.0 as usize) << unit
    }
}

/// By how many bits a MiB, and a KiB, is more than a byte.
const MIB: u32 = 20;
const KIB: u32 = 10;

/// What one call of a mapping may use, where it should be other than usual, and whose
/// mappings are used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingSettings {
    /// Memory, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<Bounded<16, 4_096>>,
    /// Time, in milliseconds, beside what each record adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_milliseconds: Option<Bounded<1, 600_000>>,
    /// What each record adds, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_microseconds_per_record: Option<Bounded<1, 1_000_000>>,
    /// What it may hand over at once, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_mib: Option<Bounded<1, 2_048>>,
    /// How many lines it may log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<Bounded<0, 100_000>>,
    /// How long a logged line may be, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_line_characters: Option<Bounded<1, 100_000>>,
    /// How deep its calls may go, in KiB of stack: a thread has 2 MiB, of which the host needs
    /// some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_kib: Option<Bounded<64, 1_024>>,
    /// How large a component may be, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_mib: Option<Bounded<1, 64>>,
    /// Of how many core instances a component may be made. For
    /// each, the host sets addresses aside for as many calls as there may be at once; so for tables
    /// and memories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<Bounded<1, 256>>,
    /// How many tables it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<Bounded<1, 128>>,
    /// How many memories it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memories: Option<Bounded<1, 16>>,
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
        Limits {
            memory_bytes: self.memory_mib.map_or(usual.memory_bytes, |told| told.bytes(MIB)),
            output_bytes: self.output_mib.map_or(usual.output_bytes, |told| told.bytes(MIB)),
            deadline: self
                .deadline_milliseconds
                .map_or(usual.deadline, |told| Duration::from_millis(told.0.into())),
            deadline_per_row: self
                .deadline_microseconds_per_record
                .map_or(usual.deadline_per_row, |told| Duration::from_micros(told.0.into())),
            stack_bytes: self.stack_kib.map_or(usual.stack_bytes, |told| told.bytes(KIB)),
            log_lines: self.log_lines.map_or(usual.log_lines, |told| told.0),
            log_line_characters: self
                .log_line_characters
                .map_or(usual.log_line_characters, |told| told.bytes(0)),
            component_bytes: self
                .component_mib
                .map_or(usual.component_bytes, |told| told.bytes(MIB) as u64),
            instances: self.instances.map_or(usual.instances, |told| told.0),
            tables: self.tables.map_or(usual.tables, |told| told.0),
            memories: self.memories.map_or(usual.memories, |told| told.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_a_number_within_bounds_of_its_own() {
        let read = |told: &str| toml_edit::de::from_str::<MappingSettings>(told);
        let told = "memory_mib = 64\nstack_kib = 1024\ncomponent_mib = 2\nmemories = 3\n\
                    deadline_microseconds_per_record = 500";
        let limits = read(told).unwrap().limits();
        assert_eq!((limits.memory_bytes, limits.stack_bytes), (64 << 20, 1 << 20));
        assert_eq!((limits.component_bytes, limits.memories), (2 << 20, 3));
        assert_eq!(limits.deadline_per_row, Duration::from_micros(500));
        assert_eq!(limits.tables, Limits::default().tables);
        for odd in ["memory_mib = 0", "stack_kib = 9000", "component_mib = 65", "tables = -1"] {
            assert!(read(odd).is_err(), "{odd}");
        }
        let error = read("memory_mib = 100000").unwrap_err().to_string();
        assert!(error.contains("100000 is not within 16 to 4096"), "{error}");
    }
}
