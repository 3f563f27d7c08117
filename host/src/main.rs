//! The binary `efficlose`.

use std::process::ExitCode;

fn main() -> ExitCode {
    efficlose::cli::main()
}
