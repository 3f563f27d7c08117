//! Versions, limits, describe, and how paths are read.

use serde_json::json;

use crate::client::{Client, V};

#[tokio::test]
async fn the_versions_need_no_session_and_are_not_counted() {
    let mut client = Client::start().await;
    client.token.clear();
    let answer = client.get("/services/data/").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("sforce-limit-info"), "");
    let list = answer.json();
    assert_eq!(
        list[16],
        json!({"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"})
    );
}

#[tokio::test]
async fn every_answer_says_how_many_calls_were_made() {
    let client = Client::start().await;
    assert_eq!(
        client.get(&format!("{V}/limits")).await.header("sforce-limit-info"),
        "api-usage=1/15000"
    );
    let answer = client.get(&format!("{V}/sobjects/Nothing/describe")).await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.json(),
        json!([{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}])
    );
    assert_eq!(answer.header("sforce-limit-info"), "api-usage=2/15000");
    assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
    assert_eq!(answer.header("date"), "Tue, 24 Nov 2026 12:00:00 GMT");
}

#[tokio::test]
async fn paths_are_forgiving() {
    let client = Client::start().await;
    for path in [
        "/services/data/v50.0/limits/",
        "//services//data/v68.0/limits",
        "/services/data/v66.0/Limits",
    ] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    assert_eq!(client.get("/services/data/v69.0/limits").await.status, 404);
    assert_eq!(client.get("/services/data/v29.0/limits").await.status, 410);
    let put = client.json("PUT", &format!("{V}/sobjects/Task"), json!({})).await;
    assert_eq!((put.status, put.code().as_str()), (405, "METHOD_NOT_ALLOWED"));
    let long = format!("{V}/query?q={}", "x".repeat(17_000));
    assert_eq!(client.get(&long).await.status, 414);
}

#[tokio::test]
async fn limits_hold_the_shares_of_single_apps() {
    let client = Client::start().await;
    let limits = client.get(&format!("{V}/limits")).await.json();
    assert_eq!(limits["DailyApiRequests"]["Max"], 15_000);
    assert_eq!(limits["DailyApiRequests"]["Remaining"], 14_999);
    assert_eq!(limits["DailyApiRequests"]["Meeting Sync"], json!({"Max": 0, "Remaining": 0}));
    let counts =
        client.get(&format!("{V}/limits/recordCount?sObjects=Contact,Nothing,Event")).await.json();
    assert_eq!(counts, json!({"sObjects": [{"count": 450, "name": "Contact"}]}));
}

#[tokio::test]
async fn describe_tells_what_a_mapping_needs() {
    let client = Client::start().await;
    let all = client.get(&format!("{V}/sobjects")).await.json();
    assert_eq!(all["encoding"], "UTF-8");
    let names: Vec<&str> = all["sobjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| object["name"].as_str().unwrap())
        .collect();
    for name in [
        "Account",
        "Contact",
        "Event",
        "Lead",
        "Opportunity",
        "OpportunityContactRole",
        "Organization",
        "Task",
        "TaskStatus",
        "User",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let contact = client.get(&format!("{V}/sobjects/contact/describe")).await.json();
    assert_eq!(contact["name"], "Contact");
    assert_eq!(contact["keyPrefix"], "003");
    let fields = contact["fields"].as_array().unwrap();
    let field = |name: &str| fields.iter().find(|field| field["name"] == name).unwrap();
    assert!(fields.iter().all(|field| field.as_object().unwrap().len() == 57));
    let email = field("Email");
    assert_eq!(
        (&email["type"], &email["length"], &email["byteLength"], &email["idLookup"]),
        (&json!("email"), &json!(80), &json!(240), &json!(true))
    );
    let key = field("External_Id__c");
    assert_eq!(
        (&key["externalId"], &key["unique"], &key["custom"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_eq!(field("Name")["createable"], false);
    assert_eq!(field("AccountId")["relationshipName"], "Account");
    assert_eq!(field("MailingAddress")["type"], "address");
    let task = client.get(&format!("{V}/sobjects/Task/describe")).await.json();
    let custom =
        task["fields"].as_array().unwrap().iter().filter(|field| field["custom"] == true).count();
    assert_eq!(custom, 0, "a new org has no custom field on Task");
}

#[tokio::test]
async fn describe_is_read_again_only_when_it_changed() {
    let client = Client::start().await;
    let path = format!("{V}/sobjects/Task/describe");
    let ask = || {
        client.request("GET", &path).header("if-modified-since", "Tue, 24 Nov 2026 12:00:00 GMT")
    };
    let answer = client.send(ask()).await;
    assert_eq!((answer.status, answer.text.as_str()), (304, ""));
    client.control("POST", "/clock", json!({"advanceSeconds": 60})).await;
    let field = json!({"object": "Task", "name": "Efficlose_Id__c", "type": "text", "length": 80, "externalId": true});
    client.control("POST", "/fields", field).await;
    let answer = client.send(ask()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("last-modified"), "Tue, 24 Nov 2026 12:01:00 GMT");
    assert!(answer.text.contains("Efficlose_Id__c"));
}

#[tokio::test]
async fn headers_are_spelt_as_salesforce_spells_them() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let client = Client::start().await;
    let address = client.sandbox.local_addr();
    let mut line = tokio::net::TcpStream::connect(address).await.unwrap();
    let head =
        format!("GET /services/data HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    line.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("\r\nContent-Type: application/json;charset=UTF-8\r\n"), "{answer}");
}
