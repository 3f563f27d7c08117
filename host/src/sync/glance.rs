//! Glance: one call that tells, of all objects about to be pulled, what they are now and
//! what has changed. Where nothing has, it is the only call of a sync.

use std::collections::HashMap;
use std::sync::Arc;

use super::prepare::Prepared;
use super::pull::start;
use super::{Doors, Error};
use crate::model::{Cursor, Object};
use crate::plugin::Mark;
use crate::salesforce::{Description, Found, Page, QUERIES_MAX, Read};
use crate::store::Position;

/// What was seen of an object at a glance.
pub(super) struct Seen {
    /// Where the pull stood then.
    pub(super) position: Position,
    /// With what the page was read.
    pub(super) reading: String,
    /// The first page of the pull.
    pub(super) page: Page,
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
    let pages = asked.iter().filter_map(|asked| asked.page.as_ref());
    let pages = pages.map(|first| Read::Changed(first.prepared.changed(first.after.as_ref())));
    let reads: Vec<_> = descriptions.chain(pages).collect();
    let mut found = doors.salesforce.together(&reads).await?.into_iter();
    let described: Vec<_> = found.by_ref().take(asked.len()).collect();
    let mut seen = HashMap::new();
    for (Asked { object, before, page }, described) in asked.into_iter().zip(described) {
        let is_same = matches!(described, Ok(Found::Unchanged));
        // An object that is not seen says so in its own run.
        let _ = described.map_err(Error::from).and_then(|found| doors.learn(object, before, found));
        let Some(First { file, position, prepared, .. }) = page else { continue };
        let reading = prepared.reading.clone();
        if is_same {
            doors.keep(object, file, prepared).await;
        }
        if let Some(Ok(Found::Page(page))) = found.next() {
            seen.insert(object, Seen { position, reading, page });
        }
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
    if position.reading.as_deref() != Some(prepared.reading.as_str()) {
        return Ok(None);
    }
    let after = start(&position);
    Ok(Some(First { file, position, prepared, after }))
}
