//! Packed tables: a row as one text. To a script a value costs far more than its length, so one
//! that says it takes packed tables is given each record, and gives each entity, as a single text
//! of the contract's own `value`.
//!
//! The values stand between [`SEPARATOR`]s. Nothing is an empty text. What is read is a text as it
//! is; in a column that has a value of another kind, whose name bears a [`MARK`], each begins with
//! its kind: `t` a text, `b` a boolean, `i` an integer, `f` a number. What is made is of its
//! column's type. `script/after.js` does the same on its side.

use crate::model::{Column, ColumnType, Pulled, Value};

/// The section at the end of a component that takes packed tables: its kind, its length, the
/// length of its name, and the name. Components of scripts are handed out: another form of tables
/// needs another name.
pub(super) const SECTION: &[u8] = b"\x00\x13\x12efficlose-packed-1";
/// What stands between two values, and for the first column of a packed table.
const SEPARATOR: char = '\x1f';
/// What stands before the name of a column whose values bear their kinds.
const MARK: char = '\x1e';

type Table = Vec<Vec<Value>>;

/// Returns a table packed; none, where a text holds a separator.
pub(super) fn pack(columns: &[String], rows: &[Vec<Value>]) -> Option<(Vec<String>, Table)> {
    let mut is_marked = vec![false; columns.len()];
    for row in rows {
        for (value, is_marked) in row.iter().zip(&mut is_marked) {
            *is_marked |= match value {
                Value::Null => false,
                Value::Text(text) if text.as_bytes().contains(&(SEPARATOR as u8)) => return None,
                Value::Text(text) => text.is_empty(),
                _ => true,
            };
        }
    }
    let rows = rows.iter().map(|row| vec![Value::Text(pack_row(row, &is_marked))]).collect();
    let named = columns.iter().zip(&is_marked).map(|(name, is_marked)| match is_marked {
        true => format!("{MARK}{name}"),
        false => name.clone(),
    });
    Some((std::iter::once(SEPARATOR.to_string()).chain(named).collect(), rows))
}

fn pack_row(row: &[Value], is_marked: &[bool]) -> String {
    let texts = row.iter().filter_map(Value::text);
    let mut packed = String::with_capacity(texts.map(str::len).sum::<usize>() + 4 * row.len());
    for (nth, (value, is_marked)) in row.iter().zip(is_marked).enumerate() {
        if nth > 0 {
            packed.push(SEPARATOR);
        }
        match value {
            Value::Null => {}
            Value::Boolean(truth) => packed.push_str(if *truth { "b1" } else { "b0" }),
            Value::Integer(number) => packed.push_str(&format!("i{number}")),
            Value::Number(number) => packed.push_str(&format!("f{number}")),
            Value::Text(text) => {
                if *is_marked {
                    packed.push('t');
                }
                packed.push_str(text);
            }
        }
    }
    packed
}

/// Returns outcomes with entities of these columns; none, where one can't be told apart: a text
/// of it holds a separator.
pub(super) fn unpack(outcomes: Vec<Pulled>, columns: &[Column]) -> Option<Vec<Pulled>> {
    let unpacked = |outcome| match outcome {
        Pulled::Mapped(values) => match values.as_slice() {
            [Value::Text(packed)] => Some(Pulled::Mapped(unpack_row(packed, columns)?)),
            _ => None,
        },
        other => Some(other),
    };
    outcomes.into_iter().map(unpacked).collect()
}

fn unpack_row(packed: &str, columns: &[Column]) -> Option<Vec<Value>> {
    let mut parts = packed.split(SEPARATOR);
    let mut values = Vec::with_capacity(columns.len());
    for column in columns {
        values.push(value(parts.next()?, column.of)?);
    }
    parts.next().is_none().then_some(values)
}

fn value(part: &str, of: ColumnType) -> Option<Value> {
    if part.is_empty() {
        return Some(Value::Null);
    }
    match of {
        ColumnType::Text | ColumnType::Date | ColumnType::Timestamp => Some(Value::from(part)),
        ColumnType::Boolean => Some(Value::Boolean(part == "1")),
        ColumnType::Integer => part.parse().ok().map(Value::Integer),
        ColumnType::Number => {
            part.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Number)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(of: ColumnType) -> Column {
        Column { name: "a".to_owned(), of }
    }

    fn mapped(text: &str) -> Vec<Pulled> {
        vec![Pulled::Mapped(vec![Value::from(text)])]
    }

    #[test]
    fn the_section_is_one_that_every_reader_of_components_skips() {
        let [kind, length, name, ..] = *SECTION else { panic!("it has a head") };
        assert_eq!((kind, usize::from(length)), (0, SECTION.len() - 2));
        assert_eq!(usize::from(name), SECTION.len() - 3);
    }

    #[test]
    fn a_column_of_texts_is_packed_as_it_is_and_another_tells_the_kinds() {
        let columns = ["name", "score"].map(str::to_owned);
        let rows = [
            vec![Value::from("Ada"), Value::Number(1.5)],
            vec![Value::Null, Value::from("")],
            vec![Value::from("\x1eBo"), Value::Boolean(true)],
        ];
        let (named, packed) = pack(&columns, &rows).unwrap();
        assert_eq!(named, ["\x1f", "name", "\x1escore"]);
        let texts: Vec<_> = packed.iter().map(|row| row[0].text().unwrap()).collect();
        assert_eq!(texts, ["Ada\x1ff1.5", "\x1ft", "\x1eBo\x1fb1"]);
    }

    #[test]
    fn what_holds_a_separator_is_not_packed_and_is_seen_when_it_comes_back() {
        assert_eq!(pack(&["a".to_owned()], &[vec![Value::from("a\x1fb")]]), None);
        let texts = [column(ColumnType::Text), column(ColumnType::Text)];
        assert_eq!(unpack(mapped("a\x1fb\x1fc"), &texts), None);
        assert_eq!(unpack(mapped("a"), &texts), None);
        assert_eq!(unpack(vec![Pulled::Mapped(vec![])], &texts), None);
    }

    #[test]
    fn what_comes_back_is_of_its_columns_types() {
        let types = [
            ColumnType::Text,
            ColumnType::Boolean,
            ColumnType::Integer,
            ColumnType::Number,
            ColumnType::Date,
        ];
        let columns = types.map(column);
        let expected = vec![
            Value::from("Ada"),
            Value::Boolean(true),
            Value::Integer(-7),
            Value::Number(1e300),
            Value::Null,
        ];
        let made = unpack(mapped("Ada\x1f1\x1f-7\x1f1e300\x1f"), &columns).unwrap();
        assert_eq!(made, [Pulled::Mapped(expected)]);
        assert_eq!(unpack(mapped("x"), &[column(ColumnType::Integer)]), None);
        let skipped = vec![Pulled::Skipped("no".to_owned())];
        assert_eq!(unpack(skipped.clone(), &columns), Some(skipped));
    }
}
