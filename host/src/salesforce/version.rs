//! Which version of the API to speak with an org.

use reqwest::Method;
use serde::Deserialize;

use super::{Error, Http, Result, json_of, login_url, oauth};

/// The newest version that this host was tested with.
const TESTED: u32 = 66;
/// The oldest version that has all that is used here.
const OLDEST: u32 = 58;

/// Returns the newest version that both the org and this host know, such as
/// `66.0`. Needs no login and counts as no call.
///
/// Instances are upgraded on different weekends, and the list is not sorted.
pub async fn api_version(http: &Http, instance_url: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Offer {
        version: String,
    }
    let mut url = login_url::base(instance_url)?;
    url.set_path("/services/data");
    let offers: Vec<Offer> = http
        .persist(Error::passes_soon, || async {
            let request = oauth::built(http.request(Method::GET, url.clone()))?;
            json_of(&http.send(request).await?.accepted()?)
        })
        .await?;
    let major = |offer: &Offer| offer.version.split('.').next()?.parse::<u32>().ok();
    let majors = || offers.iter().filter_map(major);
    let best = majors().filter(|version| (OLDEST..=TESTED).contains(version)).max();
    best.map(|version| format!("{version}.0")).ok_or_else(|| Error::Version {
        newest: majors().max().unwrap_or_default(),
        oldest: OLDEST,
        tested: TESTED,
    })
}
