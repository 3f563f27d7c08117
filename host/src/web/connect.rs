//! Integrations: which orgs are connected; connecting one and disconnecting it.

use std::sync::{Arc, PoisonError};

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;
use tokio::task::block_in_place;

use super::guard::{Admin, At, Posted};
use super::page::{badge, bare, moment, page, token, trouble};
use super::refused::{Refused, Shown};
use super::status::{settings_trouble, standing};
use super::visitor::Visitor;
use super::{Shared, Site, done, to_its_end};
use crate::model::{Connection, OrgId};
use crate::salesforce::{App, Arrival, Authorization, CALLBACK_PATH, LoginUrl, exchange};
use crate::secret::Secret;
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
    let mut connections = Vec::new();
    for one in site.world.store.connections()? {
        let seen = block_in_place(|| site.seen(&one.org));
        connections.push((one, seen));
    }
    let body = html! {
        (settings_trouble(&site))
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
                @for (one, seen) in &connections {
                    li {
                        div.head {
                            a href=(format!("/orgs/{}", one.org)) { strong { (one.called()) } }
                            @match seen {
                                Ok(seen) => { (standing(one, &seen.status)) },
                                Err(_) => { (badge("bad", "can't be read")) },
                            }
                            span.muted.small { (one.username) ", " (one.org) ", at " (one.login_url.trim_start_matches("https://")) ", connected " (moment(one.connected_at)) }
                        }
                        @if let Err(why) = seen { (trouble(&why.message, why.hint.as_deref())) }
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

/// What stands in the form, filled in again where it was refused.
#[derive(Default)]
struct Filled {
    org: Option<OrgId>,
    at: String,
    domain: String,
    client_id: String,
}

pub(super) async fn form(
    State(site): State<Shared>,
    Admin(visitor): Admin,
    Query(Wanted { org }): Query<Wanted>,
) -> Shown {
    let filled = match org {
        Some(org) => {
            let known = site.world.connection_of(&org)?;
            let (domain, client_id) = (known.login_url, known.client_id);
            Filled { org: Some(org), at: DOMAIN.to_owned(), domain, client_id }
        }
        None => Filled { at: PRODUCTION.to_owned(), ..Filled::default() },
    };
    Ok(asked(&site, &visitor, &filled, None))
}

/// Where people log in: production, sandboxes, or a domain of their own.
const PRODUCTION: &str = "login";
const SANDBOX: &str = "test";
const DOMAIN: &str = "domain";

fn asked(site: &Site, visitor: &Visitor, filled: &Filled, refused: Option<&Failed>) -> Markup {
    let callback = site.callback();
    let body = html! {
        @if let Some(why) = refused { (trouble(&why.message, why.hint.as_deref())) }
        @if let Some(org) = &filled.org { p { "Sign in to the org " strong { (org) } " again, to give access back." } }
        form.card method="post" action="/connect" {
            (token(visitor))
            @if let Some(org) = &filled.org { input type="hidden" name="org" value=(org); }
            fieldset {
                legend { "Where do you log in?" }
                @for (value, label) in [
                    (PRODUCTION, "Production, at login.salesforce.com"),
                    (SANDBOX, "A sandbox, at test.salesforce.com"),
                    (DOMAIN, "Your own domain"),
                ] {
                    label.choice {
                        input type="radio" name="at" value=(value) checked[filled.at == value];
                        " " (label)
                    }
                }
                div.field {
                    label for="domain" { "My Domain" }
                    input #domain type="text" name="domain" placeholder="acme.my.salesforce.com"
                        value=(filled.domain) autocomplete="off" aria-describedby="domain-help";
                    p.help #domain-help { "Setup → My Domain shows it. Some orgs let people log in nowhere else." }
                }
            }
            @if site.settings.client_id.is_none() {
                div.field {
                    label for="client_id" { "Consumer key" }
                    input #client_id type="text" name="client_id" required autocomplete="off"
                        value=(filled.client_id) aria-describedby="client-help";
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
            button.main { "Connect" }
            p.muted.small { "Salesforce's page opens. No password comes here, and you can take access back there at any time." }
        }
    };
    page(visitor, None, "Connect Salesforce", body)
}

pub(super) async fn begin(State(site): State<Shared>, form: Posted) -> Result<Response, Refused> {
    let filled = Filled {
        org: form.one("org").parse().ok(),
        at: form.one("at").to_owned(),
        domain: form.one("domain").to_owned(),
        client_id: form.one("client_id").to_owned(),
    };
    let url = match site.begin(&form, &filled).await {
        Ok(url) => url,
        Err(why) => {
            let shown = asked(&site, form.visitor(), &filled, Some(&why));
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response());
        }
    };
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
    let (of, who) = (Arc::clone(&site), visitor.clone());
    to_its_end(async move {
        match of.finish(&who, pending, arrival).await {
            Ok(to) => Ok(to.into_response()),
            Err(why) => Ok(again(&who, why)),
        }
    })
    .await
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
    /// Begins a login; returns where the person's browser has to go.
    async fn begin(&self, form: &Posted, filled: &Filled) -> Result<String, Failed> {
        let login: LoginUrl = match filled.at.as_str() {
            DOMAIN => filled.domain.parse()?,
            _ if !filled.domain.is_empty() => {
                return Err(Failed::new("a domain of your own is named, and not chosen")
                    .hint("Choose \"Your own domain\", or empty the field."));
            }
            at => at.parse()?,
        };
        self.leads_to_salesforce(&login)?;
        let app = self.app(form)?;
        let redirect = self.callback().parse().map_err(|why| {
            Failed::new(format!("{} is no address: {why}", self.callback()))
                .hint("Mend public_url in [web] of the settings.")
        })?;
        let authorization = Authorization::begin(&login, &app, redirect);
        // What Salesforce refuses stays on its own page; told here, there is a way back.
        authorization.probe(&self.world.http).await?;
        let url = authorization.url.to_string();
        let (token, begun_at) = (form.visitor().token.clone(), self.world.clock.now());
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() >= PENDING_MAX {
            pending.pop_front();
        }
        let wanted = filled.org.clone();
        pending.push_back(Pending { authorization, token, wanted, begun_at });
        Ok(url)
    }

    /// Returns the address to register with the app.
    fn callback(&self) -> String {
        format!("{}{CALLBACK_PATH}", self.base)
    }

    /// Refuses a login anywhere but at Salesforce: it would be told the app's secret. Where only
    /// this machine reaches these pages, an org that stands in for Salesforce on it is as good.
    fn leads_to_salesforce(&self, login: &LoginUrl) -> Result<(), Failed> {
        let is_tried_out = self.settings.public_url.is_none() && login.is_loopback();
        if login.is_salesforce() || is_tried_out {
            return Ok(());
        }
        Err(Failed::new(format!("{login} is not a login page of Salesforce")).hint(
            "Give the My Domain, such as acme.my.salesforce.com: Setup → My Domain shows it.",
        ))
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
    ) -> Result<Redirect, Failed> {
        let Pending { authorization, wanted, .. } = pending;
        let connected = exchange(&self.world.http, &authorization, arrival.code()?).await?;
        let (login, app) = authorization.way();
        let connection = self.world.connect(login, app, connected, wanted.as_ref()).await?;
        let org = connection.org;
        self.note(&visitor.person, Some(&org), format!("connected it as {}", connection.username));
        Ok(match self.world.settings(&org).objects.is_empty() {
            true => done::then(&format!("/orgs/{org}/setup/objects"), "connected"),
            false => {
                // What could not go on may by now.
                self.world.wake(&org, |_| true)?;
                done::then(&format!("/orgs/{org}"), "connected")
            }
        })
    }
}

pub(super) async fn leaving(visitor: Visitor, At(connection): At) -> Shown {
    let org = connection.org.clone();
    let body = html! {
        div.card {
            p { "This disconnects " strong { (connection.called()) } "." }
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
    At(connection): At,
    form: Posted,
) -> Shown {
    to_its_end(disconnected(site, connection, form)).await
}

async fn disconnected(site: Shared, connection: Connection, form: Posted) -> Shown {
    let org = connection.org.clone();
    let is_told = site.world.disconnect(&connection, form.one("force") == "on").await?;
    site.note(form.person(), Some(&org), format!("disconnected {}", connection.username));
    let body = html! {
        div.card {
            p { (connection.called()) " is not connected any more." }
            @if !is_told { p { "Salesforce was not told: remove the app's access in its Setup." } }
            p { "Imported records and the journal stay in the folder of the org." }
            p { a href="/" { "Go to the integrations" } }
        }
    };
    Ok(page(form.visitor(), None, "Disconnected", body))
}
