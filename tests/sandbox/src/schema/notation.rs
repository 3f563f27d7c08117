//! Reads the tables in which the standard fields are written down.
//!
//! A line is `name | type | flags | clauses`. The flags stand for createable,
//! updateable, nillable, defaulted on create, filterable, sortable and
//! groupable, in this order. Clauses are parted by semicolons:
//!
//! * `label X`: the label, where it isn't the name in words
//! * `of X`: the compound field it is a part of
//! * `to A,B as R`: the objects it points to and the relationship's name
//! * `values A · B*`: the choices, `*` marks the default; `@x` is a shared list
//! * `restricted`: other values than the choices are refused
//! * `info X`: describe's `extraTypeInfo`
//! * `name`, `lookup`: the name field; usable as a key
//! * `fixed`, `secured`: field-level security doesn't apply, or does, against
//!   the rule that it applies to what can be written and left empty
//!
//! The tables are part of the program, so a mistake in them is a panic.

use super::{Choice, Field, Kind};

const INDUSTRIES: &str = "Agriculture · Apparel · Banking · Biotechnology · Chemicals · \
    Communications · Construction · Consulting · Education · Electronics · Energy · Engineering · \
    Entertainment · Environmental · Finance · Food & Beverage · Government · Healthcare · \
    Hospitality · Insurance · Machinery · Manufacturing · Media · Not For Profit · Recreation · \
    Retail · Shipping · Technology · Telecommunications · Transportation · Utilities · Other";

const GEOCODE_LEVELS: &str = "Address · NearAddress · Block · Street · ExtendedZip · Zip · \
    Neighborhood · City · County · State · Unknown";

const TIME_ZONES: &str = "GMT · Europe/London · Europe/Paris · Europe/Berlin · Europe/Lisbon · \
    America/New_York · America/Chicago · America/Denver · America/Los_Angeles · \
    America/Sao_Paulo · Asia/Kolkata · Asia/Singapore · Asia/Tokyo · Australia/Sydney";

/// Returns the fields of a table.
pub(super) fn fields(table: &str) -> Vec<Field> {
    table.lines().filter(|line| !line.trim().is_empty()).map(field).collect()
}

fn field(line: &str) -> Field {
    let columns: Vec<&str> = line.split(" |").map(str::trim).collect();
    let [name, kind, flags, clauses] = columns[..] else {
        panic!("a field's line needs four columns: {line}");
    };
    assert_eq!(flags.len(), 7, "seven flags: {line}");
    let flag = |place: usize| flags.as_bytes()[place] != b'-';
    let (kind, size) = kind.split_once(' ').unwrap_or((kind, ""));
    let mut field = plain(name, kind_named(kind, line));
    field.createable = flag(0);
    field.updateable = flag(1);
    field.nillable = flag(2);
    field.defaulted = flag(3);
    field.filterable = flag(4);
    field.sortable = flag(5);
    field.groupable = flag(6);
    let optional = field.nillable || kind == "boolean";
    field.permissionable = kind == "address" || optional && (field.createable || field.updateable);
    set_size(&mut field, size, line);
    for clause in clauses.split("; ").filter(|clause| !clause.is_empty()) {
        apply(&mut field, clause, line);
    }
    field
}

/// Returns a field of this type with nothing else set.
pub(super) fn plain(name: &str, kind: Kind) -> Field {
    Field {
        name: name.into(),
        label: words(name).into(),
        kind,
        length: if matches!(kind, Kind::Id | Kind::Reference) { 18 } else { 0 },
        precision: 0,
        scale: 0,
        digits: 0,
        createable: false,
        updateable: false,
        nillable: false,
        defaulted: false,
        filterable: false,
        sortable: false,
        groupable: false,
        custom: false,
        external_id: false,
        unique: false,
        id_lookup: false,
        name_field: false,
        restricted: false,
        choices: Vec::new(),
        refers_to: Vec::new(),
        relationship: None,
        compound: None,
        extra: None,
        permissionable: false,
        formula: None,
        visible: true,
    }
}

fn kind_named(name: &str, line: &str) -> Kind {
    match name {
        "id" => Kind::Id,
        "reference" => Kind::Reference,
        "string" => Kind::String,
        "textarea" => Kind::TextArea,
        "picklist" => Kind::Picklist,
        "combobox" => Kind::Combobox,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "double" => Kind::Double,
        "currency" => Kind::Currency,
        "percent" => Kind::Percent,
        "date" => Kind::Date,
        "datetime" => Kind::DateTime,
        "email" => Kind::Email,
        "phone" => Kind::Phone,
        "url" => Kind::Url,
        "address" => Kind::Address,
        _ => panic!("no such type: {line}"),
    }
}

fn set_size(field: &mut Field, size: &str, line: &str) {
    let number = |text: &str| -> u32 {
        text.parse().unwrap_or_else(|_| panic!("a size is a number: {line}"))
    };
    if let Some((precision, scale)) = size.split_once(',') {
        (field.precision, field.scale) = (number(precision), number(scale));
    } else if field.kind == Kind::Int {
        field.digits = if size.is_empty() { 9 } else { number(size) };
    } else if !size.is_empty() {
        field.length = number(size) as usize;
    }
}

fn apply(field: &mut Field, clause: &str, line: &str) {
    let (word, rest) = clause.split_once(' ').unwrap_or((clause, ""));
    match word {
        "label" => field.label = rest.into(),
        "of" => field.compound = Some(rest.into()),
        "info" => {
            field.extra = Some(rest.into());
            field.permissionable &= rest != "personname";
        }
        "fixed" => field.permissionable = false,
        "secured" => field.permissionable = true,
        "name" => field.name_field = true,
        "lookup" => field.id_lookup = true,
        "restricted" => field.restricted = true,
        "to" => {
            let (objects, relationship) = match rest.split_once(" as ") {
                Some((objects, relationship)) => (objects, Some(relationship.into())),
                None => (rest, None),
            };
            field.refers_to = objects.split(',').map(Into::into).collect();
            field.relationship = relationship;
        }
        "values" => field.choices = choices(rest),
        _ => panic!("no such clause `{clause}`: {line}"),
    }
}

/// Returns the choices in a list parted by middle dots.
pub(super) fn choices(list: &str) -> Vec<Choice> {
    let list = match list {
        "@industry" => INDUSTRIES,
        "@geocode" => GEOCODE_LEVELS,
        "@time_zone" => TIME_ZONES,
        _ => list,
    };
    list.split(" · ")
        .map(|value| Choice {
            value: value.trim_end_matches('*').into(),
            default: value.ends_with('*'),
        })
        .collect()
}

/// Returns `CreatedById` as `Created By Id`.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for character in name.chars() {
        if character.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || before.is_ascii_digit())
        {
            words.push(' ');
        }
        words.push(character);
        before = character;
    }
    match words.strip_suffix(" Id") {
        Some(start) => format!("{start} ID"),
        None => words,
    }
}
