//! The objects of a new org, with the custom fields it starts with.

use super::notation::fields;
use super::{Abilities, CustomField, CustomKind, Field, Object};
use super::{
    account, contact, duplicate_rule, event, lead, opportunity, opportunity_contact_role,
    organization, process_instance, profile, relation, task, task_status, user, validation_rule,
};

/// What can be done with most objects.
pub(super) const RECORDS: Abilities = Abilities {
    createable: true,
    updateable: true,
    deletable: true,
    mergeable: false,
    replicateable: true,
    searchable: true,
    layoutable: true,
};

const SETUP: Abilities = Abilities {
    createable: false,
    updateable: false,
    deletable: false,
    replicateable: false,
    searchable: false,
    layoutable: false,
    mergeable: false,
};

/// Returns the objects every org has, in no order that matters.
pub(crate) fn standard_objects() -> Vec<Object> {
    let mergeable = Abilities { mergeable: true, ..RECORDS };
    let object = Object::new;
    let mut objects = vec![
        object("Account", ("Account", "Accounts"), "001", mergeable, fields(account::FIELDS)),
        object("Contact", ("Contact", "Contacts"), "003", mergeable, fields(contact::FIELDS)),
        object("Lead", ("Lead", "Leads"), "00Q", mergeable, fields(lead::FIELDS)),
        object(
            "Opportunity",
            ("Opportunity", "Opportunities"),
            "006",
            RECORDS,
            fields(opportunity::FIELDS),
        ),
        object("Task", ("Task", "Tasks"), "00T", RECORDS, fields(task::FIELDS)),
        object("Event", ("Event", "Events"), "00U", RECORDS, fields(event::FIELDS)),
        object(
            "OpportunityContactRole",
            ("Opportunity Contact Role", "Opportunity Contact Roles"),
            "00K",
            Abilities { searchable: false, layoutable: false, ..RECORDS },
            fields(opportunity_contact_role::FIELDS),
        ),
        object(
            "User",
            ("User", "Users"),
            "005",
            Abilities { deletable: false, ..RECORDS },
            fields(user::FIELDS),
        ),
        object("Profile", ("Profile", "Profile"), "00e", SETUP, fields(profile::PROFILE)),
        object("UserRole", ("Role", "Role"), "00E", SETUP, fields(profile::ROLE)),
        object(
            "Organization",
            ("Organization", "Organizations"),
            "00D",
            Abilities {
                createable: false,
                updateable: false,
                deletable: false,
                replicateable: false,
                searchable: false,
                ..RECORDS
            },
            fields(organization::FIELDS),
        ),
        object(
            "TaskStatus",
            ("Task Status Value", "Task Status Value"),
            "01C",
            SETUP,
            fields(task_status::FIELDS),
        ),
        object(
            "DuplicateRule",
            ("Duplicate Rule", "Duplicate Rules"),
            "0Bm",
            SETUP,
            fields(duplicate_rule::FIELDS),
        ),
        object(
            "ValidationRule",
            ("Validation Rule", "Validation Rules"),
            "03d",
            SETUP,
            fields(validation_rule::FIELDS),
        ),
        object(
            "ProcessInstance",
            ("Process Instance", "Process Instances"),
            "04g",
            SETUP,
            fields(process_instance::FIELDS),
        ),
    ];
    for custom in starting_fields() {
        if let Some(object) = objects.iter_mut().find(|object| object.name == custom.object) {
            object.add(custom.field().unwrap_or_else(|error| panic!("{error}")));
        }
    }
    objects
}

/// Returns the objects that an org has where activities are shared.
pub(crate) fn relation_objects() -> [Object; 2] {
    let of_task = Abilities { updateable: false, searchable: false, layoutable: false, ..RECORDS };
    let of_event = Abilities { updateable: true, ..of_task };
    [
        Object::new(
            "TaskRelation",
            ("Task Relation", "Task Relations"),
            "0RT",
            of_task,
            fields(relation::OF_TASK),
        ),
        Object::new(
            "EventRelation",
            ("Event Relation", "Event Relations"),
            "0RE",
            of_event,
            fields(relation::OF_EVENT),
        ),
    ]
}

/// Returns the fields that activities have where they are shared.
pub(crate) fn relation_counts() -> Vec<Field> {
    fields(relation::COUNTS)
}

/// Returns the custom fields a new org has. There is none on Task: whoever needs
/// a key there finds an org whose admin refused it.
fn starting_fields() -> Vec<CustomField> {
    let picklist = |object: &str, name: &str, values: &[&str]| CustomField {
        kind: CustomKind::Picklist,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        ..CustomField::new(object, name)
    };
    vec![
        CustomField {
            length: Some(80),
            external_id: true,
            unique: true,
            ..CustomField::new("Contact", "External_Id__c")
        },
        picklist("Contact", "Region__c", &["EMEA", "AMER", "APAC"]),
        picklist("Account", "Tier__c", &["Strategic", "Enterprise", "Mid-Market", "Small"]),
        CustomField { kind: CustomKind::Checkbox, ..CustomField::new("Opportunity", "Renewal__c") },
    ]
}
