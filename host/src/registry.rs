//! The door to where mappings are handed out: files, web addresses and OCI registries.
//!
//! What is fetched is bounded in size and time, and compared with the digest that it
//! should have, where one is known. Nothing of it runs here.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};
use std::time::Duration;

use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

/// How large what is fetched may be, in bytes.
const SIZE_MAX: u64 = 64 << 20;
/// How long it may take to fetch it.
const TIME_MAX: Duration = Duration::from_secs(300);
/// How often a web address may send on to another.
const REDIRECTS_MAX: usize = 5;
/// What an address of a registry begins with.
const OCI: &str = "oci://";

/// From where a mapping comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file of this machine.
    File(PathBuf),
    /// A web address: `https`, or `http` on this machine alone.
    Web(Url),
    /// An image of an OCI registry, `oci://registry.example/acme/contact:1.2` or with
    /// `@sha256:…`, whose one layer is the mapping.
    Oci(oci_client::Reference),
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(image) = text.strip_prefix(OCI) {
            let image = image.parse().map_err(|error| format!("{text} names no image: {error}"))?;
            return Ok(Self::Oci(image));
        }
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        let url: Url = text.parse().map_err(|error| format!("{text} is no address: {error}"))?;
        match (url.scheme(), is_here(url.host())) {
            ("https", _) | ("http", true) => Ok(Self::Web(url)),
            _ => Err(format!("{text} is neither https:// nor oci:// nor a file")),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Web(url) => write!(f, "{url}"),
            Self::Oci(image) => write!(f, "{OCI}{image}"),
        }
    }
}

/// Tells whether a host is this machine.
fn is_here(host: Option<Host<&str>>) -> bool {
    match host {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What a file's content hashes to: `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Returns the digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digits: String =
            Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("sha256:{digits}"))
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let is_digit = |letter: char| letter.is_ascii_hexdigit();
        if digits.len() != 64 || !digits.chars().all(is_digit) {
            return Err(format!("{text} is no digest: write sha256: and 64 hexadecimal digits"));
        }
        Ok(Self(format!("sha256:{}", digits.to_lowercase())))
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fetches what is at a source. Web addresses are reached by way of `proxy`, where there
/// is one.
pub async fn fetch(source: &Source, proxy: Option<&Url>) -> Result<Vec<u8>, Error> {
    let failed = |why: String| Error::Fetch { from: source.to_string(), why };
    let fetching = async {
        match source {
            Source::File(file) => read(file).map_err(|error| failed(error.to_string())),
            Source::Web(url) => web(url, proxy).await.map_err(failed),
            Source::Oci(image) => oci(image, proxy).await.map_err(failed),
        }
    };
    let limit = tokio::time::timeout(TIME_MAX, fetching).await;
    limit.map_err(|_| failed(format!("it took longer than {} seconds", TIME_MAX.as_secs())))?
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(SIZE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SIZE_MAX { Err(too_large()) } else { Ok(bytes) }
}

async fn web(url: &Url, proxy: Option<&Url>) -> Result<Vec<u8>, String> {
    let said = |error: reqwest::Error| error.without_url().to_string();
    // Fails only where another room has installed one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let proxy = proxy.map(|url| reqwest::Proxy::https(url.clone())).transpose().map_err(said)?;
    // What is sent on from this machine without encryption could go anywhere.
    let is_sealed = url.scheme() == "https";
    let redirects = if is_sealed { REDIRECTS_MAX } else { 0 };
    let builder = reqwest::Client::builder()
        .no_proxy()
        .https_only(is_sealed)
        .redirect(reqwest::redirect::Policy::limited(redirects));
    let client = match proxy {
        Some(proxy) => builder.proxy(proxy),
        None => builder,
    };
    let client = client.build().map_err(said)?;
    let answer = client.get(url.clone()).send().await.map_err(said)?;
    let mut answer = answer.error_for_status().map_err(said)?;
    let mut bytes = Vec::new();
    // Ends with the answer, or where it is too long.
    while let Some(part) = answer.chunk().await.map_err(said)? {
        if (bytes.len() + part.len()) as u64 > SIZE_MAX {
            return Err(too_large().to_string());
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

async fn oci(image: &oci_client::Reference, proxy: Option<&Url>) -> Result<Vec<u8>, String> {
    let said = |error: oci_client::errors::OciDistributionError| error.to_string();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let registry = image.resolve_registry();
    let host = format!("http://{registry}/").parse::<Url>();
    // Without encryption on this machine alone.
    let here = host.ok().filter(|url| is_here(url.host())).map(|_| registry.to_owned());
    let protocol = ClientProtocol::HttpsExcept(here.into_iter().collect());
    let config = ClientConfig {
        protocol,
        https_proxy: proxy.map(Url::to_string),
        ..ClientConfig::default()
    };
    let client = Client::try_from(config).map_err(said)?;
    let (manifest, _) =
        client.pull_image_manifest(image, &RegistryAuth::Anonymous).await.map_err(said)?;
    let [layer] = manifest.layers.as_slice() else {
        return Err(format!("the image has {} layers, not one", manifest.layers.len()));
    };
    let mut bytes = Bounded(Vec::new());
    client.pull_blob(image, layer, &mut bytes).await.map_err(said)?;
    Ok(bytes.0)
}

/// Takes so many bytes and no more, whatever a registry says that it sends.
struct Bounded(Vec<u8>);

impl tokio::io::AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        part: &[u8],
    ) -> Poll<io::Result<usize>> {
        if (self.0.len() + part.len()) as u64 > SIZE_MAX {
            return Poll::Ready(Err(too_large()));
        }
        self.0.extend_from_slice(part);
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn too_large() -> io::Error {
    io::Error::other(format!("it is larger than {} MiB", SIZE_MAX >> 20))
}

/// Checks bytes against the digest that they should have.
pub fn check(source: &Source, bytes: &[u8], wanted: &Digest) -> Result<(), Error> {
    let found = Digest::of(bytes);
    if found == *wanted {
        return Ok(());
    }
    Err(Error::Other { from: source.to_string(), found, wanted: wanted.clone() })
}

/// Why a mapping was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be had.
    #[error("can't fetch {from}: {why}")]
    Fetch {
        /// From where.
        from: String,
        /// Why.
        why: String,
    },
    /// It is something else than was said.
    #[error("{from} is {found}, not {wanted}")]
    Other {
        /// From where.
        from: String,
        /// What was fetched.
        found: Digest,
        /// What should have been.
        wanted: Digest,
    },
}

impl Error {
    /// Returns a sentence with the mend.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Fetch { .. } => "Check the address, and whether this machine reaches it.",
            Self::Other { .. } => {
                "It was changed since; where that is right, fetch it with its new digest."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_as_what_it_is_and_plain_http_is_for_this_machine_alone() {
        let source = |text: &str| text.parse::<Source>();
        assert_eq!(source("a/b.wasm"), Ok(Source::File("a/b.wasm".into())));
        assert!(matches!(source("https://acme.example/c.wasm"), Ok(Source::Web(_))));
        assert!(matches!(source("http://127.0.0.1:8080/c.wasm"), Ok(Source::Web(_))));
        for refused in ["http://acme.example/c.wasm", "ftp://acme.example/c", "oci://UPPER/ x"] {
            assert!(source(refused).is_err(), "{refused}");
        }
        let image = source("oci://registry.example/acme/contact:1.2").unwrap();
        assert_eq!(image.to_string(), "oci://registry.example/acme/contact:1.2");
    }

    #[test]
    fn bytes_of_another_digest_are_refused() {
        let source: Source = "contact.wasm".parse().unwrap();
        let wanted = Digest::of(b"one");
        assert!(check(&source, b"one", &wanted).is_ok());
        assert!(matches!(check(&source, b"other", &wanted), Err(Error::Other { .. })));
        assert!("sha256:12".parse::<Digest>().is_err());
        assert_eq!(wanted.to_string().parse::<Digest>().unwrap(), wanted);
    }
}
