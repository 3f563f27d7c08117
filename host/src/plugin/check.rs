//! What a plugin must be, and what its answers must hold to.

use std::collections::HashSet;

use jiff::{Timestamp, civil};
use wasmtime::component::Component;

use super::{Cause, Limits, v1};
use crate::model::{Column, ColumnType, Object, Problem, Pulled, Pushed, Spec, Value};

const LOG: &str = "efficlose:mapping/log";
const OBJECT: &str = "efficlose:mapping/object";
/// How many fields, columns or writes a spec may list.
const LIST_MAX: usize = 1_000;
/// How long the name of a column may be.
const NAME_MAX: usize = 150;
/// What a component's file begins with: the magic number, then the layer.
const COMPONENT: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];

/// Tells at a glance what a file is, for a message that helps.
pub(super) fn is_component(bytes: &[u8], limits: Limits) -> Result<(), Cause> {
    if bytes.len() as u64 > limits.component_bytes {
        let most = limits.component_bytes;
        return Err(Cause::NotComponent(format!("it is larger than {most} bytes")));
    }
    if bytes.starts_with(&COMPONENT) {
        return Ok(());
    }
    let what = if bytes.starts_with(b"\0asm") {
        "it is a core module; wrap it with wasm-component-ld or `wasm-tools component new`"
    } else {
        "it does not begin as WebAssembly does"
    };
    Err(Cause::NotComponent(what.to_owned()))
}

/// Refuses a component that imports more than the log, or that doesn't export the
/// contract's interface in a version that is served. Other exports do no harm.
pub(super) fn is_mapping(component: &Component) -> Result<(), Cause> {
    let engine = component.engine();
    let types = component.component_type();
    for (name, _) in types.imports(engine) {
        match name.split_once('@') {
            Some((LOG, version)) => served(version)?,
            _ => return Err(Cause::Import(name.to_owned())),
        }
    }
    let mut exports = types.exports(engine).filter_map(|(name, _)| name.split_once('@'));
    match exports.find(|(interface, _)| *interface == OBJECT) {
        Some((_, version)) => served(version),
        None => Err(Cause::Contract(format!("it does not export {OBJECT}"))),
    }
}

/// Refuses a version that this host doesn't serve, in a sentence that says both.
fn served(version: &str) -> Result<(), Cause> {
    let (major, minor) = v1::VERSION;
    let mut numbers = version.split('.').map(str::parse::<u64>);
    let theirs = (numbers.next(), numbers.next());
    if matches!(theirs, (Some(Ok(one)), Some(Ok(two))) if one == major && two <= minor) {
        return Ok(());
    }
    Err(Cause::Contract(format!(
        "it is built for efficlose:mapping@{version}, and this host serves {major}.0.0 to \
         {major}.{minor}.0"
    )))
}

/// Checks a spec for the object that it is to map.
pub(super) fn spec(spec: &Spec, object: Object) -> Result<(), String> {
    if spec.object != object {
        return Err(format!("it maps {}, and it stands in the place of {object}", spec.object));
    }
    let lengths = [spec.reads.len(), spec.columns.len(), spec.writes.len()];
    if lengths.iter().any(|length| *length > LIST_MAX) {
        return Err(format!("a list is longer than {LIST_MAX}"));
    }
    if spec.reads.is_empty() || spec.columns.is_empty() {
        return Err("it must read a field and make a column at least".to_owned());
    }
    unique(spec.reads.iter().map(|need| need.path.as_str()), "reads")?;
    unique(spec.columns.iter().map(|column| column.name.as_str()), "columns")?;
    unique(spec.writes.iter().map(|write| write.field.as_str()), "writes")?;
    for column in &spec.columns {
        if column.name.len() > NAME_MAX || column.name.contains(char::is_control) {
            return Err(format!("the name of a column is longer than {NAME_MAX} or not plain"));
        }
        if column.name.strip_prefix("custom.").is_some_and(|rest| !rest.is_empty()) {
            continue;
        }
        let known = spec.kind.columns().find(|(name, _)| *name == column.name);
        match known {
            Some((_, of)) if of == column.of => {}
            Some((_, of)) => {
                return Err(format!(
                    "the column {} of a {} is {of:?}, not {:?}",
                    column.name, spec.kind, column.of
                ));
            }
            None => {
                return Err(format!(
                    "a {} has no column {name}; one of its own is named custom.{name}",
                    spec.kind,
                    name = column.name
                ));
            }
        }
    }
    Ok(())
}

fn unique<'a>(names: impl Iterator<Item = &'a str>, list: &str) -> Result<(), String> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(format!("{name} stands twice in {list}"));
        }
    }
    Ok(())
}

/// Catches a mapping that loses or invents outcomes.
pub(super) fn count(returned: usize, given: usize) -> Result<(), Cause> {
    if returned == given { Ok(()) } else { Err(Cause::Count { given, returned }) }
}

/// Catches an entity that has not a value for each column.
pub(super) fn widths(outcomes: &[Pulled], columns: usize) -> Result<(), Cause> {
    for outcome in outcomes {
        if let Pulled::Mapped(values) = outcome
            && values.len() != columns
        {
            return Err(Cause::Width { columns, returned: values.len() });
        }
    }
    Ok(())
}

/// Returns outcomes in which an entity has failed that has a value of another type than its
/// column: that record waits, and no other. The entities have a value for each column.
pub(super) fn fitting(mut outcomes: Vec<Pulled>, columns: &[Column]) -> Vec<Pulled> {
    for outcome in &mut outcomes {
        let Pulled::Mapped(values) = outcome else { continue };
        let mut pairs = values.iter().zip(columns);
        let misfit = pairs.find(|(value, column)| !fits(value, column.of));
        if let Some(column) = misfit.map(|(_, column)| column) {
            *outcome = Pulled::Failed(Problem {
                message: format!("the value of {} is not {}", column.name, described(column.of)),
                at: Some(column.name.clone()),
                hint: None,
            });
        }
    }
    outcomes
}

/// Tells whether a value can stand in a column of this type. Every value comes this way.
fn fits(value: &Value, of: ColumnType) -> bool {
    match (of, value) {
        (_, Value::Null)
        | (ColumnType::Text, Value::Text(_))
        | (ColumnType::Boolean, Value::Boolean(_))
        | (ColumnType::Integer | ColumnType::Number, Value::Integer(_)) => true,
        (ColumnType::Number, Value::Number(number)) => number.is_finite(),
        (ColumnType::Date, Value::Text(text)) => is_date(text.as_bytes()),
        (ColumnType::Timestamp, Value::Text(text)) => {
            is_plain_time(text.as_bytes()) || text.parse::<Timestamp>().is_ok()
        }
        _ => false,
    }
}

/// Tells whether a text is a day that there is, as `2026-01-31`.
fn is_date(text: &[u8]) -> bool {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = text else { return false };
    let year = number([*y0, *y1]).zip(number([*y2, *y3]));
    let (Some((century, year)), Some(month), Some(day)) =
        (year, number([*m0, *m1]), number([*d0, *d1]))
    else {
        return false;
    };
    civil::Date::new(i16::from(century) * 100 + i16::from(year), month, day).is_ok()
}

/// Tells at a glance whether a text is a time as nearly all are: `2026-01-31T09:30:00`, with a
/// fraction or without, in UTC.
fn is_plain_time(text: &[u8]) -> bool {
    let Some((date, time)) = text.split_at_checked(10) else { return false };
    let [b'T', h0, h1, b':', m0, m1, b':', s0, s1, rest @ ..] = time else { return false };
    let below = |digits, most| number(digits).is_some_and(|number| number < most);
    let fraction = match rest {
        [b'.', digits @ ..] => digits.iter().take_while(|digit| digit.is_ascii_digit()).count() + 1,
        _ => 0,
    };
    (fraction == 0 || (2..=10).contains(&fraction))
        && matches!(&rest[fraction..], b"Z" | b"+0000" | b"+00:00")
        && below([*h0, *h1], 24)
        && below([*m0, *m1], 60)
        && below([*s0, *s1], 60)
        && is_date(date)
}

/// Returns the number that two digits are.
fn number(digits: [u8; 2]) -> Option<i8> {
    let [tens, ones] = digits.map(|digit| digit.wrapping_sub(b'0'));
    let number = i8::try_from(tens.checked_mul(10)?.checked_add(ones)?).ok();
    number.filter(|_| tens < 10 && ones < 10)
}

/// Returns what the values of a column are.
fn described(of: ColumnType) -> &'static str {
    match of {
        ColumnType::Text => "a text",
        ColumnType::Integer => "a whole number",
        ColumnType::Number => "a number",
        ColumnType::Boolean => "true or false",
        ColumnType::Date => "a day, as 2026-01-31",
        ColumnType::Timestamp => "a time, as 2026-01-31T09:30:00Z",
    }
}

/// Catches a write to a field that the spec doesn't list.
pub(super) fn fields(outcomes: &[Pushed], spec: &Spec) -> Result<(), Cause> {
    for outcome in outcomes {
        let Pushed::Mapped(fields) = outcome else { continue };
        for (name, _) in fields {
            if !spec.writes.iter().any(|write| write.field.as_str() == name) {
                return Err(Cause::Field(name.clone()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_whose_value_is_not_of_its_columns_type_fails_alone() {
        let column = |name: &str, of| Column { name: name.to_owned(), of };
        let text = Value::from;
        for (of, good, bad) in [
            (ColumnType::Text, vec![text("1"), Value::Null], vec![Value::Boolean(true)]),
            (ColumnType::Boolean, vec![Value::Boolean(false)], vec![text("true")]),
            (ColumnType::Integer, vec![Value::Integer(-1)], vec![Value::Number(1.5), text("1")]),
            (
                ColumnType::Number,
                vec![Value::Number(1.5), Value::Integer(1)],
                vec![Value::Number(f64::NAN), Value::Number(f64::INFINITY)],
            ),
            (
                ColumnType::Date,
                vec![text("2026-01-31"), text("2024-02-29")],
                [
                    "2026-13-45",
                    "2026-02-29",
                    "2026-1-31",
                    "today",
                    "2026-01-31T09:30:00Z",
                    "2026-:1-31",
                ]
                .map(text)
                .to_vec(),
            ),
            (
                ColumnType::Timestamp,
                [
                    "2026-01-31T09:30:00Z",
                    "2026-01-31T09:30:00.123Z",
                    "2026-01-31T09:30:00.000+0000",
                    "2026-01-31T09:30:00+01:00",
                ]
                .map(text)
                .to_vec(),
                [
                    "2026-01-31T25:30:00Z",
                    "2026-02-30T09:30:00Z",
                    "2026-01-31T09:30:00",
                    "2026-01-31",
                ]
                .map(text)
                .to_vec(),
            ),
        ] {
            let columns = [column("name", ColumnType::Text), column("custom.one", of)];
            let pulled = |value: &Value| Pulled::Mapped(vec![Value::Null, value.clone()]);
            let outcomes: Vec<Pulled> = good.iter().chain(&bad).map(pulled).collect();
            let fitting = fitting(outcomes.clone(), &columns);
            assert_eq!(fitting[..good.len()], outcomes[..good.len()], "{of:?}");
            for (outcome, value) in fitting[good.len()..].iter().zip(&bad) {
                let Pulled::Failed(problem) = outcome else { panic!("{value:?} in {of:?}") };
                assert_eq!(problem.at.as_deref(), Some("custom.one"));
                assert!(problem.message.starts_with("the value of custom.one is not "));
            }
        }
        let skipped = vec![Pulled::Skipped("no".to_owned())];
        assert_eq!(fitting(skipped.clone(), &[column("a", ColumnType::Date)]), skipped);
    }
}
