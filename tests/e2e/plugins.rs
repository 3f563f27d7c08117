//! Mappings that a customer brings: what they can do wrong, and what comes of it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use efficlose_toolchain::Compiler;
use serde_json::{Value as Json, json};
use toml_edit::{DocumentMut, value};

use crate::cast::{ADA, description, meeting, stage};
use crate::world::{World, assert_says, text};

/// Builds the mapping that misbehaves, the first time that it is asked for.
fn hostile() -> &'static [u8] {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        // The folder that the host's own build makes mappings in.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("guest");
        let compiler = Compiler::find().unwrap();
        let files = compiler.build(workspace, &["efficlose-hostile"], &target).unwrap();
        std::fs::read(&files[0]).unwrap()
    })
}

/// Puts a file where a customer's mapping of Contact lies.
fn bring(world: &World, ending: &str, bytes: &[u8]) -> PathBuf {
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("contact").with_extension(ending);
    std::fs::write(&file, bytes).unwrap();
    file
}

/// Edits the settings' file.
fn edit(world: &World, change: impl FnOnce(&mut DocumentMut)) {
    let file = world.home().join("config.toml");
    let mut settings: DocumentMut = std::fs::read_to_string(&file).unwrap().parse().unwrap();
    change(&mut settings);
    std::fs::write(&file, settings.to_string()).unwrap();
}

/// Chooses what the mapping does wrong, within small bounds.
async fn choose(world: &World, mischief: &str) {
    let org = world.org_id().await;
    edit(world, |settings| {
        settings["orgs"][&org]["objects"]["Contact"]["mapping"]["mischief"] = value(mischief);
        settings["mapping"]["memory_mib"] = value(48);
        settings["mapping"]["deadline_milliseconds"] = value(200);
    });
}

/// Goes back to the default mapping.
async fn restore(world: &World, file: &Path) {
    std::fs::remove_file(file).unwrap();
    let org = world.org_id().await;
    edit(world, |settings| {
        let choices = &mut settings["orgs"][&org]["objects"]["Contact"]["mapping"];
        choices.as_table_like_mut().unwrap().remove("mischief");
    });
}

/// What the mapping does wrong when it is asked to pull, and what is said of it.
const MISCHIEFS: [(&str, &str); 11] = [
    ("loop", "ran longer than 0.2"),
    ("loop_in_configure", "ran longer than 0.2 seconds and was stopped"),
    ("allocate", "needed more than 48 MiB of memory and was stopped"),
    ("trap", "crashed: wasm trap: wasm `unreachable` instruction executed"),
    ("recurse", "crashed: wasm trap: call stack exhausted"),
    ("too_few", "returned 29 outcomes for 30 records"),
    ("huge_output", "returned more than 128 MiB at once and was stopped"),
    ("wrong_width", "returned an entity of 1 values where its spec has 2 columns"),
    ("refuse_settings", "refuses its settings: this mapping likes no settings (at mischief)"),
    ("clause_in_filter", "asks for what can't be: the filter \"Email != null LIMIT 1\" is refused"),
    ("wrong_object", "asks for what can't be: it maps Lead, and it stands in the place of Contact"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_mapping_does_is_said_in_a_sentence_and_the_others_sync_on() {
    let world = World::ready().await;
    world.hold_what_is_refused();
    let file = bring(&world, "wasm", hostile());
    for (mischief, said) in MISCHIEFS {
        choose(&world, mischief).await;
        let (sync, error) = world.sync_fails().await;
        let said = format!("plugin \"contact.wasm\" for Contact {said}");
        sync.assert_only_broken("Contact", "pull", &said);
        assert_says(&text(&error["message"]), &["Contact pull: ", &said]);
        assert_ne!(text(&error["hint"]), "", "{mischief}");
        assert_eq!(world.records("Contact").await, Vec::<Json>::new(), "{mischief}");
        assert_eq!(world.records("Lead").await.len(), 15, "{mischief}");
    }
    restore(&world, &file).await;
    let sync = world.sync().await;
    assert_eq!(sync.run("Contact", "pull")["counts"]["mapped"], 30);
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_salesforce_does_not_know_stops_its_object_alone() {
    let world = World::ready().await;
    bring(&world, "wasm", hostile());
    choose(&world, "bad_filter").await;
    let (sync, error) = world.sync_fails().await;
    sync.assert_only_broken("Contact", "pull", "Nonsense__c");
    assert_says(&text(&error["hint"]), &["take it out of the mapping"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_the_mapping_did_not_announce_is_not_written() {
    let (world, cast) = stage().await;
    bring(&world, "wasm", hostile());
    choose(&world, "undeclared_field").await;
    world.tell(&[meeting(&world.org, "m1", 2, &[ADA])]).await;
    let (sync, _) = world.sync_fails().await;
    let said =
        "plugin \"contact.wasm\" for Contact writes the field Title, which its spec does not list";
    sync.assert_only_broken("Contact", "push", said);
    let contact = world.org.get("Contact", &cast.contact, "Title, Description").await;
    assert_eq!(
        (&contact["Title"], &contact["Description"]),
        (&Json::Null, &json!("Met at the fair."))
    );
    assert_says(&description(&world.org, "Account", &cast.account).await, &["Learned in m1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_crashes_the_mapping_fails_alone() {
    let world = World::ready().await;
    let bad = json!({ "LastName": "Bad", "Email": "poison@zebra.example" });
    let bad = world.org.create("Contact", bad).await;
    bring(&world, "wasm", hostile());
    choose(&world, "poison").await;
    let sync = world.sync().await;
    let counts = &sync.run("Contact", "pull")["counts"];
    assert_eq!((&counts["mapped"], &counts["failed"]), (&json!(30), &json!(1)));
    let failures = world.failures().await;
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0]["subject"], bad);
    assert_eq!(failures[0]["mender"], "mapping_author");
    let said = text(&failures[0]["message"]);
    assert_says(&said, &["plugin \"contact.wasm\" for Contact crashed"]);
    assert_eq!(world.record("Contact", &bad).await["state"], "failed");

    let retried = world.json(&["failures", "retry"]).await;
    assert_eq!((&retried["records"], &retried["failed_again"]), (&json!(1), &json!(1)));
    choose(&world, "nothing").await;
    let retried = world.json(&["failures", "retry"]).await;
    assert_eq!((&retried["records"], &retried["failed_again"]), (&json!(1), &json!(0)));
    assert_eq!(world.failures().await, Vec::<Json>::new());
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_is_replaced_maps_anew_what_was_imported() {
    let world = World::ready().await;
    let bad = json!({ "LastName": "Bad", "Email": "poison@zebra.example", "Title": "Chemist" });
    let bad = world.org.create("Contact", bad).await;
    let file = bring(&world, "wasm", hostile());
    choose(&world, "poison").await;
    world.sync().await;
    assert_eq!(world.failures().await.len(), 1);
    // What was read long before the latest change is read no more by itself.
    world.org.pass(3_600).await;
    world.org.create("Contact", json!({ "LastName": "Later", "Title": "Clerk" })).await;
    world.sync().await;
    restore(&world, &file).await;
    world.sync().await;
    world.json(&["failures", "retry"]).await;
    assert_eq!(world.failures().await, Vec::<Json>::new());
    assert_eq!(world.record("Contact", &bad).await["entity"]["title"], "Chemist");
    for contact in world.records("Contact").await {
        assert_ne!(contact["title"], Json::Null, "{contact}");
    }
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_talks_without_end_is_heard_for_a_while() {
    let world = World::ready().await;
    bring(&world, "wasm", hostile());
    choose(&world, "log_flood").await;
    edit(&world, |settings| settings["mapping"]["deadline_milliseconds"] = value(5_000));
    let output = world.ok(&["sync", "-v"]).await;
    let lines: Vec<_> = output.stderr.lines().filter(|line| line.contains("flood")).collect();
    assert_eq!(lines.len(), 100);
    assert!(lines.iter().all(|line| line.len() < 700), "{}", lines[0]);
    assert_eq!(world.records("Contact").await.len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_mapping_is_refused_with_what_it_is() {
    let wat = |text: &str| wat::parse_str(text).unwrap();
    let half = hostile().len() / 2;
    let files = [
        ("wasm", b"a text".to_vec(), "is not a WebAssembly component: it does not begin as"),
        ("wasm", wat("(module)"), "is not a WebAssembly component: it is a core module"),
        ("wasm", hostile()[..half].to_vec(), "is not a WebAssembly component: "),
        (
            "wasm",
            wat("(component (import \"wasi:io/poll@0.2.0\" (instance)))"),
            "imports wasi:io/poll@0.2.0, and a mapping may import nothing but the log",
        ),
        (
            "wasm",
            wat(
                "(component (instance $i) (export \"efficlose:mapping/object@2.0.0\" (instance $i)))",
            ),
            "is built for efficlose:mapping@2.0.0, and this host serves 1.0.0 to 1.0.0",
        ),
        ("wasm", wat("(component)"), "it does not export efficlose:mapping/object"),
        (
            "wasm",
            wat(
                "(component (instance $i) (export \"efficlose:mapping/object@1.0.0\" (instance $i)))",
            ),
            "does not fit the contract: ",
        ),
        ("py", b"pass".to_vec(), "a mapping is a field map, a file that ends in .toml, a script"),
    ];
    let world = World::ready().await;
    world.hold_what_is_refused();
    for (ending, bytes, said) in files {
        let file = bring(&world, ending, &bytes);
        let (sync, error) = world.sync_fails().await;
        sync.assert_only_broken("Contact", "pull", said);
        if ending == "wasm" {
            let named = "plugin \"contact.wasm\" for Contact ";
            assert_says(&text(&error["message"]), &[named]);
        }
        assert_ne!(text(&error["hint"]), "", "{said}");
        std::fs::remove_file(file).unwrap();
    }
    assert_eq!(world.sync().await.run("Contact", "pull")["counts"]["mapped"], 30);
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_built_for_the_first_contract_keeps_running() {
    let world = World::start().await;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let published = fixtures.join("tests/fixtures/published-1.0.0");
    let component = world.home().join("contact.wasm");
    std::fs::write(&component, ::wat::parse_file(published.join("contact.wat")).unwrap()).unwrap();
    let cases = published.join("cases").display().to_string();
    for mapping in [component, published.join("contact.js")] {
        let mapping = mapping.display().to_string();
        let tested = world.ok(&["plugin", "test", &mapping, "--cases", &cases]).await;
        assert_says(&tested.stdout, &["All 5 cases give what they should"]);
    }
}

/// How often the memory of a mapping that takes all it can get is asked for.
const GREEDY_CALLS: usize = 24;
/// How much the process may hold at its peak, in KiB: one such call, and itself.
const PEAK_KIB: u64 = 1 << 20;
/// Runs a command and says what it held at its peak.
const MEASURE: &str = "import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_that_a_mapping_took_comes_back_when_it_is_stopped() {
    let world = World::start().await;
    let mapping = world.home().join("contact.wasm");
    std::fs::write(&mapping, hostile()).unwrap();
    let cases = world.home().join("cases");
    std::fs::create_dir(&cases).unwrap();
    let case = json!({
        "settings": { "mischief": "allocate" },
        "record": { "Email": "ada@acme.example" },
        "gives": {
            "stopped": "plugin \"contact.wasm\" for Contact needed more than 256 MiB of memory and was stopped"
        },
    });
    for nth in 0..GREEDY_CALLS {
        std::fs::write(cases.join(format!("{nth}.json")), case.to_string()).unwrap();
    }
    let test = world.command(&["plugin", "test", mapping.to_str().unwrap(), "--cases"]);
    let test = test.as_std();
    let measured = tokio::process::Command::new("python3")
        .args(["-c", MEASURE])
        .arg(test.get_program())
        .args(test.get_args())
        .arg(&cases)
        .env("EFFICLOSE_HOME", world.home())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&measured.stdout).trim().to_owned();
    let peak: u64 = said.parse().unwrap_or_else(|_| panic!("{measured:?}"));
    assert!(peak < PEAK_KIB, "{GREEDY_CALLS} calls of 256 MiB each held {peak} KiB");
}
