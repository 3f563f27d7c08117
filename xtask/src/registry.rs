//! Unpacks the OCI registry that mappings are fetched from in tests into
//! `target/clients/registry`: nothing is installed, no service is started.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Outcome, workspace};

/// Debian's package, and the program in it.
const PACKAGE: &str = "docker-registry";
const PROGRAM: &str = "usr/bin/docker-registry";

/// Unpacks the registry, unless it is there already.
pub(crate) fn install() -> Outcome {
    let folder = workspace().join("target/clients/registry");
    if folder.join(PROGRAM).exists() {
        return Ok(());
    }
    fs::create_dir_all(&folder).map_err(|cause| format!("can't make {folder:?}: {cause}"))?;
    let download = ["download", "-q", PACKAGE];
    if run("apt-get", &download, &folder).is_err() {
        run("apt-get", &["update", "-q"], &folder)?;
        run("apt-get", &download, &folder)?;
    }
    let entries =
        fs::read_dir(&folder).map_err(|cause| format!("can't read {folder:?}: {cause}"))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let package = names.into_iter().find(|name| name.ends_with(".deb"));
    let package = package.ok_or_else(|| format!("apt-get downloaded no {PACKAGE}"))?;
    run("dpkg-deb", &["--extract", &package, "."], &folder)
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> Outcome {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("`{program} {}` failed", arguments.join(" "))),
        Err(cause) => Err(format!("can't run {program} to get {PACKAGE}: {cause}")),
    }
}
