//! Installs the clients that judge the sandbox org, into `target/clients`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Outcome, workspace};

/// Installs what the lists in `tests/clients` pin, unless it is there already.
pub(crate) fn install() -> Outcome {
    let lists = workspace().join("tests/clients");
    let target = workspace().join("target/clients");
    fs::create_dir_all(&target).map_err(|cause| format!("can't make {target:?}: {cause}"))?;
    once(&lists, &target, "package-lock.json", || {
        copy(&lists.join("package.json"), &target.join("package.json"))?;
        copy(&lists.join("package-lock.json"), &target.join("package-lock.json"))?;
        let quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
        run(Command::new("npm").arg("ci").args(quiet).current_dir(&target))
    })?;
    once(&lists, &target, "requirements.txt", || {
        let python = target.join("python");
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&python))?;
        let pip = ["-m", "pip", "install", "--quiet", "--requirement"];
        run(Command::new(python.join("bin/python")).args(pip).arg(lists.join("requirements.txt")))
    })
}

/// Installs a list, unless the note of the last time says the same.
fn once(lists: &Path, target: &Path, list: &str, install: impl FnOnce() -> Outcome) -> Outcome {
    let note = target.join(format!("installed-{list}"));
    let wanted = lists.join(list);
    let same = fs::read(&wanted).ok().zip(fs::read(&note).ok()).is_some_and(|(a, b)| a == b);
    if same {
        return Ok(());
    }
    install()?;
    copy(&wanted, &note)
}

fn copy(from: &Path, to: &Path) -> Outcome {
    fs::copy(from, to).map(|_| ()).map_err(|cause| format!("can't copy {from:?}: {cause}"))
}

fn run(command: &mut Command) -> Outcome {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("{command:?} failed")),
        Err(cause) => Err(format!("can't run {command:?}: {cause}")),
    }
}
