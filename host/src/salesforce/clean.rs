//! Makes text from outside fit to be shown: short, one line, and no secret in it.

/// How much of a text from outside is shown.
const SHOWN_MAX: usize = 500;
/// Names of parameters whose values are secrets.
const SECRETS: [&str; 7] = [
    "access_token",
    "refresh_token",
    "client_secret",
    "code_verifier",
    "token",
    "code",
    "assertion",
];

/// Returns the text in one line of at most 500 characters, with everything that
/// looks like a token left out.
///
/// Salesforce has no reason to send a token back in its words; a proxy between
/// that quotes a request might.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut secret = false;
    for (word, gap) in words(text) {
        let hidden = secret || is_token(word);
        shown.push_str(if hidden && !word.is_empty() { "…" } else { word });
        let names_one = SECRETS.contains(&word) && matches!(gap, Some('=' | '"'));
        secret = names_one || word == "Bearer" || (secret && word.is_empty());
        shown.extend(gap.map(|gap| if gap.is_control() { ' ' } else { gap }));
    }
    let shown = shown.trim();
    match shown.char_indices().nth(SHOWN_MAX) {
        None => shown.to_owned(),
        Some((end, _)) => format!("{}…", &shown[..end]),
    }
}

/// Splits a text into words, each with the character that ended it.
fn words(text: &str) -> impl Iterator<Item = (&str, Option<char>)> {
    text.split_inclusive(is_gap).map(|word| match word.chars().next_back() {
        Some(last) if is_gap(last) => (&word[..word.len() - last.len_utf8()], Some(last)),
        _ => (word, None),
    })
}

fn is_gap(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '=' | ':' | '&' | '?' | '"' | '\'' | ',' | ';' | '(' | ')')
}

/// Tells whether a word has the look of a token: a session is an org's id, `!`
/// and the rest; a refresh token begins with `5Aep`.
fn is_token(word: &str) -> bool {
    let session = word.split_once('!').is_some_and(|(org, rest)| {
        org.starts_with("00D") && matches!(org.len(), 15 | 18) && rest.len() >= 4
    });
    session || (word.starts_with("5Aep") && word.len() > 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_token_is_left_out() {
        for (text, want) in [
            ("bad 00Dxx0000001gPL!AR8AQabc.def here", "bad … here"),
            ("GET /cb?code=aPrxSecret&state=1", "GET /cb?code=…&state=1"),
            ("{\"refresh_token\": \"5Aep861xyz\"}", "{\"refresh_token\": \"…\"}"),
            ("Authorization: Bearer abc123", "Authorization: Bearer …"),
            ("the token was 5Aep861abcdefgh.", "the token was …"),
            ("expired access/refresh token", "expired access/refresh token"),
            ("a\r\nb\u{1b}[31m", "a  b [31m"),
        ] {
            assert_eq!(shown(text), want);
        }
        assert_eq!(shown(&"é".repeat(600)).chars().count(), 501);
    }
}
