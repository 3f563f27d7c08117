//! Graphs, trees, merged records, converted leads, and how tokens and pages vary.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use crate::client::{Client, V};

fn node(method: &str, path: &str, reference: &str, body: Json) -> Json {
    json!({"method": method, "url": format!("{V}{path}"), "referenceId": reference, "body": body})
}

#[tokio::test]
async fn each_graph_is_a_transaction_of_its_own() {
    let client = Client::start().await;
    let good = json!({"graphId": "good", "compositeRequest": [
        node("POST", "/sobjects/Account", "a", json!({"Name": "Graph"})),
        node("POST", "/sobjects/Contact", "c", json!({"LastName": "G", "AccountId": "@{a.id}"})),
    ]});
    let bad = json!({"graphId": "bad", "compositeRequest": [
        node("POST", "/sobjects/Account", "a", json!({"Name": "Graph"})),
        node("POST", "/sobjects/Contact", "c", json!({"FirstName": "G"})),
    ]});
    let body = json!({"graphs": [good, bad]});
    let answer = client.json("POST", &format!("{V}/composite/graph"), body).await;
    assert_eq!(answer.status, 200);
    let graphs = answer.json()["graphs"].clone();
    assert_eq!((&graphs[0]["graphId"], &graphs[0]["isSuccessful"]), (&json!("good"), &json!(true)));
    assert_eq!(graphs[1]["isSuccessful"], false);
    let parts = &graphs[1]["graphResponse"]["compositeResponse"];
    assert_eq!(parts[0]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(parts[1]["body"][0]["errorCode"], "REQUIRED_FIELD_MISSING");
    let count = client.query("SELECT COUNT() FROM Account WHERE Name = 'Graph'").await;
    assert_eq!(count["totalSize"], 1);
    let query = json!({"graphs": [{"graphId": "q", "compositeRequest": [
        node("GET", "/query?q=SELECT+Id+FROM+Account", "q", json!(null)),
    ]}]});
    let refused = client.json("POST", &format!("{V}/composite/graph"), query).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "INVALID_INPUT"));
}

#[tokio::test]
async fn a_tree_grows_whole_or_not_at_all() {
    let client = Client::start().await;
    let contact = |name: &str, reference: &str| json!({"attributes": {"type": "Contact", "referenceId": reference}, "LastName": name});
    let tree = |children: Json| {
        json!({"records": [{
            "attributes": {"type": "Account", "referenceId": "root"},
            "Name": "Tree",
            "Contacts": {"records": children},
        }]})
    };
    let path = format!("{V}/composite/tree/Account");
    let bad = tree(json!([contact("A", "one"), contact("", "two")]));
    let answer = client.json("POST", &path, bad).await;
    assert_eq!((answer.status, &answer.json()["hasErrors"]), (400, &json!(true)));
    let refused = &answer.json()["results"][0];
    assert_eq!(refused["referenceId"], "two");
    assert_eq!(refused["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    let count = client.query("SELECT COUNT() FROM Account WHERE Name = 'Tree'").await;
    assert_eq!(count["totalSize"], 0);
    let good = tree(json!([contact("A", "one"), contact("B", "two")]));
    let answer = client.json("POST", &path, good).await;
    assert_eq!((answer.status, answer.json()["results"].as_array().unwrap().len()), (201, 3));
    let count = client.query("SELECT COUNT() FROM Contact WHERE Account.Name = 'Tree'").await;
    assert_eq!(count["totalSize"], 2);
}

#[tokio::test]
async fn a_merged_record_names_its_master_in_query_all() {
    let client = Client::start().await;
    let found = client
        .query("SELECT Id, (SELECT Id FROM Contacts) FROM Account WHERE Id IN (SELECT AccountId FROM Contact) ORDER BY Id LIMIT 2")
        .await;
    let id = |place: usize| found["records"][place]["Id"].as_str().unwrap().to_owned();
    let (master, loser) = (id(0), id(1));
    let children =
        |place: usize| found["records"][place]["Contacts"]["totalSize"].as_u64().unwrap();
    let order = json!({"master": master, "ids": [loser]});
    client.control("POST", "/records/merge", order.clone()).await;
    let soql = format!("SELECT Id, MasterRecordId, IsDeleted FROM Account WHERE Id = '{loser}'");
    assert_eq!(client.query(&soql).await["totalSize"], 0);
    let request = client.request("GET", &format!("{V}/queryAll")).query(&[("q", &soql)]);
    let record = client.send(request).await.json()["records"][0].clone();
    assert_eq!((&record["MasterRecordId"], &record["IsDeleted"]), (&json!(master), &json!(true)));
    let soql = format!("SELECT COUNT() FROM Contact WHERE AccountId = '{master}'");
    let taken = client.query(&soql).await["totalSize"].as_u64().unwrap();
    assert_eq!(taken, children(0) + children(1));
    let again = client.json("POST", "/__sandbox/records/merge", order).await;
    assert_eq!(again.status, 400);
}

#[tokio::test]
async fn a_lead_is_converted_by_the_standard_action() {
    let client = Client::start().await;
    let leads = client.query("SELECT Id FROM Lead WHERE IsConverted = false LIMIT 2").await;
    let lead = leads["records"][0]["Id"].as_str().unwrap();
    let path = format!("{V}/actions/standard/convertLead");
    let input = json!({"leadId": lead, "opportunityName": "Won over", "convertedStatus": "Closed - Converted"});
    let answer = client.json("POST", &path, json!({"inputs": [input]})).await;
    let result = answer.json()[0].clone();
    assert_eq!((answer.status, &result["isSuccess"]), (200, &json!(true)));
    let opportunity = result["outputValues"]["opportunityId"].as_str().unwrap();
    let soql = format!("SELECT Name FROM Opportunity WHERE Id = '{opportunity}'");
    assert_eq!(client.query(&soql).await["records"][0]["Name"], "Won over");
    let again = client.json("POST", &path, json!({"inputs": [input]})).await;
    assert_eq!(again.status, 400);
    assert_eq!(again.json()[0]["errors"][0]["statusCode"], "CANNOT_UPDATE_CONVERTED_LEAD");
    let other = leads["records"][1]["Id"].as_str().unwrap();
    let joined = json!({
        "leadId": other,
        "accountId": result["outputValues"]["accountId"],
        "contactId": result["outputValues"]["contactId"],
        "createOpportunity": false,
    });
    let answer = client.json("POST", &path, json!({"inputs": [joined]})).await.json();
    assert_eq!(answer[0]["outputValues"]["opportunityId"], json!(null));
    assert_eq!(answer[0]["outputValues"]["contactId"], result["outputValues"]["contactId"]);
}

#[tokio::test]
async fn an_app_comes_in_by_an_assertion() {
    let client = Client::start().await;
    let user = client.query("SELECT Id, Username FROM User WHERE IsActive = true LIMIT 1").await;
    let now = "2026-11-24T12:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
    let claims = |audience: &str, ends_at: i64| {
        json!({
            "iss": client.sandbox.greeting().client_id,
            "sub": user["records"][0]["Username"],
            "aud": audience,
            "exp": ends_at,
        })
    };
    let post = async |claims: Json| {
        let encode = |json: Json| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let assertion = format!("{}.{}.c2ln", encode(json!({"alg": "RS256"})), encode(claims));
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        client.form("/services/oauth2/token", &[grant, ("assertion", &assertion)]).await
    };
    let url = client.sandbox.greeting().url.clone();
    for good in [claims("https://login.salesforce.com", now + 180), claims(&url, (now + 60) * 1000)]
    {
        let granted = post(good).await;
        assert_eq!(granted.status, 200, "{}", granted.text);
        assert_eq!(granted.json()["refresh_token"], json!(null));
        assert!(
            granted.json()["id"]
                .as_str()
                .unwrap()
                .ends_with(user["records"][0]["Id"].as_str().unwrap())
        );
    }
    for (bad, description) in [
        (claims("https://elsewhere.example", now + 60), "Audience validation failed"),
        (claims(&url, now - 60), "expired authorization code"),
    ] {
        let refused = post(bad).await;
        assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_grant")));
        assert_eq!(refused.json()["error_description"], description);
    }
}

#[tokio::test]
async fn pages_get_short_and_instances_move_on_command() {
    let client = Client::start().await;
    let moved = client.sandbox.greeting().url.replace("127.0.0.1", "localhost");
    let change = json!({"pageLimit": 150, "instanceUrl": moved});
    client.control("PATCH", "/settings", change).await;
    let page = client.query("SELECT Id FROM Contact").await;
    assert_eq!((page["records"].as_array().unwrap().len(), &page["done"]), (150, &json!(false)));
    let greeting = client.sandbox.greeting().clone();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &greeting.refresh_token),
        ("client_id", &greeting.client_id),
        ("client_secret", &greeting.client_secret),
    ];
    let granted = client.form("/services/oauth2/token", &form).await;
    assert_eq!(granted.json()["instance_url"], moved.as_str());
}
