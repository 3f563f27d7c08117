//! One record at a time.

use efficlose_sandbox::{CustomField, Settings};
use serde_json::json;

use crate::client::{Client, V, settings};

fn with_key_on_task() -> Settings {
    let key = CustomField {
        length: Some(80),
        external_id: true,
        ..CustomField::new("Task", "Efficlose_Id__c")
    };
    Settings { custom_fields: vec![key], ..settings() }
}

#[tokio::test]
async fn a_record_is_created_read_changed_and_deleted() {
    let client = Client::start().await;
    let created = client
        .json(
            "POST",
            &format!("{V}/sobjects/Contact"),
            json!({"LastName": "O'Hara", "FirstName": "Dan", "MailingCity": "Paris", "Title": ""}),
        )
        .await;
    assert_eq!(created.status, 201);
    let body = created.json();
    let id = body["id"].as_str().unwrap();
    assert_eq!(body, json!({"id": id, "success": true, "errors": []}));
    assert_eq!(created.header("location"), format!("{V}/sobjects/Contact/{id}"));
    let path = format!("{V}/sobjects/Contact/{}", &id[..15]);
    let read = client.get(&path).await.json();
    assert_eq!(
        read["attributes"],
        json!({"type": "Contact", "url": format!("{V}/sobjects/Contact/{id}")})
    );
    assert_eq!(read["Name"], "Dan O'Hara");
    assert_eq!(read["Title"], json!(null));
    assert_eq!(read["MailingAddress"]["city"], "Paris");
    assert_eq!(read["CreatedDate"], "2026-11-24T12:00:00.000+0000");
    let changed = client.json("PATCH", &path, json!({"FirstName": null})).await;
    assert_eq!((changed.status, changed.text.as_str()), (204, ""));
    let read = client.get(&format!("{path}?fields=Name,Account.Name")).await.json();
    assert_eq!(read, json!({"attributes": read["attributes"], "Name": "O'Hara", "Account": null}));
    assert_eq!(client.send(client.request("DELETE", &path)).await.status, 204);
    for answer in [client.get(&path).await, client.send(client.request("DELETE", &path)).await] {
        assert_eq!((answer.status, answer.code().as_str()), (404, "ENTITY_IS_DELETED"));
    }
}

#[tokio::test]
async fn refusals_are_arrays_that_name_the_fields() {
    let client = Client::start().await;
    let path = format!("{V}/sobjects/Contact");
    let answer = client.json("POST", &path, json!({"FirstName": "A"})).await;
    assert_eq!(answer.status, 400);
    let expected = json!([{"message": "Required fields are missing: [LastName]", "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["LastName"]}]);
    assert_eq!(answer.json(), expected);
    let broken = client.request("POST", &path).header("content-type", "application/json").body("{");
    assert_eq!(client.send(broken).await.code(), "JSON_PARSER_ERROR");
    let form = client.request("POST", &path).form(&[("LastName", "A")]);
    assert_eq!(client.send(form).await.status, 415);
    let id = client.query("SELECT Id FROM Contact LIMIT 1").await["records"][0]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = client.json("PATCH", &format!("{path}/{id}"), json!({"Id": id})).await;
    assert_eq!(answer.code(), "INVALID_FIELD");
    assert_eq!(client.get(&format!("{V}/sobjects/Account/{id}")).await.status, 404);
}

#[tokio::test]
async fn an_upsert_says_whether_it_created() {
    let client = Client::start_with(with_key_on_task()).await;
    let path = format!("{V}/sobjects/Task/efficlose_id__c/mtg%2F1%20%C3%A9");
    let first = client.json("PATCH", &path, json!({"Subject": "one"})).await;
    assert_eq!(first.status, 201);
    let id = first.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(first.json(), json!({"id": id, "success": true, "errors": [], "created": true}));
    let second = client.json("PATCH", &path, json!({"Subject": "two"})).await;
    assert_eq!((second.status, second.json()["created"].as_bool()), (200, Some(false)));
    let read = client.get(&path).await.json();
    assert_eq!((&read["Subject"], &read["Efficlose_Id__c"]), (&json!("two"), &json!("mtg/1 é")));
    let repeated = client.json("PATCH", &path, json!({"Efficlose_Id__c": "x"})).await;
    assert_eq!((repeated.status, repeated.code().as_str()), (400, "INVALID_FIELD"));
    client.json("POST", &format!("{V}/sobjects/Task"), json!({"Efficlose_Id__c": "mtg/1 é"})).await;
    let several = client.json("PATCH", &path, json!({"Subject": "three"})).await;
    assert_eq!(several.status, 300);
    assert_eq!(several.json()[0], format!("{V}/sobjects/Task/{id}"));
    let unknown = client.json("PATCH", &format!("{V}/sobjects/Task/Nope__c/1"), json!({})).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(
        unknown.json()[0]["message"],
        "Provided external ID field does not exist or is not accessible: Nope__c"
    );
    let absent = format!("{V}/sobjects/Task/Efficlose_Id__c/absent?updateOnly=true");
    assert_eq!(client.json("PATCH", &absent, json!({})).await.status, 404);
}

#[tokio::test]
async fn conditions_on_the_last_change_are_minded() {
    let client = Client::start().await;
    let body = json!({"LastName": "Frost"});
    let id = client.json("POST", &format!("{V}/sobjects/Contact"), body.clone()).await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("{V}/sobjects/Contact/{id}");
    let at = "Tue, 24 Nov 2026 12:00:00 GMT";
    let unchanged = client.send(client.request("GET", &path).header("if-modified-since", at)).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    let patch = || client.request("PATCH", &path).json(&body).header("if-unmodified-since", at);
    assert_eq!(client.send(patch()).await.status, 204);
    client.control("POST", "/clock", json!({"advanceSeconds": 5})).await;
    assert_eq!(client.send(patch()).await.status, 204);
    assert_eq!(client.send(patch()).await.status, 412);
    let odd = client.request("PATCH", &path).json(&body).header("if-unmodified-since", "yesterday");
    assert_eq!(client.send(odd).await.status, 400);
}

#[tokio::test]
async fn changes_and_deletions_are_listed_for_a_span() {
    let client = Client::start().await;
    let id = client
        .json("POST", &format!("{V}/sobjects/Lead"), json!({"LastName": "L", "Company": "C"}))
        .await
        .json()["id"]
        .clone();
    let span = "start=2026-11-24T11:59:00%2B00:00&end=2026-11-24T12:30:00%2B00:00";
    let updated = client.get(&format!("{V}/sobjects/Lead/updated/?{span}")).await.json();
    assert_eq!(updated, json!({"ids": [id], "latestDateCovered": "2026-11-24T12:00:00.000+0000"}));
    client
        .send(client.request("DELETE", &format!("{V}/sobjects/Lead/{}", id.as_str().unwrap())))
        .await;
    let deleted = client.get(&format!("{V}/sobjects/Lead/deleted?{span}")).await.json();
    assert_eq!(
        deleted["deletedRecords"],
        json!([{"id": id, "deletedDate": "2026-11-24T12:00:00.000+0000"}])
    );
    assert_eq!(deleted["earliestDateAvailable"], "2026-11-09T12:00:00.000+0000");
    let short = client
        .get(&format!(
            "{V}/sobjects/Lead/updated?start=2026-11-24T12:00:00Z&end=2026-11-24T12:00:30Z"
        ))
        .await;
    assert_eq!(short.code(), "INVALID_REPLICATION_DATE");
}

#[tokio::test]
async fn a_client_without_patch_says_so_in_the_address() {
    let client = Client::start().await;
    let id = client.query("SELECT Id FROM Account LIMIT 1").await["records"][0]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("{V}/sobjects/Account/{id}?_HttpMethod=PATCH");
    assert_eq!(client.json("POST", &path, json!({"Rating": "Hot"})).await.status, 204);
}
