//! The mapping's log. Bounded by the host; never for a record's values.

/// Writes a message that matters to whoever debugs the mapping.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Writes a message that someone should look at.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

#[cfg(target_arch = "wasm32")]
use crate::bindings::efficlose::mapping::log::{Level, write};

#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug)]
enum Level {
    Info,
    Warn,
}

/// A native test has no host; the log goes to its captured output.
#[cfg(not(target_arch = "wasm32"))]
fn write(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}
