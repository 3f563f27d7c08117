//! Loads, configures and calls whatever comes: bytes as they are, components that nobody
//! wrote, our own with bytes changed. Nothing may end but in a sentence.
//!
//! `cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none mapping`

#![no_main]

use std::sync::OnceLock;

use arbitrary::{Arbitrary, Unstructured};
use efficlose::model::{Object, Value};
use efficlose::plugin::{Error, Limits, Mapping, Plugins, component_of};
use libfuzzer_sys::fuzz_target;

/// What is tried as a mapping.
#[derive(Debug)]
enum Tried {
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// A component that is valid.
    Valid(Vec<u8>),
    /// A component that is nearly one of ours.
    Bent {
        /// Where it is bent, as far as it is long.
        at: usize,
        /// What stands there instead.
        with: Vec<u8>,
    },
}

impl Arbitrary<'_> for Tried {
    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        Ok(match bytes.int_in_range(0..=2)? {
            0 => Self::Bytes(Arbitrary::arbitrary(bytes)?),
            1 => {
                let made = wasm_smith::Component::new(wasm_smith::Config::default(), bytes)?;
                Self::Valid(made.to_bytes())
            }
            _ => Self::Bent { at: bytes.arbitrary()?, with: bytes.arbitrary()? },
        })
    }
}

impl Tried {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) | Self::Valid(bytes) => bytes,
            Self::Bent { at, with } => {
                let mut ours = component_of(Object::Contact).to_vec();
                let at = at % ours.len();
                let end = (at + with.len()).min(ours.len());
                ours[at..end].copy_from_slice(&with[..end - at]);
                ours
            }
        }
    }
}

fuzz_target!(|tried: Tried| {
    static PLUGINS: OnceLock<(tempfile::TempDir, Plugins)> = OnceLock::new();
    let (_, plugins) = PLUGINS.get_or_init(|| {
        let cache = tempfile::tempdir().expect("a folder can be made");
        let limits = Limits { memory_bytes: 64 << 20, ..Limits::default() };
        let plugins = Plugins::start(cache.path(), limits).expect("the engine starts");
        (cache, plugins)
    });
    if let Err(error) = called(plugins, &tried.bytes()) {
        assert!(!error.to_string().is_empty() && !error.hint().is_empty());
    }
});

fn called(plugins: &Plugins, bytes: &[u8]) -> Result<(), Error> {
    let plugin = plugins.load("fuzzed", Object::Contact, bytes)?;
    let mapping: Mapping = std::sync::Arc::new(plugin).configure(Vec::new())?;
    let columns: Vec<String> = mapping.spec().reads.iter().map(|r| r.path.to_string()).collect();
    let row: Vec<Value> = columns.iter().map(|_| Value::from("Acme")).collect();
    let outcomes = mapping.pull(&columns, &[row.clone(), row])?;
    assert_eq!(outcomes.len(), 2);
    Ok(())
}
