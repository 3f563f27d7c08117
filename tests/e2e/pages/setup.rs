//! Connecting and setting up at the pages.

use serde_json::json;

use super::{Served, signed_in};
use crate::world::{World, assert_says, eventually, text};

#[tokio::test(flavor = "multi_thread")]
async fn an_org_is_connected_set_up_and_synced_without_leaving_the_browser() {
    let world = World::start().await;
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    browser.assert_accessible().await;
    browser.picture("integrations").await;

    browser.click("Connect").await;
    browser.assert_accessible().await;
    browser.click("Your own domain").await;
    let [.., login, _, app] = world.org.connect_arguments();
    browser.fill("#domain", login).await;
    browser.fill("#client_id", app).await;
    browser.click("Connect").await;
    // This is Salesforce's own page.
    browser.click("Allow").await;

    browser.says("Choose what is kept in step").await;
    browser.assert_accessible().await;
    browser.picture("setup-objects").await;
    browser.choose("[name='way.Lead']", "pull").await;
    browser.choose("[name='every.Contact']", "60").await;
    browser.click("Next: fields").await;
    for object in ["Account", "Contact", "Lead", "Opportunity", "Task"] {
        browser.find(&format!("a[href$='fields/{object}'][aria-current]")).await;
        if object == "Contact" {
            browser.assert_accessible().await;
            browser.picture("setup-fields").await;
            browser.fill("#search", "description").await;
            let shown = "return [...document.querySelectorAll('#fields tbody tr')].filter((row) => !row.hidden).length";
            assert_eq!(browser.run(shown).await, json!(1));
            browser.choose("[name='policy.Description']", "crm-wins").await;
            // Going elsewhere by a link keeps that.
            browser.click("Task").await;
            browser.find("a[href$='fields/Task'][aria-current]").await;
            browser.click("Contact").await;
            browser.find("a[href$='fields/Contact'][aria-current]").await;
            let chosen = "return document.querySelector(\"[name='policy.Description']\").value";
            assert_eq!(browser.run(chosen).await, json!("crm-wins"));
        }
        browser.click("Next").await;
    }
    browser.says("A meeting is about the records").await;
    browser.assert_accessible().await;
    browser.fill("#own_domains", "northwind.example").await;
    browser.click("Next: review").await;
    browser.says("What the first sync takes").await;
    browser.assert_accessible().await;
    browser.picture("setup-review").await;
    let contacts =
        world.org.soql("SELECT Name FROM Contact ORDER BY SystemModstamp, Id LIMIT 1").await;
    browser.says(&text(&contacts[0]["Name"])).await;
    browser.click("Enable").await;

    browser.says("Northwind").await;
    // What comes of it is seen without loading the page again.
    browser.says("Connected").await;
    eventually("all objects to be imported", async || {
        world.json(&["status"]).await["orgs"][0]["objects"]
            .as_array()
            .is_some_and(|all| all.iter().all(|one| one["last_pull"]["ended"] == "complete"))
    })
    .await;
    let contacts = "return [...document.querySelectorAll('tbody tr')]
        .find((row) => row.textContent.includes('Contact'))
        ?.querySelector('[data-label=Records]')?.textContent";
    eventually("the page to tell of the records", async || {
        browser.run(contacts).await == json!("30")
    })
    .await;
    browser.assert_accessible().await;
    world.assert_in_step().await;
    let settings = std::fs::read_to_string(world.home().join("config.toml")).unwrap();
    assert_says(
        &settings,
        &["Description = \"crm-wins\"", "every_minutes = 60", "push = false", "northwind.example"],
    );

    browser.goto(&served.link).await;
    browser.says("This link was used, or is too old").await;
    served.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_login_is_explained_and_can_be_tried_again() {
    let world = World::start().await;
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    let [.., login, _, app] = world.org.connect_arguments();
    for (app, button, said) in [
        (app, "Deny", "Salesforce is not connected"),
        ("3MVG9unknown", "", "client identifier invalid"),
    ] {
        browser.click("Integrations").await;
        browser.click("Connect").await;
        browser.click("Your own domain").await;
        browser.fill("#domain", login).await;
        browser.fill("#client_id", app).await;
        browser.click("Connect").await;
        if !button.is_empty() {
            browser.click(button).await;
        }
        browser.find("[role=alert]").await;
        assert_says(&browser.text().await, &[said]);
        browser.goto(&served.base).await;
    }
    served.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_set_up_needs_no_mouse() {
    let world = World::start().await;
    world.connect().await;
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    browser.goto(&served.page(&world, "/setup").await).await;
    browser.says("Choose what is kept in step").await;
    // Tab goes to everything in the order in which it is read; Enter presses what has the focus.
    let press = async |label: &str| {
        let focused = "return (document.activeElement?.textContent || '').trim()";
        for _ in 0..2_000 {
            if browser.run(focused).await == json!(label) {
                browser.press("\u{E007}").await;
                return;
            }
            browser.press("\u{E004}").await;
        }
        panic!("no Tab leads to {label}");
    };
    press("Next: fields").await;
    for object in ["Account", "Contact", "Lead", "Opportunity", "Task"] {
        browser.find(&format!("a[href$='fields/{object}'][aria-current]")).await;
        press("Next").await;
    }
    browser.says("A meeting is about the records").await;
    press("Next: review").await;
    browser.says("What the first sync takes").await;
    press("Enable").await;
    browser.says("Connection").await;
    eventually("all objects to be imported", async || world.records("Task").await.len() == 20)
        .await;
    served.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_that_is_looked_at_changes_nothing_and_keeps_what_it_does_not_show() {
    let world = World::ready().await;
    world.sync().await;
    let file = world.home().join("config.toml");
    let org = world.org_id().await;
    // What the pages show nothing of: a field that is hidden, a policy of an import only.
    let mut settings: toml_edit::DocumentMut =
        std::fs::read_to_string(&file).unwrap().parse().unwrap();
    let contact = &mut settings["orgs"][&org]["objects"]["Contact"];
    contact["mapping"]["custom_fields"] = toml_edit::value("Hidden__c:number");
    contact["policies"]["Description"] = toml_edit::value("crm-wins");
    contact["push"] = toml_edit::value(false);
    std::fs::write(&file, settings.to_string()).unwrap();
    world.sync().await;
    let before = world.json(&["mapping", "list"]).await;
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    browser.goto(&served.page(&world, "/setup").await).await;
    browser.click("Next: fields").await;
    for object in ["Account", "Contact", "Lead", "Opportunity", "Task"] {
        browser.find(&format!("a[href$='fields/{object}'][aria-current]")).await;
        browser.click("Next").await;
    }
    browser.fill("#free_mail", "mail.example").await;
    browser.click("Next: review").await;
    browser.says("What the first sync takes").await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), settings.to_string());
    assert_eq!(world.json(&["mapping", "list"]).await, before);
    browser.click("Enable").await;
    browser.says("Connection").await;
    let after = std::fs::read_to_string(&file).unwrap();
    assert_says(
        &after,
        &["Hidden__c:number", "Description = \"crm-wins\"", "push = false", "mail.example"],
    );

    // A draft that was begun before somebody else set something up is over.
    browser.goto(&served.page(&world, "/setup/matching").await).await;
    browser.fill("#free_mail", "other.example").await;
    browser.click("Next: review").await;
    browser.says("What the first sync takes").await;
    world.ok(&["setup", "--yes", "--every", "30"]).await;
    browser.click("Enable").await;
    browser.says("This is not what is chosen by now").await;
    assert_says(&std::fs::read_to_string(&file).unwrap(), &["every_minutes = 30", "mail.example"]);
    served.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_set_up_goes_on_where_an_object_is_hidden() {
    let world = World::start().await;
    world.connect().await;
    world.org.secure_object(json!({ "object": "Lead", "visible": false })).await;
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    browser.goto(&served.page(&world, "/setup").await).await;
    browser.click("Next: fields").await;
    for object in ["Account", "Contact"] {
        browser.find(&format!("a[href$='fields/{object}'][aria-current]")).await;
        browser.click("Next").await;
    }
    browser.says("The connected user does not see Lead").await;
    browser.assert_accessible().await;
    browser.click("Next").await;
    for object in ["Opportunity", "Task"] {
        browser.find(&format!("a[href$='fields/{object}'][aria-current]")).await;
        browser.click("Next").await;
    }
    browser.click("Next: review").await;
    browser.says("The others can be enabled").await;
    browser.click("Enable").await;
    browser.says("Connection").await;
    eventually("the others to be imported", async || world.records("Task").await.len() == 20).await;
    served.end(browser).await;
}
