//! Bulk API 2.0: queries in chunks and uploads of rows.

use serde_json::{Value as Json, json};

use crate::client::{Answer, Client, V};

impl Client {
    async fn query_job(&self, soql: &str) -> Answer {
        let order = json!({"operation": "query", "query": soql});
        self.json("POST", &format!("{V}/jobs/query"), order).await
    }

    /// Makes an ingest job, uploads the rows, closes it, and polls to the end.
    async fn load(&self, order: Json, rows: &str) -> (String, Json) {
        let job = self.json("POST", &format!("{V}/jobs/ingest"), order).await;
        assert_eq!(job.status, 200, "{}", job.text);
        let path = format!("{V}/jobs/ingest/{}", job.json()["id"].as_str().unwrap());
        let put = self.put_rows(&path, rows).await;
        assert_eq!((put.status, put.text.as_str()), (201, ""));
        let closed = self.json("PATCH", &path, json!({"state": "UploadComplete"})).await;
        assert_eq!((closed.status, &closed.json()["state"]), (200, &json!("UploadComplete")));
        let ended = self.ended(&path).await;
        (path, ended)
    }

    async fn put_rows(&self, path: &str, rows: &str) -> Answer {
        let request = self.request("PUT", &format!("{path}/batches"));
        self.send(request.header("content-type", "text/csv").body(rows.to_owned())).await
    }

    async fn ended(&self, path: &str) -> Json {
        for _ in 0..20 {
            let job = self.get(path).await.json();
            if !matches!(job["state"].as_str(), Some("UploadComplete" | "InProgress")) {
                return job;
            }
        }
        panic!("{path} never ended");
    }
}

/// The lines of a result behind its header, sorted.
fn lines(answer: &Answer) -> Vec<&str> {
    let mut lines: Vec<&str> = answer.text.lines().skip(1).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn a_query_job_advances_by_polls_and_answers_in_chunks() {
    let client = Client::start().await;
    let job = client.query_job("select id, account.name, isdeleted FROM Contact").await;
    let body = job.json();
    assert_eq!(job.status, 200);
    assert_eq!((&body["state"], &body["apiVersion"]), (&json!("UploadComplete"), &json!(66.0)));
    assert_eq!((&body["object"], &body["operation"]), (&json!("Contact"), &json!("query")));
    let path = format!("{V}/jobs/query/{}", body["id"].as_str().unwrap());
    let early = client.get(&format!("{path}/results")).await;
    assert_eq!((early.status, early.code().as_str()), (400, "InvalidJobState"));
    let states = [client.get(&path).await.json(), client.get(&path).await.json()];
    assert_eq!(states[0]["state"], "InProgress");
    assert_eq!(states[1]["state"], "JobComplete");
    assert_eq!(states[1]["numberRecordsProcessed"], 450);
    let mut locator = String::new();
    let (mut sizes, mut ids) = (Vec::new(), std::collections::BTreeSet::new());
    while locator != "null" {
        let page = client.get(&format!("{path}/results?maxRecords=200&locator={locator}")).await;
        assert!(page.text.starts_with("\"Id\",\"Account.Name\",\"IsDeleted\"\n"), "{}", page.text);
        assert_eq!(page.header("content-type"), "text/csv");
        sizes.push(page.header("sforce-numberofrecords").to_owned());
        ids.extend(page.text.lines().skip(1).map(|line| line[..20].to_owned()));
        locator = page.header("sforce-locator").to_owned();
    }
    assert_eq!((sizes, ids.len()), (["200", "200", "50"].map(str::to_owned).to_vec(), 450));
    let other = client.get(&path.replace("v66.0", "v65.0")).await;
    assert_eq!(other.status, 200);
    let other = client.get(&format!("{}/results", path.replace("v66.0", "v65.0"))).await;
    assert_eq!(other.status, 409);
    let bad = client.get(&format!("{path}/results?locator=nonsense")).await;
    assert_eq!(bad.code(), "INVALID_QUERY_LOCATOR");
}

#[tokio::test]
async fn result_pages_name_chunks_to_fetch_side_by_side() {
    let client = Client::start().await;
    let job = client.query_job("SELECT Id FROM Contact").await.json();
    let path = format!("{V}/jobs/query/{}", job["id"].as_str().unwrap());
    client.ended(&path).await;
    let first = client.get(&format!("{path}/resultPages?maxRecords=50")).await.json();
    assert_eq!(
        (first["resultPages"].as_array().unwrap().len(), &first["done"]),
        (5, &json!(false))
    );
    let rest = client.get(first["nextRecordsUrl"].as_str().unwrap()).await.json();
    assert_eq!((rest["resultPages"].as_array().unwrap().len(), &rest["done"]), (4, &json!(true)));
    let mut rows = 0;
    for page in [first, rest].iter().flat_map(|list| list["resultPages"].as_array().unwrap()) {
        let page = client.get(page["resultUrl"].as_str().unwrap()).await;
        rows += page.header("sforce-numberofrecords").parse::<usize>().unwrap();
    }
    assert_eq!(rows, 450);
    let old = client.get(&format!("{}/resultPages", path.replace("v66.0", "v57.0"))).await;
    assert_eq!(old.status, 404);
}

#[tokio::test]
async fn an_answer_quotes_everything_and_cannot_tell_null_from_empty() {
    let client = Client::start().await;
    let odd = json!({"LastName": "a \"b\",\nc", "Birthdate": "2001-02-03"});
    client.json("POST", &format!("{V}/sobjects/Contact"), odd).await;
    let order = json!({
        "operation": "query",
        "query": "SELECT LastName, FirstName, Birthdate, CreatedDate FROM Contact WHERE LastName LIKE 'a \"%'",
        "columnDelimiter": "PIPE",
        "lineEnding": "CRLF",
    });
    let job = client.json("POST", &format!("{V}/jobs/query"), order).await.json();
    let path = format!("{V}/jobs/query/{}", job["id"].as_str().unwrap());
    client.ended(&path).await;
    assert_eq!(
        client.get(&format!("{path}/results")).await.text,
        "\"LastName\"|\"FirstName\"|\"Birthdate\"|\"CreatedDate\"\r\n\
         \"a \"\"b\"\",\nc\"|\"\"|\"2001-02-03\"|\"2026-11-24T12:00:00.000Z\"\r\n"
    );
    let none = client.query_job("SELECT Id FROM Contact WHERE LastName = 'nobody'").await.json();
    let path = format!("{V}/jobs/query/{}", none["id"].as_str().unwrap());
    client.ended(&path).await;
    let empty = client.get(&format!("{path}/results")).await;
    assert_eq!((empty.text.as_str(), empty.header("sforce-locator")), ("\"Id\"\n", "null"));
}

#[tokio::test]
async fn what_bulk_queries_cannot_do_is_refused_at_once() {
    let client = Client::start().await;
    for (soql, code) in [
        ("SELECT MailingAddress FROM Contact", "API_ERROR"),
        ("SELECT COUNT(Id) FROM Contact", "API_ERROR"),
        ("SELECT Title FROM Contact GROUP BY Title", "API_ERROR"),
        ("SELECT Id FROM Contact LIMIT 5 OFFSET 5", "API_ERROR"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "API_ERROR"),
        ("SELECT FIELDS(ALL) FROM Contact LIMIT 10", "API_ERROR"),
        ("SELECT TYPEOF Who WHEN Lead THEN Company END FROM Task", "API_ERROR"),
        ("SELECT Nothing__c FROM Contact", "INVALID_FIELD"),
        ("SELECT", "MALFORMED_QUERY"),
    ] {
        let answer = client.query_job(soql).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{soql}");
    }
}

#[tokio::test]
async fn jobs_are_listed_aborted_and_deleted() {
    let client = Client::start().await;
    let job = client.query_job("SELECT Id FROM Contact").await.json();
    let path = format!("{V}/jobs/query/{}", job["id"].as_str().unwrap());
    let busy = client.send(client.request("DELETE", &path)).await;
    assert_eq!((busy.status, busy.code().as_str()), (400, "InvalidJobState"));
    let aborted = client.json("PATCH", &path, json!({"state": "Aborted"})).await;
    assert_eq!(aborted.json()["state"], "Aborted");
    let again = client.json("PATCH", &path, json!({"state": "Aborted"})).await;
    assert_eq!(again.status, 400);
    let list = client.get(&format!("{V}/jobs/query?jobType=V2Query")).await.json();
    assert_eq!(list["records"][0]["id"], job["id"]);
    assert_eq!((&list["done"], &list["nextRecordsUrl"]), (&json!(true), &json!(null)));
    let other = client.get(&format!("{V}/jobs/ingest/{}", job["id"].as_str().unwrap())).await;
    assert_eq!(other.status, 404);
    assert_eq!(client.send(client.request("DELETE", &path)).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
}

#[tokio::test]
async fn each_row_of_an_upload_has_its_own_result() {
    let client = Client::start().await;
    let rows = "LastName,External_Id__c,Birthdate\n\
        \"O'Hara, \"\"Dan\"\"\",b-1,2001-02-03\n,b-2,\nShort,b-3,someday\n\" x\",b-4,\na,b\n";
    let (path, job) = client.load(json!({"object": "contact", "operation": "insert"}), rows).await;
    assert_eq!((&job["state"], &job["object"]), (&json!("JobComplete"), &json!("Contact")));
    assert_eq!(job["numberRecordsProcessed"], 5);
    assert_eq!(job["numberRecordsFailed"], 3);
    let done = client.get(&format!("{path}/successfulResults/")).await;
    let header = "\"sf__Id\",\"sf__Created\",LastName,External_Id__c,Birthdate\n";
    assert!(done.text.starts_with(header), "{}", done.text);
    let tails: Vec<&str> = lines(&done).iter().map(|line| &line[20..]).collect();
    assert_eq!(tails.len(), 2);
    assert!(tails.contains(&",\"true\",\"O'Hara, \"\"Dan\"\"\",\"b-1\",\"2001-02-03\""));
    let failed = client.get(&format!("{path}/failedResults")).await;
    assert_eq!(
        lines(&failed),
        [
            "\"\",\"INVALID_CSV_ROW:The row has 2 values, the header 3:--\",\"a\",\"b\",\"\"",
            "\"\",\"INVALID_TYPE_ON_FIELD_IN_RECORD:Cannot deserialize instance of date from VALUE_STRING value someday or request may be missing a required field at [field:Birthdate]:--\",\"Short\",\"b-3\",\"someday\"",
            "\"\",\"REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --\",\"\",\"b-2\",\"\"",
        ]
    );
    for name in ["unprocessedrecords", "unprocessedRecords/"] {
        let rest = client.get(&format!("{path}/{name}")).await;
        assert_eq!(rest.text, "LastName,External_Id__c,Birthdate\n");
    }
    let read =
        client.query("SELECT LastName FROM Contact WHERE External_Id__c IN ('b-1','b-4')").await;
    assert_eq!(read["records"][0]["LastName"], "O'Hara, \"Dan\"");
    assert_eq!(read["records"][1]["LastName"], " x");
}

#[tokio::test]
async fn an_empty_cell_keeps_a_value_and_not_available_clears_it() {
    let client = Client::start().await;
    let upsert = json!({
        "object": "Contact",
        "operation": "upsert",
        "externalIdFieldName": "external_id__c",
        "columnDelimiter": "SEMICOLON",
        "lineEnding": "CRLF",
    });
    let first = "External_Id__c;LastName;Title;Department\r\nk-1;One;CEO;Sales\r\nk-1;Two;;\r\n";
    let (path, job) = client.load(upsert.clone(), first).await;
    assert_eq!(
        (&job["numberRecordsProcessed"], &job["numberRecordsFailed"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(job["externalIdFieldName"], "External_Id__c");
    let failed = client.get(&format!("{path}/failedResults")).await;
    assert!(failed.text.contains("DUPLICATE_VALUE:"), "{}", failed.text);
    assert!(failed.text.ends_with("\"\r\n"));
    let second = "External_Id__c;LastName;Title;Department\r\nk-1;;#N/A;\r\n";
    let (path, _) = client.load(upsert, second).await;
    let done = client.get(&format!("{path}/successfulResults")).await;
    assert!(done.text.contains("\";\"false\";\"k-1\";"), "{}", done.text);
    let read = client
        .query("SELECT Id, LastName, Title, Department FROM Contact WHERE External_Id__c = 'k-1'")
        .await;
    let record = &read["records"][0];
    assert_eq!(
        [&record["LastName"], &record["Title"], &record["Department"]],
        [&json!("One"), &json!(null), &json!("Sales")]
    );
    let id = record["Id"].as_str().unwrap();
    let update = json!({"object": "Contact", "operation": "update"});
    let (path, _) = client
        .load(update, &format!("Id,Title\n{id},CTO\n,Nobody\n{},x\n", "003000000000000AAA"))
        .await;
    let failed = client.get(&format!("{path}/failedResults")).await;
    assert_eq!(lines(&failed).len(), 2);
    assert!(failed.text.contains("INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"));
    assert!(failed.text.contains("MISSING_ARGUMENT:Id not specified in an update call:Id --"));
    let delete = json!({"object": "Contact", "operation": "delete"});
    let (_, job) = client.load(delete, &format!("Id\n{id}\n{id}\n")).await;
    assert_eq!(job["numberRecordsFailed"], 1);
    let gone = client.get(&format!("{V}/sobjects/Contact/{id}")).await;
    assert_eq!(gone.code(), "ENTITY_IS_DELETED");
}

#[tokio::test]
async fn a_parent_is_named_by_its_key() {
    let client = Client::start().await;
    let contact = json!({"LastName": "Key", "External_Id__c": "p-1", "Email": "key@example.com"});
    client.json("POST", &format!("{V}/sobjects/Contact"), contact).await;
    let insert = json!({"object": "Contact", "operation": "insert"});
    let (_, job) = client.load(insert, "LastName,ReportsTo.External_Id__c\nA,p-1\nB,p-9\n").await;
    assert_eq!(job["numberRecordsFailed"], 1);
    let read = client.query("SELECT ReportsTo.LastName FROM Contact WHERE LastName = 'A'").await;
    assert_eq!(read["records"][0]["ReportsTo"]["LastName"], "Key");
    let task = json!({"object": "Task", "operation": "insert"});
    let (_, job) =
        client.load(task.clone(), "Subject,Contact:Who.Email\nMet,key@example.com\n").await;
    assert_eq!((&job["state"], &job["numberRecordsFailed"]), (&json!("JobComplete"), &json!(0)));
    for column in ["Who.Email", "Account:ReportsTo.Name", "Nothing__c", "Contact:Who.Title"] {
        let (path, job) = client.load(task.clone(), &format!("Subject,{column}\nMet,x\n")).await;
        assert_eq!(job["state"], "Failed");
        let expected = format!("InvalidBatch : Field name not found : {column}");
        assert_eq!(job["errorMessage"], expected.as_str());
        let rest = client.get(&format!("{path}/unprocessedrecords")).await;
        assert_eq!(lines(&rest), ["\"Met\",\"x\""]);
    }
}

#[tokio::test]
async fn an_upload_is_taken_once_and_only_while_the_job_is_open() {
    let client = Client::start().await;
    let order = json!({"object": "Lead", "operation": "insert"});
    let job = client.json("POST", &format!("{V}/jobs/ingest"), order.clone()).await.json();
    let id = job["id"].as_str().unwrap();
    assert_eq!(job["contentUrl"], format!("services/data/v66.0/jobs/ingest/{id}/batches"));
    let path = format!("{V}/jobs/ingest/{id}");
    let close = json!({"state": "UploadComplete"});
    assert_eq!(client.json("PATCH", &path, close.clone()).await.status, 400);
    assert_eq!(client.put_rows(&path, "LastName,Company\nA,B\n").await.status, 201);
    assert_eq!(client.put_rows(&path, "LastName,Company\nC,D\n").await.code(), "InvalidJobState");
    let json_rows = client.json("PUT", &format!("{path}/batches"), json!([])).await;
    assert_eq!(json_rows.status, 415);
    let aborted = client.json("PATCH", &path, json!({"state": "Aborted"})).await;
    assert_eq!(aborted.json()["state"], "Aborted");
    assert_eq!(client.json("PATCH", &path, close).await.code(), "InvalidJobState");
    let (_, crlf) = client.load(order.clone(), "LastName,Company\r\nA,B\r\n").await;
    assert!(crlf["errorMessage"].as_str().unwrap().contains("LineEnding is invalid"));
    for wrong in [
        json!({"object": "Nothing", "operation": "insert"}),
        json!({"object": "Lead", "operation": "merge"}),
        json!({"object": "Lead", "operation": "upsert"}),
        json!({"object": "Lead", "operation": "upsert", "externalIdFieldName": "Title"}),
        json!({"object": "Lead", "operation": "insert", "columnDelimiter": "DOT"}),
    ] {
        assert_eq!(client.json("POST", &format!("{V}/jobs/ingest"), wrong).await.status, 400);
    }
}

#[tokio::test]
async fn a_job_that_fails_midway_keeps_what_was_done() {
    let client = Client::start().await;
    let settings = json!({"failNextJobAfter": 1, "pollsPerJobState": 0});
    client.control("PATCH", "/settings", settings).await;
    let order = json!({"object": "Lead", "operation": "insert"});
    let rows = "LastName,Company\nA,Mid\nB,Mid\nC,Mid\n";
    let (path, job) = client.load(order.clone(), rows).await;
    assert_eq!((&job["state"], &job["numberRecordsProcessed"]), (&json!("Failed"), &json!(1)));
    let rest = client.get(&format!("{path}/unprocessedrecords")).await;
    assert_eq!(lines(&rest), ["\"B\",\"Mid\"", "\"C\",\"Mid\""]);
    let count = client.query("SELECT COUNT() FROM Lead WHERE Company = 'Mid'").await;
    assert_eq!(count["totalSize"], 1);
    let (_, next) = client.load(order, rows).await;
    assert_eq!(next["state"], "JobComplete");
}

#[tokio::test]
async fn a_small_upload_comes_with_its_job() {
    let client = Client::start().await;
    let body = "--b\r\nContent-Disposition: form-data; name=\"job\"\r\nContent-Type: application/json\r\n\r\n\
        {\"object\":\"Lead\",\"operation\":\"insert\"}\r\n--b\r\n\
        Content-Disposition: form-data; name=\"content\"; filename=\"c\"\r\nContent-Type: text/csv\r\n\r\n\
        LastName,Company\nA,Inline\n\r\n--b--\r\n";
    let request = client
        .request("POST", &format!("{V}/jobs/ingest"))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(body);
    let job = client.send(request).await.json();
    assert_eq!(job["state"], "UploadComplete");
    let path = format!("{V}/jobs/ingest/{}", job["id"].as_str().unwrap());
    assert_eq!(client.ended(&path).await["state"], "JobComplete");
    let count = client.query("SELECT COUNT() FROM Lead WHERE Company = 'Inline'").await;
    assert_eq!(count["totalSize"], 1);
}

#[tokio::test]
async fn a_query_of_the_first_bulk_api_is_answered_in_batches() {
    let client = Client::start().await;
    let base = "/services/async/61.0/job";
    let send = async |method: &str, path: &str, body: &str| {
        let request = client.stranger(method, &format!("{base}{path}"));
        client.send(request.header("x-sfdc-session", &client.token).body(body.to_owned())).await
    };
    let order = r#"{"operation": "queryAll", "object": "Lead", "contentType": "CSV"}"#;
    let job = send("POST", "", order).await;
    assert_eq!((job.status, &job.json()["state"]), (201, &json!("Open")));
    let job = job.json()["id"].as_str().unwrap().to_owned();
    let batch = send("POST", &format!("/{job}/batch"), "SELECT Id, Name FROM Lead").await;
    let inside = |text: &str, tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    assert_eq!((batch.status, inside(&batch.text, "state").as_str()), (201, "Queued"));
    let path = format!("/{job}/batch/{}", inside(&batch.text, "id"));
    assert_eq!(
        send("POST", &format!("/{job}"), r#"{"state": "Closed"}"#).await.json()["state"],
        "Closed"
    );
    assert_eq!(inside(&send("GET", &path, "").await.text, "state"), "Completed");
    let result = inside(&send("GET", &format!("{path}/result"), "").await.text, "result");
    let rows = send("GET", &format!("{path}/result/{result}"), "").await;
    assert_eq!(
        (rows.text.lines().next(), rows.text.lines().count()),
        (Some("\"Id\",\"Name\""), 101)
    );
    let late = send("POST", &format!("/{job}/batch"), "SELECT Id FROM Lead").await;
    assert_eq!(
        (late.status, inside(&late.text, "exceptionCode").as_str()),
        (400, "InvalidJobState")
    );
    let stranger = client.send(client.stranger("GET", &format!("{base}/{job}"))).await;
    assert_eq!(
        (stranger.status, inside(&stranger.text, "exceptionCode").as_str()),
        (400, "InvalidSessionId")
    );
    let job = send("POST", "", order).await.json()["id"].as_str().unwrap().to_owned();
    let batch = send("POST", &format!("/{job}/batch"), "SELECT Nothing__c FROM Lead").await;
    let failed = send("GET", &format!("/{job}/batch/{}", inside(&batch.text, "id")), "").await;
    assert!(inside(&failed.text, "stateMessage").contains("INVALID_FIELD"), "{}", failed.text);
}

#[tokio::test]
async fn a_query_of_the_first_bulk_api_is_split_by_primary_key_where_the_client_asks() {
    let client = Client::start().await;
    let base = "/services/async/61.0/job";
    let json = |method: &str, path: &str| {
        let request = client.stranger(method, &format!("{base}{path}"));
        request.header("x-sfdc-session", &client.token).header("content-type", "application/json")
    };
    let order = json!({"operation": "query", "object": "Contact", "contentType": "CSV"});
    let split = json("POST", "").header("Sforce-Enable-PKChunking", "chunkSize=200").json(&order);
    let job = client.send(split).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/{job}/batch");
    client.send(json("POST", &path).body("SELECT Id FROM Contact")).await;
    let first = client.send(json("GET", &path)).await.text;
    assert_eq!(first.matches("NotProcessed").count(), 1);
    assert_eq!(first.matches("Queued").count(), 3, "{first}");
    let second = client.send(json("GET", &path)).await.text;
    assert_eq!(second.matches("Completed").count(), 3, "{second}");
    let mut rows = 0;
    for batch in second.split("<id>").skip(2).map(|rest| &rest[..18]) {
        let list = client.send(json("GET", &format!("{path}/{batch}/result"))).await.text;
        let result = list.split("<result>").nth(1).unwrap()[..18].to_owned();
        let file = client.send(json("GET", &format!("{path}/{batch}/result/{result}"))).await;
        rows += file.text.lines().count() - 1;
    }
    assert_eq!(rows, 450);
    let lost = client.send(json("GET", "/750000000000000AAA")).await;
    assert_eq!((lost.status, &lost.json()["exceptionCode"]), (400, &json!("InvalidJob")));
}
