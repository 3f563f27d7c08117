//! The settings of this installation: one file, and the key beside it.

mod key;
mod mapping;
mod web;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, Item, Table};

use crate::model::OrgId;
use crate::{notify, sync, telemetry};

pub use key::load as load_key;
pub use mapping::MappingSettings;
pub use web::{ProxySettings, PublicUrl, WebSettings};

/// The settings' file, in the home.
pub const FILE: &str = "config.toml";
/// How large the settings' file may be, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// All settings, each room's own collected. Unknown names are refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where HTTPS calls go by way of, such as `http://proxy.example:3128`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<url::Url>,
    /// What one call of a mapping may use, and whose mappings are used.
    #[serde(default, skip_serializing_if = "MappingSettings::is_usual")]
    pub mapping: MappingSettings,
    /// Who is told when something goes wrong, or is well again.
    #[serde(default, skip_serializing_if = "notify::Settings::is_none")]
    pub notices: notify::Settings,
    /// Where pages are served, and who is let in.
    #[serde(default, skip_serializing_if = "WebSettings::is_usual")]
    pub web: WebSettings,
    /// Where traces go.
    #[serde(default, skip_serializing_if = "telemetry::Settings::is_none")]
    pub telemetry: telemetry::Settings,
    /// The choices for each org.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub orgs: BTreeMap<OrgId, sync::Settings>,
}

impl Config {
    /// Reads the settings of a home; the usual ones where there is no file.
    pub fn load(home: &Path) -> Result<Self, Error> {
        let file = home.join(FILE);
        match read(&file)? {
            Some(text) => toml_edit::de::from_str(&text)
                .map_err(|error| Error::Parse { file, why: error.to_string() }),
            None => Ok(Self::default()),
        }
    }
}

/// Writes the choices for an org into the settings' file. Whatever else stands
/// there stays as it is, comments too.
pub fn save_org(home: &Path, org: &OrgId, settings: &sync::Settings) -> Result<(), Error> {
    let file = home.join(FILE);
    let text = read(&file)?.unwrap_or_default();
    let parse = |why: String| Error::Parse { file: file.clone(), why };
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| parse(error.to_string()))?;
    let chosen = toml_edit::ser::to_document(settings).map_err(|error| parse(error.to_string()))?;
    let mut chosen = chosen.into_table();
    open_up(&mut chosen);
    let orgs = document.entry("orgs").or_insert_with(|| {
        let mut orgs = Table::new();
        orgs.set_implicit(true);
        Item::Table(orgs)
    });
    let orgs = orgs.as_table_mut().ok_or_else(|| parse("orgs is not a table".to_owned()))?;
    match orgs.get_mut(org.as_str()).and_then(Item::as_table_mut) {
        Some(before) => {
            let was: sync::Settings =
                toml_edit::de::from_document(DocumentMut::from(before.clone()))
                    .map_err(|error| parse(error.to_string()))?;
            if was == *settings {
                return Ok(());
            }
            let said =
                toml_edit::ser::to_document(&was).map_err(|error| parse(error.to_string()))?;
            let mut said = said.into_table();
            open_up(&mut said);
            merge(before, &said, chosen);
        }
        None => drop(orgs.insert(org.as_str(), Item::Table(chosen))),
    }
    write(&file, &document.to_string())
}

/// Takes choices into a table that a person may have written: what is the same as it was said
/// before stays as it is written, with what stands beside it, and so does what is as usual.
fn merge(before: &mut Table, said: &Table, chosen: Table) {
    before.retain(|name, _| !said.contains_key(name) || chosen.contains_key(name));
    for (name, new) in chosen {
        let was = said.get(&name);
        match (before.get_mut(&name), new) {
            (Some(Item::Table(old)), Item::Table(new)) => {
                let none = Table::new();
                merge(old, was.and_then(Item::as_table).unwrap_or(&none), new);
            }
            (Some(Item::Value(old)), Item::Value(mut new)) => {
                let is_same = |was: &Item| was.to_string().trim() == new.to_string().trim();
                if !was.is_some_and(is_same) {
                    *new.decor_mut() = old.decor().clone();
                    *old = new;
                }
            }
            (_, new) => drop(before.insert(&name, new)),
        }
    }
}

/// Turns inline tables into sections, which a person reads and edits more easily.
fn open_up(table: &mut Table) {
    for (_, item) in table.iter_mut() {
        if let Some(inline) = item.as_inline_table() {
            *item = Item::Table(inline.clone().into_table());
        }
        if let Some(inner) = item.as_table_mut() {
            open_up(inner);
            let holds_no_value = inner.iter().all(|(_, item)| !item.is_value());
            inner.set_implicit(holds_no_value);
        }
    }
}

fn read(file: &Path) -> Result<Option<String>, Error> {
    let error = |cause| Error::File { doing: "read", file: file.to_owned(), cause };
    match file.metadata() {
        Ok(about) if about.len() > FILE_MAX => {
            let why = format!("it is larger than {FILE_MAX} bytes");
            Err(Error::Parse { file: file.to_owned(), why })
        }
        Ok(_) => std::fs::read_to_string(file).map(Some).map_err(error),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(error(cause)),
    }
}

/// Writes a file so that a crash leaves the old one or the new one, whole.
fn write(file: &Path, text: &str) -> Result<(), Error> {
    let error = |cause| Error::File { doing: "write", file: file.to_owned(), cause };
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut new| {
        new.write_all(text.as_bytes())?;
        // Whoever reads it now goes on doing so.
        if let Ok(about) = file.metadata() {
            new.as_file().set_permissions(about.permissions())?;
        }
        new.as_file().sync_all()?;
        new.persist(file)?;
        Ok(())
    });
    written.map_err(error)
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be used.
    #[error("could not {doing} {}: {cause}", file.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file says something that isn't a setting.
    #[error("could not understand {}: {why}", file.display())]
    Parse {
        /// The file.
        file: PathBuf,
        /// Where, and what is wrong.
        why: String,
    },
    /// The key is no key.
    #[error("{place} holds no key: {why}")]
    Key {
        /// Where it was looked for.
        place: String,
        /// What is wrong with it.
        why: crate::secret::SealError,
    },
    /// Others may read the key.
    #[error("the key {} can be read by others (mode {mode:o})", file.display())]
    KeyOpen {
        /// The file.
        file: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

impl Error {
    /// Returns a sentence with the mend.
    pub fn hint(&self) -> String {
        match self {
            Self::File { .. } => "Check the folder's owner and permissions.".to_owned(),
            Self::Parse { .. } => {
                "Mend the line, or move the file away to begin with the usual settings.".to_owned()
            }
            Self::Key { .. } => {
                "Give the 64 hexadecimal digits of the key that the grants were sealed with; \
                 without it, run `efficlose connect` again."
                    .to_owned()
            }
            Self::KeyOpen { file, .. } => format!("Run `chmod 600 {}`.", file.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Object;

    const ORG: &str = "00Dxx0000001gPLEAY";

    #[test]
    fn saving_an_org_keeps_all_else_and_reads_back() {
        let home = tempfile::tempdir().unwrap();
        let ours = "# ours\nproxy = \"http://proxy.example:3128/\" # the way out\n";
        std::fs::write(home.path().join(FILE), ours).unwrap();
        let mut settings = sync::Settings {
            own_domains: vec!["northwind.example".to_owned()],
            ..sync::Settings::default()
        };
        let mut contact = sync::ObjectSettings::default();
        contact.mapping.insert("custom_fields".to_owned(), "Region__c".to_owned());
        settings.objects.insert(Object::Contact, contact);
        for _ in 0..2 {
            save_org(home.path(), &ORG.parse().unwrap(), &settings).unwrap();
        }
        let text = std::fs::read_to_string(home.path().join(FILE)).unwrap();
        assert!(text.starts_with(ours), "{text}");
        assert!(text.contains(&format!("[orgs.{ORG}.objects.Contact]")), "{text}");
        let config = Config::load(home.path()).unwrap();
        assert_eq!(config.orgs[&ORG.parse().unwrap()], settings);
    }

    #[test]
    fn what_a_person_has_written_beside_their_choices_stays() {
        let home = tempfile::tempdir().unwrap();
        let ours = format!(
            "[orgs.{ORG}]\nown_domains = []\n# agreed with IT\nbudget_percent = 30   # of all\n\n\
             [orgs.{ORG}.objects.Contact]\npull = true\npush = true # both\nevery_minutes = 60 # hourly\n\
             when_refused = \"last-good\" # as usual\n"
        );
        std::fs::write(home.path().join(FILE), &ours).unwrap();
        let mut settings = Config::load(home.path()).unwrap().orgs[&ORG.parse().unwrap()].clone();
        save_org(home.path(), &ORG.parse().unwrap(), &settings).unwrap();
        assert_eq!(std::fs::read_to_string(home.path().join(FILE)).unwrap(), ours);
        settings.objects.get_mut(&Object::Contact).unwrap().every_minutes = 15;
        save_org(home.path(), &ORG.parse().unwrap(), &settings).unwrap();
        let text = std::fs::read_to_string(home.path().join(FILE)).unwrap();
        assert_eq!(text, ours.replace("= 60", "= 15"));
        settings.objects.remove(&Object::Contact);
        save_org(home.path(), &ORG.parse().unwrap(), &settings).unwrap();
        let config = Config::load(home.path()).unwrap();
        assert_eq!(config.orgs[&ORG.parse().unwrap()], settings);
    }

    #[test]
    fn a_setting_that_is_misspelt_or_out_of_range_is_refused_with_its_line() {
        let home = tempfile::tempdir().unwrap();
        let refused = |text: &str| {
            std::fs::write(home.path().join(FILE), text).unwrap();
            Config::load(home.path()).unwrap_err().to_string()
        };
        let error = refused("\nproxxy = 1\n");
        assert!(error.contains("line 2") && error.contains("proxxy"), "{error}");
        let never =
            format!("[orgs.{ORG}.objects.Lead]\npull = true\npush = true\nevery_minutes = 0\n");
        let error = refused(&never);
        assert!(error.contains("line 4") && error.contains("every 1 to 10080"), "{error}");
    }
}
