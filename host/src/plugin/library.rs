//! Which mapping an object has: the customer's file, or the default.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::field_map::{FieldMap, MAP_MAX};
use super::script::{SCRIPT_MAX, Scripts};
use super::{COMPONENT_MAX, Error, Mapping, Plugins};
use crate::model::{Object, Setting};

/// The ending that a mapping's file may not have, so that it is refused and not
/// passed over.
const TYPESCRIPT: &str = "ts";
/// The ending of a field map.
const FIELD_MAP: &str = "toml";
/// What field maps run on: the default mappings, with what evaluates expressions.
const FIELD_MAP_PLUGIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/field-map.wasm"));
/// The ending of a script.
const SCRIPT: &str = "js";
/// The ending of a component.
const COMPONENT: &str = "wasm";

/// The mappings of this installation.
pub struct Library {
    plugins: Plugins,
    scripts: Scripts,
    folder: PathBuf,
}

impl Library {
    /// Makes a library of the files in `folder`, which need not exist. `maker` is the
    /// binary of efficlose, which makes components of scripts; they are kept in
    /// `cache`.
    pub fn new(plugins: Plugins, maker: PathBuf, cache: &Path, folder: &Path) -> Self {
        Self { plugins, scripts: Scripts::new(maker, cache), folder: folder.to_owned() }
    }

    /// Loads and configures the mapping of an object: the customer's file in the
    /// folder, `contact.js` or `contact.wasm`, or the default where there is none.
    pub fn mapping(&self, object: Object, settings: Vec<Setting>) -> Result<Mapping, Error> {
        match self.file(object)? {
            Some(file) => self.mapping_in(&file, object, settings),
            None => self.default(object, settings),
        }
    }

    /// Loads and configures a mapping that is in this file, for an object.
    pub fn mapping_in(
        &self,
        file: &Path,
        object: Object,
        settings: Vec<Setting>,
    ) -> Result<Mapping, Error> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match file.extension().and_then(|ending| ending.to_str()) {
            Some(COMPONENT) => {
                let plugin = self.plugins.load(&name, object, &read(file, COMPONENT_MAX)?)?;
                Arc::new(plugin).configure(settings)
            }
            Some(SCRIPT) => {
                let source = text(file, SCRIPT_MAX)?;
                let default = self.default(object, settings)?;
                let made = self.scripts.component(&name, &source, default.spec());
                let made =
                    made.map_err(|cause| Error::Load { plugin: name.clone(), object, cause })?;
                let mut plugin = self.plugins.load(&name, object, &made.component)?;
                plugin.digest = made.digest;
                default.under(plugin)
            }
            Some(FIELD_MAP) => {
                let text = text(file, MAP_MAX)?;
                let map = FieldMap::read(&text).map_err(|why| unusable(file, why))?;
                let plugin = self.plugins.load(&name, object, FIELD_MAP_PLUGIN)?;
                let which = Setting { name: "object".to_owned(), value: object.to_string() };
                let settings = settings.into_iter().chain(map.settings.iter().cloned());
                let settings = settings.chain(std::iter::once(which));
                let mapping = Arc::new(plugin).configure(settings.collect());
                mapping.map_err(|error| error.placed(|problem| map.placed(&name, problem)))
            }
            _ => {
                let why = "a mapping is a field map, a file that ends in .toml, a script, one that \
                           ends in .js, or a component, one that ends in .wasm";
                Err(unusable(file, why.to_owned()))
            }
        }
    }

    /// Loads and configures the default mapping of an object.
    pub fn default(&self, object: Object, settings: Vec<Setting>) -> Result<Mapping, Error> {
        let plugin = self.plugins.load(object.file_name(), object, default(object))?;
        Arc::new(plugin).configure(settings)
    }

    /// Returns the customer's file for an object. Two are an error: nobody would know
    /// which of them maps.
    pub fn file(&self, object: Object) -> Result<Option<PathBuf>, Error> {
        let mut found: Option<PathBuf> = None;
        for ending in [COMPONENT, SCRIPT, FIELD_MAP, TYPESCRIPT] {
            let file = self.folder.join(object.file_name()).with_extension(ending);
            if !is_there(&file)? {
                continue;
            }
            if let Some(first) = &found {
                let first = first.display();
                return Err(unusable(&file, format!("{first} maps {object} already")));
            }
            found = Some(file);
        }
        Ok(found)
    }
}

/// Tells whether there is a file. A folder that can't be looked into is an error:
/// the default would take the place of the customer's mapping.
fn is_there(file: &Path) -> Result<bool, Error> {
    file.try_exists().map_err(|cause| unusable(file, cause.to_string()))
}

fn text(file: &Path, most: u64) -> Result<String, Error> {
    String::from_utf8(read(file, most)?)
        .map_err(|_| unusable(file, "it is not text in UTF-8".to_owned()))
}

fn read(file: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let size = file.metadata().map_err(|cause| unusable(file, cause.to_string()))?.len();
    if size > most {
        return Err(unusable(file, format!("it is larger than {} MiB", most >> 20)));
    }
    std::fs::read(file).map_err(|cause| unusable(file, cause.to_string()))
}

fn unusable(file: &Path, why: String) -> Error {
    Error::File { file: file.display().to_string(), why }
}

/// Returns the component that the build made of `plugins/`.
pub(super) fn default(object: Object) -> &'static [u8] {
    match object {
        Object::Account => include_bytes!(concat!(env!("OUT_DIR"), "/account.wasm")),
        Object::Contact => include_bytes!(concat!(env!("OUT_DIR"), "/contact.wasm")),
        Object::Lead => include_bytes!(concat!(env!("OUT_DIR"), "/lead.wasm")),
        Object::Opportunity => include_bytes!(concat!(env!("OUT_DIR"), "/opportunity.wasm")),
        Object::Task => include_bytes!(concat!(env!("OUT_DIR"), "/task.wasm")),
    }
}
