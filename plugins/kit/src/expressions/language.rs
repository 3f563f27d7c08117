//! The language of expressions: Jinja's, but that nothing is no text in it.
//!
//! Jinja writes a value that is none as `None`, as it is made for templates that a person
//! looks at. Here it would stand in a column: filters of texts give none back, and put
//! into a text it is nothing.

use std::sync::LazyLock;

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, Expression, UndefinedBehavior, Value as Found};

/// The filters that make a text of whatever they are given.
const OF_TEXTS: [&str; 12] = [
    "lower",
    "upper",
    "title",
    "capitalize",
    "trim",
    "string",
    "indent",
    "safe",
    "escape",
    "e",
    "join",
    "replace",
];
/// The filters that tell something of a text or of a list: of what is none, what is so of no text.
const OF_WHOLES: [&str; 3] = ["length", "count", "split"];
/// The filter whose further values are put into its text.
const FORMAT: &str = "format";
/// The filter that takes what is none for no text.
const SHOWN: &str = "efficlose_shown";

/// What does the work of the filters.
static STOCK: LazyLock<Environment<'static>> = LazyLock::new(plain);

fn plain() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment
}

/// Returns what expressions are worked out in.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = plain();
    for name in OF_TEXTS {
        environment.add_filter(name, move |values: Rest<ValueOrKwargs>| of_text(name, values));
    }
    for name in OF_WHOLES {
        environment.add_filter(name, move |values: Rest<ValueOrKwargs>| {
            let mut values = values.into_values();
            if let Some(first) = values.first_mut() {
                *first = shown(first.clone());
            }
            STOCK.empty_state().apply_filter(name, &values)
        });
    }
    environment.add_filter(FORMAT, |values: Rest<ValueOrKwargs>| {
        let values: Vec<Found> = values.into_values().into_iter().map(shown).collect();
        STOCK.empty_state().apply_filter(FORMAT, &values)
    });
    environment.add_filter(SHOWN, shown);
    environment
}

/// Reads an expression.
pub(super) fn expression(
    environment: &'static Environment<'static>,
    text: &str,
) -> Result<Expression<'static, 'static>, Error> {
    // What is wrong with it is told of the text that a person wrote.
    let read = environment.compile_expression_owned(text.to_owned())?;
    if !text.contains('~') && !text.contains("in") {
        return Ok(read);
    }
    environment.compile_expression_owned(with_parts_shown(text))
}

/// Returns what a filter makes of a text; what is not there stays so.
fn of_text(name: &'static str, values: Rest<ValueOrKwargs>) -> Result<Found, Error> {
    let mut values = values.into_values();
    match values.first_mut() {
        Some(first) if first.is_none() || first.is_undefined() => return Ok(first.clone()),
        Some(first)
            if name == "join" && matches!(first.kind(), ValueKind::Seq | ValueKind::Iterable) =>
        {
            *first = first.try_iter()?.map(shown).collect();
        }
        _ => {}
    }
    if name == "replace" {
        values = values.into_iter().map(shown).collect();
    }
    STOCK.empty_state().apply_filter(name, &values)
}

/// Returns a value as it is put into a text.
fn shown(value: Found) -> Found {
    if value.is_none() { Found::from("") } else { value }
}

/// Returns an expression, which can be read, with what `~` joins shown first, and what `in` looks
/// through.
///
/// A part ends where the language binds less tightly than `~`; in brackets stand parts of their
/// own.
fn with_parts_shown(text: &str) -> String {
    let mut made = String::with_capacity(text.len() * 2);
    let mut around = Vec::new();
    let mut part = Part { begins: 0, is_put_in: false };
    let (mut rest, mut before) = (text, "");
    while !rest.is_empty() {
        let (token, after) = rest.split_at(length_of_token(rest));
        let is_first = made[part.begins..].trim().is_empty();
        match token {
            "(" | "[" | "{" => {
                made.push_str(token);
                around.push(part);
                part = Part { begins: made.len(), is_put_in: false };
            }
            ")" | "]" | "}" => {
                part.end(&mut made, false);
                made.push_str(token);
                part = around.pop().unwrap_or(part);
            }
            _ if ends_part(token, before, is_first) => {
                part.end(&mut made, token == "~");
                made.push_str(token);
                part = Part { begins: made.len(), is_put_in: matches!(token, "~" | "in") };
            }
            _ => made.push_str(token),
        }
        // What follows `is not` follows `is`: the name of a test.
        if !token.trim().is_empty() && (before, token) != ("is", "not") {
            before = token;
        }
        rest = after;
    }
    part.end(&mut made, false);
    made
}

/// A part of an expression that is being read.
#[derive(Clone, Copy)]
struct Part {
    begins: usize,
    is_put_in: bool,
}

impl Part {
    /// Has the part shown where it is put into a text.
    fn end(self, made: &mut String, is_before_tilde: bool) {
        if self.is_put_in || is_before_tilde {
            made.insert(self.begins, '(');
            // A word may follow.
            made.push_str(&format!(")|{SHOWN} "));
        }
    }
}

/// Tells whether a part ends before a token, which is the first of a part or comes after another.
fn ends_part(token: &str, before: &str, is_first: bool) -> bool {
    match token {
        "~" | "+" | "<" | ">" | "=" | "!" | "," | ":" => true,
        // A number may be less than nothing.
        "-" => !is_first && !matches!(before, "*" | "/" | "%"),
        // After these, they are names.
        "in" | "not" | "and" | "or" | "if" | "else" => !matches!(before, "." | "|" | "is"),
        _ => false,
    }
}

/// Returns how long the token is that a text begins with, in bytes: a text in quotes, a word, a
/// number, white space, or one sign.
fn length_of_token(text: &str) -> usize {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let run =
        |of: &dyn Fn(char) -> bool| text.find(|letter: char| !of(letter)).unwrap_or(text.len());
    let Some(first) = text.chars().next() else { return 0 };
    if first == '"' || first == '\'' {
        let mut is_escaped = false;
        let end = text.char_indices().skip(1).find(|(_, letter)| {
            let is_end = *letter == first && !is_escaped;
            is_escaped = *letter == '\\' && !is_escaped;
            is_end
        });
        return end.map_or(text.len(), |(at, _)| at + 1);
    }
    if first.is_whitespace() {
        return run(&char::is_whitespace);
    }
    if !is_word(first) {
        return first.len_utf8();
    }
    let length = run(&is_word);
    let (word, after) = text.split_at(length);
    // As in `1e-5`.
    let is_power = first.is_ascii_digit() && !word.starts_with("0x") && word.ends_with(['e', 'E']);
    if is_power && after.starts_with(['-', '+']) { length + 1 } else { length }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tilde_joins_is_shown_and_nothing_else() {
        let shown = |part: &str| format!("({part})|{SHOWN} ");
        for (text, made) in [
            ("a | lower", "a | lower".to_owned()),
            ("a~b", format!("{}~{}", shown("a"), shown("b"))),
            ("a+b~-c*d-e", format!("a+{}~{}-e", shown("b"), shown("-c*d"))),
            ("1e-5~'~\\''", format!("{}~{}", shown("1e-5"), shown("'~\\''"))),
            ("a.in~b is not in(c,d)", format!("{}~{}", shown("a.in"), shown("b is not in(c,d)"))),
            ("[a~b]|join", format!("[{}~{}]|join", shown("a"), shown("b"))),
            (
                "f(a~b)~c",
                format!("{}~{}", shown(&format!("f({}~{})", shown("a"), shown("b"))), shown("c")),
            ),
            ("a in b|lower and c", format!("a in{}and c", shown(" b|lower "))),
            ("a~b if c==d else e", format!("{}~{}if c==d else e", shown("a"), shown("b "))),
        ] {
            assert_eq!(with_parts_shown(text), made, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_no_text_and_stays_none() {
        let environment: &'static Environment<'static> = Box::leak(Box::new(environment()));
        let given = Found::from_pairs([("a", Found::from(())), ("b", Found::from("B"))]);
        let found =
            |text: &str| expression(environment, text).unwrap().eval(given.clone()).unwrap();
        for same in ["a | trim | lower", "a | replace('x', 'y')", "a | upper | default('x')"] {
            assert!(found(same).is_none(), "{same}: {:?}", found(same));
        }
        assert!(found("nowhere | title").is_undefined());
        for (text, made) in [
            ("'Head of ' ~ a", "Head of "),
            ("a ~ a", ""),
            ("a ~ ' ' ~ b | lower", " b"),
            ("[a, b] | join('-')", "-B"),
            ("b | replace('B', a)", ""),
            ("'%s%s' | format(a, b)", "B"),
            ("a | lower or b", "B"),
            ("'x' if a == none and a is none else b", "x"),
            ("'x' if a ~ b == 'B' else 'y'", "x"),
            ("'x' if 'v' in a | lower or 'v' in a else 'y'", "y"),
            ("'x' if 'v' not in a and b in ['B'] else 'y'", "x"),
            ("'' ~ (a | trim | length)", "0"),
            ("(a | lower | split('@') | last) ~ b", "B"),
        ] {
            assert_eq!(found(text).as_str(), Some(made), "{text}");
        }
        assert_eq!(found("nowhere | lower | default('x')").as_str(), Some("x"));
    }

    #[test]
    fn an_expression_that_cannot_be_read_is_refused_as_it_was_written() {
        let environment: &'static Environment<'static> = Box::leak(Box::new(environment()));
        for text in ["a ~", "~ a", "a ~ (b", "a ~ 'b"] {
            let error = expression(environment, text).err().unwrap();
            assert!(!error.to_string().contains(SHOWN), "{error}");
        }
    }
}
