//! Unpacks the OCI registry that mappings are fetched from in tests into
//! `target/clients/registry`: nothing is installed, no service is started.

use std::fs;

use crate::{Outcome, debian, workspace};

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
    debian::apt_get(&["download", "-q", PACKAGE], &folder)?;
    let entries =
        fs::read_dir(&folder).map_err(|cause| format!("can't read {folder:?}: {cause}"))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let package = names.into_iter().find(|name| name.ends_with(".deb"));
    let package = package.ok_or_else(|| format!("apt-get downloaded no {PACKAGE}"))?;
    debian::run("dpkg-deb", &["--extract", &package, "."], &folder)
}
