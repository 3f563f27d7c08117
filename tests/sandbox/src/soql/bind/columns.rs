//! What a query selects, as columns of its answer.

use std::collections::HashSet;

use super::super::plan::{Column, Shape};
use super::super::tree::{Item, Query, TypeOf};
use super::{Binder, NAME_FIELDS, bind_on, named_field};
use crate::refusal::Refusal;
use crate::schema::{FieldIndex, Kind, ObjectIndex, child_relationship};

impl Binder<'_> {
    pub(super) fn columns(&self) -> Result<Vec<Column>, Refusal> {
        let mut columns = Vec::new();
        let mut seen = HashSet::new();
        for item in &self.query.select {
            match item {
                Item::Field(_, Some(alias)) => {
                    let message = format!("only aggregate expressions use field aliasing: {alias}");
                    return Err(Refusal::new("MALFORMED_QUERY", message));
                }
                Item::Field(path, None) => {
                    let path = self.query.relative(path);
                    let name = path.join(".").to_lowercase();
                    if !seen.insert(name) {
                        return Err(duplicate(&path.join(".")));
                    }
                    self.add_column(self.object, &mut columns, path)?;
                }
                Item::Fields(set) => {
                    for (index, field) in self.schema().visible() {
                        if set.has(field) && seen.insert(field.name.to_lowercase()) {
                            columns.push(self.field_column(self.object, index));
                        }
                    }
                }
                Item::Children(query) => columns.push(self.children(query)?),
                Item::TypeOf(clause) => columns.push(self.type_of(clause)?),
                Item::Aggregate(..) => {}
            }
        }
        Ok(columns)
    }

    fn field_column(&self, object: ObjectIndex, index: FieldIndex) -> Column {
        let schema = &self.org.table(object).object;
        let field = schema.field(index);
        if field.kind != Kind::Address {
            return Column::Field { key: key(&field.name), field: index };
        }
        let prefix = field.name.trim_end_matches("Address");
        let parts = [
            ("city", "City"),
            ("country", "Country"),
            ("geocodeAccuracy", "GeocodeAccuracy"),
            ("latitude", "Latitude"),
            ("longitude", "Longitude"),
            ("postalCode", "PostalCode"),
            ("state", "State"),
            ("street", "Street"),
        ];
        let parts = parts
            .into_iter()
            .filter_map(|(part, name)| Some((part, schema.index_of(&format!("{prefix}{name}"))?)));
        Column::Address { key: key(&field.name), parts: parts.collect() }
    }

    /// Adds a column; paths through one parent share its object in the answer.
    fn add_column(
        &self,
        object: ObjectIndex,
        columns: &mut Vec<Column>,
        path: &[String],
    ) -> Result<(), Refusal> {
        let schema = &self.org.table(object).object;
        let [parent, rest @ ..] = path else {
            return Ok(());
        };
        if rest.is_empty() {
            let index =
                schema.find(parent).ok_or_else(|| self.no_such_column(parent, schema.name))?;
            columns.push(self.field_column(object, index));
            return Ok(());
        }
        let hop =
            schema.find_relationship(parent).ok_or_else(|| self.no_such_relationship(parent))?;
        let reference = schema.field(hop);
        let same_hop =
            |column: &Column| matches!(column, Column::Parent { hop: known, .. } if *known == hop);
        let place = match columns.iter().position(same_hop) {
            Some(place) => place,
            None => {
                let targets = self.targets(reference);
                columns.push(Column::Parent {
                    key: key(reference.relationship.as_deref().unwrap_or(parent)),
                    hop,
                    as_name: reference.is_polymorphic(),
                    branches: targets.into_iter().map(|target| (target, Vec::new())).collect(),
                });
                columns.len() - 1
            }
        };
        let Column::Parent { branches, .. } = &mut columns[place] else {
            return Ok(());
        };
        if branches.is_empty() {
            return Err(self.no_such_relationship(parent));
        }
        if reference.is_polymorphic() {
            return self.add_named(branches, rest);
        }
        for (target, columns) in branches {
            self.add_column(*target, columns, rest)?;
        }
        Ok(())
    }

    fn add_named(
        &self,
        branches: &mut [(ObjectIndex, Vec<Column>)],
        rest: &[String],
    ) -> Result<(), Refusal> {
        let [name] = rest else {
            return Err(self.no_such_relationship(&rest[0]));
        };
        let is_type = name.eq_ignore_ascii_case("Type");
        let known = NAME_FIELDS.iter().find(|known| known.eq_ignore_ascii_case(name));
        if !is_type && known.is_none() {
            return Err(self.no_such_column(name, "Name"));
        }
        for (target, columns) in branches {
            let schema = &self.org.table(*target).object;
            columns.push(match (known, is_type) {
                (_, true) | (None, _) => Column::Type { key: key("Type") },
                (Some(name), false) => match named_field(schema, name) {
                    Some(field) => Column::Field { key: key(name), field },
                    None => Column::Nothing { key: key(name) },
                },
            });
        }
        Ok(())
    }

    fn type_of(&self, clause: &TypeOf) -> Result<Column, Refusal> {
        let schema = self.schema();
        let hop = schema
            .find_relationship(&clause.relationship)
            .filter(|hop| schema.field(*hop).is_polymorphic())
            .ok_or_else(|| self.no_such_relationship(&clause.relationship))?;
        let reference = schema.field(hop);
        let mut branches = Vec::new();
        for target in self.targets(reference) {
            let name = self.org.table(target).object.name;
            let when = clause.when.iter().find(|(object, _)| object.eq_ignore_ascii_case(name));
            let mut branch = [(target, Vec::new())];
            match when {
                Some((_, paths)) => {
                    for path in paths {
                        self.add_column(target, &mut branch[0].1, path)?;
                    }
                }
                None => {
                    for path in &clause.otherwise {
                        self.add_named(&mut branch, path)?;
                    }
                }
            }
            branches.extend(branch);
        }
        Ok(Column::Parent {
            key: key(reference.relationship.as_deref().unwrap_or(&clause.relationship)),
            hop,
            as_name: false,
            branches,
        })
    }

    fn children(&self, query: &Query) -> Result<Column, Refusal> {
        let (child, link) = self
            .org
            .find_children(self.object, &query.from)
            .ok_or_else(|| self.no_such_relationship(&query.from))?;
        let plan = bind_on(self.org, query, child, self.text, self.now)?;
        if !matches!(plan.shape, Shape::Records) {
            let message = "a subquery can not aggregate";
            return Err(Refusal::new("MALFORMED_QUERY", message));
        }
        let schema = &self.org.table(child).object;
        let name = child_relationship(schema, schema.field(link), self.schema().name);
        Ok(Column::Children { key: key(&name.unwrap_or_default()), link, plan: Box::new(plan) })
    }
}

fn key(name: &str) -> Box<[u8]> {
    format!("\"{name}\":").into_bytes().into()
}

fn duplicate(name: &str) -> Refusal {
    Refusal::new("INVALID_FIELD", format!("duplicate field selected: {name}"))
}
