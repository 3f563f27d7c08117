//! What the host keeps beside an instance, and what it lets it use.

use wasmtime::ResourceLimiter;

use super::Limits;

/// What an entry of a table costs the host, in bytes, rounded up.
const TABLE_ENTRY_BYTES: usize = 16;
/// What the host keeps beside an instance: its bounds and what it used of them.
pub(super) struct State {
    plugin: String,
    memory_left: usize,
    memory_refused: bool,
    lines_left: u32,
    limits: Limits,
}

impl State {
    pub(super) fn new(plugin: &str, limits: Limits) -> Self {
        Self {
            plugin: plugin.to_owned(),
            memory_left: limits.memory_bytes,
            memory_refused: false,
            lines_left: limits.log_lines,
            limits,
        }
    }

    /// Takes bytes from the allowance, where there are so many left.
    fn allow(&mut self, bytes: usize) -> bool {
        let left = self.memory_left.checked_sub(bytes);
        self.memory_refused |= left.is_none();
        self.memory_left = left.unwrap_or(self.memory_left);
        left.is_some()
    }

    /// Tells whether the instance wanted more memory than it may have.
    pub(super) fn memory_refused(&self) -> bool {
        self.memory_refused
    }

    /// Writes one line to the log, unless the call has written its share.
    pub(super) fn log(&mut self, level: tracing::Level, message: &str) {
        let Some(left) = self.lines_left.checked_sub(1) else { return };
        self.lines_left = left;
        let plugin = &self.plugin;
        let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
        let message: String =
            message.chars().take(self.limits.log_line_characters).map(plain).collect();
        match level {
            tracing::Level::ERROR | tracing::Level::WARN => tracing::warn!(plugin, "{message}"),
            tracing::Level::INFO => tracing::info!(plugin, "{message}"),
            _ => tracing::debug!(plugin, "{message}"),
        }
    }
}

impl ResourceLimiter for State {
    /// All memories and tables of an instance share one allowance.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.allow(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.allow(desired.saturating_sub(current).saturating_mul(TABLE_ENTRY_BYTES)))
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }

    fn tables(&self) -> usize {
        self.limits.tables as usize
    }

    fn memories(&self) -> usize {
        self.limits.memories as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_share_one_allowance() {
        let limits = Limits { memory_bytes: 1 << 20, ..Limits::default() };
        let mut state = State::new("contact", limits);
        assert!(state.memory_growing(0, 512 << 10, None).unwrap());
        assert!(state.table_growing(0, 16 << 10, None).unwrap());
        assert!(!state.memory_refused());
        assert!(!state.table_growing(16 << 10, 40 << 10, None).unwrap());
        assert!(!state.memory_growing(512 << 10, 1 << 20, None).unwrap());
        assert!(state.memory_refused());
    }
}
