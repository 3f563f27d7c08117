//! Writes records as JSON, straight from their rows.

use super::Scope;
use super::aggregate;

use super::plan::{Column, Plan, Shape};
use super::run::run_among;
use crate::ids::Id;
use crate::org::{Org, Slot};
use crate::schema::ObjectIndex;
use crate::value::{Cell, write_json_text};

/// Writes the records of a page, between brackets and parted by commas.
///
/// `version` is the API version of the request, such as `66.0`; it stands in
/// every record's address.
pub(crate) fn write_records(
    org: &Org,
    plan: &Plan,
    slots: &[Slot],
    (version, scope): (&str, Scope),
    out: &mut Vec<u8>,
) {
    out.push(b'[');
    for (place, slot) in slots.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        let writer = Writer { org, version, scope };
        writer.record(plan.object, *slot, &plan.columns, None, out);
    }
    out.push(b']');
}

impl Plan {
    /// Returns the rows of a grouped query, each a JSON object.
    pub(crate) fn groups(&self, org: &Org, slots: &[Slot]) -> Vec<Vec<u8>> {
        match &self.shape {
            Shape::Groups(groups) => aggregate::rows(org, self, groups, slots),
            _ => Vec::new(),
        }
    }

    /// Returns the plan that finds the records a grouped query summarises: its
    /// limit counts groups, not records.
    pub(crate) fn ungrouped(&self) -> Self {
        Self { limit: None, offset: 0, ..self.clone() }
    }
}

#[derive(Clone, Copy)]
struct Writer<'a> {
    org: &'a Org,
    version: &'a str,
    scope: Scope,
}

impl Writer<'_> {
    fn record(
        self,
        object: ObjectIndex,
        slot: Slot,
        columns: &[Column],
        shown_as: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        let table = self.org.table(object);
        let id = table.id_of(slot);
        self.attributes(shown_as.unwrap_or(table.object.name), table.object.name, id, out);
        for column in columns {
            out.push(b',');
            match column {
                Column::Field { key, field } => {
                    out.extend_from_slice(key);
                    table.cell(slot, *field).write_json(out);
                }
                Column::Address { key, parts } => {
                    out.extend_from_slice(key);
                    self.address(object, slot, parts, out);
                }
                Column::Type { key } => {
                    out.extend_from_slice(key);
                    write_json_text(table.object.name, out);
                }
                Column::Nothing { key } => {
                    out.extend_from_slice(key);
                    out.extend_from_slice(b"null");
                }
                Column::Parent { key, hop, as_name, branches } => {
                    out.extend_from_slice(key);
                    let parent = table.cell(slot, *hop).as_id();
                    self.parent(parent, *as_name, branches, out);
                }
                Column::Children { key, link, plan } => {
                    out.extend_from_slice(key);
                    let children = self.org.table(plan.object).find(*link, Cell::Id(id)).to_vec();
                    self.children(plan, children, out);
                }
            }
        }
        out.push(b'}');
    }

    fn attributes(self, shown_as: &str, object: &str, id: Id, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"attributes\":{\"type\":\"");
        out.extend_from_slice(shown_as.as_bytes());
        out.extend_from_slice(b"\",\"url\":\"/services/data/v");
        out.extend_from_slice(self.version.as_bytes());
        out.extend_from_slice(b"/sobjects/");
        out.extend_from_slice(object.as_bytes());
        out.push(b'/');
        out.extend_from_slice(&id.long());
        out.extend_from_slice(b"\"}");
    }

    fn address(
        self,
        object: ObjectIndex,
        slot: Slot,
        parts: &[(&'static str, usize)],
        out: &mut Vec<u8>,
    ) {
        let table = self.org.table(object);
        let cells = || parts.iter().map(|(part, field)| (part, table.cell(slot, *field)));
        if cells().all(|(_, cell)| cell.is_null()) {
            out.extend_from_slice(b"null");
            return;
        }
        for (place, (part, cell)) in cells().enumerate() {
            out.push(if place == 0 { b'{' } else { b',' });
            write_json_text(part, out);
            out.push(b':');
            cell.write_json(out);
        }
        out.push(b'}');
    }

    fn parent(
        self,
        parent: Option<Id>,
        as_name: bool,
        branches: &[(ObjectIndex, Vec<Column>)],
        out: &mut Vec<u8>,
    ) {
        let found = parent.and_then(|id| self.org.locate(id)).and_then(|(object, slot)| {
            let branch = branches.iter().find(|(target, _)| *target == object)?;
            Some((object, slot, &branch.1))
        });
        match found {
            Some((object, slot, columns)) => {
                self.record(object, slot, columns, as_name.then_some("Name"), out);
            }
            None => out.extend_from_slice(b"null"),
        }
    }

    /// An empty list of children is null.
    fn children(self, plan: &Plan, candidates: Vec<Slot>, out: &mut Vec<u8>) {
        let slots = run_among(self.org, plan, self.scope, Some(candidates));
        if slots.is_empty() {
            out.extend_from_slice(b"null");
            return;
        }
        let head = format!("{{\"totalSize\":{},\"done\":true,\"records\":", slots.len());
        out.extend_from_slice(head.as_bytes());
        write_records(self.org, plan, &slots, (self.version, self.scope), out);
        out.push(b'}');
    }
}
