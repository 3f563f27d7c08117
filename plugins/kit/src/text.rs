//! Small things that texts in a CRM need.

/// Cuts a text to `most` characters, at a word where there is one, and ends it
/// with an ellipsis if anything was cut.
pub fn clip(text: &str, most: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    let word = kept.rfind(char::is_whitespace).filter(|end| *end > kept.len() / 2);
    format!("{}…", kept[..word.unwrap_or(kept.len())].trim_end())
}

/// Returns the domain of a web site, without `www.`: `https://www.acme.example/a`
/// is `acme.example`.
pub fn domain_of(website: &str) -> Option<String> {
    let text = website.trim().to_ascii_lowercase();
    let host = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let host = host.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(host).trim_end_matches('.');
    let letters = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    (host.contains('.') && host.chars().all(letters)).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clipped_text_ends_at_a_word_and_says_so() {
        assert_eq!(clip("short", 10), "short");
        assert_eq!(clip("send the new prices", 14), "send the new…");
        assert_eq!(clip("ééééééééé", 4), "ééé…");
        assert!(clip(&"word ".repeat(200), 255).chars().count() <= 255);
    }

    #[test]
    fn a_domain_is_found_in_what_people_type() {
        let typed = [
            ("https://www.Acme.example/about?x", Some("acme.example")),
            ("acme.example", Some("acme.example")),
            ("http://user@shop.acme.example:8080", Some("shop.acme.example")),
            ("n/a", None),
            ("acme", None),
            ("", None),
        ];
        for (website, domain) in typed {
            assert_eq!(domain_of(website).as_deref(), domain, "{website}");
        }
    }
}
