//! Orgs that a file describes, and what their admins refuse.

use efficlose_sandbox::{Description, Settings};
use serde_json::json;

use crate::client::{Client, V, settings};

const FILE: &str = r#"
[[objects]]
name = "Visit__c"
label = "Visit"

[[fields]]
object = "Visit__c"
name = "Contact__c"
type = "lookup"
refersTo = "Contact"

[[fields]]
object = "Visit__c"
name = "Key__c"
externalId = true
unique = true

[[fieldSecurity]]
object = "Contact"
field = "Fax"
visible = false

[[fieldSecurity]]
object = "Contact"
field = "Department"
readOnly = true

[[validationRules]]
object = "Opportunity"
when = { StageName = "Closed Lost" }
require = "NextStep"
message = "Sagen Sie, warum."
field = "NextStep"

[[duplicateRules]]
object = "Contact"
name = "Same_Email"
fields = ["Email"]

[[duplicateRules]]
object = "Lead"
name = "Same_Person"
fields = ["LastName", "Company"]
allowSave = false
key = "duplicateResult"

[[users]]
username = "nora@example.com"
lastName = "Nie"
"#;

async fn described() -> Client {
    let description = Description::read(FILE).unwrap();
    Client::start_with(Settings { description, ..settings() }).await
}

#[tokio::test]
async fn a_described_object_is_an_object_like_others() {
    let client = described().await;
    let visits = client.get(&format!("{V}/sobjects/Visit__c/describe")).await.json();
    assert_eq!((&visits["custom"], &visits["keyPrefix"]), (&json!(true), &json!("a00")));
    let contact = json!({"LastName": "Host", "Email": "host@example.com"});
    let contact = client.json("POST", &format!("{V}/sobjects/Contact"), contact).await.json();
    let key = format!("{V}/sobjects/Visit__c/Key__c/v-1");
    let made = client.json("PATCH", &key, json!({"Name": "A", "Contact__c": contact["id"]})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let read = client.query("SELECT Name, Contact__r.LastName FROM Visit__c").await;
    assert_eq!(read["records"][0]["Contact__r"]["LastName"], "Host");
    let soql = "SELECT (SELECT Name FROM Visits__r) FROM Contact WHERE Email = 'host@example.com'";
    assert_eq!(client.query(soql).await["records"][0]["Visits__r"]["totalSize"], 1);
    let nora = client.query("SELECT Id FROM User WHERE Username = 'nora@example.com'").await;
    assert_eq!(nora["totalSize"], 1);
}

#[tokio::test]
async fn secured_fields_are_missing_or_read_only() {
    let client = described().await;
    let describe = client.get(&format!("{V}/sobjects/Contact/describe")).await.json();
    let find = |name: &str| {
        describe["fields"].as_array().unwrap().iter().find(|f| f["name"] == name).cloned()
    };
    assert_eq!(find("Fax"), None);
    assert_eq!(find("Department").unwrap()["updateable"], false);
    let path = format!("{V}/sobjects/Contact");
    let hidden = client.json("POST", &path, json!({"LastName": "A", "Fax": "1"})).await;
    assert_eq!(hidden.code(), "INVALID_FIELD");
    let fixed = client.json("POST", &path, json!({"LastName": "A", "Department": "1"})).await;
    assert_eq!(fixed.code(), "INVALID_FIELD_FOR_INSERT_UPDATE");
}

#[tokio::test]
async fn a_validation_rule_says_what_the_admin_wrote() {
    let client = described().await;
    let path = format!("{V}/sobjects/Opportunity");
    let lost = |step: &str| json!({"Name": "O", "StageName": "Closed Lost", "CloseDate": "2026-12-01", "NextStep": step});
    let refused = client.json("POST", &path, lost("")).await;
    assert_eq!(
        refused.json(),
        json!([{"message": "Sagen Sie, warum.", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["NextStep"]}])
    );
    assert_eq!(client.json("POST", &path, lost("Price")).await.status, 201);
    let rule = json!({"object": "Account", "when": {"Name": "forbidden"}, "message": "No."});
    client.control("POST", "/validation-rules", rule).await;
    let account = json!({"Name": "Forbidden"});
    let refused = client.json("POST", &format!("{V}/sobjects/Account"), account).await;
    assert_eq!(refused.code(), "FIELD_CUSTOM_VALIDATION_EXCEPTION");
}

#[tokio::test]
async fn a_duplicate_is_detected_unless_the_client_insists() {
    let client = described().await;
    let path = format!("{V}/sobjects/Contact");
    let body = json!({"LastName": "Twin", "Email": "Twin@example.com"});
    let first = client.json("POST", &path, body.clone()).await.json();
    let refused = client.json("POST", &path, body.clone()).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "DUPLICATES_DETECTED"));
    let details = &refused.json()[0]["duplicateResut"];
    assert_eq!(
        (&details["allowSave"], &details["duplicateRule"]),
        (&json!(true), &json!("Same_Email"))
    );
    assert_eq!(details["matchResults"][0]["matchRecords"][0]["record"]["Id"], first["id"]);
    let insisting = client
        .request("POST", &path)
        .header("Sforce-Duplicate-Rule-Header", "allowSave=true")
        .json(&body);
    assert_eq!(client.send(insisting).await.status, 201);
    let same = json!({"Title": "CEO", "Email": "twin@example.com"});
    let own = format!("{path}/{}", first["id"].as_str().unwrap());
    assert_eq!(client.json("PATCH", &own, same).await.status, 204);
    let rows = json!({"records": [{"attributes": {"type": "Contact"}, "LastName": "T", "Email": "twin@example.com"}]});
    let row = client.json("POST", &format!("{V}/composite/sobjects"), rows).await.json()[0].clone();
    assert_eq!(row["errors"][0]["statusCode"], "DUPLICATES_DETECTED");
    assert_eq!(row["errors"][0]["duplicateResut"], json!(null));
    let lead = json!({"LastName": "Twin", "Company": "Two"});
    let path = format!("{V}/sobjects/Lead");
    client.json("POST", &path, lead.clone()).await;
    let insisting = client
        .request("POST", &path)
        .header("Sforce-Duplicate-Rule-Header", "allowSave=true")
        .json(&lead);
    let refused = client.send(insisting).await;
    assert_eq!(refused.json()[0]["duplicateResult"]["allowSave"], false);
}

#[tokio::test]
async fn a_rule_can_be_for_the_users_of_one_profile() {
    let client = Client::start().await;
    let rule = |profile: &str| json!({"object": "Account", "when": {"Name": "Ours"}, "message": "No.", "profile": profile});
    client.control("POST", "/validation-rules", rule("Integration")).await;
    let path = format!("{V}/sobjects/Account");
    assert_eq!(client.json("POST", &path, json!({"Name": "Ours"})).await.status, 201);
    client.control("POST", "/validation-rules", rule("System Administrator")).await;
    assert_eq!(client.json("POST", &path, json!({"Name": "Ours"})).await.status, 400);
}

#[tokio::test]
async fn a_row_is_refused_with_any_code_on_command() {
    let client = described().await;
    let fault = json!({
        "path": "{V}/composite/sobjects",
        "kind": "refuse-row",
        "code": "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "message": "insufficient access rights on cross-reference id",
    });
    client.control("POST", "/faults", fault).await;
    let row = json!({"attributes": {"type": "Task"}, "Subject": "A"});
    let body = json!({"records": [row, row]});
    let rows = client.json("POST", &format!("{V}/composite/sobjects"), body).await.json();
    assert_eq!(rows[0]["errors"][0]["statusCode"], "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY");
    assert_eq!(rows[1]["success"], true);
}

#[test]
fn a_wrong_description_is_named() {
    for (file, word) in [
        ("[[objects]]\nname = 'V__c'\nsize = 3", "size"),
        ("[[validationRules]]\nobject = 'Lead'", "message"),
        ("nonsense", "="),
    ] {
        let error = Description::read(file).unwrap_err();
        assert!(error.contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_formula_follows_its_record_and_its_parent_without_a_new_stamp() {
    let client = Client::start().await;
    let field =
        |name: &str, formula: &str| json!({"object": "Contact", "name": name, "formula": formula});
    let greets = "IF(ISBLANK(Account.Name), \"alone\", FirstName & \" at \" & Account.Name)";
    client.control("POST", "/fields", field("Greets__c", greets)).await;
    let describe = client.get(&format!("{V}/sobjects/Contact/describe")).await.json();
    let fields = describe["fields"].as_array().unwrap();
    let shown = fields.iter().find(|field| field["name"] == "Greets__c").unwrap();
    assert_eq!(
        (&shown["calculated"], &shown["createable"], &shown["calculatedFormula"]),
        (&json!(true), &json!(false), &json!(greets))
    );
    let soql = "SELECT Id, Greets__c, SystemModstamp, Account.Id FROM Contact WHERE AccountId != null \
                AND Greets__c LIKE '% at %' ORDER BY Id LIMIT 1";
    let before = client.query(soql).await["records"][0].clone();
    let account = before["Account"]["Id"].as_str().unwrap();
    let path = format!("{V}/sobjects/Account/{account}");
    assert_eq!(client.json("PATCH", &path, json!({"Name": "Renamed"})).await.status, 204);
    let after = client.query(soql).await["records"][0].clone();
    assert!(after["Greets__c"].as_str().unwrap().ends_with(" at Renamed"));
    assert_eq!(after["SystemModstamp"], before["SystemModstamp"]);
    let own = format!("{V}/sobjects/Contact/{}", before["Id"].as_str().unwrap());
    client.json("PATCH", &own, json!({"AccountId": null})).await;
    assert_eq!(client.get(&format!("{own}?fields=Greets__c")).await.json()["Greets__c"], "alone");
    let written = client.json("PATCH", &own, json!({"Greets__c": "x"})).await;
    assert_eq!(written.code(), "INVALID_FIELD_FOR_INSERT_UPDATE");
}

#[tokio::test]
async fn an_object_can_be_hidden_from_the_callers_or_be_for_reading_only() {
    let client = Client::start().await;
    client.control("PUT", "/object-security", json!({"object": "Account", "visible": false})).await;
    assert_eq!(client.get(&format!("{V}/sobjects/Account/describe")).await.status, 404);
    let query = |soql: &str| client.request("GET", &format!("{V}/query")).query(&[("q", soql)]);
    let missing = client.send(query("SELECT Id FROM Account")).await;
    assert_eq!((missing.status, missing.code().as_str()), (400, "INVALID_TYPE"));
    let parent = client.send(query("SELECT Account.Name FROM Contact")).await;
    assert_eq!(parent.code(), "INVALID_FIELD");
    client.control("PUT", "/object-security", json!({"object": "Account", "readOnly": true})).await;
    let path = format!("{V}/sobjects/Account");
    let refused = client.json("POST", &path, json!({"Name": "A"})).await;
    assert_eq!(refused.code(), "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY");
}

#[tokio::test]
async fn a_record_that_sharing_takes_away_leaves_no_trace_and_comes_back_as_it_was() {
    let client = Client::start().await;
    let soql = "SELECT Id, SystemModstamp FROM Contact ORDER BY Id LIMIT 1";
    let before = client.query(soql).await["records"][0].clone();
    let id = before["Id"].as_str().unwrap();
    let path = format!("{V}/sobjects/Contact/{id}");
    client.control("POST", "/records/hide", json!({"ids": [id]})).await;
    assert_eq!(client.get(&path).await.status, 404);
    let all = client.request("GET", &format!("{V}/queryAll"));
    let all = all.query(&[("q", format!("SELECT Id FROM Contact WHERE Id = '{id}'"))]);
    assert_eq!(client.send(all).await.json()["totalSize"], 0);
    client.control("POST", "/records/show", json!({"ids": [id]})).await;
    assert_eq!(client.query(soql).await["records"][0], before);
}

#[tokio::test]
async fn an_account_is_written_only_in_the_state_that_the_client_has_seen() {
    let client = Client::start().await;
    let id = client.query("SELECT Id FROM Account LIMIT 1").await["records"][0]["Id"].clone();
    let path = format!("{V}/sobjects/Account/{}", id.as_str().unwrap());
    let seen = client.get(&path).await;
    let tag = seen.header("etag").to_owned();
    let again = client.request("GET", &path).header("If-None-Match", &tag);
    assert_eq!(client.send(again).await.status, 304);
    let write = |name: &str| {
        client.request("PATCH", &path).header("If-Match", &tag).json(&json!({"Name": name}))
    };
    assert_eq!(client.send(write("First")).await.status, 204);
    let refused = client.send(write("Second")).await;
    assert_eq!((refused.status, refused.code().as_str()), (412, "PRECONDITION_FAILED"));
    let contact = client.query("SELECT Id FROM Contact LIMIT 1").await["records"][0]["Id"].clone();
    let contact = client.get(&format!("{V}/sobjects/Contact/{}", contact.as_str().unwrap())).await;
    assert_eq!(contact.header("etag"), "");
}

#[tokio::test]
async fn answers_and_bodies_can_be_packed() {
    let client = Client::start().await;
    let path = format!("{V}/sobjects/Contact/describe");
    let plain = client.get(&path).await;
    assert_eq!(plain.header("content-encoding"), "");
    let packed = client.request("GET", &path).header("Accept-Encoding", "gzip");
    let packed = packed.send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert!(packed.bytes().await.unwrap().len() * 4 < plain.text.len());
}

#[tokio::test]
async fn an_org_can_be_behind_the_latest_release() {
    let client = Client::start().await;
    client.control("PATCH", "/settings", json!({"newestVersion": 64})).await;
    let versions = client.get("/services/data").await.json();
    assert_eq!(versions.as_array().unwrap().last().unwrap()["version"], "64.0");
    assert_eq!(client.get(&format!("{V}/limits")).await.status, 404);
    assert_eq!(client.get("/services/data/v64.0/limits").await.status, 200);
}

#[tokio::test]
async fn a_record_that_waits_to_be_approved_is_locked_until_it_is() {
    let client = Client::start().await;
    let first = client.query("SELECT Id FROM Contact LIMIT 1").await["records"][0].clone();
    let id = first["Id"].as_str().unwrap();
    let path = format!("{V}/sobjects/Contact/{id}");
    let waiting = "SELECT Status FROM ProcessInstance WHERE TargetObjectId = ";
    let states = async || client.query(&format!("{waiting}'{id}'")).await["records"].take();
    assert_eq!(states().await, json!([]));
    client.control("POST", "/records/submit", json!({"ids": [id]})).await;
    assert_eq!(states().await[0]["Status"], "Pending");
    let changed = client.json("PATCH", &path, json!({"Title": "CEO"})).await;
    assert_eq!(changed.code(), "ENTITY_IS_LOCKED");
    assert_eq!(client.send(client.request("DELETE", &path)).await.code(), "ENTITY_IS_LOCKED");
    client.control("POST", "/records/approve", json!({"ids": [id]})).await;
    assert_eq!(states().await[0]["Status"], "Approved");
    assert_eq!(client.json("PATCH", &path, json!({"Title": "CEO"})).await.status, 204);
}
