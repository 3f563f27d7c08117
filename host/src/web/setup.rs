//! The set-up, step by step: what is chosen is kept from one step to the next, and can be gone
//! on with later. Nothing syncs by it before it is enabled.

pub(super) mod fields;
pub(super) mod matching;
pub(super) mod objects;
pub(super) mod review;

use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::guard::{Admin, At, Posted};
use super::page::button;
use super::refused::Refused;
use super::visitor::Visitor;
use super::{Shared, Site};
use crate::model::{Connection, Object, OrgId};
use crate::secret::Secret;
use crate::sync::{Settings, Wishes, offer_all, propose};
use crate::world::Failed;

/// What was chosen so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Draft {
    /// What was set up when it was begun: what is chosen is chosen over that.
    base: Settings,
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

    fn to_text(&self) -> Result<String, Failed> {
        serde_json::to_string(self).map_err(|why| Failed::new(why.to_string()))
    }

    /// Returns by what it is known whether it is still the one that was looked at.
    fn version(&self) -> Result<String, Failed> {
        let text = Secret::from(self.to_text()?);
        Ok(text.fingerprint().bytes().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Site {
    /// Returns the draft of an org; begins one with what is set up, or what is best where
    /// nothing is. One that was begun before something else was set up is over.
    async fn draft(&self, connection: &Connection) -> Result<Draft, Failed> {
        if let Some(trouble) = self.world.trouble() {
            return Err(trouble);
        }
        let before = self.world.settings(&connection.org);
        let kept = self.world.store.draft(&connection.org)?;
        let kept = kept.and_then(|text| serde_json::from_str::<Draft>(&text).ok());
        if let Some(draft) = kept.filter(|draft| draft.base == before) {
            return Ok(draft);
        }
        let salesforce = self.world.salesforce(connection)?;
        let (base, wishes) = (before.clone(), Wishes::default());
        let mut settings = propose(&salesforce, connection, &wishes, before).await?;
        let chosen = settings.objects.keys().copied().collect();
        offer_all(&mut settings, &salesforce).await?;
        let draft = Draft { base, settings, chosen };
        self.keep_draft(&connection.org, &draft)?;
        Ok(draft)
    }

    fn keep_draft(&self, org: &OrgId, draft: &Draft) -> Result<(), Failed> {
        Ok(self.world.store.save_draft(org, Some(&draft.to_text()?))?)
    }
}

pub(super) async fn begin(_: Admin, At(connection): At) -> Redirect {
    Redirect::to(&format!("/orgs/{}/setup/objects", connection.org))
}

/// Forgets what was chosen so far.
pub(super) async fn discard(
    State(site): State<Shared>,
    At(connection): At,
    _form: Posted,
) -> Result<Redirect, Refused> {
    site.world.store.save_draft(&connection.org, None)?;
    Ok(Redirect::to(&format!("/orgs/{}/setup/objects", connection.org)))
}

/// The steps, in their order.
const STEPS: [&str; 4] = ["Objects", "Fields", "Matching", "Review"];

/// Shows which step this is, and the way to begin anew.
fn steps(visitor: &Visitor, org: &OrgId, current: &str) -> Markup {
    html! {
        ol.steps aria-label="Steps" {
            @for step in STEPS {
                li aria-current=[(step == current).then_some("step")] { (step) }
            }
        }
        div.actions.small { span.muted { "What you choose is kept from step to step. Nothing is changed before you enable it." }
            (button(visitor, &format!("/orgs/{org}/setup/discard"), "Begin anew", &[])) }
    }
}
