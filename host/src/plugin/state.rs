//! What the host keeps beside an instance, and what it lets it use.

use wasmtime::ResourceLimiter;

use super::Limits;

/// What the host keeps beside an instance: its bounds and what it used of them.
pub(super) struct State {
    plugin: String,
    memory_left: usize,
    memory_refused: bool,
    lines_left: u32,
    line_max: usize,
}

impl State {
    pub(super) fn new(plugin: &str, limits: Limits) -> Self {
        Self {
            plugin: plugin.to_owned(),
            memory_left: limits.memory_bytes,
            memory_refused: false,
            lines_left: limits.log_lines,
            line_max: limits.log_line_characters,
        }
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
        let message: String = message.chars().take(self.line_max).collect();
        match level {
            tracing::Level::ERROR | tracing::Level::WARN => tracing::warn!(plugin, "{message}"),
            tracing::Level::INFO => tracing::info!(plugin, "{message}"),
            _ => tracing::debug!(plugin, "{message}"),
        }
    }
}

impl ResourceLimiter for State {
    /// All memories of an instance share one allowance.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let left = self.memory_left.checked_sub(desired.saturating_sub(current));
        self.memory_refused |= left.is_none();
        self.memory_left = left.unwrap_or(self.memory_left);
        Ok(left.is_some())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        /// How many entries a table of functions may have.
        const TABLE_MAX: usize = 1_000_000;
        Ok(desired <= TABLE_MAX)
    }
}
