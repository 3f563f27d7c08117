//! The choices that a person made for a mapping.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::{Problem, Setting};

/// The settings, each to be read by name; one that nobody reads is refused, so
/// that a misspelt name never goes unnoticed.
pub struct Settings {
    entries: Vec<(Setting, Cell<bool>)>,
}

impl From<Vec<Setting>> for Settings {
    fn from(settings: Vec<Setting>) -> Self {
        Self { entries: settings.into_iter().map(|setting| (setting, Cell::new(false))).collect() }
    }
}

impl Settings {
    /// Returns a setting's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (setting, read) = self.entries.iter().find(|(setting, _)| setting.name == name)?;
        read.set(true);
        Some(&setting.value)
    }

    /// Returns a setting's value as names between commas; none where it is unset.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let names = self.get(name).unwrap_or_default().split(',').map(str::trim);
        names.filter(|name| !name.is_empty()).collect()
    }

    /// Returns the settings whose names begin so, under what is left of them.
    pub(crate) fn beginning_with(&self, start: &str) -> BTreeMap<String, String> {
        let entries = self.entries.iter().filter_map(|(setting, read)| {
            let name = setting.name.strip_prefix(start)?;
            read.set(true);
            Some((name.to_owned(), setting.value.clone()))
        });
        entries.collect()
    }

    /// Refuses the first setting that was never asked for.
    pub(crate) fn refuse_unread(&self) -> Result<(), Problem> {
        let Some((setting, _)) = self.entries.iter().find(|(_, read)| !read.get()) else {
            return Ok(());
        };
        Err(Problem {
            message: format!("the mapping has no setting \"{}\"", setting.name),
            at: Some(setting.name.clone()),
            hint: Some("Remove the setting, or mend its name.".to_owned()),
        })
    }
}
