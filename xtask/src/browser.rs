//! Installs the browser that the pages are tested in, and the driver that steers it.

use std::path::Path;

use crate::{Outcome, debian, workspace};

/// Debian's packages. The driver wants the browser of its own version, so the two match.
///
/// The browser only recommends fonts; without these it sets the pages in whatever letters a
/// machine happens to have.
const PACKAGES: [&str; 4] =
    ["chromium", "chromium-driver", "fonts-dejavu-core", "fonts-liberation"];

/// What tests start.
const BROWSER: &str = "/usr/bin/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";

/// Installs the browser and its driver, unless they are there already.
///
/// They are the only clients that aren't in `target/clients`: the browser needs dozens of
/// libraries and starts from fixed paths, so unpacking would break what installing gets right.
pub(crate) fn install() -> Outcome {
    if Path::new(BROWSER).exists() && Path::new(DRIVER).exists() {
        return Ok(());
    }
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    let arguments = [&install[..], &PACKAGES].concat();
    debian::apt_get(&arguments, &workspace()).map_err(|why| {
        let line = arguments.join(" ");
        format!(
            "{why}; tests of the pages need {BROWSER} and {DRIVER}: \
             run `apt-get {line}` as root, then this task again"
        )
    })
}
