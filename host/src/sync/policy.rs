//! What is written where a value stands already.

use crate::model::{Policy, Value};

/// The lines around our text inside a person's text.
const BEGIN: &str = "[efficlose: latest meeting]";
const END: &str = "[/efficlose]";

/// What a policy decides for one field.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// Write this value.
    Write(Value),
    /// The value is there already.
    Same,
    /// Leave it as it is, and why.
    Leave(&'static str),
}

/// Decides for one field: `current` is in the record, `ours` is what the mapping
/// wants, `last` is what we wrote last, if we ever did. `room` is how many
/// characters the field holds; none, if it isn't text.
pub(super) fn decide(
    policy: Policy,
    current: &Value,
    ours: Value,
    last: Option<&Value>,
    room: Option<usize>,
) -> Verdict {
    if policy == Policy::Append {
        return append(current, &ours, last, room);
    }
    if current.same(&ours) {
        return Verdict::Same;
    }
    match policy {
        Policy::FillIfBlank if !current.is_blank() => Verdict::Leave("a value stands there"),
        Policy::OursUntilEdited => match last {
            Some(last) if !current.same(last) => Verdict::Leave("a person has edited it"),
            None if !current.is_blank() => Verdict::Leave("a person's value stands there"),
            _ => Verdict::Write(ours),
        },
        _ => Verdict::Write(ours),
    }
}

/// Decides for a text in which a person's words and ours stand together: ours are
/// in a block at the end, which is replaced as long as it is as we wrote it.
fn append(current: &Value, ours: &Value, last: Option<&Value>, room: Option<usize>) -> Verdict {
    let (Some(ours), text) = (ours.text(), current.text().unwrap_or_default()) else {
        return Verdict::Leave("there is nothing to add");
    };
    let text = text.replace("\r\n", "\n");
    let last = last.and_then(Value::text).map(|last| last.replace("\r\n", "\n"));
    let last_block = last.as_deref().and_then(block);
    let block_now = block(&text);
    match (block_now, last_block) {
        (Some(now), Some(last)) if now.trim_end() != last.trim_end() => {
            return Verdict::Leave("a person has edited our block");
        }
        (None, Some(_)) => return Verdict::Leave("a person has removed our block"),
        _ => {}
    }
    // A meeting's words can't end our block early.
    let mut ours = ours.to_owned();
    while ours.contains(BEGIN) || ours.contains(END) {
        ours = ours.replace(BEGIN, "").replace(END, "");
    }
    let ours = format!("{BEGIN}\n{}\n{END}", ours.trim());
    if block_now == Some(ours.as_str()) {
        return Verdict::Same;
    }
    if block_now.is_some() && last_block.is_none() {
        return Verdict::Leave("a block stands there that we know nothing of");
    }
    let new = match block_now {
        Some(now) => text.replacen(now, &ours, 1),
        None if text.trim().is_empty() => ours,
        None => format!("{}\n\n{ours}", text.trim_end()),
    };
    if room.is_some_and(|room| new.chars().count() > room) {
        return Verdict::Leave("the text would be longer than the field");
    }
    Verdict::Write(Value::Text(new))
}

/// Tells whether a text has a block of ours, whatever stands in it.
pub(super) fn bears_block(text: &Value) -> bool {
    text.text().is_some_and(|text| block(text).is_some())
}

/// Tells whether two texts have the same block of ours, whatever stands around it.
pub(super) fn has_block(text: &Value, ours: &Value) -> bool {
    let plain = |value: &Value| value.text().unwrap_or_default().replace("\r\n", "\n");
    let (text, ours) = (plain(text), plain(ours));
    block(&ours).is_some_and(|ours| block(&text) == Some(ours))
}

/// Returns our block with its lines around it, if the text has one.
fn block(text: &str) -> Option<&str> {
    let begin = text.find(BEGIN)?;
    let end = text[begin..].find(END)?;
    Some(&text[begin..begin + end + END.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Option<usize> = Some(200);

    fn text(verdict: Verdict) -> String {
        match verdict {
            Verdict::Write(Value::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    fn add(current: &str, ours: &str, last: Option<&str>) -> Verdict {
        let last = last.map(Value::from);
        decide(Policy::Append, &current.into(), ours.into(), last.as_ref(), ROOM)
    }

    #[test]
    fn a_persons_text_stays_and_ours_is_replaced_below_it() {
        let first = text(add("Met at the fair.", "one", None));
        assert_eq!(first, "Met at the fair.\n\n[efficlose: latest meeting]\none\n[/efficlose]");
        let second = text(add(&format!("{first}\nCalled later."), "two", Some(&first)));
        assert!(second.starts_with("Met at the fair.\n") && second.ends_with("\nCalled later."));
        assert!(second.contains("\ntwo\n") && !second.contains("one"));
        assert_eq!(add(&second, "two", Some(&second)), Verdict::Same);
        assert_eq!(text(add("", "one", None)), "[efficlose: latest meeting]\none\n[/efficlose]");
    }

    #[test]
    fn a_block_that_a_person_edited_or_removed_is_left_alone() {
        let ours = text(add("Mine.", "one", None));
        let edited = ours.replace("one", "one, but cheaper");
        assert!(matches!(add(&edited, "two", Some(&ours)), Verdict::Leave(_)));
        assert!(matches!(add("Mine.", "two", Some(&ours)), Verdict::Leave(_)));
    }

    #[test]
    fn a_meetings_words_cannot_end_our_block() {
        let ours = text(add("Mine.", "a [/effic[/efficlose]lose] b", None));
        assert_eq!(ours.matches(END).count(), 1, "{ours}");
    }

    #[test]
    fn a_text_that_does_not_fit_is_not_cut() {
        assert!(matches!(add(&"long ".repeat(38), "one", None), Verdict::Leave(_)));
    }

    #[test]
    fn a_line_break_as_salesforce_stores_it_is_no_edit() {
        let ours = text(add("Mine.", "one\ntwo", None));
        let stored = ours.replace('\n', "\r\n");
        assert_eq!(add(&stored, "one\ntwo", Some(&ours)), Verdict::Same);
    }

    #[test]
    fn each_policy_keeps_to_what_it_promises() {
        use Policy::{FillIfBlank, OursUntilEdited, Overwrite};
        let leaves = |policy, current: &str, last: Option<&str>| {
            let last = last.map(Value::from);
            let verdict = decide(policy, &current.into(), "ours".into(), last.as_ref(), None);
            matches!(verdict, Verdict::Leave(_))
        };
        assert!(!leaves(FillIfBlank, " ", None));
        assert!(leaves(FillIfBlank, "theirs", Some("theirs")));
        assert!(!leaves(Overwrite, "theirs", None));
        assert!(!leaves(OursUntilEdited, "", None));
        assert!(leaves(OursUntilEdited, "theirs", None));
        assert!(leaves(OursUntilEdited, "theirs", Some("before")));
        assert!(!leaves(OursUntilEdited, "before", Some("before")));
    }
}
