//! The org itself: its people, its settings, its task statuses.

use super::{Gardener, ORG_NAME, OWN_DOMAIN, text};
use crate::ids::Id;
use crate::value::Value;

impl Gardener {
    pub(super) fn people(&mut self) -> (Id, Id) {
        let profiles = ["System Administrator", "Standard User", "Integration"].map(|name| {
            self.plant("Profile", vec![("Name", text(name)), ("UserType", text("Standard"))])
        });
        let profile = |title: &str| match title {
            "System Administrator" => profiles[0],
            "Integration" => profiles[2],
            _ => profiles[1],
        };
        let people = [
            ("Ada", "Marlow", "ada.marlow", "System Administrator", true),
            ("Integration", "User", "integration", "Integration", true),
            ("Bruno", "Keller", "bruno.keller", "Account Executive", true),
            ("Carla", "Nunes", "carla.nunes", "Account Executive", true),
            ("Deniz", "Aydın", "deniz.aydin", "Sales Manager", true),
            ("Edith", "Frost", "edith.frost", "Account Executive", false),
        ];
        let ids: Vec<Id> = people
            .into_iter()
            .map(|(first, last, local, title, active)| {
                let email = format!("{local}@{OWN_DOMAIN}");
                self.plant(
                    "User",
                    vec![
                        ("FirstName", text(first)),
                        ("LastName", text(last)),
                        ("Username", text(email.clone())),
                        ("Email", text(email)),
                        ("Title", text(title)),
                        ("Alias", text(&local[..local.len().min(8)])),
                        ("CommunityNickname", text(local)),
                        ("CompanyName", text(ORG_NAME)),
                        ("IsActive", Value::Bool(active)),
                        ("UserType", text("Standard")),
                        ("ProfileId", Value::Id(profile(title))),
                        ("TimeZoneSidKey", text("GMT")),
                        ("LocaleSidKey", text("en_US")),
                        ("LanguageLocaleKey", text("en_US")),
                        ("EmailEncodingKey", text("UTF-8")),
                    ],
                )
            })
            .collect();
        self.owners = ids[2..5].to_vec();
        (ids[0], ids[1])
    }

    pub(super) fn organization(&mut self, admin: Id) {
        self.plant(
            "Organization",
            vec![
                ("Name", text(ORG_NAME)),
                ("PrimaryContact", text("Ada Marlow")),
                ("Street", text("1 Harbour Street")),
                ("City", text("Dublin")),
                ("Country", text("Ireland")),
                ("DefaultLocaleSidKey", text("en_US")),
                ("TimeZoneSidKey", text("GMT")),
                ("LanguageLocaleKey", text("en_US")),
                ("FiscalYearStartMonth", Value::Int(1)),
                ("OrganizationType", text("Developer Edition")),
                ("InstanceName", text("EU00S")),
                ("DefaultAccountAccess", text("Edit")),
                ("DefaultContactAccess", text("ControlledByParent")),
                ("DefaultOpportunityAccess", text("Edit")),
                ("DefaultLeadAccess", text("ReadEditTransfer")),
                ("UiSkin", text("Theme4")),
                ("CreatedById", Value::Id(admin)),
            ],
        );
    }

    pub(super) fn task_statuses(&mut self, admin: Id) {
        let statuses = [
            ("Not Started", true, false),
            ("In Progress", false, false),
            ("Completed", false, true),
            ("Waiting on someone else", false, false),
            ("Deferred", false, false),
        ];
        for (place, (name, is_default, is_closed)) in statuses.into_iter().enumerate() {
            self.plant(
                "TaskStatus",
                vec![
                    ("MasterLabel", text(name)),
                    ("ApiName", text(name)),
                    ("SortOrder", Value::Int(place as i64 + 1)),
                    ("IsDefault", Value::Bool(is_default)),
                    ("IsClosed", Value::Bool(is_closed)),
                    ("CreatedById", Value::Id(admin)),
                ],
            );
        }
    }
}
