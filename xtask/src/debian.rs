//! Debian's packages, for what no package of Rust, Python or JavaScript brings along.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;

/// Runs apt-get in `folder`, and once more with new lists of packages if it fails.
///
/// A new machine has no lists at all, and old ones name files that are gone.
pub(crate) fn apt_get(arguments: &[&str], folder: &Path) -> Outcome {
    if run("apt-get", arguments, folder).is_ok() {
        return Ok(());
    }
    run("apt-get", &["update", "-q"], folder)?;
    run("apt-get", arguments, folder)
}

/// Runs a program of Debian's in `folder`; nobody is there to answer its questions.
pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> Outcome {
    let line = format!("{program} {}", arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .current_dir(folder)
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("`{line}` failed")),
        Err(cause) => Err(format!("can't run `{line}`: {cause}")),
    }
}
