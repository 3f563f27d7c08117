//! Describes the columns of a query's answer, for clients that draw tables.

use serde_json::{Value as Json, json};

use super::tree::{Function, Item, Query};
use crate::org::Org;
use crate::schema::{Field, Kind, ObjectIndex, child_relationship};

/// Returns what each column of the answer is, those of parents and children inside.
/// The query has been bound, so that all it names is there.
pub(crate) fn columns(org: &Org, object: ObjectIndex, query: &Query) -> Vec<Json> {
    let mut columns = Vec::new();
    let mut unnamed = 0;
    for item in &query.select {
        match item {
            Item::Field(path, alias) => {
                let path = query.relative(path);
                match alias {
                    Some(alias) => columns.push(summary(alias, &path.join("."), false)),
                    None => add(org, object, &mut columns, path),
                }
            }
            Item::Aggregate(function, path, alias) => {
                let alias = alias.clone().unwrap_or_else(|| {
                    unnamed += 1;
                    format!("expr{}", unnamed - 1)
                });
                let path = path.as_ref().map(|path| query.relative(path).join("."));
                let name =
                    format!("{}({})", function.name().to_lowercase(), path.unwrap_or_default());
                let is_number = !matches!(function, Function::Min | Function::Max);
                columns.push(summary(&alias, &name, is_number));
            }
            Item::Fields(set) => {
                let visible = org.table(object).object.visible();
                let wanted = visible.filter(|(_, field)| set.has(field));
                columns.extend(wanted.map(|(_, field)| plain(field)));
            }
            Item::Children(children) => {
                if let Some((child, link)) = org.find_children(object, &children.from) {
                    let schema = &org.table(child).object;
                    let parent = org.table(object).object.name;
                    let name = child_relationship(schema, schema.field(link), parent);
                    let mut column = summary(&name.unwrap_or_default(), &children.from, false);
                    column["joinColumns"] = self::columns(org, child, children).into();
                    columns.push(column);
                }
            }
            Item::TypeOf(clause) => {
                columns.push(summary(&clause.relationship, &clause.relationship, false));
            }
        }
    }
    columns
}

/// Adds a field's column, below those of its parents, which their fields share.
fn add(org: &Org, object: ObjectIndex, columns: &mut Vec<Json>, path: &[String]) {
    let schema = &org.table(object).object;
    let [parent, rest @ ..] = path else { return };
    if rest.is_empty() {
        columns.extend(schema.find(parent).map(|place| plain(schema.field(place))));
        return;
    }
    let Some(place) = schema.find_relationship(parent) else { return };
    let reference = schema.field(place);
    let name = reference.relationship.as_deref().unwrap_or(parent);
    let known = columns.iter().position(|column| column["columnName"] == name);
    let place = known.unwrap_or_else(|| {
        let mut column = described(name, "", &reference.name);
        column["foreignKeyName"] = json!(reference.name);
        column["apexType"] = Json::Null;
        columns.push(column);
        columns.len() - 1
    });
    let mut below = match columns[place]["joinColumns"].take() {
        Json::Array(below) => below,
        _ => Vec::new(),
    };
    match org.visible_object(&reference.refers_to[0]).filter(|_| !reference.is_polymorphic()) {
        Some(target) => add(org, target, &mut below, rest),
        // Of a parent that may be several things only the common fields are shown.
        None => below.push(described(&rest[0], "String", &rest[0])),
    }
    columns[place]["joinColumns"] = below.into();
}

fn plain(field: &Field) -> Json {
    let apex = match field.kind {
        Kind::Id | Kind::Reference => "Id",
        Kind::Boolean => "Boolean",
        Kind::Int => "Integer",
        Kind::Double | Kind::Currency | Kind::Percent => "Double",
        Kind::Date => "Date",
        Kind::DateTime => "Datetime",
        Kind::Address => "Address",
        _ => "String",
    };
    let mut column = described(&field.name, apex, &field.name);
    column["booleanType"] = (field.kind == Kind::Boolean).into();
    column["custom"] = field.custom.into();
    column["insertable"] = field.createable.into();
    column["numberType"] = field.kind.is_number().into();
    column["textType"] = field.kind.is_text().into();
    column["updatable"] = field.updateable.into();
    column
}

fn summary(name: &str, shown: &str, is_number: bool) -> Json {
    let mut column = described(name, "", shown);
    column["aggregate"] = true.into();
    column["apexType"] = Json::Null;
    column["numberType"] = is_number.into();
    column
}

fn described(name: &str, apex: &str, shown: &str) -> Json {
    json!({
        "aggregate": false,
        "apexType": apex,
        "booleanType": false,
        "columnName": name,
        "custom": false,
        "displayName": shown,
        "foreignKeyName": null,
        "insertable": false,
        "joinColumns": [],
        "numberType": false,
        "textType": false,
        "updatable": false,
    })
}
