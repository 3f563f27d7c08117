//! Writes a tree as a query.

use std::fmt::{self, Display, Formatter};

use super::tree::{
    Condition, DateRange, FieldSet, Item, Literal, Operand, Operator, Order, Query, Unit,
};
use crate::value::moment_text;

impl Display for Query {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str("SELECT ")?;
        separated(out, &self.select, ", ")?;
        write!(out, " FROM {}", self.from)?;
        if let Some(alias) = &self.alias {
            write!(out, " {alias}")?;
        }
        if let Some(condition) = &self.condition {
            write!(out, " WHERE {condition}")?;
        }
        if !self.group_by.is_empty() {
            let paths: Vec<String> = self.group_by.iter().map(|path| path.join(".")).collect();
            write!(out, " GROUP BY {}", paths.join(", "))?;
        }
        if let Some(having) = &self.having {
            write!(out, " HAVING {having}")?;
        }
        if !self.order_by.is_empty() {
            out.write_str(" ORDER BY ")?;
            separated(out, &self.order_by, ", ")?;
        }
        if let Some(limit) = self.limit {
            write!(out, " LIMIT {limit}")?;
        }
        if let Some(offset) = self.offset {
            write!(out, " OFFSET {offset}")?;
        }
        Ok(())
    }
}

fn separated<T: Display>(out: &mut Formatter<'_>, list: &[T], separator: &str) -> fmt::Result {
    for (place, item) in list.iter().enumerate() {
        if place > 0 {
            out.write_str(separator)?;
        }
        write!(out, "{item}")?;
    }
    Ok(())
}

impl Display for Item {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let alias = match self {
            Self::Field(path, alias) => {
                write!(out, "{}", path.join("."))?;
                alias
            }
            Self::Aggregate(function, path, alias) => {
                write!(out, "{}", Operand::Aggregate(*function, path.clone()))?;
                alias
            }
            Self::Fields(set) => {
                let name = match set {
                    FieldSet::All => "ALL",
                    FieldSet::Standard => "STANDARD",
                    FieldSet::Custom => "CUSTOM",
                };
                return write!(out, "FIELDS({name})");
            }
            Self::Children(query) => return write!(out, "({query})"),
            Self::TypeOf(clause) => {
                write!(out, "TYPEOF {}", clause.relationship)?;
                let joined = |paths: &[Vec<String>]| {
                    let paths: Vec<String> = paths.iter().map(|path| path.join(".")).collect();
                    paths.join(", ")
                };
                for (object, paths) in &clause.when {
                    write!(out, " WHEN {object} THEN {}", joined(paths))?;
                }
                if !clause.otherwise.is_empty() {
                    write!(out, " ELSE {}", joined(&clause.otherwise))?;
                }
                return out.write_str(" END");
            }
        };
        match alias {
            Some(alias) => write!(out, " {alias}"),
            None => Ok(()),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(path) => write!(out, "{}", path.join(".")),
            Self::Aggregate(function, path) => {
                let path = path.as_ref().map(|path| path.join("."));
                write!(out, "{}({})", function.name(), path.unwrap_or_default())
            }
        }
    }
}

impl Display for Condition {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let within = |negated: &bool| if *negated { "NOT IN" } else { "IN" };
        match self {
            Self::And(terms) => grouped(out, terms, " AND "),
            Self::Or(terms) => grouped(out, terms, " OR "),
            Self::Not(inner) => match &**inner {
                Self::Compare(..) | Self::In { .. } | Self::Within { .. } | Self::Not(_) => {
                    write!(out, "NOT {inner}")
                }
                _ => write!(out, "NOT ({inner})"),
            },
            Self::Compare(operand, operator, literal) => {
                write!(out, "{operand} {operator} {literal}")
            }
            Self::In { path, negated, values } => {
                write!(out, "{} {} (", path.join("."), within(negated))?;
                separated(out, values, ", ")?;
                out.write_str(")")
            }
            Self::Within { path, negated, query } => {
                write!(out, "{} {} ({query})", path.join("."), within(negated))
            }
        }
    }
}

fn grouped(out: &mut Formatter<'_>, terms: &[Condition], word: &str) -> fmt::Result {
    for (place, term) in terms.iter().enumerate() {
        if place > 0 {
            out.write_str(word)?;
        }
        match term {
            Condition::And(_) | Condition::Or(_) => write!(out, "({term})")?,
            _ => write!(out, "{term}")?,
        }
    }
    Ok(())
}

impl Display for Operator {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Like => "LIKE",
        })
    }
}

impl Display for Literal {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("NULL"),
            Self::Bool(value) => out.write_str(if *value { "TRUE" } else { "FALSE" }),
            Self::Number(value) => write!(out, "{value}"),
            Self::Text(text) => write!(out, "'{}'", escaped(text)),
            Self::Date(date) => write!(out, "{date}"),
            Self::Moment(seconds) => {
                out.write_str(&moment_text(*seconds).replace(".000+0000", "Z"))
            }
            Self::Range(range) => write!(out, "{range}"),
        }
    }
}

/// A backslash in the tree is the start of an escape already.
fn escaped(text: &str) -> String {
    text.replace('\'', "\\'").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
}

impl Display for Order {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let direction = if self.descending { "DESC" } else { "ASC" };
        let nulls = if self.nulls_last { "LAST" } else { "FIRST" };
        write!(out, "{} {direction} NULLS {nulls}", self.by)
    }
}

impl Display for DateRange {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yesterday => out.write_str("YESTERDAY"),
            Self::Today => out.write_str("TODAY"),
            Self::Tomorrow => out.write_str("TOMORROW"),
            Self::Last90Days => out.write_str("LAST_90_DAYS"),
            Self::Next90Days => out.write_str("NEXT_90_DAYS"),
            Self::Last(unit) => write!(out, "LAST_{unit}"),
            Self::This(unit) => write!(out, "THIS_{unit}"),
            Self::Next(unit) => write!(out, "NEXT_{unit}"),
            Self::LastN(unit, count) => write!(out, "LAST_N_{unit}S:{count}"),
            Self::NextN(unit, count) => write!(out, "NEXT_N_{unit}S:{count}"),
            Self::Ago(unit, count) => write!(out, "N_{unit}S_AGO:{count}"),
        }
    }
}

impl Display for Unit {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
            Self::Quarter => "QUARTER",
            Self::Year => "YEAR",
            Self::FiscalQuarter => "FISCAL_QUARTER",
            Self::FiscalYear => "FISCAL_YEAR",
        })
    }
}
