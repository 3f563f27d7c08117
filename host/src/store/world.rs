//! A store in a folder of its own, and things to put into it.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tempfile::TempDir;

use super::{Ended, OrgStore, Outcome, Page, Position, Row, Store, Trouble};
use crate::model::{
    ActionItem, ChangeState, Column, ColumnType, Connection, Counts, Cursor, Direction, Intent,
    Kind, Meeting, Mender, Object, OrgId, Planned, Problem, Pulled, SalesforceId, Spec, Value,
};
use crate::secret::{Grant, Key};

const COLUMNS: [&str; 6] = ["name", "email", "domain", "account_id", "closed", "on"];

pub(super) struct World {
    home: TempDir,
    key: Key,
    store: Store,
}

impl World {
    pub(super) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let key = Key::generate();
        let store = Store::open(home.path(), key.clone()).unwrap();
        Self { home, key, store }
    }

    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Another store of the same home, as another process has it.
    pub(super) fn store(&self) -> Store {
        Store::open(self.home(), self.key.clone()).unwrap()
    }

    pub(super) fn org(&self) -> Arc<OrgStore> {
        self.store.org(&org()).unwrap()
    }

    pub(super) fn reopened(&self) -> Arc<OrgStore> {
        self.store().org(&org()).unwrap()
    }

    /// Settles a page whose cursor ends at its last row.
    pub(super) fn pull(&self, object: Object, rows: Vec<Row>) -> Counts {
        self.pull_with(object, "digest", rows)
    }

    pub(super) fn pull_with(&self, object: Object, mapping: &str, rows: Vec<Row>) -> Counts {
        let org = self.org();
        let fence = org.claim(object, Direction::Pull).unwrap();
        let expected = org.position(object).unwrap();
        let spec = spec(object);
        let next = rows.last().map_or_else(Position::default, |row| Position {
            cursor: Some(Cursor { stamp: row.modified_at, id: Some(row.id.clone()) }),
            paging: true,
            ..Position::default()
        });
        org.settle(&[Page {
            object,
            fence,
            expected: &expected,
            next: &next,
            kind: spec.kind,
            mapping,
            rows: &super::encode(rows, &spec, &columns()),
            now: at(1_000),
        }])
        .unwrap()
    }

    pub(super) fn create_task(&self, meeting_id: &str, item_id: &str, record: u32) {
        let org = self.org();
        let fence = org.claim(Object::Task, Direction::Push).unwrap();
        for work in org.waiting(Object::Task, 100).unwrap() {
            let end = super::WorkEnd::new(work, crate::model::WorkState::Settled);
            org.end_work(Object::Task, fence, &[end], at(1)).unwrap();
        }
        let planned = [create(meeting_id, item_id)];
        let change = org.plan(Object::Task, fence, &planned, "run", at(1)).unwrap().remove(0);
        let done = Ended {
            change_id: change.id,
            state: ChangeState::Done,
            record_id: Some(id(record)),
            trouble: None,
            closes: None,
        };
        org.end_changes(Object::Task, fence, &[done], at(1)).unwrap();
    }

    pub(super) fn plan(&self, db: &rusqlite::Connection, sql: &str) -> String {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        let mut plan = String::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push_str(&row.get::<_, String>("detail").unwrap());
            plan.push('\n');
        }
        plan
    }
}

/// Makes the store refuse to insert into a table, unless what is inserted will be
/// on the disk before the write returns.
pub(super) fn refuse_unless_durable(db: &rusqlite::Connection, table: &str) {
    db.execute_batch(&format!(
        "CREATE TEMP TRIGGER durable BEFORE INSERT ON {table}
         WHEN (SELECT synchronous FROM pragma_synchronous) <> 2
         BEGIN SELECT RAISE(ABORT, 'not durable'); END"
    ))
    .unwrap();
}

pub(super) fn org() -> OrgId {
    "00D000000000001".parse().unwrap()
}

pub(super) fn id(number: u32) -> SalesforceId {
    format!("a0A{number:012}").parse().unwrap()
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(super) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(super) fn columns() -> Arc<[String]> {
    std::iter::once("Id").chain(COLUMNS).map(str::to_owned).collect()
}

pub(super) fn spec(object: Object) -> Spec {
    let (kind, on) = match object {
        Object::Account => (Kind::Company, "close_on"),
        Object::Contact | Object::Lead => (Kind::Person, "close_on"),
        Object::Opportunity => (Kind::Deal, "close_on"),
        Object::Task => (Kind::Task, "due_on"),
    };
    let name = |name: &str| if name == "on" { on.to_owned() } else { name.to_owned() };
    let column = |column| Column { name: name(column), of: ColumnType::Text };
    let columns = COLUMNS.iter().copied().map(column).collect();
    Spec { object, kind, reads: vec![], filter: None, columns, writes: vec![] }
}

/// A record whose entity has the same values.
pub(super) fn mapped(number: u32, stamp: i64, values: &[(&str, Value)]) -> Row {
    let value = |column: &&str| {
        let named = |name: &str| name == *column || (*column == "on" && name.ends_with("_on"));
        values.iter().find(|(name, _)| named(name)).map_or(Value::Null, |(_, value)| value.clone())
    };
    let entity: Vec<Value> = COLUMNS.iter().map(value).collect();
    let id = id(number);
    let source = std::iter::once(Value::from(id.as_str())).chain(entity.iter().cloned()).collect();
    let outcome = Outcome::Pulled(Pulled::Mapped(entity));
    Row { id, modified_at: at(stamp), source, became: vec![], outcome }
}

pub(super) fn named(number: u32, stamp: i64, name: &str) -> Row {
    mapped(number, stamp, &[("name", name.into())])
}

pub(super) fn skipped(row: Row) -> Row {
    let outcome = Outcome::Pulled(Pulled::Skipped("a test does not want it".to_owned()));
    Row { outcome, ..row }
}

pub(super) fn failed(row: Row) -> Row {
    let problem = trouble("mapping").problem;
    Row { outcome: Outcome::Pulled(Pulled::Failed(problem)), ..row }
}

pub(super) fn deleted(number: u32, stamp: i64) -> Row {
    let (source, became) = (vec![], vec![]);
    Row { id: id(number), modified_at: at(stamp), source, became, outcome: Outcome::Deleted }
}

pub(super) fn trouble(code: &str) -> Trouble {
    let problem = Problem {
        message: "the name is missing".to_owned(),
        at: Some("Name".to_owned()),
        hint: Some("Give the record a name.".to_owned()),
    };
    Trouble { code: code.to_owned(), problem, mender: Mender::MappingAuthor }
}

pub(super) fn meeting(id: &str, action_items: Vec<ActionItem>) -> Meeting {
    Meeting {
        id: id.to_owned(),
        title: "Kick-off".to_owned(),
        started_at: at(100),
        ended_at: None,
        url: None,
        organizer: None,
        participants: vec![],
        summary: None,
        insights: vec![],
        action_items,
        extras: serde_json::Map::new(),
    }
}

pub(super) fn item(id: &str, done: bool) -> ActionItem {
    ActionItem {
        id: id.to_owned(),
        text: "Send the offer".to_owned(),
        owner_email: None,
        due_on: None,
        done,
        extras: serde_json::Map::new(),
    }
}

pub(super) fn create(meeting_id: &str, item_id: &str) -> Planned {
    Planned {
        object: Object::Task.into(),
        intent: Intent::Create { mark: format!("{meeting_id}/{item_id}") },
        meeting_id: meeting_id.to_owned(),
        action_item_id: Some(item_id.to_owned()),
        before: vec![],
        after: vec![("Subject".to_owned(), "Send the offer".into())],
        mapping: "digest".to_owned(),
        left: Vec::new(),
        undoes: None,
    }
}

pub(super) fn update(record: u32, field: &str, value: &str) -> Planned {
    Planned {
        object: Object::Contact.into(),
        intent: Intent::Update(id(record)),
        meeting_id: "m1".to_owned(),
        action_item_id: None,
        before: vec![(field.to_owned(), Value::Null)],
        after: vec![(field.to_owned(), value.into())],
        mapping: "digest".to_owned(),
        left: Vec::new(),
        undoes: None,
    }
}

pub(super) fn connection() -> Connection {
    Connection {
        org: org(),
        login_url: "https://login.salesforce.com".to_owned(),
        client_id: "client".to_owned(),
        username: "admin@example.com".to_owned(),
        user_id: "005000000000001AAA".to_owned(),
        api_version: "66.0".to_owned(),
        connected_at: at(0),
        broken: None,
        name: None,
        is_sandbox: false,
    }
}

pub(super) fn grant(access_token: &str) -> Grant {
    Grant {
        instance_url: "https://acme.my.salesforce.com".to_owned(),
        access_token: access_token.into(),
        refresh_token: Some("the-refresh-token".into()),
        client_secret: Some("the-client-secret".into()),
    }
}
