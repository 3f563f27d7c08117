//! The pages, as people meet them: in a real browser, against an org that answers at the wire.

use serde_json::json;

use crate::cast::{ADA, description, meeting, stage, tasks, with_items};
use crate::world::{Browser, Running, World, array, assert_fails, assert_says, eventually, text};

/// The daemon, a link that signs in, and the address of its pages.
struct Served {
    daemon: Running,
    link: String,
    base: String,
}

impl Served {
    async fn start(world: &World) -> Self {
        let mut daemon = world.spawn(&["serve"]);
        daemon.line_starting("Pages are at").await;
        let link = text(&world.json(&["web"]).await["url"]);
        let base = link.split("/login").next().unwrap().to_owned();
        Self { daemon, link, base }
    }

    /// Returns the address of a page of the connected org.
    async fn page(&self, world: &World, path: &str) -> String {
        format!("{}/orgs/{}{path}", self.base, world.org_id().await)
    }

    async fn end(self, browser: Browser) {
        browser.close().await;
        self.daemon.terminate().await;
        self.daemon.end().await.succeeded();
    }
}

/// Opens a browser, signed in by a link.
async fn signed_in(link: &str) -> Browser {
    let browser = Browser::open().await;
    browser.goto(link).await;
    browser.click("Sign in").await;
    browser.says("Integrations").await;
    browser
}

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
async fn pages_are_readable_in_the_dark_and_on_a_phone() {
    let (world, _cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    world.sync().await;
    let served = Served::start(&world).await;
    let browser = signed_in(&served.link).await;
    let base = served.page(&world, "").await;
    let pages = [
        "",
        "/runs",
        "/changes",
        "/records/Contact",
        "/meetings",
        "/doctor",
        "/setup/fields/Contact",
    ];
    for (device, width, is_dark) in
        [("phone", 390, false), ("dark", 1280, true), ("dark-phone", 390, true)]
    {
        browser.become_device(width, 844, is_dark).await;
        for page in pages {
            browser.goto(&format!("{base}{page}")).await;
            browser.find("h1").await;
            browser.assert_accessible().await;
            let overflow =
                browser.run("return document.documentElement.scrollWidth - innerWidth").await;
            assert!(
                overflow.as_i64().unwrap() <= 0,
                "{page} is {overflow} pixels too wide on {device}"
            );
            let name = if page.is_empty() { "status" } else { page.rsplit('/').next().unwrap() };
            browser.picture(&format!("{device}-{name}")).await;
        }
    }
    served.end(browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_a_link_and_a_viewer_changes_nothing() {
    let (world, _cast) = stage().await;
    let served = Served::start(&world).await;
    let base = served.base.clone();
    let org = world.org_id().await;
    let http =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for path in ["/", "/audit", &format!("/orgs/{org}"), &format!("/orgs/{org}/live")] {
        let answer = http.get(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 303, "{path}");
        assert!(answer.headers()["location"].to_str().unwrap().starts_with("/login"), "{path}");
    }
    let another = http.get(format!("{base}/")).header("Host", "evil.example").send().await.unwrap();
    assert_eq!(another.status(), 421);

    // A viewer's link, by hand: the cookie, and the token of a form.
    let link = text(&world.json(&["web", "--viewer"]).await["url"]);
    let signed = http.post(&link).send().await.unwrap();
    let cookie = signed.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert_says(&cookie, &["HttpOnly", "SameSite=Lax", "Path=/"]);
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let page =
        http.get(format!("{base}/orgs/{org}")).header("Cookie", &cookie).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert_says(&policy, &["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]);
    let page = page.text().await.unwrap();
    assert!(page.len() < 100_000, "{}", page.len());
    let token =
        page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let post = async |token: &str| {
        let request = http.post(format!("{base}/orgs/{org}/pause")).header("Cookie", &cookie);
        request.form(&[("token", token), ("pause", "on")]).send().await.unwrap()
    };
    let refused = post("another site's guess").await;
    assert_eq!(refused.status(), 403);
    assert_says(&refused.text().await.unwrap(), &["did not come from this page"]);
    let refused = post(&token).await;
    assert_eq!(refused.status(), 403);
    assert_says(&refused.text().await.unwrap(), &["You may look, but not change anything"]);
    assert_eq!(world.json(&["status"]).await["orgs"][0]["objects"][0]["paused_at"], json!(null));
    assert_eq!(http.post(&link).send().await.unwrap().status(), 403, "a link is used once");

    let attempts = async || {
        let form = [("role", "admin"), ("password", "wrong password")];
        http.post(format!("{base}/login")).form(&form).send().await.unwrap().status().as_u16()
    };
    // All at once: a place is free again every few seconds.
    let statuses = futures_util::future::join_all((0..40).map(|_| attempts())).await;
    assert!(statuses.contains(&429), "{statuses:?}");
    served.daemon.terminate().await;
    served.daemon.end().await.succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_signs_in_and_pages_are_not_served_to_others_without_one() {
    let world = World::start().await;
    let refused = world.efficlose(&["serve", "--listen", "0.0.0.0:0"]).await;
    assert_fails(refused, "0.0.0.0:0 is reached by other machines", "efficlose web password");
    world.efficlose_fed(&["web", "password"], "short\n").await.failed();
    world.efficlose_fed(&["web", "password"], "correct horse battery\n").await.succeeded();
    let refused = world.efficlose(&["serve", "--listen", "0.0.0.0:0"]).await;
    assert_fails(refused, "0.0.0.0:0 is reached by other machines", "public_url");
    let served = Served::start(&world).await;
    let browser = Browser::open().await;
    browser.goto(&format!("{}/audit", served.base)).await;
    browser.assert_accessible().await;
    browser.fill("#password", "wrong horse battery").await;
    browser.click("Sign in").await;
    browser.says("This is not the password").await;
    browser.fill("#password", "correct horse battery").await;
    browser.click("Sign in").await;
    browser.says("signed in by password").await;
    browser.click("Sign out").await;
    browser.find("#password").await;
    served.end(browser).await;
}

/// Signs in by hand with a link that `efficlose web` makes; returns a client that bears the
/// cookie, and the token of its forms.
async fn signed_in_by_hand(world: &World, link: &[&str], page: &str) -> (reqwest::Client, String) {
    let link = text(&world.json(link).await["url"]);
    let policy = reqwest::redirect::Policy::none;
    let plain = reqwest::Client::builder().redirect(policy()).build().unwrap();
    let signed = plain.post(&link).send().await.unwrap();
    let cookie =
        signed.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let headers = [(reqwest::header::COOKIE, cookie.parse().unwrap())].into_iter().collect();
    let http =
        reqwest::Client::builder().redirect(policy()).default_headers(headers).build().unwrap();
    let page = http.get(page).send().await.unwrap().text().await.unwrap();
    let token = page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    (http, token.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_something_is_for_admins_and_comes_from_our_own_pages() {
    let (world, cast) = stage().await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    world.sync().await;
    let served = Served::start(&world).await;
    let status = served.page(&world, "").await;
    let (viewer, their_token) = signed_in_by_hand(&world, &["web", "--viewer"], &status).await;
    let (admin, token) = signed_in_by_hand(&world, &["web"], &status).await;
    let org = world.org_id().await;
    let changing = [
        "/connect",
        "/sync",
        "/pause",
        "/retry",
        "/disconnect",
        "/matches",
        "/changes/1/undo",
        "/undo",
        "/plan",
        "/setup/discard",
        "/setup/objects",
        "/setup/fields/Contact",
        "/setup/matching",
        "/setup/review",
        "/mappings/Contact",
        "/mappings/Contact/preview",
        "/mappings/Contact/replay",
        "/mappings/Contact/case",
        "/mappings/Contact/back",
    ];
    for path in changing {
        let url = if path == "/connect" {
            format!("{}{path}", served.base)
        } else {
            format!("{status}{path}")
        };
        let refused = viewer.post(&url).form(&[("token", &their_token)]).send().await.unwrap();
        assert_eq!(refused.status(), 403, "a viewer at {path}");
        let refused = admin.post(&url).form(&[("token", &their_token)]).send().await.unwrap();
        assert_eq!(refused.status(), 403, "another's token at {path}");
        let forged =
            admin.post(&url).header("Sec-Fetch-Site", "cross-site").form(&[("token", &token)]);
        assert_eq!(forged.send().await.unwrap().status(), 403, "another site at {path}");
        let forged =
            admin.post(&url).header("Origin", "https://evil.example").form(&[("token", &token)]);
        assert_eq!(forged.send().await.unwrap().status(), 403, "another origin at {path}");
    }
    for path in ["/doctor", "/setup/objects", "/setup/review", "/mappings/Contact"] {
        let refused = viewer.get(format!("{status}{path}")).send().await.unwrap();
        assert_eq!(refused.status(), 403, "a viewer looks at {path}");
    }
    for path in [
        "",
        "/runs",
        "/changes",
        "/meetings/m1",
        "/mappings",
        &format!("/records/Contact/{}", cast.contact),
    ] {
        let shown = viewer.get(format!("{status}{path}")).send().await.unwrap();
        assert_eq!(shown.status(), 200, "a viewer looks at {path}");
    }
    let unknown =
        admin.get(format!("{}/orgs/00Dxx0000001gPLEAY", served.base)).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    let local = status.replace("localhost", "127.0.0.1");
    let sent_on = admin.get(&local).send().await.unwrap();
    assert_eq!(sent_on.headers()["location"], status.as_str(), "there is one name, and one cookie");
    assert_eq!(world.json(&["status"]).await["orgs"][0]["org"], json!(org));
    assert_eq!(world.json(&["changes", "list"]).await[0]["undone"], json!(false));

    // What is live ends with the session.
    let live = admin.get(format!("{status}/live")).send().await.unwrap();
    assert_eq!(live.status(), 200);
    admin.post(format!("{}/logout", served.base)).send().await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(60), live.bytes()).await.unwrap().unwrap();
    assert_eq!(admin.get(&status).send().await.unwrap().status(), 303);
    served.daemon.terminate().await;
    served.daemon.end().await.succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_tells_who_someone_is_and_nobody_else_does() {
    let (world, _cast) = stage().await;
    let file = world.home().join("config.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let proxy = |from: &str| {
        format!(
            "{settings}\n[web.proxy]\nuser_header = \"X-Email\"\nadmins = [\"ada@a.example\"]\nfrom = [\"{from}\"]\n"
        )
    };
    let http =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let get = async |url: &str, names: &[&str]| {
        let request =
            names.iter().fold(http.get(url), |request, name| request.header("X-Email", *name));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for (from, is_believed) in [("127.0.0.1", true), ("10.0.0.2", false)] {
        std::fs::write(&file, proxy(from)).unwrap();
        let served = Served::start(&world).await;
        let audit = format!("{}/audit", served.base);
        let (status, page) = get(&audit, &["Ada@a.example"]).await;
        assert_eq!(status == 200 && page.contains("Ada@a.example"), is_believed, "from {from}");
        if is_believed {
            assert_eq!(get(&audit, &["leo@a.example"]).await.0, 403, "all others may look");
            assert_eq!(get(&format!("{}/", served.base), &["leo@a.example"]).await.0, 200);
        }
        assert_eq!(
            get(&audit, &["ada@a.example", "leo@a.example"]).await.0,
            303,
            "one has said it twice"
        );
        assert_eq!(get(&audit, &[]).await.0, 303);
        served.daemon.terminate().await;
        served.daemon.end().await.succeeded();
    }
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
