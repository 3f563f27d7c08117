//! Integrations: which orgs are connected; connecting one and disconnecting it.

use std::sync::PoisonError;

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use maud::html;
use serde::Deserialize;

use super::guard::{Posted, Visitor};
use super::page::{Refused, Shown, badge, bare, moment, page, token, trouble};
use super::{Shared, Site};
use crate::model::OrgId;
use crate::salesforce::{App, Arrival, Authorization, CALLBACK_PATH, LoginUrl, exchange};
use crate::secret::Secret;
use crate::sync::state;
use crate::world::{Failed, read_secret};

/// How many logins may be under way; the oldest is given up first.
const PENDING_MAX: usize = 100;
/// How long a login may take.
const PENDING_LIFE: SignedDuration = SignedDuration::from_mins(15);

/// A login that was begun at a browser and waits for its end.
pub(super) struct Pending {
    authorization: Authorization,
    /// Who began it, by the token of their forms: nobody else may end it.
    token: Secret,
    /// The org that is to be connected anew, where it is.
    wanted: Option<OrgId>,
    begun_at: Timestamp,
}

pub(super) async fn integrations(State(site): State<Shared>, visitor: Visitor) -> Shown {
    let connections = site.world.store.connections()?;
    let body = html! {
        section.card aria-labelledby="salesforce" {
            div.head {
                h2 #salesforce { "Salesforce" }
                @if !connections.is_empty() { (badge("good", "Connected")) }
                div.actions {
                    @if visitor.is_admin() {
                        a.button.main href="/connect" {
                            @if connections.is_empty() { "Connect" } @else { "Connect another org" }
                        }
                    }
                }
            }
            p { "Imports contacts, leads, accounts, opportunities and tasks, and writes back what meetings taught and what is to be done." }
            @if connections.is_empty() { p.muted { "No org is connected yet." } }
            ul.plain {
                @for one in &connections {
                    @let settings = site.world.settings(&one.org);
                    li {
                        div.head {
                            a href=(format!("/orgs/{}", one.org)) { strong { (one.username) } }
                            @match (&one.broken, settings.objects.is_empty()) {
                                (Some(_), _) => (badge("bad", state(one, &settings))),
                                (None, true) => (badge("warn", state(one, &settings))),
                                (None, false) => (badge("good", state(one, &settings))),
                            }
                            span.muted.small { (one.org) ", connected " (moment(one.connected_at)) }
                        }
                    }
                }
            }
        }
    };
    Ok(page(&visitor, None, "Integrations", body))
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    org: Option<OrgId>,
}

pub(super) async fn form(
    State(site): State<Shared>,
    visitor: Visitor,
    Query(Wanted { org }): Query<Wanted>,
) -> Shown {
    let known = match &org {
        Some(org) => Some(site.world.connection_of(org)?),
        None => None,
    };
    let callback = site.callback();
    let body = html! {
        @if let Some(known) = &known {
            p { "Sign in to " strong { (known.username) } " again, to give access back." }
        }
        form.card method="post" action="/connect" {
            (token(&visitor))
            @if let Some(org) = &org { input type="hidden" name="org" value=(org); }
            fieldset {
                legend { "Where do you log in?" }
                @for (value, label) in [
                    ("login", "Production, at login.salesforce.com"),
                    ("test", "A sandbox, at test.salesforce.com"),
                    ("domain", "Your own domain"),
                ] {
                    label.choice {
                        input type="radio" name="at" value=(value)
                            checked[if known.is_some() { value == "domain" } else { value == "login" }];
                        " " (label)
                    }
                }
                div.field {
                    label for="domain" { "My Domain" }
                    input #domain type="text" name="domain" placeholder="acme.my.salesforce.com"
                        value=[known.as_ref().map(|known| &known.login_url)]
                        autocomplete="off" aria-describedby="domain-help";
                    p.help #domain-help { "Setup → My Domain shows it. Some orgs let people log in nowhere else." }
                }
            }
            @if site.settings.client_id.is_none() {
                div.field {
                    label for="client_id" { "Consumer key" }
                    input #client_id type="text" name="client_id" required autocomplete="off"
                        value=[known.as_ref().map(|known| &known.client_id)]
                        aria-describedby="client-help";
                    p.help #client-help {
                        "Of an external client app with OAuth (Setup → External Client App Manager → New), the scopes "
                        code { "api" } " and " code { "refresh_token" } ", PKCE required, and the callback "
                        code { (callback) } ". Whoever runs efficlose can keep it in [web] of the settings."
                    }
                }
                div.field {
                    label for="client_secret" { "Consumer secret" }
                    input #client_secret type="password" name="client_secret" autocomplete="off"
                        aria-describedby="secret-help";
                    p.help #secret-help { "Where the app has one; kept sealed with the grant." }
                }
            }
            button.main disabled[!visitor.is_admin()] { "Connect" }
            p.muted.small { "Salesforce's page opens. No password comes here, and you can take access back there at any time." }
        }
    };
    Ok(page(&visitor, None, "Connect Salesforce", body))
}

pub(super) async fn begin(State(site): State<Shared>, form: Posted) -> Result<Response, Refused> {
    let login: LoginUrl = match form.one("at") {
        "domain" => form.one("domain").parse()?,
        at => at.parse()?,
    };
    let app = site.app(&form)?;
    let wanted = match form.one("org") {
        "" => None,
        org => Some(org.parse::<OrgId>().map_err(|why| Failed::new(why.to_string()))?),
    };
    let redirect = site.callback().parse().map_err(|why| {
        Failed::new(format!("{} is no address: {why}", site.callback()))
            .hint("Mend public_url in [web] of the settings.")
    })?;
    let authorization = Authorization::begin(&login, &app, redirect);
    // What Salesforce refuses stays on its own page; told here, there is a way back.
    authorization.probe(&site.world.http).await?;
    let url = authorization.url.to_string();
    let begun_at = site.world.clock.now();
    let mut pending = site.pending.lock().unwrap_or_else(PoisonError::into_inner);
    if pending.len() >= PENDING_MAX {
        pending.pop_front();
    }
    pending.push_back(Pending { authorization, token: form.token.clone(), wanted, begun_at });
    drop(pending);
    // A form may be sent on to nowhere but here, so the next page leads there.
    let body = bare(
        "On to Salesforce",
        html! { p { "If its page does not open: " a href=(url) { "log in to Salesforce" } "." } },
    );
    Ok(([(header::REFRESH, format!("0; url={url}"))], body).into_response())
}

pub(super) async fn arrived(
    State(site): State<Shared>,
    visitor: Visitor,
    Query(arrival): Query<Arrival>,
) -> Result<Response, Refused> {
    let now = site.world.clock.now();
    let pending = {
        let mut pending = site.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|one| now.duration_since(one.begun_at) <= PENDING_LIFE);
        let is_it = |one: &Pending| {
            one.authorization.is_ended_by(&arrival) && one.token.is_same(visitor.token.expose())
        };
        let place = pending.iter().position(is_it);
        place.and_then(|place| pending.remove(place))
    };
    let Some(pending) = pending else {
        let why = Failed::new("this is not a login that was begun here, or it took too long");
        return Ok(again(&visitor, why.hint("Connect again.")));
    };
    match site.finish(&visitor, pending, arrival).await {
        Ok(to) => Ok(Redirect::to(&to).into_response()),
        Err(why) => Ok(again(&visitor, why)),
    }
}

/// Says why an org is not connected, with a way to try again.
fn again(visitor: &Visitor, why: Failed) -> Response {
    let body = html! {
        (trouble(&why.message, why.hint.as_deref()))
        p { a.button.main href="/connect" { "Connect again" } }
    };
    page(visitor, None, "Salesforce is not connected", body).into_response()
}

impl Site {
    /// Returns the address to register with the app.
    fn callback(&self) -> String {
        format!("{}{CALLBACK_PATH}", self.base)
    }

    /// Returns the app: the one in the settings, or the one that was named.
    fn app(&self, form: &Posted) -> Result<App, Failed> {
        if let Some(client_id) = &self.settings.client_id {
            let file = self.settings.client_secret_file.as_deref();
            let client_secret = file.map(read_secret).transpose()?;
            return Ok(App { client_id: client_id.clone(), client_secret });
        }
        let client_id = form.one("client_id").to_owned();
        if client_id.is_empty() {
            return Err(Failed::new("there is no consumer key")
                .hint("Copy it from the app at Salesforce: Settings → Consumer Key."));
        }
        let secret = form.one("client_secret");
        let client_secret = (!secret.is_empty()).then(|| Secret::from(secret));
        Ok(App { client_id, client_secret })
    }

    /// Ends a login, and returns where to go on.
    async fn finish(
        &self,
        visitor: &Visitor,
        pending: Pending,
        arrival: Arrival,
    ) -> Result<String, Failed> {
        let Pending { authorization, wanted, .. } = pending;
        let connected = exchange(&self.world.http, &authorization, arrival.code()?).await?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != connected.org) {
            return Err(Failed::new(format!(
                "you logged in to the org {}, and {wanted} was to be connected again",
                connected.org
            ))
            .hint("Log out at Salesforce, and connect again as a user of the other org."));
        }
        let (login, app) = authorization.way();
        let connection = self.world.connect(login, app, connected).await?;
        let org = connection.org;
        self.note(&visitor.person, Some(&org), format!("connected it as {}", connection.username));
        Ok(match self.world.settings(&org).objects.is_empty() {
            true => format!("/orgs/{org}/setup"),
            false => format!("/orgs/{org}"),
        })
    }
}

pub(super) async fn leaving(
    State(site): State<Shared>,
    visitor: Visitor,
    Path(org): Path<OrgId>,
) -> Shown {
    let connection = site.world.connection_of(&org)?;
    let body = html! {
        div.card {
            p { "The grant is revoked at Salesforce and forgotten here. Nothing syncs any more." }
            p { "What was imported, the journal of what was written, and the settings stay in the folder of the org; whoever runs efficlose can delete it. Nothing at Salesforce changes." }
            form method="post" action=(format!("/orgs/{org}/disconnect")) {
                (token(&visitor))
                label.choice {
                    input type="checkbox" name="force" value="on";
                    " Forget it even if Salesforce can't be told"
                }
                div.actions {
                    button.danger disabled[!visitor.is_admin()] { "Disconnect" }
                    a href=(format!("/orgs/{org}")) { "Keep it connected" }
                }
            }
        }
    };
    Ok(page(&visitor, Some(&connection), "Disconnect", body))
}

pub(super) async fn disconnect(
    State(site): State<Shared>,
    Path(org): Path<OrgId>,
    form: Posted,
) -> Shown {
    let connection = site.world.connection_of(&org)?;
    let is_told = site.world.disconnect(&connection, form.one("force") == "on").await?;
    site.note(&form.person, Some(&org), format!("disconnected {}", connection.username));
    let body = html! {
        div.card {
            p { (connection.username) " is not connected any more." }
            @if !is_told { p { "Salesforce was not told: remove the app's access in its Setup." } }
            p { "Imported records and the journal stay in the folder of the org." }
            p { a href="/" { "Go to the integrations" } }
        }
    };
    Ok(page(&form.visitor(), None, "Disconnected", body))
}
