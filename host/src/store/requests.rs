//! Requests: what mappings were asked for pushes and what they gave, so that another
//! version can be asked the same.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::database::{all, run};
use super::value::{json, micros, to_json};
use super::{OrgStore, Result};
use crate::model::{ActionItem, Matched, Meeting, Object, Pushed, Request};

/// How many requests of an object are kept, the newest.
const KEPT_MAX: u32 = 1_000;

/// A request as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    now: Timestamp,
    meeting: Cow<'a, Meeting>,
    action_item: Option<Cow<'a, ActionItem>>,
    target: Option<Cow<'a, Matched>>,
    matches: Cow<'a, [Matched]>,
}

impl OrgStore {
    /// Keeps what a mapping was asked and gave; of the same meeting, item and record the
    /// last.
    pub fn keep_requests(&self, object: Object, asked: &[(&Request, &Pushed)]) -> Result<()> {
        let insert = "INSERT INTO requests
                          (object, meeting_id, item_id, record_id, request, outcome, asked_at)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                      ON CONFLICT (object, meeting_id, item_id, record_id) DO UPDATE SET
                          request = excluded.request, outcome = excluded.outcome,
                          asked_at = excluded.asked_at";
        let trim = "DELETE FROM requests WHERE object = ?1 AND rowid NOT IN (
                        SELECT rowid FROM requests WHERE object = ?1
                        ORDER BY asked_at DESC LIMIT ?2)";
        self.database.write("keep requests", |db| {
            for (request, outcome) in asked {
                let item = request.action_item.as_ref().map_or("", |item| &item.id);
                let record = request.target.as_ref().map_or("", |target| target.id.as_str());
                let kept = Kept {
                    now: request.now,
                    meeting: Cow::Borrowed(&request.meeting),
                    action_item: request.action_item.as_ref().map(Cow::Borrowed),
                    target: request.target.as_ref().map(Cow::Borrowed),
                    matches: Cow::Borrowed(&request.matches),
                };
                let (object, meeting) = (object.as_str(), &request.meeting.id);
                let (asked, given, at) = (to_json(&kept), to_json(outcome), micros(request.now));
                run(db, insert, params![object, meeting, item, record, asked, given, at])?;
            }
            run(db, trim, params![object.as_str(), KEPT_MAX])?;
            Ok(())
        })
    }

    /// Returns what mappings of an object were asked, with what they gave, the newest
    /// first.
    pub fn requests(&self, object: Object) -> Result<Vec<(Request, Pushed)>> {
        let sql = "SELECT request, outcome FROM requests WHERE object = ?1
                   ORDER BY asked_at DESC, meeting_id, item_id, record_id";
        self.database.read("read requests", |db| {
            all(db, sql, [object.as_str()], |row| {
                let kept: Kept<'static> = json(row, "request")?;
                let request = Request {
                    now: kept.now,
                    meeting: Arc::new(kept.meeting.into_owned()),
                    action_item: kept.action_item.map(Cow::into_owned),
                    target: kept.target.map(Cow::into_owned),
                    matches: kept.matches.into_owned(),
                };
                Ok((request, json(row, "outcome")?))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;
    use crate::store::world::{World, item, meeting};

    #[test]
    fn what_was_asked_comes_back_as_it_was_and_the_same_is_kept_once() {
        let world = World::new();
        let org = world.org();
        let record = Matched {
            object: "Task".to_owned(),
            id: "00Txx0000004TmiEAE".parse().unwrap(),
            fields: vec![
                ("Subject".to_owned(), Value::from("Call")),
                ("Count".to_owned(), Value::Integer(3)),
                ("Share".to_owned(), Value::Number(1.0)),
                ("Open".to_owned(), Value::Boolean(true)),
                ("Gone".to_owned(), Value::Null),
            ],
        };
        let told = meeting("m1", vec![item("a", false)]);
        let request = Request {
            now: Timestamp::from_second(1_700_000_000).unwrap(),
            action_item: Some(told.action_items[0].clone()),
            meeting: Arc::new(told),
            target: Some(record.clone()),
            matches: vec![record.clone()],
        };
        let given = Pushed::Mapped(record.fields.clone());
        let skipped = Pushed::Skipped("nothing to say".to_owned());
        org.keep_requests(Object::Task, &[(&request, &given)]).unwrap();
        org.keep_requests(Object::Task, &[(&request, &skipped)]).unwrap();
        org.keep_requests(Object::Contact, &[(&request, &given)]).unwrap();
        let kept = org.requests(Object::Task).unwrap();
        assert_eq!(kept.len(), 1);
        let (asked, outcome) = &kept[0];
        assert_eq!(*outcome, skipped);
        assert_eq!(asked.target, request.target);
        assert_eq!(asked.matches, request.matches);
        assert_eq!(asked.meeting.id, "m1");
        assert_eq!(org.requests(Object::Contact).unwrap()[0].1, given);
    }
}
