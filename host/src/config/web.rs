//! Where pages are served, and who is let in; `[web]` in the settings.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

/// The port of the pages where none is chosen: that of `connect`'s callback, so that one
/// callback at the app does for both.
const PORT: u16 = 1717;

/// Where pages are served, and who is let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSettings {
    /// Where it listens; an address that others reach needs a password or a proxy.
    #[serde(default = "loopback", skip_serializing_if = "is_loopback")]
    pub listen: SocketAddr,
    /// Under which address people reach it, where that is another: that of a proxy which
    /// speaks TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<PublicUrl>,
    /// The consumer key of the app at Salesforce, so that nobody has to know it to connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The file of the app's consumer secret, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// A proxy that tells who someone is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxySettings>,
}

/// A proxy that signs people in and tells who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxySettings {
    /// The header that names the person, such as `X-Forwarded-Email`. The proxy has to take
    /// away what others send by that name.
    #[serde(deserialize_with = "header_name")]
    pub user_header: String,
    /// Who may change things, as the header names them; all others may look.
    pub admins: Vec<String>,
    /// The addresses of the proxy: the header is believed from nobody else.
    pub from: Vec<IpAddr>,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            listen: loopback(),
            public_url: None,
            client_id: None,
            client_secret_file: None,
            proxy: None,
        }
    }
}

impl WebSettings {
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, PORT).into()
}

fn is_loopback(address: &SocketAddr) -> bool {
    *address == loopback()
}

fn header_name<'de, D: Deserializer<'de>>(settings: D) -> Result<String, D::Error> {
    let name = String::deserialize(settings)?;
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !name.is_empty() && name.bytes().all(is_good) {
        return Ok(name.to_ascii_lowercase());
    }
    Err(D::Error::custom(format!("\"{name}\" is no name of a header")))
}

/// Under which address people reach the pages: encrypted, unless it is this machine's own, and
/// the host alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Returns it without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for PublicUrl {
    fn deserialize<D: Deserializer<'de>>(settings: D) -> Result<Self, D::Error> {
        let url = Url::deserialize(settings)?;
        let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1"));
        let why = match () {
            () if url.scheme() != "https" && !(is_local && url.scheme() == "http") => {
                "it must begin with https://: passwords go over it"
            }
            () if url.path() != "/" || url.query().is_some() || url.fragment().is_some() => {
                "give the host alone, without a path"
            }
            () if !url.username().is_empty() || url.password().is_some() => {
                "it holds a user's name"
            }
            () => return Ok(Self(url.as_str().trim_end_matches('/').to_owned())),
        };
        Err(D::Error::custom(format!("{url}: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_reach_is_encrypted_and_a_host_alone() {
        let read =
            |url: &str| toml_edit::de::from_str::<WebSettings>(&format!("public_url = \"{url}\""));
        assert_eq!(
            read("https://a.example/").unwrap().public_url.unwrap().as_str(),
            "https://a.example"
        );
        assert!(read("http://localhost:8080").is_ok());
        for url in [
            "http://a.example",
            "https://a.example/crm",
            "https://u:p@a.example",
            "ftp://a.example",
        ] {
            assert!(read(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_proxy_is_named_whole() {
        let read = |text: &str| toml_edit::de::from_str::<WebSettings>(&format!("[proxy]\n{text}"));
        let good = "user_header = \"X-Email\"\nadmins = []\nfrom = [\"10.0.0.2\"]";
        assert_eq!(read(good).unwrap().proxy.unwrap().user_header, "x-email");
        assert!(read("user_header = \"X-Email\"\nadmins = []").is_err(), "from whom?");
        assert!(read(&good.replace("X-Email", "X Email")).is_err());
    }
}
