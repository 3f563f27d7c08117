//! Salesforce's spelling of a moment, which RFC 3339 readers refuse.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The shape of a moment in an answer: `#` is a digit, all else is itself.
const SHAPE: &[u8] = b"####-##-##T##:##:##.###+0000";

/// Returns a moment in its one form, `2026-01-02T03:04:05Z`, if `text` has
/// exactly the 28 characters of `2026-01-02T03:04:05.000+0000`.
///
/// The door reads a page without its describe, so the shape alone decides: no
/// other field type answers with it, and a text field that holds nothing but
/// such a moment still means the same one. Milliseconds stay where they are
/// not zero.
pub(super) fn normalised(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() != SHAPE.len() {
        return None;
    }
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'#' => byte.is_ascii_digit(),
        _ => byte == shape,
    };
    if !bytes.iter().zip(SHAPE).all(fits) {
        return None;
    }
    let seconds = if &bytes[20..23] == b"000" { 19 } else { 23 };
    let mut moment = String::with_capacity(seconds + 1);
    moment.push_str(&text[..seconds]);
    moment.push('Z');
    Some(moment)
}

/// Returns a moment that an extract spells `2026-01-02T03:04:05.000Z` as [`normalised`] does.
pub(super) fn canonical(text: &str) -> String {
    let plain = text.strip_suffix(".000Z").map(|text| format!("{text}Z"));
    plain.or_else(|| normalised(text)).unwrap_or_else(|| text.to_owned())
}

/// Reads a moment in either spelling.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    match normalised(text) {
        Some(moment) => moment.parse().ok(),
        None => text.parse().ok(),
    }
}

/// Reads a moment as HTTP writes it: `Tue, 24 Nov 2026 18:58:04 GMT`.
pub(super) fn http(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// Returns a moment as SOQL takes it: unquoted, in UTC, to the second.
pub(super) fn literal(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_shape_is_taken_for_a_moment() {
        let moment = |text| normalised(text);
        assert_eq!(moment("2026-01-02T03:04:05.000+0000").unwrap(), "2026-01-02T03:04:05Z");
        assert_eq!(moment("2026-01-02T03:04:05.120+0000").unwrap(), "2026-01-02T03:04:05.120Z");
        for other in [
            "2026-01-02",
            "03:04:05.000Z",
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.000+0100",
            "2026-01-02 03:04:05.000+0000",
            "2026-01-02T03:04:05.000+0000 ",
            "ééééééééééééééé",
        ] {
            assert_eq!(moment(other), None, "{other}");
        }
    }

    #[test]
    fn a_moment_survives_its_way_to_salesforce_and_back() {
        let at = parse("2026-01-02T03:04:05.000+0000").unwrap();
        assert_eq!(literal(at), "2026-01-02T03:04:05Z");
        assert_eq!(parse(&literal(at)), Some(at));
        assert_eq!(parse("2026-13-02T03:04:05.000+0000"), None);
    }
}
