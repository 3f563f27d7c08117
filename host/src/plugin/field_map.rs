//! Field maps: a TOML file says which expression stands in for what the default
//! mapping says of a column or of a field to write.
//!
//! ```toml
//! [pull]
//! email = "Email | lower"
//! custom.region = { is = "Region__c", default = "unknown" }
//! phone = false
//!
//! [push]
//! Title = { is = "meeting.title", policy = "fill-if-blank" }
//! ```
//!
//! The default mapping itself evaluates them: they reach it as settings.

use std::collections::BTreeMap;

use toml_edit::{Document, DocumentMut, Item, Table, TableLike, TomlError, Value};

use crate::model::{Problem, Setting};

/// How large a field map may be, in bytes.
pub(super) const MAP_MAX: u64 = 1 << 20;
/// What each way says of an expression beside itself.
const SAYS: [(&str, &[&str]); 2] =
    [("pull", &["type", "default", "on_error"]), ("push", &["policy", "default", "on_error"])];
/// What a setting says that leaves its column or field out.
const LEFT_OUT: &str = "-";

/// Returns what a field map says of columns, `custom.` ones too: an expression, which fits into
/// a table; none, where it says more, which is left to those who edit the text.
pub fn expressions(text: &str) -> Result<BTreeMap<String, Option<String>>, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    let mut found = BTreeMap::new();
    let Some(pull) = document.get("pull").and_then(Item::as_table_like) else { return Ok(found) };
    let custom = pull.get("custom").and_then(Item::as_table_like);
    let custom = custom.into_iter().flat_map(TableLike::iter);
    let custom = custom.map(|(name, item)| (format!("custom.{name}"), item));
    let plain = pull.iter().map(|(name, item)| (name.to_owned(), item));
    for (name, item) in plain.chain(custom) {
        if !(name == "custom" && item.is_table_like()) {
            found.insert(name, item.as_str().map(str::to_owned));
        }
    }
    Ok(found)
}

/// Returns a field map that says of these columns what is given, nothing where that is empty;
/// all else of it stays as it is.
pub fn with_expressions(text: &str, said: &[(String, String)]) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: TomlError| error.to_string())?;
    let pull = document.entry("pull").or_insert(Item::Table(Table::new()));
    let pull = pull.as_table_mut().ok_or("write [pull] on a line of its own")?;
    for (name, expression) in said {
        let (table, name): (&mut dyn TableLike, _) = match name.strip_prefix("custom.") {
            None => (&mut *pull, name.as_str()),
            Some(name) => {
                let mut empty = Table::new();
                empty.set_dotted(true);
                let custom = pull.entry("custom").or_insert(Item::Table(empty));
                (custom.as_table_like_mut().ok_or("custom is no table")?, name)
            }
        };
        let was = table.get(name);
        let is_plain = was.is_none_or(|was| was.as_str().is_some());
        match expression.trim() {
            "" if is_plain => drop(table.remove(name)),
            // It says more than an expression.
            "" => {}
            same if was.and_then(Item::as_str) == Some(same) => {}
            new => drop(table.insert(name, toml_edit::value(new))),
        }
    }
    Ok(document.to_string())
}

/// A field map as settings, with the line that each column or field stands on.
pub(super) struct FieldMap {
    pub(super) settings: Vec<Setting>,
    lines: BTreeMap<String, usize>,
}

impl FieldMap {
    /// Reads a field map.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it, with the line.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let document = Document::parse(text).map_err(|error| error.to_string())?;
        let mut map = Self { settings: Vec::new(), lines: BTreeMap::new() };
        for (way, item) in document.as_table() {
            let place = || line_of(text, document.as_table(), way);
            let says = SAYS.iter().find(|(known, _)| *known == way).map(|(_, says)| *says);
            let says = says.ok_or_else(|| {
                format!("line {}: \"{way}\" is neither [pull] nor [push]", place())
            })?;
            let table = item
                .as_table()
                .ok_or_else(|| format!("line {}: write [{way}] on a line of its own", place()))?;
            map.add(text, (way, says), "", table)?;
        }
        if map.settings.is_empty() {
            return Err(
                "it says nothing: write [pull] or [push] and an expression below".to_owned()
            );
        }
        Ok(map)
    }

    fn add(
        &mut self,
        text: &str,
        (way, says): (&str, &[&str]),
        before: &str,
        table: &dyn TableLike,
    ) -> Result<(), String> {
        for (key, item) in table.iter() {
            let name = format!("{before}{key}");
            let line = line_of(text, table, key);
            let wrong = |why: &str| Err(format!("line {line}: {name} {why}"));
            if key.contains(':') {
                return wrong("has a colon in its name");
            }
            let mut say = |more: &str, value: String| {
                let name = format!("{way}:{name}{more}");
                self.settings.push(Setting { name, value });
            };
            match item {
                Item::Value(Value::String(expression)) => say("", expression.value().clone()),
                Item::Value(Value::Boolean(shown)) if !shown.value() => {
                    say("", LEFT_OUT.to_owned());
                }
                item => {
                    let Some(inner) = item.as_table_like() else {
                        return wrong("is neither an expression in quotes, nor false, nor a table");
                    };
                    if !inner.contains_key("is") && before.is_empty() && key == "custom" {
                        self.add(text, (way, says), "custom.", inner)?;
                        continue;
                    }
                    let Some(expression) = inner.get("is").and_then(Item::as_str) else {
                        return wrong("has no expression: write `is = \"…\"`");
                    };
                    say("", expression.to_owned());
                    for (more, value) in inner.iter().filter(|(more, _)| *more != "is") {
                        if !says.contains(&more) {
                            let known = says.join(", ");
                            return wrong(&format!("knows no \"{more}\"; it may say is, {known}"));
                        }
                        let value = match value {
                            Item::Value(Value::String(value)) => value.value().clone(),
                            Item::Value(Value::Integer(value)) => value.value().to_string(),
                            Item::Value(Value::Float(value)) => value.value().to_string(),
                            Item::Value(Value::Boolean(value)) => value.value().to_string(),
                            _ => {
                                return wrong(&format!(
                                    "says of \"{more}\" what is no plain value"
                                ));
                            }
                        };
                        say(&format!(":{more}"), value);
                    }
                }
            }
            self.lines.insert(format!("{way}:{name}"), line);
        }
        Ok(())
    }

    /// Returns what tells the lines of the columns, of the fields that are written, and of
    /// what expressions read.
    pub(super) fn lines(&self) -> Lines {
        let read = self.settings.iter().filter_map(|setting| {
            let line = self.lines.get(&setting.name)?;
            Some((setting.value.clone(), *line))
        });
        Lines { said: self.lines.clone(), expressions: read.collect() }
    }

    /// Returns a problem with the line that it lies on in place of the setting.
    pub(super) fn placed(&self, file: &str, problem: Problem) -> Problem {
        let line = problem.at.as_ref().and_then(|at| self.lines.get(at));
        let at = line.map(|line| format!("{file}:{line}"));
        let mend = at.as_ref().map(|_| "Mend that line of the field map.".to_owned());
        Problem { at: at.or(problem.at), hint: problem.hint.or(mend), ..problem }
    }
}

/// On which line of a field map something stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    said: BTreeMap<String, usize>,
    expressions: Vec<(String, usize)>,
}

impl Lines {
    /// Returns the line of a column, of a field that is written, or of the expression that
    /// reads a field first.
    pub(super) fn of(&self, name: &str) -> Option<usize> {
        let said = ["pull", "push"].iter().find_map(|way| self.said.get(&format!("{way}:{name}")));
        let reading = self.expressions.iter().find(|(expression, _)| reads(expression, name));
        said.copied().or_else(|| reading.map(|(_, line)| *line))
    }

    /// Returns the line that says what is written to a field.
    pub(super) fn of_write(&self, field: &str) -> Option<usize> {
        self.said.get(&format!("push:{field}")).copied()
    }
}

/// Tells whether an expression has this name in it, whole and not as a part of another.
fn reads(expression: &str, name: &str) -> bool {
    let continues = |letter: char| letter.is_alphanumeric() || "_.".contains(letter);
    !name.is_empty()
        && expression.match_indices(name).any(|(at, _)| {
            let after = expression[at + name.len()..].chars().next();
            !expression[..at].ends_with(continues) && !after.is_some_and(continues)
        })
}

/// Returns the line of a text that a key stands on, from 1.
fn line_of(text: &str, table: &dyn TableLike, key: &str) -> usize {
    let span = table.get_key_value(key).and_then(|(key, _)| key.span());
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    1 + before.matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let map = FieldMap::read(text).unwrap_or_else(|error| panic!("{error}"));
        map.settings
            .into_iter()
            .map(|setting| format!("{}={}", setting.name, setting.value))
            .collect()
    }

    #[test]
    fn a_table_edits_what_it_shows_and_nothing_else() {
        let text = "# ours\n[pull]\nemail = \"Email\" # as it is\nphone = false\n\
                    custom.size = { is = \"1\", on_error = \"empty\" }\n\n\
                    [push]\nTitle = \"meeting.title\"\n";
        let shown = expressions(text).unwrap();
        assert_eq!(
            shown.into_iter().collect::<Vec<_>>(),
            [
                ("custom.size".to_owned(), None),
                ("email".to_owned(), Some("Email".to_owned())),
                ("phone".to_owned(), None),
            ]
        );
        let said = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, said)| ((*name).to_owned(), (*said).to_owned())).collect()
        };
        assert_eq!(
            with_expressions(text, &said(&[("email", "Email"), ("phone", "")])).unwrap(),
            text
        );
        let edited = said(&[
            ("email", ""),
            ("title", "Title | trim"),
            ("custom.size", ""),
            ("custom.region", "Region__c"),
        ]);
        let edited = with_expressions(text, &edited).unwrap();
        let shown: Vec<_> = expressions(&edited).unwrap().into_iter().collect();
        assert_eq!(
            shown,
            [
                ("custom.region".to_owned(), Some("Region__c".to_owned())),
                ("custom.size".to_owned(), None),
                ("phone".to_owned(), None),
                ("title".to_owned(), Some("Title | trim".to_owned())),
            ]
        );
        assert!(edited.starts_with("# ours\n[pull]\nphone = false\n"), "{edited}");
        assert!(edited.contains("on_error") && edited.contains("[push]\nTitle"), "{edited}");
        assert_eq!(
            read(&with_expressions("", &said(&[("custom.a", "A__c")])).unwrap()),
            ["pull:custom.a=A__c"]
        );
    }

    #[test]
    fn a_map_becomes_settings() {
        let text = "[pull]\nemail = \"Email | lower\"\nphone = false\ncustom.region = \"Region__c\"\n\
                    \"custom.score\" = { is = \"Score__c\", type = \"number\", default = 3 }\n\
                    [push.Title]\nis = \"meeting.title\"\npolicy = \"overwrite\"\n";
        assert_eq!(
            read(text),
            [
                "pull:email=Email | lower",
                "pull:phone=-",
                "pull:custom.region=Region__c",
                "pull:custom.score=Score__c",
                "pull:custom.score:type=number",
                "pull:custom.score:default=3",
                "push:Title=meeting.title",
                "push:Title:policy=overwrite",
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, said) in [
            ("", "it says nothing"),
            ("[pull]\n\nemail = 3\n", "line 3: email is neither an expression in quotes"),
            ("[pull]\nemail = { type = \"text\" }\n", "line 2: email has no expression"),
            ("[push]\nTitle = { is = \"a\", type = \"text\" }", "line 2: Title knows no \"type\""),
            ("[pol]\n", "\"pol\" is neither [pull] nor [push]"),
            ("[pull]\nemail = \"a\nb\"\n", "TOML parse error at line"),
        ] {
            let error = FieldMap::read(text).err().unwrap_or_default();
            assert!(error.contains(said), "{text}: {error}");
        }
        let map = FieldMap::read("[pull]\n# mine\nemail = \"Email\"\n").unwrap();
        let at = |at: &str| Problem { message: String::new(), at: Some(at.to_owned()), hint: None };
        assert_eq!(map.placed("c.toml", at("pull:email")).at.as_deref(), Some("c.toml:3"));
        assert_eq!(map.placed("c.toml", at("colour")).at.as_deref(), Some("colour"));
        let map = FieldMap::read("[pull]\nname = \"LastName\"\ntitle = \"Name ~ Account.Name\"\n");
        let lines = map.unwrap().lines();
        let found = ["name", "Name", "Account.Name", "Account", ""].map(|name| lines.of(name));
        assert_eq!(found, [Some(2), Some(3), Some(3), None, None]);
    }
}
