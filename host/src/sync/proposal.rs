//! Proposal: what is best chosen for an org where nobody says otherwise.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::matching::is_free_mail;
use super::{CUSTOM_FIELDS, Error, ObjectSettings, Settings};
use crate::model::{Connection, FieldName, Object};
use crate::salesforce::{Description, FieldDescription, FieldType, Salesforce};

/// How many custom fields of an object are taken without being asked for.
const CUSTOM_FIELDS_MAX: usize = 50;

/// What a person says from the start.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The objects to sync; those chosen before, else all, where none is named.
    pub objects: Vec<Object>,
    /// The domains of their own people; that of the connected user, where none is named.
    pub own_domains: Vec<String>,
    /// Whether to write back, where that was said.
    pub push: Option<bool>,
    /// How often to sync, in minutes, where that was said.
    pub every_minutes: Option<u32>,
    /// Whether custom fields are left out.
    pub no_custom_fields: bool,
}

/// Returns what is chosen where nobody says otherwise: what is wished, else what was chosen
/// before, else the defaults.
pub async fn propose(
    salesforce: &Salesforce,
    connection: &Connection,
    wishes: &Wishes,
    before: Settings,
) -> Result<Settings, Error> {
    let own_domains = match wishes.own_domains.as_slice() {
        [] if !before.own_domains.is_empty() => before.own_domains,
        [] => own_domain(connection, salesforce).await?.into_iter().collect(),
        named => named.to_vec(),
    };
    let chosen = match wishes.objects.as_slice() {
        [] if !before.objects.is_empty() => before.objects.keys().copied().collect(),
        [] => Object::ALL.to_vec(),
        named => named.to_vec(),
    };
    let mut objects = BTreeMap::new();
    for object in chosen {
        let mut settings = match before.objects.get(&object) {
            Some(before) => before.clone(),
            None => ObjectSettings {
                mapping: mapping_settings(object, salesforce).await?,
                ..ObjectSettings::default()
            },
        };
        if wishes.no_custom_fields {
            settings.mapping.remove(CUSTOM_FIELDS);
        }
        settings.push = wishes.push.unwrap_or(settings.push);
        settings.every_minutes = wishes.every_minutes.unwrap_or(settings.every_minutes);
        objects.insert(object, settings);
    }
    Ok(Settings { own_domains, objects, ..before })
}

/// Adds the objects that were not chosen before, so that they can be now.
pub async fn offer_all(settings: &mut Settings, salesforce: &Salesforce) -> Result<(), Error> {
    for object in Object::ALL {
        if let Entry::Vacant(vacant) = settings.objects.entry(object) {
            let mapping = mapping_settings(object, salesforce).await?;
            vacant.insert(ObjectSettings { mapping, ..ObjectSettings::default() });
        }
    }
    Ok(())
}

/// Returns what the default mapping of an object is best told of this org.
async fn mapping_settings(
    object: Object,
    salesforce: &Salesforce,
) -> Result<BTreeMap<String, String>, Error> {
    let mut settings = BTreeMap::new();
    let Some(description) = salesforce.describe(object.as_str()).await? else {
        return Ok(settings);
    };
    let custom = custom_fields(&description);
    if !custom.is_empty() {
        settings.insert(CUSTOM_FIELDS.to_owned(), custom);
    }
    if object == Object::Task {
        settings.extend(task_statuses(salesforce).await?);
    }
    Ok(settings)
}

/// Returns the domain of the connected user's address.
async fn own_domain(
    connection: &Connection,
    salesforce: &Salesforce,
) -> Result<Option<String>, Error> {
    let (id, email) = (name("Id"), name("Email"));
    let user = std::slice::from_ref(&connection.user_id);
    let users = salesforce.find("User", &id, user, std::slice::from_ref(&email)).await?;
    let place = users.column("Email");
    let address = users.rows.first().zip(place).and_then(|(row, place)| row[place].text());
    let domain = address.and_then(|address| address.rsplit_once('@')).map(|(_, domain)| domain);
    // Sandboxes put this at the end of every address, so that no mail goes out.
    let domain = domain.map(|domain| domain.trim_end_matches(".invalid").to_lowercase());
    Ok(domain.filter(|domain| !is_free_mail(domain)))
}

fn name(text: &str) -> FieldName {
    text.parse().expect("a name that is written here is well formed")
}

/// Returns the object's custom fields with their types, as the mapping's setting
/// lists them.
fn custom_fields(org: &Description) -> String {
    let custom = org.fields.iter().filter(|field| field.custom);
    custom.filter_map(listed).take(CUSTOM_FIELDS_MAX).collect::<Vec<_>>().join(", ")
}

/// Returns a field as the mapping's setting lists it, `Score__c:number`; none, where it holds
/// no plain value.
pub fn listed(field: &FieldDescription) -> Option<String> {
    let of = match field.kind {
        FieldType::Boolean => "boolean",
        FieldType::Int | FieldType::Long => "integer",
        FieldType::Double | FieldType::Currency | FieldType::Percent => "number",
        FieldType::Date => "date",
        FieldType::DateTime => "timestamp",
        FieldType::Address | FieldType::Location | FieldType::Base64 => return None,
        _ => return Some(field.name.clone()),
    };
    Some(format!("{}:{of}", field.name))
}

/// Returns which statuses of a task count as open and done in this org.
async fn task_statuses(salesforce: &Salesforce) -> Result<Vec<(String, String)>, Error> {
    let statuses = salesforce.task_statuses().await?;
    let best = |closed: bool, usual: &str| {
        let those = statuses.iter().filter(move |status| status.closed == closed);
        let named = those.clone().find(|status| status.name == usual);
        let named = named.or_else(|| those.clone().find(|status| status.default));
        named.or_else(|| those.clone().next()).map(|status| status.name.clone())
    };
    let closed = statuses.iter().filter(|status| status.closed).map(|status| status.name.as_str());
    let closed = closed.collect::<Vec<_>>().join(", ");
    let mut settings = vec![("closed_statuses".to_owned(), closed)];
    settings.extend(best(true, "Completed").map(|status| ("closed_status".to_owned(), status)));
    settings.extend(best(false, "Not Started").map(|status| ("open_status".to_owned(), status)));
    Ok(settings)
}
