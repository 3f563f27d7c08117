//! Random tokens, PKCE, signatures, and which addresses may be called back.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::RngExt;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};

use super::{OauthError, error};

/// How long a verifier can be. RFC 7636 ends at 128, but Salesforce's own command
/// line sends 171.
const VERIFIER_LENGTHS: RangeInclusive<usize> = 43..=512;

pub(super) fn letters(rng: &mut StdRng, count: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let letter = |_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]);
    (0..count).map(letter).collect()
}

pub(super) fn is_loopback(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://") else {
        return false;
    };
    let host_and_port = rest.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = host_and_port.split_once(':').unwrap_or((host_and_port, "80"));
    matches!(host, "127.0.0.1" | "localhost") && port.parse::<u16>().is_ok()
}

pub(super) fn check_verifier(challenge: &str, verifier: &str) -> Result<(), OauthError> {
    let long_enough = VERIFIER_LENGTHS.contains(&verifier.len());
    let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    match long_enough && digest == challenge {
        true => Ok(()),
        false => Err(error("invalid_grant", "invalid code verifier")),
    }
}

/// RFC 2104, with a key no longer than a block.
pub(super) fn hmac(key: &[u8], parts: &[&str]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut padded = [0; BLOCK];
    padded[..key.len().min(BLOCK)].copy_from_slice(&key[..key.len().min(BLOCK)]);
    let mut inner = Sha256::new();
    inner.update(padded.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update(part.as_bytes());
    }
    let mut outer = Sha256::new();
    outer.update(padded.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_may_be_longer_than_the_standard_has_it() {
        for (length, is_taken) in [(42, false), (43, true), (128, true), (171, true)] {
            let verifier = "v".repeat(length);
            let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
            assert_eq!(check_verifier(&challenge, &verifier).is_ok(), is_taken, "{length}");
            assert!(check_verifier("other", &verifier).is_err());
        }
    }
}
