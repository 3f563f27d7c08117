//! Text that must not be seen: it doesn't print, and it is sealed at rest.

mod password;

use std::fmt;

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{Key as CipherKey, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A token, password or key as text. Wiped from memory when dropped; `Debug`
/// and `Display` show a placeholder.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Returns the text itself. Every call is a place to look at in a review.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns a new secret of 256 bits from the operating system's randomness, as
    /// hexadecimal digits.
    pub fn generate() -> Self {
        Key::generate().0
    }

    /// Returns by what it is known again where it must not be kept.
    ///
    /// For secrets that nobody can guess, such as [`Secret::generate`] makes; of a password,
    /// keep [`Secret::hash`].
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(self.expose()).into())
    }

    /// Returns another secret that only who has this one can make, for a purpose.
    pub fn derived(&self, purpose: &str) -> Self {
        hex(&Sha256::digest(format!("{purpose}:{}", self.expose()))).into()
    }

    /// Tells whether another is the same, in a time that does not tell how much of it is.
    pub fn is_same(&self, other: &str) -> bool {
        let (ours, theirs) = (self.expose().as_bytes(), other.as_bytes());
        let differences = ours.iter().zip(theirs).fold(0, |all, (a, b)| all | (a ^ b));
        ours.len() == theirs.len() && differences == 0
    }
}

/// By what a secret is known again: SHA-256 of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Returns it as it is kept.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned().into())
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
        String::deserialize(text).map(Self::from)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What opens an org: kept sealed.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The base of every API call; may change whenever tokens are renewed.
    pub instance_url: String,
    /// Opens calls until the session ends.
    pub access_token: Secret,
    /// Gets new access tokens; none where the app's policy gives none.
    pub refresh_token: Option<Secret>,
    /// The secret of the app, where it has one.
    pub client_secret: Option<Secret>,
}

/// The key that seals grants: 256 bits, kept in another place than they are.
#[derive(Clone)]
pub struct Key(Secret);

impl Key {
    /// Returns a new key from the operating system's randomness.
    pub fn generate() -> Self {
        Self(hex(&CipherKey::generate()).into())
    }

    /// Reads a key as 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let text = text.trim();
        unhex(text).filter(|bytes| bytes.len() == 32).ok_or(SealError::Key)?;
        Ok(Self(text.into()))
    }

    /// Returns the key as 64 hexadecimal digits, to be stored.
    pub fn text(&self) -> &Secret {
        &self.0
    }

    /// Encrypts `plain` under `context`, which must be the same on opening: a
    /// sealed grant moved to another org's row doesn't open.
    ///
    /// XChaCha20-Poly1305 with a random nonce of 24 bytes ahead of the
    /// ciphertext.
    pub fn seal(&self, context: &str, plain: &Secret) -> Vec<u8> {
        let nonce = XNonce::generate();
        let payload = Payload { msg: plain.expose().as_bytes(), aad: context.as_bytes() };
        let sealed = self
            .cipher()
            .encrypt(&nonce, payload)
            .expect("a text in memory is below the cipher's limit of 256 GiB");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Decrypts what [`Key::seal`] returned.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Secret, SealError> {
        let (nonce, sealed) = sealed.split_at_checked(24).ok_or(SealError::Sealed)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| SealError::Sealed)?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        let plain = self.cipher().decrypt(&nonce, payload).map_err(|_| SealError::Sealed)?;
        let plain = String::from_utf8(plain).map_err(|_| SealError::Sealed)?;
        Ok(plain.into())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        let bytes = unhex(self.0.expose()).expect("checked when the key was made");
        XChaCha20Poly1305::new_from_slice(&bytes).expect("checked when the key was made")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| std::str::from_utf8(pair).ok().filter(|p| p.len() == 2))
        .map(|pair| pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

/// What can be wrong with a key or a sealed text.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key is no 64 hexadecimal digits.
    #[error("the key is not 64 hexadecimal digits")]
    Key,
    /// The sealed text was made with another key, or was changed.
    #[error("the stored grant does not open with this key")]
    Sealed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::from("00Dxx!token");
        assert_eq!(format!("{secret} {secret:?}"), "… Secret(…)");
    }

    #[test]
    fn a_sealed_text_opens_only_with_its_key_and_its_context() {
        let key = Key::generate();
        let sealed = key.seal("org-1", &"refresh".into());
        assert!(!sealed.windows(7).any(|w| w == b"refresh"));
        assert_eq!(key.open("org-1", &sealed).unwrap().expose(), "refresh");
        assert!(key.open("org-2", &sealed).is_err());
        assert!(Key::generate().open("org-1", &sealed).is_err());
        assert!(key.open("org-1", &sealed[..20]).is_err());
    }

    #[test]
    fn a_key_survives_its_text() {
        let key = Key::generate();
        let again = Key::parse(key.text().expose()).unwrap();
        let sealed = key.seal("c", &"text".into());
        assert_eq!(again.open("c", &sealed).unwrap().expose(), "text");
        assert!(Key::parse("zz").is_err());
        assert!(Key::parse("é").is_err());
    }
}
