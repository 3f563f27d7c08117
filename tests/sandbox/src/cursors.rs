//! Query cursors: the ids a query found, kept until they are read or too old.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ids::Id;
use crate::org::Slot;
use crate::soql::{Plan, Scope};

/// How long a cursor lives.
const LIFETIME_SECONDS: i64 = 2 * 86_400;

/// The most cursors that are kept; the oldest makes room.
const CURSOR_LIMIT: usize = 1_000;

/// The rest of a query's answer.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    /// How records are written.
    pub(crate) plan: Arc<Plan>,
    /// Which records, fixed when the query ran.
    pub(crate) slots: Arc<[Slot]>,
    /// Which records the query saw.
    pub(crate) scope: Scope,
    /// How many records make a page.
    pub(crate) page_size: usize,
    /// Whose query it was.
    pub(crate) user: Id,
    opened_at: i64,
}

/// All open cursors.
#[derive(Debug)]
pub(crate) struct Cursors {
    next: u64,
    open: HashMap<u64, Cursor>,
    /// The most records a page holds, whatever the client asks for.
    pub(crate) page_limit: usize,
}

impl Default for Cursors {
    fn default() -> Self {
        Self { next: 0, open: HashMap::new(), page_limit: 2_000 }
    }
}

impl Cursors {
    /// Keeps a cursor and returns its locator of 18 characters.
    pub(crate) fn open(
        &mut self,
        (plan, slots, scope): (Arc<Plan>, Arc<[Slot]>, Scope),
        page_size: usize,
        user: Id,
        now: i64,
    ) -> String {
        if self.open.len() >= CURSOR_LIMIT
            && let Some(oldest) = self.open.keys().min().copied()
        {
            self.open.remove(&oldest);
        }
        self.next += 1;
        let cursor = Cursor { plan, slots, scope, page_size, user, opened_at: now };
        self.open.insert(self.next, cursor);
        Id::compose("0r8", self.next).to_string()
    }

    /// Returns the cursor and the offset behind `0r8…-2000`, if it is still open
    /// and this user's.
    pub(crate) fn find(&self, locator: &str, user: Id, now: i64) -> Option<(Cursor, usize)> {
        let (id, offset) = locator.split_once('-')?;
        let id = Id::parse(id).filter(|id| id.prefix() == "0r8")?;
        let cursor = self.open.get(&id.serial()?)?;
        let offset: usize = offset.parse().ok()?;
        let alive = now - cursor.opened_at <= LIFETIME_SECONDS;
        let fits = offset < cursor.slots.len() && cursor.user == user;
        (alive && fits).then(|| (cursor.clone(), offset))
    }

    /// Closes all, as if their time had come.
    pub(crate) fn close_all(&mut self) {
        self.open.clear();
    }
}
