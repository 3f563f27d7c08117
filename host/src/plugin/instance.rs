//! One instance of a component: made for one call, bounded, then dropped.

use wasmtime::{ResourceLimiter, Store, Trap};

use super::v1::{self, Mapping};
use super::{Cause, Limits, Plugin};
use crate::model::{Problem, Setting};

/// What the host keeps beside an instance: its bounds and what it used of them.
pub(super) struct State {
    plugin: String,
    memory_left: usize,
    memory_refused: bool,
    lines_left: u32,
    line_max: usize,
}

impl State {
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

/// Runs `call` in a fresh instance that was configured first.
pub(super) fn run<T>(
    plugin: &Plugin,
    settings: &[Setting],
    call: impl FnOnce(&Mapping, &mut Store<State>) -> wasmtime::Result<T>,
) -> Result<T, Cause> {
    configured(plugin, settings, |_, instance, store| call(instance, store))?
        .map_err(Cause::Refused)
}

/// Runs `configure` in a fresh instance and hands its answer on.
pub(super) fn configured<T>(
    plugin: &Plugin,
    settings: &[Setting],
    call: impl FnOnce(v1::WitSpec, &Mapping, &mut Store<State>) -> wasmtime::Result<T>,
) -> Result<Result<T, Problem>, Cause> {
    let limits = plugin.limits;
    let state = State {
        plugin: plugin.name.clone(),
        memory_left: limits.memory_bytes,
        memory_refused: false,
        lines_left: limits.log_lines,
        line_max: limits.log_line_characters,
    };
    let mut store = Store::new(plugin.pre.engine(), state);
    store.limiter(|state| state);
    store.set_hostcall_fuel(limits.output_bytes);
    store.set_epoch_deadline(limits.deadline_ticks());
    let outcome = plugin.pre.instantiate(&mut store).and_then(|instance| {
        match v1::configure(&instance, &mut store, settings)? {
            Ok(spec) => call(spec, &instance, &mut store).map(Ok),
            Err(problem) => Ok(Err(problem)),
        }
    });
    outcome.map_err(|error| cause(&error, store.data().memory_refused, limits))
}

/// Tells which bound a call ran into, or what else stopped it.
fn cause(error: &wasmtime::Error, memory_refused: bool, limits: Limits) -> Cause {
    if memory_refused {
        return Cause::Memory(limits.memory_bytes);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Cause::Deadline(limits.deadline),
        Some(trap) => Cause::Trap(trap.to_string()),
        None => {
            let text = format!("{error:#}");
            if text.contains("fuel") {
                return Cause::Output(limits.output_bytes);
            }
            Cause::Trap(text.lines().last().unwrap_or_default().to_owned())
        }
    }
}
