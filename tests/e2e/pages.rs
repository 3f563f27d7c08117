//! The pages, as people meet them: in a real browser, against an org that answers at the wire.

mod access;
mod mappings;
mod mending;
mod setup;

use crate::cast::{ADA, meeting, stage};
use crate::world::{Browser, Running, World, text};

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
