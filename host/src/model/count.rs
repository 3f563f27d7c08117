//! Counts in words.

/// Returns how many there are of something, in words that fit one too: `1 change`, `2 changes`.
pub fn many(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
