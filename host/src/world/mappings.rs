//! The mappings of an object one after another: which is used, which were before, and what
//! speaks against one that is to be used.

use std::path::{Path, PathBuf};

use tokio::task::block_in_place;

use super::{Failed, World};
use crate::model::{Connection, Object, OrgId, Setting, Spec};
use crate::plugin::{Brought, Mapping, signature_of};
use crate::salesforce::{Description, Salesforce};
use crate::store::{Accepted, make_folder};
use crate::sync::{
    Effect, Misfit, Preview, Replay, misfits, parents, preview, probe, replay, selects_others,
};

/// The folder of the mappings that were used before, in that of the mappings.
const BEFORE: &str = "before";
/// How the name of a mark ends that stands for the default.
const DEFAULT: &str = "default";
/// How the names of those begin from which someone has gone back.
const UNDONE: &str = "undone";
/// How many earlier mappings of an object are kept.
const BEFORE_MAX: u32 = 100;

/// What going back to the mapping before did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// The file that maps again; none, where the default does.
    pub now: Option<PathBuf>,
    /// Where the one that was used is kept.
    pub undone: Option<PathBuf>,
}

/// What a mapping does to all that is stored.
#[derive(Debug)]
pub struct Judgement {
    /// What it makes of records.
    pub seen: Preview,
    /// What it gives for what was asked for meetings.
    pub pushes: Replay,
    /// What speaks against using it.
    pub against: Option<Failed>,
}

impl World {
    /// Puts a mapping where the next sync finds it, and keeps the one before; returns its
    /// place.
    pub fn put(&self, org: &OrgId, object: Object, brought: Brought) -> Result<PathBuf, Failed> {
        let _lock = self.store.lock_settings()?;
        let folder = self.mappings();
        let ending = Path::new(&brought.name).extension().unwrap_or_default();
        let place = folder.join(object.file_name()).with_extension(ending);
        make_folder(&folder)?;
        let new = place.with_extension("new");
        std::fs::write(&new, &brought.bytes).map_err(|cause| io(&new, &cause))?;
        let old = self.put_aside(object)?;
        settle(&new, &place, &brought.signature)?;
        if let Some(old) = old.filter(|old| *old != place) {
            remove(&old)?;
            remove(&signature_of(&old))?;
        }
        let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.accept(org, object, Some(Brought { name, ..brought }))?;
        Ok(place)
    }

    /// Notes that a person wants a mapping: it need not prove itself to the next sync.
    pub fn accept(
        &self,
        org: &OrgId,
        object: Object,
        brought: Option<Brought>,
    ) -> Result<(), Failed> {
        let settings = self.mapping_settings(org, object);
        let library = self.library()?;
        let mapping = library.mapping_of(brought.as_ref(), object, settings.clone())?;
        let digest = mapping.digest().to_owned();
        let Brought { name, bytes: source, signature } = brought.unwrap_or_default();
        let accepted = Accepted { name, source, signature, settings, digest };
        Ok(self.store.org(org)?.accept(object, &accepted)?)
    }

    /// Copies the mapping in use to those before it, and returns its file; the default
    /// leaves an empty mark.
    fn put_aside(&self, object: Object) -> Result<Option<PathBuf>, Failed> {
        let before = self.mappings().join(BEFORE);
        make_folder(&before)?;
        let number = self.earlier(object)?.last().map_or(1, |(number, _)| number + 1);
        let named = |ending: &str| before.join(format!("{}.{number}.{ending}", object.file_name()));
        match self.library()?.file(object)? {
            Some(file) => {
                copy(&file, &named(&ending_of(&file)))?;
                Ok(Some(file))
            }
            None => {
                let mark = named(DEFAULT);
                std::fs::write(&mark, "").map_err(|cause| io(&mark, &cause))?;
                Ok(None)
            }
        }
    }

    /// Returns the mappings that were used before, with their numbers, the latest last.
    pub fn earlier(&self, object: Object) -> Result<Vec<(u32, PathBuf)>, Failed> {
        self.kept(&format!("{}.", object.file_name()))
    }

    /// Returns the mappings from which someone has gone back, the latest last.
    pub fn undone(&self, object: Object) -> Result<Vec<(u32, PathBuf)>, Failed> {
        self.kept(&format!("{UNDONE}.{}.", object.file_name()))
    }

    /// Returns the mappings among those before whose names begin so and go on with a number;
    /// the oldest are given up where there are many.
    fn kept(&self, start: &str) -> Result<Vec<(u32, PathBuf)>, Failed> {
        let folder = self.mappings().join(BEFORE);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(io(&folder, &cause)),
        };
        let numbered = |path: PathBuf| {
            let rest = path.file_name()?.to_str()?.strip_prefix(start)?;
            // A signature has one more ending.
            let (number, ending) = rest.split_once('.')?;
            Some((number.parse().ok()?, (!ending.contains('.')).then_some(path)?))
        };
        let mut found: Vec<_> =
            entries.flatten().filter_map(|entry| numbered(entry.path())).collect();
        found.sort();
        let over = found.len().saturating_sub(BEFORE_MAX as usize);
        for (_, old) in found.drain(..over) {
            remove(&old)?;
            remove(&signature_of(&old))?;
        }
        Ok(found)
    }

    /// Returns the mapping that was found good last before the file in use was edited in its
    /// place; none, where it wasn't. What lies among those before, the latest of which is `last`,
    /// was not edited, and what someone has gone back from is not gone back to.
    fn before_edit(
        &self,
        org: &OrgId,
        object: Object,
        used: &Path,
        last: Option<&Path>,
    ) -> Result<Option<Accepted>, Failed> {
        let read = |file: &Path| std::fs::read(file).map_err(|cause| io(file, &cause));
        let (bytes, last) = (read(used)?, last.map(read).transpose()?);
        let is_other = |good: &Accepted| {
            !good.name.is_empty() && good.source != bytes && last.as_ref() != Some(&good.source)
        };
        let store = self.store.org(org)?;
        let Some(accepted) = store.accepted(object)? else { return Ok(None) };
        if accepted.source != bytes {
            return Ok(Some(accepted).filter(is_other));
        }
        // A sync may have found the edited one good since.
        let Some(good) = store.accepted_before(object)?.filter(is_other) else { return Ok(None) };
        for (_, undone) in self.undone(object)? {
            if read(&undone)? == good.source {
                return Ok(None);
            }
        }
        Ok(Some(good))
    }

    /// Puts a mapping that was found good back to its place, and returns that.
    fn restore(&self, good: &Accepted) -> Result<PathBuf, Failed> {
        let place = self.mappings().join(&good.name);
        let new = place.with_extension("new");
        std::fs::write(&new, &good.source).map_err(|cause| io(&new, &cause))?;
        settle(&new, &place, &good.signature)?;
        Ok(place)
    }

    /// Goes back to the mapping before: what the file in use was before it was edited, or what
    /// was used before it.
    pub fn back(&self, org: &OrgId, object: Object) -> Result<Back, Failed> {
        let _lock = self.store.lock_settings()?;
        let used = self.library()?.file(object)?;
        let last = self.earlier(object)?.pop().map(|(_, last)| last);
        if used.is_none() && last.is_none() {
            return Err(Failed::new(format!("no other mapping of {object} was used before"))
                .hint("Run `efficlose mapping list` to see which is used."));
        }
        let good = match &used {
            Some(file) => self.before_edit(org, object, file, last.as_deref())?,
            None => None,
        };
        let mut undone = None;
        if let Some(file) = &used {
            // It may have been changed there; nothing that a person wrote is lost.
            let number = self.undone(object)?.last().map_or(1, |(number, _)| number + 1);
            let name = format!("{UNDONE}.{}.{number}.{}", object.file_name(), ending_of(file));
            let before = self.mappings().join(BEFORE);
            make_folder(&before)?;
            let kept = before.join(name);
            copy(file, &kept)?;
            undone = Some(kept);
        }
        let place =
            |last: &Path| self.mappings().join(object.file_name()).with_extension(ending_of(last));
        // One that was put there by hand had the default before it.
        let is_default = last.as_ref().is_none_or(|last| ending_of(last) == DEFAULT);
        let now = match (good, last) {
            // Those before stay as they are.
            (Some(good), _) => Some(self.restore(&good)?),
            (None, Some(last)) if !is_default => {
                let place = place(&last);
                remove(&signature_of(&place))?;
                rename_if_there(&signature_of(&last), &signature_of(&place))?;
                // In the place of the one before at once: no sync finds none in between.
                std::fs::rename(&last, &place).map_err(|cause| io(&place, &cause))?;
                Some(place)
            }
            (None, mark) => {
                mark.map_or(Ok(()), |mark| remove(&mark))?;
                None
            }
        };
        if let Some(file) = used.filter(|file| Some(file) != now.as_ref()) {
            remove(&file)?;
            remove(&signature_of(&file))?;
        }
        // Should it not be usable any more, the next sync says so.
        if let Ok(brought) = self.library()?.brought(object) {
            self.accept(org, object, brought).ok();
        }
        Ok(Back { now, undone })
    }

    /// Tries a mapping on up to `limit` stored records; tells of up to `shown` changes.
    pub fn try_on(
        &self,
        org: &OrgId,
        object: Object,
        brought: &Brought,
        (limit, shown): (u64, usize),
        progress: &mut dyn FnMut(u64),
    ) -> Result<(Mapping, Preview), Failed> {
        let settings = self.mapping_settings(org, object);
        let mapping = self.library()?.mapping_of(Some(brought), object, settings)?;
        let store = self.store.org(org)?;
        let seen = preview(&store, &mapping, object, limit, shown, progress)?;
        Ok((mapping, seen))
    }

    /// Tries a mapping on all that is stored, and says what speaks against using it.
    pub fn judge(
        &self,
        org: &OrgId,
        object: Object,
        brought: &Brought,
        shown: usize,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Judgement, Failed> {
        let (mapping, seen) = self.try_on(org, object, brought, (u64::MAX, shown), progress)?;
        let pushes = replay(&*self.store.org(org)?, &mapping, object, shown)?;
        let settings = self.mapping_settings(org, object);
        let used = self.library()?.mapping(object, settings).ok();
        let filter = selects_others(mapping.spec(), used.as_ref().map(Mapping::spec));
        let against = seen.against().or_else(|| pushes.against()).or(filter).map(|why| {
            let hint = match seen.unread.as_slice() {
                [] => {
                    "Mend the mapping; where it does so on purpose, use it with --force.".to_owned()
                }
                unread => format!(
                    "It reads what is not stored yet ({}), so little can be tried: use it with \
                     --force, and the next sync reads it.",
                    unread.join(", ")
                ),
            };
            Failed::new(why).hint(hint)
        });
        Ok(Judgement { seen, pushes, against })
    }

    /// Refuses a mapping that doesn't fit what the org says of its fields: one that reads or
    /// writes what isn't there, or that writes what would be refused.
    pub async fn fits(
        &self,
        connection: &Connection,
        object: Object,
        brought: &Brought,
    ) -> Result<(), Failed> {
        let settings = self.mapping_settings(&connection.org, object);
        let library = self.library()?;
        let mapping = block_in_place(|| library.mapping_of(Some(brought), object, settings))?;
        let misfits = self.misfits_of(connection, &mapping).await?;
        let has_records = self.store.org(&connection.org)?.count(object)? > 0;
        refused(&misfits, has_records).map_or(Ok(()), Err)
    }

    /// Returns what of a mapping doesn't fit the org: what it says it needs, and what it
    /// makes of records and meetings that are made up.
    pub async fn misfits_of(
        &self,
        connection: &Connection,
        mapping: &Mapping,
    ) -> Result<Vec<Misfit>, Failed> {
        let spec = mapping.spec();
        let salesforce = self.salesforce(connection)?;
        let description = described(&salesforce, spec.object).await?;
        let parents = parents(&salesforce, spec, &description).await?;
        let mut found = misfits(spec, &description, Some(&parents));
        found.extend(refused_filter(&salesforce, spec).await?);
        let now = self.clock.now();
        found.extend(block_in_place(|| probe(mapping, &description, &parents, now))?);
        Ok(found)
    }

    /// Asks an org what an object is.
    pub async fn describe(
        &self,
        connection: &Connection,
        object: Object,
    ) -> Result<Description, Failed> {
        described(&self.salesforce(connection)?, object).await
    }

    /// Returns the choices for the mapping of an object.
    pub fn mapping_settings(&self, org: &OrgId, object: Object) -> Vec<Setting> {
        let settings = self.settings(org);
        settings.objects.get(&object).map(|choices| choices.mapping()).unwrap_or_default()
    }
}

async fn described(salesforce: &Salesforce, object: Object) -> Result<Description, Failed> {
    salesforce.describe(object.as_str()).await?.ok_or_else(|| {
        Failed::new(format!("the connected user does not see {object}"))
            .hint("Give the connected user read access to it in Salesforce.")
    })
}

/// Asks the org whether it takes the mapping's condition; costs a call where there is one.
async fn refused_filter(salesforce: &Salesforce, spec: &Spec) -> Result<Option<Misfit>, Failed> {
    let Some(filter) = &spec.filter else { return Ok(None) };
    match salesforce.count(spec.object, Some(filter)).await {
        Ok(_) => Ok(None),
        Err(error) => match error.refusal().filter(|_| !error.is_transient()) {
            Some(refusal) => Ok(Some(Misfit {
                field: "filter".to_owned(),
                message: format!("is refused by the org: {refusal}"),
                nearest: None,
                effect: Effect::Stops,
            })),
            None => Err(error.into()),
        },
    }
}

/// Returns the error of what can't stay so; an optional field that the org may lack can.
/// Where `has_records`, those have told already for which records the mapping fails.
pub fn refused(misfits: &[Misfit], has_records: bool) -> Option<Failed> {
    let is_wrong = |misfit: &&Misfit| match misfit.effect {
        Effect::Stops | Effect::Refused => true,
        Effect::LeftOut | Effect::Unlisted => misfit.nearest.is_some(),
        Effect::Fails => !has_records,
    };
    misfits.iter().find(is_wrong).map(|misfit| {
        let nearest = misfit.nearest.as_ref().map(|name| format!("; did you mean {name}?"));
        let said = format!("{} {}{}", misfit.field, misfit.message, nearest.unwrap_or_default());
        Failed::new(said.trim().to_owned())
            .hint("Mend the mapping, or give the connected user access to the field.")
    })
}

fn ending_of(file: &Path) -> String {
    file.extension().unwrap_or_default().to_string_lossy().into_owned()
}

pub(super) fn io(file: &Path, cause: &std::io::Error) -> Failed {
    Failed::new(format!("can't use {}: {cause}", file.display()))
}

/// Copies a mapping, with the signature that lies beside it.
fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    std::fs::copy(from, to).map_err(|cause| io(from, &cause))?;
    let (from, to) = (signature_of(from), signature_of(to));
    if from.exists() {
        std::fs::copy(&from, to).map_err(|cause| io(&from, &cause))?;
    } else {
        remove(&to)?;
    }
    Ok(())
}

/// Puts what was written to `new` in the place of a mapping, with its signature.
fn settle(new: &Path, place: &Path, signature: &str) -> Result<(), Failed> {
    let beside = signature_of(place);
    if signature.is_empty() {
        remove(&beside)?;
    } else {
        std::fs::write(&beside, signature).map_err(|cause| io(&beside, &cause))?;
    }
    // At no time is there none: a sync that looks takes the one or the other, or finds two and
    // says so.
    std::fs::rename(new, place).map_err(|cause| io(place, &cause))
}

fn rename_if_there(from: &Path, to: &Path) -> Result<(), Failed> {
    match std::fs::rename(from, to) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(io(from, &cause)),
        _ => Ok(()),
    }
}

/// Removes a file, where it is there.
fn remove(file: &Path) -> Result<(), Failed> {
    match std::fs::remove_file(file) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(io(file, &cause)),
        _ => Ok(()),
    }
}
