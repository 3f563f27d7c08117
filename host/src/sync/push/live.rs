//! What records hold now, before they are written to.

use std::collections::HashMap;

use crate::model::{FieldName, Fields, Object, SalesforceId};
use crate::sync::writing::Writing;
use crate::sync::{Doors, Error};

/// Returns what the records to be updated hold now in the fields that may be
/// written.
pub(super) async fn live(
    doors: &Doors,
    writing: &Writing,
    records: impl Iterator<Item = &SalesforceId>,
) -> Result<HashMap<SalesforceId, Fields>, Error> {
    let mut ids: Vec<_> = records.cloned().collect();
    ids.sort();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    // The id is asked for too: an org may let us write nothing else.
    let id: FieldName = "Id".parse().expect("a name that is written here is well formed");
    let object = writing.object;
    let names = writing.fields.iter().map(|write| write.name.clone());
    // A converted lead takes no more writes.
    let converted = (object == Object::Lead.into()).then(|| "IsConverted".parse().ok()).flatten();
    let fields: Vec<_> = std::iter::once(id).chain(names).chain(converted).collect();
    let records = doors.salesforce.retrieve(object, &ids, &fields).await?;
    let found = ids.into_iter().zip(records).filter_map(|(id, record)| Some((id, record?)));
    let without_id = |fields: Fields| fields.into_iter().filter(|(name, _)| name != "Id").collect();
    Ok(found.map(|(id, fields)| (id, without_id(fields))).collect())
}
