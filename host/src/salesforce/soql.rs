//! The text of every query, written so that no value can bend it.

use super::shape::Shape;
use super::time;
use crate::model::{Cursor, FieldName, FieldPath, Filter, Object, SalesforceId};

/// How many rows Salesforce puts in one page, and the fewest that it can be
/// asked for.
pub(super) const PAGE_ROWS: std::ops::RangeInclusive<u32> = 200..=2_000;
/// Fields that every read of changes needs, whatever the mapping reads.
pub(super) const KEYS: [&str; 3] = ["Id", "SystemModstamp", "IsDeleted"];

/// A field that tells what a record became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Successor {
    /// The field, on records of this object.
    pub of: Object,
    /// Its name.
    pub field: &'static str,
    /// The object of what the record became.
    pub becomes: Object,
}

/// The fields that tell what a record was merged into or converted to.
pub const SUCCESSORS: [Successor; 6] = [
    Successor { of: Object::Account, field: "MasterRecordId", becomes: Object::Account },
    Successor { of: Object::Contact, field: "MasterRecordId", becomes: Object::Contact },
    Successor { of: Object::Lead, field: "MasterRecordId", becomes: Object::Lead },
    Successor { of: Object::Lead, field: "ConvertedContactId", becomes: Object::Contact },
    Successor { of: Object::Lead, field: "ConvertedAccountId", becomes: Object::Account },
    Successor { of: Object::Lead, field: "ConvertedOpportunityId", becomes: Object::Opportunity },
];

/// What to read of an object.
#[derive(Debug, Clone, Copy)]
pub struct Changed<'a> {
    /// The object.
    pub object: Object,
    /// The fields, by their canonical names, in the order of the table's columns.
    pub reads: &'a [FieldPath],
    /// Those of [`SUCCESSORS`] that the org shows.
    pub successors: &'a [Successor],
    /// The condition that records must meet; those that are deleted always come.
    pub filter: Option<&'a Filter>,
    /// Where to go on; none to read from the beginning.
    pub after: Option<&'a Cursor>,
    /// How many rows at most, 1 to 2,000.
    pub limit: u32,
}

impl Changed<'_> {
    /// Returns the same with a limit that Salesforce takes.
    pub(super) fn bounded(self) -> Self {
        Self { limit: self.limit.clamp(1, *PAGE_ROWS.end()), ..self }
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        let successors = self.successors.iter().map(|successor| successor.field);
        let reads = self.reads.iter().map(|path| path.as_str());
        KEYS.into_iter().chain(successors).chain(reads)
    }

    /// Returns where the columns stand in the answer.
    pub(super) fn shape(&self) -> Shape {
        Shape::new(self.columns())
    }
}

/// Returns the SOQL for what changed after a cursor, oldest first.
///
/// Two records can share a stamp, so the id breaks the tie; without it a page
/// that ends between the two would lose the second. A filter must not hide a
/// deletion, or the platform would keep the entity for ever, so deleted rows
/// pass it always.
pub(super) fn changed(query: &Changed<'_>) -> String {
    let select = unique(query.columns());
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

/// Returns the SOQL for the records, deleted ones too, whose `key` is one of these ids and
/// whose own id comes after `after`, by their ids.
pub(super) fn among(
    query: &Changed<'_>,
    key: &FieldName,
    ids: &[SalesforceId],
    after: Option<&SalesforceId>,
) -> String {
    let select = unique(query.columns());
    let ids: Vec<String> = ids.iter().map(|id| quoted(id.as_str())).collect();
    let mut soql = format!(
        "SELECT {} FROM {} WHERE {key} IN ({})",
        select.join(", "),
        query.object,
        ids.join(", ")
    );
    if let Some(id) = after {
        soql.push_str(&format!(" AND Id > {}", quoted(id.as_str())));
    }
    if let Some(filter) = query.filter {
        soql.push_str(&format!(" AND {}", alive(filter)));
    }
    soql.push_str(&format!(" ORDER BY Id LIMIT {}", query.limit));
    soql
}

/// Which records are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All, also those in the recycle bin or merged into others.
    All,
    /// Those that are there, archived ones too.
    Live,
}

/// Returns the SOQL for records in no order: to order what is to be extracted keeps
/// Salesforce from doing it in chunks.
pub(super) fn extract(query: &Changed<'_>, scope: Scope) -> String {
    let select = unique(query.columns()).join(", ");
    let live = (scope == Scope::Live).then(|| "IsDeleted = FALSE".to_owned());
    let filter = query.filter.map(|filter| match scope {
        Scope::All => alive(filter),
        Scope::Live => format!("({})", filter.as_str()),
    });
    let conditions: Vec<String> = live.into_iter().chain(filter).collect();
    match conditions.as_slice() {
        [] => format!("SELECT {select} FROM {}", query.object),
        all => format!("SELECT {select} FROM {} WHERE {}", query.object, all.join(" AND ")),
    }
}

/// Returns the SOQL for the records that are there, whose id comes after `after`, by their
/// ids.
pub(super) fn listing(query: &Changed<'_>, after: Option<&SalesforceId>) -> String {
    let select = unique(query.columns());
    let mut soql =
        format!("SELECT {} FROM {} WHERE IsDeleted = FALSE", select.join(", "), query.object);
    if let Some(id) = after {
        soql.push_str(&format!(" AND Id > {}", quoted(id.as_str())));
    }
    if let Some(filter) = query.filter {
        soql.push_str(&format!(" AND ({})", filter.as_str()));
    }
    soql.push_str(&format!(" ORDER BY Id LIMIT {}", query.limit));
    soql
}

fn after(cursor: &Cursor) -> String {
    let stamp = time::literal(cursor.stamp);
    match &cursor.id {
        None => format!("SystemModstamp >= {stamp}"),
        Some(id) => format!(
            "SystemModstamp >= {stamp} AND (SystemModstamp > {stamp} OR Id > {})",
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

/// Returns the SOQL that counts records: those after a cursor, where there is one.
pub(super) fn count(object: &str, filter: Option<&Filter>, after: Option<&Cursor>) -> String {
    let filter = filter.map(|filter| format!("({})", filter.as_str()));
    let conditions: Vec<String> = filter.into_iter().chain(after.map(self::after)).collect();
    match conditions.as_slice() {
        [] => format!("SELECT COUNT() FROM {object}"),
        all => format!("SELECT COUNT() FROM {object} WHERE {}", all.join(" AND ")),
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
            successors: &[],
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
             WHERE SystemModstamp >= 2026-01-02T03:04:05Z \
             AND (SystemModstamp > 2026-01-02T03:04:05Z OR Id > '003q000000KvQ1tAAF') ORDER BY SystemModstamp, Id LIMIT 500"
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
