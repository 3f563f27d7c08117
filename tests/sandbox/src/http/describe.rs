//! Describe: all objects, one object, its fields.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde_json::{Map, Value as Json, json};

use super::call::Answer;
use super::rest::{Answered, Errand};
use crate::org::Org;
use crate::refusal::Refusal;
use crate::schema::{Field, Kind, Object, ObjectIndex, child_relationship, deletes_with_parent};

/// The record type every object has.
const MASTER_RECORD_TYPE: &str = "012000000000000AAA";

/// What is false for every field here.
const NEVER: [&str; 14] = [
    "aiPredictionField",
    "autoNumber",
    "calculated",
    "cascadeDelete",
    "caseSensitive",
    "dependentPicklist",
    "deprecatedAndHidden",
    "displayLocationInDecimal",
    "encrypted",
    "formulaTreatNullNumberAsZero",
    "highScaleNumber",
    "htmlFormatted",
    "restrictedDelete",
    "writeRequiresMasterRead",
];

/// What is null for every field here.
const NOTHING: [&str; 9] = [
    "calculatedFormula",
    "controllerName",
    "defaultValueFormula",
    "filteredLookupInfo",
    "inlineHelpText",
    "mask",
    "maskType",
    "referenceTargetField",
    "relationshipOrder",
];

/// Returns the object of this name.
///
/// # Errors
///
/// `NOT_FOUND`, as a resource that isn't there.
pub(super) fn find(org: &Org, name: &str) -> Result<ObjectIndex, Refusal> {
    org.visible_object(name).ok_or_else(Refusal::not_found)
}

pub(super) fn all(org: &Org, errand: &Errand<'_>) -> Answer {
    let changed_at = org.tables().iter().map(|table| table.object.changed_at).max();
    if let Some(answer) = unchanged(errand, changed_at.unwrap_or_default()) {
        return answer;
    }
    let objects = org.tables().iter().map(|table| &table.object);
    let mut tables: Vec<&Object> = objects.filter(|object| object.visible).collect();
    tables.sort_by_key(|object| object.name);
    let objects: Vec<Json> = tables.iter().map(|object| summary(object, errand)).collect();
    let body = json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects});
    Answer::json(200, &body).with_header("last-modified", http_date(changed_at.unwrap_or_default()))
}

pub(super) fn basic(org: &Org, errand: &Errand<'_>, object: &str) -> Answered {
    let object = &org.table(find(org, object)?).object;
    let body = json!({"objectDescribe": summary(object, errand), "recentItems": []});
    Ok(Answer::json(200, &body))
}

pub(super) fn full(org: &Org, errand: &Errand<'_>, object: &str) -> Answered {
    let object = &org.table(find(org, object)?).object;
    if let Some(answer) = unchanged(errand, object.changed_at) {
        return Ok(answer);
    }
    let body = describe(org, object, errand);
    Ok(Answer::json(200, &body).with_header("last-modified", http_date(object.changed_at)))
}

/// Returns 304 when nothing changed since the time the client names.
fn unchanged(errand: &Errand<'_>, changed_at: i64) -> Option<Answer> {
    let since = http_seconds(errand.call.header("if-modified-since")?)?;
    (changed_at <= since).then(|| Answer::empty(304))
}

/// Returns a time as HTTP writes it.
pub(super) fn http_date(seconds: i64) -> String {
    let at = Timestamp::from_second(seconds).unwrap_or_default();
    rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}

/// Returns the time HTTP wrote, in seconds.
pub(super) fn http_seconds(text: &str) -> Option<i64> {
    let parsed = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(parsed.as_second())
}

fn summary(object: &Object, errand: &Errand<'_>) -> Json {
    let abilities = object.abilities();
    json!({
        "activateable": false,
        "associateEntityType": null,
        "associateParentEntity": null,
        "createable": abilities.createable,
        "custom": object.name.ends_with("__c"),
        "customSetting": false,
        "deepCloneable": false,
        "deletable": abilities.deletable,
        "deprecatedAndHidden": false,
        "feedEnabled": abilities.searchable,
        "hasSubtypes": false,
        "isInterface": false,
        "isSubtype": false,
        "keyPrefix": object.prefix,
        "label": object.label,
        "labelPlural": object.label_plural,
        "layoutable": abilities.layoutable,
        "mergeable": abilities.mergeable,
        "mruEnabled": abilities.searchable,
        "name": object.name,
        "queryable": true,
        "replicateable": abilities.replicateable,
        "retrieveable": true,
        "searchable": abilities.searchable,
        "triggerable": abilities.createable,
        "undeletable": abilities.deletable,
        "updateable": abilities.updateable,
        "urls": urls(object, errand, false),
    })
}

fn urls(object: &Object, errand: &Errand<'_>, full: bool) -> Json {
    let base = format!("{}/sobjects/{}", errand.version.base(), object.name);
    let mut urls = Map::new();
    for (name, rest) in [
        ("compactLayouts", "/describe/compactLayouts"),
        ("rowTemplate", "/{ID}"),
        ("approvalLayouts", "/describe/approvalLayouts"),
        ("listviews", "/listviews"),
        ("describe", "/describe"),
        ("quickActions", "/quickActions"),
        ("layouts", "/describe/layouts"),
        ("sobject", ""),
    ] {
        urls.insert(name.to_owned(), format!("{base}{rest}").into());
    }
    if full {
        let url = &errand.state.url;
        urls.insert("uiDetailTemplate".to_owned(), format!("{url}/{{ID}}").into());
        urls.insert("uiEditTemplate".to_owned(), format!("{url}/{{ID}}/e").into());
        urls.insert("uiNewRecord".to_owned(), format!("{url}/{}/e", object.prefix).into());
    }
    urls.into()
}

fn describe(org: &Org, object: &Object, errand: &Errand<'_>) -> Json {
    let mut body = summary(object, errand);
    let fields: Vec<Json> = object.visible().map(|(_, field)| describe_field(field)).collect();
    let layout = format!(
        "{}/sobjects/{}/describe/layouts/{MASTER_RECORD_TYPE}",
        errand.version.base(),
        object.name
    );
    let rest = json!({
        "actionOverrides": [],
        "childRelationships": children(org, object),
        "compactLayoutable": object.abilities().layoutable,
        "defaultImplementation": null,
        "extendedBy": null,
        "extendsInterfaces": null,
        "fields": fields,
        "implementedBy": null,
        "implementsInterfaces": null,
        "listviewable": null,
        "lookupLayoutable": null,
        "namedLayoutInfos": [],
        "networkScopeFieldName": null,
        "recordTypeInfos": [{
            "active": true,
            "available": true,
            "defaultRecordTypeMapping": true,
            "developerName": "Master",
            "master": true,
            "name": "Master",
            "recordTypeId": MASTER_RECORD_TYPE,
            "urls": {"layout": layout},
        }],
        "searchLayoutable": object.abilities().layoutable,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{
            "label": format!("All {}", object.label_plural.to_lowercase()),
            "name": "everything",
        }],
        "urls": urls(object, errand, true),
    });
    if let (Json::Object(body), Json::Object(rest)) = (&mut body, rest) {
        body.extend(rest);
        body.sort_keys();
    }
    body
}

fn children(org: &Org, parent: &Object) -> Vec<Json> {
    let mut children = Vec::new();
    for table in org.tables() {
        for (_, field) in table.object.visible() {
            if !field.refers_to.iter().any(|to| **to == *parent.name) {
                continue;
            }
            children.push(json!({
                "cascadeDelete": deletes_with_parent(&table.object, field),
                "childSObject": table.object.name,
                "deprecatedAndHidden": false,
                "field": field.name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": child_relationship(&table.object, field, parent.name),
                "restrictedDelete": false,
            }));
        }
    }
    children
}

fn describe_field(field: &Field) -> Json {
    let choices: Vec<Json> = field
        .choices
        .iter()
        .map(|choice| {
            json!({
                "active": true,
                "defaultValue": choice.default,
                "label": choice.value,
                "validFor": null,
                "value": choice.value,
            })
        })
        .collect();
    let text = field.kind.is_text();
    let long_text = field.kind == Kind::TextArea && !field.filterable;
    let default = match field.kind {
        Kind::Boolean => json!(false),
        _ => field.default_choice().map_or(Json::Null, |value| json!(value)),
    };
    let mut body = json!({
        "aggregatable": !long_text && !matches!(field.kind, Kind::Boolean | Kind::Address),
        "byteLength": if text { field.length * 3 } else { field.length },
        "compoundFieldName": field.compound,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": default,
        "defaultedOnCreate": field.defaulted,
        "digits": field.digits,
        "externalId": field.external_id,
        "extraTypeInfo": field.extra,
        "filterable": field.filterable,
        "groupable": field.groupable,
        "idLookup": field.id_lookup,
        "label": field.label,
        "length": field.length,
        "name": field.name,
        "nameField": field.name_field,
        "namePointing": field.is_polymorphic(),
        "nillable": field.nillable,
        "permissionable": field.permissionable,
        "picklistValues": choices,
        "polymorphicForeignKey": field.is_polymorphic(),
        "precision": field.precision,
        "queryByDistance": field.kind == Kind::Address,
        "referenceTo": field.refers_to,
        "relationshipName": field.relationship,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "searchPrefilterable": field.kind == Kind::Reference && field.permissionable,
        "soapType": field.kind.soap(),
        "sortable": field.sortable,
        "type": field.kind.name(),
        "unique": field.unique,
        "updateable": field.updateable,
    });
    if let Json::Object(body) = &mut body {
        body.extend(NEVER.map(|name| (name.to_owned(), Json::Bool(false))));
        body.extend(NOTHING.map(|name| (name.to_owned(), Json::Null)));
        if let Some(formula) = &field.formula {
            body.insert("calculated".to_owned(), Json::Bool(true));
            body.insert("calculatedFormula".to_owned(), json!(formula.text));
        }
        body.sort_keys();
    }
    body
}
