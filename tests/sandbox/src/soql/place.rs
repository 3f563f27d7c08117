//! Messages that point at a place in a query.

/// Returns the message under the line of the query, with a mark below the place.
pub(super) fn pointing(text: &str, at: usize, message: &str) -> String {
    let before = &text[..at];
    let row = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let line = text.lines().nth(row - 1).unwrap_or_default();
    format!("\n{line}\n{:>column$}\nERROR at Row:{row}:Column:{column}\n{message}", "^")
}

/// As [`pointing`], at the first place a name stands.
pub(super) fn pointing_at_name(text: &str, name: &str, message: &str) -> String {
    let at = text.to_ascii_lowercase().find(&name.to_ascii_lowercase());
    pointing(text, at.unwrap_or_default(), message)
}
