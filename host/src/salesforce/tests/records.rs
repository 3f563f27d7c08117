//! Records read and written by their ids.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json as tree;

use super::org;
use super::server::{Reply, Seen, Server, json, refused};
use crate::model::{FieldName, Fields, Object, SalesforceId, Value};
use crate::salesforce::{Error, RecordWrite, Written};

fn id(number: usize) -> SalesforceId {
    format!("00T{number:012}").parse().unwrap()
}

fn fields(subject: &str) -> Fields {
    vec![
        ("Subject".into(), subject.into()),
        ("Description".into(), Value::Null),
        ("CallDurationInSeconds".into(), Value::Integer(60)),
    ]
}

fn create(subject: &str) -> RecordWrite {
    RecordWrite::Create { fields: fields(subject) }
}

fn update(number: usize) -> RecordWrite {
    RecordWrite::Update { id: id(number), fields: fields("u") }
}

/// Takes every record, giving it the number in its subject.
fn take(seen: &Seen) -> Reply {
    let body = seen.json();
    let rows = body["records"].as_array().unwrap().iter().map(|record| {
        let number = record["Subject"].as_str().unwrap().trim_start_matches(char::is_alphabetic);
        let new = id(number.parse().unwrap_or(0));
        let id = record.get("id").cloned().unwrap_or_else(|| new.as_str().into());
        tree!({ "id": id, "success": true, "errors": [], "created": record.get("Mark__c").is_some() })
    });
    json(serde_json::Value::Array(rows.collect()))
}

/// Until when updates may be sent again, where that doesn't matter.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn brief(written: &[Written]) -> Vec<String> {
    let brief = |one: &Written| match one {
        Written::Done { id, created } => {
            format!("{} {created}", id.as_str().trim_start_matches("00T0"))
        }
        Written::Refused(refusal) => refusal.code.clone(),
        Written::Unknown(_) => "unknown".to_owned(),
        Written::Lost(_) => "lost".to_owned(),
    };
    written.iter().map(brief).collect()
}

#[tokio::test]
async fn writes_are_grouped_and_come_back_in_their_order() {
    let server = Server::start(|seen: &Seen, _| take(seen)).await;
    let key: FieldName = "Mark__c".parse().unwrap();
    let mut more = fields("s3");
    more.push(("mark__c".into(), "twice".into()));
    let writes = [
        update(7),
        create("s1"),
        RecordWrite::Upsert { key, value: "a/b ü".into(), fields: more },
        create("s2"),
    ];
    let written = org(&server).write(Object::Task, &writes, soon()).await.unwrap();
    let ids = [id(7), id(1), id(3), id(2)];
    for ((one, id), new) in written.iter().zip(&ids).zip([false, true, true, true]) {
        assert!(matches!(one, Written::Done { id: got, created } if got == id && *created == new));
    }
    let seen = server.seen();
    let calls: Vec<_> = seen
        .iter()
        .map(|seen| (&*seen.method, &seen.path["/services/data/v66.0/".len()..]))
        .collect();
    assert_eq!(
        calls,
        [
            ("POST", "composite/sobjects"),
            ("PATCH", "composite/sobjects"),
            ("PATCH", "composite/sobjects/Task/Mark__c")
        ]
    );
    assert_eq!(
        seen[0].body,
        r#"{"allOrNone":false,"records":[{"attributes":{"type":"Task"},"Subject":"s1","CallDurationInSeconds":60},{"attributes":{"type":"Task"},"Subject":"s2","CallDurationInSeconds":60}]}"#
    );
    let update = tree!({ "attributes": { "type": "Task" }, "id": id(7).as_str(), "Subject": "u",
        "Description": null, "CallDurationInSeconds": 60 });
    assert_eq!(seen[1].json()["records"][0], update);
    let upsert = tree!({ "attributes": { "type": "Task" }, "Mark__c": "a/b ü", "Subject": "s3",
        "Description": null, "CallDurationInSeconds": 60 });
    assert_eq!(seen[2].json()["records"][0], upsert);
    for seen in seen {
        assert_eq!(seen.header("sforce-call-options"), "client=efficlose");
        assert_eq!(seen.header("sforce-auto-assign"), "FALSE");
        assert_eq!(seen.header("sforce-duplicate-rule-header"), "");
    }
}

#[tokio::test]
async fn two_hundred_records_go_in_a_call() {
    let server = Server::start(|seen: &Seen, _| take(seen)).await;
    let writes: Vec<RecordWrite> = (0..450).map(|n| create(&format!("s{n}"))).collect();
    let written = org(&server).write(Object::Task, &writes, soon()).await.unwrap();
    let sizes: Vec<usize> =
        server.seen().iter().map(|seen| seen.json()["records"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [200, 200, 50]);
    for (number, one) in written.iter().enumerate() {
        assert!(matches!(one, Written::Done { id: got, .. } if *got == id(number)), "{number}");
    }
    assert!(org(&server).write(Object::Task, &[], soon()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_row_takes_no_other_along() {
    let server = Server::start(|_, _| {
        json(tree!([
            { "success": false, "errors": [{ "statusCode": "STRING_TOO_LONG", "message": "Subject: data value too large",
                "fields": ["Subject"] }] },
            { "id": id(2).as_str(), "success": true, "errors": [] },
        ]))
    })
    .await;
    let written =
        org(&server).write(Object::Task, &[create("s1"), create("s2")], soon()).await.unwrap();
    let Written::Refused(refusal) = &written[0] else { panic!("{written:?}") };
    let problem = refusal.problem();
    assert_eq!(problem.at.as_deref(), Some("Subject"));
    assert_eq!(
        problem.message,
        "a text is longer than its field: Subject: data value too large (STRING_TOO_LONG)"
    );
    assert!(matches!(written[1], Written::Done { created: true, .. }));
}

#[tokio::test]
async fn only_rows_that_were_locked_are_written_again() {
    let locks = Mutex::new(0);
    let server = Server::start(move |seen: &Seen, before| {
        let body = seen.json();
        let rows = body["records"].as_array().unwrap().iter().map(|record| {
            *locks.lock().unwrap() += 1;
            match record["Subject"].as_str().unwrap() {
                "s2" if before < 2 => tree!({ "success": false, "errors": [
                    { "statusCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access", "fields": [] }] }),
                "s3" => tree!({ "success": false, "errors": [
                    { "statusCode": "CANNOT_EXECUTE_FLOW_TRIGGER", "message": "… UNABLE_TO_LOCK_ROW …", "fields": [] }] }),
                other => tree!({ "id": id(other[1..].parse().unwrap()).as_str(), "success": true, "errors": [] }),
            }
        });
        json(serde_json::Value::Array(rows.collect()))
    })
    .await;
    let writes = [create("s1"), create("s2"), create("s3")];
    let written = org(&server).write(Object::Task, &writes, soon()).await.unwrap();
    assert_eq!(brief(&written)[2], "CANNOT_EXECUTE_FLOW_TRIGGER");
    assert!(written[..2].iter().all(|one| matches!(one, Written::Done { .. })));
    let sizes: Vec<usize> =
        server.seen().iter().map(|seen| seen.json()["records"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [3, 2, 2, 1]);
}

#[tokio::test]
async fn a_write_whose_answer_never_came_is_unknown_and_not_sent_again() {
    for lost in [
        || Reply::Cut,
        || Reply::Html(503, "<html>down</html>"),
        || Reply::Html(200, "<html>log in</html>"),
        || json("[]"),
        || refused(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 1-2 (3)"),
    ] as [fn() -> Reply; 5]
    {
        let server = Server::start(move |seen: &Seen, before| match before {
            1 => lost(),
            _ => take(seen),
        })
        .await;
        let writes: Vec<RecordWrite> = (0..450).map(|n| create(&format!("s{n}"))).collect();
        let written = brief(&org(&server).write(Object::Task, &writes, soon()).await.unwrap());
        assert!(written[..200].iter().all(|one| one.ends_with("true")), "{written:?}");
        assert!(written[200..400].iter().all(|one| one == "unknown"));
        assert!(written[400..].iter().all(|one| one == "lost"));
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_write_that_surely_did_nothing_is_sent_again() {
    let server = Server::start(|seen: &Seen, before| match before {
        0 => refused(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded"),
        1 => refused(503, "SERVER_UNAVAILABLE", "overloaded"),
        _ => take(seen),
    })
    .await;
    let written = org(&server).write(Object::Task, &[create("s1")], soon()).await.unwrap();
    assert!(matches!(written[0], Written::Done { .. }));
}

#[tokio::test]
async fn an_update_is_sent_again_only_while_what_decided_it_is_fresh() {
    for (until, sent) in [(soon(), 2), (Instant::now(), 1)] {
        let server = Server::start(|seen: &Seen, before| match before {
            0 => refused(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded"),
            _ => take(seen),
        })
        .await;
        let written = org(&server).write(Object::Task, &[update(1)], until).await;
        assert_eq!((written.is_ok(), server.seen().len()), (sent == 2, sent));
    }
}

#[tokio::test]
async fn a_call_that_is_refused_whole_is_an_error_while_nothing_is_written() {
    let server =
        Server::start(|_, _| refused(400, "JSON_PARSER_ERROR", "Unexpected character")).await;
    let error =
        org(&server).write(Object::Task, &[create("s1"), update(1)], soon()).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_number_that_json_lacks_never_clears_a_field() {
    let server = Server::start(|seen: &Seen, _| take(seen)).await;
    let mut fields = fields("u1");
    fields.push(("Score__c".into(), Value::Number(f64::NAN)));
    fields.push(("Amount".into(), Value::Number(1000.5)));
    let write = RecordWrite::Update { id: id(1), fields };
    org(&server).write(Object::Task, &[write], soon()).await.unwrap();
    let record = &server.seen()[0].json()["records"][0];
    assert_eq!((&record["Score__c"], &record["Amount"]), (&tree!("NaN"), &tree!(1000.5)));
}

#[tokio::test]
async fn records_are_read_in_the_order_of_their_ids() {
    let server = Server::start(|seen: &Seen, _| {
        let body = seen.json();
        assert_eq!(body["fields"], tree!(["Id", "Email"]));
        let rows = body["ids"].as_array().unwrap().iter().enumerate().map(|(n, id)| match n {
            1 => tree!(null),
            _ => tree!({ "attributes": { "type": "Contact" }, "Id": id, "Email": null }),
        });
        json(serde_json::Value::Array(rows.collect()))
    })
    .await;
    let ids: Vec<SalesforceId> = (0..2003).map(id).collect();
    let names: Vec<FieldName> = ["Id", "Email", "email"].map(|name| name.parse().unwrap()).into();
    let org = org(&server);
    let found = org.retrieve(Object::Contact, &ids, &names).await.unwrap();
    assert_eq!((found.len(), org.calls()), (2003, 2));
    for (n, record) in found.iter().enumerate() {
        match (n, record) {
            (1 | 2001, record) => assert!(record.is_none()),
            (_, record) => {
                assert_eq!(record.as_ref().unwrap()[0], ("Id".into(), ids[n].as_str().into()))
            }
        }
    }
    assert_eq!(server.seen()[0].path, "/services/data/v66.0/composite/sobjects/Contact");
}

#[tokio::test]
async fn a_read_that_answers_for_too_few_is_an_error() {
    let server = Server::start(|_, _| json("[null]")).await;
    let names = ["Id".parse().unwrap()];
    let error = org(&server).retrieve(Object::Lead, &[id(1), id(2)], &names).await.unwrap_err();
    assert!(matches!(error, Error::NotJson { .. }), "{error}");
}
