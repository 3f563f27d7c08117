//! Reads a query's tokens into its tree.

use super::dates;
use super::lex::{Token, TokenKind, lex};
use super::place::pointing;
use super::tree::{
    Condition, FieldSet, Function, Item, Literal, Operand, Operator, Order, Path, Query, TypeOf,
};
use super::{OFFSET_LIMIT, TEXT_LIMIT};
use crate::refusal::Refusal;

/// How deep parentheses may be nested.
const DEPTH_LIMIT: u32 = 64;

/// Returns the tree of a query.
///
/// # Errors
///
/// `MALFORMED_QUERY`, with the row and the column of the token that doesn't fit.
pub(crate) fn parse(text: &str) -> Result<Query, Refusal> {
    if text.chars().count() > TEXT_LIMIT {
        return Err(Refusal::new("MALFORMED_QUERY", "SOQL statement is too long"));
    }
    let tokens = lex(text).map_err(|at| malformed(text, at))?;
    let mut parser = Parser { text, tokens, next: 0, depth: 0 };
    let query = parser.query()?;
    match parser.peek() {
        None => Ok(query),
        Some(_) => Err(parser.unexpected()),
    }
}

fn malformed(text: &str, at: usize) -> Refusal {
    let rest = &text[at..];
    let word = rest.split([' ', '\n', ',', '(', ')']).next().unwrap_or_default();
    let word = match (word, rest.chars().next()) {
        ("", Some(sign)) => sign.to_string(),
        ("", None) => "<EOF>".to_owned(),
        (word, _) => word.to_owned(),
    };
    let message = format!("unexpected token: '{word}'");
    Refusal::new("MALFORMED_QUERY", pointing(text, at, &message))
}

/// Words that end a list of names and so can't be an alias.
const RESERVED: [&str; 15] = [
    "from", "where", "group", "having", "order", "limit", "offset", "using", "with", "for", "and",
    "or", "not", "all", "update",
];

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: u32,
}

type Parsed<T> = Result<T, Refusal>;

impl Parser<'_> {
    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn unexpected(&self) -> Refusal {
        let at = self.tokens.get(self.next).map_or(self.text.len(), |token| token.at);
        malformed(self.text, at)
    }

    fn is_word(&self, ahead: usize, wanted: &str) -> bool {
        let token = self.tokens.get(self.next + ahead).map(|token| &token.kind);
        matches!(token, Some(TokenKind::Word(word)) if word.eq_ignore_ascii_case(wanted))
    }

    fn is_sign(&self, ahead: usize, wanted: &str) -> bool {
        let token = self.tokens.get(self.next + ahead).map(|token| &token.kind);
        matches!(token, Some(TokenKind::Sign(sign)) if *sign == wanted)
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let found = self.is_word(0, wanted);
        self.next += usize::from(found);
        found
    }

    fn take_sign(&mut self, wanted: &str) -> bool {
        let found = self.is_sign(0, wanted);
        self.next += usize::from(found);
        found
    }

    fn expect_word(&mut self, wanted: &str) -> Parsed<()> {
        self.take_word(wanted).then_some(()).ok_or_else(|| self.unexpected())
    }

    fn expect_sign(&mut self, wanted: &str) -> Parsed<()> {
        self.take_sign(wanted).then_some(()).ok_or_else(|| self.unexpected())
    }

    fn name(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(TokenKind::Word(word)) if !word.contains(':') => {
                let word = word.clone();
                self.next += 1;
                Ok(word)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// A name that is no keyword, if one is next.
    fn alias(&mut self) -> Option<String> {
        match self.peek() {
            Some(TokenKind::Word(word))
                if !RESERVED.iter().any(|known| known.eq_ignore_ascii_case(word)) =>
            {
                self.name().ok()
            }
            _ => None,
        }
    }

    fn whole_number(&mut self) -> Parsed<u32> {
        match self.peek() {
            Some(TokenKind::Number(number)) if number.fract() == 0.0 && *number >= 0.0 => {
                let number = *number as u32;
                self.next += 1;
                Ok(number)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn list<T>(&mut self, one: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut list = vec![one(self)?];
        while self.take_sign(",") {
            list.push(one(self)?);
        }
        Ok(list)
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_LIMIT {
            return Err(self.unexpected());
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn query(&mut self) -> Parsed<Query> {
        self.expect_word("select")?;
        let select = self.list(Self::item)?;
        self.expect_word("from")?;
        let from = self.name()?;
        // `AS` before the alias is optional.
        self.take_word("as");
        let alias = self.alias();
        let mut query = Query {
            select,
            from,
            alias,
            condition: None,
            group_by: Vec::new(),
            having: None,
            order_by: Vec::new(),
            limit: None,
            offset: None,
        };
        self.clauses(&mut query)?;
        Ok(query)
    }

    fn clauses(&mut self, query: &mut Query) -> Parsed<()> {
        if self.take_word("using") {
            self.expect_word("scope")?;
            self.name()?;
        }
        if self.take_word("where") {
            query.condition = Some(self.condition()?);
        }
        if self.take_word("with") {
            self.name()?;
        }
        if self.take_word("group") {
            self.expect_word("by")?;
            query.group_by = self.list(Self::path)?;
            if self.take_word("having") {
                query.having = Some(self.condition()?);
            }
        }
        if self.take_word("order") {
            self.expect_word("by")?;
            query.order_by = self.list(Self::order)?;
        }
        if self.take_word("limit") {
            query.limit = Some(self.whole_number()?);
        }
        if self.take_word("offset") {
            query.offset = Some(self.whole_number()?);
            if query.offset > Some(OFFSET_LIMIT) {
                let message = format!("Maximum SOQL offset allowed is {OFFSET_LIMIT}");
                return Err(Refusal::new("NUMBER_OUTSIDE_VALID_RANGE", message));
            }
        }
        while self.take_word("for") {
            self.name()?;
        }
        if self.is_word(0, "all") && self.is_word(1, "rows") {
            self.next += 2;
        }
        Ok(())
    }

    fn item(&mut self) -> Parsed<Item> {
        if self.take_sign("(") {
            let query = self.nested(Self::query)?;
            self.expect_sign(")")?;
            return Ok(Item::Children(Box::new(query)));
        }
        if self.is_word(0, "typeof") && !self.is_sign(1, ",") && !self.is_word(1, "from") {
            return self.type_of().map(Item::TypeOf);
        }
        if self.is_word(0, "fields") && self.is_sign(1, "(") {
            return self.field_set().map(Item::Fields);
        }
        match self.operand()? {
            Operand::Field(path) => Ok(Item::Field(path, self.alias())),
            Operand::Aggregate(function, path) => Ok(Item::Aggregate(function, path, self.alias())),
        }
    }

    fn field_set(&mut self) -> Parsed<FieldSet> {
        self.next += 2;
        let set = match () {
            () if self.take_word("all") => FieldSet::All,
            () if self.take_word("standard") => FieldSet::Standard,
            () if self.take_word("custom") => FieldSet::Custom,
            () => return Err(self.unexpected()),
        };
        self.expect_sign(")")?;
        Ok(set)
    }

    fn type_of(&mut self) -> Parsed<TypeOf> {
        self.expect_word("typeof")?;
        let relationship = self.name()?;
        let mut when = Vec::new();
        while self.take_word("when") {
            let object = self.name()?;
            self.expect_word("then")?;
            when.push((object, self.list(Self::path)?));
        }
        if when.is_empty() {
            return Err(self.unexpected());
        }
        let otherwise = match self.take_word("else") {
            true => self.list(Self::path)?,
            false => Vec::new(),
        };
        self.expect_word("end")?;
        Ok(TypeOf { relationship, when, otherwise })
    }

    fn path(&mut self) -> Parsed<Path> {
        let mut path = vec![self.name()?];
        while self.take_sign(".") {
            path.push(self.name()?);
        }
        Ok(path)
    }

    fn operand(&mut self) -> Parsed<Operand> {
        if !self.is_sign(1, "(") {
            return self.path().map(Operand::Field);
        }
        let function = self.function().ok_or_else(|| self.unexpected())?;
        self.next += 2;
        let path = match self.is_sign(0, ")") {
            true if function == Function::Count => None,
            _ => Some(self.path()?),
        };
        self.expect_sign(")")?;
        Ok(Operand::Aggregate(function, path))
    }

    fn function(&self) -> Option<Function> {
        let functions = [
            ("count", Function::Count),
            ("count_distinct", Function::CountDistinct),
            ("min", Function::Min),
            ("max", Function::Max),
            ("sum", Function::Sum),
            ("avg", Function::Avg),
        ];
        let found = functions.into_iter().find(|(name, _)| self.is_word(0, name))?;
        Some(found.1)
    }

    fn order(&mut self) -> Parsed<Order> {
        let by = self.operand()?;
        let descending = self.take_word("desc");
        if !descending {
            self.take_word("asc");
        }
        let mut nulls_last = false;
        if self.take_word("nulls") {
            nulls_last = self.take_word("last");
            if !nulls_last {
                self.expect_word("first")?;
            }
        }
        Ok(Order { by, descending, nulls_last })
    }

    /// Terms joined by one kind of word. Both kinds need parentheses.
    fn condition(&mut self) -> Parsed<Condition> {
        let first = self.term()?;
        let joined_by = ["and", "or"].into_iter().find(|word| self.is_word(0, word));
        let Some(word) = joined_by else {
            return Ok(first);
        };
        let mut terms = vec![first];
        while self.take_word(word) {
            terms.push(self.term()?);
        }
        if self.is_word(0, "and") || self.is_word(0, "or") {
            return Err(self.unexpected());
        }
        Ok(match word {
            "and" => Condition::And(terms),
            _ => Condition::Or(terms),
        })
    }

    fn term(&mut self) -> Parsed<Condition> {
        if self.take_word("not") {
            let inner = self.nested(Self::term)?;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.take_sign("(") {
            let inner = self.nested(Self::condition)?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        let operand = self.operand()?;
        let negated = self.is_word(0, "not") && self.is_word(1, "in");
        if negated || self.is_word(0, "in") {
            self.next += 1 + usize::from(negated);
            let Operand::Field(path) = operand else {
                return Err(self.unexpected());
            };
            return self.membership(path, negated);
        }
        let operator = self.operator()?;
        Ok(Condition::Compare(operand, operator, self.value()?))
    }

    fn membership(&mut self, path: Path, negated: bool) -> Parsed<Condition> {
        self.expect_sign("(")?;
        let condition = if self.is_word(0, "select") {
            let query = Box::new(self.nested(Self::query)?);
            Condition::Within { path, negated, query }
        } else {
            let values = self.list(Self::value)?;
            Condition::In { path, negated, values }
        };
        self.expect_sign(")")?;
        Ok(condition)
    }

    fn operator(&mut self) -> Parsed<Operator> {
        if self.take_word("like") {
            return Ok(Operator::Like);
        }
        let operator = match self.peek() {
            Some(TokenKind::Sign("=")) => Operator::Equal,
            Some(TokenKind::Sign("!=" | "<>")) => Operator::NotEqual,
            Some(TokenKind::Sign("<")) => Operator::Less,
            Some(TokenKind::Sign("<=")) => Operator::LessOrEqual,
            Some(TokenKind::Sign(">")) => Operator::Greater,
            Some(TokenKind::Sign(">=")) => Operator::GreaterOrEqual,
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(operator)
    }

    fn value(&mut self) -> Parsed<Literal> {
        let literal = match self.peek() {
            Some(TokenKind::Text(text)) => Literal::Text(text.clone()),
            Some(TokenKind::Number(number)) => Literal::Number(*number),
            Some(TokenKind::Date(date)) => Literal::Date(*date),
            Some(TokenKind::Moment(moment)) => Literal::Moment(*moment),
            Some(TokenKind::Word(word)) => match word.to_ascii_lowercase().as_str() {
                "null" => Literal::Null,
                "true" => Literal::Bool(true),
                "false" => Literal::Bool(false),
                word => Literal::Range(dates::named(word).ok_or_else(|| self.unexpected())?),
            },
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(literal)
    }
}
