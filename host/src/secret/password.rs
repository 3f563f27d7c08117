//! Passwords: what is kept of them tells nothing of them.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};

use super::Secret;

/// How many characters a password has at least.
const LENGTH_MIN: usize = 12;
/// How many it has at most: what is longer only takes time.
const LENGTH_MAX: usize = 1_000;

impl Secret {
    /// Returns the hash of a password as a PHC string: Argon2id with a random salt.
    ///
    /// # Errors
    ///
    /// Says what is wrong with a password that is too short or too long.
    pub fn hash(&self) -> Result<String, String> {
        let length = self.expose().chars().count();
        if length < LENGTH_MIN {
            return Err(format!("a password has at least {LENGTH_MIN} characters"));
        }
        if length > LENGTH_MAX {
            return Err(format!("a password has at most {LENGTH_MAX} characters"));
        }
        let hash = Argon2::default().hash_password(self.expose().as_bytes());
        hash.map(|hash| hash.to_string()).map_err(|why| why.to_string())
    }

    /// Tells whether it is the password of a hash. Takes as long for a wrong one.
    pub fn is_of(&self, hash: &str) -> bool {
        if self.expose().len() > 4 * LENGTH_MAX {
            return false;
        }
        let verify = |hash: &PasswordHash| {
            Argon2::default().verify_password(self.expose().as_bytes(), hash).is_ok()
        };
        PasswordHash::new(hash).is_ok_and(|hash| verify(&hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_opens_its_own_hash_alone() {
        let hash = Secret::from("correct horse battery").hash().unwrap();
        assert!(hash.starts_with("$argon2id$") && !hash.contains("horse"));
        assert!(Secret::from("correct horse battery").is_of(&hash));
        assert!(!Secret::from("correct horse batterz").is_of(&hash));
        assert!(!Secret::from("correct horse battery").is_of("no hash"));
        assert!(Secret::from("short").hash().is_err());
    }
}
