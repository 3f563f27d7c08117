//! What the API is, as an OpenAPI document: the schema of a meeting is made from its type.

use axum::extract::State;
use axum::response::Json;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::super::Shared;
use super::PAGE_MAX;
use crate::model::{Meeting, Object};

pub(super) async fn show(State(site): State<Shared>) -> Json<Value> {
    Json(document(&site.base))
}

fn document(base: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let meeting = schemas.subschema_for::<Meeting>();
    let mut schemas = Value::Object(schemas.take_definitions(true));
    schemas["Error"] = json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["message"],
            "properties": {
                "field": { "type": ["string", "null"], "description": "The field at fault." },
                "message": { "type": "string" },
                "hint": { "type": ["string", "null"], "description": "What mends it." },
            },
        } },
    });
    schemas["Entity"] = json!({
        "type": "object",
        "description": "A record as the platform holds it; its columns by name, those of the customer's own in `custom`.",
        "required": ["object", "id", "kind", "modified_at", "custom"],
        "properties": {
            "object": { "enum": Object::ALL },
            "id": { "$ref": "#/components/schemas/Id" },
            "kind": { "enum": ["person", "company", "deal", "task"] },
            "modified_at": { "type": "string", "format": "date-time" },
            "custom": { "type": "object" },
        },
    });
    schemas["Id"] = json!({ "type": "string", "pattern": "^[0-9A-Za-z]{18}$" });
    schemas["Next"] = json!({
        "type": ["string", "null"],
        "description": "The cursor of the next page; null at the end.",
    });
    let limit = json!({
        "name": "limit", "in": "query",
        "schema": { "type": "integer", "minimum": 1, "maximum": PAGE_MAX },
    });
    let cursor = |about: Value| {
        json!({
            "name": "cursor", "in": "query", "description": "The `next` of the page before.",
            "schema": about,
        })
    };
    let object = json!({
        "name": "object", "in": "path", "required": true, "schema": { "enum": Object::ALL },
    });
    let id =
        |about: Value| json!({ "name": "id", "in": "path", "required": true, "schema": about });
    let record_id = json!({ "$ref": "#/components/schemas/Id" });
    let word = json!({ "type": "string", "minLength": 1 });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "efficlose",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Meetings in, entities out, of the Salesforce org that the token opens.",
        },
        "servers": [{ "url": base }],
        "security": [{ "token": [] }],
        "paths": {
            "/api/meetings": {
                "post": {
                    "operationId": "addMeeting",
                    "summary": "Tell of a meeting",
                    "description": "The same id again is the same meeting, told anew: a call may be sent again whenever its answer was lost.",
                    "requestBody": { "required": true, "content": { "application/json": { "schema": meeting } } },
                    "responses": with(json!({
                        "202": answer("The meeting is taken in; it is matched and written soon.", json!({
                            "type": "object",
                            "required": ["id", "was"],
                            "properties": { "id": { "type": "string" }, "was": { "enum": ["new", "changed", "same"] } },
                        })),
                        "400": error("It is no meeting as the schema says; the field is named."),
                        "413": error("The meeting is too large."),
                        "422": error("A field breaks a rule that the schema does not tell, such as that a meeting ends after it has begun; the field is named."),
                    })),
                },
                "get": {
                    "operationId": "listMeetings",
                    "summary": "List the meetings, the one that began last first",
                    "parameters": [limit, cursor(json!({ "type": "string", "pattern": "^-?[0-9]{1,15}~[!-~]{1,200}$" }))],
                    "responses": with(json!({
                        "200": answer("A page of meetings.", list("meetings", json!({
                            "type": "object",
                            "required": ["id", "title", "started_at", "work", "items_done", "items_total"],
                        }))),
                        "400": error("The limit or the cursor is wrong."),
                    })),
                },
            },
            "/api/meetings/{id}": { "get": {
                "operationId": "getMeeting",
                "summary": "Show a meeting: what it was matched to and what became of it",
                "parameters": [id(word)],
                "responses": with(json!({
                    "200": answer("The meeting.", json!({
                        "type": "object",
                        "required": ["meeting", "matches", "action_items", "work"],
                    })),
                    "400": error("The address can't be read."),
                    "404": error("There is no such meeting."),
                })),
            } },
            "/api/entities/{object}": { "get": {
                "operationId": "listEntities",
                "summary": "List the entities of an object by their ids",
                "parameters": [object, limit, cursor(json!({ "type": "string", "pattern": "^[0-9A-Za-z]{15}$" }))],
                "responses": with(json!({
                    "200": answer("A page of entities.", list("entities", json!({ "$ref": "#/components/schemas/Entity" }))),
                    "400": error("The limit or the cursor is wrong."),
                    "404": error("There is no such object."),
                })),
            } },
            "/api/entities/{object}/{id}": { "get": {
                "operationId": "getEntity",
                "summary": "Show an entity",
                "parameters": [object, id(record_id)],
                "responses": with(json!({
                    "200": answer("The entity.", json!({ "$ref": "#/components/schemas/Entity" })),
                    "400": error("The address can't be read."),
                    "404": error("There is no such entity."),
                })),
            } },
            "/api/status": { "get": {
                "operationId": "getStatus",
                "summary": "Show whether the org is connected, what syncs, and what is wrong",
                "responses": with(json!({ "200": answer("The status.", json!({
                    "type": "object",
                    "required": ["org", "state", "is_connected", "objects", "budget", "reviews", "failures"],
                })) })),
            } },
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": {
                "type": "http", "scheme": "bearer",
                "description": "`efficlose web token add NAME` makes one. It opens one org.",
            } },
        },
    })
}

/// Adds what any call may be answered.
fn with(mut responses: Value) -> Value {
    responses["401"] = error("There is no token, or none that is known.");
    responses["500"] = error("The store can't answer now.");
    responses
}

fn answer(description: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn error(description: &str) -> Value {
    answer(description, json!({ "$ref": "#/components/schemas/Error" }))
}

fn list(name: &str, item: Value) -> Value {
    json!({
        "type": "object",
        "required": [name, "next"],
        "properties": {
            name: { "type": "array", "items": item },
            "next": { "$ref": "#/components/schemas/Next" },
        },
    })
}
