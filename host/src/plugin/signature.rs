//! Signatures of mappings, by ed25519: who may say that a mapping is to be used.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::model::Object;

/// What the name of a signature's file adds to that of its mapping.
pub(super) const ENDING: &str = "sig";
/// What stands before a mapping as it is signed, so that the key's signature of something
/// else is none of a mapping.
const CONTEXT: &[u8] = b"efficlose mapping\0";
/// What a signer's name begins with in the settings.
const KIND: &str = "ed25519:";

/// One whose signature counts: a public key, as `ed25519:` and its 32 bytes in Base64.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signer([u8; 32]);

impl Signer {
    /// Tells whether a signature, in Base64, is this signer's of these bytes as a mapping
    /// of this object.
    pub fn has_signed(&self, object: Object, bytes: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature.trim()) else { return false };
        UnparsedPublicKey::new(&ED25519, self.0).verify(&told(object, bytes), &signature).is_ok()
    }
}

impl FromStr for Signer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let key = text.strip_prefix(KIND).and_then(|key| STANDARD.decode(key).ok());
        let key = key.and_then(|key| <[u8; 32]>::try_from(key).ok());
        key.map(Self).ok_or_else(|| {
            format!("\"{text}\" is no signer: `efficlose plugin keygen` prints one as {KIND}…")
        })
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KIND}{}", STANDARD.encode(self.0))
    }
}

impl TryFrom<String> for Signer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Signer> for String {
    fn from(signer: Signer) -> Self {
        signer.to_string()
    }
}

/// A key that signs. It is shown nowhere but in its file.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes a key; also returns what is kept of it in a file, in Base64.
    pub fn generate() -> Result<(Self, String), String> {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let made = made.map_err(|_| "the system gives no randomness".to_owned())?;
        let text = STANDARD.encode(made.as_ref()) + "\n";
        Ok((Self::read(&text)?, text))
    }

    /// Reads a key as its file holds it.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = || "it holds no key for signatures".to_owned();
        let key = STANDARD.decode(text.trim()).map_err(|_| wrong())?;
        Ed25519KeyPair::from_pkcs8(&key).map(Self).map_err(|_| wrong())
    }

    /// Returns whose signatures these are.
    pub fn signer(&self) -> Signer {
        let key = self.0.public_key().as_ref();
        Signer(key.try_into().expect("an ed25519 key has 32 bytes"))
    }

    /// Signs a mapping of an object; returns the signature in Base64.
    pub fn sign(&self, object: Object, bytes: &[u8]) -> String {
        STANDARD.encode(self.0.sign(&told(object, bytes)).as_ref())
    }
}

/// Returns what is signed: a script of one object is not signed for another.
fn told(object: Object, bytes: &[u8]) -> Vec<u8> {
    [CONTEXT, object.as_str().as_bytes(), b"\0", bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_signer_and_its_bytes_alone() {
        let (key, text) = SigningKey::generate().unwrap();
        let again = SigningKey::read(&text).unwrap();
        let signature = again.sign(Object::Contact, b"mapping");
        let signer: Signer = key.signer().to_string().parse().unwrap();
        assert!(signer.has_signed(Object::Contact, b"mapping", &format!("{signature}\n")));
        assert!(!signer.has_signed(Object::Contact, b"mapping.", &signature));
        assert!(!signer.has_signed(Object::Contact, b"mapping", "bm90IG9uZQ=="));
        assert!(!signer.has_signed(Object::Lead, b"mapping", &signature));
        let (other, _) = SigningKey::generate().unwrap();
        assert!(!other.signer().has_signed(Object::Contact, b"mapping", &signature));
        assert!("ed25519:AAAA".parse::<Signer>().is_err());
    }
}
