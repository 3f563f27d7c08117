//! `efficlose web`

use std::io::IsTerminal;

use serde_json::json;

use super::output::{Failed, Output};
use crate::model::{ApiToken, Role};
use crate::secret::Secret;
use crate::web;
use crate::world::World;

/// Print a link that opens the pages of `efficlose serve` at a browser, and decide who is let in
///
/// The link signs in once, within 15 minutes.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Let whoever follows the link look, but change nothing
    #[arg(long)]
    viewer: bool,
    /// Open the link in a browser
    #[arg(long)]
    open: bool,
    /// Set a password for signing in, asked for on the terminal or read from standard input;
    /// with --viewer, that of those who only look
    #[arg(long, conflicts_with_all = ["open", "token"])]
    set_password: bool,
    /// Take the password away
    #[arg(long, conflicts_with_all = ["open", "token", "set_password"])]
    no_password: bool,
    /// Make a token that opens the API of an org for the platform, and print it once
    #[arg(long, value_name = "NAME", conflicts_with_all = ["open", "viewer"])]
    token: Option<String>,
    /// List the tokens of an org
    #[arg(long, conflicts_with_all = ["open", "viewer", "token"])]
    tokens: bool,
    /// Take a token's access away
    #[arg(long, value_name = "NAME", conflicts_with_all = ["open", "viewer", "token", "tokens"])]
    revoke_token: Option<String>,
}

pub(super) fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    let role = if args.viewer { Role::Viewer } else { Role::Admin };
    if args.set_password || args.no_password {
        return set_password(role, args.set_password, world, output);
    }
    if let Some(name) = &args.token {
        return make_token(name, world, output);
    }
    if args.tokens {
        return list_tokens(world, output);
    }
    if let Some(name) = &args.revoke_token {
        return revoke_token(name, world, output);
    }
    let base = world.store.address()?.ok_or_else(|| {
        Failed::new("no pages are served")
            .hint("Run `efficlose serve` first, and leave it running.")
    })?;
    let link = web::login_link(world, &base, role)?;
    output.json(&json!({ "url": link, "role": role }));
    output.line(&link);
    if args.open && webbrowser::open(&link).is_err() {
        output.line("No browser could be opened.");
    }
    Ok(())
}

fn set_password(role: Role, is_set: bool, world: &World, output: &Output) -> Result<(), Failed> {
    if is_set {
        let hash = password()?.hash().map_err(Failed::new)?;
        world.store.save_password(role, Some(&hash))?;
        output.line(format!(
            "The password of the {role} is set; who was signed in has to do so again."
        ));
    } else {
        world.store.save_password(role, None)?;
        output.line(format!("The {role} has no password any more."));
    }
    output.json(&json!({ "role": role, "has_password": is_set }));
    Ok(())
}

/// Asks for a password twice, or reads it where no person is at a terminal.
fn password() -> Result<Secret, Failed> {
    if std::io::stdin().is_terminal() {
        let asked = inquire::Password::new("Password:").prompt();
        return asked
            .map(Secret::from)
            .map_err(|why| Failed::new(format!("no password was set: {why}")));
    }
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|cause| Failed::new(format!("can't read a password: {cause}")))?;
    Ok(Secret::from(line.trim_end_matches(['\r', '\n'])))
}

fn make_token(name: &str, world: &World, output: &Output) -> Result<(), Failed> {
    let org = world.connection()?.org;
    let secret = Secret::generate();
    let token = ApiToken { name: name.to_owned(), org, created_at: world.clock.now() };
    world.store.save_api_token(&token, &secret.fingerprint())?;
    output.json(&json!({ "name": name, "org": token.org, "token": secret.expose() }));
    output.line(secret.expose());
    output.line("Keep it where the platform keeps secrets: it is not shown again.");
    Ok(())
}

fn list_tokens(world: &World, output: &Output) -> Result<(), Failed> {
    let tokens = world.store.api_tokens(&world.connection()?.org)?;
    let all =
        tokens.iter().map(|token| json!({ "name": token.name, "created_at": token.created_at }));
    output.json(&all.collect::<Vec<_>>());
    let rows = tokens.iter().map(|token| vec![token.name.clone(), token.created_at.to_string()]);
    let none = "There is no token. `efficlose web --token NAME` makes one.";
    output.table(&["token", "made"], &[], rows.collect(), none);
    Ok(())
}

fn revoke_token(name: &str, world: &World, output: &Output) -> Result<(), Failed> {
    if !world.store.revoke_api_token(&world.connection()?.org, name)? {
        return Err(Failed::new(format!("there is no token \"{name}\""))
            .hint("Run `efficlose web --tokens` to see those there are."));
    }
    output.json(&json!({ "revoked": name }));
    output.line(format!("{name} opens nothing any more"));
    Ok(())
}
