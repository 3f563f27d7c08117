//! `efficlose script-component`: what the host calls to make a component of a script
//! apart from itself. Not for people.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::plugin::script;

/// How long an order may be, in bytes: a script in JSON, and what the default needs.
const ORDER_MAX: u64 = 8 * script::SCRIPT_MAX;

pub(super) fn run() -> ExitCode {
    let mut order = String::new();
    let made = match std::io::stdin().take(ORDER_MAX).read_to_string(&mut order) {
        Ok(_) => script::make(&order, Path::new(".")),
        Err(error) => Err(error.to_string()),
    };
    let written = made.and_then(|component| {
        std::io::stdout().write_all(&component).map_err(|error| error.to_string())
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Whoever called it says more.
            let _ = std::io::stderr().write_all(why.as_bytes());
            ExitCode::FAILURE
        }
    }
}
