//! What all pages share: the frame, and the parts that they are made of.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::visitor::{TOKEN, Visitor};
use crate::model::{Connection, Ending, OrgId, Run, Value};

/// A page that a visitor sees: where it is, what it is called, what is on it.
pub(super) fn page(
    visitor: &Visitor,
    org: Option<&Connection>,
    title: &str,
    body: Markup,
) -> Markup {
    frame(
        title,
        html! {
            header.top {
                a.skip href="#content" { "Skip to the content" }
                a.brand href="/" { "efficlose" }
                nav aria-label="Main" {
                    a href="/" { "Integrations" }
                    @if visitor.is_admin() { a href="/audit" { "Audit trail" } }
                }
                form.who method="post" action="/logout" {
                    (token(visitor))
                    span {
                        (visitor.person.name)
                        @if visitor.person.name != visitor.person.role.as_str() { " · " (visitor.person.role) }
                    }
                    button.quiet { "Sign out" }
                }
            }
            @if let Some(org) = org { (tabs(visitor, &org.org, title)) }
            main #content {
                @if let Some(org) = org { p.crumbs { "Salesforce · " strong { (org.called()) } " · " (org.username) " · " (org.org) } }
                h1 { (title) }
                @if let Some(done) = visitor.done { div.notice.good role="status" { p { (done) } } }
                (body)
            }
        },
    )
}

/// A page for someone who isn't signed in.
pub(super) fn bare(title: &str, body: Markup) -> Markup {
    frame(title, html! { main #content .narrow { p.brand { "efficlose" } h1 { (title) } (body) } })
}

fn frame(title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · efficlose" }
                link rel="stylesheet" href=(assets::STYLE.address());
                link rel="icon" href=(assets::ICON.address());
                script src=(assets::SCRIPT.address()) defer {}
            }
            body { (body) }
        }
    }
}

/// The pages of an org: what each is called, how its path ends, and whether it is for admins
/// alone.
const TABS: [(&str, &str, bool); 8] = [
    ("Status", "", false),
    ("Set-up", "/setup", true),
    ("Mappings", "/mappings", false),
    ("Records", "/records/Contact", false),
    ("Meetings", "/meetings", false),
    ("Choices", "/matches", false),
    ("Changes", "/changes", false),
    ("Runs", "/runs", false),
];

fn tabs(visitor: &Visitor, org: &OrgId, title: &str) -> Markup {
    html! {
        nav.tabs aria-label="Salesforce" {
            @for (name, path, is_for_admins) in TABS {
                @if !is_for_admins || visitor.is_admin() {
                    a href=(format!("/orgs/{org}{path}")) aria-current=[(name == title).then_some("page")] {
                        (name)
                    }
                }
            }
        }
    }
}

/// The hidden field by which a form is known to come from our page.
pub(super) fn token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name=(TOKEN) value=(visitor.token.expose()); }
}

/// A form of one button that changes something.
pub(super) fn button(
    visitor: &Visitor,
    action: &str,
    label: &str,
    fields: &[(&str, &str)],
) -> Markup {
    html! {
        form.inline method="post" action=(action) {
            (token(visitor))
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button disabled[!visitor.is_admin()] { (label) }
        }
    }
}

/// A moment, to be read by people and machines.
pub(super) fn moment(at: Timestamp) -> Markup {
    let (whole, shown) = (at.to_string(), at.strftime("%Y-%m-%d %H:%M UTC").to_string());
    html! { time datetime=(whole) title=(whole) { (shown) } }
}

/// A moment that may not have come yet, or `never`.
pub(super) fn moment_or(at: Option<Timestamp>, never: &str) -> Markup {
    html! { @match at { Some(at) => (moment(at)), None => span.muted { (never) } } }
}

/// How a run ended, as a word that stands out.
pub(super) fn ending(run: &Run) -> Markup {
    match &run.ending {
        Some(Ending::Complete) => badge("good", "complete"),
        Some(Ending::Stopped) => badge("quiet", "stopped"),
        Some(Ending::Broken(_)) => badge("bad", "broken"),
        None => badge("busy", "running"),
    }
}

/// A word that stands out: `good`, `warn`, `bad`, `busy` or `quiet`.
pub(super) fn badge(kind: &str, text: &str) -> Markup {
    html! { span.badge.(kind) { (text) } }
}

/// A value; one that is long opens to all of it.
pub(super) fn value(value: &Value) -> Markup {
    let text = text_of(value);
    let cut: String = text.chars().take(VALUE_SHOWN).collect();
    html! {
        @if text.is_empty() { span.muted { "—" } }
        @else if cut.len() < text.len() { details { summary { (cut) "…" } span.whole { (text) } } }
        @else { span.whole { (text) } }
    }
}

/// How many characters of a value are shown.
const VALUE_SHOWN: usize = 120;

/// Returns a value as text.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}

/// A value as it was and as it is, or would be.
pub(super) fn pair(old: &Value, new: &Value) -> Markup {
    html! { span.old { (value(old)) } " → " span.new { (value(new)) } }
}

/// A sentence that something went wrong, with its mend.
pub(super) fn trouble(message: &str, hint: Option<&str>) -> Markup {
    html! {
        div.notice.bad role="alert" {
            p { strong { (words(&capital(message))) @if !message.ends_with(['.', '?', '!']) { "." } } }
            @if let Some(hint) = hint { p { (words(hint)) } }
        }
    }
}

/// A sentence in which commands and the like stand between backticks.
pub(super) fn words(text: &str) -> Markup {
    html! {
        @for (nth, part) in text.split('`').enumerate() {
            @if nth % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Returns a fact as the beginning of a sentence.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
