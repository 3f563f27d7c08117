//! `efficlose plugin`

mod build;
mod new;
mod pull;
mod sign;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::mapping::{Which, described};
use super::output::{Failed, Output};
use crate::model::Object;
use crate::plugin::{Brought, cases};
use crate::registry::{Digest, Source};
use crate::sync::Effect;
use crate::world::{Named, World, refused};

/// Write, inspect and test mappings of your own
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Begin a mapping: a file that works, or a project that passes its test
    New {
        /// File to write: `contact.js` or `.ts` for a script, `contact.toml` for a field map;
        /// with --lang, the folder of a project
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// Write a project in this language
        #[arg(long)]
        lang: Option<Language>,
        /// Object that the project maps
        #[arg(long, value_name = "OBJECT", default_value = "contact", requires = "lang")]
        object: Object,
    },
    /// Make a component of a project, with the tools on this machine
    ///
    /// Scripts in JavaScript and TypeScript need none. Rust needs a compiler for
    /// wasm32-unknown-unknown, Python needs componentize-py. The component is put into the
    /// project's folder, called after the object that it maps.
    Build {
        /// Folder of the project
        #[arg(value_name = "FOLDER", default_value = ".")]
        folder: PathBuf,
    },
    /// Fetch a mapping, and note its digest in mappings.lock
    ///
    /// Without a source, fetches all that the lock file of this folder names, and refuses
    /// what has changed since.
    Pull {
        /// A file, an https address, or oci://registry/name:tag
        #[arg(value_name = "SOURCE")]
        from: Option<Source>,
        /// File to write; by default what the source calls it
        #[arg(long, value_name = "FILE", requires = "from")]
        to: Option<PathBuf>,
        /// Refuse anything else than this: sha256: and 64 hexadecimal digits
        #[arg(long, value_name = "DIGEST", requires = "from")]
        digest: Option<Digest>,
        /// Fetch what the lock file names over files that were changed since
        #[arg(long, conflicts_with = "from")]
        force: bool,
    },
    /// Make a key that signs mappings
    Keygen {
        /// File to write the key to
        #[arg(value_name = "KEY")]
        key: PathBuf,
    },
    /// Sign a mapping for its object; the signature is put beside it
    Sign {
        #[command(flatten)]
        which: Which,
        /// The key that `efficlose plugin keygen` made
        #[arg(long, value_name = "KEY")]
        key: PathBuf,
    },
    /// Show what a mapping is and needs: digest, fields read, columns, fields written
    Inspect {
        #[command(flatten)]
        which: Which,
    },
    /// Check a mapping against the contract, and against the connected org
    Check {
        #[command(flatten)]
        which: Which,
    },
    /// Print what an editor should know of the org's records, as types of TypeScript
    Types {
        /// Object that the script maps
        object: Object,
    },
    /// Run the cases of a folder through a mapping, and compare what comes out
    Test {
        #[command(flatten)]
        which: Which,
        /// Folder of the cases, JSON files
        #[arg(long, value_name = "FOLDER", default_value = "cases")]
        cases: PathBuf,
        /// Write what comes out into the cases, as what should
        #[arg(long)]
        bless: bool,
        /// Make a case of a record that is stored, as Contact/003…; letters and digits that may
        /// tell of a person are made unreadable
        #[arg(long, value_name = "OBJECT/ID")]
        record: Vec<Named>,
    },
}

/// The languages of projects.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Language {
    /// Rust, with what efficlose's own mappings are written with
    Rust,
    /// JavaScript
    Js,
    /// TypeScript
    Ts,
    /// Python
    Python,
}

impl Language {
    /// Returns how the name of its files ends.
    fn ending(self) -> &'static str {
        match self {
            Self::Rust => "rs",
            Self::Js => "js",
            Self::Ts => "ts",
            Self::Python => "py",
        }
    }
}

pub(super) async fn run(args: Args, world: &World, output: &Output) -> Result<(), Failed> {
    match args.command {
        Command::New { path, lang: None, .. } => new::file(&path, output),
        Command::New { path, lang: Some(language), object } => {
            new::project(&path, language, object, output)
        }
        Command::Build { folder } => {
            tokio::task::block_in_place(|| build::build(&folder, world, output))
        }
        Command::Pull { from: Some(from), to, digest, .. } => {
            pull::one(&from, to.as_deref(), digest.as_ref(), world, output).await
        }
        Command::Pull { from: None, force, .. } => pull::locked(force, world, output).await,
        Command::Keygen { key } => sign::keygen(&key, output),
        Command::Sign { which, key } => sign::sign(&which, &key, output),
        Command::Inspect { which } => inspect(&which, world, output),
        Command::Check { which } => check(&which, world, output).await,
        Command::Types { object } => types(object, world, output).await,
        Command::Test { which, cases, bless, record } => {
            for named in &record {
                save(&which, &cases, named, world, output).await?;
            }
            tokio::task::block_in_place(|| test(&which, &cases, bless, world, output))
        }
    }
}

fn inspect(which: &Which, world: &World, output: &Output) -> Result<(), Failed> {
    let object = which.object()?;
    let library = world.library()?;
    let mapping =
        tokio::task::block_in_place(|| library.mapping_in(&which.file, object, Vec::new()))?;
    let spec = mapping.spec();
    output.json(&described(&mapping, &which.file.display().to_string()));
    let reads = spec.reads.iter().map(|need| {
        vec![
            "reads".to_owned(),
            need.path.to_string(),
            if need.optional { "optional" } else { "" }.to_owned(),
        ]
    });
    let columns = spec.columns.iter().map(|column| {
        vec!["makes".to_owned(), column.name.clone(), format!("{:?}", column.of).to_lowercase()]
    });
    let writes = spec.writes.iter().map(|write| {
        vec!["writes".to_owned(), write.field.to_string(), write.policy.as_str().to_owned()]
    });
    output.line(format!("{} maps {object} to a {}", which.file.display(), spec.kind));
    output.line(format!("digest {}", mapping.digest()));
    let rows = reads.chain(columns).chain(writes).collect();
    output.table(&["", "name", ""], &[], rows, "It needs nothing.");
    Ok(())
}

async fn check(which: &Which, world: &World, output: &Output) -> Result<(), Failed> {
    let object = which.object()?;
    let connection = world.connection()?;
    let settings = world.settings(&connection.org);
    let choices = settings.objects.get(&object).cloned().unwrap_or_default();
    let library = world.library()?;
    let mapping =
        tokio::task::block_in_place(|| library.mapping_in(&which.file, object, choices.mapping()))?;
    let misfits = world.misfits_of(&connection, &mapping).await?;
    output.json(&json!({
        "object": object,
        "digest": mapping.digest(),
        "misfits": misfits.iter().map(|misfit| json!({
            "field": misfit.field,
            "at": mapping.place_of(&misfit.field),
            "message": misfit.message,
            "did_you_mean": misfit.nearest,
            "stops": misfit.effect == Effect::Stops,
        })).collect::<Vec<_>>(),
    }));
    let rows = misfits.iter().map(|misfit| {
        let nearest = misfit.nearest.as_ref().map(|name| format!("did you mean {name}?"));
        vec![
            mapping.place_of(&misfit.field).unwrap_or_default(),
            misfit.field.clone(),
            misfit.message.clone(),
            effect(misfit.effect).to_owned(),
            nearest.unwrap_or_default(),
        ]
    });
    let none = format!("It fits the contract and {}.", connection.username);
    output.table(&["at", "field", "what", "", ""], &[], rows.collect(), &none);
    refused(&misfits, false).map_or(Ok(()), Err)
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Stops => "stops the object",
        Effect::LeftOut => "is left out",
        Effect::Fails => "such records wait for a mend",
        Effect::Refused => "is not written",
        Effect::Unlisted => "is written all the same",
    }
}

async fn types(object: Object, world: &World, output: &Output) -> Result<(), Failed> {
    let description = world.describe(&world.connection()?, object).await?;
    let library = world.library()?;
    let default = tokio::task::block_in_place(|| library.default(object, Vec::new()))?;
    let declarations = super::types::declarations(object, default.spec().kind, &description);
    output.json(&json!({ "object": object, "declarations": declarations }));
    output.line(declarations.trim_end());
    Ok(())
}

/// Makes a case of a stored record, which gives what it gives now.
async fn save(
    which: &Which,
    folder: &Path,
    named: &Named,
    world: &World,
    output: &Output,
) -> Result<(), Failed> {
    let object = which.object()?;
    if named.object != object {
        return Err(Failed::new(format!("{} is no record of {object}", named.id))
            .hint("Name a record of the object that is mapped."));
    }
    let brought = Brought::read(&which.file)?;
    let place = world.make_case(&world.connection()?, named, &brought, folder).await?;
    output.line(format!("Wrote {}; read over what it gives", place.display()));
    Ok(())
}

fn test(
    which: &Which,
    folder: &Path,
    bless: bool,
    world: &World,
    output: &Output,
) -> Result<(), Failed> {
    let object = which.object()?;
    let judged = cases::judge(&*world.library()?, &Brought::read(&which.file)?, object, folder);
    let judged = judged.map_err(|why| Failed::new(why).hint("Mend the case or the mapping."))?;
    let wrong: Vec<_> = judged.iter().filter(|case| !case.holds()).collect();
    if bless {
        for case in &wrong {
            case.bless().map_err(Failed::new)?;
        }
    }
    output.json(&json!({
        "cases": judged.len(),
        "differ": wrong.iter().map(|case| json!({
            "file": case.file, "gives": case.gives, "should": case.should,
        })).collect::<Vec<_>>(),
        "blessed": bless,
    }));
    for case in &wrong {
        output.line(format!(
            "{}\n  gives     {}\n  should be {}",
            case.file.display(),
            case.gives,
            case.should
        ));
    }
    let (all, differ) = (judged.len(), wrong.len());
    if differ > 0 && !bless {
        return Err(Failed::new(format!("{differ} of {all} cases differ"))
            .hint("Mend the mapping, or write what it gives into the cases with --bless."));
    }
    output.line(if bless {
        format!("Wrote what comes out into {differ} of {all} cases")
    } else {
        format!("All {all} cases give what they should")
    });
    Ok(())
}
