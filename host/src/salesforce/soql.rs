//! The text of every query, written so that no value can bend it.

use super::time;
use crate::model::{Cursor, FieldName, FieldPath, Filter, Object};

/// Fields that every read of changes needs, whatever the mapping reads.
pub(super) const KEYS: [&str; 3] = ["Id", "SystemModstamp", "IsDeleted"];

/// What to read of an object.
#[derive(Debug, Clone, Copy)]
pub struct Changed<'a> {
    /// The object.
    pub object: Object,
    /// The fields, by their canonical names, in the order of the table's columns.
    pub reads: &'a [FieldPath],
    /// The condition that records must meet; those that are deleted always come.
    pub filter: Option<&'a Filter>,
    /// Where to go on; none to read from the beginning.
    pub after: Option<&'a Cursor>,
    /// How many rows at most, 1 to 2,000.
    pub limit: u32,
}

/// Returns the SOQL for what changed after a cursor, oldest first.
///
/// Two records can share a stamp, so the id breaks the tie; without it a page
/// that ends between the two would lose the second. A filter must not hide a
/// deletion, or the platform would keep the entity for ever, so deleted rows
/// pass it always.
pub(super) fn changed(query: &Changed<'_>) -> String {
    let select = unique(KEYS.into_iter().chain(query.reads.iter().map(|path| path.as_str())));
    let conditions: Vec<String> =
        [query.after.map(after), query.filter.map(alive)].into_iter().flatten().collect();
    let mut soql = format!("SELECT {} FROM {}", select.join(", "), query.object);
    if !conditions.is_empty() {
        soql.push_str(" WHERE ");
        soql.push_str(&conditions.join(" AND "));
    }
    soql.push_str(" ORDER BY SystemModstamp, Id LIMIT ");
    soql.push_str(&query.limit.to_string());
    soql
}

fn after(cursor: &Cursor) -> String {
    let stamp = time::literal(cursor.stamp);
    match &cursor.id {
        None => format!("SystemModstamp >= {stamp}"),
        Some(id) => format!(
            "((SystemModstamp = {stamp} AND Id > {}) OR SystemModstamp > {stamp})",
            quoted(id.as_str())
        ),
    }
}

fn alive(filter: &Filter) -> String {
    format!("(({}) OR IsDeleted = TRUE)", filter.as_str())
}

/// Returns the SOQL for records whose `key` has one of these values.
pub(super) fn find(
    object: &str,
    key: &FieldName,
    values: &[String],
    select: &[&str],
    and: Option<&str>,
) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    let and = and.map(|and| format!(" AND {and}")).unwrap_or_default();
    format!(
        "SELECT {} FROM {object} WHERE {key} IN ({}){and}",
        select.join(", "),
        values.join(", ")
    )
}

/// Returns the SOQL that counts records.
pub(super) fn count(object: &str, filter: Option<&Filter>) -> String {
    match filter {
        None => format!("SELECT COUNT() FROM {object}"),
        Some(filter) => format!("SELECT COUNT() FROM {object} WHERE {}", filter.as_str()),
    }
}

/// Returns the names in their order, each once whatever its case: a field that
/// is selected twice fails the whole query.
pub(super) fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for name in names {
        if !all.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            all.push(name);
        }
    }
    all
}

/// Returns a SOQL string that means exactly `text`.
pub(super) fn quoted(text: &str) -> String {
    let mut soql = String::with_capacity(text.len() + 2);
    soql.push('\'');
    for character in text.chars() {
        match character {
            '\\' => soql.push_str("\\\\"),
            '\'' => soql.push_str("\\'"),
            '"' => soql.push_str("\\\""),
            '\n' => soql.push_str("\\n"),
            '\r' => soql.push_str("\\r"),
            '\t' => soql.push_str("\\t"),
            '\u{8}' => soql.push_str("\\b"),
            '\u{c}' => soql.push_str("\\f"),
            control if control.is_control() => {
                soql.push_str(&format!("\\u{:04X}", u32::from(control)));
            }
            other => soql.push(other),
        }
    }
    soql.push('\'');
    soql
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{FieldPath, Object};

    fn changed_text(reads: &[&str], filter: Option<&str>, after: Option<Cursor>) -> String {
        let reads: Vec<FieldPath> = reads.iter().map(|path| path.parse().unwrap()).collect();
        let filter: Option<Filter> = filter.map(|filter| filter.parse().unwrap());
        changed(&Changed {
            object: Object::Contact,
            reads: &reads,
            filter: filter.as_ref(),
            after: after.as_ref(),
            limit: 500,
        })
    }

    fn cursor(id: Option<&str>) -> Cursor {
        let stamp = "2026-01-02T03:04:05Z".parse().unwrap();
        Cursor { stamp, id: id.map(|id| id.parse().unwrap()) }
    }

    #[test]
    fn a_first_read_asks_for_everything() {
        assert_eq!(
            changed_text(&["Email", "Account.Name"], None, None),
            "SELECT Id, SystemModstamp, IsDeleted, Email, Account.Name FROM Contact \
             ORDER BY SystemModstamp, Id LIMIT 500"
        );
    }

    #[test]
    fn a_later_read_goes_on_after_the_last_settled_record() {
        assert_eq!(
            changed_text(&["id", "Email"], None, Some(cursor(Some("003q000000KvQ1tAAF")))),
            "SELECT Id, SystemModstamp, IsDeleted, Email FROM Contact \
             WHERE ((SystemModstamp = 2026-01-02T03:04:05Z AND Id > '003q000000KvQ1tAAF') \
             OR SystemModstamp > 2026-01-02T03:04:05Z) ORDER BY SystemModstamp, Id LIMIT 500"
        );
    }

    #[test]
    fn a_filter_never_hides_a_deletion() {
        assert_eq!(
            changed_text(&[], Some("A = 1 OR B = 2"), Some(cursor(None))),
            "SELECT Id, SystemModstamp, IsDeleted FROM Contact \
             WHERE SystemModstamp >= 2026-01-02T03:04:05Z \
             AND ((A = 1 OR B = 2) OR IsDeleted = TRUE) ORDER BY SystemModstamp, Id LIMIT 500"
        );
    }

    #[test]
    fn values_are_quoted_as_soql_reads_them() {
        let key = "Email".parse().unwrap();
        let values = ["o'neill\\".to_owned(), "a\nb\"\t\u{1}é".to_owned()];
        assert_eq!(
            find("Contact", &key, &values, &["Id", "Email"], Some("IsActive = TRUE")),
            "SELECT Id, Email FROM Contact WHERE Email IN \
             ('o\\'neill\\\\', 'a\\nb\\\"\\t\\u0001é') AND IsActive = TRUE"
        );
    }

    /// Reads a SOQL string as Salesforce does; none unless it ends at its end.
    fn unquoted(soql: &str) -> Option<String> {
        let mut text = String::new();
        let mut rest = soql.strip_prefix('\'')?.chars();
        loop {
            match rest.next()? {
                '\'' => return rest.next().is_none().then_some(text),
                '\\' => text.push(match rest.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'u' => {
                        let digits: String = rest.by_ref().take(4).collect();
                        char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                    }
                    same @ ('\'' | '"' | '\\') => same,
                    _ => return None,
                }),
                control if control.is_control() => return None,
                other => text.push(other),
            }
        }
    }

    proptest! {
        #[test]
        fn quoting_never_escapes_its_string(text in "(?s)[\\\\'\"\n\r\tA-Za-z) é\u{0}-\u{1f}]{0,40}|.{0,40}") {
            prop_assert_eq!(unquoted(&quoted(&text)), Some(text));
        }
    }
}
