//! SOQL: text becomes a tree, the tree becomes a plan, the plan runs off the tables.

mod aggregate;
mod bind;
mod dates;
mod filter;
mod lex;
mod metadata;
mod parse;
mod place;
mod plan;
mod print;
mod render;
mod run;
mod sheet;
mod tree;

pub(crate) use bind::bind;
pub(crate) use metadata::columns;
pub(crate) use parse::parse;
pub(crate) use plan::Plan;
pub(crate) use render::write_records;
pub(crate) use run::run;
pub(crate) use sheet::sheet;
pub(crate) use tree::Query;

use tree::{FieldSet, Item};

/// The longest query that is read, in characters.
pub(crate) const TEXT_LIMIT: usize = 100_000;

/// The most rows an OFFSET may skip.
pub(crate) const OFFSET_LIMIT: u32 = 2_000;

/// Which records a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those that are neither deleted nor archived (`query`).
    Live,
    /// All that are stored (`queryAll`).
    All,
}

/// Returns the query that reads these fields of one record, or all of them.
pub(crate) fn select(object: &str, fields: &[&str]) -> Query {
    let path = |field: &&str| Item::Field(field.split('.').map(str::to_owned).collect(), None);
    let select = match fields {
        [] => vec![Item::Fields(FieldSet::All)],
        fields => fields.iter().map(path).collect(),
    };
    Query {
        select,
        from: object.to_owned(),
        alias: None,
        condition: None,
        group_by: Vec::new(),
        having: None,
        order_by: Vec::new(),
        limit: Some(1),
        offset: None,
    }
}

#[cfg(test)]
mod tests;
