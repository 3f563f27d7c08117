//! Writes against a small org.

use serde_json::{Value as Json, json};

use super::convert::{Conversion, Converted};
use super::{
    Upserted, Writer, convert_lead, delete, find_by_key, insert, share_activities, undelete,
    update, upsert,
};
use crate::ids::Id;
use crate::org::Org;
use crate::records::Records;
use crate::refusal::Refusal;
use crate::schema::CustomField;
use crate::seed::{Seeded, seed};

const NOW: i64 = 1_764_000_000;

struct World {
    org: Org,
    writer: Writer,
}

impl World {
    fn new() -> Self {
        let Seeded { org, admin, .. } =
            seed(3, Records { contact: 5, lead: 4, account: 2, opportunity: 3, task: 3 }, NOW);
        let writer = Writer::new(admin, NOW);
        Self { org, writer }
    }

    fn create(&mut self, object: &str, body: Json) -> Result<Id, Refusal> {
        let object = self.org.find_object(object).unwrap();
        insert(&mut self.org, &self.writer, object, body.as_object().unwrap())
    }

    fn change(&mut self, id: Id, body: Json) -> Result<(), Refusal> {
        let (object, _) = self.org.locate(id).unwrap();
        update(&mut self.org, &self.writer, object, id, body.as_object().unwrap())
    }

    fn remove(&mut self, id: Id) -> Result<(), Refusal> {
        let (object, _) = self.org.locate(id).unwrap();
        delete(&mut self.org, &self.writer, object, id)
    }

    fn get(&self, id: Id, field: &str) -> String {
        let (object, slot) = self.org.locate(id).unwrap();
        let mut out = Vec::new();
        self.org.table(object).named(slot, field).write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn first(&self, object: &str) -> Id {
        self.org.named(object).id_of(0)
    }
}

#[test]
fn bad_bodies_are_refused_with_salesforces_codes() {
    let mut world = World::new();
    let contact = world.first("Contact").to_string();
    let lead = world.first("Lead").to_string();
    let account = world.first("Account").to_string();
    let long = "x".repeat(41);
    for (object, body, code, part) in [
        (
            "Contact",
            json!({"Nope": 1}),
            "INVALID_FIELD",
            "No such column 'Nope' on sobject of type Contact",
        ),
        ("Contact", json!({}), "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"),
        ("Contact", json!({"LastName": ""}), "REQUIRED_FIELD_MISSING", "[LastName]"),
        ("Lead", json!({"LastName": "A"}), "REQUIRED_FIELD_MISSING", "[Company]"),
        (
            "Contact",
            json!({"LastName": "A", "Name": "B", "CreatedDate": null}),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Name, CreatedDate",
        ),
        (
            "Contact",
            json!({"LastName": "A", "FirstName": long}),
            "STRING_TOO_LONG",
            "First Name: data value too large",
        ),
        (
            "Contact",
            json!({"LastName": 5}),
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of string",
        ),
        (
            "Contact",
            json!({"LastName": "A", "Birthdate": "1.2.2026"}),
            "JSON_PARSER_ERROR",
            "instance of date",
        ),
        (
            "Account",
            json!({"Name": "A", "NumberOfEmployees": "many"}),
            "JSON_PARSER_ERROR",
            "instance of int",
        ),
        (
            "Account",
            json!({"Name": "A", "NumberOfEmployees": 1e9}),
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Employees",
        ),
        (
            "Contact",
            json!({"LastName": "A", "Email": "nobody"}),
            "INVALID_EMAIL_ADDRESS",
            "invalid email address: nobody",
        ),
        (
            "Contact",
            json!({"LastName": "A", "CleanStatus": "Odd"}),
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Odd",
        ),
        (
            "Contact",
            json!({"LastName": "A", "AccountId": "12"}),
            "MALFORMED_ID",
            "id value of incorrect type: 12",
        ),
        (
            "Contact",
            json!({"LastName": "A", "AccountId": contact}),
            "MALFORMED_ID",
            "id value of incorrect type",
        ),
        (
            "Contact",
            json!({"LastName": "A", "AccountId": "001gK0ZZZZZZZZZ"}),
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
        ),
        ("Task", json!({"WhoId": account}), "INVALID_CROSS_REFERENCE_TYPE_FOR_FIELD", "Name ID"),
        (
            "Task",
            json!({"WhoId": lead, "WhatId": account}),
            "FIELD_INTEGRITY_EXCEPTION",
            "Related To ID",
        ),
        ("Task", json!({"Id": contact}), "INVALID_FIELD", "cannot specify Id"),
        (
            "Contact",
            json!({"LastName": "A", "Account": {"Name": "x"}}),
            "INVALID_FIELD",
            "Foreign key external ID: x not found for field Name in entity Account",
        ),
        (
            "TaskStatus",
            json!({"MasterLabel": "A"}),
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "cannot be inserted",
        ),
        ("Event", json!({"Subject": "A"}), "REQUIRED_FIELD_MISSING", "DurationInMinutes"),
    ] {
        let refusal = world.create(object, body.clone()).unwrap_err();
        assert_eq!(refusal.code, code, "{body}: {}", refusal.message);
        assert!(refusal.message.contains(part), "{body}: {}", refusal.message);
    }
}

#[test]
fn an_inactive_owner_is_refused() {
    let mut world = World::new();
    let gone = world.org.named("User").id_of(5).to_string();
    let refusal = world.create("Task", json!({"OwnerId": gone})).unwrap_err();
    assert_eq!(refusal.code, "INACTIVE_OWNER_OR_USER");
}

#[test]
fn numbers_and_boxes_may_come_as_text() {
    let mut world = World::new();
    let id = world.create("Account", json!({"Name": "A  ", "NumberOfEmployees": "10000"})).unwrap();
    assert_eq!(world.get(id, "NumberOfEmployees"), "10000");
    assert_eq!(world.get(id, "Name"), "\"A\"");
    world.change(id, json!({"numberofemployees": ""})).unwrap();
    assert_eq!(world.get(id, "NumberOfEmployees"), "null");
}

#[test]
fn derived_fields_follow_their_sources() {
    let mut world = World::new();
    let account = world.first("Account");
    let deal = json!({"Name": "D", "StageName": "Value Proposition", "CloseDate": "2026-05-09", "Amount": 200, "AccountId": account.to_string()});
    let deal = world.create("Opportunity", deal).unwrap();
    for (field, expected) in [
        ("Probability", "50.0"),
        ("ExpectedRevenue", "100.0"),
        ("IsClosed", "false"),
        ("ForecastCategory", "\"Pipeline\""),
        ("Fiscal", "\"2026 2\""),
    ] {
        assert_eq!(world.get(deal, field), expected, "{field}");
    }
    world.change(deal, json!({"StageName": "Closed Won"})).unwrap();
    assert_eq!(world.get(deal, "IsWon"), "true");
    assert_eq!(world.get(deal, "Probability"), "100.0");
    let task = world
        .create("Task", json!({"Subject": "S", "WhatId": deal.to_string(), "Priority": "High"}))
        .unwrap();
    for (field, expected) in [
        ("Status", "\"Not Started\"".to_owned()),
        ("IsClosed", "false".to_owned()),
        ("IsHighPriority", "true".to_owned()),
        ("TaskSubtype", "\"Task\"".to_owned()),
        ("AccountId", format!("\"{account}\"")),
    ] {
        assert_eq!(world.get(task, field), expected, "{field}");
    }
    world.change(task, json!({"Status": "Completed"})).unwrap();
    assert_eq!(world.get(task, "IsClosed"), "true");
    assert_ne!(world.get(task, "CompletedDateTime"), "null");
}

#[test]
fn a_field_that_is_set_once_can_not_be_changed() {
    let mut world = World::new();
    let task = world.create("Task", json!({"TaskSubtype": "Call"})).unwrap();
    let refusal = world.change(task, json!({"TaskSubtype": "Email"})).unwrap_err();
    assert_eq!(refusal.code, "INVALID_FIELD_FOR_INSERT_UPDATE");
    assert_eq!(refusal.fields, ["TaskSubtype"]);
}

#[test]
fn deleted_records_are_gone_until_they_are_brought_back() {
    let mut world = World::new();
    let contact = world.create("Contact", json!({"LastName": "A"})).unwrap();
    let task = world.create("Task", json!({"WhoId": contact.to_string()})).unwrap();
    world.remove(contact).unwrap();
    assert_eq!(world.get(task, "IsDeleted"), "true");
    let refusal = world.change(contact, json!({"LastName": "B"})).unwrap_err();
    assert_eq!((refusal.code, refusal.status), ("ENTITY_IS_DELETED", 404));
    undelete(&mut world.org, &world.writer, contact).unwrap();
    world.change(contact, json!({"LastName": "B"})).unwrap();
    assert_eq!(world.get(contact, "Name"), "\"B\"");
}

#[test]
fn a_unique_value_is_taken_once() {
    let mut world = World::new();
    let body = json!({"LastName": "A", "External_Id__c": "K-1"});
    let first = world.create("Contact", body.clone()).unwrap();
    let refusal = world.create("Contact", body.clone()).unwrap_err();
    assert_eq!(refusal.code, "DUPLICATE_VALUE");
    assert!(refusal.message.ends_with(first.short()));
    world.remove(first).unwrap();
    world.create("Contact", body).unwrap();
}

#[test]
fn an_upsert_creates_then_updates() {
    let mut world = World::new();
    let field = CustomField {
        external_id: true,
        length: Some(80),
        ..CustomField::new("Task", "Efficlose_Id__c")
    };
    world.org.add_field(&field, NOW).unwrap();
    let tasks = world.org.find_object("Task").unwrap();
    let key = world.org.table(tasks).object.find("Efficlose_Id__c").unwrap();
    let mut put = |subject: &str| {
        let body = json!({"Subject": subject});
        upsert(&mut world.org, &world.writer, tasks, (key, "m/1"), body.as_object().unwrap())
            .unwrap()
    };
    let Upserted::Created(id) = put("one") else {
        panic!("the first upsert creates");
    };
    assert_eq!(put("two"), Upserted::Updated(id));
    assert_eq!(find_by_key(&world.org, tasks, key, "M/1"), [id]);
    world.create("Task", json!({"Efficlose_Id__c": "m/1"})).unwrap();
    let body = json!({"Subject": "three"});
    let done =
        upsert(&mut world.org, &world.writer, tasks, (key, "m/1"), body.as_object().unwrap());
    assert!(matches!(done, Ok(Upserted::Several(ids)) if ids.len() == 2));
}

#[test]
fn a_converted_lead_can_not_be_written_or_referenced() {
    let mut world = World::new();
    let lead = world
        .create("Lead", json!({"LastName": "L", "Company": "C", "Email": "l@c.example"}))
        .unwrap();
    let how = Conversion::default();
    let Converted { account, contact, .. } =
        convert_lead(&mut world.org, &world.writer, lead, &how).unwrap();
    assert_eq!(world.get(contact, "AccountId"), format!("\"{account}\""));
    assert_eq!(world.get(lead, "ConvertedContactId"), format!("\"{contact}\""));
    for refusal in [
        world.change(lead, json!({"LastName": "M"})).unwrap_err(),
        world.create("Task", json!({"WhoId": lead.to_string()})).unwrap_err(),
    ] {
        assert_eq!(refusal.code, "CANNOT_UPDATE_CONVERTED_LEAD");
    }
}

#[test]
fn what_is_rolled_back_never_was() {
    let mut world = World::new();
    let contact = world.first("Contact");
    let before = world.get(contact, "LastName");
    let mark = world.org.mark();
    world.change(contact, json!({"LastName": "Other"})).unwrap();
    let made =
        world.create("Contact", json!({"LastName": "New", "External_Id__c": "R-1"})).unwrap();
    world.org.roll_back(mark);
    assert_eq!(world.get(contact, "LastName"), before);
    assert_eq!(world.org.locate(made), None);
    world.create("Contact", json!({"LastName": "New", "External_Id__c": "R-1"})).unwrap();
}

#[test]
fn locked_rows_are_refused_as_often_as_asked() {
    let mut world = World::new();
    world.writer.locks.set(2);
    let codes: Vec<_> =
        (0..3).map(|_| world.create("Task", json!({})).err().map(|refusal| refusal.code)).collect();
    assert_eq!(codes, [Some("UNABLE_TO_LOCK_ROW"), Some("UNABLE_TO_LOCK_ROW"), None]);
}

#[test]
fn shared_activities_relate_each_person_and_what_it_is_about() {
    let mut world = World::new();
    let contacts: Vec<Id> = (0..3).map(|slot| world.org.named("Contact").id_of(slot)).collect();
    let [ada, bob, cleo] = contacts[..] else { panic!("three contacts") };
    let (account, lead) = (world.first("Account"), world.first("Lead"));
    assert!(world.org.find_object("TaskRelation").is_none());
    share_activities(&mut world.org, world.writer.user, NOW).unwrap();
    share_activities(&mut world.org, world.writer.user, NOW).unwrap_err();

    let of_the_seed = world.org.named("TaskRelation").live_count();
    let who = json!({"Subject": "Call", "WhoId": ada.to_string(), "WhatId": account.to_string()});
    let task = world.create("Task", who).unwrap();
    let counts = |world: &World| (world.get(task, "WhoCount"), world.get(task, "WhatCount"));
    assert_eq!(counts(&world), ("1".to_owned(), "1".to_owned()));
    let relate = |world: &mut World, id: Id| {
        let body = json!({"TaskId": task.to_string(), "RelationId": id.to_string()});
        world.create("TaskRelation", body)
    };
    let related = relate(&mut world, bob).unwrap();
    assert_eq!(world.get(related, "IsWhat"), "false");
    assert_eq!(relate(&mut world, bob).unwrap_err().code, "DUPLICATE_VALUE");
    assert_eq!(relate(&mut world, ada).unwrap_err().code, "DUPLICATE_VALUE");
    assert_eq!(relate(&mut world, lead).unwrap_err().code, "FIELD_INTEGRITY_EXCEPTION");
    assert_eq!(counts(&world).0, "2");

    world.change(task, json!({"WhoId": cleo.to_string()})).unwrap();
    assert_eq!(counts(&world).0, "2", "Cleo came in Ada's place");
    relate(&mut world, ada).unwrap();
    world.remove(related).unwrap();
    assert_eq!(world.org.locate(related), None, "a relation has no recycle bin");
    assert_eq!(counts(&world).0, "2");

    world.remove(task).unwrap();
    let count = |world: &World| world.org.named("TaskRelation").live_count();
    assert_eq!(count(&world), of_the_seed);
    undelete(&mut world.org, &world.writer, task).unwrap();
    assert_eq!(count(&world), of_the_seed + 3);
}

#[test]
fn whoever_is_only_invited_to_an_event_is_not_whom_it_is_with() {
    let mut world = World::new();
    share_activities(&mut world.org, world.writer.user, NOW).unwrap();
    let start = json!({"StartDateTime": "2026-01-02T10:00:00Z", "DurationInMinutes": 30});
    let event = world.create("Event", start).unwrap();
    let relate = |world: &mut World, place: u32, more: Json| {
        let contact = world.org.named("Contact").id_of(place);
        let mut body = json!({"EventId": event.to_string(), "RelationId": contact.to_string()});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.create("EventRelation", body).unwrap()
    };
    let invited = relate(&mut world, 0, json!({}));
    assert_eq!(world.get(invited, "IsInvitee"), "true");
    assert_eq!(world.get(event, "WhoCount"), "0");
    relate(&mut world, 1, json!({"IsParent": true, "IsInvitee": false}));
    assert_eq!(world.get(event, "WhoCount"), "1");
}
