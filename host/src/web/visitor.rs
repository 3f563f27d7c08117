//! Who is at a page.

use super::Site;
use crate::model::{Person, Role};
use crate::secret::Secret;

/// The field of a form that bears its token.
pub(super) const TOKEN: &str = "token";

/// Someone who is signed in, at a page.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) person: Person,
    /// What a form has to bear so that it is taken: other sites can't know it.
    pub(super) token: Secret,
    /// Their session; none, where a proxy tells who they are.
    pub(super) session: Option<Secret>,
    /// What they have just done, as the address says.
    pub(super) done: Option<&'static str>,
}

impl Visitor {
    /// Tells whether they may change things.
    pub(super) fn is_admin(&self) -> bool {
        self.person.role == Role::Admin
    }

    /// Tells whether they still are who they were.
    pub(super) fn is_still_in(&self, site: &Site) -> bool {
        let Some(session) = &self.session else { return true };
        let found = site.world.store.session(&session.fingerprint(), site.world.clock.now());
        found.is_ok_and(|person| person.as_ref() == Some(&self.person))
    }
}
