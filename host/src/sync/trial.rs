//! Trial: a mapping that is new to an org proves itself on stored records before it is
//! used; until it does, the one that was found good last goes on.

use super::preview::preview;
use super::{Doors, Error, WhenRefused};
use crate::model::{Object, Problem};
use crate::plugin::{Brought, Mapping};
use crate::store::{Accepted, Refused};

/// On how many stored records a mapping is tried.
const TRIED: u64 = 500;

/// Returns the mapping to use for an object: the customer's, or the default, where it was
/// found good or is now; else what the settings say.
pub(super) fn mapping(doors: &Doors, object: Object) -> Result<Mapping, Error> {
    let choices = doors.settings.objects.get(&object).cloned().unwrap_or_default();
    let settings = || choices.mapping();
    let library = &doors.library;
    let accepted = doors.store.accepted(object)?;
    let refused = doors.store.refused(object)?;
    let brought = library.brought(object);
    let loaded = brought.and_then(|brought| {
        let mapping = library.mapping_of(brought.as_ref(), object, settings())?;
        Ok((brought, mapping))
    });
    let (digest, error) = match loaded {
        Ok((_, mapping)) if is(&accepted, &mapping) => {
            if refused.is_some() {
                doors.store.refuse(object, None)?;
            }
            return Ok(mapping);
        }
        Ok((brought, mapping)) => {
            let digest = Some(mapping.digest().to_owned());
            // Not tried again as long as nothing has changed.
            let known = refused.filter(|refused| refused.digest == digest).map(|r| r.why);
            match known.map_or_else(|| tried(doors, &mapping, object), |why| Ok(Some(why)))? {
                None => {
                    accept(doors, object, brought, &mapping)?;
                    return Ok(mapping);
                }
                Some(why) => (digest, Error::Mapping(why)),
            }
        }
        Err(error) => (None, Error::Plugin(error)),
    };
    let refused = Refused { digest, why: error.problem() };
    doors.store.refuse(object, Some(&refused))?;
    let Some(accepted) = accepted.filter(|_| choices.when_refused == WhenRefused::LastGood) else {
        return Err(error);
    };
    tracing::warn!(%object, "a mapping is refused, the last good one goes on: {}", refused.why);
    let last = (!accepted.name.is_empty())
        .then_some(Brought { name: accepted.name, bytes: accepted.source });
    library.mapping_of(last.as_ref(), object, settings()).map_err(|_| error)
}

fn is(accepted: &Option<Accepted>, mapping: &Mapping) -> bool {
    accepted.as_ref().is_some_and(|accepted| accepted.digest == mapping.digest())
}

/// Notes that a mapping is good.
fn accept(
    doors: &Doors,
    object: Object,
    brought: Option<Brought>,
    mapping: &Mapping,
) -> Result<(), Error> {
    let digest = mapping.digest().to_owned();
    let Brought { name, bytes: source } = brought.unwrap_or_default();
    tracing::info!(%object, digest, "a mapping was found good");
    Ok(doors.store.accept(object, &Accepted { name, source, digest })?)
}

/// Tries a mapping on stored records; returns what speaks against it.
fn tried(doors: &Doors, mapping: &Mapping, object: Object) -> Result<Option<Problem>, Error> {
    let seen = preview(&doors.store, mapping, object, TRIED, 0, &mut |_| ())?;
    // What it can't read yet, it can't be judged by.
    let against = seen.against().filter(|_| seen.unread.is_empty());
    Ok(against.map(|why| Problem {
        message: format!("the mapping \"{}\" of {object} is not used: {why}", mapping.name()),
        at: None,
        hint: Some(format!(
            "Mend it and look with `efficlose mapping preview`, use it all the same with `efficlose \
             mapping use --force`, or go back with `efficlose mapping back {object}`."
        )),
    }))
}
