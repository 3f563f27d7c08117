//! Reads the records of an answer straight into rows, without a tree of JSON
//! between.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
    value::MapAccessDeserializer, value::SeqAccessDeserializer,
};

use super::shape::{Node, Shape, Slot};
use super::time;
use crate::model::Value;

/// One page of a query's answer.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Vec<Value>>,
    pub(super) total: u64,
    pub(super) done: bool,
    pub(super) next: Option<String>,
}

/// Reads the answer of a query.
pub(super) fn read(body: &[u8], shape: &Shape) -> serde_json::Result<Rows> {
    whole(body, PageSeed(shape))
}

/// Reads an array of records, with null where one is missing.
pub(super) fn read_records(
    body: &[u8],
    shape: &Shape,
) -> serde_json::Result<Vec<Option<Vec<Value>>>> {
    whole(body, RecordsSeed(shape))
}

fn whole<'a, S: DeserializeSeed<'a>>(body: &'a [u8], seed: S) -> serde_json::Result<S::Value> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = seed.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

struct PageSeed<'s>(&'s Shape);

impl<'de> DeserializeSeed<'de> for PageSeed<'_> {
    type Value = Rows;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Rows, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageSeed<'_> {
    type Value = Rows;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rows, A::Error> {
        let mut page = Rows::default();
        let mut ended = None;
        while let Some(key) = map.next_key::<PageKey>()? {
            match key {
                PageKey::TotalSize => page.total = map.next_value()?,
                PageKey::Done => ended = Some(map.next_value()?),
                PageKey::NextRecordsUrl => page.next = map.next_value()?,
                PageKey::Records => {
                    let rows = map.next_value_seed(RecordsSeed(self.0))?;
                    page.rows = rows.into_iter().flatten().collect();
                }
                PageKey::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        page.done = ended.ok_or_else(|| A::Error::missing_field("done"))?;
        Ok(page)
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum PageKey {
    TotalSize,
    Done,
    NextRecordsUrl,
    Records,
    #[serde(other)]
    Other,
}

struct RecordsSeed<'s>(&'s Shape);

impl<'de> DeserializeSeed<'de> for RecordsSeed<'_> {
    type Value = Vec<Option<Vec<Value>>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RecordsSeed<'_> {
    type Value = Vec<Option<Vec<Value>>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        loop {
            let mut row = vec![Value::Null; self.0.width];
            let seed = NodeSeed { node: &self.0.root, row: &mut row };
            match records.next_element_seed(seed)? {
                None => return Ok(rows),
                Some(there) => rows.push(there.then_some(row)),
            }
        }
    }
}

/// Fills the columns that lie under one node, and tells whether there was a
/// record: a missing parent is null and leaves its columns null.
struct NodeSeed<'s, 'r> {
    node: &'s Node,
    row: &'r mut [Value],
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record or null")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut expected = 0;
        while let Some(place) = map.next_key_seed(KeySeed { node: self.node, expected })? {
            let Some(place) = place else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            expected = place + 1;
            match &self.node.children[place].1 {
                Slot::Parent(node) => {
                    map.next_value_seed(NodeSeed { node, row: &mut *self.row })?;
                }
                Slot::Leaf(columns) => {
                    let value = map.next_value_seed(CellSeed)?;
                    let (last, others) = columns.split_last().expect("a leaf has a column");
                    for other in others {
                        self.row[*other].clone_from(&value);
                    }
                    self.row[*last] = value;
                }
            }
        }
        Ok(true)
    }
}

struct KeySeed<'s> {
    node: &'s Node,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<usize>, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.node.place(key, self.expected))
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
pub(super) struct CellSeed;

impl<'de> DeserializeSeed<'de> for CellSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    #[allow(clippy::cast_precision_loss)]
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Number(value as f64), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(time::normalised(value).unwrap_or_else(|| value.to_owned())))
    }

    /// Keeps a compound value, such as an address, as compact JSON.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        text_of(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        text_of(SeqAccessDeserializer::new(seq))
    }
}

fn text_of<'de, D: Deserializer<'de>>(json: D) -> Result<Value, D::Error> {
    let tree: serde_json::Value = serde::Deserialize::deserialize(json)?;
    Ok(Value::Text(tree.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(paths: &[&str], json: &str) -> Vec<Vec<Value>> {
        let shape = Shape::new(paths.iter().copied());
        read(json.as_bytes(), &shape).unwrap().rows
    }

    #[test]
    fn a_page_becomes_rows_in_the_order_of_the_paths() {
        let json = r#"{"totalSize": 3, "records": [
          {"attributes": {"type": "Contact", "url": "/services/…/003"}, "Id": "003",
           "Email": "zo\u00eb@\u0061cme.\ud83d\ude00", "Account": {"attributes": {"type": "Account"},
           "Name": "A\"c\\me\n", "Owner": {"attributes": {}, "Name": "Ada"}}, "Score__c": 5,
           "Big__c": 18446744073709551615, "Amount": 1000.0, "IsDeleted": false,
           "CreatedDate": "2026-01-02T03:04:05.000+0000", "Birthdate": "1990-01-02"},
          {"Account": null, "Id": "004"},
          {"Account": {"Owner": null, "Name": null}, "Email": null, "Unknown": {"a": [1, {}]}}
        ], "nextRecordsUrl": "/services/data/v66.0/query/0r8-2000", "done": false}"#;
        let paths = [
            "Email",
            "Account.Owner.Name",
            "account.name",
            "Score__c",
            "Big__c",
            "Amount",
            "IsDeleted",
            "CreatedDate",
            "Birthdate",
            "Id",
            "Email",
        ];
        let shape = Shape::new(paths.into_iter());
        let page = read(json.as_bytes(), &shape).unwrap();
        assert_eq!((page.total, page.done), (3, false));
        assert_eq!(page.next.unwrap(), "/services/data/v66.0/query/0r8-2000");
        assert_eq!(
            page.rows[0],
            [
                "zoë@acme.😀".into(),
                "Ada".into(),
                "A\"c\\me\n".into(),
                Value::Integer(5),
                Value::Number(18_446_744_073_709_551_615.0),
                Value::Number(1000.0),
                Value::Boolean(false),
                "2026-01-02T03:04:05Z".into(),
                "1990-01-02".into(),
                "003".into(),
                "zoë@acme.😀".into(),
            ]
        );
        let there: Vec<usize> = page.rows[1]
            .iter()
            .enumerate()
            .filter_map(|(place, value)| (*value != Value::Null).then_some(place))
            .collect();
        assert_eq!(there, [9]);
        assert!(page.rows[2].iter().all(|value| *value == Value::Null));
    }

    #[test]
    fn a_compound_value_is_kept_as_compact_json() {
        let json = r#"{"done": true, "totalSize": 1, "records": [
            {"MailingAddress": {"city": "Paris", "latitude": null, "street": "1 \"x\""}}]}"#;
        let text = r#"{"city":"Paris","latitude":null,"street":"1 \"x\""}"#;
        assert_eq!(rows(&["MailingAddress"], json), [[Value::from(text)]]);
    }

    #[test]
    fn missing_records_keep_their_place() {
        let shape = Shape::new(["Id"].into_iter());
        let read = read_records(br#"[null, {"Id": "003"}, null]"#, &shape).unwrap();
        assert_eq!(read, [None, Some(vec!["003".into()]), None]);
    }

    #[test]
    fn an_answer_that_is_no_page_is_an_error() {
        let shape = Shape::new(["Id"].into_iter());
        for json in ["", "[]", "{}", "null", "<html>", r#"{"done":true} x"#, r#"{"done":1}"#] {
            assert!(read(json.as_bytes(), &shape).is_err(), "{json}");
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::{Value, json};
        let key = "Id|Account|Name|records|done|totalSize|attributes|[a-z]{0,3}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(|number| json!(number)),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_makes_the_reader_panic(tree in json(), cut in 0usize..60, bytes: Vec<u8>) {
            let shape = Shape::new(["Id", "Account.Name", "Account.Owner.Name", "Name"].into_iter());
            let text = tree.to_string();
            let page = format!(r#"{{"done":true,"totalSize":1,"records":[{text}]}}"#);
            for body in [text.as_bytes(), page.as_bytes(), &page.as_bytes()[..cut.min(page.len())], &bytes] {
                for row in read(body, &shape).map(|page| page.rows).unwrap_or_default() {
                    prop_assert_eq!(row.len(), 4);
                }
                let _ = read_records(body, &shape);
            }
        }
    }
}
