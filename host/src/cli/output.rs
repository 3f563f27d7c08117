//! What is printed: tables for people, JSON for machines, and what went wrong.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::{config, plugin, salesforce, store, sync};

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

/// Why a command failed, and what mends it.
#[derive(Debug)]
pub(super) struct Failed {
    /// A fact, in lower case, without a full stop.
    pub(super) message: String,
    /// A sentence with the mend.
    pub(super) hint: Option<String>,
}

impl Failed {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<store::Error> for Failed {
    fn from(error: store::Error) -> Self {
        Self { message: error.to_string(), hint: error.hint().map(str::to_owned) }
    }
}

impl From<salesforce::Error> for Failed {
    fn from(error: salesforce::Error) -> Self {
        Self { message: error.to_string(), hint: Some(error.hint()) }
    }
}

impl From<plugin::Error> for Failed {
    fn from(error: plugin::Error) -> Self {
        Self { message: error.to_string(), hint: Some(error.hint()) }
    }
}

impl From<config::Error> for Failed {
    fn from(error: config::Error) -> Self {
        Self { message: error.to_string(), hint: Some(error.hint()) }
    }
}

impl From<sync::Error> for Failed {
    fn from(error: sync::Error) -> Self {
        let problem = error.problem();
        Self { message: problem.message, hint: problem.hint }
    }
}
