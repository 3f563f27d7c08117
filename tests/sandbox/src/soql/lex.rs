//! Cuts a query into words, values and signs.

use jiff::civil::Date;
use winnow::combinator::{alt, delimited, opt, preceded, repeat};
use winnow::prelude::*;
use winnow::token::{any, literal, one_of, take_while};

use crate::value::{parse_date, parse_moment};

/// A piece of a query and where it starts, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: TokenKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// A keyword or a name; date literals with a number keep it (`N:3`).
    Word(String),
    Text(String),
    Number(f64),
    Date(Date),
    Moment(i64),
    Sign(&'static str),
}

/// Signs, the longer before those they start with.
const SIGNS: [&str; 11] = ["<=", ">=", "!=", "<>", "<", ">", "=", "(", ")", ",", "."];

/// Returns the tokens, or the place of what is none.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, usize> {
    let mut rest = text;
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        if rest.is_empty() {
            return Ok(tokens);
        }
        let kind = token.parse_next(&mut rest).map_err(|_| at)?;
        tokens.push(Token { at, kind });
    }
}

fn token(input: &mut &str) -> ModalResult<TokenKind> {
    alt((text, time, number, word, sign)).parse_next(input)
}

fn word(input: &mut &str) -> ModalResult<TokenKind> {
    let start = one_of(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '_');
    let count = opt((':', take_while(1..10, |c: char| c.is_ascii_digit())));
    (start, rest, count).take().map(|word: &str| TokenKind::Word(word.to_owned())).parse_next(input)
}

/// A string in single quotes. An escaped `%` or `_` stays escaped: only LIKE
/// knows what it means.
fn text(input: &mut &str) -> ModalResult<TokenKind> {
    let unicode = preceded('u', take_while(4..=4, |c: char| c.is_ascii_hexdigit()))
        .verify_map(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?));
    let escaped = alt((
        one_of(['n', 'N']).value("\n".to_owned()),
        one_of(['r', 'R']).value("\r".to_owned()),
        one_of(['t', 'T']).value("\t".to_owned()),
        one_of(['b', 'B']).value("\u{8}".to_owned()),
        one_of(['f', 'F']).value("\u{c}".to_owned()),
        one_of(['"', '\'']).map(String::from),
        '\\'.value("\\\\".to_owned()),
        one_of(['_', '%']).map(|c: char| format!("\\{c}")),
        unicode.map(String::from),
    ));
    let plain = take_while(1.., |c: char| c != '\'' && c != '\\').map(String::from);
    let piece = alt((preceded('\\', escaped), plain));
    let pieces = repeat(0.., piece).fold(String::new, |text, piece: String| text + &piece);
    delimited('\'', pieces, '\'').map(TokenKind::Text).parse_next(input)
}

fn time(input: &mut &str) -> ModalResult<TokenKind> {
    let characters =
        |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | 'T' | 't' | '.' | '+' | 'Z' | 'z');
    let starts =
        (take_while(4..=4, |c: char| c.is_ascii_digit()), '-', take_while(0.., characters));
    starts
        .take()
        .verify_map(|text: &str| {
            let date = parse_date(text).map(TokenKind::Date);
            date.or_else(|| parse_moment(text).map(TokenKind::Moment))
        })
        .parse_next(input)
}

fn number(input: &mut &str) -> ModalResult<TokenKind> {
    let digits = || take_while(1.., |c: char| c.is_ascii_digit());
    let fraction = opt(('.', digits()));
    let exponent = opt((one_of(['e', 'E']), opt(one_of(['+', '-'])), digits()));
    (opt(one_of(['+', '-'])), digits(), fraction, exponent)
        .take()
        .verify_map(|text: &str| text.parse().ok().filter(|number: &f64| number.is_finite()))
        .map(TokenKind::Number)
        .parse_next(input)
}

fn sign(input: &mut &str) -> ModalResult<TokenKind> {
    for sign in SIGNS {
        if let Ok(found) = literal::<_, _, winnow::error::ContextError>(sign).parse_next(input) {
            debug_assert_eq!(found, sign);
            return Ok(TokenKind::Sign(sign));
        }
    }
    any.verify(|_| false).value(TokenKind::Sign("")).parse_next(input)
}
