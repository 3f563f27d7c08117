//! Which mapping an object has: the customer's file, or the default.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::brought::{
    Brought, COMPONENT, FIELD_MAP, SCRIPT, TYPESCRIPT, UNTAKEN, UNTAKEN_FORM, signature_of,
    unusable,
};
use super::field_map::FieldMap;
use super::script::{Made, Scripts};
use super::signature::Signer;
use super::{Cause, Error, Mapping, Plugins};
use crate::model::{Object, Problem, Setting, Spec};

/// What field maps run on: the default mappings, with what evaluates expressions.
const FIELD_MAP_PLUGIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/field-map.wasm"));
/// How a default mapping refuses a setting that it doesn't know.
const UNKNOWN_SETTING: &str = "the mapping has no setting";

/// Tells a file from what it was before: its place, and the size and time of it and of its
/// signature.
pub type Mark = (PathBuf, [Option<(u64, Option<SystemTime>)>; 2]);

/// The mappings of this installation.
pub struct Library {
    plugins: Plugins,
    scripts: Scripts,
    folder: PathBuf,
    signers: Vec<Signer>,
}

impl Library {
    /// Makes a library of the files in `folder`, which need not exist. `maker` is the
    /// binary of efficlose, which makes components of scripts; they are kept in
    /// `cache`. Any mapping is used until there are signers: then those that one of
    /// them has signed, and the defaults.
    pub fn new(
        plugins: Plugins,
        maker: PathBuf,
        cache: &Path,
        folder: &Path,
        signers: Vec<Signer>,
    ) -> Self {
        let (scripts, folder) = (Scripts::new(maker, cache), folder.to_owned());
        Self { plugins, scripts, folder, signers }
    }

    /// Loads and configures the mapping of an object: the customer's file in the
    /// folder, `contact.js` or `contact.wasm`, or the default where there is none.
    pub fn mapping(&self, object: Object, settings: Vec<Setting>) -> Result<Mapping, Error> {
        self.mapping_of(self.brought(object)?.as_ref(), object, settings)
    }

    /// Reads the customer's file for an object, where there is one; refuses it, where it
    /// has to be signed and isn't.
    pub fn brought(&self, object: Object) -> Result<Option<Brought>, Error> {
        let Some(file) = self.file(object)? else { return Ok(None) };
        let brought = Brought::read(&file)?;
        self.is_signed(&brought, object)?;
        Ok(Some(brought))
    }

    /// Loads and configures a mapping that is in this file, for an object.
    pub fn mapping_in(
        &self,
        file: &Path,
        object: Object,
        settings: Vec<Setting>,
    ) -> Result<Mapping, Error> {
        self.mapping_of(Some(&Brought::read(file)?), object, settings)
    }

    /// Loads and configures a mapping that was read, or the default.
    pub fn mapping_of(
        &self,
        brought: Option<&Brought>,
        object: Object,
        settings: Vec<Setting>,
    ) -> Result<Mapping, Error> {
        let Some(brought) = brought else { return self.default(object, settings) };
        let Brought { name, bytes, .. } = brought;
        match brought.ending() {
            COMPONENT => {
                let plugin = self.plugins.load(name, object, bytes)?;
                Arc::new(plugin).configure(settings)
            }
            SCRIPT | TYPESCRIPT => {
                let default = self.beneath(object, settings.clone())?;
                let made = self.made(brought, object, default.spec())?;
                let mut plugin = self.plugins.load(name, object, &made.component)?;
                plugin.digest = made.digest;
                default.under(plugin, settings)
            }
            FIELD_MAP => {
                let map = FieldMap::read(brought.text()?).map_err(|why| unusable(name, why))?;
                let plugin = self.plugins.load(name, object, FIELD_MAP_PLUGIN)?;
                let which = Setting { name: "object".to_owned(), value: object.to_string() };
                let settings = settings.into_iter().chain(map.settings.iter().cloned());
                let settings = settings.chain(std::iter::once(which));
                let mapping = Arc::new(plugin).configure(settings.collect());
                let mapping =
                    mapping.map_err(|error| error.placed(|problem| map.placed(name, problem)))?;
                Ok(Mapping { lines: map.lines(), ..mapping })
            }
            _ => Err(unusable(name, UNTAKEN_FORM.to_owned())),
        }
    }

    /// Refuses a mapping that none of the signers has signed for this object, where there
    /// are any.
    pub fn is_signed(&self, brought: &Brought, object: Object) -> Result<(), Error> {
        let Brought { name, bytes, signature } = brought;
        let has_signed = |signer: &Signer| signer.has_signed(object, bytes, signature);
        if self.signers.is_empty() || self.signers.iter().any(has_signed) {
            return Ok(());
        }
        let is_empty = signature.is_empty();
        let why = if is_empty { "it is not signed" } else { "no signer has signed this" };
        Err(Error::Unsigned { file: name.clone(), why })
    }

    /// Returns the component of a script.
    pub fn component_of(&self, script: &Path, object: Object) -> Result<Vec<u8>, Error> {
        let default = self.default(object, Vec::new())?;
        let made = self.made(&Brought::read(script)?, object, default.spec());
        made.map(|made| made.component)
    }

    fn made(&self, script: &Brought, object: Object, default: &Spec) -> Result<Made, Error> {
        let made = self.scripts.component(&script.name, script.text()?, default);
        made.map_err(|cause| Error::Load { plugin: script.name.clone(), object, cause })
    }

    /// Loads and configures the default mapping of an object, for what a script leaves
    /// out: it is given the settings that it knows, since the script may have its own.
    fn beneath(&self, object: Object, mut settings: Vec<Setting>) -> Result<Mapping, Error> {
        for _ in 0..settings.len() {
            let Err(error) = self.default(object, settings.clone()) else { break };
            let Some(Cause::Refused(Problem { message, at: Some(at), .. })) = error.cause() else {
                break;
            };
            if !message.starts_with(UNKNOWN_SETTING) {
                break;
            }
            settings.retain(|setting| setting.name != *at);
        }
        self.default(object, settings)
    }

    /// Returns the object that a component maps without any settings.
    pub fn object_of(&self, component: &[u8]) -> Result<Object, Error> {
        // Whichever it is loaded for: only a mapping is bound to its object.
        let plugin = self.plugins.load("the component", Object::Contact, component)?;
        plugin.spec(&[]).map(|spec| spec.object)
    }

    /// Loads and configures the default mapping of an object.
    pub fn default(&self, object: Object, settings: Vec<Setting>) -> Result<Mapping, Error> {
        let plugin = self.plugins.load(object.file_name(), object, component_of(object))?;
        Arc::new(plugin).configure(settings)
    }

    /// Returns what tells a changed file of an object from the one before: its place, size
    /// and time.
    pub fn mark(&self, object: Object) -> Option<Mark> {
        let file = self.file(object).ok().flatten()?;
        let about = |file: &Path| {
            let about = file.metadata().ok()?;
            Some((about.len(), about.modified().ok()))
        };
        let both = [about(&file), about(&signature_of(&file))];
        both[0].is_some().then_some((file, both))
    }

    /// Returns the customer's file for an object. Two are an error: nobody would know
    /// which of them maps.
    pub fn file(&self, object: Object) -> Result<Option<PathBuf>, Error> {
        let mut found: Option<PathBuf> = None;
        for ending in [COMPONENT, SCRIPT, TYPESCRIPT, FIELD_MAP].into_iter().chain(UNTAKEN) {
            let file = self.folder.join(object.file_name()).with_extension(ending);
            if !is_there(&file)? {
                continue;
            }
            if let Some(first) = &found {
                let first = first.display();
                return Err(unusable(file.display(), format!("{first} maps {object} already")));
            }
            found = Some(file);
        }
        Ok(found)
    }
}

/// Tells whether there is a file. A folder that can't be looked into is an error:
/// the default would take the place of the customer's mapping.
fn is_there(file: &Path) -> Result<bool, Error> {
    file.try_exists().map_err(|cause| unusable(file.display(), cause.to_string()))
}

/// Returns the component that the build made of `plugins/`.
pub fn component_of(object: Object) -> &'static [u8] {
    match object {
        Object::Account => include_bytes!(concat!(env!("OUT_DIR"), "/account.wasm")),
        Object::Contact => include_bytes!(concat!(env!("OUT_DIR"), "/contact.wasm")),
        Object::Lead => include_bytes!(concat!(env!("OUT_DIR"), "/lead.wasm")),
        Object::Opportunity => include_bytes!(concat!(env!("OUT_DIR"), "/opportunity.wasm")),
        Object::Task => include_bytes!(concat!(env!("OUT_DIR"), "/task.wasm")),
    }
}
