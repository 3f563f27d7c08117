//! What tests can steer: faults, limits, fields, time.

use efficlose_sandbox::Settings;
use serde_json::{Value as Json, json};

use crate::client::{Client, V, settings};

async fn tasks_with(client: &Client, subject: &str) -> Json {
    let soql = format!("SELECT COUNT() FROM Task WHERE Subject = '{subject}'");
    client.query(&soql).await["totalSize"].clone()
}

fn create(client: &Client, subject: &str) -> reqwest::RequestBuilder {
    client.request("POST", &format!("{V}/sobjects/Task")).json(&json!({"Subject": subject}))
}

#[tokio::test]
async fn without_leave_there_is_nothing_to_steer() {
    let client = Client::start_with(Settings { control: false, ..settings() }).await;
    assert_eq!(client.get("/__sandbox/settings").await.status, 404);
}

#[tokio::test]
async fn a_connection_is_cut_before_or_after_the_write() {
    let client = Client::start().await;
    for (kind, written) in [("cut-before", 0), ("cut-after-commit", 1)] {
        client
            .control(
                "POST",
                "/faults",
                json!({"method": "POST", "path": "{V}/sobjects", "kind": kind}),
            )
            .await;
        assert!(create(&client, kind).send().await.is_err(), "{kind}");
        assert_eq!(tasks_with(&client, kind).await, written, "{kind}");
    }
    assert_eq!(client.send(create(&client, "fine")).await.status, 201);
    let log = client.control("GET", "/requests?method=POST&path=/services", Json::Null).await;
    let statuses: Vec<i64> = log["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|logged| logged["status"].as_i64().unwrap())
        .collect();
    assert_eq!((log["count"].as_i64(), statuses), (Some(3), vec![0, 0, 201]));
}

#[tokio::test]
async fn a_hanging_answer_was_written_and_waits_to_be_released() {
    let client = Client::start().await;
    client.control("POST", "/faults", json!({"path": "{V}/sobjects", "kind": "hang"})).await;
    let waiting = tokio::spawn(create(&client, "hangs").send());
    while tasks_with(&client, "hangs").await == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    client.control("POST", "/faults/release", Json::Null).await;
    assert_eq!(waiting.await.unwrap().unwrap().status(), 201);
}

#[tokio::test]
async fn answers_are_replaced_as_planned() {
    let client = Client::start().await;
    for (fault, status, part) in [
        (json!({"kind": "html-503"}), 503, "<html"),
        (json!({"kind": "request-limit"}), 403, "TotalRequests Limit exceeded"),
        (json!({"kind": "request-limit", "concurrent": true}), 403, "ConcurrentRequests"),
        (
            json!({"kind": "status", "status": 500, "body": [{"errorCode": "UNKNOWN_EXCEPTION", "message": "ErrorId: 1"}]}),
            500,
            "UNKNOWN_EXCEPTION",
        ),
        (json!({"kind": "lock-row", "rows": 1}), 400, "UNABLE_TO_LOCK_ROW"),
    ] {
        client.control("POST", "/faults", fault).await;
        let answer = client.send(create(&client, "struck")).await;
        assert_eq!(answer.status, status);
        assert!(answer.text.contains(part), "{}", answer.text);
    }
    assert_eq!(tasks_with(&client, "struck").await, 0);
    let waiting = client.control("GET", "/faults", Json::Null).await;
    assert_eq!(waiting, json!({"faults": []}));
}

#[tokio::test]
async fn some_rows_of_a_collection_find_their_row_locked() {
    let client = Client::start().await;
    client
        .control("POST", "/faults", json!({"path": "{V}/composite", "kind": "lock-row", "rows": 2}))
        .await;
    let task = json!({"attributes": {"type": "Task"}, "Subject": "locked"});
    let rows = client
        .json("POST", &format!("{V}/composite/sobjects"), json!({"records": [task, task, task]}))
        .await
        .json();
    let done: Vec<bool> =
        rows.as_array().unwrap().iter().map(|row| row["success"].as_bool().unwrap()).collect();
    assert_eq!(done, [false, false, true]);
}

#[tokio::test]
async fn limits_and_the_api_can_be_taken_away() {
    let client = Client::start().await;
    client.control("PATCH", "/settings", json!({"dailyLimit": 10, "dailyUsage": 9})).await;
    assert_eq!(
        client.get(&format!("{V}/limits")).await.header("sforce-limit-info"),
        "api-usage=10/10"
    );
    let refused = client.get(&format!("{V}/limits")).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "REQUEST_LIMIT_EXCEEDED"));
    client.control("PATCH", "/settings", json!({"dailyLimit": 100, "apiDisabled": true})).await;
    let refused = client.get(&format!("{V}/limits")).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "API_DISABLED_FOR_ORG"));
}

#[tokio::test]
async fn a_hidden_field_is_as_one_that_never_was() {
    let client = Client::start().await;
    client.control("PATCH", "/fields/Contact/Phone", json!({"visible": false})).await;
    let soql = [("q", "SELECT Phone FROM Contact")];
    let answer = client.send(client.request("GET", &format!("{V}/query")).query(&soql)).await;
    assert_eq!(answer.code(), "INVALID_FIELD");
    assert!(answer.text.contains("No such column 'Phone'"));
    let describe = client.get(&format!("{V}/sobjects/Contact/describe")).await;
    assert!(!describe.text.contains("\"name\":\"Phone\""));
    client.control("PATCH", "/fields/Task/Subject", json!({"readOnly": true})).await;
    assert_eq!(client.send(create(&client, "x")).await.code(), "INVALID_FIELD_FOR_INSERT_UPDATE");
}

#[tokio::test]
async fn sessions_and_refresh_tokens_end_on_demand() {
    let client = Client::start().await;
    client.control("POST", "/sessions/expire", Json::Null).await;
    assert_eq!(client.get(&format!("{V}/limits")).await.code(), "INVALID_SESSION_ID");
    client.control("POST", "/refresh-tokens/revoke", Json::Null).await;
    let greeting = client.sandbox.greeting();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &greeting.refresh_token),
        ("client_id", &greeting.client_id),
    ];
    assert_eq!(client.form("/services/oauth2/token", &form).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn records_come_back_vanish_and_change_late() {
    let client = Client::start().await;
    let id = client.send(create(&client, "late")).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{V}/sobjects/Task/{id}");
    client.send(client.request("DELETE", &path)).await;
    client.control("POST", "/records/undelete", json!({"ids": [id]})).await;
    assert_eq!(client.get(&path).await.status, 200);
    client
        .control(
            "POST",
            "/records/touch",
            json!({"ids": [id], "systemModstamp": "2026-11-24T11:00:00Z"}),
        )
        .await;
    let read = client.get(&format!("{path}?fields=SystemModstamp")).await.json();
    assert_eq!(read["SystemModstamp"], "2026-11-24T11:00:00.000+0000");
    client.control("POST", "/records/purge", json!({"ids": [id]})).await;
    assert_eq!(client.get(&path).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn a_lead_is_converted_on_demand() {
    let client = Client::start().await;
    let lead = client
        .query("SELECT Id FROM Lead WHERE IsConverted = false LIMIT 1")
        .await["records"][0]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    let made = client.control("POST", &format!("/leads/{lead}/convert"), Json::Null).await;
    let read = client.get(&format!("{V}/sobjects/Lead/{lead}")).await.json();
    assert_eq!(
        (&read["IsConverted"], &read["ConvertedContactId"]),
        (&json!(true), &made["contactId"])
    );
}

#[tokio::test]
async fn the_same_seed_greets_the_same() {
    let (one, two) = (Client::start().await, Client::start().await);
    let soql = "SELECT Id, Email, SystemModstamp, Account.Name FROM Contact";
    assert_eq!(one.query(soql).await["records"], two.query(soql).await["records"]);
    assert_eq!(one.sandbox.greeting().access_token, two.sandbox.greeting().access_token);
}
