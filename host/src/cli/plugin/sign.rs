//! `efficlose plugin keygen` and `sign`: who may say that a mapping is to be used.

use std::path::Path;

use serde_json::json;

use super::super::mapping::{Which, io};
use super::super::output::{Failed, Output};
use crate::plugin::{Brought, SigningKey, signature_of};

/// Makes a key that signs mappings, in a file that its owner alone may read.
pub(super) fn keygen(file: &Path, output: &Output) -> Result<(), Failed> {
    let (key, text) = SigningKey::generate().map_err(Failed::new)?;
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let new = options.write(true).create_new(true).open(file);
    new.and_then(|mut new| std::io::Write::write_all(&mut new, text.as_bytes()))
        .map_err(|cause| io(file, &cause))?;
    let signer = key.signer();
    output.json(&json!({ "key": file, "signer": signer }));
    output.line(format!("Wrote {}; keep it where nobody else reads it.", file.display()));
    output.line("To use signed mappings only, write into config.toml:");
    output.line(format!("    [mapping]\n    signers = [\"{signer}\"]"));
    Ok(())
}

/// Signs a mapping; the signature is put beside it.
pub(super) fn sign(which: &Which, key: &Path, output: &Output) -> Result<(), Failed> {
    let text = std::fs::read_to_string(key).map_err(|cause| io(key, &cause))?;
    let signing = SigningKey::read(&text).map_err(|why| {
        Failed::new(format!("{}: {why}", key.display()))
            .hint("Make one with `efficlose plugin keygen`.")
    })?;
    let (mapping, object) = (&which.file, which.object()?);
    let brought = Brought::read(mapping)?;
    let place = signature_of(mapping);
    let signature = signing.sign(object, &brought.bytes) + "\n";
    std::fs::write(&place, signature).map_err(|cause| io(&place, &cause))?;
    output.json(&json!({ "file": mapping, "signature": place, "signer": signing.signer() }));
    output.line(format!("Wrote {}, for {object} by {}", place.display(), signing.signer()));
    Ok(())
}
