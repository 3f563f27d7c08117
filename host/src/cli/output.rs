//! What is printed: tables for people, JSON for machines, and what went wrong.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::model::Value;

pub(super) use crate::world::Failed;

/// How often what shows progress turns.
const SPIN: Duration = Duration::from_millis(100);

/// Where answers go.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Tells whether a machine reads.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Tells whether a person watches, so that progress is worth showing.
    pub(super) fn is_watched(&self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// Tells whether what is printed is read by a person at a terminal, and kept by nobody.
    pub(super) fn is_read_by_person(&self) -> bool {
        !self.json && std::io::stdout().is_terminal()
    }

    /// Returns what shows a person that long work goes on; hidden where nobody watches.
    pub(super) fn progress(&self) -> ProgressBar {
        if !self.is_watched() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{spinner} {msg}");
        let bar = ProgressBar::new_spinner()
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(SPIN);
        bar
    }

    /// Prints a line for a person.
    pub(super) fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            print(text.as_ref());
        }
    }

    /// Prints a value for a machine, on a line of its own.
    pub(super) fn json(&self, value: &impl Serialize) {
        if self.json {
            print(&serde_json::to_string(value).unwrap_or_default());
        }
    }

    /// Prints a table for a person; columns named in `numbers` are set to the
    /// right. A table without rows is the line `none` instead.
    pub(super) fn table(
        &self,
        headers: &[&str],
        numbers: &[&str],
        rows: Vec<Vec<String>>,
        none: &str,
    ) {
        if self.json {
            return;
        }
        if rows.is_empty() {
            print(none);
            return;
        }
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(headers.to_vec()).add_rows(rows);
        for (nth, header) in headers.iter().enumerate() {
            let Some(column) = table.column_mut(nth) else { continue };
            column.set_padding((0, 2));
            if numbers.contains(header) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        print(&table.trim_fmt());
    }

    /// Prints what went wrong, on standard error.
    pub(super) fn failed(&self, failed: &Failed) {
        let text = if self.json {
            let error = serde_json::json!({
                "error": { "message": failed.message, "hint": failed.hint }
            });
            error.to_string()
        } else {
            let hint = failed.hint.as_ref().map(|hint| format!("\nhint: {hint}"));
            format!("error: {}{}", failed.message, hint.unwrap_or_default())
        };
        // Nobody is left to tell when standard error is closed.
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

/// Prints a line and lets it go at once: a script may wait for it.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever reads may have read enough, as `head` does.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Returns a value as it stands in a table: on one line, not too long.
pub(super) fn shown(value: &Value) -> String {
    /// How many characters of a value a table shows.
    const SHOWN_MAX: usize = 60;
    let text = match value {
        Value::Null => String::new(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
