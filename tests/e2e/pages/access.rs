//! Who gets in at the pages, and what they may do.

use serde_json::json;

use super::Served;
use crate::cast::{ADA, meeting, stage};
use crate::world::{Browser, World, assert_fails, assert_says, text};

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
