//! One instance of a component: made for one call, bounded, then dropped.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::{Store, Trap};

use super::state::State;
use super::v1::{self, Mapping};
use super::{Cause, Limits, Plugin, TICK};
use crate::model::{Problem, Setting};

/// How many instances there may be at once; further calls wait. Each of the memories that
/// they may have has 4 GiB of addresses, though not of memory.
pub(super) const INSTANCES_AT_ONCE: u32 = 32;
/// How much of an instance's memory stays with its place for the next one, in bytes:
/// what a page of wide records takes. It is cleared, not fetched anew.
const KEPT_BYTES: usize = 16 << 20;
/// How many places that are free keep it.
const KEPT_PLACES: u32 = 2;

/// Returns where instances live: in places that are made once, since a fresh instance
/// for each call would spend its time on having memory mapped.
pub(super) fn pool(limits: Limits) -> wasmtime::InstanceAllocationStrategy {
    let mut pool = wasmtime::PoolingAllocationConfig::new();
    // Whoever has a place finds all that a component may be made of.
    pool.total_component_instances(INSTANCES_AT_ONCE)
        .max_core_instances_per_component(limits.instances)
        .total_core_instances(INSTANCES_AT_ONCE * limits.instances)
        .max_memories_per_component(limits.memories)
        .total_memories(INSTANCES_AT_ONCE * limits.memories)
        .max_tables_per_component(limits.tables)
        .total_tables(INSTANCES_AT_ONCE * limits.tables)
        .max_memory_size(limits.memory_bytes)
        .linear_memory_keep_resident(KEPT_BYTES)
        .max_unused_warm_slots(KEPT_PLACES)
        // What a call has written to is cleared, and nothing else, where the kernel tells.
        .pagemap_scan(wasmtime::Enabled::Auto);
    wasmtime::InstanceAllocationStrategy::Pooling(pool)
}

/// The places of a pool that are free. A call computes and ends within its deadline, so
/// whoever waits gets one.
pub(super) struct Places {
    free: Mutex<u32>,
    freed: Condvar,
}

impl Places {
    pub(super) fn new() -> Self {
        Self { free: Mutex::new(INSTANCES_AT_ONCE), freed: Condvar::new() }
    }

    /// Waits for a place, and holds it until what is returned is dropped.
    fn take(&self) -> Place<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_while(free, |free| *free == 0);
        *waited.unwrap_or_else(PoisonError::into_inner) -= 1;
        Place(self)
    }
}

struct Place<'a>(&'a Places);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

/// Runs `call`, which is given so many rows, in a fresh instance that was
/// configured first.
pub(super) fn run<T>(
    plugin: &Plugin,
    settings: &[Setting],
    rows: usize,
    call: impl FnOnce(&Mapping, &mut Store<State>) -> wasmtime::Result<T>,
) -> Result<T, Cause> {
    configured(plugin, settings, rows, |_, instance, store| call(instance, store))?
        .map_err(Cause::Refused)
}

/// Runs `configure` in a fresh instance and hands its answer on.
pub(super) fn configured<T>(
    plugin: &Plugin,
    settings: &[Setting],
    rows: usize,
    call: impl FnOnce(v1::WitSpec, &Mapping, &mut Store<State>) -> wasmtime::Result<T>,
) -> Result<Result<T, Problem>, Cause> {
    fresh(plugin, rows, |instance, store| match v1::configure(instance, store, settings)? {
        Ok(spec) => call(spec, instance, store).map(Ok),
        Err(problem) => Ok(Err(problem)),
    })
}

/// Makes a fresh instance for a call that is given so many rows, within its bounds.
pub(super) fn fresh<T>(
    plugin: &Plugin,
    rows: usize,
    call: impl FnOnce(&Mapping, &mut Store<State>) -> wasmtime::Result<T>,
) -> Result<T, Cause> {
    let limits = plugin.limits;
    let _place = plugin.places.take();
    let state = State::new(&plugin.name, limits);
    let mut store = Store::new(plugin.pre.engine(), state);
    store.limiter(|state| state);
    store.set_hostcall_fuel(limits.output_bytes);
    let deadline = limits.deadline_for(rows);
    store.set_epoch_deadline(ticks(deadline));
    let instance = plugin.pre.instantiate(&mut store);
    let outcome = instance.and_then(|instance| call(&instance, &mut store));
    outcome.map_err(|error| cause(&error, store.data().memory_refused(), limits, deadline))
}

/// Returns a time in ticks. The first tick may come at once, so it doesn't count.
fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX / 2) + 1
}

/// Tells which bound a call ran into, or what else stopped it.
fn cause(
    error: &wasmtime::Error,
    memory_refused: bool,
    limits: Limits,
    deadline: Duration,
) -> Cause {
    if memory_refused {
        return Cause::Memory(limits.memory_bytes);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Cause::Deadline(deadline),
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
