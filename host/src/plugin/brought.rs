//! What a customer brings: a file that is to be a mapping, with the signature beside it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::field_map::MAP_MAX;
use super::script::SCRIPT_MAX;
use super::{COMPONENT_MAX, Error, signature};

/// The ending of a field map.
pub(super) const FIELD_MAP: &str = "toml";
/// The endings of a script: in JavaScript, and in TypeScript.
pub(super) const SCRIPT: &str = "js";
pub(super) const TYPESCRIPT: &str = "ts";
/// The ending of a component.
pub(super) const COMPONENT: &str = "wasm";
/// The endings that a mapping's file may not have, so that it is refused and not
/// passed over.
pub(super) const UNTAKEN: [&str; 4] = ["mjs", "cjs", "py", "rs"];
/// What is said of a file of another form.
pub(super) const UNTAKEN_FORM: &str = "a mapping is a field map, a file that ends in .toml, a script, one that ends in .js or .ts, or \
     a component, one that ends in .wasm";
/// How large a signature's file may be, in bytes.
const SIGNATURE_MAX: u64 = 1_000;

/// A customer's file that is to be a mapping, as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// Its name, without the folder; the ending says which form it has.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// The signature that lies beside it, in Base64; empty, where there is none.
    pub signature: String,
}

impl Brought {
    /// Reads a file; one that no form of a mapping may be as large as is refused.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let place = file.display();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut brought = Self { name, ..Self::default() };
        let most = match brought.ending() {
            FIELD_MAP => MAP_MAX,
            SCRIPT | TYPESCRIPT => SCRIPT_MAX,
            COMPONENT => COMPONENT_MAX,
            _ => return Err(unusable(place, UNTAKEN_FORM.to_owned())),
        };
        brought.bytes =
            bytes_of(file, most).map_err(|cause| unusable(&place, cause.to_string()))?;
        let signature = bytes_of(&signature_of(file), SIGNATURE_MAX).unwrap_or_default();
        brought.signature = String::from_utf8(signature).unwrap_or_default();
        Ok(brought)
    }

    /// Returns how its name ends.
    pub fn ending(&self) -> &str {
        Path::new(&self.name).extension().and_then(|ending| ending.to_str()).unwrap_or_default()
    }

    /// Returns what is in it, where that is text.
    pub(super) fn text(&self) -> Result<&str, Error> {
        let text = std::str::from_utf8(&self.bytes);
        text.map_err(|_| unusable(&self.name, "it is not text in UTF-8".to_owned()))
    }
}

/// Returns where the signature of a mapping's file lies: beside it, as `contact.js.sig`.
pub fn signature_of(file: &Path) -> PathBuf {
    let mut place = file.as_os_str().to_owned();
    place.push(format!(".{}", signature::ENDING));
    place.into()
}

/// Reads a file of up to so many bytes; what is no plain file may have no end.
fn bytes_of(file: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no plain file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let size =
            if most < 1 << 20 { format!("{most} bytes") } else { format!("{} MiB", most >> 20) };
        return Err(std::io::Error::other(format!("it is larger than {size}")));
    }
    Ok(bytes)
}

pub(super) fn unusable(file: impl std::fmt::Display, why: String) -> Error {
    Error::File { file: file.to_string(), why }
}
