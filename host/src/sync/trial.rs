//! Trial: a mapping that is new to an org proves itself on stored records before it is
//! used; until it does, the one that was found good last goes on.

use super::prepare::{Effect, is_shown, misfits};
use super::preview::{preview, replay, selects_others};
use super::{Doors, Error, WhenRefused};
use crate::model::{Need, Object, Problem, Setting};
use crate::plugin::{Brought, Mapping};
use crate::salesforce::Description;
use crate::store::{Accepted, Refused};

/// On how many stored records a mapping is tried.
const TRIED: u64 = 500;

/// Returns the mapping to use for an object: the customer's, or the default, where it was
/// found good or is now; else what the settings say.
pub(super) fn mapping(doors: &Doors, object: Object, org: &Description) -> Result<Mapping, Error> {
    let choices = doors.settings.objects.get(&object).cloned().unwrap_or_default();
    let settings = choices.mapping();
    let library = &doors.library;
    let accepted = doors.store.accepted(object)?;
    let loaded = library.brought(object).and_then(|brought| {
        let mapping = library.mapping_of(brought.as_ref(), object, settings.clone())?;
        Ok((brought, mapping))
    });
    let error = match loaded {
        Ok((_, mapping)) if accepted.as_ref().is_some_and(|a| a.digest == mapping.digest()) => {
            if doors.store.refused(object)?.is_some() {
                doors.store.refuse(object, None)?;
            }
            return Ok(mapping);
        }
        // It was found good and failed then; only a person's word brings it back.
        Ok((_, mapping)) if doors.store.has_broken(object, mapping.digest())? => {
            let refused = doors.store.refused(object)?;
            let why = refused.map(|refused| refused.why);
            Error::Mapping(why.unwrap_or_else(|| unused(&mapping, "it failed in use")))
        }
        Ok((brought, mapping)) => {
            match against(doors, brought.is_some(), &mapping, accepted.as_ref(), org)? {
                None => {
                    accept(doors, brought, &mapping, settings)?;
                    return Ok(mapping);
                }
                Some(why) => Error::Mapping(why),
            }
        }
        Err(error) => Error::Plugin(error),
    };
    let accepted = accepted.filter(|_| choices.when_refused == WhenRefused::LastGood);
    let last = accepted.and_then(|accepted| last(doors, object, accepted));
    let refused = Refused { why: error.problem(), last_goes_on: last.is_some() };
    doors.store.refuse(object, Some(&refused))?;
    let Some(last) = last else { return Err(error) };
    tracing::warn!(%object, "a mapping is refused, the last good one goes on: {}", refused.why);
    Ok(last)
}

/// Goes back to the mapping that was good before one that fails in use, where there is one
/// and the settings want it; tells whether it did.
pub(super) fn fall_back(doors: &Doors, object: Object, why: &Problem) -> Result<bool, Error> {
    let choices = doors.settings.objects.get(&object).cloned().unwrap_or_default();
    if choices.when_refused != WhenRefused::LastGood || !doors.store.fall_back(object, why)? {
        return Ok(false);
    }
    tracing::warn!(%object, "a mapping fails in use, the one before goes on: {why}");
    Ok(true)
}

/// Loads the mapping that was found good last; none, where it is another since efficlose itself
/// is.
fn last(doors: &Doors, object: Object, accepted: Accepted) -> Option<Mapping> {
    let digest = accepted.digest.clone();
    loaded(doors, object, accepted).filter(|last| last.digest() == digest)
}

/// Loads a mapping that was found good, with the settings that it had then; none, where it can't
/// be used any more.
fn loaded(doors: &Doors, object: Object, accepted: Accepted) -> Option<Mapping> {
    let Accepted { name, source: bytes, signature, settings, .. } = accepted;
    let brought = (!name.is_empty()).then_some(Brought { name, bytes, signature });
    if let Some(brought) = &brought {
        doors.library.is_signed(brought, object).ok()?;
    }
    doors.library.mapping_of(brought.as_ref(), object, settings).ok()
}

/// Notes that a mapping is good.
fn accept(
    doors: &Doors,
    brought: Option<Brought>,
    mapping: &Mapping,
    settings: Vec<Setting>,
) -> Result<(), Error> {
    let (object, digest) = (mapping.spec().object, mapping.digest().to_owned());
    let Brought { name, bytes: source, signature } = brought.unwrap_or_default();
    tracing::info!(%object, digest, "a mapping was found good");
    let accepted = Accepted { name, source, signature, settings, digest };
    Ok(doors.store.accept(object, &accepted)?)
}

/// Holds a mapping against what the org says of its fields, and tries it on stored records and
/// on what was asked for meetings; returns what speaks against it. What the default lacks is told
/// when it is fitted to the org: it is the org that has to be mended then.
fn against(
    doors: &Doors,
    is_brought: bool,
    mapping: &Mapping,
    accepted: Option<&Accepted>,
    org: &Description,
) -> Result<Option<Problem>, Error> {
    let spec = mapping.spec();
    let stops = misfits(spec, org, None).into_iter().find(|one| one.effect == Effect::Stops);
    if let Some(misfit) = stops.filter(|_| is_brought) {
        let nearest = misfit.nearest.map(|name| format!("; did you mean {name}?"));
        let message = format!("{} {}{}", misfit.field, misfit.message, nearest.unwrap_or_default());
        return Ok(Some(unused(mapping, &message)));
    }
    let seen = preview(&doors.store, mapping, spec.object, TRIED, 0, &mut |_| ());
    let seen = match tried(mapping, seen)? {
        Ok(seen) => seen,
        Err(why) => return Ok(Some(why)),
    };
    // A field that is read for the first time is not stored yet: the mapping can be judged
    // only where every record speaks against it.
    let shown = |need: &&Need| is_shown(&need.path, org, None);
    let is_new = spec
        .reads
        .iter()
        .filter(shown)
        .any(|need| seen.unread.iter().any(|unread| unread == need.path.as_str()));
    let against_all = seen.broken + seen.lost == seen.counts.pulled;
    let against = seen.against().filter(|_| !is_new || against_all);
    if against.is_some() || !is_brought {
        return Ok(against.map(|why| unused(mapping, &why)));
    }
    let pushes = match tried(mapping, replay(&doors.store, mapping, spec.object, 0))? {
        Ok(pushes) => pushes,
        Err(why) => return Ok(Some(why)),
    };
    let before = accepted.filter(|_| seen.counts.pulled > 0);
    let before = before.and_then(|accepted| loaded(doors, spec.object, accepted.clone()));
    let others = before.and_then(|before| selects_others(spec, Some(before.spec())));
    Ok(pushes.against().or(others).map(|why| unused(mapping, &why)))
}

/// Tells what a mapping does wrong from what else may go wrong as it is tried.
fn tried<T>(mapping: &Mapping, outcome: Result<T, Error>) -> Result<Result<T, Problem>, Error> {
    match outcome {
        Err(Error::Plugin(error)) => Ok(Err(unused(mapping, &error.to_string()))),
        outcome => outcome.map(Ok),
    }
}

fn unused(mapping: &Mapping, why: &str) -> Problem {
    let object = mapping.spec().object;
    Problem {
        message: format!("the mapping \"{}\" of {object} is not used: {why}", mapping.name()),
        at: None,
        hint: Some(format!(
            "Mend it and look with `efficlose mapping preview`, take it all the same with `efficlose \
             mapping accept {object}`, or go back with `efficlose mapping back {object}`."
        )),
    }
}
