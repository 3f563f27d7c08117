//! Where pages are served, and who is let in; `[web]` in the settings.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
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
    pub public_url: Option<Url>,
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
    /// The header that names the person, such as `X-Forwarded-Email`.
    pub user_header: String,
    /// Who may change things, as the header names them; all others may look.
    pub admins: Vec<String>,
    /// The addresses of the proxy: the header is believed from nobody else.
    #[serde(default = "this_machine")]
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

fn this_machine() -> Vec<IpAddr> {
    vec![Ipv4Addr::LOCALHOST.into(), std::net::Ipv6Addr::LOCALHOST.into()]
}
