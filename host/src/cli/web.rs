//! `efficlose web`

use std::io::{IsTerminal, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::json;

use super::output::{Failed, Output};
use crate::model::{ApiToken, Role};
use crate::secret::Secret;
use crate::web;
use crate::world::World;

/// Print a link that opens the pages of `efficlose serve`, and decide who is let in
///
/// The link signs in once, within 15 minutes.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    /// Let whoever follows the link look, but change nothing
    #[arg(long)]
    viewer: bool,
    /// Open the link in a browser
    #[arg(long)]
    open: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Set a password to sign in with, asked for on the terminal or read from standard input
    ///
    /// Who was signed in by that role has to do so again, and its links are over.
    Password {
        /// Set that of those who may look, but change nothing
        #[arg(long)]
        viewer: bool,
        /// Take the password away
        #[arg(long)]
        remove: bool,
    },
    /// Make, list and revoke what opens the API of an org for the platform
    #[command(subcommand)]
    Token(Token),
}

#[derive(clap::Subcommand)]
enum Token {
    /// Make a token, and print it once
    Add {
        /// What it is called, such as the platform that gets it
        #[arg(value_parser = name)]
        name: String,
    },
    /// List the tokens of an org
    List,
    /// Take a token's access away
    Revoke {
        /// What it is called
        name: String,
    },
}

/// How many characters the name of a token has at most.
const NAME_MAX: usize = 100;
/// How many bytes of standard input are read for a password.
const PASSWORD_MAX: u64 = 8_192;
/// What the audit trail calls whoever is at the command line.
const WHO: &str = "command line";

fn name(text: &str) -> Result<String, String> {
    let is_good = !text.trim().is_empty() && !text.chars().any(char::is_control);
    if is_good && text.chars().count() <= NAME_MAX {
        return Ok(text.trim().to_owned());
    }
    Err(format!("a name has 1 to {NAME_MAX} characters, none of them for control"))
}

pub(super) fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    match args.command {
        None => link(args.viewer, args.open, world, output),
        Some(Command::Password { viewer, remove }) => {
            set_password(role(viewer), !remove, world, output)
        }
        Some(Command::Token(Token::Add { name })) => add_token(&name, world, output),
        Some(Command::Token(Token::List)) => list_tokens(world, output),
        Some(Command::Token(Token::Revoke { name })) => revoke_token(&name, world, output),
    }
}

fn role(viewer: bool) -> Role {
    if viewer { Role::Viewer } else { Role::Admin }
}

fn link(viewer: bool, open: bool, world: &World, output: &Output) -> Result<(), Failed> {
    let base = world.store.address()?.ok_or_else(|| {
        Failed::new("no pages are served")
            .hint("Run `efficlose serve` first, and leave it running.")
    })?;
    if !answers(&base) {
        return Err(Failed::new(format!("nobody answers at {base}"))
            .hint("Run `efficlose serve`, and leave it running."));
    }
    let link = web::login_link(world, &base, role(viewer))?;
    world.note(WHO, None, format!("made a link that signs in as {}", role(viewer)));
    output.json(&json!({ "url": link, "role": role(viewer) }));
    output.line(&link);
    if open && webbrowser::open(&link).is_err() {
        output.line("No browser could be opened.");
    }
    Ok(())
}

/// How long pages on this machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells whether somebody listens where pages were served last; of another machine, a proxy
/// say, that is not asked.
fn answers(base: &str) -> bool {
    let Some(port) = base.strip_prefix("http://localhost:").and_then(|port| port.parse().ok())
    else {
        return true;
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, PATIENCE).is_ok()
}

fn set_password(role: Role, is_set: bool, world: &World, output: &Output) -> Result<(), Failed> {
    if is_set {
        let hash = password()?.hash().map_err(Failed::new)?;
        world.store.save_password(role, Some(&hash))?;
        world.note(WHO, None, format!("set the password of the {role}"));
        output.line(format!(
            "The password of the {role} is set; who was signed in has to do so again."
        ));
    } else {
        world.store.save_password(role, None)?;
        world.note(WHO, None, format!("took the password of the {role} away"));
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
    let mut text = String::new();
    let mut stdin = std::io::stdin().take(PASSWORD_MAX);
    stdin
        .read_to_string(&mut text)
        .map_err(|cause| Failed::new(format!("can't read a password: {cause}")))?;
    Ok(Secret::from(text.lines().next().unwrap_or_default()))
}

fn add_token(name: &str, world: &World, output: &Output) -> Result<(), Failed> {
    let org = world.connection()?.org;
    if world.store.api_tokens(&org)?.iter().any(|known| known.name == name) {
        return Err(Failed::new(format!("there is a token \"{name}\" already"))
            .hint("Choose another name, or revoke that one first: whoever has it loses access."));
    }
    let secret = Secret::generate();
    let token = ApiToken { name: name.to_owned(), org, created_at: world.clock.now() };
    world.store.save_api_token(&token, &secret.fingerprint())?;
    world.note(WHO, Some(&token.org), format!("made the API token {name}"));
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
    let none = "There is no token. `efficlose web token add NAME` makes one.";
    output.table(&["token", "made"], &[], rows.collect(), none);
    Ok(())
}

fn revoke_token(name: &str, world: &World, output: &Output) -> Result<(), Failed> {
    let org = world.connection()?.org;
    if !world.store.revoke_api_token(&org, name)? {
        return Err(Failed::new(format!("there is no token \"{name}\""))
            .hint("Run `efficlose web token list` to see those there are."));
    }
    world.note(WHO, Some(&org), format!("revoked the API token {name}"));
    output.json(&json!({ "revoked": name }));
    output.line(format!("{name} opens nothing any more"));
    Ok(())
}
