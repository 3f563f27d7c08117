//! `efficlose doctor`

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::json;

use super::output::{Failed, Output};
use crate::model::{Object, Sobject};
use crate::sync::{Checkup, Finding, Health, examine};
use crate::world::World;

/// Look at the org for all that a sync needs of it, and say what mends what is missing
///
/// Objects and fields in both directions, required fields, how a task is found again, task
/// statuses, validation and duplicate rules, records that sharing hides, API calls, orgs of the
/// settings that are not connected. Writes nothing to the org. Ends with code 1 if something
/// can't sync.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Write a permission set that gives the connected user what it needs, as a file that
    /// Salesforce's command line deploys
    #[arg(long, value_name = "FILE")]
    permission_set: Option<PathBuf>,
}

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let connection = world.connection()?;
    let settings = world.settings(&connection.org);
    let unconnected = world.unconnected()?;
    if settings.objects.is_empty() {
        let hint = match unconnected.first() {
            None => "Run `efficlose setup` to choose what syncs.".to_owned(),
            Some(other) => format!(
                "Run `efficlose setup` to choose what syncs; config.toml names {other}, which is \
                 not connected."
            ),
        };
        return Err(Failed::new("nothing is set up to sync").hint(hint));
    }
    let doors = world.doors(&connection, settings)?;
    let mut checkup = examine(&doors).await?;
    checkup.findings.extend(unconnected.into_iter().map(|org| Finding {
        about: format!("orgs.{org}"),
        health: Health::Warning,
        said: "config.toml names it, and no such org is connected".to_owned(),
        mend: Some("Connect it with `efficlose connect`, or take it out of the file.".to_owned()),
    }));
    output.json(&json!({ "findings": checkup.findings }));
    for finding in &checkup.findings {
        let mark = match finding.health {
            Health::Good => "good   ",
            Health::Warning => "warning",
            Health::Trouble => "TROUBLE",
        };
        output.line(format!("{mark}  {}: {}", finding.about, finding.said));
        if let Some(mend) = &finding.mend {
            output.line(format!("         {mend}"));
        }
    }
    if let Some(file) = &args.permission_set {
        std::fs::write(file, permission_set(&checkup))
            .map_err(|cause| Failed::new(format!("can't write {}: {cause}", file.display())))?;
        output.line(format!(
            "Wrote {}; deploy it as force-app/main/default/permissionsets/Efficlose.permissionset-\
             meta.xml with `sf project deploy start`, and assign it to the connected user.",
            file.display()
        ));
    }
    let is_trouble = |health: &Health| *health == Health::Trouble;
    match checkup.findings.iter().map(|finding| finding.health).filter(is_trouble).count() {
        0 => Ok(()),
        1 => Err(Failed::new("one thing keeps something from syncing").hint("Its mend is above.")),
        count => Err(Failed::new(format!("{count} things keep something from syncing"))
            .hint("Their mends are above.")),
    }
}

/// Returns a permission set in Salesforce's form for metadata. Names are such that nothing has
/// to be escaped.
fn permission_set(checkup: &Checkup) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <PermissionSet xmlns=\"http://soap.sforce.com/2006/04/metadata\">\n    \
         <description>What efficlose needs to sync</description>\n",
    );
    for (object, access) in &checkup.access {
        for (field, is_written) in &access.fields {
            let _ = writeln!(
                xml,
                "    <fieldPermissions>\n        <editable>{is_written}</editable>\n        \
                 <field>{object}.{field}</field>\n        <readable>true</readable>\n    \
                 </fieldPermissions>"
            );
        }
    }
    xml.push_str("    <label>efficlose</label>\n");
    // Activities have no permissions as objects: access to them are a user's permissions.
    for (object, access) in checkup.access.iter().filter(|(object, _)| !object.is_activity()) {
        let _ = writeln!(
            xml,
            "    <objectPermissions>\n        <allowCreate>{}</allowCreate>\n        \
             <allowDelete>false</allowDelete>\n        <allowEdit>{}</allowEdit>\n        \
             <allowRead>true</allowRead>\n        <modifyAllRecords>false</modifyAllRecords>\n        \
             <object>{object}</object>\n        <viewAllRecords>true</viewAllRecords>\n    \
             </objectPermissions>",
            access.creates, access.edits
        );
    }
    let mut permissions = vec!["ApiEnabled"];
    let of = |object: Sobject| checkup.access.get(&object);
    let (tasks, events) = (of(Object::Task.into()), of(Sobject::Event));
    if tasks.is_some() {
        permissions.insert(0, "ActivitiesAccess");
    }
    for (access, name) in [(events, "EditEvent"), (tasks, "EditTask")] {
        permissions.extend(access.filter(|access| access.edits).map(|_| name));
    }
    for name in permissions {
        let _ = writeln!(
            xml,
            "    <userPermissions>\n        <enabled>true</enabled>\n        <name>{name}</name>\n    \
             </userPermissions>"
        );
    }
    xml.push_str("</PermissionSet>\n");
    xml
}
