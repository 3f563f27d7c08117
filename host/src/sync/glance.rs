//! Glance: one call that tells, of all objects about to be pulled, what they are now and
//! what has changed. Where nothing has, it is the only call of a sync.

use std::collections::HashMap;
use std::sync::Arc;

use super::position::{is_new, start};
use super::prepare::Prepared;
use super::{Doors, Error, unselected};
use crate::model::{Cursor, Object};
use crate::plugin::Mark;
use crate::salesforce::{Description, Found, Page, QUERIES_MAX, Read};
use crate::store::Position;

/// What was seen of an object at a glance.
pub(super) enum Seen {
    /// The first page of its pull.
    Page(Box<FirstPage>),
    /// How many records it has, where they are to be read from the beginning.
    Count(u64),
}

/// The first page of a pull.
pub(super) struct FirstPage {
    /// Where the pull stood then.
    position: Position,
    /// With what the page was read.
    reading: String,
    /// The page.
    pub(super) page: Page,
}

impl Seen {
    /// Tells whether nothing has changed, if the pull still stands where it did.
    pub(super) fn is_empty(&self, position: &Position, prepared: &Prepared) -> bool {
        let Self::Page(seen) = self else { return false };
        seen.is_of(position, prepared) && seen.page.keys.is_empty() && !seen.page.more
    }
}

impl FirstPage {
    /// Tells whether it is the next page of a pull that stands here.
    pub(super) fn is_of(&self, position: &Position, prepared: &Prepared) -> bool {
        self.position == *position && self.reading == prepared.reading
    }
}

/// What is asked of an object, and with what.
struct Asked {
    object: Object,
    before: Option<Description>,
    page: Option<First>,
}

/// The first page of a pull that goes on as it was.
struct First {
    file: Option<Mark>,
    position: Position,
    prepared: Arc<Prepared>,
    after: Option<Cursor>,
}

/// Looks at objects in one call, and returns the first pages of those that go on as they
/// were. What can't be told so is asked for by the object's own run, which also says what
/// is wrong with it.
pub(super) async fn glance(
    doors: &Doors,
    objects: &[Object],
) -> Result<HashMap<Object, Seen>, Error> {
    const { assert!(Object::ALL.len() <= QUERIES_MAX) };
    let mut asked = Vec::new();
    for object in objects {
        let before = doors.last_description(*object)?;
        asked.push(Asked {
            object: *object,
            page: first(doors, *object, before.as_ref())?,
            before,
        });
    }
    let descriptions = asked.iter().map(|asked| Read::Description {
        object: asked.object,
        since: asked.before.as_ref().and_then(|before| before.last_modified.as_deref()),
    });
    let records = asked.iter().map(|asked| match &asked.page {
        // Of what left the condition, only an unconditional look tells whether there is any.
        Some(first) if first.prepared.has_filter() => {
            Read::Changed(unselected::all(&first.prepared, first.after.as_ref()))
        }
        Some(first) => Read::Changed(first.prepared.changed(first.after.as_ref())),
        None => Read::Count { object: asked.object, filter: None, after: None },
    });
    let reads: Vec<_> = descriptions.chain(records).collect();
    let mut found = doors.salesforce.together(&reads).await?.into_iter();
    let described: Vec<_> = found.by_ref().take(asked.len()).collect();
    let mut seen = HashMap::new();
    let looked = asked.into_iter().zip(described).zip(found);
    for ((Asked { object, before, page }, described), found) in looked {
        let is_same = matches!(described, Ok(Found::Unchanged));
        // An object that is not seen says so in its own run.
        let _ = described.map_err(Error::from).and_then(|found| doors.learn(object, before, found));
        let one = match (page, found) {
            (Some(First { file, position, prepared, .. }), found) => {
                let (reading, has_filter) = (prepared.reading.clone(), prepared.has_filter());
                if is_same {
                    doors.keep(object, file, prepared).await;
                }
                let Ok(Found::Page(page)) = found else { continue };
                if has_filter && (page.more || !page.keys.is_empty()) {
                    continue;
                }
                Seen::Page(Box::new(FirstPage { position, reading, page }))
            }
            (None, Ok(Found::Count(count))) => Seen::Count(count),
            (None, _) => continue,
        };
        seen.insert(object, one);
    }
    Ok(seen)
}

/// Returns from where an object goes on, if it goes on with what it was read with before.
fn first(
    doors: &Doors,
    object: Object,
    before: Option<&Description>,
) -> Result<Option<First>, Error> {
    let Some(before) = before else { return Ok(None) };
    let file = doors.library.mark(object);
    let Ok(prepared) = doors.fitted(object, before) else { return Ok(None) };
    let position = doors.store.position(object)?;
    if is_new(&position, &prepared) || position.extract.is_some() {
        return Ok(None);
    }
    let mut after = start(&position);
    if prepared.has_filter() {
        let left = unselected::since(&position);
        after = match after {
            Some(after) => left.map(|left| if left.stamp < after.stamp { left } else { after }),
            // The condition has selected nothing so far, unless that is still being read.
            None => left.filter(|_| !position.paging),
        };
    }
    Ok(Some(First { file, position, prepared, after }))
}
