//! `efficlose script-component`: what the host calls to make a component of a script
//! apart from itself. Not for people.

use std::io::{Read, Write};
use std::process::ExitCode;

use super::output::{Failed, Output};
use crate::plugin::script;

/// How long a script may be with what stands around it, in bytes.
const MODULE_MAX: u64 = 2 * script::SCRIPT_MAX;

pub(super) fn run(output: &Output) -> ExitCode {
    let mut module = String::new();
    let made = match std::io::stdin().take(MODULE_MAX).read_to_string(&mut module) {
        Ok(_) => script::make(&module),
        Err(error) => Err(error.to_string()),
    };
    let written = made.and_then(|component| {
        std::io::stdout().write_all(&component).map_err(|error| error.to_string())
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            output.failed(&Failed::new(why));
            ExitCode::FAILURE
        }
    }
}
