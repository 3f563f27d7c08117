//! Resolves a query's names against the schema.

use super::aggregate::bind_groups;
use super::filter::{Access, Leaf, NameLeaf};
use super::place::pointing_at_name;
use super::plan::{Plan, Shape, Sort};
use super::tree::{FieldSet, Item, Operand, Path, Query};
use crate::org::Org;
use crate::refusal::Refusal;
use crate::schema::{Field, FieldIndex, ObjectIndex};

mod columns;
mod conditions;

/// FIELDS(ALL) may not ask for more records than this.
const ALL_FIELDS_LIMIT: u32 = 200;

/// How many parents a path may climb.
const PARENT_LIMIT: usize = 5;

/// Fields of the pseudo-object behind a reference to one of several objects.
const NAME_FIELDS: [&str; 10] = [
    "Id",
    "Name",
    "FirstName",
    "LastName",
    "Email",
    "Phone",
    "Title",
    "Username",
    "Alias",
    "IsActive",
];

/// Returns the plan of a query. `text` is the query as sent, for messages.
///
/// # Errors
///
/// `INVALID_TYPE` for an unknown object, `INVALID_FIELD` for an unknown or
/// hidden field and for one used as it can't be.
pub(crate) fn bind(org: &Org, query: &Query, text: &str, now: i64) -> Result<Plan, Refusal> {
    let object =
        org.visible_object(&query.from).ok_or_else(|| unknown_object(text, &query.from))?;
    bind_on(org, query, object, text, now)
}

fn bind_on(
    org: &Org,
    query: &Query,
    object: ObjectIndex,
    text: &str,
    now: i64,
) -> Result<Plan, Refusal> {
    let binder = Binder { org, object, query, text, now };
    binder.check_limits()?;
    let filter = match &query.condition {
        Some(condition) => Some(binder.filter(condition, &mut 0)?),
        None => None,
    };
    let grouped = !query.group_by.is_empty()
        || query.select.iter().any(|item| matches!(item, Item::Aggregate(..)));
    let mut plan = Plan {
        object,
        columns: Vec::new(),
        shape: Shape::Records,
        filter,
        order: Vec::new(),
        limit: query.limit,
        offset: query.offset.unwrap_or(0),
    };
    if let [Item::Aggregate(_, None, None)] = query.select[..]
        && query.group_by.is_empty()
    {
        plan.shape = Shape::Count;
    } else if grouped {
        plan.shape = Shape::Groups(bind_groups(&binder)?);
    } else {
        plan.columns = binder.columns()?;
        plan.order = binder.order()?;
    }
    Ok(plan)
}

/// Resolves names for one query.
pub(super) struct Binder<'a> {
    org: &'a Org,
    object: ObjectIndex,
    pub(super) query: &'a Query,
    text: &'a str,
    now: i64,
}

/// A way to a value with the field at its end; none for the name of an object.
pub(super) struct Resolved<'a> {
    pub(super) access: Access,
    field: Option<&'a Field>,
}

impl<'a> Binder<'a> {
    fn check_limits(&self) -> Result<(), Refusal> {
        let asks_all = self
            .query
            .select
            .iter()
            .any(|item| matches!(item, Item::Fields(FieldSet::All | FieldSet::Custom)));
        let limited = self.query.limit.is_some_and(|limit| limit <= ALL_FIELDS_LIMIT);
        if asks_all && !limited {
            let message =
                format!("The SOQL FIELDS function must have a LIMIT of at most {ALL_FIELDS_LIMIT}");
            return Err(Refusal::new("MALFORMED_QUERY", message));
        }
        Ok(())
    }

    fn schema(&self) -> &'a crate::schema::Object {
        &self.org.table(self.object).object
    }

    /// Returns the way to a value.
    pub(super) fn resolve(&self, path: &[String]) -> Result<Resolved<'a>, Refusal> {
        let path = self.query.relative(path);
        let Some((last, parents)) = path.split_last() else {
            return Err(self.no_such_column("", self.schema().name));
        };
        if parents.len() > PARENT_LIMIT {
            let message = format!("a path climbs at most {PARENT_LIMIT} relationships");
            return Err(Refusal::new("MALFORMED_QUERY", message));
        }
        let mut object = self.object;
        let mut hops = Vec::with_capacity(parents.len());
        for (depth, parent) in parents.iter().enumerate() {
            let schema = &self.org.table(object).object;
            let hop = schema
                .find_relationship(parent)
                .ok_or_else(|| self.no_such_relationship(parent))?;
            hops.push(hop);
            let field = schema.field(hop);
            if field.is_polymorphic() {
                if depth + 1 < parents.len() {
                    return Err(self.no_such_relationship(&parents[depth + 1]));
                }
                return self.resolve_named(hops, field, last);
            }
            object = self
                .org
                .visible_object(&field.refers_to[0])
                .ok_or_else(|| self.no_such_relationship(parent))?;
        }
        let schema = &self.org.table(object).object;
        let index = schema.find(last).ok_or_else(|| self.no_such_column(last, schema.name))?;
        Ok(Resolved {
            access: Access { hops, leaf: Leaf::Field(index) },
            field: Some(schema.field(index)),
        })
    }

    fn resolve_named(
        &self,
        hops: Vec<FieldIndex>,
        reference: &Field,
        name: &str,
    ) -> Result<Resolved<'a>, Refusal> {
        let is_type = name.eq_ignore_ascii_case("Type");
        if !is_type && !NAME_FIELDS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(self.no_such_column(name, "Name"));
        }
        let mut leaves = Vec::new();
        let mut found = None;
        for target in self.targets(reference) {
            let schema = &self.org.table(target).object;
            if is_type {
                leaves.push((target, NameLeaf::Type));
            } else if let Some(index) = named_field(schema, name) {
                found = found.or(Some(schema.field(index)));
                leaves.push((target, NameLeaf::Field(index)));
            }
        }
        Ok(Resolved { access: Access { hops, leaf: Leaf::Named(leaves) }, field: found })
    }

    fn targets(&self, reference: &Field) -> Vec<ObjectIndex> {
        let names = reference.refers_to.iter();
        names.filter_map(|name| self.org.visible_object(name)).collect()
    }

    fn order(&self) -> Result<Vec<Sort>, Refusal> {
        let mut order = Vec::new();
        for sort in &self.query.order_by {
            let Operand::Field(path) = &sort.by else {
                let message = "an aggregate can order only a grouped query";
                return Err(Refusal::new("MALFORMED_QUERY", message));
            };
            let resolved = self.resolve(path)?;
            if resolved.field.is_some_and(|field| !field.sortable) {
                return Err(unusable(self.text, path, "sorted"));
            }
            order.push(Sort {
                access: resolved.access,
                descending: sort.descending,
                nulls_last: sort.nulls_last,
            });
        }
        Ok(order)
    }

    /// Returns the field, if it can be grouped by.
    pub(super) fn groupable(&self, path: &Path) -> Result<Resolved<'a>, Refusal> {
        let resolved = self.resolve(path)?;
        if resolved.field.is_some_and(|field| !field.groupable) {
            return Err(unusable(self.text, path, "grouped"));
        }
        Ok(resolved)
    }

    fn no_such_column(&self, name: &str, object: &str) -> Refusal {
        let message = format!(
            "No such column '{name}' on entity '{object}'. If you are attempting to use a custom \
             field, be sure to append the '__c' after the custom field name. Please reference your \
             WSDL or the describe call for the appropriate names."
        );
        Refusal::new("INVALID_FIELD", pointing_at_name(self.text, name, &message))
    }

    fn no_such_relationship(&self, name: &str) -> Refusal {
        let message = format!(
            "Didn't understand relationship '{name}' in field path. If you are attempting to use a \
             custom relationship, be sure to append the '__r' after the custom relationship name. \
             Please reference your WSDL or the describe call for the appropriate names."
        );
        Refusal::new("INVALID_FIELD", pointing_at_name(self.text, name, &message))
    }
}

/// A case number or a subject stands for the name where there is none.
fn named_field(schema: &crate::schema::Object, name: &str) -> Option<FieldIndex> {
    schema.find(name).or_else(|| {
        let is_name = name.eq_ignore_ascii_case("Name");
        let mut fields = schema.visible();
        fields.find(|(_, field)| is_name && field.name_field).map(|(index, _)| index)
    })
}

fn unknown_object(text: &str, name: &str) -> Refusal {
    let message = format!(
        "sObject type '{name}' is not supported. If you are attempting to use a custom object, be \
         sure to append the '__c' after the entity name. Please reference your WSDL or the describe \
         call for the appropriate names."
    );
    Refusal::new("INVALID_TYPE", pointing_at_name(text, name, &message))
}

fn unusable(text: &str, path: &Path, done: &str) -> Refusal {
    let name = path.last().map(String::as_str).unwrap_or_default();
    let message = format!("field '{name}' can not be {done} in a query call");
    Refusal::new("INVALID_FIELD", pointing_at_name(text, name, &message))
}
