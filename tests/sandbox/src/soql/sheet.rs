//! A query's answer as rows of cells, one column for each field asked for.

use std::borrow::Cow;

use super::bind::bind;
use super::plan::Column;
use super::tree::{FieldSet, Item, Query};
use crate::org::{Org, Slot};
use crate::refusal::Refusal;
use crate::schema::ObjectIndex;
use crate::value::{Cell, civil_utc};

/// The columns of a flat answer.
#[derive(Debug)]
pub(crate) struct Sheet {
    object: ObjectIndex,
    names: Vec<String>,
    columns: Vec<Column>,
}

/// Returns the columns of a query as bulk jobs give them.
///
/// # Errors
///
/// As [`bind`], and for all that bulk queries can't: groups, children,
/// OFFSET, TYPEOF, sets of custom fields, addresses.
pub(crate) fn sheet(org: &Org, query: &Query, text: &str, now: i64) -> Result<Sheet, Refusal> {
    refuse_unsupported(query)?;
    let object = bind(org, query, text, now)?.object;
    let mut sheet = Sheet { object, names: Vec::new(), columns: Vec::new() };
    for item in &query.select {
        let single = Query { select: vec![item.clone()], ..query.clone() };
        for column in bind(org, &single, text, now)?.columns {
            let is_address = matches!(innermost(&column), Column::Address { .. });
            match item {
                Item::Fields(_) if is_address => continue,
                _ if is_address => return Err(unsupported("Selecting compound data")),
                _ => {}
            }
            sheet.names.push(name(&column));
            sheet.columns.push(column);
        }
    }
    Ok(sheet)
}

fn refuse_unsupported(query: &Query) -> Result<(), Refusal> {
    if query.offset.is_some() {
        return Err(unsupported("OFFSET"));
    }
    if !query.group_by.is_empty() {
        return Err(unsupported("GROUP BY"));
    }
    for item in &query.select {
        match item {
            Item::Aggregate(..) => return Err(unsupported("Aggregate Relationships")),
            Item::Children(_) => return Err(unsupported("Nested query")),
            Item::TypeOf(_) => return Err(unsupported("TYPEOF")),
            Item::Fields(FieldSet::All | FieldSet::Custom) => {
                return Err(unsupported("FIELDS(ALL) or FIELDS(CUSTOM)"));
            }
            Item::Field(..) | Item::Fields(FieldSet::Standard) => {}
        }
    }
    Ok(())
}

fn unsupported(what: &str) -> Refusal {
    Refusal::new("API_ERROR", format!("{what} not supported in Bulk Query"))
}

/// A path to one field has one column at each parent.
fn innermost(column: &Column) -> &Column {
    match column {
        Column::Parent { branches, .. } => {
            branches.iter().find_map(|(_, columns)| columns.first()).map_or(column, innermost)
        }
        _ => column,
    }
}

fn name(column: &Column) -> String {
    let (Column::Field { key, .. }
    | Column::Address { key, .. }
    | Column::Type { key }
    | Column::Nothing { key }
    | Column::Parent { key, .. }
    | Column::Children { key, .. }) = column;
    let own = String::from_utf8_lossy(key).trim_matches(['"', ':']).to_owned();
    match column {
        Column::Parent { branches, .. } => {
            let inner = branches.iter().find_map(|(_, columns)| columns.first());
            inner.map_or(own.clone(), |inner| format!("{own}.{}", name(inner)))
        }
        _ => own,
    }
}

impl Sheet {
    /// Returns the columns' names, as the schema spells them.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the cells of a record, empty where there is nothing.
    pub(crate) fn row<'a>(
        &'a self,
        org: &'a Org,
        slot: Slot,
    ) -> impl Iterator<Item = Cow<'a, str>> {
        self.columns.iter().map(move |column| cell(org, self.object, slot, column))
    }
}

fn cell<'a>(org: &'a Org, object: ObjectIndex, slot: Slot, column: &'a Column) -> Cow<'a, str> {
    let table = org.table(object);
    match column {
        Column::Field { field, .. } => cell_text(table.cell(slot, *field)),
        Column::Type { .. } => table.object.name.into(),
        Column::Parent { hop, branches, .. } => {
            let found = table.cell(slot, *hop).as_id().and_then(|id| org.locate(id));
            let Some((parent, slot)) = found else {
                return Cow::Borrowed("");
            };
            let branch = branches.iter().find(|(target, _)| *target == parent);
            let inner = branch.and_then(|(_, columns)| columns.first());
            inner.map_or(Cow::Borrowed(""), |inner| cell(org, parent, slot, inner))
        }
        Column::Address { .. } | Column::Nothing { .. } | Column::Children { .. } => {
            Cow::Borrowed("")
        }
    }
}

/// Bulk results spell a moment's zone `Z`, unlike all other answers.
fn cell_text(cell: Cell<'_>) -> Cow<'_, str> {
    match cell {
        Cell::Null => Cow::Borrowed(""),
        Cell::Text(text) => Cow::Borrowed(text),
        Cell::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        Cell::Int(value) => value.to_string().into(),
        Cell::Number(value) => format!("{value:?}").into(),
        Cell::Date(date) => date.to_string().into(),
        Cell::Moment(seconds) => format!("{}.000Z", civil_utc(seconds)).into(),
        Cell::Id(id) => id.to_string().into(),
    }
}
