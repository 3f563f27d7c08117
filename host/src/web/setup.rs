//! The set-up, step by step: what is chosen is kept from one step to the next, and can be gone
//! on with later. Nothing syncs by it before it is enabled.

pub(super) mod fields;
pub(super) mod matching;
pub(super) mod objects;
pub(super) mod review;

use axum::extract::{Path, State};
use axum::response::Redirect;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::guard::Visitor;
use super::page::Refused;
use super::{Shared, Site};
use crate::model::{Connection, Object, OrgId};
use crate::sync::{Settings, Wishes, offer_all, propose};
use crate::world::Failed;

/// What was chosen so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Draft {
    /// The choices, for all objects, so that one that is left out can be taken in again.
    settings: Settings,
    /// The objects that are to sync.
    chosen: Vec<Object>,
}

impl Draft {
    /// Returns the settings that it makes: those of the objects that were chosen.
    fn settings(&self) -> Settings {
        let mut settings = self.settings.clone();
        settings.objects.retain(|object, _| self.chosen.contains(object));
        settings
    }

    /// Returns the step after that of an object's fields.
    fn after(&self, object: Object) -> String {
        let next = self.chosen.iter().skip_while(|one| **one != object).nth(1);
        next.map_or("matching".to_owned(), |next| format!("fields/{next}"))
    }
}

impl Site {
    /// Returns the draft of an org; begins one with what is set up, or what is best where
    /// nothing is.
    async fn draft(&self, connection: &Connection) -> Result<Draft, Failed> {
        let kept = self.world.store.draft(&connection.org)?;
        if let Some(draft) = kept.and_then(|text| serde_json::from_str(&text).ok()) {
            return Ok(draft);
        }
        let before = self.world.settings(&connection.org);
        let salesforce = self.world.salesforce(connection)?;
        let mut settings = propose(&salesforce, connection, &Wishes::default(), before).await?;
        let chosen = settings.objects.keys().copied().collect();
        offer_all(&mut settings, &salesforce).await?;
        Ok(Draft { settings, chosen })
    }

    fn keep(&self, org: &OrgId, draft: &Draft) -> Result<(), Failed> {
        let text = serde_json::to_string(draft).map_err(|why| Failed::new(why.to_string()))?;
        Ok(self.world.store.save_draft(org, Some(&text))?)
    }
}

pub(super) async fn begin(
    State(site): State<Shared>,
    _visitor: Visitor,
    Path(org): Path<OrgId>,
) -> Result<Redirect, Refused> {
    site.world.connection_of(&org)?;
    Ok(Redirect::to(&format!("/orgs/{org}/setup/objects")))
}

/// The steps, in their order.
const STEPS: [&str; 4] = ["Objects", "Fields", "Matching", "Review"];

/// Shows which step this is.
fn steps(current: &str) -> Markup {
    html! {
        ol.steps aria-label="Steps" {
            @for step in STEPS {
                li aria-current=[(step == current).then_some("step")] { (step) }
            }
        }
    }
}
