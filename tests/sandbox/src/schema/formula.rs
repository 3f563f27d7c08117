//! Formulas: what a field shows that is worked out from others.

use std::fmt;

use winnow::ascii::{Caseless, multispace0};
use winnow::combinator::{alt, cut_err, delimited, fail, not, opt, peek, preceded, separated};
use winnow::prelude::*;
use winnow::token::{literal, one_of, take_while};

use crate::value::{Cell, Value, compare_folded};

/// How long a formula can be, in bytes; Salesforce takes 3,900 characters.
const LENGTH_MAX: usize = 3_900;

/// How deep parentheses may be nested.
const DEPTH_MAX: usize = 32;

/// A formula, such as `IF(ISBLANK(Account.Name), "none", Account.Name & "!")`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Formula {
    /// As the admin wrote it.
    pub(crate) text: String,
    tree: Tree,
}

/// A field of the record, or of a parent by the name of the relationship.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) parent: Option<String>,
    pub(crate) field: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Constant(Option<Value>),
    Field(Source),
    Call(Function, Vec<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    If,
    IsBlank,
    Not,
    And,
    Or,
    Text,
    Upper,
    Lower,
    Len,
    BlankValue,
    Join,
    Plus,
    Minus,
    Times,
    Over,
    Equal,
    Unequal,
    Less,
    Greater,
    AtMost,
    AtLeast,
}

/// The functions with a name, and how many values each takes at least and most.
const NAMED: [(&str, Function, usize, usize); 10] = [
    ("IF", Function::If, 3, 3),
    ("ISBLANK", Function::IsBlank, 1, 1),
    ("NOT", Function::Not, 1, 1),
    ("AND", Function::And, 1, 30),
    ("OR", Function::Or, 1, 30),
    ("TEXT", Function::Text, 1, 1),
    ("UPPER", Function::Upper, 1, 1),
    ("LOWER", Function::Lower, 1, 1),
    ("LEN", Function::Len, 1, 1),
    ("BLANKVALUE", Function::BlankValue, 2, 2),
];

const COMPARISONS: [(&str, Function); 8] = [
    ("<=", Function::AtMost),
    (">=", Function::AtLeast),
    ("<>", Function::Unequal),
    ("!=", Function::Unequal),
    ("==", Function::Equal),
    ("=", Function::Equal),
    ("<", Function::Less),
    (">", Function::Greater),
];

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.parent {
            Some(parent) => write!(out, "{parent}.{}", self.field),
            None => out.write_str(&self.field),
        }
    }
}

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    ///
    /// Says that it can't be read, and from where on.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let depth = text.bytes().scan(0_usize, |depth, byte| {
            *depth = match byte {
                b'(' => *depth + 1,
                b')' => depth.saturating_sub(1),
                _ => *depth,
            };
            Some(*depth)
        });
        if text.len() > LENGTH_MAX || depth.max().unwrap_or_default() > DEPTH_MAX {
            return Err("the formula is too long or nested too deep".to_owned());
        }
        let tree =
            delimited(multispace0, comparison, multispace0).parse(text).map_err(|error| {
                format!("the formula can't be read from here on: {:?}", &text[error.offset()..])
            })?;
        Ok(Self { text: text.to_owned(), tree })
    }

    /// Returns the fields it is worked out from.
    pub(crate) fn sources(&self) -> Vec<&Source> {
        let (mut sources, mut trees) = (Vec::new(), vec![&self.tree]);
        while let Some(tree) = trees.pop() {
            match tree {
                Tree::Field(source) => sources.push(source),
                Tree::Call(_, inner) => trees.extend(inner),
                Tree::Constant(_) => {}
            }
        }
        sources
    }

    /// Works it out; `get` returns what a field holds.
    pub(crate) fn value(&self, get: &impl Fn(&Source) -> Option<Value>) -> Option<Value> {
        value(&self.tree, get)
    }
}

fn value(tree: &Tree, get: &impl Fn(&Source) -> Option<Value>) -> Option<Value> {
    let (function, inner) = match tree {
        Tree::Constant(constant) => return constant.clone(),
        Tree::Field(source) => return get(source),
        Tree::Call(function, inner) => (*function, inner),
    };
    let of = |nth: usize| value(&inner[nth], get);
    let is_true = |nth: usize| of(nth) == Some(Value::Bool(true));
    let text = |nth: usize| of(nth).map(spelt).unwrap_or_default();
    let number = |nth: usize| of(nth).and_then(|value| value.cell().as_number());
    let both = |work: fn(f64, f64) -> f64| {
        let result = work(number(0)?, number(1)?);
        result.is_finite().then_some(Value::Number(result))
    };
    match function {
        Function::If => of(if is_true(0) { 1 } else { 2 }),
        Function::IsBlank => Some(Value::Bool(of(0).is_none())),
        Function::Not => Some(Value::Bool(!is_true(0))),
        Function::And => Some(Value::Bool((0..inner.len()).all(is_true))),
        Function::Or => Some(Value::Bool((0..inner.len()).any(is_true))),
        Function::Text => Value::text(text(0)),
        Function::Upper => Value::text(text(0).to_uppercase()),
        Function::Lower => Value::text(text(0).to_lowercase()),
        Function::Len => Some(Value::Number(text(0).chars().count() as f64)),
        Function::BlankValue => of(0).or_else(|| of(1)),
        Function::Join => Value::text(text(0) + &text(1)),
        Function::Plus => both(|one, other| one + other),
        Function::Minus => both(|one, other| one - other),
        Function::Times => both(|one, other| one * other),
        Function::Over => both(|one, other| one / other),
        _ => Some(Value::Bool(holds(function, of(0), of(1)))),
    }
}

fn holds(comparison: Function, one: Option<Value>, other: Option<Value>) -> bool {
    let one = one.as_ref().map_or(Cell::Null, Value::cell);
    let other = other.as_ref().map_or(Cell::Null, Value::cell);
    let order = match (one, other) {
        (Cell::Text(one), Cell::Text(other)) => compare_folded(one, other),
        (one, other) => one.compare(&other),
    };
    match comparison {
        Function::Equal => order.is_eq(),
        Function::Unequal => order.is_ne(),
        Function::Less => order.is_lt(),
        Function::Greater => order.is_gt(),
        Function::AtMost => order.is_le(),
        _ => order.is_ge(),
    }
}

fn spelt(value: Value) -> String {
    match value {
        Value::Text(text) => text.into(),
        Value::Number(number) if number.fract() == 0.0 => format!("{number:.0}"),
        other => {
            let mut json = Vec::new();
            other.cell().write_json(&mut json);
            String::from_utf8_lossy(&json).trim_matches('"').to_owned()
        }
    }
}

fn comparison(input: &mut &str) -> ModalResult<Tree> {
    let first = sum.parse_next(input)?;
    let sign = COMPARISONS.map(|(sign, function)| spaced(sign).value(function));
    let second = opt((alt(sign), cut_err(sum))).parse_next(input)?;
    Ok(match second {
        Some((function, second)) => Tree::Call(function, vec![first, second]),
        None => first,
    })
}

fn sum(input: &mut &str) -> ModalResult<Tree> {
    let sign = alt((
        spaced("&").value(Function::Join),
        spaced("+").value(Function::Plus),
        spaced("-").value(Function::Minus),
    ));
    row(product, sign).parse_next(input)
}

fn product(input: &mut &str) -> ModalResult<Tree> {
    let sign = alt((spaced("*").value(Function::Times), spaced("/").value(Function::Over)));
    row(factor, sign).parse_next(input)
}

/// Parts with signs between them, from left to right.
fn row<'i>(
    mut part: impl Parser<&'i str, Tree, winnow::error::ErrMode<winnow::error::ContextError>>,
    mut sign: impl Parser<&'i str, Function, winnow::error::ErrMode<winnow::error::ContextError>>,
) -> impl Parser<&'i str, Tree, winnow::error::ErrMode<winnow::error::ContextError>> {
    move |input: &mut &'i str| {
        let mut tree = part.parse_next(input)?;
        while let Some(function) = opt(sign.by_ref()).parse_next(input)? {
            tree = Tree::Call(function, vec![tree, part.parse_next(input)?]);
        }
        Ok(tree)
    }
}

fn factor(input: &mut &str) -> ModalResult<Tree> {
    alt((
        delimited(spaced("("), comparison, spaced(")")),
        quoted('"'),
        quoted('\''),
        number,
        constant,
        call,
        field,
    ))
    .parse_next(input)
}

fn quoted<'i>(
    quote: char,
) -> impl Parser<&'i str, Tree, winnow::error::ErrMode<winnow::error::ContextError>> {
    delimited(quote, take_while(0.., move |c| c != quote), quote)
        .map(|text: &str| Tree::Constant(Value::text(text)))
}

fn number(input: &mut &str) -> ModalResult<Tree> {
    let digits = |least| take_while(least.., |c: char| c.is_ascii_digit());
    (opt('-'), digits(1_usize), opt(('.', digits(1_usize))))
        .take()
        .verify_map(|text: &str| text.parse().ok())
        .map(|number| Tree::Constant(Some(Value::Number(number))))
        .parse_next(input)
}

fn constant(input: &mut &str) -> ModalResult<Tree> {
    let end = || not(one_of(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.'));
    let word = alt((
        literal(Caseless("TRUE")).value(Some(Value::Bool(true))),
        literal(Caseless("FALSE")).value(Some(Value::Bool(false))),
        literal(Caseless("NULL")).value(None),
    ));
    (word, peek(end())).map(|(constant, ())| Tree::Constant(constant)).parse_next(input)
}

fn call(input: &mut &str) -> ModalResult<Tree> {
    let name = take_while(1.., |c: char| c.is_ascii_alphabetic());
    let list = delimited(spaced("("), separated(0.., comparison, spaced(",")), spaced(")"));
    let (name, inner): (&str, Vec<Tree>) = (name, list).parse_next(input)?;
    let known = NAMED.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
    match known {
        Some((_, function, least, most)) if (*least..=*most).contains(&inner.len()) => {
            Ok(Tree::Call(*function, inner))
        }
        _ => fail.parse_next(input),
    }
}

fn field(input: &mut &str) -> ModalResult<Tree> {
    let name = || {
        let start = one_of(|c: char| c.is_ascii_alphabetic());
        (start, take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '_')).take()
    };
    let (first, second): (&str, Option<&str>) =
        (name(), opt(preceded('.', name()))).parse_next(input)?;
    Ok(Tree::Field(match second {
        Some(field) => Source { parent: Some(first.to_owned()), field: field.to_owned() },
        None => Source { parent: None, field: first.to_owned() },
    }))
}

fn spaced<'i>(
    sign: &'static str,
) -> impl Parser<&'i str, &'i str, winnow::error::ErrMode<winnow::error::ContextError>> {
    delimited(multispace0, sign, multispace0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worked_out(text: &str) -> Option<Value> {
        let get = |source: &Source| match (source.parent.as_deref(), source.field.as_str()) {
            (None, "Amount") => Some(Value::Number(12.5)),
            (None, "Name") => Value::text("Ada"),
            (Some("Account"), "Name") => Value::text("Acme"),
            _ => None,
        };
        Formula::read(text).unwrap().value(&get)
    }

    #[test]
    fn formulas_are_worked_out_as_their_signs_bind() {
        for (text, expected) in [
            ("Name & \" at \" & Account.Name", Value::text("Ada at Acme")),
            ("2 + 3 * Amount - 1", Some(Value::Number(38.5))),
            ("(2 + 3) * 2", Some(Value::Number(10.0))),
            ("IF(Amount > 10, 'big', 'small')", Value::text("big")),
            ("IF(AND(ISBLANK(Phone), NOT(ISBLANK(Name))), 1, 0)", Some(Value::Number(1.0))),
            ("BLANKVALUE(Phone, UPPER(name2))", None),
            ("Name = 'ADA'", Some(Value::Bool(true))),
            ("TEXT(Amount) & 'x' & TEXT(3)", Value::text("12.5x3")),
            ("Amount / 0", None),
            (" LEN ( Name ) ", Some(Value::Number(3.0))),
            ("null", None),
        ] {
            assert_eq!(worked_out(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_formula_is_refused() {
        for text in ["", "1 +", "IF(1)", "NOPE(1)", "a.b.c", "'open", "(1", "1 2", "a ? b"] {
            assert!(Formula::read(text).is_err(), "{text}");
        }
        assert!(Formula::read(&"(".repeat(40)).is_err());
    }

    #[test]
    fn a_formula_knows_what_it_is_worked_out_from() {
        let formula = Formula::read("IF(A > 1, Account.Name, B__c & 'x')").unwrap();
        let mut sources: Vec<_> = formula.sources().iter().map(|s| s.field.clone()).collect();
        sources.sort();
        assert_eq!(sources, ["A", "B__c", "Name"]);
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(text in "[a-zA-Z0-9_.,()&+*/<>=!'\" -]{0,80}") {
            let _ = Formula::read(&text);
        }
    }
}
