//! The one multipart request there is: a job and its rows together.

/// Returns the content of a part.
pub(super) fn part<'a>(content_type: &str, body: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = rest.split(';').find_map(|clause| clause.trim().strip_prefix("boundary="))?;
    let boundary = format!("--{}", boundary.trim_matches('"'));
    let mut rest = &body[find(body, boundary.as_bytes())? + boundary.len()..];
    loop {
        let end = find(rest, boundary.as_bytes())?;
        let (section, after) = rest.split_at(end);
        rest = &after[boundary.len()..];
        let head_end = find(section, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&section[..head_end]);
        if head.contains(&format!("name=\"{name}\"")) {
            let content = &section[head_end + 4..];
            return Some(content.strip_suffix(b"\r\n").unwrap_or(content));
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_their_names() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"job\"\r\n\r\n{}\r\n--x\r\n\
            Content-Disposition: form-data; name=\"content\"; filename=\"a\"\r\n\r\nA\nb\n\r\n--x--";
        let kind = "multipart/form-data; boundary=x";
        assert_eq!(part(kind, body, "job"), Some(&b"{}"[..]));
        assert_eq!(part(kind, body, "content"), Some(&b"A\nb\n"[..]));
        assert_eq!(part(kind, body, "other"), None);
        assert_eq!(part("application/json", body, "job"), None);
    }
}
