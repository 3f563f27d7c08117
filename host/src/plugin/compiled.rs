//! Compiled code: a component is compiled once, and whoever starts later loads what came of it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::kept::Kept;

/// How many components' code is kept. A script's takes some five megabytes.
const KEPT_MAX: usize = 50;

/// Compiles components, and keeps the code.
pub(super) struct Compiled {
    engine: Engine,
    kept: Kept,
    /// Tells the compiler and how it is set: another one's code is no use.
    compiler: u64,
}

impl Compiled {
    pub(super) fn new(engine: Engine, cache: &Path) -> Self {
        let mut hash = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hash);
        let kept = Kept::new(cache.join("compiled"), KEPT_MAX);
        Self { engine, kept, compiler: hash.finish() }
    }

    /// Returns a component ready to be instantiated. `digest` tells its bytes.
    pub(super) fn component(&self, digest: &str, bytes: &[u8]) -> wasmtime::Result<Component> {
        let name = format!("{digest}-{:016x}", self.compiler);
        if let Some(code) = self.kept.read(&name) {
            // SAFETY: code that wasmtime gave is safe to load as long as nobody has changed it.
            // The checksum tells what has changed by itself; and whoever may write to the home,
            // which is its owner's alone, owns the database and the key too.
            #[expect(unsafe_code, reason = "compiling takes a thousand times as long as loading")]
            match unsafe { Component::deserialize(&self.engine, &code) } {
                Ok(component) => return Ok(component),
                Err(error) => {
                    tracing::warn!(%error, "kept code can't be loaded, it is compiled anew")
                }
            }
        }
        let component = Component::new(&self.engine, bytes)?;
        self.kept.keep(&name, &component.serialize()?);
        Ok(component)
    }
}
