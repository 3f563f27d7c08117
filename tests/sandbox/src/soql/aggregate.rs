//! GROUP BY and the functions that summarise a group.

use std::collections::{HashMap, HashSet};

use super::bind::Binder;
use super::filter::Access;
use super::plan::Plan;
use super::tree::{Condition, Function, Item, Literal, Operand, Operator, Path};
use crate::org::{Org, Slot};
use crate::refusal::Refusal;
use crate::value::{Cell, Value, folded, write_json_text};

/// How records are grouped and what is said of each group.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    keys: Vec<Access>,
    summaries: Vec<(Function, Option<Access>)>,
    outputs: Vec<(String, Source)>,
    having: Option<Condition>,
    order: Vec<(Source, bool, bool)>,
    sources: Vec<(Operand, Source)>,
}

/// Where a value of a group comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    Key(usize),
    Summary(usize),
}

/// Resolves the names of a grouped query.
pub(super) fn bind_groups(binder: &Binder<'_>) -> Result<Groups, Refusal> {
    let query = binder.query;
    let mut groups = Groups {
        keys: Vec::new(),
        summaries: Vec::new(),
        outputs: Vec::new(),
        having: query.having.clone(),
        order: Vec::new(),
        sources: Vec::new(),
    };
    for path in &query.group_by {
        let source = Source::Key(groups.keys.len());
        groups.keys.push(binder.groupable(path)?.access);
        groups.sources.push((lowered(&Operand::Field(path.clone())), source));
    }
    let mut unnamed = 0;
    for item in &query.select {
        let (operand, alias) = match item {
            Item::Field(path, alias) => (Operand::Field(path.clone()), alias),
            Item::Aggregate(function, path, alias) => {
                (Operand::Aggregate(*function, path.clone()), alias)
            }
            _ => return Err(ungrouped("a subquery")),
        };
        let source = groups.source(binder, &operand)?;
        let name = match (alias, &operand) {
            (Some(alias), _) => alias.clone(),
            (None, Operand::Field(path)) => path.last().cloned().unwrap_or_default(),
            (None, Operand::Aggregate(..)) => {
                unnamed += 1;
                format!("expr{}", unnamed - 1)
            }
        };
        groups.outputs.push((name, source));
    }
    if let Some(having) = &query.having {
        groups.prepare(binder, having)?;
    }
    for order in &query.order_by {
        let source = groups.source(binder, &order.by)?;
        groups.order.push((source, order.descending, order.nulls_last));
    }
    Ok(groups)
}

impl Groups {
    fn source(&mut self, binder: &Binder<'_>, operand: &Operand) -> Result<Source, Refusal> {
        if let Some(source) = self.known(operand) {
            return Ok(source);
        }
        let Operand::Aggregate(function, path) = operand else {
            let Operand::Field(path) = operand else {
                return Err(ungrouped("this expression"));
            };
            return Err(ungrouped(&path.join(".")));
        };
        let access = match path {
            Some(path) => Some(binder.resolve(path)?.access),
            None => None,
        };
        let source = Source::Summary(self.summaries.len());
        self.summaries.push((*function, access));
        self.sources.push((lowered(operand), source));
        Ok(source)
    }

    fn known(&self, operand: &Operand) -> Option<Source> {
        let operand = lowered(operand);
        let found = self.sources.iter().find(|(known, _)| *known == operand)?;
        Some(found.1)
    }

    fn prepare(&mut self, binder: &Binder<'_>, condition: &Condition) -> Result<(), Refusal> {
        match condition {
            Condition::And(terms) | Condition::Or(terms) => {
                terms.iter().try_for_each(|term| self.prepare(binder, term))
            }
            Condition::Not(inner) => self.prepare(binder, inner),
            Condition::Compare(operand, ..) => self.source(binder, operand).map(|_| ()),
            Condition::In { path, .. } => {
                self.source(binder, &Operand::Field(path.clone())).map(|_| ())
            }
            Condition::Within { .. } => Err(ungrouped("a semi join")),
        }
    }
}

fn ungrouped(what: &str) -> Refusal {
    let message = format!("Field must be grouped or aggregated: {what}");
    Refusal::new("MALFORMED_QUERY", message)
}

fn lowered(operand: &Operand) -> Operand {
    let lower = |path: &Path| path.iter().map(|name| name.to_lowercase()).collect();
    match operand {
        Operand::Field(path) => Operand::Field(lower(path)),
        Operand::Aggregate(function, path) => {
            Operand::Aggregate(*function, path.as_ref().map(lower))
        }
    }
}

/// What is known of a group so far.
#[derive(Default)]
struct Tally {
    count: i64,
    sum: f64,
    least: Option<Value>,
    most: Option<Value>,
    distinct: HashSet<String>,
}

impl Tally {
    fn add(&mut self, cell: Cell<'_>, function: Function) {
        if cell.is_null() {
            return;
        }
        self.count += 1;
        self.sum += cell.as_number().unwrap_or_default();
        if function == Function::CountDistinct {
            self.distinct.insert(fingerprint(cell));
        }
        let less = |known: &Option<Value>| {
            known.as_ref().is_none_or(|known| cell.compare(&known.cell()).is_lt())
        };
        let more = |known: &Option<Value>| {
            known.as_ref().is_none_or(|known| cell.compare(&known.cell()).is_gt())
        };
        if less(&self.least) {
            self.least = cell.to_value();
        }
        if more(&self.most) {
            self.most = cell.to_value();
        }
    }

    fn value(self, function: Function) -> Option<Value> {
        match function {
            Function::Count => Some(Value::Int(self.count)),
            Function::CountDistinct => Some(Value::Int(self.distinct.len() as i64)),
            Function::Min => self.least,
            Function::Max => self.most,
            Function::Sum => (self.count > 0).then_some(Value::Number(self.sum)),
            Function::Avg => (self.count > 0).then(|| Value::Number(self.sum / self.count as f64)),
        }
    }
}

fn fingerprint(cell: Cell<'_>) -> String {
    match cell {
        Cell::Text(text) => folded(text),
        other => format!("{other:?}"),
    }
}

struct Group {
    keys: Vec<Option<Value>>,
    tallies: Vec<Tally>,
}

/// Returns the groups as rows of an answer, each a JSON object.
pub(super) fn rows(org: &Org, plan: &Plan, groups: &Groups, slots: &[Slot]) -> Vec<Vec<u8>> {
    let mut places: HashMap<Vec<String>, usize> = HashMap::new();
    let mut gathered: Vec<Group> = Vec::new();
    let empty =
        |keys| Group { keys, tallies: groups.summaries.iter().map(|_| Tally::default()).collect() };
    if groups.keys.is_empty() {
        places.insert(Vec::new(), 0);
        gathered.push(empty(Vec::new()));
    }
    for slot in slots {
        let keys = groups.keys.iter().map(|access| access.read(org, plan.object, *slot));
        let keys: Vec<Cell<'_>> = keys.collect();
        let print = keys.iter().map(|cell| fingerprint(*cell)).collect();
        let place = *places.entry(print).or_insert_with(|| {
            gathered.push(empty(keys.iter().map(|cell| cell.to_value()).collect()));
            gathered.len() - 1
        });
        for (tally, (function, access)) in gathered[place].tallies.iter_mut().zip(&groups.summaries)
        {
            let cell = access
                .as_ref()
                .map_or(Cell::Bool(true), |access| access.read(org, plan.object, *slot));
            tally.add(cell, *function);
        }
    }
    let mut finished: Vec<Finished> =
        gathered.into_iter().map(|group| finish(groups, group)).collect();
    finished
        .retain(|group| groups.having.as_ref().is_none_or(|having| group.meets(groups, having)));
    finished.sort_by(|left, right| {
        groups.order.iter().fold(std::cmp::Ordering::Equal, |known, (source, descending, _)| {
            let ordering = left.cell(*source).compare(&right.cell(*source));
            known.then(if *descending { ordering.reverse() } else { ordering })
        })
    });
    let rows = finished.iter().map(|group| group.write(groups));
    rows.skip(plan.offset as usize)
        .take(plan.limit.map_or(usize::MAX, |limit| limit as usize))
        .collect()
}

fn finish(groups: &Groups, group: Group) -> Finished {
    let tallies = group.tallies.into_iter().zip(&groups.summaries);
    Finished {
        keys: group.keys,
        summaries: tallies.map(|(tally, (function, _))| tally.value(*function)).collect(),
    }
}

struct Finished {
    keys: Vec<Option<Value>>,
    summaries: Vec<Option<Value>>,
}

impl Finished {
    fn cell(&self, source: Source) -> Cell<'_> {
        let value = match source {
            Source::Key(place) => &self.keys[place],
            Source::Summary(place) => &self.summaries[place],
        };
        value.as_ref().map_or(Cell::Null, Value::cell)
    }

    fn meets(&self, groups: &Groups, condition: &Condition) -> bool {
        match condition {
            Condition::And(terms) => terms.iter().all(|term| self.meets(groups, term)),
            Condition::Or(terms) => terms.iter().any(|term| self.meets(groups, term)),
            Condition::Not(inner) => !self.meets(groups, inner),
            Condition::Compare(operand, operator, literal) => {
                let cell = groups.known(operand).map_or(Cell::Null, |source| self.cell(source));
                compare(cell, *operator, literal)
            }
            Condition::In { path, negated, values } => {
                let operand = Operand::Field(path.clone());
                let cell = groups.known(&operand).map_or(Cell::Null, |source| self.cell(source));
                values.iter().any(|value| compare(cell, Operator::Equal, value)) != *negated
            }
            Condition::Within { .. } => false,
        }
    }

    fn write(&self, groups: &Groups) -> Vec<u8> {
        let mut out = b"{\"attributes\":{\"type\":\"AggregateResult\"}".to_vec();
        for (name, source) in &groups.outputs {
            out.push(b',');
            write_json_text(name, &mut out);
            out.push(b':');
            self.cell(*source).write_json(&mut out);
        }
        out.push(b'}');
        out
    }
}

fn compare(cell: Cell<'_>, operator: Operator, literal: &Literal) -> bool {
    let ordering = match literal {
        Literal::Null => return cell.is_null() == (operator == Operator::Equal),
        Literal::Number(number) => cell.as_number().and_then(|value| value.partial_cmp(number)),
        Literal::Text(text) => {
            cell.as_text().map(|value| crate::value::compare_folded(value, text))
        }
        Literal::Bool(wanted) => Some(cell.is_true().cmp(wanted)),
        Literal::Date(date) => Some(cell.compare(&Cell::Date(*date))),
        Literal::Moment(moment) => Some(cell.compare(&Cell::Moment(*moment))),
        Literal::Range(_) => None,
    };
    let Some(ordering) = ordering else {
        return operator == Operator::NotEqual;
    };
    match operator {
        Operator::Equal | Operator::Like => ordering.is_eq(),
        Operator::NotEqual => ordering.is_ne(),
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::Greater => ordering.is_gt(),
        Operator::GreaterOrEqual => ordering.is_ge(),
    }
}
