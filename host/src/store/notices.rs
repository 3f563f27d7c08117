//! Notices: what was last told of each org.

use super::database::{one, run};
use super::{Result, Store};
use crate::model::OrgId;

impl Store {
    /// Returns what was last told of an org, as it was kept.
    pub fn told(&self, org: &OrgId) -> Result<Option<String>> {
        self.control.read("read what was told", |db| {
            let sql = "SELECT told FROM notices WHERE org = ?1";
            one(db, sql, [org.as_str()], |row| row.get("told"))
        })
    }

    /// Keeps what was told of an org.
    pub fn save_told(&self, org: &OrgId, told: &str) -> Result<()> {
        self.control.write("save what was told", |db| {
            let sql = "INSERT INTO notices (org, told) VALUES (?1, ?2)
                       ON CONFLICT (org) DO UPDATE SET told = excluded.told";
            run(db, sql, [org.as_str(), told]).map(|_| ())
        })
    }
}
