//! Addresses: where people log in, and where an org answers.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use super::{Error, Result, clean};

/// The domains that are Salesforce's own: in general, for public authorities, in China.
const DOMAINS: [&str; 3] = ["salesforce.com", "salesforce.mil", "sfcrmproducts.cn"];

/// Where people log in to an org, such as `https://login.salesforce.com`.
///
/// Always `https`, except for a loopback address, where a sandbox org stands in
/// for Salesforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginUrl(Url);

impl LoginUrl {
    /// Returns the address of one of Salesforce's login services.
    pub(super) fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }

    /// Tells whether it is one of Salesforce's own hosts, where nobody else answers.
    pub fn is_salesforce(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        self.0.scheme() == "https"
            && self.0.port().is_none()
            && DOMAINS
                .iter()
                .any(|domain| host.strip_suffix(domain).is_some_and(|h| h.ends_with('.')))
    }

    /// Tells whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Reads the base of an org's calls, as a token's answer gives it. Plain
    /// `http` is taken only where the login itself was on this machine.
    pub(super) fn instance(&self, text: &str) -> Result<Url> {
        let base = base(text)?;
        if base.scheme() == "http" && !is_loopback(&self.0) {
            return Err(refused(text, "it is not encrypted"));
        }
        Ok(base)
    }
}

impl FromStr for LoginUrl {
    type Err = Error;

    /// Reads the words `login` and `test`, a My Domain such as
    /// `acme.my.salesforce.com`, or the whole address.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        match text {
            "login" => return base("https://login.salesforce.com").map(Self),
            "test" => return base("https://test.salesforce.com").map(Self),
            _ => {}
        }
        let whole = match text.contains("://") {
            true => text.to_owned(),
            false if text.contains('.') => format!("https://{text}"),
            false => {
                return Err(refused(
                    text,
                    "it is neither `login`, `test`, nor a host such as acme.my.salesforce.com",
                ));
            }
        };
        let url = base(&whole)?;
        if url.host_str().is_some_and(|host| host.ends_with(".lightning.force.com")) {
            return Err(refused(
                text,
                "people log in at the My Domain, such as acme.my.salesforce.com, not at the Lightning page",
            ));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for LoginUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Reads an address that has nothing but a scheme, a host and perhaps a port.
pub(super) fn base(text: &str) -> Result<Url> {
    let Ok(url) = Url::parse(text) else {
        return Err(refused(text, "it is not an address"));
    };
    let why = match () {
        () if !matches!(url.scheme(), "https" | "http") => "it must begin with https://",
        () if url.scheme() == "http" && !is_loopback(&url) => "it must begin with https://",
        () if url.host_str().is_none_or(str::is_empty) => "it has no host",
        () if !url.username().is_empty() || url.password().is_some() => "it holds a user's name",
        () if url.path() != "/" => "it has a path; give the host alone",
        () if url.query().is_some() || url.fragment().is_some() => {
            "it has a query; give the host alone"
        }
        () => return Ok(url),
    };
    Err(refused(text, why))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn refused(text: &str, why: &'static str) -> Error {
    // An address can hold a password; only what stands before it is repeated.
    let text = match text.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => text.split(['?', '#']).next().unwrap_or_default().to_owned(),
    };
    Error::Address { text: clean::shown(&text), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salesforces_own_hosts_are_told_from_all_others() {
        let is_own = |text: &str| text.parse::<LoginUrl>().unwrap().is_salesforce();
        for own in
            ["login", "test", "acme.my.salesforce.com", "acme--dev.sandbox.my.salesforce.com"]
        {
            assert!(is_own(own), "{own}");
        }
        for other in [
            "evilsalesforce.com",
            "salesforce.com.evil.example",
            "acme.my.salesforce.com:8443",
            "http://localhost:8080",
            "10.0.0.1",
            "salesforce.com",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn words_hosts_and_whole_addresses_are_read() {
        for (text, want) in [
            ("login", "https://login.salesforce.com"),
            (" test ", "https://test.salesforce.com"),
            ("acme.my.salesforce.com", "https://acme.my.salesforce.com"),
            (
                "https://acme--dev.sandbox.my.salesforce.com/",
                "https://acme--dev.sandbox.my.salesforce.com",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost:8080/", "http://localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(text.parse::<LoginUrl>().unwrap().to_string(), want);
        }
    }

    #[test]
    fn what_is_no_place_to_log_in_is_refused_with_its_reason() {
        for (text, why) in [
            ("", "neither"),
            ("acme", "neither"),
            ("http://login.salesforce.com", "https://"),
            ("http://localhost.evil.example", "https://"),
            ("ftp://acme.my.salesforce.com", "https://"),
            ("https://", "not an address"),
            ("https://acme.my.salesforce.com/setup", "path"),
            ("https://acme.my.salesforce.com?a=1", "query"),
            ("https://me:secret@acme.my.salesforce.com", "user"),
            ("acme.lightning.force.com", "My Domain"),
        ] {
            let error = text.parse::<LoginUrl>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_login_on_the_net_never_leads_to_an_unencrypted_org() {
        let login: LoginUrl = "login".parse().unwrap();
        assert!(login.instance("https://acme.my.salesforce.com").is_ok());
        assert!(login.instance("http://127.0.0.1:80").is_err());
        let local: LoginUrl = "http://127.0.0.1:80".parse().unwrap();
        assert!(local.instance("http://localhost:81").is_ok());
        assert!(local.instance("http://acme.my.salesforce.com").is_err());
    }
}
