//! Scripts that a customer brings: what they can say, and what they can do wrong.

use serde_json::{Value as Json, json};

use crate::cast::{ADA, meeting, stage};
use crate::world::{World, assert_says, text};

/// Puts a script where a customer's mapping of Contact lies.
fn bring(world: &World, script: &str) {
    let folder = world.home().join("mappings");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("contact.js"), script).unwrap();
}

/// Runs a script on the contacts, all else left out.
async fn pull(world: &World, script: &str) -> Json {
    bring(world, script);
    let output = world.efficlose(&["sync", "--object", "Contact", "--json"]).await;
    serde_json::from_str(output.stdout.lines().next().unwrap()).unwrap()
}

fn run<'a>(sync: &'a Json, direction: &str) -> &'a Json {
    let runs = sync["runs"].as_array().unwrap();
    runs.iter().find(|run| run["direction"] == direction).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_says_what_an_entity_is() {
    let world = World::ready().await;
    let sync = pull(
        &world,
        r#"
console.log("while it is made, nobody listens");
export const fields = ["Email", "LastName", "Account.Name", "Department", "Region__c?", "Nowhere__c?"];
export const custom = { where: "text", letters: "integer" };
export function pull(record) {
  if (!record.Email) skip("it has no address");
  console.debug("mapped one");
  return {
    email: record.Email.toUpperCase(),
    last_name: record["LastName"],
    company: record.Account.Name,
    custom: { where: record.Region__c ?? record.Nowhere__c, letters: record.LastName.length },
  };
}"#,
    )
    .await;
    assert_eq!(run(&sync, "pull")["ended"], "complete", "{sync}");
    let contacts = world.records("Contact").await;
    assert!(contacts.len() > 20);
    for contact in &contacts {
        let email = text(&contact["email"]);
        assert_eq!(email, email.to_uppercase());
        assert_eq!(contact["custom"]["letters"], text(&contact["last_name"]).chars().count());
        assert_eq!(contact["first_name"], Json::Null);
        assert!(["EMEA", "AMER", "APAC"].contains(&text(&contact["custom"]["where"]).as_str()));
    }
    assert!(contacts.iter().any(|contact| contact["company"] != Json::Null));
    let bare = world.org.soql("SELECT Id FROM Contact WHERE Email = null LIMIT 1").await;
    if let Some(bare) = bare.first() {
        let shown = world.record("Contact", &text(&bare["Id"])).await;
        assert_says(&shown.to_string(), &["it has no address"]);
    }
    std::fs::remove_file(world.home().join("mappings/contact.js")).unwrap();
    world.sync().await;
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_given_and_gives_values_of_every_kind_whatever_their_texts_hold() {
    let (world, cast) = stage().await;
    let rest = json!({ "Title": "\u{1e}Head", "DoNotCall": true, "MailingLatitude": 52.5 });
    world.org.patch("Contact", &cast.contact, rest).await;
    let other = json!({ "LastName": "Other", "Birthdate": "2000-02-29" });
    let other = world.org.create("Contact", other).await;
    bring(
        &world,
        r#"
export const fields = ["LastName", "Title", "DoNotCall", "MailingLatitude", "Birthdate", "Account.Name"];
export const custom = { kinds: "text", latitude: "number", half: "integer", flag: "boolean", born: "date", copy: "text" };
export function pull(record) {
  const { Title, DoNotCall, MailingLatitude, Birthdate } = record;
  const kinds = [Title, DoNotCall, MailingLatitude].map((value) => (value === null ? "none" : typeof value));
  return {
    last_name: record.LastName, title: Title && `${Title}!`, company: record.Account.Name,
    custom: {
      kinds: kinds.join(" "), latitude: MailingLatitude, half: MailingLatitude && Math.floor(MailingLatitude / 2),
      flag: DoNotCall, born: Birthdate, copy: Object.keys({ ...record }).join(" "),
    },
  };
}"#,
    );
    world.sync().await;
    let [ada, bare] = [&cast.contact, &other];
    let seen = async |title: &str| {
        let ada = world.record("Contact", ada).await["entity"].take();
        assert_eq!((&ada["title"], &ada["company"]), (&json!(title), &json!("Zebra")));
        let custom = json!({
            "kinds": "string boolean number", "latitude": 52.5, "half": 26, "flag": true,
            "born": null, "copy": "LastName Title DoNotCall MailingLatitude Birthdate Account",
        });
        assert_eq!(ada["custom"], custom);
        let bare = world.record("Contact", bare).await["entity"].take();
        assert_eq!(bare["title"], Json::Null);
        assert_eq!(
            (&bare["custom"]["kinds"], &bare["custom"]["born"]),
            (&json!("none boolean none"), &json!("2000-02-29"))
        );
    };
    seen("\u{1e}Head!").await;
    // Records are handed over as one text each, unless one holds what stands between values.
    world.org.pass(60).await;
    world.org.patch("Contact", ada, json!({ "Title": "Head\u{1f}Heart" })).await;
    world.sync().await;
    seen("Head\u{1f}Heart!").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_a_script_cuts_through_a_letter_leaves_it_with_a_mark_in_place_of_the_half() {
    let (world, cast) = stage().await;
    world.org.patch("Contact", &cast.contact, json!({ "Title": "Head 🦓 of Stripes" })).await;
    bring(
        &world,
        r#"
export const fields = ["LastName", "Title", "Email"];
export const custom = { more: "text" };
export const writes = { Department: "overwrite" };
const cut = (text) => text.slice(0, 6);
export function pull({ LastName, Title, Email }) {
  if (!Title) skip(cut("half 🦓"));
  console.log(cut(Title));
  if (LastName === "Failing") throw new Error(cut(Title));
  return { last_name: LastName, email: Email, title: cut(Title), custom: { more: LastName === "Parted" ? `\x1f${cut(Title)}` : null } };
}
export const push = ({ target }) => ({ Department: cut("Herd 🦓") });"#,
    );
    for name in ["Failing", "Parted"] {
        let person = json!({ "LastName": name, "Title": "Head 🦓" });
        world.org.create("Contact", person).await;
    }
    let bare = world.org.create("Contact", json!({ "LastName": "Bare" })).await;
    world.tell(&[meeting(&world.org, "m-1", 1, &[ADA])]).await;
    world.sync().await;
    let contact = world.record("Contact", &cast.contact).await["entity"].take();
    assert_eq!(contact["title"], "Head \u{fffd}");
    let written = world.org.get("Contact", &cast.contact, "Department").await;
    assert_eq!(written["Department"], "Herd \u{fffd}");
    let bare = world.record("Contact", &bare).await;
    assert_says(&bare.to_string(), &["half \u{fffd}"]);
    let failures = world.failures().await;
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0]["message"], "Head \u{fffd}");
    let contacts = world.records("Contact").await;
    let parted = contacts.iter().find(|contact| contact["last_name"] == "Parted").unwrap();
    assert_eq!(parted["title"], "Head \u{fffd}");
    assert_eq!(parted["custom"]["more"], "\u{1f}Head \u{fffd}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_does_what_it_says() {
    let (world, cast) = stage().await;
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/contact.js");
    world.ok(&["mapping", "use", example]).await;
    let mut told = meeting(&world.org, "m-1", 1, &[ADA]);
    told["insights"] = json!([{ "kind": "risk", "text": "No budget" }]);
    told["participants"][0]["role"] = json!("Head of Stripes");
    world.tell(&[told]).await;
    world.sync().await;
    let contact = world.org.get("Contact", &cast.contact, "Title, Description").await;
    assert_eq!(contact["Title"], "Head of Stripes");
    assert_says(&text(&contact["Description"]), &["Met at the fair.", "- No budget"]);
    let entity = world.record("Contact", &cast.contact).await["entity"].clone();
    assert_eq!((&entity["name"], &entity["company"]), (&json!("Ada Zebra"), &json!("Zebra")));
    assert_eq!(
        entity["custom"],
        json!({ "region": "unknown", "is_decision_maker": true }),
        "after the pull that follows a push"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_leaves_out_the_default_does() {
    let (world, cast) = stage().await;
    bring(
        &world,
        r#"
export const writes = { Title: "overwrite" };
export function push(request) {
  const { meeting, target, matches } = request;
  return { Title: `${meeting.title} with ${matches.Contact.id === target.id} ${meeting.started_at.slice(0, 4)}` };
}"#,
    );
    world.tell(&[meeting(&world.org, "m-1", 1, &[ADA])]).await;
    world.sync().await;
    let contact = world.org.get("Contact", &cast.contact, "Title, Description").await;
    assert_says(&text(&contact["Title"]), &[" with true 20"]);
    assert_eq!(contact["Description"], "Met at the fair.");
    let contact = world.record("Contact", &cast.contact).await;
    assert_ne!(contact["entity"]["last_name"], Json::Null, "the default has imported it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_told_where_it_is_wrong() {
    let world = World::ready().await;
    // Each record meets another slip.
    let slips = [
        (
            "return { email: record.Emial };",
            "the record has no Emial: it is not in fields; did you mean Email? (at contact.js:3:",
        ),
        (
            "return { emial: record.Email };",
            "a person has no column emial; did you mean email? (at emial)",
        ),
        ("return { custom: { x: 1 } };", "the column custom.x is not declared (at x)"),
        ("return;", "pull returns nothing; to leave a record out, call skip"),
        ("return { birth_date: 'banana' };", "the value of birth_date is no date"),
        (
            "console.log(record); return { custom: { d: 1 } };",
            "the column custom.d is not declared",
        ),
        ("return { email: String(new (Object.getPrototypeOf(Date))()) };", "(at contact.js:9:"),
        ("return { email: String(new Date.prototype.constructor()) };", "a mapping has no clock"),
        ("return 7;", "pull returns a number, not an entity"),
        ("return { email: {} };", "the value of email is no text (at email)"),
        ("return { email: Math.random() };", "a mapping has no randomness"),
        ("return { email: String(new Date()) };", "a mapping has no clock"),
        ("throw null;", "the script threw null"),
        ("throw { toString() { throw 1; } };", "the script threw what can't be shown"),
        ("undefined.x;", "(at contact.js:17:"),
        ("return { custom: { n: 2 ** 60 } };", "the value of custom.n is no integer"),
        (
            "return { email: String(performance.now()) };",
            "a mapping has no clock; push is told the time of the run as request.now (at contact.js:19:",
        ),
        (
            "return { email: String(performance.timeOrigin) };",
            "a mapping has no clock; push is told the time of the run as request.now (at contact.js:20:",
        ),
        (
            "return { email: String(Object.getOwnPropertyDescriptor(Date, 'now').value()) };",
            "a mapping has no clock; push is told the time of the run as request.now (at contact.js:21:",
        ),
    ];
    let cases = slips.iter().enumerate().map(|(nth, (slip, _))| format!("case {nth}: {slip}\n"));
    let cases: String = cases.collect();
    pull(&world, &format!("let count = 0; export const custom = {{ n: 'integer' }};\nexport function pull(record) {{\nswitch (count++) {{ {cases} }}\nreturn {{}};\n}}")).await;
    let failures = world.failures().await;
    assert_eq!(failures.len(), slips.len());
    let told =
        |failure: &Json| format!("{} (at {})", text(&failure["message"]), text(&failure["at"]));
    let told: Vec<String> = failures.iter().map(told).collect();
    for (slip, said) in slips {
        assert!(told.iter().any(|told| told.contains(said)), "{slip}: {told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_cannot_be_used_is_refused_with_its_line_and_the_others_sync_on() {
    let world = World::ready().await;
    world.hold_what_is_refused();
    for (script, said) in [
        ("export function pull(record) {\n  return {;\n}", "contact.js:2:"),
        ("const x = 1;\nnull.foo;", "contact.js:2:1: cannot read property 'foo' of null"),
        ("const nothing = 1;", "the script exports neither pull nor push"),
        ("\nperformance.now();", "contact.js:2:1"),
        ("const begun = performance.timeOrigin;", "a mapping has no clock"),
        // One that exports the contract itself is made in the same way.
        ("export const object = {};\nconst begun = Date.now();", "a mapping has no clock"),
        ("export const object = {};\nconst luck = Math.random();", "contact.js:2:"),
        (
            "const { value } = Object.getOwnPropertyDescriptor(Date, 'now');\nvalue();",
            "a mapping has no clock",
        ),
        (
            "import fs from 'node:fs';\nexport const pull = () => null;",
            "can't be made of its script",
        ),
        (
            "export const fields = 3; export const pull = () => null;",
            "fields is not a list of names",
        ),
        ("export const fields = ['Email; DROP']; export const pull = () => null;", "Email; DROP"),
        (
            "export const columns = ['emial']; export const pull = () => null;",
            "a person has no column emial; did you mean email?",
        ),
        (
            "export const custom = { x: 'texxt' }; export const pull = () => null;",
            "\"texxt\" is not the type of a column",
        ),
        ("export const writes = {}; export const push = () => null;", "push may write nothing"),
        (
            "export const writes = { CallObject: 'overwrite' }; export const push = () => null;",
            "by this that we find our records",
        ),
    ] {
        let sync = pull(&world, script).await;
        let pull = run(&sync, "pull");
        assert_eq!(pull["ended"], "broken", "{script}: {pull}");
        assert_says(&text(&pull["error"]["message"]), &[said]);
    }
    let (sync, _) = world.sync_fails().await;
    for other in ["Account", "Lead", "Opportunity", "Task"] {
        assert_eq!(sync.run(other, "pull")["ended"], "complete");
    }
}

/// What a script does wrong, and what stops it.
const MISCHIEFS: [(&str, &str); 14] = [
    ("export const pull = () => { while (true); };", "ran longer than"),
    (
        "export const pull = () => { for (;;) { try { while (true); } catch {} } };",
        "ran longer than",
    ),
    ("const f = () => f(); export const pull = () => ({ email: f() });", ""),
    ("export const pull = () => { const a = []; for (;;) a.push(new Array(1e6).fill(7)); };", ""),
    ("export const pull = () => { let s = 'x'; for (;;) s += s; };", ""),
    ("export const pull = () => ({ email: 'x'.repeat(3e7) });", ""),
    (
        "export const pull = () => ({ email: /^(a+)+$/.test('a'.repeat(40) + 'b') });",
        "ran longer than",
    ),
    (
        "export const pull = () => { Array.prototype.map = null; Object.prototype.tag = 'mapped'; return {}; };",
        "",
    ),
    (
        "export const pull = () => { globalThis.__efficlose = null; JSON.parse = null; return { email: 'a@x' }; };",
        "",
    ),
    (
        "export const pull = () => { for (let i = 0; i < 1e5; i++) console.log('x'.repeat(1e4)); return {}; };",
        "",
    ),
    (
        "export const pull = () => { const e = new Error('x'); Object.defineProperty(e, 'message', { get() { throw e; } }); throw e; };",
        "the script threw what can't be shown",
    ),
    (
        "export const pull = () => { let o = {}; for (let i = 0; i < 1e4; i++) o = { o }; return { email: o }; };",
        "the value of email is no text",
    ),
    (
        "export const pull = () => new Proxy({}, { ownKeys() { while (true); } });",
        "ran longer than",
    ),
    ("export const pull = async () => ({ email: 'a@x' });", "pull is async"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_script_does_it_is_stopped_and_the_others_sync_on() {
    let world = World::ready().await;
    world.hold_what_is_refused();
    let file = world.home().join("config.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let bounds = "[mapping]\nmemory_mib = 64\ndeadline_milliseconds = 200\n";
    std::fs::write(&file, format!("{bounds}\n{settings}")).unwrap();
    for (script, said) in MISCHIEFS {
        let sync = pull(&world, script).await;
        let failures = json!(world.failures().await).to_string();
        let told = format!("{} {failures}", run(&sync, "pull"));
        if !said.is_empty() {
            assert!(sync.to_string().contains(said) || told.contains(said), "{script}: {told}");
        }
    }
    let (sync, _) = world.sync_fails().await;
    for other in ["Account", "Lead", "Opportunity", "Task"] {
        assert_eq!(sync.run(other, "pull")["ended"], "complete");
    }
    std::fs::remove_file(world.home().join("mappings/contact.js")).unwrap();
    world.sync().await;
    world.assert_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_never_ends_outside_of_its_functions_is_ended() {
    let world = World::ready().await;
    world.hold_what_is_refused();
    bring(&world, "const a = []; while (true) a.push(new Array(1e6).fill(7));");
    let (sync, _) = world.sync_fails().await;
    let said = text(&sync.run("Contact", "pull")["error"]["message"]);
    assert_says(&said, &["can't be made of its script"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_fails_for_most_of_a_page_is_held_and_the_entities_stay() {
    let world = World::ready().await;
    let more = (0..100).map(|n| json!({ "LastName": format!("L{n}"), "Email": "a@x.example" }));
    world.org.create_many("Contact", more.collect()).await;
    world.sync().await;
    let before = world.records("Contact").await;
    let script = "export const pull = (record) => { throw new Error('not today'); };";
    bring(&world, script);
    let said = "fails for 130 of 130 records, and is held: not today";
    // The mapping before takes its place.
    world.ok(&["mapping", "accept", "Contact"]).await;
    for _ in 0..2 {
        let sync = pull(&world, script).await;
        assert_eq!(run(&sync, "pull")["ended"], "complete");
        assert_says(&text(&sync["refused"][0]["message"]), &[said]);
        assert_eq!(sync["refused"][0]["goes_on"], "the last good mapping");
    }
    assert_eq!(world.records("Contact").await, before);
    // Where nothing shall, the object is held.
    world.hold_what_is_refused();
    world.ok(&["mapping", "accept", "Contact"]).await;
    let sync = pull(&world, script).await;
    let error = run(&sync, "pull")["error"].clone();
    assert_says(&text(&error["message"]), &[said]);
    assert_says(&text(&error["hint"]), &["efficlose mapping back Contact"]);
    assert_eq!(world.failures().await, Vec::<Json>::new());
    assert_eq!(world.records("Contact").await, before);
    let good = "export const columns = ['email']; export const pull = (record) => ({ email: record.Email });";
    let sync = pull(&world, good).await;
    assert_eq!(run(&sync, "pull")["counts"]["mapped"], 130, "{sync}");
}
