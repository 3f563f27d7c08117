//! Domains of addresses, as people write them in the settings.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Reads a domain such as `northwind.example`; an `@` before it is left out.
///
/// What is no domain would be that of nobody, and our own people would be guests.
pub fn domain(text: &str) -> Result<String, String> {
    let domain = text.trim().trim_start_matches('@').to_lowercase();
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
    };
    match domain.contains('.') && domain.split('.').all(is_label) {
        true => Ok(domain),
        false => Err(format!("\"{text}\" is no domain: write it like northwind.example")),
    }
}

/// Reads the domains that a text lists, parted by commas or spaces.
pub fn domains(text: &str) -> Result<Vec<String>, String> {
    text.split([',', ' ']).filter(|one| !one.trim().is_empty()).map(domain).collect()
}

/// Reads domains of the settings.
pub(super) fn told<'de, D: Deserializer<'de>>(settings: D) -> Result<Vec<String>, D::Error> {
    let told = Vec::<String>::deserialize(settings)?;
    told.iter().map(|one| domain(one)).collect::<Result<_, _>>().map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_domain_is_refused() {
        assert_eq!(domain(" @Northwind.Example "), Ok("northwind.example".to_owned()));
        assert_eq!(domain("bücher.example"), Ok("bücher.example".to_owned()));
        assert_eq!(
            domains("a.example, B.example"),
            Ok(vec!["a.example".into(), "b.example".into()])
        );
        assert_eq!(domains(""), Ok(Vec::new()));
        for odd in ["https://northwind.example/", "northwind", "ada@northwind.example", "a..b", ""]
        {
            assert!(domain(odd).is_err(), "{odd}");
        }
    }
}
