//! The API for the platform: meetings in, entities out, of the org that a token opens.

mod document;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get, post};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::{Shared, Site};
use crate::intake::{self, MEETING_MAX};
use crate::model::{Direction, Entity, Object, OrgId, SalesforceId};
use crate::secret::Secret;
use crate::store::{self, ItemState, MeetingSummary, Standing};
use crate::sync;
use crate::world::{Failed, Fault};

/// How many things a page has at most, and where nobody says.
const PAGE_MAX: u32 = 200;
const PAGE_USUAL: u32 = 50;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/openapi.json", get(document::show))
        .route("/api/status", get(status))
        .route("/api/meetings", post(add).get(meetings))
        .route("/api/meetings/{id}", get(meeting))
        .route("/api/entities/{object}", get(entities))
        .route("/api/entities/{object}/{id}", get(entity))
        .route("/api/{*rest}", any(nowhere))
        .method_not_allowed_fallback(no_such_way)
        .layer(DefaultBodyLimit::max(MEETING_MAX))
}

/// The org that a call is about, as its token says.
pub(super) struct Caller {
    pub(super) org: OrgId,
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Refusal> {
        let sent = parts.headers.get(header::AUTHORIZATION).and_then(|sent| sent.to_str().ok());
        let bearer = sent.and_then(|sent| sent.split_once(' '));
        let secret = bearer
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| Secret::from(secret.trim()));
        let token = match secret {
            Some(secret) => site.world.store.api_token(&secret.fingerprint())?,
            None => None,
        };
        token.map(|token| Self { org: token.org }).ok_or_else(|| Refusal {
            status: StatusCode::UNAUTHORIZED,
            field: None,
            why: Failed::new("there is no token, or none that is known").hint(
                "Send `Authorization: Bearer TOKEN`; `efficlose web token add NAME` makes one.",
            ),
        })
    }
}

/// Why a call is refused, for a machine and whoever reads its log.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// The field at fault, such as `participants[2].email`.
    field: Option<String>,
    why: Failed,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, field: None, why: Failed::new(message) }
    }

    fn of_field(field: &str, message: impl Into<String>) -> Self {
        let refusal = Self::new(StatusCode::BAD_REQUEST, message);
        Self { field: Some(field.to_owned()), ..refusal }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, field, why } = self;
        let error =
            json!({ "error": { "field": field, "message": why.message, "hint": why.hint } });
        let mut response = (status, Json(error)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let asked = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, asked);
        }
        response
    }
}

impl From<Failed> for Refusal {
    fn from(why: Failed) -> Self {
        let status = match why.fault {
            Fault::Unknown => StatusCode::NOT_FOUND,
            Fault::Asked => StatusCode::UNPROCESSABLE_ENTITY,
            Fault::Busy | Fault::Here | Fault::There => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::error!(hint = why.hint, "a call can't be answered: {}", why.message);
        }
        Self { status, field: None, why }
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Failed::from(error).into()
    }
}

/// What stands in a path, read as text; what is no text is refused as all else is.
struct InPath<T>(T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for InPath<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Refusal> {
        let path = Path::<T>::from_request_parts(parts, site).await;
        path.map(|Path(inner)| Self(inner))
            .map_err(|why| Refusal::new(why.status(), why.body_text()))
    }
}

/// What stands where the API has nothing.
async fn nowhere() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "there is no such address; /api/openapi.json tells which there are",
    )
}

async fn no_such_way() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this address can't be called so; /api/openapi.json tells how",
    )
}

type Answer = Result<Json<Value>, Refusal>;

/// Takes a meeting in. The same meeting told again is the same meeting: a call may be sent
/// again whenever its answer was lost.
async fn add(
    State(site): State<Shared>,
    caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let body = body.map_err(|why| Refusal::new(why.status(), why.body_text()))?;
    let text = std::str::from_utf8(&body)
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the meeting is not text in UTF-8"))?;
    let now = site.world.clock.now();
    let meeting = intake::one(text, now).map_err(|refused| {
        let status = match refused.breaks_rule {
            true => StatusCode::UNPROCESSABLE_ENTITY,
            false => StatusCode::BAD_REQUEST,
        };
        let field = (!refused.field.is_empty()).then_some(refused.field);
        Refusal { field, ..Refusal::new(status, refused.message) }
    })?;
    let store = site.world.store.org(&caller.org)?;
    let added = block_in_place(|| store.add_meetings(std::slice::from_ref(&meeting), now))?;
    // The meeting is in; should this fail, it is written when that is due by itself.
    if let Err(failed) = site.world.wake(&caller.org, |job| job.direction == Direction::Push) {
        tracing::error!("a meeting is not written at once: {}", failed.message);
    }
    let answer = json!({ "id": meeting.id, "was": added.first() });
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// Where a list goes on, and how much of it is wanted.
struct Page {
    limit: u32,
    cursor: Option<String>,
}

impl FromRequestParts<Shared> for Page {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct Asked {
            limit: Option<String>,
            cursor: Option<String>,
        }
        let asked = Query::<Asked>::from_request_parts(parts, site).await;
        let Query(asked) =
            asked.map_err(|why| Refusal::new(StatusCode::BAD_REQUEST, why.body_text()))?;
        let limit = match asked.limit.as_deref().map(str::parse) {
            None => PAGE_USUAL,
            Some(Ok(limit)) if (1..=PAGE_MAX).contains(&limit) => limit,
            Some(_) => {
                return Err(Refusal::of_field("limit", format!("it is not 1 to {PAGE_MAX}")));
            }
        };
        Ok(Self { limit, cursor: asked.cursor })
    }
}

fn bad_cursor() -> Refusal {
    Refusal::of_field("cursor", "it is none that an answer gave as its \"next\"")
}

fn object(name: &str) -> Result<Object, Refusal> {
    // Of a path, only the very name is taken, so that each thing has one address.
    let object = Object::ALL.into_iter().find(|object| object.as_str() == name);
    object.ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, format!("there is no object \"{name}\""))
    })
}

async fn entities(
    State(site): State<Shared>,
    caller: Caller,
    InPath(name): InPath<String>,
    page: Page,
) -> Answer {
    let object = object(&name)?;
    let after = page.cursor.as_deref().map(str::parse::<SalesforceId>).transpose();
    let after = after.map_err(|_| bad_cursor())?;
    let store = site.world.store.org(&caller.org)?;
    let mut found = block_in_place(|| store.entities(object, after.as_ref(), page.limit + 1))?;
    // An id's last three characters tell nothing new; without them, any cursor can be read.
    let next = cut(&mut found, page.limit).map(|last| last.id.as_str()[..15].to_owned());
    let entities: Vec<Value> = found.iter().map(Entity::to_json).collect();
    Ok(Json(json!({ "entities": entities, "next": next })))
}

/// Cuts a list to a page, and returns the last that is left where there is more.
fn cut<T>(found: &mut Vec<T>, limit: u32) -> Option<&T> {
    let is_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    found.last().filter(|_| is_more)
}

async fn entity(
    State(site): State<Shared>,
    caller: Caller,
    InPath((name, id)): InPath<(String, String)>,
) -> Answer {
    let object = object(&name)?;
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, format!("there is no {object} {id}"));
    let id: SalesforceId = id.parse().map_err(|_| unknown())?;
    let store = site.world.store.org(&caller.org)?;
    let entity = block_in_place(|| store.entity(object, &id))?;
    Ok(Json(entity.ok_or_else(unknown)?.to_json()))
}

async fn meetings(State(site): State<Shared>, caller: Caller, page: Page) -> Answer {
    let before = match page.cursor.as_deref() {
        Some(cursor) => {
            let (at, id) = cursor.split_once('~').ok_or_else(bad_cursor)?;
            let at = at.parse().ok().and_then(|at| Timestamp::from_microsecond(at).ok());
            Some((at.ok_or_else(bad_cursor)?, id))
        }
        None => None,
    };
    let store = site.world.store.org(&caller.org)?;
    let mut found = block_in_place(|| store.meetings(before, page.limit + 1))?;
    let next = cut(&mut found, page.limit)
        .map(|last| format!("{}~{}", last.started_at.as_microsecond(), last.id));
    let meetings: Vec<Value> = found.iter().map(MeetingSummary::to_json).collect();
    Ok(Json(json!({ "meetings": meetings, "next": next })))
}

async fn meeting(State(site): State<Shared>, caller: Caller, InPath(id): InPath<String>) -> Answer {
    let store = site.world.store.org(&caller.org)?;
    let meeting = store.meeting(&id)?.ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, format!("there is no meeting \"{id}\""))
    })?;
    let items = store.item_states(&id)?;
    let items = items.iter().map(ItemState::to_json);
    let work = store.work_of(&id)?;
    let work = work.iter().map(Standing::to_json);
    Ok(Json(json!({
        "meeting": meeting,
        "matches": store.matches(&id)?,
        "action_items": items.collect::<Vec<_>>(),
        "work": work.collect::<Vec<_>>(),
    })))
}

async fn status(State(site): State<Shared>, caller: Caller) -> Answer {
    Ok(Json(block_in_place(|| status_of(&site, &caller.org))?))
}

fn status_of(site: &Site, org: &OrgId) -> Result<Value, Refusal> {
    let world = &site.world;
    let connection = world.connection_of(org)?;
    let settings = world.settings(org);
    let budget = world.budget(&connection).now()?;
    let status = sync::status(&world.store, &connection, &settings, budget, world.clock.now())?;
    let objects = status.objects.iter().map(|one| {
        json!({
            "object": one.object,
            "records": one.records,
            "pulled_at": one.last_pull.as_ref().and_then(|run| run.ended_at),
            "pushed_at": one.last_push.as_ref().and_then(|run| run.ended_at),
            "verified_at": one.verified.as_ref().map(|verified| verified.at),
            "next_at": one.next_at,
            "paused_at": one.paused_at,
            "work": one.work,
        })
    });
    Ok(json!({
        "org": org,
        "username": connection.username,
        "state": status.state,
        "is_connected": connection.broken.is_none(),
        "objects": objects.collect::<Vec<_>>(),
        "budget": budget,
        "reviews": status.reviews,
        "failures": status.failures,
    }))
}
