//! Field maps that a customer brings.

use serde_json::{Value as Json, json};

use crate::cast::{LEO, meeting, stage};
use crate::world::{World, assert_says, text};

fn bring(world: &World, map: &str) {
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("lead.toml"), map).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_stands_in_for_what_the_default_says_and_nothing_else() {
    let (world, cast) = stage().await;
    let fields = json!({ "Phone": "1", "NumberOfEmployees": 900, "Company": "Lynx Inc." });
    world.org.patch("Lead", &cast.lead, fields).await;
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/lead.toml");
    world.ok(&["mapping", "use", example]).await;
    world.tell(&[meeting(&world.org, "m-1", 1, &[LEO])]).await;
    world.sync().await;
    let lead = world.record("Lead", &cast.lead).await["entity"].clone();
    assert_eq!(
        [&lead["email"], &lead["company"], &lead["phone"], &lead["last_name"], &lead["employees"]],
        [&json!("leo@lynx.example"), &json!("Lynx"), &Json::Null, &json!("Lynx"), &json!(900)]
    );
    assert_eq!(lead["custom"]["size"], "large");
    assert_eq!(lead["custom"]["revenue"], 0.0);
    let written = world.org.get("Lead", &cast.lead, "Title, Description").await;
    assert_eq!(written["Title"], "Talk m-1");
    assert_says(&text(&written["Description"]), &["Talked about Talk m-1 on 20"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_map_is_told_where_it_is_wrong() {
    let world = World::ready().await;
    world.hold_what_is_refused();
    for (map, said) in [
        ("[pull]\nemail = \"Email\n", "line 2"),
        ("[pull]\n\nemail = \"Email |\"\n", "the expression can't be read"),
        ("[pull]\n\nemail = \"Email |\"\n", "lead.toml:3"),
        ("[pull]\nemial = \"Email\"\n", "a person has no column emial"),
        (
            "[pull]\ncustom.x = { is = \"Email\", type = \"texxt\" }\n",
            "\"texxt\" is not the type of a column",
        ),
        (
            "[push]\nTitle = \"meeting.title\"\n",
            "how to treat a value of Title that is there is not said",
        ),
        ("[push]\nTitle = { is = \"1\", policy = \"all\" }\n", "\"all\" is no policy"),
        (
            "[push]\nTitle = { is = \"meting.title\", policy = \"overwrite\" }\n",
            "a push is told of no meting (at lead.toml:2)",
        ),
    ] {
        bring(&world, map);
        let (sync, _) = world.sync_fails().await;
        let error = sync.run("Lead", "pull")["error"].clone();
        assert_says(&format!("{} {}", text(&error["message"]), error["at"]), &[said]);
    }
    bring(&world, "[pull]\nemployees = \"Name\"\n");
    world.sync().await;
    let failures = world.failures().await;
    assert_eq!(failures.len(), 15);
    assert_says(&text(&failures[0]["message"]), &["does not fit the column employees"]);
    bring(&world, "[pull]\nemployees = { is = \"Name\", on_error = \"keep\" }\n");
    world.sync().await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
}
