//! Several orgs of one host: what keeps one from being shown hides no other.

use serde_json::Value as Json;

use crate::world::{Org, World, array, assert_says, text};

/// What is said of a store that holds something else.
const WHY: &str = "not a database";

/// Starts a world with a sick org, whose store can't be read, and a well one; returns their ids.
async fn world_with_a_sick_org() -> (World, Org, String, String) {
    let world = World::ready().await;
    let sick = world.org_id().await;
    let (org, well) = world.connect_another().await;
    world.sync().await;
    let store = world.home().join("orgs").join(&sick).join("store.db");
    std::fs::write(store, [7_u8; 8_192]).unwrap();
    (world, org, sick, well)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_read_hides_no_other_org() {
    let (world, _org, sick, well) = world_with_a_sick_org().await;
    for (command, shown) in [
        ("status --json", "objects"),
        ("sync --plan --json", "steps"),
        ("sync --dry-run --json", "changes"),
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let output = world.efficlose(&words).await.failed();
        assert_says(&text(&output.error()["message"]), &[WHY]);
        let orgs = array(output.json()["orgs"].take());
        assert_eq!(orgs.len(), 2, "{orgs:?}");
        let of = |org: &str| orgs.iter().find(|one| one["org"] == org).unwrap();
        assert_says(&text(&of(&sick)["error"]["message"]), &[WHY]);
        assert_eq!(of(&well)["error"], Json::Null, "{command}");
        assert!(of(&well)[shown].is_array(), "{command}: {orgs:?}");
    }
    let said = world.efficlose(&["status"]).await.failed().stdout;
    assert_says(&said, &[&sick, WHY, &well, "Connected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_watches_is_told_which_org_cannot_be_read_and_how_the_others_stand() {
    let (world, _org, sick, well) = world_with_a_sick_org().await;
    let mut daemon = world.spawn(&["serve"]);
    let said = daemon.line_starting("Pages are at ").await;
    let base = said.split([' ', ';']).find(|word| word.starts_with("http")).unwrap();
    let metrics = world.org.browse(&format!("{base}/metrics")).await.text().await.unwrap();
    assert_says(
        &metrics,
        &[
            &format!("efficlose_readable{{org=\"{sick}\"}} 0"),
            &format!("efficlose_readable{{org=\"{well}\"}} 1"),
            &format!("efficlose_records{{org=\"{well}\",object=\"Contact\"}} 30"),
            "# EOF",
        ],
    );
    daemon.terminate().await;
    daemon.end().await.succeeded();
}
