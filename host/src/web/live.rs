//! What is live: a part of a page is sent again whenever it has changed.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;

use super::guard::At;
use super::refused::Refused;
use super::visitor::Visitor;
use super::{Shared, status};
use crate::world::Failed;

/// How often it is looked for a change.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is looked before the browser has to ask again: an hour.
const LOOKS_MAX: u32 = 3_600;

pub(super) async fn stream(
    State(site): State<Shared>,
    visitor: Visitor,
    At(connection): At,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let org = connection.org.clone();
    let place = site.live.clone().try_acquire_owned().map_err(|_| {
        let why = Failed::new("too many pages are open").hint("Close some, and load this again.");
        Refused::new(StatusCode::SERVICE_UNAVAILABLE, why)
    })?;
    let stop = site.stop.clone();
    let begun = (site, visitor, org, String::new(), LOOKS_MAX, place);
    let parts = unfold(begun, move |(site, visitor, org, mut sent, mut looks, place)| {
        let mut stop = stop.clone();
        async move {
            while looks > 0 {
                looks -= 1;
                if !sent.is_empty() {
                    tokio::select! {
                        () = tokio::time::sleep(LOOK) => {}
                        _ = stop.wait_for(|stop| *stop) => return None,
                    }
                }
                if !visitor.is_still_in(&site) {
                    return None;
                }
                let part = status::part(&site, &visitor, &org).ok()?.into_string();
                if part != sent {
                    sent.clone_from(&part);
                    let event =
                        Event::default().event("part").data(part.replace(['\r', '\n'], " "));
                    return Some((Ok(event), (site, visitor, org, sent, looks, place)));
                }
            }
            None
        }
    });
    Ok(Sse::new(parts).keep_alive(KeepAlive::default()))
}
