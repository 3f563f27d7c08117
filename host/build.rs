//! Builds the default mappings from source, so that the binary carries them.

use std::path::{Path, PathBuf};

use efficlose_toolchain::Compiler;

const PLUGINS: [&str; 6] = ["account", "contact", "field-map", "lead", "opportunity", "task"];

fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    for path in ["plugins", "wit", "Cargo.lock", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", workspace.join(path).display());
    }
    println!("cargo::rerun-if-env-changed={}", efficlose_toolchain::CHOICE);
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    // OUT_DIR is <target>/<profile>/build/<package>/out.
    let target = out.ancestors().nth(4).expect("a target folder").join("guest");
    let packages = PLUGINS.map(|plugin| format!("efficlose-{plugin}"));
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let built = Compiler::find().and_then(|compiler| compiler.build(workspace, &packages, &target));
    match built {
        Ok(files) => {
            for (plugin, file) in PLUGINS.iter().zip(files) {
                let copy = out.join(format!("{plugin}.wasm"));
                std::fs::copy(&file, copy).expect("the component was just built");
            }
        }
        Err(error) => println!("cargo::error={error}"),
    }
}
