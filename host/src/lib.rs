//! The host of efficlose: keeps a meeting platform and Salesforce in step.
//!
//! Eight floors; a room uses only rooms on lower floors. `ARCHITECTURE.md` draws
//! them, and the test `floors` holds the sources to it.

/// Records are texts, and each is one allocation: this allocator takes half the
/// time of the system's. It takes no huge pages, which hold memory that nobody uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// Floor 0: words
pub mod clock;
pub mod model;
pub mod secret;

// Floor 1: the doors
pub mod plugin;
pub mod registry;
pub mod salesforce;
pub mod store;
pub mod telemetry;

// Floor 2: the engine, the gate for meetings, and word of what has changed
pub mod intake;
pub mod notify;
pub mod sync;

// Floor 3: the daemon
pub mod daemon;

// Floor 4: settings
pub mod config;

// Floor 5: assembles
pub mod world;

// Floor 6: pages and the API
pub mod web;

// Floor 7: commands
pub mod cli;
