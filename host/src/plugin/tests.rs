//! Tests with the five default components, as they were built.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::Store;

use super::state::State;
use super::{Cause, Error, Library, Limits, Plugins, instance};
use crate::model::{Kind, Meeting, Object, Pulled, Pushed, Request, Setting, Value};

fn library(limits: Limits) -> (tempfile::TempDir, Library) {
    let home = tempfile::tempdir().unwrap();
    let cache = home.path().join("cache");
    let plugins = Plugins::start(&cache, limits).unwrap();
    let maker = std::env::current_exe().unwrap();
    let library = Library::new(plugins, maker, &cache, &home.path().join("mappings"), Vec::new());
    (home, library)
}

#[test]
fn every_default_mapping_maps_a_page_of_records() {
    let (_home, library) = library(Limits::default());
    for object in Object::ALL {
        let mapping = library.mapping(object, Vec::new()).unwrap();
        let spec = mapping.spec();
        assert_eq!(spec.object, object);
        let columns: Vec<String> = spec.reads.iter().map(|need| need.path.to_string()).collect();
        let rows = vec![vec![Value::Null; columns.len()]; 2_000];
        let outcomes = mapping.pull(&columns, &rows).unwrap();
        assert_eq!(outcomes.len(), rows.len());
        for outcome in outcomes {
            assert_eq!(outcome, Pulled::Mapped(vec![Value::Null; spec.columns.len()]));
        }
    }
}

#[test]
fn a_mapping_is_told_days_whatever_was_told_of_them() {
    let (_home, library) = library(Limits::default());
    let mapping = library.default(Object::Task, Vec::new()).unwrap();
    let meeting = serde_json::json!({
        "id": "m", "title": "T", "started_at": "2026-02-03T09:00:00Z", "started_on": "today",
        "action_items": [{ "id": "a", "text": "Call", "due_on": "2026-02-04T22:00:00-05:00" }],
    });
    let meeting: Arc<Meeting> = Arc::new(serde_json::from_value(meeting).unwrap());
    let asked = |action_item| Request {
        now: meeting.started_at,
        meeting: Arc::clone(&meeting),
        action_item,
        target: None,
        matches: Vec::new(),
    };
    let item = meeting.action_items.first().cloned();
    let outcomes = mapping.push(&[asked(item), asked(None)]).unwrap();
    let days = outcomes.iter().map(|outcome| match outcome {
        Pushed::Mapped(fields) => fields.iter().find(|(name, _)| name == "ActivityDate").cloned(),
        other => panic!("{other:?}"),
    });
    let days: Vec<_> = days.map(|field| field.unwrap().1).collect();
    assert_eq!(days, [Value::from("2026-02-04"), Value::from("2026-02-03")]);
}

#[test]
fn a_mapping_with_other_settings_has_another_digest() {
    let (_home, library) = library(Limits::default());
    let digest = |settings| library.mapping(Object::Contact, settings).unwrap().digest().to_owned();
    let setting =
        |value: &str| vec![Setting { name: "custom_fields".to_owned(), value: value.to_owned() }];
    assert_eq!(digest(setting("A__c")), digest(setting("A__c")));
    assert_ne!(digest(setting("A__c")), digest(setting("B__c")));
    assert_ne!(digest(setting("A__c")), digest(Vec::new()));
}

#[test]
fn a_setting_that_no_mapping_knows_is_refused_by_name() {
    let (_home, library) = library(Limits::default());
    let settings = vec![Setting { name: "colour".to_owned(), value: "red".to_owned() }];
    let error = library.mapping(Object::Lead, settings).err().unwrap();
    assert!(matches!(error.cause(), Some(Cause::Refused(_))), "{error}");
    assert!(error.to_string().contains("\"colour\""), "{error}");
}

#[test]
fn the_deadline_grows_with_what_a_call_is_given() {
    let limits = Limits::default();
    assert!(limits.deadline_for(2_000) > limits.deadline_for(1) * 4);
}

#[test]
fn a_form_that_is_not_taken_is_refused_and_not_passed_over() {
    let (home, library) = library(Limits::default());
    std::fs::create_dir(home.path().join("mappings")).unwrap();
    std::fs::write(home.path().join("mappings/task.py"), "pass").unwrap();
    let error = library.mapping(Object::Task, Vec::new()).err().unwrap();
    assert!(matches!(error, Error::File { .. }), "{error}");
    assert!(library.mapping(Object::Lead, Vec::new()).is_ok());
}

#[test]
fn more_calls_than_there_are_places_wait_for_one() {
    let (_home, library) = library(Limits::default());
    let mapping = library.mapping(Object::Lead, Vec::new()).unwrap();
    let no_rows: [Vec<Value>; 0] = [];
    std::thread::scope(|scope| {
        for _ in 0..instance::INSTANCES_AT_ONCE * 3 {
            scope.spawn(|| {
                for _ in 0..5 {
                    mapping.pull(&[], &no_rows).unwrap();
                }
            });
        }
    });
}

#[test]
fn components_of_as_many_memories_as_there_may_be_find_a_place_all_at_once() {
    let home = tempfile::tempdir().unwrap();
    let plugins = Plugins::start(&home.path().join("cache"), Limits::default()).unwrap();
    let published =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/published-1.0.0/contact.wat");
    let text = std::fs::read_to_string(published).unwrap();
    let (component, _) = text.rsplit_once(')').unwrap();
    // It has one memory of its own.
    let with_memories = |count: u32| {
        let more = (1..count).map(|nth| {
            format!("(core module $m{nth} (memory 1)) (core instance (instantiate $m{nth}))\n")
        });
        let component = format!("{component}{})", more.collect::<String>());
        let component = wat::parse_str(component).unwrap();
        plugins.load("contact.wasm", Object::Contact, &component)
    };
    let plugin = with_memories(Limits::default().memories).unwrap();
    let stores = (0..instance::INSTANCES_AT_ONCE).map(|_| {
        let state = State::new("contact.wasm", Limits::default());
        let mut store = Store::new(plugin.pre.engine(), state);
        store.limiter(|state| state);
        store.set_epoch_deadline(u64::from(u32::MAX));
        plugin.pre.instantiate(&mut store).unwrap();
        store
    });
    let stores: Vec<_> = stores.collect();
    drop(stores);
    let error = with_memories(Limits::default().memories + 1).err().unwrap().to_string();
    assert!(error.contains("linear memories"), "{error}");
}

/// The document for authors is what the code says; to write it anew, run this
/// with `EFFICLOSE_WRITE_DOCUMENTS=1`.
#[test]
fn the_document_of_entities_lists_every_column() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/entities.md");
    let now = entities();
    if std::env::var_os("EFFICLOSE_WRITE_DOCUMENTS").is_some() {
        std::fs::write(file, &now).unwrap();
    }
    assert!(std::fs::read_to_string(file).unwrap() == now, "docs/entities.md is out of date");
}

fn entities() -> String {
    let (_home, library) = library(Limits::default());
    let mut text = String::from(
        "# Entities\n\n\
         What a mapping makes of a record. Each kind has the columns listed here, with their types; \
         a mapping may leave any out, and add\nits own under names that begin with `custom.`. Dates \
         are text as `2026-01-31`, timestamps text as `2026-01-31T09:30:00Z`, ids text\nof 18 \
         characters. The last columns say which field the default mapping takes it from.\n",
    );
    let kinds = [
        (Kind::Person, vec![Object::Contact, Object::Lead]),
        (Kind::Company, vec![Object::Account]),
        (Kind::Deal, vec![Object::Opportunity]),
        (Kind::Task, vec![Object::Task]),
    ];
    for (kind, objects) in kinds {
        let names: Vec<_> = objects.iter().map(|object| object.as_str()).collect();
        text.push_str(&format!("\n## {kind}\n\n| column | type | {} |\n", names.join(" | ")));
        text.push_str(&format!("| --- | --- |{}\n", " --- |".repeat(objects.len())));
        let sources: Vec<BTreeMap<String, String>> =
            objects.iter().map(|object| sources(&library, *object)).collect();
        for (column, of) in kind.columns() {
            let of = format!("{of:?}").to_lowercase();
            let from = sources.iter().map(|source| source.get(column).map_or("", |field| field));
            let from: Vec<_> = from.collect();
            text.push_str(&format!("| `{column}` | {of} | {} |\n", from.join(" | ")));
        }
    }
    text
}

/// Returns which field the default mapping takes each column from.
fn sources(library: &Library, object: Object) -> BTreeMap<String, String> {
    let mapping = library.mapping(object, Vec::new()).unwrap();
    let spec = mapping.spec();
    let columns = spec.columns.iter().zip(&spec.reads);
    let mut sources: BTreeMap<_, _> =
        columns.map(|(column, need)| (column.name.clone(), need.path.to_string())).collect();
    if object == Object::Account {
        sources.insert("domain".to_owned(), "Website".to_owned());
    }
    sources
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// Whatever becomes of a component's bytes, it is refused or stopped with a
    /// sentence, and the host goes on.
    #[test]
    fn a_broken_component_ends_in_a_sentence(
        cut in 0.0..1.0_f64,
        flips in proptest::collection::vec((0.0..1.0_f64, 0..8_u8), 0..6),
    ) {
        thread_local! {
            static HOME: (tempfile::TempDir, Library) = library(Limits {
                deadline: std::time::Duration::from_millis(100), ..Limits::default()
            });
        }
        HOME.with(|(home, library)| {
            let mut bytes = super::component_of(Object::Contact).to_vec();
            if flips.is_empty() {
                bytes.truncate((bytes.len() as f64 * cut) as usize);
            }
            for (place, bit) in flips {
                let place = (bytes.len() as f64 * place) as usize;
                bytes[place] ^= 1 << bit;
            }
            let file = home.path().join("contact.wasm");
            std::fs::write(&file, bytes).unwrap();
            let columns = vec!["Email".to_owned()];
            let ended = library
                .mapping_in(&file, Object::Contact, Vec::new())
                .and_then(|mapping| mapping.pull(&columns, &[vec![Value::Null]]));
            if let Err(error) = ended {
                assert!(!error.to_string().is_empty() && !error.hint().is_empty());
            }
            assert!(library.mapping(Object::Lead, Vec::new()).is_ok());
        });
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Components that nobody wrote, whole and valid, are refused with a sentence.
    #[test]
    fn a_component_made_at_random_ends_in_a_sentence(
        seed in proptest::collection::vec(proptest::num::u8::ANY, 64..2_048),
    ) {
        thread_local! {
            static HOME: (tempfile::TempDir, Library) = library(Limits::default());
        }
        let mut seed = arbitrary::Unstructured::new(&seed);
        let made = wasm_smith::Component::new(wasm_smith::Config::default(), &mut seed);
        let Ok(component) = made else { return Ok(()) };
        HOME.with(|(home, library)| {
            let file = home.path().join("contact.wasm");
            std::fs::write(&file, component.to_bytes()).unwrap();
            let error = library.mapping_in(&file, Object::Contact, Vec::new()).err().unwrap();
            assert!(!error.to_string().is_empty() && !error.hint().is_empty());
        });
    }
}
