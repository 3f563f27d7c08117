//! The audit trail: who changed what.

use axum::extract::State;
use maud::html;

use super::Shared;
use super::guard::Admin;
use super::page::{moment, page};
use super::refused::Shown;

/// How many entries are shown.
const SHOWN: u32 = 500;

pub(super) async fn list(State(site): State<Shared>, Admin(visitor): Admin) -> Shown {
    let audits = site.world.store.audits(SHOWN)?;
    let body = html! {
        div.card {
            @if audits.is_empty() { p { "Nothing was done here yet." } }
            @else {
                div.scroll { table.stack {
                    thead { tr { th { "When" } th { "Who" } th { "Org" } th { "What" } } }
                    tbody {
                        @for audit in &audits {
                            tr {
                                td data-label="When" { (moment(audit.at)) }
                                td data-label="Who" { (audit.who) }
                                td data-label="Org" { @if let Some(org) = &audit.org { (org) } }
                                td data-label="What" { (audit.did) }
                            }
                        }
                    }
                } }
            }
        }
    };
    Ok(page(&visitor, None, "Audit trail", body))
}
