//! A mapping is tried before it is used, and taken back when it was wrong.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::cast::{ADA, meeting, stage};
use efficlose_sandbox::{Records, Settings};

use crate::world::{World, array, assert_fails, assert_says, eventually, few, text};

/// Writes a script beside the home, as an author would.
fn draft(world: &World, name: &str, script: &str) -> (PathBuf, String) {
    let folder = world.home().join("drafts");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    std::fs::write(&file, script).unwrap();
    (file.clone(), file.display().to_string())
}

const LOUD: &str = "export const fields = ['Email', 'LastName', 'Nowhere__c?'];
export const columns = ['email', 'last_name'];
export function pull(record) {
  if (record.LastName.startsWith('Z')) skip('the last ones');
  return { email: record.Email?.toUpperCase(), last_name: record.LastName };
}";

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_is_previewed_on_stored_records_without_a_call_or_a_change() {
    let world = World::ready().await;
    world.sync().await;
    let before = world.records("Contact").await;
    world.org.forget_requests().await;
    let (_, file) = draft(&world, "contact.js", LOUD);
    let seen = world.json(&["mapping", "preview", &file, "--records", "10"]).await;
    assert_eq!(seen["records"], 10);
    let changed = seen["changed"].as_u64().unwrap() + seen["skipped"].as_u64().unwrap();
    assert_eq!((changed, &seen["failed"]), (10, &json!(0)));
    let change = seen["changes"][0].clone();
    let contact = before.iter().find(|contact| contact["id"] == change["id"]).unwrap();
    let email = &change["columns"]["email"];
    assert_eq!(email["old"], contact["email"]);
    assert_eq!(text(&email["new"]), text(&contact["email"]).to_uppercase());
    assert_eq!(change["columns"]["first_name"]["new"], Json::Null);
    assert_eq!(seen["unread"], json!(["Nowhere__c"]));
    let all = world.json(&["mapping", "replay", &file]).await;
    assert_eq!(all["records"], 30);
    let said = world.ok(&["mapping", "preview", &file]).await.stdout;
    assert_says(&said, &["would be", "Of 30 records", "Nowhere__c"]);
    assert_eq!(world.org.requests().await, Vec::<Json>::new());
    assert_eq!(world.records("Contact").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_is_used_once_it_was_tried_and_there_is_a_way_back() {
    let world = World::ready().await;
    world.sync().await;
    let email = async || text(&world.records("Contact").await[0]["email"]);
    let first = email().await;
    let (_, loud) = draft(&world, "contact.js", LOUD);
    world.ok(&["mapping", "use", &loud]).await;
    let listed = world.json(&["mapping", "list"]).await;
    let contact = listed.as_array().unwrap().iter().find(|one| one["object"] == "Contact");
    assert_says(&text(&contact.unwrap()["from"]), &["mappings/contact.js"]);
    world.sync().await;
    assert_eq!(email().await, first.to_uppercase());

    let broken = "export const pull = (record) => { throw new Error('not this one'); };";
    let (_, broken) = draft(&world, "broken.js", broken);
    let output = world.efficlose(&["mapping", "use", &broken]).await;
    assert_fails(output, "\"broken\" is not called after an object", "--object");
    let output = world.efficlose(&["mapping", "use", &broken, "--object", "Contact"]).await;
    assert_fails(output, "of 30 records would fail that did not before", "--force");
    let forgot = "export const pull = (record) => { ({ email: record.Email }); };";
    let (_, forgot) = draft(&world, "contact.js", forgot);
    let output = world.efficlose(&["mapping", "use", &forgot]).await;
    assert_fails(output, "of 30 records would fail that did not before", "--force");
    let (_, none) = draft(&world, "contact.js", "export const pull = (record) => null;");
    let output = world.efficlose(&["mapping", "use", &none]).await;
    assert_fails(output, "records would lose their entity", "--force");
    let fewer = format!("{LOUD}\nexport const filter = \"Email != null\";");
    let (_, fewer) = draft(&world, "contact.js", &fewer);
    let output = world.efficlose(&["mapping", "use", &fewer]).await;
    assert_fails(output, "it selects other records", "--force");
    let quiet_script = LOUD.replace("?.toUpperCase()", "?.toLowerCase()");
    let (_, quiet) = draft(&world, "contact.js", &quiet_script);
    world.ok(&["mapping", "use", &quiet]).await;
    world.sync().await;
    assert_eq!(email().await, first.to_lowercase());

    let used = world.home().join("mappings/contact.js");
    std::fs::write(&used, format!("{quiet_script}\n// edited here")).unwrap();
    world.ok(&["mapping", "back", "contact"]).await;
    let kept = world.home().join("mappings/before/undone.contact.1.js");
    assert_says(&std::fs::read_to_string(kept).unwrap(), &["// edited here"]);
    assert_eq!(std::fs::read_to_string(&used).unwrap(), quiet_script, "as it was found good");
    world.sync().await;
    assert_eq!(email().await, first.to_lowercase());
    world.ok(&["mapping", "back", "contact"]).await;
    world.sync().await;
    assert_eq!(email().await, first.to_uppercase());
    let said = world.ok(&["mapping", "back", "Contact"]).await.stdout;
    assert_says(&said, &["Contact is mapped by the default again"]);
    world.sync().await;
    assert_eq!(email().await, first);
    world.assert_in_step().await;
    let output = world.efficlose(&["mapping", "back", "Contact"]).await;
    assert_fails(output, "no other mapping of Contact was used before", "mapping list");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_begins_checks_and_tests_a_mapping() {
    let world = World::ready().await;
    let folder = world.home().join("drafts");
    let cases = folder.join("cases");
    std::fs::create_dir_all(&cases).unwrap();
    let script = folder.join("contact.js").display().to_string();
    let cases_of = cases.display().to_string();
    world.ok(&["plugin", "new", &script]).await;
    let output = world.efficlose(&["plugin", "new", &script]).await;
    assert_says(&output.failed().stderr, &["File exists"]);
    let shown = world.json(&["plugin", "inspect", &script]).await;
    assert_eq!((&shown["object"], &shown["kind"]), (&json!("Contact"), &json!("person")));
    assert_says(&shown["reads"].to_string(), &["Account.Name"]);
    world.ok(&["plugin", "check", &script]).await;
    std::fs::remove_dir_all(world.home().join("cache/scripts")).unwrap();
    let again = world.json(&["plugin", "inspect", &script]).await;
    assert_eq!(again["digest"], shown["digest"], "however often its component is made");

    let case = json!({
        "record": { "LastName": "Lynx", "Email": " Ada@Lynx.example", "Title": "VP Sales" },
        "gives": {},
    });
    let file = cases.join("a_vice_president.json");
    std::fs::write(&file, case.to_string()).unwrap();
    let test = ["plugin", "test", &script, "--cases", &cases_of];
    let output = world.efficlose(&test).await;
    assert_fails(output, "1 of 1 cases differ", "--bless");
    world.ok(&[&test[..], &["--bless"]].concat()).await;
    let blessed: Json = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(
        blessed["gives"],
        json!({ "mapped": {
            "name": "Lynx", "last_name": "Lynx", "email": "ada@lynx.example", "title": "VP Sales",
            "custom.region": "unknown", "custom.is_decision_maker": true,
        }})
    );
    assert_says(&world.ok(&test).await.stdout, &["All 1 cases give what they should"]);

    let types = world.ok(&["plugin", "types", "Contact"]).await.stdout;
    assert_says(
        &types,
        &[
            "export interface ContactRecord {",
            "readonly Email: string | null;",
            "readonly LeadSource: \"Web\" | ",
            "readonly DoNotCall: boolean;",
            "readonly Account: {",
            "birth_date?: string | null;",
            "export type Pull = (record: ContactRecord)",
        ],
    );

    let (_, slip) = draft(
        &world,
        "contact.js",
        "export const fields = ['Emial?', 'Acount.Name?'];\nexport const pull = () => null;",
    );
    let output = world.efficlose(&["plugin", "check", &slip]).await.failed();
    assert_says(&output.stdout, &["Emial", "did you mean Email?", "did you mean Account?"]);
    let task = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/lead/cases");
    let (_, map) = draft(&world, "lead.toml", "[pull]\nphone = \"Phone\"\n");
    let judged = world.json(&["plugin", "test", &map, "--cases", task]).await;
    assert_eq!(judged["differ"], json!([]), "the same cases hold in the real component");
}

/// Puts a script where a customer's mapping of Contact lies, by hand.
fn bring(world: &World, script: &str) {
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("contact.js"), script).unwrap();
}

/// Returns what status says of the mapping of Contact.
async fn refused(world: &World) -> Json {
    let status = world.json(&["status"]).await;
    let objects = status["orgs"][0]["objects"].as_array().unwrap().clone();
    objects.into_iter().find(|one| one["object"] == "Contact").unwrap()["mapping_refused"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_mapping_proves_itself_first_and_the_last_good_one_goes_on_until_it_does() {
    let world = World::ready().await;
    let config = world.home().join("config.toml");
    let settings = std::fs::read_to_string(&config).unwrap();
    let quick = format!("[mapping]\ndeadline_milliseconds = 100\n\n{settings}");
    std::fs::write(&config, quick).unwrap();
    bring(&world, LOUD);
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "pull")["ended"], "complete");
    assert_eq!(refused(&world).await, Json::Null);
    let good = world.records("Contact").await;
    assert_eq!(text(&good[0]["email"]), text(&good[0]["email"]).to_uppercase());
    for (script, said) in [
        (
            "export const fields = ['Email'];\nexport function pull(r) { return { email: r.Email.b.c }; }",
            "records would fail that did not before",
        ),
        (
            "export const fields = ['Email', 'Title', 'Nowhere__c?'];\nexport function pull(r) { r.Email.b.c; }",
            "records would fail that did not before",
        ),
        (
            "export const fields = ['Emial'];\nexport const pull = () => null;",
            "did you mean Email?",
        ),
        (
            "export const fields = ['Email'];\nexport function pull(r) { for (;;); }",
            "ran longer than",
        ),
        (
            "export const fields = ['Email'];\nexport const pull = () => null;",
            "would lose their entity",
        ),
        (
            "export function pull(r) { return { email: }; }",
            "can't be made of its script: contact.js:1:",
        ),
    ] {
        bring(&world, script);
        for _ in 0..2 {
            let sync = world.json(&["sync"]).await;
            assert_eq!(sync["refused"][0]["object"], "Contact", "{sync}");
            assert_says(&text(&sync["refused"][0]["message"]), &[said]);
        }
        let why = refused(&world).await;
        assert_says(&text(&why["message"]), &[said]);
        assert_eq!(why["goes_on"], "the last good mapping");
        assert_says(&world.ok(&["status"]).await.stdout, &[said, "the last good mapping goes on"]);
        assert_eq!(world.records("Contact").await, good, "{said}");
    }
    world.hold_what_is_refused();
    let (sync, _) = world.sync_fails().await;
    sync.assert_only_broken("Contact", "pull", "can't be made of its script");
    assert_eq!(refused(&world).await["goes_on"], "nothing");
    assert_eq!(world.records("Contact").await, good);
    let quiet = LOUD.replace("toUpperCase", "toLowerCase");
    let quiet = quiet.replace("export function pull", "function entity");
    bring(&world, &format!("{quiet}\nexport {{ entity as pull }};"));
    world.sync().await;
    assert_eq!(refused(&world).await, Json::Null);
    let contact = &world.records("Contact").await[0];
    assert_eq!(text(&contact["email"]), text(&contact["email"]).to_lowercase());

    bring(&world, "export const fields = ['Email'];\nexport const pull = () => null;");
    world.sync_fails().await;
    world.ok(&["mapping", "accept", "Contact"]).await;
    world.sync().await;
    assert_eq!(world.records("Contact").await, Vec::<Json>::new(), "a person wanted it so");
    assert_says(&world.ok(&["mapping", "back", "Contact"]).await.stdout, &["contact.js again"]);
    world.sync().await;
    let contact = &world.records("Contact").await[0];
    assert_eq!(text(&contact["email"]), text(&contact["email"]).to_lowercase());
    assert_says(&world.ok(&["mapping", "back", "Contact"]).await.stdout, &["by the default again"]);
    assert!(!world.home().join("mappings/contact.js").exists());
    world.sync().await;
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_tells_what_would_have_been_written_otherwise() {
    let (world, cast) = stage().await;
    let script = |text: &str| {
        format!(
            "export const writes = {{ Title: 'overwrite' }};\nexport const push = ({{ meeting }}) => {text};"
        )
    };
    let (_, first) = draft(&world, "contact.js", &script("({ Title: meeting.title })"));
    world.ok(&["mapping", "use", &first]).await;
    world.tell(&[meeting(&world.org, "m-1", 1, &[ADA])]).await;
    world.sync().await;
    let same = world.json(&["mapping", "replay", &first]).await;
    assert_eq!((&same["pushes"]["requests"], &same["pushes"]["changed"]), (&json!(1), &json!(0)));
    world.org.forget_requests().await;
    let (_, second) = draft(&world, "contact.js", &script("({ Title: meeting.title + '!' })"));
    let seen = world.json(&["mapping", "replay", &second]).await;
    let change = &seen["pushes"]["changes"][0];
    assert_eq!((&change["meeting"], &change["record"]), (&json!("m-1"), &json!(cast.contact)));
    let title = &change["fields"]["Title"];
    assert_eq!(text(&title["new"]), format!("{}!", text(&title["old"])));
    assert_says(
        &world.ok(&["mapping", "replay", &second]).await.stdout,
        &["Of 1 writes for meetings 1"],
    );
    assert_eq!(world.org.requests().await, Vec::<Json>::new());
    let (_, third) = draft(&world, "contact.js", &script("({ Title: meeting.nothing.more })"));
    let output = world.efficlose(&["mapping", "use", &third]).await;
    assert_fails(output, "1 of 1 writes would fail that did not before", "--force");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_mapping_is_tried_on_what_was_asked_for_meetings_and_selects_no_others() {
    let (world, _) = stage().await;
    let script = |text: &str| {
        format!(
            "export const writes = {{ Title: 'overwrite' }};\nexport const push = ({{ meeting }}) => {text};"
        )
    };
    bring(&world, &script("({ Title: meeting.title })"));
    world.tell(&[meeting(&world.org, "m-1", 1, &[ADA])]).await;
    world.sync().await;
    let fewer = "export const fields = ['LastName'];\nexport const filter = 'Email != null';\n\
                 export const pull = (record) => ({ last_name: record.LastName });";
    for (mapping, said) in [
        (
            script("({ Title: meeting.nothing.more })"),
            "1 of 1 writes would fail that did not before",
        ),
        (fewer.to_owned(), "it selects other records than the mapping before"),
    ] {
        bring(&world, &mapping);
        let sync = world.json(&["sync"]).await;
        assert_says(&text(&sync["refused"][0]["message"]), &[said]);
        assert_eq!(sync["refused"][0]["goes_on"], "the last good mapping");
    }
    world.ok(&["mapping", "accept", "Contact"]).await;
    world.sync().await;
    assert_eq!(refused(&world).await, Json::Null, "a person wanted it so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_changes_while_a_sync_runs_is_swapped_between_two_pages() {
    let records = Records { contact: 4_300, ..few().records };
    let world = World::ready_with(Settings { records, ..few() }).await;
    // The first page is of accounts, the second of contacts; the third hangs.
    world.org.fault(json!({ "path": "{V}/queryAll", "after": 2, "kind": "hang" })).await;
    let sync = world.spawn(&["sync", "--object", "Account", "--object", "Contact"]);
    eventually("a page to hang", async || world.org.has_struck().await).await;
    bring(&world, LOUD);
    world.org.calm().await;
    sync.end().await.succeeded();
    let contacts =
        array(world.json(&["records", "list", "--object", "Contact", "--limit", "1000"]).await);
    for contact in &contacts {
        let email = text(&contact["email"]);
        assert_eq!(email, email.to_uppercase(), "all were read again for the new one");
    }
    assert_eq!(refused(&world).await, Json::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_map_is_held_against_what_the_org_says_of_its_fields() {
    let world = World::ready().await;
    for (map, said) in [
        ("[pull]\n\nemail = \"Emial | lower\"\n", ["lead.toml:3", "Emial", "did you mean Email?"]),
        (
            "[pull]\ncompany = \"Owner.Nmae\"\n",
            ["lead.toml:2", "Owner.Nmae", "did you mean Owner.Name?"],
        ),
        (
            "[push]\nStatus = { is = \"'Workin - Contacted'\", policy = \"overwrite\" }\n",
            [
                "lead.toml:2",
                "is not a value of the picklist Lead.Status",
                "did you mean Working - Contacted?",
            ],
        ),
        (
            "[push]\nTitle = { is = \"meeting.title | int\", policy = \"overwrite\" }\n",
            ["lead.toml:2", "Title", "fails for a meeting"],
        ),
        (
            "[push]\nTitle = { is = \"'very long title ' ~ '{}'\", policy = \"overwrite\" }\n",
            ["lead.toml:2", "the text for Lead.Title has 216 characters", "is not written"],
        ),
        (
            "[push]\nAnnualRevenue = { is = \"'much'\", policy = \"overwrite\" }\n",
            ["lead.toml:2", "the text for Lead.AnnualRevenue is not a number", "is not written"],
        ),
        (
            "[pull]\nemployees = \"Company\"\n",
            ["lead.toml:2", "fails for a record, whatever is in it", "such records wait"],
        ),
    ] {
        let map = map.replace("{}", &"x".repeat(200));
        let (_, file) = draft(&world, "lead.toml", &map);
        let checked = world.efficlose(&["plugin", "check", &file]).await;
        assert_eq!(checked.code, Some(1), "{map}{}", checked.stdout);
        assert_says(&checked.stdout, &said);
        if !said[2].contains("fail") && !said[2].contains("wait") {
            let used = world.efficlose(&["mapping", "use", &file]).await.failed();
            assert_says(&used.stderr, &["Mend the mapping"]);
        }
    }
    let good = "[pull]\nemail = \"Email | lower\"\ncustom.three = \"range(3) | length\"\n";
    let (_, good) = draft(&world, "lead.toml", good);
    world.ok(&["plugin", "check", &good]).await;
    let shown = world.json(&["plugin", "inspect", &good]).await;
    assert!(!shown["reads"].to_string().contains("range"), "a word of the language is no field");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_the_org_becomes_a_case_that_tells_of_nobody() {
    let world = World::ready().await;
    world.sync().await;
    let contact = world.records("Contact").await[0].clone();
    let (_, file) = draft(&world, "contact.js", LOUD);
    let cases = world.home().join("drafts/cases");
    let record = format!("Contact/{}", text(&contact["id"]));
    let test = ["plugin", "test", &file, "--cases", cases.to_str().unwrap()];
    let with_record: Vec<&str> = test.iter().copied().chain(["--record", &record]).collect();
    assert_says(&world.ok(&with_record).await.stdout, &["Wrote ", "All 1 cases give"]);
    let saved = std::fs::read_dir(&cases).unwrap().next().unwrap().unwrap().path();
    let saved = std::fs::read_to_string(saved).unwrap();
    let case: Json = serde_json::from_str(&saved).unwrap();
    assert_eq!(case["gives"]["mapped"]["email"], text(&case["record"]["Email"]).to_uppercase());
    for personal in ["email", "last_name"] {
        assert!(!saved.contains(&text(&contact[personal])), "{saved}");
    }
    world.ok(&test).await;
    let other: Vec<&str> =
        test.iter().copied().chain(["--record", "Lead/00Qxx000001Svog"]).collect();
    assert_fails(
        world.efficlose(&other).await,
        "is no record of Contact",
        "the object that is mapped",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_changes_under_the_daemon_is_tried_and_used_soon() {
    let world = World::ready().await;
    world.sync().await;
    let daemon = world.spawn(&["serve"]);
    let loud = async || {
        let contacts = world.records("Contact").await;
        contacts.iter().all(|one| text(&one["email"]) == text(&one["email"]).to_uppercase())
    };
    let runs = async || array(world.json(&["runs", "--limit", "100"]).await).len();
    eventually("the daemon to sync", async || runs().await >= 20).await;
    bring(&world, LOUD);
    eventually("the new mapping to be used", loud).await;
    bring(&world, "export function pull(r) { return { email: }; }");
    eventually("it to be refused", async || refused(&world).await != Json::Null).await;
    assert!(loud().await, "the last good one goes on");
    daemon.terminate().await;
    daemon.end().await.succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_is_refused_leaves_the_mapping_at_work_that_was_good_without_it() {
    let world = World::ready().await;
    world.sync().await;
    let before = world.records("Contact").await;
    let config = world.home().join("config.toml");
    let settings = std::fs::read_to_string(&config).unwrap();
    let section = "objects.Contact.mapping]\n";
    let odd = settings.replace(section, &format!("{section}nonsense = \"x\"\n"));
    assert_ne!(odd, settings);
    std::fs::write(&config, odd).unwrap();
    let sync = world.json(&["sync"]).await;
    assert_says(&text(&sync["refused"][0]["message"]), &["no setting \"nonsense\""]);
    assert_eq!(sync["refused"][0]["goes_on"], "the last good mapping");
    assert_eq!(world.records("Contact").await, before);
    std::fs::write(&config, settings).unwrap();
    assert_eq!(world.json(&["sync"]).await["refused"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_fails_in_use_gives_way_to_the_one_before() {
    for (fails, said) in [("throw new Error('boom')", "boom"), ("for (;;);", "ran longer than")] {
        let world = World::ready().await;
        let config = world.home().join("config.toml");
        let settings = std::fs::read_to_string(&config).unwrap();
        let quick = format!("[mapping]\ndeadline_milliseconds = 100\n\n{settings}");
        std::fs::write(&config, quick).unwrap();
        bring(&world, LOUD);
        world.sync().await;
        let frail = format!(
            "{LOUD}\nconst whole = pull;\nexport {{ frail as pull }};\n\
             function frail(r) {{ if (r.LastName === 'Boom') {{ {fails} }} return whole(r); }}"
        );
        bring(&world, &frail.replace("export function pull", "function pull"));
        world.sync().await;
        assert_eq!(refused(&world).await, Json::Null, "no record of the kind is there yet");
        let person = json!({ "LastName": "Boom", "Email": "boom@zebra.example" });
        world.org.create_many("Contact", vec![person; 120]).await;
        let sync = world.sync().await;
        assert_eq!(sync.run("Contact", "pull")["counts"]["failed"], 0);
        assert_says(&text(&refused(&world).await["message"]), &[said]);
        let contacts = world.records("Contact").await;
        let loud = contacts.iter().filter(|contact| contact["email"] == "BOOM@ZEBRA.EXAMPLE");
        assert_eq!(loud.count(), 120);
    }
}
