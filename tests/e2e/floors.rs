//! The house keeps its floors: a room uses only rooms on lower floors, and each
//! outside thing is known by one room alone.

use std::path::Path;

use crate::world::files;

/// The rooms of each floor, from the ground up.
const FLOORS: [&[&str]; 8] = [
    &["clock", "model", "secret"],
    &["plugin", "registry", "salesforce", "store", "telemetry"],
    &["intake", "notify", "sync"],
    &["daemon"],
    &["config"],
    &["world"],
    &["web"],
    &["cli"],
];

/// What only some places may say, and which: files by how their path begins.
const KNOWN_BY: [(&str, &[&str]); 10] = [
    ("rusqlite", &["store"]),
    ("reqwest", &["salesforce", "registry", "notify", "telemetry", "cli/demo"]),
    ("wasmtime", &["plugin"]),
    ("bindgen!", &["plugin/v1.rs"]),
    ("println!", &["cli"]),
    ("print!", &["cli"]),
    ("eprintln!", &["cli"]),
    ("std::io::stdout", &["cli"]),
    (".expose()", &["secret", "config", "store", "salesforce", "notify", "web", "cli/web.rs"]),
    ("std::env::", &["cli"]),
];

/// What stands nowhere, tests included.
const NOWHERE: [&str; 4] = ["todo!(", "unimplemented!(", "#[ignore", "dbg!("];

/// A source, by its path below `src`.
struct Source {
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources: Vec<Source> = files(&folder)
        .into_iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "rs"))
        .map(|file| Source {
            path: file.strip_prefix(&folder).unwrap().to_str().unwrap().replace('\\', "/"),
            text: std::fs::read_to_string(&file).unwrap(),
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 50, "these are not the sources");
    sources
}

impl Source {
    fn room(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap()
    }

    /// Returns the program without comments and without tests that stand at the end.
    fn program(&self) -> String {
        let is_comment = |line: &&str| line.trim_start().starts_with("//");
        let lines = self.text.lines().filter(|line| !is_comment(line));
        let program = lines.collect::<Vec<_>>().join("\n");
        let tests = program.find("#[cfg(test)]\nmod tests {").unwrap_or(program.len());
        program[..tests].to_owned()
    }

    /// Returns the rooms that it names by their path.
    fn uses(&self) -> Vec<String> {
        let program = self.program();
        let mut rooms = Vec::new();
        for (at, found) in program.match_indices("crate::") {
            // `$crate::` and `other_crate::` are other crates.
            let before = program[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || before == '$' {
                continue;
            }
            rooms.extend(first_names(&program[at + found.len()..]));
        }
        rooms
    }
}

/// Returns the first name of a path, or the first names of a group of paths.
fn first_names(path: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let (mut names, mut depth, mut is_first) = (Vec::new(), 0, true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_first = true,
            c if is_first && !c.is_whitespace() => {
                names.push(word(&group[at..]));
                is_first = false;
            }
            _ => {}
        }
    }
    names
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Returns what a source may not use.
fn arrows(source: &Source) -> Vec<String> {
    let Some(floor_here) = floor(source.room()) else { return Vec::new() };
    let goes_wrong = |room: &String| {
        room != source.room() && floor(room).is_none_or(|floor| floor >= floor_here)
    };
    let wrong = source.uses().into_iter().filter(goes_wrong);
    wrong.map(|room| format!("{} uses {room}", source.path)).collect()
}

/// Returns what a source says that others alone may say.
fn sayings(source: &Source) -> Vec<String> {
    if is_test(source) {
        return Vec::new();
    }
    let program = source.program();
    let says = |word: &str| program.match_indices(word).any(|(at, _)| stands_alone(&program, at));
    let wrong = KNOWN_BY.iter().filter(|(word, places)| {
        says(word) && !places.iter().any(|place| source.path.starts_with(place))
    });
    wrong.map(|(word, _)| format!("{} says {word}", source.path)).collect()
}

/// Tells whether a word does not continue another, as `print!` does `eprint!`.
fn stands_alone(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back().unwrap_or(' ');
    !(before.is_alphanumeric() || before == '_') || text[at..].starts_with('.')
}

/// Tells whether a file as a whole is for tests, as the room's own line says.
fn is_test(source: &Source) -> bool {
    let name = source.path.rsplit('/').next().unwrap();
    source.path.contains("/tests/") || name == "tests.rs" || source.path == "store/world.rs"
}

#[test]
fn no_room_uses_a_room_above_it_or_beside_it() {
    let sources = sources();
    for source in &sources {
        let known = ["lib", "main"].contains(&source.room()) || floor(source.room()).is_some();
        assert!(known, "{} is on no floor", source.path);
    }
    let arrows: Vec<_> = sources.iter().flat_map(arrows).collect();
    assert!(arrows.is_empty(), "{}", arrows.join("\n"));
}

#[test]
fn each_outside_thing_is_known_by_one_room() {
    let sources = sources();
    let sayings: Vec<_> = sources.iter().flat_map(sayings).collect();
    assert!(sayings.is_empty(), "{}", sayings.join("\n"));
    for (word, places) in KNOWN_BY.into_iter().filter(|(word, _)| !word.contains("print")) {
        let said = sources.iter().filter(|source| source.program().contains(word)).count();
        assert!(said > 0, "nobody says {word}, which {places:?} may");
    }
}

#[test]
fn nothing_is_left_to_be_done_later() {
    for source in sources() {
        for word in NOWHERE {
            assert!(!source.text.contains(word), "{} says {word}", source.path);
        }
    }
}

#[test]
fn an_arrow_that_goes_wrong_is_seen() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    for (path, text, count) in [
        ("model/run.rs", "use crate::clock::Clock;", 1),
        ("model/run.rs", "use crate::model::Object;", 0),
        ("store.rs", "use crate::{\n    model::{self, Object},\n    secret::Key,\n};", 0),
        ("store.rs", "use crate::{model::Object, plugin, sync::{self}};", 2),
        ("sync/pull.rs", "fn f() { crate::intake::parse() }", 1),
        ("sync/pull.rs", "// crate::cli\n/// crate::cli", 0),
        ("daemon.rs", "use crate::config::Config;", 1),
        ("cli/sync.rs", "use crate::{config, daemon, sync};", 0),
        ("sync.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n use crate::cli;\n}", 0),
    ] {
        assert_eq!(arrows(&source(path, text)).len(), count, "{path}: {text}");
    }
    for (path, text, count) in [
        ("sync.rs", "println!()", 1),
        ("sync.rs", "eprintln!()", 1),
        ("sync.rs", "token.expose()", 1),
        ("salesforce/http.rs", "token.expose()", 0),
        ("plugin/state.rs", "bindgen!()", 1),
    ] {
        assert_eq!(sayings(&source(path, text)).len(), count, "{path}: {text}");
    }
}
