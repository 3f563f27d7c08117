//! Which of some words was meant by one that is none of them.

/// How like two names must be for one to be meant by the other.
const LIKE_MIN: f64 = 0.85;

/// Returns the word that is most like this one, where one is.
pub(super) fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<String> {
    let like = |other: &str| strsim::jaro_winkler(&other.to_lowercase(), &word.to_lowercase());
    let best =
        words.map(|other| (like(other), other)).max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(like, _)| *like >= LIKE_MIN).map(|(_, word)| word.to_owned())
}
