//! Conditions with their names resolved: tested on rows, and asked which rows
//! can meet them at all.

use std::collections::HashSet;

use jiff::civil::Date;

use super::tree::Operator;
use crate::ids::Id;
use crate::org::{Org, Slot, Table};
use crate::schema::{FieldIndex, ID_FIELD, ObjectIndex};
use crate::value::{Cell, compare_folded, folded, start_of};

/// The way from a record to a value, up through its parents.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) hops: Vec<FieldIndex>,
    pub(super) leaf: Leaf,
}

/// The value at the end of the way.
#[derive(Clone, Debug)]
pub(super) enum Leaf {
    Field(FieldIndex),
    /// A field of whichever object the reference points to.
    Named(Vec<(ObjectIndex, NameLeaf)>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum NameLeaf {
    Field(FieldIndex),
    /// The name of the object itself.
    Type,
}

impl Access {
    /// Returns the value, null where a parent is missing on the way.
    pub(super) fn read<'a>(&self, org: &'a Org, object: ObjectIndex, slot: Slot) -> Cell<'a> {
        let (mut object, mut slot) = (object, slot);
        for hop in &self.hops {
            let parent = org.table(object).cell(slot, *hop).as_id();
            let Some(place) = parent.and_then(|id| org.locate(id)) else {
                return Cell::Null;
            };
            (object, slot) = place;
        }
        match &self.leaf {
            Leaf::Field(field) => org.table(object).cell(slot, *field),
            Leaf::Named(leaves) => {
                let leaf = leaves.iter().find(|(target, _)| *target == object);
                match leaf.map(|(_, leaf)| leaf) {
                    Some(NameLeaf::Field(field)) => org.table(object).cell(slot, *field),
                    Some(NameLeaf::Type) => Cell::Text(org.table(object).object.name),
                    None => Cell::Null,
                }
            }
        }
    }

    /// Returns the field, if it is one of the record itself.
    fn own_field(&self) -> Option<FieldIndex> {
        match (&self.hops[..], &self.leaf) {
            ([], Leaf::Field(field)) => Some(*field),
            _ => None,
        }
    }
}

/// A condition.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Compare(Access, Test),
    Among { access: Access, negated: bool, set: Set },
}

/// A comparison with something fixed.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) operator: Operator,
    pub(super) operand: Fixed,
}

/// Something fixed to compare with.
#[derive(Clone, Debug)]
pub(super) enum Fixed {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Pattern(Vec<Mark>),
    Id(Id),
    Date(Date),
    Moment(i64),
    /// The first day and the first day after.
    Days(Date, Date),
}

/// A piece of a LIKE pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mark {
    Any,
    One,
    Exactly(char),
}

/// The values of an IN.
#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    pub(super) texts: HashSet<String>,
    pub(super) ids: HashSet<Id>,
    pub(super) others: Vec<Fixed>,
}

impl Filter {
    /// Returns whether a record meets the condition.
    pub(super) fn accepts(&self, org: &Org, object: ObjectIndex, slot: Slot) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.accepts(org, object, slot)),
            Self::Any(terms) => terms.iter().any(|term| term.accepts(org, object, slot)),
            Self::Not(inner) => !inner.accepts(org, object, slot),
            Self::Compare(access, test) => test.accepts(access.read(org, object, slot)),
            Self::Among { access, negated, set } => {
                set.contains(access.read(org, object, slot)) != *negated
            }
        }
    }

    /// Returns the records that can meet the condition, lowest slot first, where
    /// an index knows them.
    pub(super) fn candidates(&self, table: &Table) -> Option<Vec<Slot>> {
        match self {
            Self::All(terms) => {
                terms.iter().filter_map(|term| term.candidates(table)).min_by_key(Vec::len)
            }
            Self::Any(terms) => {
                let found: Option<Vec<_>> =
                    terms.iter().map(|term| term.candidates(table)).collect();
                Some(sorted(found?.concat()))
            }
            Self::Compare(access, test) if test.operator == Operator::Equal => {
                let field = access.own_field()?;
                match &test.operand {
                    Fixed::Id(id) => by_value(table, field, Cell::Id(*id)),
                    Fixed::Text(text) => by_value(table, field, Cell::Text(text)),
                    _ => None,
                }
            }
            Self::Among { access, negated: false, set } if set.others.is_empty() => {
                let field = access.own_field()?;
                let ids = set.ids.iter().map(|id| Cell::Id(*id));
                let texts = set.texts.iter().map(|text| Cell::Text(text));
                let found: Option<Vec<_>> =
                    ids.chain(texts).map(|cell| by_value(table, field, cell)).collect();
                Some(sorted(found?.concat()))
            }
            _ => None,
        }
    }

    /// Returns the span outside of which `field` can't meet the condition.
    pub(super) fn bounds(&self, field: FieldIndex) -> (i64, i64) {
        const FREE: (i64, i64) = (i64::MIN, i64::MAX);
        match self {
            Self::All(terms) => terms
                .iter()
                .map(|term| term.bounds(field))
                .fold(FREE, |left, right| (left.0.max(right.0), left.1.min(right.1))),
            Self::Any(terms) => terms
                .iter()
                .map(|term| term.bounds(field))
                .reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)))
                .unwrap_or(FREE),
            Self::Compare(access, test) if access.own_field() == Some(field) => test.bounds(),
            _ => FREE,
        }
    }
}

fn by_value(table: &Table, field: FieldIndex, value: Cell<'_>) -> Option<Vec<Slot>> {
    if field == ID_FIELD {
        let slot = value.as_id().and_then(|id| table.slot_of(id));
        return Some(slot.into_iter().collect());
    }
    table.has_index(field).then(|| table.find(field, value).to_vec())
}

fn sorted(mut slots: Vec<Slot>) -> Vec<Slot> {
    slots.sort_unstable();
    slots.dedup();
    slots
}

impl Test {
    pub(super) fn accepts(&self, cell: Cell<'_>) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        if let Fixed::Pattern(pattern) = &self.operand {
            return cell.as_text().is_some_and(|text| matches(pattern, text));
        }
        let ordering = self.operand.ordering(cell);
        match self.operator {
            Operator::Equal | Operator::Like => ordering == Some(Equal),
            Operator::NotEqual => ordering != Some(Equal),
            Operator::Less => ordering == Some(Less),
            Operator::LessOrEqual => matches!(ordering, Some(Less | Equal)),
            Operator::Greater => ordering == Some(Greater),
            Operator::GreaterOrEqual => matches!(ordering, Some(Greater | Equal)),
        }
    }

    /// Returns the span of moments that can pass.
    fn bounds(&self) -> (i64, i64) {
        let (first, last) = match &self.operand {
            Fixed::Moment(moment) => (*moment, *moment),
            Fixed::Days(from, to) => (start_of(*from), start_of(*to) - 1),
            _ => return (i64::MIN, i64::MAX),
        };
        match self.operator {
            Operator::Equal => (first, last),
            Operator::Less => (i64::MIN, first.saturating_sub(1)),
            Operator::LessOrEqual => (i64::MIN, last),
            Operator::Greater => (last.saturating_add(1), i64::MAX),
            Operator::GreaterOrEqual => (first, i64::MAX),
            Operator::NotEqual | Operator::Like => (i64::MIN, i64::MAX),
        }
    }
}

impl Fixed {
    /// Returns how `cell` stands to it; inside a span of days is equal.
    fn ordering(&self, cell: Cell<'_>) -> Option<std::cmp::Ordering> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let within = |before: bool, after: bool| match (before, after) {
            (true, _) => Less,
            (_, true) => Greater,
            _ => Equal,
        };
        match (self, cell) {
            (Self::Null, Cell::Null) => Some(Equal),
            (Self::Bool(fixed), Cell::Bool(value)) => Some(value.cmp(fixed)),
            (Self::Number(fixed), cell) => cell.as_number()?.partial_cmp(fixed),
            (Self::Text(fixed), Cell::Text(value)) => Some(compare_folded(value, fixed)),
            (Self::Id(fixed), Cell::Id(value)) => Some(value.cmp(fixed)),
            (Self::Date(fixed), Cell::Date(value)) => Some(value.cmp(fixed)),
            (Self::Moment(fixed), Cell::Moment(value)) => Some(value.cmp(fixed)),
            (Self::Days(from, to), Cell::Date(value)) => Some(within(value < *from, value >= *to)),
            (Self::Days(from, to), Cell::Moment(value)) => {
                Some(within(value < start_of(*from), value >= start_of(*to)))
            }
            _ => None,
        }
    }
}

impl Set {
    pub(super) fn contains(&self, cell: Cell<'_>) -> bool {
        match cell {
            Cell::Text(text) if !self.texts.is_empty() => self.texts.contains(&folded(text)),
            Cell::Id(id) => self.ids.contains(&id),
            cell => self
                .others
                .iter()
                .any(|fixed| fixed.ordering(cell) == Some(std::cmp::Ordering::Equal)),
        }
    }
}

/// Returns a LIKE pattern; a backslash takes the meaning from the next sign.
pub(super) fn pattern(text: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut characters = text.chars().flat_map(char::to_lowercase);
    while let Some(character) = characters.next() {
        marks.push(match character {
            '%' => Mark::Any,
            '_' => Mark::One,
            '\\' => Mark::Exactly(characters.next().unwrap_or('\\')),
            _ => Mark::Exactly(character),
        });
    }
    marks
}

/// Matches without recursion: on a mismatch the last `%` takes one sign more.
fn matches(pattern: &[Mark], text: &str) -> bool {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let (mut mark, mut place) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while place < text.len() {
        match pattern.get(mark) {
            Some(Mark::Any) => {
                retry = Some((mark + 1, place));
                mark += 1;
            }
            Some(Mark::One) => (mark, place) = (mark + 1, place + 1),
            Some(Mark::Exactly(character)) if *character == text[place] => {
                (mark, place) = (mark + 1, place + 1);
            }
            _ => {
                let Some((after, taken)) = retry else {
                    return false;
                };
                retry = Some((after, taken + 1));
                (mark, place) = (after, taken + 1);
            }
        }
    }
    pattern[mark..].iter().all(|mark| *mark == Mark::Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_knows_any_one_and_escaped_signs() {
        for (like, text, expected) in [
            ("acme%", "ACME Corp", true),
            ("%corp", "Acme Corp", true),
            ("a_me%", "Acme", true),
            ("a_me", "Acmme", false),
            ("%m%o%", "Acme Corp", true),
            ("100\\%", "100%", true),
            ("100\\%", "1000", false),
            ("", "", true),
            ("%", "", true),
        ] {
            assert_eq!(matches(&pattern(like), text), expected, "{text} LIKE {like}");
        }
    }
}
