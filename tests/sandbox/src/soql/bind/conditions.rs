//! What a record has to meet, with names resolved and values typed.

use super::super::filter::{Filter, Fixed, Set, Test, pattern};
use super::super::run::run;
use super::super::tree::{Condition, Item, Literal, Operand, Operator, Path, Query};
use super::super::{Scope, dates};
use super::{Binder, Resolved, bind, unusable};
use crate::ids::Id;
use crate::refusal::Refusal;
use crate::schema::{Field, Kind};
use crate::value::{civil_utc, folded};

/// How many semi-joins a query may have.
const SEMI_JOIN_LIMIT: usize = 2;

impl<'a> Binder<'a> {
    pub(super) fn filter(
        &self,
        condition: &Condition,
        joins: &mut usize,
    ) -> Result<Filter, Refusal> {
        let mut all = |terms: &[Condition]| -> Result<Vec<Filter>, Refusal> {
            terms.iter().map(|term| self.filter(term, joins)).collect()
        };
        match condition {
            Condition::And(terms) => all(terms).map(Filter::All),
            Condition::Or(terms) => all(terms).map(Filter::Any),
            Condition::Not(inner) => Ok(Filter::Not(Box::new(self.filter(inner, joins)?))),
            Condition::Compare(Operand::Aggregate(..), ..) => Err(Refusal::new(
                "MALFORMED_QUERY",
                "an aggregate expression is not allowed in WHERE",
            )),
            Condition::Compare(Operand::Field(path), operator, literal) => {
                let resolved = self.filterable(path)?;
                let test = self.test(path, resolved.field, *operator, literal)?;
                Ok(Filter::Compare(resolved.access, test))
            }
            Condition::In { path, negated, values } => {
                let resolved = self.filterable(path)?;
                let mut set = Set::default();
                for literal in values {
                    match self.test(path, resolved.field, Operator::Equal, literal)?.operand {
                        Fixed::Text(text) => drop(set.texts.insert(folded(&text))),
                        Fixed::Id(id) => drop(set.ids.insert(id)),
                        other => set.others.push(other),
                    }
                }
                Ok(Filter::Among { access: resolved.access, negated: *negated, set })
            }
            Condition::Within { path, negated, query } => {
                *joins += 1;
                if *joins > SEMI_JOIN_LIMIT {
                    let message =
                        format!("at most {SEMI_JOIN_LIMIT} semi join sub-selects are allowed");
                    return Err(Refusal::new("EXCEEDED_MAX_SEMIJOIN_SUBSELECTS", message));
                }
                Ok(Filter::Among {
                    access: self.filterable(path)?.access,
                    negated: *negated,
                    set: self.semi_join(query)?,
                })
            }
        }
    }

    fn filterable(&self, path: &Path) -> Result<Resolved<'a>, Refusal> {
        let resolved = self.resolve(path)?;
        if resolved.field.is_some_and(|field| !field.filterable) {
            return Err(unusable(self.text, path, "filtered"));
        }
        Ok(resolved)
    }

    fn semi_join(&self, query: &Query) -> Result<Set, Refusal> {
        let refuse = |message: &str| Err(Refusal::new("MALFORMED_QUERY", message));
        let [Item::Field(path, None)] = &query.select[..] else {
            return refuse("a semi join sub-select must select a single id or reference field");
        };
        if !query.order_by.is_empty() || query.limit.is_some() || path.len() > 1 {
            return refuse("a semi join sub-select allows no ORDER BY, LIMIT or parent fields");
        }
        let plan = bind(self.org, query, self.text, self.now)?;
        let schema = &self.org.table(plan.object).object;
        if matches!(schema.name, "Task" | "Event") || plan.object == self.object {
            let message =
                format!("Entity '{}' is not supported for semi join inner selects", schema.name);
            return refuse(&message);
        }
        let field = schema.find(&path[0]).unwrap_or_default();
        if !matches!(schema.field(field).kind, Kind::Id | Kind::Reference) {
            return refuse("a semi join sub-select must select an id or a reference field");
        }
        let table = self.org.table(plan.object);
        let slots = run(self.org, &plan, Scope::Live);
        let ids = slots.into_iter().filter_map(|slot| table.cell(slot, field).as_id());
        Ok(Set { ids: ids.collect(), ..Set::default() })
    }

    fn test(
        &self,
        path: &Path,
        field: Option<&Field>,
        operator: Operator,
        literal: &Literal,
    ) -> Result<Test, Refusal> {
        // The name of an object is compared as a text.
        let kind = field.map_or(Kind::String, |field| field.kind);
        let operand = self.fixed(path, kind, operator, literal)?;
        if matches!(operand, Fixed::Null | Fixed::Bool(_) | Fixed::Id(_))
            && !matches!(operator, Operator::Equal | Operator::NotEqual)
            && !matches!(operand, Fixed::Id(_) if operator != Operator::Like)
        {
            let message = format!("invalid operator on {} field", kind.name());
            return Err(Refusal::new("INVALID_QUERY_FILTER_OPERATOR", message));
        }
        Ok(Test { operator, operand })
    }

    fn fixed(
        &self,
        path: &Path,
        kind: Kind,
        operator: Operator,
        literal: &Literal,
    ) -> Result<Fixed, Refusal> {
        let is_like = operator == Operator::Like;
        let fixed = match (literal, kind) {
            (Literal::Null, _) => Fixed::Null,
            (Literal::Text(text), kind) if kind.is_text() => match is_like {
                true => Fixed::Pattern(pattern(text)),
                false if text.is_empty() => Fixed::Null,
                false => Fixed::Text(plain(text)),
            },
            (_, _) if is_like => {
                return Err(Refusal::new(
                    "INVALID_QUERY_FILTER_OPERATOR",
                    format!("invalid operator on {} field", kind.name()),
                ));
            }
            (Literal::Text(text), Kind::Id | Kind::Reference) => match Id::parse(text) {
                Some(id) => Fixed::Id(id),
                None if text.is_empty() => Fixed::Null,
                None => {
                    let message = format!("invalid ID field: {text}");
                    return Err(Refusal::new("INVALID_QUERY_FILTER_OPERATOR", message));
                }
            },
            (Literal::Bool(value), Kind::Boolean) => Fixed::Bool(*value),
            (Literal::Number(value), kind) if kind.is_number() => Fixed::Number(*value),
            (Literal::Date(value), Kind::Date) => Fixed::Date(*value),
            (Literal::Moment(value), Kind::DateTime) => Fixed::Moment(*value),
            (Literal::Range(range), Kind::Date | Kind::DateTime) => {
                let (from, to) = dates::span(*range, civil_utc(self.now).date());
                Fixed::Days(from, to)
            }
            _ => return Err(wrong_literal(path, kind)),
        };
        Ok(fixed)
    }
}

/// Returns a text without the backslashes that keep a sign from meaning more.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            _ => plain.push(character),
        }
    }
    plain
}

fn wrong_literal(path: &Path, kind: Kind) -> Refusal {
    let (wanted, quotes) = match kind {
        Kind::Id | Kind::Reference => ("ID", "should be enclosed in quotes"),
        Kind::DateTime => ("dateTime", "should not be enclosed in quotes"),
        kind if kind.is_text() => ("string", "should be enclosed in quotes"),
        kind => (kind.name(), "should not be enclosed in quotes"),
    };
    let name = path.last().map(String::as_str).unwrap_or_default();
    let message = format!(
        "value of filter criterion for field '{name}' must be of type {wanted} and {quotes}"
    );
    Refusal::new("INVALID_FIELD", message)
}
