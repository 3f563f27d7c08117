//! Reads: pages, long queries, and what is sent again.

use std::sync::Arc;
use std::time::Duration;

use super::org;
use super::server::{Reply, Seen, Server, json, refused};
use crate::model::{
    Cursor, FieldName, FieldPath, Filter, Mender, Object, SalesforceId, User, Value,
};
use crate::salesforce::refusals::Refusal;
use crate::salesforce::{Changed, Error, FieldType, Result};

const PAGE: &str = r#"{"totalSize": 2, "done": true, "records": [
    {"attributes": {"type": "Contact", "url": "/x"}, "Id": "003q000000KvQ1tAAF",
     "SystemModstamp": "2026-01-02T03:04:05.000+0000", "IsDeleted": false,
     "Email": "a@acme.example", "Account": {"attributes": {"type": "Account"}, "Name": "Acme"}},
    {"attributes": {"type": "Contact", "url": "/x"}, "Id": "003q000000KvQ1uAAF",
     "SystemModstamp": "2026-01-02T03:04:06.000+0000", "IsDeleted": true, "Email": null, "Account": null}
]}"#;

fn paths(names: &[&str]) -> Vec<FieldPath> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

async fn read(server: &Server, limit: u32) -> Result<crate::salesforce::Page> {
    let reads = paths(&["Email", "Account.Name", "Id"]);
    let query = Changed {
        object: Object::Contact,
        reads: &reads,
        successors: &[],
        filter: None,
        after: None,
        limit,
    };
    org(server).changed(&query).await
}

#[tokio::test]
async fn changes_come_as_a_table_with_a_key_for_each_row() {
    let server = Server::start(|_, _| json(PAGE)).await;
    let page = read(&server, 2000).await.unwrap();
    assert_eq!(*page.table.columns, ["Email", "Account.Name", "Id"]);
    assert_eq!(
        page.table.rows,
        [
            vec!["a@acme.example".into(), "Acme".into(), "003q000000KvQ1tAAF".into()],
            vec![Value::Null, Value::Null, "003q000000KvQ1uAAF".into()],
        ]
    );
    assert_eq!(page.keys[1].modified_at, "2026-01-02T03:04:06Z".parse().unwrap());
    assert_eq!(page.keys.iter().map(|key| key.deleted).collect::<Vec<_>>(), [false, true]);
    assert!(!page.more);
    let seen = &server.seen()[0];
    assert_eq!(seen.path, "/services/data/v66.0/queryAll");
    assert_eq!(seen.header("sforce-query-options"), "batchSize=2000");
    assert_eq!(seen.header("sforce-call-options"), "client=efficlose");
    assert_eq!(seen.token(), "old");
}

#[tokio::test]
async fn a_full_page_and_a_short_one_that_is_not_done_have_more() {
    let server = Server::start(|seen: &Seen, _| match seen.get("q").ends_with("LIMIT 2") {
        true => json(PAGE),
        false => json(PAGE.replace("true, \"records\"", "false, \"records\"")),
    })
    .await;
    assert!(read(&server, 2).await.unwrap().more);
    assert!(read(&server, 500).await.unwrap().more);
}

/// Asks for the first contacts, and for none of their fields.
fn contacts(limit: u32) -> Changed<'static> {
    Changed {
        object: Object::Contact,
        reads: &[],
        successors: &[],
        filter: None,
        after: None,
        limit,
    }
}

/// A little more than an answer may have.
const TOO_MANY_BYTES: usize = (64 << 20) + 1;

/// Returns how many rows each request has asked for.
fn limits(server: &Server) -> Vec<u32> {
    let seen = server.seen();
    let limit = |seen: &Seen| seen.get("q").rsplit(' ').next().unwrap().parse::<u32>().unwrap();
    seen.iter().map(limit).collect()
}

#[tokio::test]
async fn a_page_that_is_too_large_is_asked_for_with_fewer_rows() {
    let server = Server::start(|seen: &Seen, _| match seen.get("q").ends_with("LIMIT 300") {
        true => Reply::Json(200, " ".repeat(TOO_MANY_BYTES)),
        false => json(PAGE),
    })
    .await;
    let query = contacts(300);
    let (org, key): (_, FieldName) = (org(&server), "AccountId".parse().unwrap());
    let account: SalesforceId = "001q000000KvQ1tAAF".parse().unwrap();
    for page in [
        org.changed(&query).await,
        org.among(&query, &key, &[account], None).await,
        org.listing(&query, None).await,
    ] {
        let page = page.unwrap();
        assert_eq!((page.keys.len(), page.more), (2, false));
    }
    assert_eq!(limits(&server), [300, 150, 300, 150, 300, 150]);
}

#[tokio::test]
async fn a_page_that_is_too_large_with_the_fewest_rows_is_given_up() {
    let server = Server::start(|_, _| Reply::Json(200, " ".repeat(TOO_MANY_BYTES))).await;
    let error = read(&server, 70).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    assert_eq!(limits(&server), [70, 50]);
}

#[tokio::test]
async fn records_that_all_came_are_not_looked_for_once_more() {
    let server = Server::start(|_, _| json(PAGE)).await;
    let ids: [SalesforceId; 2] =
        ["003q000000KvQ1tAAF", "003q000000KvQ1uAAF"].map(|id| id.parse().unwrap());
    let query = contacts(2);
    assert_eq!(org(&server).by_ids(&query, &ids).await.unwrap().keys.len(), 2);
    assert_eq!(server.seen().len(), 1, "the page is full, and nothing is lacking");
}

#[tokio::test]
async fn a_query_too_long_for_an_address_goes_inside_a_composite_call() {
    let server = Server::start(|seen: &Seen, before| {
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/services/data/v66.0/composite"));
        let request = seen.json();
        let inner = &request["compositeRequest"][0];
        assert_eq!(inner["method"], "GET");
        let url = inner["url"].as_str().unwrap();
        assert!(url.starts_with("/services/data/v66.0/queryAll?q=SELECT+Id"), "{url}");
        match before {
            0 => json(format!(
                r#"{{"compositeResponse":[{{"body":{PAGE},"httpHeaders":{{}},"httpStatusCode":200,"referenceId":"call0"}}]}}"#
            )),
            1 | 2 => json(
                r#"{"compositeResponse":[{"body":[{"errorCode":"SERVER_UNAVAILABLE","message":"x"}],
                "httpHeaders":{},"httpStatusCode":503,"referenceId":"call0"}]}"#,
            ),
            _ => json(
                r#"{"compositeResponse":[{"body":[{"errorCode":"INVALID_FIELD","message":
                "No such column 'Gone__c' on entity 'Contact'"}],"httpHeaders":{},"httpStatusCode":400,
                "referenceId":"call0"}]}"#,
            ),
        }
    })
    .await;
    let reads = paths(&["Email"]);
    let filter: Filter = format!("Name = '{}é'", "x".repeat(2900)).parse().unwrap();
    let long: Vec<FieldPath> =
        (0..300).map(|n| format!("Field_{n:015}__c").parse().unwrap()).collect();
    let reads = [reads, long].concat();
    let query = Changed {
        object: Object::Contact,
        reads: &reads,
        successors: &[],
        filter: Some(&filter),
        after: None,
        limit: 9,
    };
    let org = org(&server);
    assert_eq!(org.changed(&query).await.unwrap().keys.len(), 2);
    let error = org.changed(&query).await.unwrap_err();
    assert_eq!(server.seen().len(), 4);
    let Error::InvalidField(refusal) = error else { panic!("{error}") };
    assert_eq!(refusal.fields, ["Gone__c"]);
}

#[tokio::test]
async fn reads_are_sent_again_until_salesforce_is_back() {
    let server = Server::start(|_, before| match before {
        0 => Reply::Html(503, "<html>maintenance</html>"),
        1 => Reply::Cut,
        2 => refused(
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        ),
        _ => json(PAGE),
    })
    .await;
    assert_eq!(read(&server, 5).await.unwrap().keys.len(), 2);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn reads_are_given_up_after_a_few_attempts() {
    let server = Server::start(|_, _| Reply::Html(503, "<html>maintenance</html>")).await;
    let error = read(&server, 5).await.unwrap_err();
    assert!(matches!(error, Error::Server { status: 503, .. }), "{error}");
    assert!(error.is_transient());
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn what_only_a_person_or_a_day_can_mend_is_not_sent_again() {
    for (status, code, words, mender) in [
        (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", Mender::Time),
        (403, "API_DISABLED_FOR_ORG", "The REST API is not enabled", Mender::SalesforceAdmin),
        (400, "MALFORMED_QUERY", "unexpected token: ''", Mender::MappingAuthor),
        (404, "NOT_FOUND", "The requested resource does not exist", Mender::SalesforceAdmin),
        (400, "BRAND_NEW", "?", Mender::SalesforceAdmin),
    ] {
        let server = Server::start(move |_, _| refused(status, code, words)).await;
        let error = read(&server, 5).await.unwrap_err();
        assert_eq!((error.code(), error.mender()), (code, mender));
        assert_eq!(server.seen().len(), 1, "{code}");
        let kind = match code {
            "REQUEST_LIMIT_EXCEEDED" => matches!(error, Error::DailyLimit(_)),
            "API_DISABLED_FOR_ORG" => matches!(error, Error::ApiDisabled(_)),
            "NOT_FOUND" => matches!(error, Error::NotFound(_)),
            _ => matches!(error, Error::Refused(_)),
        };
        assert!(kind, "{error:?}");
    }
}

#[test]
fn a_refusal_that_passes_is_told_from_one_of_what_was_asked_for() {
    let may_pass = |code| {
        let refusal = Refusal::new(code, "", Vec::new());
        Error::of(400, refusal, "acme.example").may_pass()
    };
    for code in ["SERVER_UNAVAILABLE", "ORG_IN_MAINTENANCE", "INVALID_SESSION_ID"] {
        assert!(may_pass(code), "{code}");
    }
    for code in ["INVALID_QUERY_LOCATOR", "EXCEEDED_ID_LIMIT", "NOT_FOUND", "BRAND_NEW"] {
        assert!(!may_pass(code), "{code}");
    }
}

#[tokio::test]
async fn looks_at_what_takes_minutes_get_rarer_and_have_an_end() {
    let server = Server::start(|_, _| json(PAGE)).await;
    let waits: Vec<Duration> = org(&server).waits(12).collect();
    assert_eq!(waits.len(), 11, "nothing is looked at after the last one");
    // Three times as long as between attempts; the jitter makes it twice that at most.
    let longest = Duration::from_millis(6);
    assert!(waits[10] >= longest && waits.iter().all(|wait| *wait <= longest * 2), "{waits:?}");
    assert_eq!(org(&server).waits(1).count(), 0);
}

#[tokio::test]
async fn a_page_in_place_of_data_is_told_by_its_kind() {
    for (reply, what) in [
        (|| Reply::Html(200, "<html>log in</html>"), "a web page"),
        (|| Reply::Html(302, ""), "a redirect to another page"),
        (|| Reply::Text(200, ""), "nothing"),
        (|| json("[1]"), "JSON of another shape"),
        (|| json(r#"{"done":true,"records":[{"Id":"nonsense"}]}"#), "a record without its id"),
    ] as [(fn() -> Reply, &str); 5]
    {
        let server = Server::start(move |_, _| reply()).await;
        let error = read(&server, 5).await.unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_told_by_name() {
    let server = Server::start(|_, _| json("")).await;
    let vault = super::Memory::with(&server, "old", None);
    vault.grant.lock().unwrap().instance_url = "http://127.0.0.1:1".to_owned();
    let error = super::open(&server, &vault).count(Object::Task, None).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().starts_with("cannot reach 127.0.0.1: "), "{error}");
}

#[tokio::test]
async fn values_are_found_over_parts_and_pages() {
    let server = Server::start(|seen: &Seen, _| match seen.get("q") {
        "" => json(r#"{"totalSize":3,"done":true,"records":[{"Id":"last"}]}"#),
        soql => {
            assert!(
                soql.starts_with("SELECT Id, Email FROM Contact WHERE Email IN ('0@x', "),
                "{soql}"
            );
            json(
                r#"{"totalSize":3,"done":false,"nextRecordsUrl":"/services/data/v66.0/query/0r8-1",
                "records":[{"Id":"first","Email":"0@x"}]}"#,
            )
        }
    })
    .await;
    let key: FieldName = "Email".parse().unwrap();
    let fields = [key.clone(), "Id".parse().unwrap()];
    let values: Vec<String> = (0..100).map(|n| format!("{n}@x")).collect();
    let org = org(&server);
    let table = org.find("Contact", &key, &values, &fields).await.unwrap();
    assert_eq!(*table.columns, ["Id", "Email"]);
    assert_eq!(table.rows.len(), 2);
    assert_eq!(org.find("Contact", &key, &[], &fields).await.unwrap().rows.len(), 0);
    assert!(org.find("Contact WHERE", &key, &values, &fields).await.is_err());
    assert_eq!(org.calls(), 2);
}

#[tokio::test]
async fn many_values_are_split_into_queries_that_salesforce_takes() {
    let server = Server::start(|seen: &Seen, _| {
        assert!(seen.body.len() < 100_000);
        json(
            r#"{"compositeResponse":[{"body":{"totalSize":0,"done":true,"records":[]},
            "httpStatusCode":200,"referenceId":"call0"}]}"#,
        )
    })
    .await;
    let key: FieldName = "Email".parse().unwrap();
    let values: Vec<String> = (0..1200).map(|n| format!("{n:060}@acme.example")).collect();
    org(&server).find("Lead", &key, &values, &[]).await.unwrap();
    let bodies: String = server.seen().into_iter().map(|seen| seen.body).collect();
    assert!(server.seen().len() >= 3);
    assert!(values.iter().all(|value| bodies.contains(&value.replace('@', "%40"))));
}

#[tokio::test]
async fn the_next_page_never_leads_out_of_the_org() {
    for next in ["https://evil.example/services/data/x", "//evil.example/services/data", "/evil"] {
        let body =
            format!(r#"{{"totalSize":9,"done":false,"nextRecordsUrl":"{next}","records":[]}}"#);
        let server = Server::start(move |_, _| json(&body)).await;
        let key: FieldName = "Email".parse().unwrap();
        let error = org(&server).find("Lead", &key, &["a".into()], &[]).await.unwrap_err();
        assert!(error.to_string().contains("leads elsewhere"), "{error}");
    }
}

#[tokio::test]
async fn users_statuses_and_counts_are_read() {
    let server = Server::start(|seen: &Seen, _| match seen.get("q") {
        users if users.contains("FROM User WHERE Email IN ('A@x', 'A@x.invalid') AND IsActive") => {
            json(
                r#"{"totalSize":3,"done":true,"records":[
            {"attributes":{},"Id":"005xx000001Sv6AAAS","Email":"A@X.invalid","TimeZoneSidKey":"Asia/Tokyo"},
            {"attributes":{},"Id":"005xx000001Sv6BAAS","Email":"twice@x"},
            {"attributes":{},"Id":"005xx000001Sv6CAAS","Email":"Twice@x"}]}"#,
            )
        }
        statuses if statuses.contains("FROM TaskStatus") => json(
            r#"{"totalSize":2,"done":true,"records":[
            {"ApiName":"Open","MasterLabel":"Offen","IsClosed":false,"IsDefault":true},
            {"ApiName":null,"MasterLabel":"Done","IsClosed":true,"IsDefault":false}]}"#,
        ),
        "SELECT COUNT() FROM Lead WHERE (IsConverted = false)" => {
            json(r#"{"totalSize":17,"done":true,"records":[]}"#)
        }
        other => panic!("{other}"),
    })
    .await;
    let org = org(&server);
    let users = org.users_by_email(&["A@x".into()]).await.unwrap();
    let ada = User {
        id: "005xx000001Sv6AAAS".parse().unwrap(),
        time_zone: Some("Asia/Tokyo".to_owned()),
    };
    assert_eq!(users, [("a@x".to_owned(), ada)]);
    let statuses = org.task_statuses().await.unwrap();
    assert_eq!(
        statuses.iter().map(|s| (&*s.name, s.closed, s.default)).collect::<Vec<_>>(),
        [("Open", false, true), ("Done", true, false)]
    );
    let filter: Filter = "IsConverted = false".parse().unwrap();
    assert_eq!(org.count(Object::Lead, Some(&filter)).await.unwrap(), 17);
    assert_eq!(org.calls(), 3);
}

#[tokio::test]
async fn an_object_is_described_as_the_user_sees_it() {
    let server = Server::start(|_, _| {
        json(
            r#"{"name":"Task","label":"Aufgabe","createable":true,"updateable":false,"queryable":true,
            "keyPrefix":null,"fields":[
            {"name":"OwnerId","label":"Owner","type":"reference","length":18,"createable":true,"nillable":false,
             "defaultedOnCreate":true,"referenceTo":["User","Group"],"relationshipName":"Owner","picklistValues":[]},
            {"name":"Subject","label":"S","type":"combobox","length":255,"createable":true,"nillable":false,
             "defaultedOnCreate":false,"relationshipName":null,"referenceTo":null,"restrictedPicklist":false,
             "picklistValues":[{"active":false,"defaultValue":true,"label":"Call","value":"call","validFor":null}]},
            {"name":"New__c","label":"N","type":"hologram","custom":true}]}"#,
        )
    })
    .await;
    let task = org(&server).describe("Task").await.unwrap().unwrap();
    assert_eq!((task.createable, task.updateable, task.queryable), (true, false, true));
    let subject = task.field("subject").unwrap();
    assert_eq!(
        (&subject.kind, subject.length, subject.picklist[0].active),
        (&FieldType::Combobox, 255, false)
    );
    assert_eq!(task.field("New__c").unwrap().kind, FieldType::Other("hologram".into()));
    assert_eq!(task.reference("owner").unwrap().parent(), Some("User"));
    assert_eq!(task.reference("Who"), None);
    assert_eq!(server.seen()[0].path, "/services/data/v66.0/sobjects/Task/describe");
}

#[tokio::test]
async fn a_cursor_goes_out_unspoilt() {
    let server = Server::start(|_, _| json(r#"{"totalSize":0,"done":true,"records":[]}"#)).await;
    let (stamp, id) =
        ("2026-01-02T03:04:05Z".parse().unwrap(), "003q000000KvQ1tAAF".parse().unwrap());
    let after = Cursor { stamp, id: Some(id) };
    let filter: Filter = "Name = 'O\\'Neill & \"Sons\" + 100%'".parse().unwrap();
    let query = Changed {
        object: Object::Account,
        reads: &[],
        successors: &[],
        filter: Some(&filter),
        after: Some(&after),
        limit: 9000,
    };
    org(&server).changed(&query).await.unwrap();
    let seen = Arc::new(server.seen());
    assert_eq!(
        seen[0].get("q"),
        "SELECT Id, SystemModstamp, IsDeleted FROM Account \
         WHERE SystemModstamp >= 2026-01-02T03:04:05Z \
         AND (SystemModstamp > 2026-01-02T03:04:05Z OR Id > '003q000000KvQ1tAAF') \
         AND ((Name = 'O\\'Neill & \"Sons\" + 100%') OR IsDeleted = TRUE) \
         ORDER BY SystemModstamp, Id LIMIT 2000"
    );
}
