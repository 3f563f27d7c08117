//! What `efficlose plugin new` writes: a file, or a project with a test.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::mapping::io;
use super::super::output::{Failed, Output};
use super::Language;
use crate::model::Object;
use crate::plugin::{name_field, script, starter};

/// What a new project is made of, with words between `@` to be filled in.
const PROJECT_SCRIPT: &str = include_str!("project/mapping.js.txt");
const PROJECT_PYTHON: &str = include_str!("project/mapping.py.txt");
const PROJECT_RUST: &str = include_str!("project/lib.rs.txt");
const PROJECT_CARGO: &str = include_str!("project/Cargo.toml.txt");
const PROJECT_CASES: [(&str, &str); 2] = [
    ("a_name_is_trimmed.json", include_str!("project/cases/a_name_is_trimmed.json")),
    ("a_summary_goes_back.json", include_str!("project/cases/a_summary_goes_back.json")),
];

/// The kit for Rust, which a project has a copy of: it is built with what it was
/// written for, whatever becomes of efficlose.
macro_rules! kit {
    ($($file:literal),* $(,)?) => {
        [$(($file, include_str!(concat!("../../../../plugins/kit/src/", $file)))),*]
    };
}
const KIT: [(&str, &str); 12] = kit![
    "cases.rs",
    "export.rs",
    "expressions.rs",
    "expressions/context.rs",
    "expressions/language.rs",
    "field_map.rs",
    "lib.rs",
    "log.rs",
    "note.rs",
    "record.rs",
    "settings.rs",
    "text.rs",
];
const KIT_CARGO: &str = include_str!("project/kit.toml.txt");
/// Where the kit looks for the contract in its own repository, and where in a project.
const CONTRACT_PLACES: [&str; 2] = ["../../wit/v1", "../wit"];

/// Writes a file that is a mapping: a script or a field map, by its ending.
pub(super) fn file(file: &Path, output: &Output) -> Result<(), Failed> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let object: Object = stem.parse().map_err(|_| {
        Failed::new(format!("\"{stem}\" is not called after an object"))
            .hint("Call the file after what it maps, such as contact.js or lead.toml.")
    })?;
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let text = starter(object, ending).ok_or_else(|| {
        Failed::new("a new mapping is a script (.js, .ts), a field map (.toml) or a project")
            .hint("Name such a file, or the folder of a project with --lang.")
    })?;
    write(file, &text)?;
    output.json(&json!({ "files": [file] }));
    let name = file.display();
    output.line(format!("Wrote {name}; change it, then:"));
    output.line(format!("    efficlose mapping preview {name}"));
    output.line(format!("    efficlose mapping use {name}"));
    Ok(())
}

/// Writes a project: a mapping in this language, with cases that it is tested by.
pub(super) fn project(
    folder: &Path,
    language: Language,
    object: Object,
    output: &Output,
) -> Result<(), Failed> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    if !name.starts_with(|letter: char| letter.is_ascii_lowercase())
        || !name.chars().all(|letter| is_plain(letter) || "-_".contains(letter))
    {
        return Err(Failed::new(format!("\"{name}\" can't be the name of a project"))
            .hint("Write small letters, digits and hyphens, such as acme-contacts."));
    }
    if folder.exists() {
        return Err(Failed::new(format!("{} is there already", folder.display()))
            .hint("Name a new folder, or remove that one."));
    }
    let ending = language.ending();
    let kind = match object {
        Object::Account => "Company",
        Object::Contact | Object::Lead => "Person",
        Object::Opportunity => "Deal",
        Object::Task => "Task",
    };
    let item = match object {
        Object::Task => "\n    \"action_item\": { \"id\": \"i-1\", \"text\": \"Send the plan\" },",
        _ => "",
    };
    let filled = |text: &str| {
        text.replace("@OBJECT@", object.as_str())
            .replace("@FILE@", object.file_name())
            .replace("@NAME@", &name)
            .replace("@ENDING@", ending)
            .replace("@FIELD@", name_field(object))
            .replace("@KIND@", kind)
            .replace("@KIND_UPPER@", &kind.to_uppercase())
            .replace("@ITEM@", item)
            .replace("@ID@", &format!("{}xx000001Svog", object.key_prefix()))
    };
    let file = object.file_name();
    let mut files: Vec<(String, String)> = match language {
        Language::Js => vec![(format!("{file}.js"), filled(PROJECT_SCRIPT))],
        Language::Ts => vec![(format!("{file}.ts"), typed(&filled(PROJECT_SCRIPT), object))],
        Language::Python => vec![(format!("{file}.py"), filled(PROJECT_PYTHON))],
        Language::Rust => {
            let kit = KIT.iter().map(|(name, text)| {
                let [theirs, ours] = CONTRACT_PLACES;
                (format!("kit/src/{name}"), text.replace(theirs, ours))
            });
            let mut files: Vec<_> = kit.collect();
            files.push(("kit/Cargo.toml".to_owned(), KIT_CARGO.to_owned()));
            files.push(("wit/mapping.wit".to_owned(), script::WIT.to_owned()));
            files.push(("Cargo.toml".to_owned(), filled(PROJECT_CARGO)));
            files.push(("src/lib.rs".to_owned(), filled(PROJECT_RUST)));
            files
        }
    };
    let cases = PROJECT_CASES.iter();
    files.extend(cases.map(|(name, text)| (format!("cases/{name}"), filled(text))));
    files.sort();
    let written: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    for (place, (_, text)) in written.iter().zip(&files) {
        let parent = place.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|cause| io(parent, &cause))?;
        write(place, text)?;
    }
    output.json(&json!({ "files": written }));
    let folder = folder.display();
    output.line(format!("Wrote a project of {} files; next:", written.len()));
    output.line(format!("    efficlose plugin build {folder}"));
    output.line(format!("    efficlose plugin test {folder}/{file}.wasm --cases {folder}/cases"));
    Ok(())
}

/// Gives a script its types.
fn typed(script: &str, object: Object) -> String {
    let file = object.file_name();
    let import = format!(
        "// Your editor knows what the org has, once it is told:\n\
         //   efficlose plugin types {file} > {file}.types.d.ts\n\
         import type {{ {object}Record, Entity, Request }} from \"./{file}.types\";\n\n"
    );
    let typed = script
        .replace("pull(record)", &format!("pull(record: {object}Record): Entity"))
        .replace("push(request)", "push(request: Request)");
    let (about, rest) = typed.split_once("\n\n").unwrap_or(("", &typed));
    format!("{about}\n\n{import}{rest}")
}

/// Writes a file that is not there yet.
fn write(file: &Path, text: &str) -> Result<(), Failed> {
    let options = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    let text = text.trim_end().to_owned() + "\n";
    options
        .and_then(|mut new| std::io::Write::write_all(&mut new, text.as_bytes()))
        .map_err(|cause| io(file, &cause))
}
