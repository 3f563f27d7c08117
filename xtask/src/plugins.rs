//! Builds mappings into components, and proves that they build to the same bytes.

use std::path::{Path, PathBuf};
use std::process::Command;

use efficlose_toolchain::Compiler;
use sha2::{Digest, Sha256};

use crate::{Outcome, workspace};

/// What is built where no package is named.
const PACKAGES: [&str; 7] = [
    "efficlose-account",
    "efficlose-contact",
    "efficlose-field-map",
    "efficlose-lead",
    "efficlose-opportunity",
    "efficlose-task",
    "efficlose-example-contact",
];

/// A component that was built.
struct Built {
    package: String,
    file: PathBuf,
    digest: String,
}

/// Builds mappings and prints the digest and the file of each.
pub(crate) fn build(packages: &[String]) -> Outcome {
    for built in components(packages, &workspace(), &target())? {
        println!("{}  {}", built.digest, built.file.display());
    }
    Ok(())
}

/// Builds mappings here and in a copy of the tracked sources elsewhere, with
/// another target folder, and compares digests.
pub(crate) fn reproduce(packages: &[String]) -> Outcome {
    let here = components(packages, &workspace(), &target())?;
    let elsewhere = tempfile::tempdir().map_err(|error| format!("can't make a folder: {error}"))?;
    let copy = elsewhere.path().join("sources");
    copy_sources(&workspace(), &copy)?;
    let there = components(packages, &copy, &elsewhere.path().join("target"))?;
    for (one, other) in here.iter().zip(&there) {
        let (package, digest) = (&one.package, &one.digest);
        if *digest != other.digest {
            return Err(format!("{package} has digest {digest} here, {} elsewhere", other.digest));
        }
        println!("{digest}  {package}  the same twice");
    }
    Ok(())
}

fn components(packages: &[String], workspace: &Path, target: &Path) -> Result<Vec<Built>, String> {
    let packages: Vec<&str> = match packages {
        [] => PACKAGES.to_vec(),
        named => named.iter().map(String::as_str).collect(),
    };
    let compiler = Compiler::find().map_err(|error| error.to_string())?;
    let files = compiler.build(workspace, &packages, target).map_err(|error| error.to_string())?;
    let built = packages.into_iter().zip(files).map(|(package, file)| {
        Ok(Built { package: package.to_owned(), digest: digest(&file)?, file })
    });
    built.collect()
}

fn digest(file: &Path) -> Result<String, String> {
    let bytes = std::fs::read(file).map_err(|e| format!("can't read {}: {e}", file.display()))?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Copies what git tracks or would track, so that nothing built comes along.
fn copy_sources(from: &Path, to: &Path) -> Outcome {
    let list = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(from)
        .output()
        .map_err(|error| format!("can't run git: {error}"))?;
    for name in String::from_utf8_lossy(&list.stdout).split_terminator('\0') {
        let (source, copy) = (from.join(name), to.join(name));
        if !source.is_file() {
            continue;
        }
        let folder = copy.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::copy(&source, &copy))
            .map_err(|error| format!("can't copy {name}: {error}"))?;
    }
    Ok(())
}

/// Returns cargo's folder for mappings, the one that the host's build uses too.
fn target() -> PathBuf {
    crate::target().join("guest")
}
