//! Queries, pages and locators.

use serde_json::json;

use crate::client::{Client, V};

#[tokio::test]
async fn pages_together_are_the_whole_answer() {
    let client = Client::start().await;
    let soql = "SELECT Id FROM Contact ORDER BY SystemModstamp, Id";
    let whole = client.query(soql).await;
    assert_eq!((&whole["totalSize"], &whole["done"]), (&json!(450), &json!(true)));
    assert!(whole.get("nextRecordsUrl").is_none());
    let first = client
        .request("GET", &format!("{V}/query/"))
        .query(&[("q", soql)])
        .header("Sforce-Query-Options", "batchSize=200");
    let mut page = client.send(first).await.json();
    let mut records = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let rows = page["records"].as_array().unwrap();
        sizes.push(rows.len());
        records.extend(rows.clone());
        let Some(next) = page["nextRecordsUrl"].as_str() else {
            break;
        };
        assert!(next.starts_with(&format!("{V}/query/0r8")), "{next}");
        assert_eq!(page["done"], false);
        page = client.get(&format!("{next}?q=")).await.json();
    }
    assert_eq!(sizes, [200, 200, 50]);
    assert_eq!(json!(records), whole["records"]);
}

#[tokio::test]
async fn a_cursor_has_fixed_ids_and_present_values() {
    let client = Client::start().await;
    let first = client
        .request("GET", &format!("{V}/query"))
        .query(&[("q", "SELECT Id, LastName FROM Contact")])
        .header("Sforce-Query-Options", "batchSize=200");
    let first = client.send(first).await.json();
    let all = client.query("SELECT Id FROM Contact").await;
    let id = |place: usize| all["records"][place]["Id"].as_str().unwrap().to_owned();
    client
        .json("PATCH", &format!("{V}/sobjects/Contact/{}", id(200)), json!({"LastName": "Fresh"}))
        .await;
    client.send(client.request("DELETE", &format!("{V}/sobjects/Contact/{}", id(201)))).await;
    let next = client.get(first["nextRecordsUrl"].as_str().unwrap()).await.json();
    assert_eq!(next["records"][0]["LastName"], "Fresh");
    assert_eq!(next["records"].as_array().unwrap().len(), 199);
    assert_eq!(next["totalSize"], 450);
}

#[tokio::test]
async fn a_dead_locator_is_refused() {
    let client = Client::start().await;
    for locator in ["0r8gK0000000001AAA-200", "0r8gK0000000001AAA", "nonsense"] {
        let answer = client.get(&format!("{V}/query/{locator}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_QUERY_LOCATOR"));
    }
    let soql = [("q", "SELECT Id FROM Contact")];
    let first = client
        .request("GET", &format!("{V}/query"))
        .query(&soql)
        .header("Sforce-Query-Options", "batchSize=200");
    let next = client.send(first).await.json()["nextRecordsUrl"].as_str().unwrap().to_owned();
    assert_eq!(client.get(&next).await.status, 200);
    client.control("POST", "/cursors/expire", json!({})).await;
    assert_eq!(client.get(&next).await.code(), "INVALID_QUERY_LOCATOR");
}

#[tokio::test]
async fn query_all_shows_what_was_deleted() {
    let client = Client::start().await;
    let id = client.query("SELECT Id FROM Lead LIMIT 1").await["records"][0]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    client.send(client.request("DELETE", &format!("{V}/sobjects/Lead/{id}"))).await;
    let soql = format!("SELECT IsDeleted FROM Lead WHERE Id = '{id}'");
    assert_eq!(client.query(&soql).await["totalSize"], 0);
    let request = client.request("GET", &format!("{V}/queryAll")).query(&[("q", &soql)]);
    assert_eq!(client.send(request).await.json()["records"][0]["IsDeleted"], true);
}

#[tokio::test]
async fn counts_have_their_own_shape() {
    let client = Client::start().await;
    assert_eq!(
        client.query("SELECT COUNT() FROM Contact").await,
        json!({"totalSize": 450, "done": true, "records": []})
    );
    let counted = client.query("select count(Id) from Contact").await;
    assert_eq!(
        counted["records"],
        json!([{"attributes": {"type": "AggregateResult"}, "expr0": 450}])
    );
}

#[tokio::test]
async fn mistakes_in_a_query_are_answered_as_errors() {
    let client = Client::start().await;
    for (soql, code) in [
        ("SELECT Id FROM", "MALFORMED_QUERY"),
        ("SELECT Nope FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM ScratchOrgInfo", "INVALID_TYPE"),
    ] {
        let answer =
            client.send(client.request("GET", &format!("{V}/query")).query(&[("q", soql)])).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{soql}");
    }
}

#[tokio::test]
async fn the_people_of_the_org_are_at_its_own_domain() {
    let client = Client::start().await;
    let users = client.query("SELECT Email, IsActive FROM User").await;
    let users = users["records"].as_array().unwrap();
    assert_eq!(users.len(), 6);
    assert!(
        users
            .iter()
            .all(|user| { user["Email"].as_str().unwrap().ends_with("@northwind.example") })
    );
    assert_eq!(users.iter().filter(|user| user["IsActive"] == false).count(), 1);
}

#[tokio::test]
async fn columns_are_described_as_they_lie_within_each_other() {
    let client = Client::start().await;
    let columns = async |soql: &str| {
        let request = client.request("GET", &format!("{V}/query"));
        let answer = client.send(request.query(&[("q", soql), ("columns", "true")])).await.json();
        answer["columnMetadata"].as_array().unwrap().clone()
    };
    let read = columns(
        "SELECT c.Id, c.AccountId, c.Account.Name, c.Account.Owner.Name, c.Owner.Email FROM Contact c",
    )
    .await;
    let names: Vec<&str> = read.iter().map(|c| c["columnName"].as_str().unwrap()).collect();
    assert_eq!(names, ["Id", "AccountId", "Account", "Owner"]);
    assert_eq!((&read[0]["apexType"], &read[1]["foreignKeyName"]), (&json!("Id"), &json!(null)));
    assert_eq!(read[2]["foreignKeyName"], "AccountId");
    assert_eq!(read[2]["joinColumns"][0]["columnName"], "Name");
    assert_eq!(read[2]["joinColumns"][1]["joinColumns"][0]["columnName"], "Name");
    let read =
        columns("SELECT AccountId, COUNT(Id), MAX(Email) last FROM Contact GROUP BY AccountId")
            .await;
    assert_eq!(
        (&read[1]["columnName"], &read[1]["displayName"], &read[1]["aggregate"]),
        (&json!("expr0"), &json!("count(Id)"), &json!(true))
    );
    assert_eq!(read[2]["columnName"], "last");
    let read = columns("SELECT Id, (SELECT LastName FROM Contacts) FROM Account").await;
    assert_eq!((&read[1]["columnName"], &read[1]["aggregate"]), (&json!("Contacts"), &json!(true)));
    assert_eq!(read[1]["joinColumns"][0]["columnName"], "LastName");
    let read = columns("SELECT FIELDS(STANDARD) FROM TaskStatus LIMIT 200").await;
    assert!(read.len() > 8 && read.iter().any(|column| column["columnName"] == "ApiName"));
}

#[tokio::test]
async fn who_someone_is_can_be_read() {
    let client = Client::start().await;
    let soql = "SELECT Profile.Name FROM User WHERE Username LIKE 'ada.%'";
    assert_eq!(client.query(soql).await["records"][0]["Profile"]["Name"], "System Administrator");
    let counts = client.get(&format!("{V}/limits/recordCount?sObjects")).await.json();
    assert!(counts["sObjects"].as_array().unwrap().len() > 5);
}
