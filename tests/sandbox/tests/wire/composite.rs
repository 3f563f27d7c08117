//! Several requests and several records in one.

use serde_json::{Value as Json, json};

use crate::client::{Client, V};

fn subrequest(method: &str, path: &str, reference: &str, body: Json) -> Json {
    json!({"method": method, "url": format!("{V}{path}"), "referenceId": reference, "body": body})
}

#[tokio::test]
async fn later_requests_use_the_results_of_earlier_ones() {
    let client = Client::start().await;
    let requests = json!([
        subrequest("POST", "/sobjects/Account", "acme", json!({"Name": "Acme"})),
        subrequest(
            "POST",
            "/sobjects/Contact",
            "dan",
            json!({"LastName": "D", "AccountId": "@{acme.id}"})
        ),
        subrequest("GET", "/sobjects/Contact/@{dan.id}?fields=AccountId", "read", Json::Null),
        subrequest(
            "GET",
            "/query?q=SELECT+Name+FROM+Account+WHERE+Id='@{read.AccountId}'",
            "found",
            Json::Null
        ),
        subrequest("GET", "/sobjects/Foo", "foo", Json::Null),
        subrequest("GET", "/sobjects/Contact/@{foo.id}", "lost", Json::Null),
    ]);
    let answer =
        client.json("POST", &format!("{V}/composite"), json!({"compositeRequest": requests})).await;
    assert_eq!(answer.status, 200);
    let parts = answer.json()["compositeResponse"].clone();
    let statuses: Vec<i64> = parts
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["httpStatusCode"].as_i64().unwrap())
        .collect();
    assert_eq!(statuses, [201, 201, 200, 200, 404, 400]);
    assert_eq!(parts[3]["body"]["records"][0]["Name"], "Acme");
    assert_eq!(parts[0]["referenceId"], "acme");
    assert!(
        parts[0]["httpHeaders"]["Location"].as_str().unwrap().contains("/sobjects/Account/001")
    );
    assert_eq!(
        parts[4]["body"],
        json!([{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}])
    );
    assert_eq!(parts[5]["body"][0]["errorCode"], "PROCESSING_HALTED");
}

#[tokio::test]
async fn all_or_none_undoes_the_others() {
    let client = Client::start().await;
    let requests = json!([
        subrequest("POST", "/sobjects/Account", "a", json!({"Name": "Undone"})),
        subrequest("POST", "/sobjects/Account", "b", json!({"Nope": 1})),
        subrequest("POST", "/sobjects/Account", "c", json!({"Name": "Undone"})),
    ]);
    let body = json!({"allOrNone": true, "compositeRequest": requests});
    let parts =
        client.json("POST", &format!("{V}/composite"), body).await.json()["compositeResponse"]
            .clone();
    let codes: Vec<&str> = parts
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["body"][0]["errorCode"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["PROCESSING_HALTED", "INVALID_FIELD", "PROCESSING_HALTED"]);
    assert_eq!(
        client.query("SELECT COUNT() FROM Account WHERE Name = 'Undone'").await["totalSize"],
        0
    );
}

#[tokio::test]
async fn a_failed_row_undoes_the_whole_when_all_or_none_was_asked() {
    let client = Client::start().await;
    let account = |name: &str| json!({"attributes": {"type": "Account"}, "Name": name});
    let rows = json!({"records": [account("Undone"), account("")]});
    let requests = json!([
        subrequest("POST", "/sobjects/Account", "a", json!({"Name": "Undone"})),
        subrequest("POST", "/composite/sobjects", "b", rows),
    ]);
    let body = json!({"allOrNone": true, "compositeRequest": requests});
    let answer = client.json("POST", &format!("{V}/composite"), body).await.json();
    let parts = &answer["compositeResponse"];
    assert_eq!(parts[0]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(parts[1]["body"][1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    let soql = "SELECT COUNT() FROM Account WHERE Name = 'Undone'";
    assert_eq!(client.query(soql).await["totalSize"], 0);
}

#[tokio::test]
async fn a_composite_request_has_its_limits() {
    let client = Client::start().await;
    let path = format!("{V}/composite");
    let queries: Vec<Json> = (0..6)
        .map(|n| subrequest("GET", "/query?q=SELECT+Id+FROM+User", &format!("q{n}"), Json::Null))
        .collect();
    let many: Vec<Json> =
        (0..26).map(|n| subrequest("GET", "/limits", &format!("q{n}"), Json::Null)).collect();
    let doubled = vec![subrequest("GET", "/limits", "q", Json::Null); 2];
    for requests in [queries, many, doubled] {
        let answer = client.json("POST", &path, json!({"compositeRequest": requests})).await;
        assert_eq!(answer.status, 400);
    }
    assert_eq!(client.json("POST", &path, json!({})).await.status, 400);
}

#[tokio::test]
async fn a_batch_runs_each_request_by_itself() {
    let client = Client::start().await;
    let requests = json!([
        {"method": "POST", "url": "v66.0/sobjects/task", "richInput": {"Subject": "B"}},
        {"method": "GET", "url": "v66.0/sobjects/Nothing/describe"},
        {"method": "GET", "url": "/services/data/v66.0/limits"},
    ]);
    let path = format!("{V}/composite/batch");
    let answer = client.json("POST", &path, json!({"batchRequests": requests})).await;
    assert_eq!(answer.header("sforce-limit-info"), "api-usage=3/15000");
    let body = answer.json();
    let statuses: Vec<i64> = body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["statusCode"].as_i64().unwrap())
        .collect();
    assert_eq!((body["hasErrors"].as_bool(), statuses), (Some(true), vec![201, 404, 200]));
    let halted = client
        .json("POST", &path, json!({"haltOnError": true, "batchRequests": requests}))
        .await
        .json();
    assert_eq!(halted["results"][2]["statusCode"], 412);
    assert_eq!(halted["results"][2]["result"][0]["errorCode"], "BATCH_PROCESSING_HALTED");
}

#[tokio::test]
async fn rows_of_a_collection_have_results_of_their_own() {
    let client = Client::start().await;
    let path = format!("{V}/composite/sobjects");
    let task = |subject: Json| json!({"attributes": {"type": "Task"}, "Subject": subject});
    let records = json!([task("A".into()), task("x".repeat(256).into()), {"Subject": "no type"}]);
    let rows = client.json("POST", &path, json!({"records": records})).await.json();
    assert_eq!(rows[0], json!({"id": rows[0]["id"], "success": true, "errors": []}));
    assert_eq!(rows[1]["errors"][0]["statusCode"], "STRING_TOO_LONG");
    assert_eq!(rows[1]["errors"][0]["fields"], json!(["Subject"]));
    assert!(rows[1].get("id").is_none());
    assert_eq!(rows[2]["success"], false);
    let undone =
        client.json("POST", &path, json!({"allOrNone": true, "records": records})).await.json();
    assert_eq!(undone[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    let id = rows[0]["id"].as_str().unwrap();
    let changes = json!([{"attributes": {"type": "Task"}, "id": id, "Status": "Completed"}]);
    let changed = client.json("PATCH", &path, json!({"records": changes})).await.json();
    assert_eq!(changed[0]["success"], true);
    let gone = client
        .send(client.request("DELETE", &format!("{path}?ids={id},00T000000000000AAA")))
        .await
        .json();
    assert_eq!(gone[0]["success"], true);
    assert_eq!(gone[1]["errors"][0]["statusCode"], "INVALID_CROSS_REFERENCE_KEY");
    let many = vec![task("A".into()); 201];
    let refused = client.json("POST", &path, json!({"records": many})).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "EXCEEDED_ID_LIMIT"));
}

#[tokio::test]
async fn a_collection_is_upserted_by_a_key() {
    let client = Client::start().await;
    let path = format!("{V}/composite/sobjects/Contact/External_Id__c");
    let person = |name: &str, key: &str| json!({"attributes": {"type": "Contact"}, "LastName": name, "External_Id__c": key});
    let put = |records: Json| {
        client.json("PATCH", &path, json!({"allOrNone": false, "records": records}))
    };
    let first = put(json!([person("A", "k1"), person("B", "k2")])).await.json();
    assert_eq!((&first[0]["created"], &first[1]["created"]), (&json!(true), &json!(true)));
    let second = put(json!([person("C", "k1"), person("D", "k3"), person("E", "K3")])).await.json();
    assert_eq!((&second[0]["id"], &second[0]["created"]), (&first[0]["id"], &json!(false)));
    assert_eq!(second[1]["errors"][0]["statusCode"], "DUPLICATE_VALUE");
}

#[tokio::test]
async fn what_is_missing_is_null_in_its_place() {
    let client = Client::start().await;
    let found = client.query("SELECT Id, Name FROM Account LIMIT 2").await["records"].clone();
    let ids = json!([found[0]["Id"], "001000000000000AAA", found[1]["Id"]]);
    let path = format!("{V}/composite/sobjects/Account");
    let rows = client.json("POST", &path, json!({"ids": ids, "fields": ["Name"]})).await.json();
    assert_eq!(rows[0]["Name"], found[0]["Name"]);
    assert_eq!(rows[1], Json::Null);
    assert_eq!(rows[2]["Name"], found[1]["Name"]);
    let bad = client.json("POST", &path, json!({"ids": ids, "fields": ["Nope"]})).await;
    assert_eq!((bad.status, bad.code().as_str()), (400, "INVALID_FIELD"));
}

#[tokio::test]
async fn a_subrequest_has_headers_of_its_own() {
    let client = Client::start().await;
    let path = format!("{V}/sobjects/Contact/describe");
    let at = client.get(&path).await.header("last-modified").to_owned();
    let describe = json!({
        "method": "GET", "url": path, "referenceId": "d", "httpHeaders": {"If-Modified-Since": at},
    });
    let body = json!({"compositeRequest": [describe]});
    let answer = client.json("POST", &format!("{V}/composite"), body).await.json();
    assert_eq!(answer["compositeResponse"][0]["httpStatusCode"], 304);
}
