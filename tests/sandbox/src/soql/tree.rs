//! A query as its author wrote it.

use jiff::civil::Date;

use crate::schema::Field;

/// `SELECT … FROM …`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    pub(crate) select: Vec<Item>,
    pub(crate) from: String,
    pub(crate) alias: Option<String>,
    pub(crate) condition: Option<Condition>,
    pub(crate) group_by: Vec<Path>,
    pub(crate) having: Option<Condition>,
    pub(crate) order_by: Vec<Order>,
    pub(crate) limit: Option<u32>,
    pub(crate) offset: Option<u32>,
}

impl Query {
    /// Drops the query's alias or object name from the front of a path.
    pub(crate) fn relative<'p>(&self, path: &'p [String]) -> &'p [String] {
        let [first, rest @ ..] = path else {
            return path;
        };
        let named = |name: &str| first.eq_ignore_ascii_case(name);
        let own = self.alias.as_deref().is_some_and(named) || named(&self.from);
        if own && !rest.is_empty() { rest } else { path }
    }
}

impl Function {
    /// Returns the name in a query.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Count => "COUNT",
            Self::CountDistinct => "COUNT_DISTINCT",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::Sum => "SUM",
            Self::Avg => "AVG",
        }
    }
}

impl FieldSet {
    /// Tells whether a field is one of the set.
    pub(crate) fn has(self, field: &Field) -> bool {
        match self {
            Self::All => true,
            Self::Standard => !field.custom,
            Self::Custom => field.custom,
        }
    }
}

/// Names from the record up to a parent and its field, such as `Account.Name`.
pub(crate) type Path = Vec<String>;

/// One thing to select.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// A field of the record or of a parent, in a grouped query with an alias.
    Field(Path, Option<String>),
    /// `COUNT(Id) total`; without a path it is `COUNT()`.
    Aggregate(Function, Option<Path>, Option<String>),
    /// `FIELDS(ALL)` and its kin.
    Fields(FieldSet),
    /// `(SELECT … FROM Contacts)`.
    Children(Box<Query>),
    /// `TYPEOF Who WHEN Contact THEN … ELSE … END`.
    TypeOf(TypeOf),
}

/// What to select of a parent that can be one of several objects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TypeOf {
    pub(crate) relationship: String,
    pub(crate) when: Vec<(String, Vec<Path>)>,
    pub(crate) otherwise: Vec<Path>,
}

/// What summarises a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Count,
    CountDistinct,
    Min,
    Max,
    Sum,
    Avg,
}

/// A set of fields by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldSet {
    All,
    Standard,
    Custom,
}

/// What a record has to meet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Operand, Operator, Literal),
    In { path: Path, negated: bool, values: Vec<Literal> },
    Within { path: Path, negated: bool, query: Box<Query> },
}

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Field(Path),
    Aggregate(Function, Option<Path>),
}

/// How it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

/// What it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Date(Date),
    Moment(i64),
    Range(DateRange),
}

/// A date literal such as `LAST_N_DAYS:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateRange {
    Yesterday,
    Today,
    Tomorrow,
    Last90Days,
    Next90Days,
    Last(Unit),
    This(Unit),
    Next(Unit),
    LastN(Unit, u32),
    NextN(Unit, u32),
    Ago(Unit, u32),
}

/// A length of time in a date literal. A fiscal year is a calendar year here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
    FiscalQuarter,
    FiscalYear,
}

/// One field to order by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    pub(crate) by: Operand,
    pub(crate) descending: bool,
    pub(crate) nulls_last: bool,
}
