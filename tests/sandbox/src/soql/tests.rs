//! Queries from text to answer.

use proptest::prelude::*;

use super::tree::{
    Condition, DateRange, Function, Item, Literal, Operand, Operator, Order, Query, Unit,
};
use super::{Scope, bind, parse, run, write_records};
use crate::ids::Id;
use crate::org::Org;
use crate::refusal::Refusal;
use crate::value::{Value, parse_moment};
use crate::write::{Writer, plant};

const NOW: &str = "2026-11-24T12:00:00Z";

/// Three accounts' worth of people, made so that every query below tells
/// something apart.
fn org() -> Org {
    let mut org = Org::new(|_| 1000);
    let user = plant_at(
        &mut org,
        "User",
        NOW,
        vec![
            ("LastName", text("Marlow")),
            ("Email", text("ada@northwind.example")),
            ("IsActive", Value::Bool(true)),
        ],
    );
    let acme = plant_at(
        &mut org,
        "Account",
        NOW,
        vec![
            ("Name", text("Acme")),
            ("NumberOfEmployees", Value::Int(50)),
            ("BillingCity", text("Paris")),
        ],
    );
    plant_at(&mut org, "Account", NOW, vec![("Name", text("Beta"))]);
    for (first, last, email, at, account) in [
        ("Ada", "Zett", Some("ada@acme.example"), "2026-11-20T10:00:00Z", Some(acme)),
        ("Bob", "Young", Some("BOB@acme.example"), "2026-11-21T10:00:00Z", Some(acme)),
        ("Çelik", "Xu", None, "2026-11-21T10:00:00Z", None),
        ("Dan", "O'Hara", Some("dan@100%.example"), "2026-11-24T09:00:00Z", None),
    ] {
        let mut values = vec![
            ("FirstName", text(first)),
            ("LastName", text(last)),
            ("OwnerId", Value::Id(user)),
        ];
        values.extend(email.map(|email| ("Email", text(email))));
        values.extend(account.map(|account| ("AccountId", Value::Id(account))));
        plant_at(&mut org, "Contact", at, values);
    }
    let who = org.named("Contact").id_of(0);
    for (subject, what) in [("Call", Some(acme)), ("Email", None)] {
        let mut values = vec![("Subject", text(subject)), ("WhoId", Value::Id(who))];
        values.extend(what.map(|what| ("WhatId", Value::Id(what))));
        plant_at(&mut org, "Task", NOW, values);
    }
    org
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn plant_at(org: &mut Org, object: &str, at: &str, values: Vec<(&str, Value)>) -> Id {
    let writer = Writer::new(Id::compose("005", 1000), parse_moment(at).unwrap());
    let object = org.find_object(object).unwrap();
    plant(org, &writer, object, values)
}

fn answer(org: &Org, soql: &str) -> Result<String, Refusal> {
    let query = parse(soql)?;
    let plan = bind(org, &query, soql, parse_moment(NOW).unwrap())?;
    if plan.is_grouped() {
        let slots = run(org, &plan.ungrouped(), Scope::Live);
        let rows = plan.groups(org, &slots);
        return Ok(String::from_utf8(rows.join(&b'\n')).unwrap());
    }
    let slots = run(org, &plan, Scope::Live);
    let mut out = Vec::new();
    write_records(org, &plan, &slots, ("66.0", Scope::Live), &mut out);
    Ok(String::from_utf8(out).unwrap())
}

/// Returns the first names of the contacts that meet a condition.
fn first_names(org: &Org, rest: &str) -> String {
    let body = answer(org, &format!("SELECT FirstName FROM Contact {rest}")).unwrap();
    let rows: serde_json::Value = serde_json::from_str(&body).unwrap();
    let rows = rows.as_array().unwrap().iter();
    let names = rows.map(|row| row["FirstName"].as_str().unwrap().to_owned());
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn conditions_choose_records() {
    let org = org();
    for (rest, expected) in [
        ("WHERE FirstName = 'ada'", "Ada"),
        ("WHERE FirstName != 'ada'", "Bob Çelik Dan"),
        ("WHERE FirstName LIKE '%A%'", "Ada Dan"),
        ("WHERE FirstName LIKE '_o_'", "Bob"),
        ("WHERE FirstName = 'ÇELIK'", "Çelik"),
        ("WHERE LastName = 'O\\'Hara'", "Dan"),
        ("WHERE Email LIKE '%100\\%%'", "Dan"),
        ("WHERE Email = null", "Çelik"),
        ("WHERE Email != null AND AccountId = null", "Dan"),
        ("WHERE Email IN ('bob@ACME.example', 'ada@acme.example')", "Ada Bob"),
        ("WHERE Email NOT IN ('ada@acme.example')", "Bob Çelik Dan"),
        ("WHERE Account.Name = 'acme'", "Ada Bob"),
        ("WHERE Account.Name = 'acme' OR FirstName = 'Dan'", "Ada Bob Dan"),
        ("WHERE NOT Account.Name = 'acme'", "Çelik Dan"),
        ("WHERE (FirstName = 'Ada' OR FirstName = 'Bob') AND NOT LastName = 'Young'", "Ada"),
        ("WHERE Account.NumberOfEmployees >= 50", "Ada Bob"),
        ("WHERE SystemModstamp = TODAY", "Dan"),
        ("WHERE SystemModstamp < TODAY", "Ada Bob Çelik"),
        ("WHERE SystemModstamp >= LAST_N_DAYS:3", "Bob Çelik Dan"),
        ("WHERE SystemModstamp >= 2026-11-21T10:00:00Z", "Bob Çelik Dan"),
        ("WHERE SystemModstamp > 2026-11-21T11:00:00+01:00", "Dan"),
        ("WHERE Owner.Email = 'ada@northwind.example' LIMIT 1", "Ada"),
        ("WHERE AccountId IN (SELECT Id FROM Account WHERE BillingCity = 'Paris')", "Ada Bob"),
        (
            "WHERE AccountId NOT IN (SELECT Id FROM Account WHERE BillingCity = 'Paris')",
            "Çelik Dan",
        ),
        ("WHERE IsDeleted = false LIMIT 2 OFFSET 1", "Bob Çelik"),
    ] {
        assert_eq!(first_names(&org, rest), expected, "{rest}");
    }
}

#[test]
fn orders_say_where_nulls_go() {
    let org = org();
    for (rest, expected) in [
        ("ORDER BY LastName", "Dan Çelik Bob Ada"),
        ("ORDER BY LastName DESC", "Ada Bob Çelik Dan"),
        ("ORDER BY Email", "Çelik Ada Bob Dan"),
        ("ORDER BY Email ASC NULLS LAST", "Ada Bob Dan Çelik"),
        ("ORDER BY Email DESC NULLS LAST", "Dan Bob Ada Çelik"),
        ("ORDER BY Account.Name NULLS LAST, FirstName DESC LIMIT 3", "Bob Ada Çelik"),
        ("ORDER BY SystemModstamp, Id", "Ada Bob Çelik Dan"),
        ("ORDER BY SystemModstamp DESC, Id DESC LIMIT 3", "Dan Çelik Bob"),
    ] {
        assert_eq!(first_names(&org, rest), expected, "{rest}");
    }
}

#[test]
fn a_keyset_page_goes_on_between_two_equal_stamps() {
    let org = org();
    let bob = org.named("Contact").id_of(1);
    let rest = format!(
        "WHERE (SystemModstamp = 2026-11-21T10:00:00Z AND Id > '{bob}') \
         OR SystemModstamp > 2026-11-21T10:00:00Z ORDER BY SystemModstamp, Id LIMIT 1"
    );
    assert_eq!(first_names(&org, &rest), "Çelik");
}

#[test]
fn parents_children_and_groups_have_their_shapes() {
    let org = org();
    let strip = |body: String| without_attributes(&body).replace("\"attributes\":{},", "");
    for (soql, expected) in [
        (
            "SELECT FirstName, Account.Name FROM Contact WHERE FirstName IN ('Ada', 'Dan')",
            r#"[{"FirstName":"Ada","Account":{"Name":"Acme"}},{"FirstName":"Dan","Account":null}]"#,
        ),
        (
            "SELECT Name, (SELECT FirstName FROM Contacts ORDER BY FirstName DESC) FROM Account",
            r#"[{"Name":"Acme","Contacts":{"totalSize":2,"done":true,"records":[{"FirstName":"Bob"},{"FirstName":"Ada"}]}},{"Name":"Beta","Contacts":null}]"#,
        ),
        (
            "SELECT Who.Name, What.Type FROM Task WHERE What.Type = 'Account'",
            r#"[{"Who":{"Name":"Ada Zett"},"What":{"Type":"Account"}}]"#,
        ),
        (
            "SELECT TYPEOF Who WHEN Contact THEN Email ELSE Name END FROM Task LIMIT 1",
            r#"[{"Who":{"Email":"ada@acme.example"}}]"#,
        ),
        ("SELECT t.Subject FROM Task t WHERE t.Subject = 'Call'", r#"[{"Subject":"Call"}]"#),
    ] {
        assert_eq!(strip(answer(&org, soql).unwrap()), expected, "{soql}");
    }
    assert_eq!(
        answer(&org, "SELECT AccountId, COUNT(Id), MAX(FirstName) last FROM Contact GROUP BY AccountId HAVING COUNT(Id) > 1 ORDER BY AccountId").unwrap(),
        "{\"attributes\":{\"type\":\"AggregateResult\"},\"AccountId\":null,\"expr0\":2,\"last\":\"Çelik\"}\n\
         {\"attributes\":{\"type\":\"AggregateResult\"},\"AccountId\":\"001gK0000000000G8A\",\"expr0\":2,\"last\":\"Bob\"}"
            .replace("001gK0000000000G8A", &org.named("Account").id_of(0).to_string()),
    );
}

/// Empties the `attributes` of an answer: they hold an id each.
fn without_attributes(body: &str) -> String {
    let mut stripped = String::new();
    let mut rest = body;
    while let Some((before, after)) = rest.split_once("\"attributes\":{") {
        stripped.push_str(before);
        stripped.push_str("\"attributes\":{}");
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    stripped + rest
}

#[test]
fn refusals_have_salesforces_codes() {
    let org = org();
    for (soql, code, part) in [
        ("SELECT Id FROM Nothing", "INVALID_TYPE", "sObject type 'Nothing' is not supported"),
        ("SELECT Nope FROM Contact", "INVALID_FIELD", "No such column 'Nope' on entity 'Contact'"),
        ("SELECT Nope.Id FROM Contact", "INVALID_FIELD", "Didn't understand relationship 'Nope'"),
        (
            "SELECT Who.Company FROM Task",
            "INVALID_FIELD",
            "No such column 'Company' on entity 'Name'",
        ),
        ("SELECT Id, id FROM Contact", "INVALID_FIELD", "duplicate field selected"),
        ("SELECT Id FROM Contact WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Contact ORDER BY Description", "INVALID_FIELD", "can not be sorted"),
        (
            "SELECT Id FROM Contact WHERE FirstName = 5",
            "INVALID_FIELD",
            "should be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Contact WHERE SystemModstamp > '2026-01-01'",
            "INVALID_FIELD",
            "should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Contact WHERE SystemModstamp > 2026-01-01",
            "INVALID_FIELD",
            "must be of type dateTime",
        ),
        (
            "SELECT Id FROM Contact WHERE Id = 'x'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid ID field",
        ),
        ("SELECT Id FROM Contact WHERE FirstName = \"x\"", "MALFORMED_QUERY", "Row:1:Column:42"),
        ("SELECT Id\nFROM Contact\nWHERE", "MALFORMED_QUERY", "Row:3:Column:6"),
        (
            "SELECT Id FROM Contact WHERE IsDeleted = true AND Name = 'a' OR Name = 'b'",
            "MALFORMED_QUERY",
            "'OR'",
        ),
        ("SELECT FIELDS(ALL) FROM Contact", "MALFORMED_QUERY", "LIMIT"),
        ("SELECT Id FROM Contact OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        ("SELECT FirstName, COUNT(Id) FROM Contact", "MALFORMED_QUERY", "grouped"),
        (
            "SELECT Id FROM Contact WHERE Id IN (SELECT WhoId FROM Task)",
            "MALFORMED_QUERY",
            "semi join",
        ),
        ("DELETE FROM Contact", "MALFORMED_QUERY", "Row:1:Column:1"),
        ("", "MALFORMED_QUERY", "unexpected token"),
    ] {
        let refusal = answer(&org, soql).unwrap_err();
        assert_eq!(refusal.code, code, "{soql}: {}", refusal.message);
        assert!(refusal.message.contains(part), "{soql}: {}", refusal.message);
    }
}

#[test]
fn every_kind_of_query_is_printed_as_it_is_read() {
    for soql in [
        "SELECT Id, Account.Name, COUNT(Id) n, COUNT() FROM Contact c WHERE a = 'it\\'s \\\\ \\% \\n' LIMIT 5 OFFSET 2",
        "SELECT FIELDS(STANDARD), (SELECT Id FROM Tasks WHERE IsClosed = FALSE) FROM Account",
        "SELECT TYPEOF Who WHEN Contact THEN Email, Phone WHEN Lead THEN Company ELSE Name END FROM Task",
        "SELECT a FROM b WHERE NOT (x = 1 OR y < -2.5) AND z IN (1, NULL, TRUE) AND w NOT IN (SELECT Id FROM c)",
        "SELECT a FROM b WHERE d >= 2026-01-02 AND e < 2026-01-02T03:04:05Z AND f = LAST_N_FISCAL_QUARTERS:3",
        "SELECT a, MAX(b) FROM c GROUP BY a, d.e HAVING COUNT_DISTINCT(f) > 3 ORDER BY MAX(b) DESC NULLS LAST",
    ] {
        let tree = parse(soql).unwrap();
        let printed = tree.to_string();
        assert_eq!(parse(&printed).unwrap(), tree, "{printed}");
    }
}

fn name() -> impl Strategy<Value = String> {
    "[A-Z][a-z]{2,8}(__c)?".prop_filter("no keyword", |name| {
        let name = name.to_lowercase();
        ![
            "from",
            "where",
            "and",
            "not",
            "like",
            "null",
            "true",
            "for",
            "all",
            "with",
            "using",
            "asc",
            "desc",
            "count",
            "min",
            "max",
            "sum",
            "avg",
            "fields",
            "typeof",
            "select",
            "limit",
            "offset",
            "order",
            "group",
            "having",
            "update",
            "false",
            "nulls",
            "today",
            "tomorrow",
            "yesterday",
        ]
        .contains(&name.as_str())
    })
}

fn path() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(name(), 1..4)
}

fn unit() -> impl Strategy<Value = Unit> {
    prop::sample::select(vec![Unit::Week, Unit::Month, Unit::Quarter, Unit::Year, Unit::FiscalYear])
}

fn literal() -> impl Strategy<Value = Literal> {
    let text = "[a-zA-Z0-9 '\n\u{e9}\u{4e2d}]{0,12}".prop_map(Literal::Text);
    let range =
        (unit(), 1_u32..99).prop_map(|(unit, count)| Literal::Range(DateRange::LastN(unit, count)));
    let moment = (0_i64..4_000_000_000).prop_map(Literal::Moment);
    let number =
        (-1_000_000_i64..1_000_000).prop_map(|number| Literal::Number(number as f64 / 8.0));
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        Just(Literal::Range(DateRange::Today)),
        text,
        range,
        moment,
        number,
    ]
}

fn operator() -> impl Strategy<Value = Operator> {
    prop::sample::select(vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Like,
    ])
}

fn condition() -> impl Strategy<Value = Condition> {
    let compare = (path(), operator(), literal()).prop_map(|(path, operator, literal)| {
        Condition::Compare(Operand::Field(path), operator, literal)
    });
    let within = (path(), any::<bool>(), prop::collection::vec(literal(), 1..4))
        .prop_map(|(path, negated, values)| Condition::In { path, negated, values });
    prop_oneof![compare, within].prop_recursive(4, 24, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            some.clone().prop_map(Condition::And),
            some.prop_map(Condition::Or),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}

fn query() -> impl Strategy<Value = Query> {
    let count = (path(), prop::option::of(name()))
        .prop_map(|(path, alias)| Item::Aggregate(Function::Count, Some(path), alias));
    let item = prop_oneof![path().prop_map(|path| Item::Field(path, None)), count];
    let order =
        (path(), any::<bool>(), any::<bool>()).prop_map(|(path, descending, nulls_last)| Order {
            by: Operand::Field(path),
            descending,
            nulls_last,
        });
    (
        prop::collection::vec(item, 1..4),
        name(),
        prop::option::of(condition()),
        prop::collection::vec(order, 0..3),
        prop::option::of(0_u32..3000),
    )
        .prop_map(|(select, from, condition, order_by, limit)| Query {
            select,
            from,
            alias: None,
            condition,
            group_by: Vec::new(),
            having: None,
            order_by,
            limit,
            offset: None,
        })
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_the_same_tree(query in query()) {
        let printed = query.to_string();
        prop_assert_eq!(parse(&printed).unwrap(), query, "{}", printed);
    }

    #[test]
    fn no_text_brings_the_parser_down(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_broken_query_brings_the_parser_down(query in query(), at in any::<prop::sample::Index>(), noise in "[\\(\\)'\",.=<>\\\\ 0-9a-z:é-]{0,6}") {
        let mut text = query.to_string();
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        text.insert_str(places[at.index(places.len())], &noise);
        if let Ok(tree) = parse(&text) {
            let _ = bind(&org(), &tree, &text, 0);
        }
    }

    #[test]
    fn the_index_and_the_whole_table_agree(condition in condition_on_contacts()) {
        let org = org();
        let indexed = format!("SELECT Id FROM Contact WHERE {condition} ORDER BY SystemModstamp, Id");
        // An order that no index has and that comes out the same.
        let scanned = format!("SELECT Id FROM Contact WHERE {condition} ORDER BY SystemModstamp, Id, Name");
        prop_assert_eq!(answer(&org, &indexed), answer(&org, &scanned));
    }
}

/// Conditions on few values, so that some records meet them.
fn condition_on_contacts() -> impl Strategy<Value = Condition> {
    let days = prop::sample::select(vec![
        "2026-11-20T10:00:00Z",
        "2026-11-21T10:00:00Z",
        "2026-11-22T00:00:00Z",
    ]);
    let stamp = (operator(), days)
        .prop_filter("no LIKE on times", |(operator, _)| *operator != Operator::Like)
        .prop_map(|(operator, at)| {
            let field = Operand::Field(vec!["SystemModstamp".to_owned()]);
            Condition::Compare(field, operator, Literal::Moment(parse_moment(at).unwrap()))
        });
    let emails = prop::sample::subsequence(
        vec!["ada@acme.example", "bob@acme.example", "no@no.example"],
        1..3,
    );
    let email = (emails, any::<bool>()).prop_map(|(emails, negated)| Condition::In {
        path: vec!["Email".to_owned()],
        negated,
        values: emails.into_iter().map(|email| Literal::Text(email.to_owned())).collect(),
    });
    prop_oneof![stamp, email].prop_recursive(3, 12, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 2..3);
        prop_oneof![
            some.clone().prop_map(Condition::And),
            some.prop_map(Condition::Or),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}
