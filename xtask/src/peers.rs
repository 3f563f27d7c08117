//! Other engines beside our own: a workspace of its own, so that nothing of theirs is in
//! what we build.

use std::path::Path;

use efficlose_toolchain::{Compiler, TARGET};

use super::{Outcome, cargo, target};

const MANIFEST: &str = "xtask/peers/Cargo.toml";
const GUEST: &str = "efficlose-peers-guest";

/// Measures them on a page that our own benchmark has written.
///
/// Their plugin is a plain module, which the compiler of rustup's target makes alone; where
/// there is another, that is said and nothing is measured.
pub(super) fn bench(page: &Path) -> Outcome {
    if Compiler::find().ok() != Some(Compiler::Rustup) {
        eprintln!("other engines are left out: run `rustup target add {TARGET}` to see them");
        return Ok(());
    }
    let folder = target().join("peers");
    let place = folder.display().to_string();
    let theirs = ["--release", "--manifest-path", MANIFEST, "--target-dir", &place];
    cargo(&[&["build"], &theirs[..], &["-p", GUEST, "--target", TARGET]].concat())?;
    let module = folder.join(TARGET).join("release/efficlose_peers_guest.wasm");
    let (page, module) = (page.display().to_string(), module.display().to_string());
    cargo(&[&["run"], &theirs[..], &["-p", "efficlose-peers", "--", &page, &module]].concat())
}
