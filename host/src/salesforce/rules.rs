//! What an org's admins have set up that may keep a record from being written: duplicate rules,
//! validation rules and approvals.

use std::collections::HashSet;

use super::shape::Shape;
use super::soql::PAGE_ROWS;
use super::{Result, Salesforce};
use crate::model::{FieldName, Object, SalesforceId, Value};

/// A rule that refuses records by what they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationRule {
    /// The object whose records it looks at.
    pub object: Object,
    /// What it is called.
    pub name: String,
    /// What it says when it refuses one.
    pub message: String,
}

impl Salesforce {
    /// Returns what the org's active duplicate rules are called, each with the object whose new
    /// and changed records it compares.
    pub async fn duplicate_rules(&self) -> Result<Vec<(String, String)>> {
        let soql = "SELECT MasterLabel, SobjectType FROM DuplicateRule WHERE IsActive = TRUE \
                    ORDER BY MasterLabel";
        let rows = self.rows("query", soql, ["MasterLabel", "SobjectType"]).await?;
        let rules = rows.into_iter().filter_map(|row| {
            let [label, object] = <[Value; 2]>::try_from(row).ok()?;
            Some((label.text()?.to_owned(), object.text()?.to_owned()))
        });
        Ok(rules.collect())
    }

    /// Returns the active validation rules of all objects that sync, by their names. What they
    /// ask for is not told.
    pub async fn validation_rules(&self) -> Result<Vec<ValidationRule>> {
        let objects = Object::ALL.map(|object| format!("'{object}'")).join(", ");
        let soql = format!(
            "SELECT ValidationName, ErrorMessage, EntityDefinitionId FROM ValidationRule \
             WHERE Active = TRUE AND EntityDefinitionId IN ({objects}) ORDER BY ValidationName"
        );
        let columns = ["ValidationName", "ErrorMessage", "EntityDefinitionId"];
        let rows = self.rows("tooling/query", &soql, columns).await?;
        let rules = rows.into_iter().filter_map(|row| {
            let [name, message, object] = <[Value; 3]>::try_from(row).ok()?;
            Some(ValidationRule {
                object: object.text()?.parse().ok()?,
                name: name.text()?.to_owned(),
                message: message.text().unwrap_or_default().to_owned(),
            })
        });
        Ok(rules.collect())
    }

    /// Returns those of these records that wait to be approved, which locks them for most users.
    pub async fn in_approval(&self, records: &[SalesforceId]) -> Result<HashSet<SalesforceId>> {
        let key: FieldName = "TargetObjectId".parse()?;
        let ids: Vec<String> = records.iter().map(SalesforceId::to_string).collect();
        let (select, pending) = ([key.as_str()], Some("Status = 'Pending'"));
        let table = self.find_all("query", "ProcessInstance", &key, &ids, &select, pending).await?;
        let ids = table.rows.iter().filter_map(|row| row.first()?.text()?.parse().ok());
        Ok(ids.collect())
    }

    /// Returns the first page of a query of these columns: of what admins set up there are never
    /// more.
    async fn rows<const N: usize>(
        &self,
        resource: &str,
        soql: &str,
        columns: [&str; N],
    ) -> Result<Vec<Vec<Value>>> {
        let shape = Shape::new(columns.into_iter());
        let (rows, _) = self.query(resource, soql, *PAGE_ROWS.end(), &shape).await?;
        Ok(rows.rows)
    }
}
