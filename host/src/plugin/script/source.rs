//! What stands in a script, read by a parser before anything of it runs: where it is
//! wrong, what it exports, and, of TypeScript, what is left without its types.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use swc_common::errors::{DiagnosticBuilder, Emitter, Handler};
use swc_common::sync::Lrc;
use swc_common::{BytePos, FileName, SourceMap, Spanned};
use swc_ecma_ast::{Decl, EsVersion, ExportSpecifier, Id, Module, ModuleDecl, ModuleItem};
use swc_ecma_parser::{EsSyntax, Syntax, parse_file_as_module};

/// What a script may export, by these names.
pub(super) const EXPORTS: [&str; 8] =
    ["pull", "push", "fields", "columns", "custom", "writes", "filter", CONTRACT_INTERFACE];
/// The name of the contract's interface: a script that exports it is the whole mapping.
const CONTRACT_INTERFACE: &str = "object";
/// From where a script may import: what the contract offers.
const CONTRACT: &str = "efficlose:";
/// How many letters of a name may be wrong for it to count as a slip: of a short one, and
/// of a longer.
const SLIPS: [usize; 2] = [1, 2];
/// How long a short name is at most.
const SHORT: usize = 5;

/// The language of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    /// As it runs.
    JavaScript,
    /// As it runs once its types are taken away.
    TypeScript,
}

/// A script that can be read.
#[derive(Debug, PartialEq)]
pub(super) struct Source {
    /// JavaScript with each thing where it stands in the file.
    pub(super) text: String,
    /// What it exports: the name, and what is called so inside.
    pub(super) exports: Vec<(String, String)>,
}

impl Source {
    /// Tells whether the script offers the contract itself, so that nothing has to stand
    /// around it.
    pub(super) fn offers_contract(&self) -> bool {
        self.exports.iter().any(|(name, _)| name == CONTRACT_INTERFACE)
    }

    /// Reads a script; `file` is what messages call it. The error is a sentence with
    /// the place, `contact.js:3:14: …`.
    pub(super) fn read(file: &str, text: &str, language: Language) -> Result<Self, String> {
        let map: Lrc<SourceMap> = Lrc::default();
        let placed = |(at, message): (BytePos, String)| {
            let place = map.lookup_char_pos(at);
            format!("{file}:{}:{}: {}", place.line, place.col.0 + 1, uncapitalised(&message))
        };
        let text = match language {
            Language::JavaScript => text.to_owned(),
            Language::TypeScript => stripped(&map, text).map_err(placed)?,
        };
        let module = parsed(&map, &text).map_err(placed)?;
        let exports = exported(&module).map_err(placed)?;
        Ok(Self { text, exports })
    }
}

/// Returns a sentence as a fact: it begins with a small letter, unless with a name.
fn uncapitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    let word = sentence.split(' ').next().unwrap_or_default();
    let is_name = word.chars().skip(1).any(char::is_uppercase);
    if is_name { sentence.to_owned() } else { first.chain(letters).collect() }
}

/// Takes away the types, each letter of them becoming a space.
fn stripped(map: &Lrc<SourceMap>, text: &str) -> Result<String, (BytePos, String)> {
    let heard = Heard::default();
    let handler = Handler::with_emitter(false, false, Box::new(heard.clone()));
    let options = swc_ts_fast_strip::Options { module: Some(true), ..Default::default() };
    swc_ts_fast_strip::operate(map, &handler, text.to_owned(), options)
        .map(|stripped| stripped.code)
        .map_err(|error| heard.first().unwrap_or((BytePos(0), error.message)))
}

/// What was said first of a text that can't be read.
#[derive(Default, Clone)]
struct Heard(Arc<Mutex<Option<(BytePos, String)>>>);

impl Heard {
    fn first(&self) -> Option<(BytePos, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Emitter for Heard {
    fn emit(&mut self, said: &mut DiagnosticBuilder<'_>) {
        let at = said.span.primary_span().map_or(BytePos(0), |span| span.lo);
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.get_or_insert((at, said.message()));
    }
}

fn parsed(map: &Lrc<SourceMap>, text: &str) -> Result<Module, (BytePos, String)> {
    let file = map.new_source_file(FileName::Anon.into(), text.to_owned());
    let syntax = Syntax::Es(EsSyntax::default());
    let mut errors = Vec::new();
    let module = parse_file_as_module(&file, syntax, EsVersion::latest(), None, &mut errors);
    let error =
        |error: swc_ecma_parser::error::Error| (error.span().lo, error.kind().msg().into_owned());
    match (module, errors.into_iter().next()) {
        (Ok(module), None) => Ok(module),
        (Err(first), _) | (Ok(_), Some(first)) => Err(error(first)),
    }
}

/// Returns what a module exports of what a script may. An import, and a name that
/// looks like a slip, are errors.
fn exported(module: &Module) -> Result<Vec<(String, String)>, (BytePos, String)> {
    let mut found: Vec<(BytePos, String, String)> = Vec::new();
    for item in &module.body {
        let ModuleItem::ModuleDecl(item) = item else { continue };
        let at = item.span().lo;
        match item {
            ModuleDecl::ExportDecl(export) => {
                let names = declared(&export.decl).into_iter();
                found.extend(names.map(|name| (at, name.clone(), name)));
            }
            ModuleDecl::ExportNamed(export) if export.src.is_none() => {
                for one in &export.specifiers {
                    let ExportSpecifier::Named(one) = one else { continue };
                    let own = one.orig.atom().to_string();
                    let name = one.exported.as_ref().map_or(own.clone(), |n| n.atom().to_string());
                    found.push((at, name, own));
                }
            }
            ModuleDecl::Import(import) => {
                let from = import.src.value.to_string_lossy();
                if !from.starts_with(CONTRACT) {
                    return Err((at, format!("a script stands alone, and can't import {from}")));
                }
            }
            ModuleDecl::ExportNamed(_) | ModuleDecl::ExportAll(_) => {
                return Err((at, "a script stands alone, and exports what is in it".to_owned()));
            }
            _ => {}
        }
    }
    for (at, name, _) in &found {
        let far = |known: &&str| strsim::levenshtein(known, name);
        let known = EXPORTS.into_iter().filter(|known| *known != CONTRACT_INTERFACE);
        let nearest = known.min_by_key(far).unwrap_or_default();
        let slip = SLIPS[usize::from(nearest.len() > SHORT)];
        let is_there = found.iter().any(|(_, other, _)| other == nearest);
        if (1..=slip).contains(&far(&nearest)) && !is_there {
            return Err((*at, format!("it exports {name}; did you mean {nearest}?")));
        }
    }
    found.retain(|(_, name, _)| EXPORTS.contains(&name.as_str()));
    Ok(found.into_iter().map(|(_, name, own)| (name, own)).collect())
}

fn declared(declaration: &Decl) -> Vec<String> {
    match declaration {
        Decl::Fn(one) => vec![one.ident.sym.to_string()],
        Decl::Class(one) => vec![one.ident.sym.to_string()],
        Decl::Var(all) => {
            let names: Vec<Id> = swc_ecma_utils::find_pat_ids(&all.decls);
            names.into_iter().map(|(name, _)| name.to_string()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Source, String> {
        Source::read("contact.ts", text, Language::TypeScript)
    }

    #[test]
    fn types_are_taken_away_and_everything_stays_where_it_stands() {
        let text = "interface A { b: string }\nexport function pull(r: A): A { return r!; }\n";
        let source = read(text).unwrap();
        assert_eq!(source.text.len(), text.len());
        assert_eq!(source.text.find("return"), text.find("return"));
        assert!(!source.text.contains("string"), "{}", source.text);
        assert_eq!(source.exports, [("pull".to_owned(), "pull".to_owned())]);
    }

    #[test]
    fn what_is_exported_is_found_by_its_name_however_it_is_written() {
        let text = "function p() {}\nexport const { fields, writes: [custom] } = X, columns = [];\n\
                    export { p as pull };\nfunction filter() {}\nexport const hash = 1, customer = 2;\n";
        let exports = Source::read("c.js", text, Language::JavaScript).unwrap().exports;
        let names: Vec<_> = exports.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let plain = |name| (name, name);
        assert_eq!(names, [plain("fields"), plain("custom"), plain("columns"), ("pull", "p")]);
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_column() {
        for (text, said) in [
            ("let a = ;", "contact.ts:1:9: expression expected"),
            (
                "export const feilds = [];",
                "contact.ts:1:1: it exports feilds; did you mean fields?",
            ),
            (
                "\nimport x from './x';\nx();",
                "contact.ts:2:1: a script stands alone, and can't import ./x",
            ),
            (
                "\n  enum A { B }",
                "contact.ts:2:3: TypeScript enum is not supported in strip-only mode",
            ),
            ("function f() {\n", "contact.ts:1:16: expected '}', got '<eof>'"),
        ] {
            assert_eq!(read(text), Err(said.to_owned()), "{text}");
        }
    }
}
