//! The header that tells how many of the org's API calls are used.

use reqwest::header::HeaderMap;

use crate::model::Usage;

/// Reads `Sforce-Limit-Info`, such as
/// `api-usage=25/5000; per-app-api-usage=17/250(appName=sample-app)`.
///
/// It is fresher than the resource `limits`, costs no call, and `used` may lie
/// above `allowed`.
pub(super) fn read(headers: &HeaderMap) -> Option<Usage> {
    let info = headers.get("sforce-limit-info")?.to_str().ok()?;
    let mut parts = info.split([';', ',']);
    let usage = parts.find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, allowed) = usage.split_once('/')?;
    Some(Usage { used: used.trim().parse().ok()?, allowed: allowed.trim().parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(info: &'static str) -> Option<(u64, u64)> {
        let mut headers = HeaderMap::new();
        headers.insert("Sforce-Limit-Info", info.parse().unwrap());
        read(&headers).map(|usage| (usage.used, usage.allowed))
    }

    #[test]
    fn the_orgs_usage_is_read_and_the_apps_is_not() {
        assert_eq!(usage("api-usage=18/5000"), Some((18, 5000)));
        let both = "api-usage=5025/5000; per-app-api-usage=17/250(appName=sample-app)";
        assert_eq!(usage(both), Some((5025, 5000)));
        assert_eq!(usage("per-app-api-usage=17/250(appName=x); api-usage=1/2"), Some((1, 2)));
        assert_eq!(usage("api-usage=a/5000"), None);
        assert_eq!(usage(""), None);
    }
}
