//! `efficlose config`

use serde_json::json;

use super::output::{Failed, Output};
use crate::config::FILE;
use crate::world::World;

/// Show the settings that hold, and where they are
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let file = world.home.join(FILE);
    let mut settings = world.current();
    if let Some(proxy) = &mut settings.proxy {
        // Fails only where an address can have no password.
        let _ = proxy.set_password(None);
    }
    output.json(&json!({
        "home": world.home,
        "file": file,
        "mappings": world.mappings(),
        "settings": settings,
    }));
    output.line(format!("# {}", file.display()));
    output.line(format!("# mappings of your own: {}", world.mappings().display()));
    let text = toml_edit::ser::to_string_pretty(&settings)
        .map_err(|error| Failed::new(format!("can't show the settings: {error}")))?;
    output.line(text.trim_end());
    Ok(())
}
