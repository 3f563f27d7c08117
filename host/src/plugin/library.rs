//! Which mapping an object has: the customer's file, or the default.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Error, Mapping, Plugins};
use crate::model::{Object, Setting};

/// How large a mapping's file may be.
const FILE_MAX: u64 = 64 << 20;
/// The endings that a mapping's file may not have yet, so that it is refused and
/// not passed over.
const OTHER_FORMS: [&str; 3] = ["toml", "js", "ts"];

/// The mappings of this installation.
pub struct Library {
    plugins: Plugins,
    folder: PathBuf,
}

impl Library {
    /// Makes a library of the files in `folder`, which need not exist.
    pub fn new(plugins: Plugins, folder: &Path) -> Self {
        Self { plugins, folder: folder.to_owned() }
    }

    /// Loads and configures the mapping of an object: `contact.wasm` in the
    /// folder, or the default where there is no such file.
    pub fn mapping(&self, object: Object, settings: Vec<Setting>) -> Result<Mapping, Error> {
        for ending in OTHER_FORMS {
            let file = self.folder.join(object.file_name()).with_extension(ending);
            if is_there(&file)? {
                let why = "a mapping is a component, a file that ends in .wasm";
                return Err(unusable(&file, why.to_owned()));
            }
        }
        let file = self.folder.join(object.file_name()).with_extension("wasm");
        let plugin = if is_there(&file)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.plugins.load(&name, object, &read(&file)?)?
        } else {
            self.plugins.load(object.file_name(), object, default(object))?
        };
        Arc::new(plugin).configure(settings)
    }
}

/// Tells whether there is a file. A folder that can't be looked into is an error:
/// the default would take the place of the customer's mapping.
fn is_there(file: &Path) -> Result<bool, Error> {
    file.try_exists().map_err(|cause| unusable(file, cause.to_string()))
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    let size = file.metadata().map_err(|cause| unusable(file, cause.to_string()))?.len();
    if size > FILE_MAX {
        return Err(unusable(file, format!("it is larger than {} MiB", FILE_MAX >> 20)));
    }
    std::fs::read(file).map_err(|cause| unusable(file, cause.to_string()))
}

fn unusable(file: &Path, why: String) -> Error {
    Error::File { file: file.display().to_string(), why }
}

/// Returns the component that the build made of `plugins/`.
fn default(object: Object) -> &'static [u8] {
    match object {
        Object::Account => include_bytes!(concat!(env!("OUT_DIR"), "/account.wasm")),
        Object::Contact => include_bytes!(concat!(env!("OUT_DIR"), "/contact.wasm")),
        Object::Lead => include_bytes!(concat!(env!("OUT_DIR"), "/lead.wasm")),
        Object::Opportunity => include_bytes!(concat!(env!("OUT_DIR"), "/opportunity.wasm")),
        Object::Task => include_bytes!(concat!(env!("OUT_DIR"), "/task.wasm")),
    }
}
