//! Mappings at the pages.

use super::{Served, signed_in};
use crate::cast::stage;
use crate::world::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_script_shows_what_it_would_change_as_one_types_and_is_taken_back_later() {
    let (world, cast) = stage().await;
    world.sync().await;
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    let base = served.page(&world, "").await;
    browser.goto(&format!("{base}/mappings")).await;
    browser.assert_accessible().await;
    browser.goto(&format!("{base}/mappings/Contact?form=js")).await;
    browser.says("What it would change").await;
    browser.fill("#text", "export const fields = [\"Name\"];\nexport function pull(record) { return { name: record.Name.toUpperCase() }; }").await;
    browser.says("ADA ZEBRA").await;
    browser.assert_accessible().await;
    browser.picture("mapping").await;
    browser.fill("#text", "export const fields = [\"Name\"];\nexport function pull(record) { return { name: record.Nome.trim() }; }").await;
    browser.says("Nome").await;
    browser.fill("#text", "export const fields = [\"Name\"];\nexport function pull(record) { return { name: record.Name.toUpperCase() }; }").await;
    browser.says("ADA ZEBRA").await;
    browser.click("Make a case of a record").await;
    browser.fill("#record", &cast.contact).await;
    browser.click("Make the case").await;
    browser.says("1 of 1 cases give what they should").await;
    browser.fill("#text", "export const fields = [\"Name\"];\nexport function pull(record) { return { name: record.Name }; }").await;
    browser.says("0 of 1 cases").await;
    browser.fill("#text", "export const fields = [\"Name\"];\nexport function pull(record) { return { name: record.Name.toUpperCase() }; }").await;
    browser.says("1 of 1 cases").await;
    browser.click("Use it").await;
    browser.says("contact.js").await;
    eventually("the record to be mapped anew", async || {
        world.record("Contact", &cast.contact).await["entity"]["name"] == "ADA ZEBRA"
    })
    .await;
    browser.goto(&format!("{base}/mappings/Contact")).await;
    browser.click("Go back to the one before").await;
    browser.says("in use: the default").await;
    eventually("the record to be as before", async || {
        world.record("Contact", &cast.contact).await["entity"]["name"] == "Ada Zebra"
    })
    .await;
    served.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_comes_from_another_field_by_a_table_that_is_a_field_map() {
    let (world, cast) = stage().await;
    world.sync().await;
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    browser.goto(&served.page(&world, "/mappings/Contact").await).await;
    browser.says("What it would change").await;
    browser.assert_accessible().await;
    browser.picture("mapping-table").await;
    for (column, field) in
        [("email", "Email"), ("company", "Account.Name"), ("birth_date", "Birthdate")]
    {
        browser.find(&format!("[name='column.{column}'][placeholder^='{field}, ']")).await;
    }
    browser.fill("#search", "title").await;
    browser.fill("[name='column.title']", "LastNam").await;
    browser.says("LastNam").await;
    browser.click("Use it").await;
    browser.find("[role=alert]").await;
    browser.fill("[name='column.title']", "LastName | upper").await;
    browser.says("ZEBRA").await;
    browser.click("Use it").await;
    browser.says("contact.toml").await;
    eventually("the record to be mapped anew", async || {
        world.record("Contact", &cast.contact).await["entity"]["title"] == "ZEBRA"
    })
    .await;
    let map = std::fs::read_to_string(world.home().join("mappings/contact.toml")).unwrap();
    assert_eq!(map, "[pull]\ntitle = \"LastName | upper\"\n");
    served.end(browser).await;
}
