//! What `efficlose plugin build` does: makes a component of a project, with the tools
//! that the machine has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use efficlose_toolchain::Compiler;
use serde_json::json;

use super::super::mapping::{described, io};
use super::super::output::{Failed, Output};
use super::Language;
use crate::model::Object;
use crate::plugin::{Library, script};
use crate::world::World;

/// What makes a component of Python, and where a project may have one of its own.
const COMPONENTIZE_PY: &str = "componentize-py";
const OWN_TOOLS: &str = ".venv/bin";

/// Builds the project in a folder and puts the component beside its source, under the
/// name of its object.
pub(super) fn build(folder: &Path, world: &World, output: &Output) -> Result<(), Failed> {
    let library = world.library()?;
    let (component, note) = match source(folder)? {
        Source::Rust => (rust(folder)?, None),
        Source::Python(module) => (python(folder, &module)?, None),
        Source::Script(file, object) => script(&library, &file, object)?,
    };
    // The component itself knows best what it maps.
    let object = library.object_of(&component)?;
    let place = folder.join(object.file_name()).with_extension("wasm");
    let size = component.len();
    std::fs::write(&place, component).map_err(|cause| io(&place, &cause))?;
    let mapping = library.mapping_in(&place, object, Vec::new())?;
    output.json(&json!({
        "file": place, "bytes": size, "mapping": described(&mapping, &place.to_string_lossy()),
    }));
    output.line(format!(
        "Built {}: maps {object}, {} KiB, digest {}",
        place.display(),
        size.div_ceil(1024),
        mapping.digest()
    ));
    if let Some(note) = note {
        output.line(note);
    }
    Ok(())
}

/// What a project is written in.
enum Source {
    Rust,
    /// The module's name.
    Python(String),
    Script(PathBuf, Object),
}

/// Finds what a project is written in.
fn source(folder: &Path) -> Result<Source, Failed> {
    if folder.join("Cargo.toml").is_file() {
        return Ok(Source::Rust);
    }
    let languages = [Language::Js, Language::Ts, Language::Python];
    let mut found = Object::ALL.into_iter().flat_map(|object| {
        let file = folder.join(object.file_name());
        languages.map(|language| (object, language, file.with_extension(language.ending())))
    });
    match found.find(|(_, _, file)| file.is_file()) {
        Some((object, Language::Python, _)) => Ok(Source::Python(object.file_name().to_owned())),
        Some((object, _, file)) => Ok(Source::Script(file, object)),
        None => Err(Failed::new(format!("{} holds no mapping to build", folder.display())).hint(
            "Name a folder with a Cargo.toml, or with a source called after its object, such as \
             contact.js or task.py; `efficlose plugin new --lang` writes one.",
        )),
    }
}

fn rust(folder: &Path) -> Result<Vec<u8>, Failed> {
    let failed = |error: efficlose_toolchain::Error| {
        Failed::new(error.to_string())
            .hint("Mend what the compiler says, or install what it lacks.")
    };
    let manifest = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).map_err(|cause| io(&manifest, &cause))?;
    let unreadable = |why: String| {
        Failed::new(format!("can't read {}: {why}", manifest.display()))
            .hint("Give the package a name under [package].")
    };
    let parsed: toml_edit::DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| unreadable(error.to_string()))?;
    let package = parsed.get("package").and_then(|package| package.get("name"));
    let package = package.and_then(|name| name.as_str());
    let package = package.ok_or_else(|| unreadable("it names no package".to_owned()))?;
    let folder = folder.canonicalize().map_err(|cause| io(folder, &cause))?;
    let compiler = Compiler::find().map_err(failed)?;
    let target = folder.join("target");
    let built = compiler.build(&folder, &[package], &target).map_err(failed)?;
    let component = built.first().ok_or_else(|| Failed::new("nothing was built"))?;
    std::fs::read(component).map_err(|cause| io(component, &cause))
}

fn python(folder: &Path, module: &str) -> Result<Vec<u8>, Failed> {
    let own = folder.join(OWN_TOOLS).join(COMPONENTIZE_PY);
    let own = own.canonicalize().unwrap_or_else(|_| COMPONENTIZE_PY.into());
    let made = tempfile::tempdir().map_err(|cause| io(folder, &cause))?;
    let (contract, component) = (made.path().join("mapping.wit"), made.path().join("made.wasm"));
    std::fs::write(&contract, script::WIT).map_err(|cause| io(&contract, &cause))?;
    let mut command = Command::new(&own);
    command
        .arg("--wit-path")
        .arg(&contract)
        .args(["--world", "mapping", "componentize", "--stub-wasi", module, "--output"])
        .arg(&component)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(std::io::stderr());
    match command.status() {
        Ok(status) if status.success() => {
            std::fs::read(&component).map_err(|cause| io(&component, &cause))
        }
        Ok(_) => Err(Failed::new(format!("{COMPONENTIZE_PY} can't build {module}.py"))
            .hint("Mend what it says above.")),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            Err(Failed::new(format!("this machine has no {COMPONENTIZE_PY}")).hint(format!(
                "Run `python3 -m venv {0}/.venv && {0}/{OWN_TOOLS}/pip install {COMPONENTIZE_PY}`.",
                folder.display()
            )))
        }
        Err(cause) => Err(Failed::new(format!("can't run {}: {cause}", own.display()))),
    }
}

fn script(
    library: &Library,
    file: &Path,
    object: Object,
) -> Result<(Vec<u8>, Option<String>), Failed> {
    let component = library.component_of(file, object)?;
    let mapping = library.mapping_in(file, object, Vec::new())?;
    let halves = mapping.left_to_default();
    let note = (!halves.is_empty()).then(|| {
        format!(
            "It has no {}: where the script itself is used, the default mapping does that; the \
             component does without.",
            halves.join(" and no ")
        )
    });
    Ok((component, note))
}
