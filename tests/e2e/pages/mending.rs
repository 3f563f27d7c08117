//! What a person decides at the pages: what failed, what is chosen, what is taken back.

use serde_json::json;

use super::{Served, signed_in};
use crate::cast::{ADA, description, meeting, stage, tasks, with_items};
use crate::world::{array, assert_says, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_mended_and_retried_at_the_page() {
    let (world, _cast) = stage().await;
    let error = json!({
        "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "message": "A task needs a due date", "fields": ["ActivityDate"],
    });
    let refusal = json!({
        "method": "POST", "path": "{V}/composite/sobjects", "kind": "status", "status": 200,
        "body": [{ "success": false, "errors": [error] }],
    });
    world.sync().await;
    world.org.fault(refusal).await;
    let told = with_items(meeting(&world.org, "m1", 2, &[ADA]), &[("a", "Send the plan")]);
    world.tell(&[told]).await;
    world.json(&["sync", "--object", "Task"]).await;
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    browser.goto(&served.page(&world, "").await).await;
    browser.says("A task needs a due date").await;
    browser.assert_accessible().await;
    browser.picture("status-failure").await;
    browser.click("Retry").await;
    eventually("the task to be made", async || tasks(&world.org).await.len() == 1).await;
    eventually("the failure to go", async || {
        !browser.text().await.contains("A task needs a due date")
    })
    .await;
    browser.click("Audit trail").await;
    browser.says("retried 1 failures").await;
    served.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_taken_back_at_the_page() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    world.sync().await;
    assert_says(&description(&world.org, "Contact", &cast.contact).await, &["Learned in m1"]);
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    let base = served.page(&world, "").await;
    let change = array(world.json(&["changes", "list", &cast.contact]).await).remove(0);
    browser.goto(&format!("{base}/records/Contact/{}", cast.contact)).await;
    browser.says("What efficlose wrote").await;
    browser.assert_accessible().await;
    browser.picture("record").await;
    browser.goto(&format!("{base}/meetings/m1")).await;
    browser.says("Matched to").await;
    browser.assert_accessible().await;
    browser.picture("meeting").await;
    browser.goto(&format!("{base}/changes/{}/undo", change["id"])).await;
    browser.says("Each field gets the value of before").await;
    browser.assert_accessible().await;
    browser.click("Look what that would do").await;
    browser.says("The record gets these values back").await;
    browser.assert_accessible().await;
    browser.click("Take it back").await;
    browser.says("taken back").await;
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, "Met at the fair.");
    served.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sync_would_write_is_seen_before_and_all_of_a_meeting_is_taken_back_after() {
    let (world, cast) = stage().await;
    world.sync().await;
    world.ok(&["pause"]).await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    browser.goto(&served.page(&world, "/changes").await).await;
    browser.click("Show what the next sync would write").await;
    browser.says("Nothing was written").await;
    browser.says("Learned in m1").await;
    browser.assert_accessible().await;
    browser.picture("plan").await;
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, "Met at the fair.");
    browser.goto(&served.page(&world, "").await).await;
    browser.click("Resume all").await;
    eventually("the meeting to be written", async || {
        description(&world.org, "Contact", &cast.contact).await.contains("Learned in m1")
            && description(&world.org, "Opportunity", &cast.deal).await.contains("Learned in m1")
    })
    .await;
    eventually("the sync to end", async || {
        let runs = array(world.json(&["runs"]).await);
        runs.iter().all(|run| run["ended"] != "running")
    })
    .await;
    browser.goto(&served.page(&world, "/changes?meeting=m1").await).await;
    browser.click("Look what taking all of it back would do").await;
    browser.says("would be taken back, the newest first").await;
    browser.assert_accessible().await;
    browser.click("Take all of it back").await;
    browser.says("were taken back").await;
    assert_eq!(description(&world.org, "Contact", &cast.contact).await, "Met at the fair.");
    let deal = world.org.get("Opportunity", &cast.deal, "Description").await;
    assert_eq!(deal["Description"], json!(null));
    served.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_chooses_at_the_page_where_nobody_guesses() {
    let (world, cast) = stage().await;
    let twin = world.org.create("Contact", json!({ "LastName": "Second", "Email": ADA })).await;
    world.tell(&[meeting(&world.org, "m1", 3, &[ADA])]).await;
    world.sync().await;
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    let base = served.page(&world, "").await;
    browser.goto(&base).await;
    browser.click("Choose").await;
    browser.says("Who is ada@zebra.example?").await;
    browser.assert_accessible().await;
    browser.find(&format!("input[value='{twin}']")).await.click().await.unwrap();
    browser.click("Choose").await;
    browser.says("Nothing waits to be chosen.").await;
    browser.says("Chosen, for ever.").await;
    browser.says("What was chosen").await;
    eventually("the chosen one to be written", async || {
        description(&world.org, "Contact", &twin).await.contains("Learned in m1")
    })
    .await;
    assert!(!description(&world.org, "Contact", &cast.contact).await.contains("Learned"));
    served.end(browser).await;
}
