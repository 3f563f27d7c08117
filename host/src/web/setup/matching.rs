//! Third step: how meetings find their records.

use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};

use super::super::Shared;
use super::super::guard::{Admin, At, Posted};
use super::super::page::{page, token};
use super::super::refused::{Refused, Shown};
use super::steps;
use crate::sync::{
    AccountRule, LogAs, Newcomer, OpportunityRule, PeopleRule, Rules, Ties, domains,
};
use crate::world::Failed;

/// The rules of each question: the rule, its word in the settings, and what it says.
const PEOPLE: [(PeopleRule, &str, &str); 3] = [
    (PeopleRule::Contact, "contact", "a contact with their address"),
    (PeopleRule::Lead, "lead", "a lead with their address that is not converted"),
    (
        PeopleRule::ConvertedLead,
        "converted-lead",
        "the contact that a lead with their address became",
    ),
];
const ACCOUNT: [(AccountRule, &str, &str); 2] = [
    (AccountRule::People, "people", "the account that most of them belong to"),
    (AccountRule::Domain, "domain", "the account whose web site is at their domain"),
];
const OPPORTUNITY: [(OpportunityRule, &str, &str); 3] = [
    (OpportunityRule::Contact, "contact", "those with a guest among their contacts"),
    (OpportunityRule::Organizer, "organizer", "those that the organizer owns"),
    (OpportunityRule::CloseDate, "close-date", "the one to close next"),
];

const NEWCOMERS: [(Newcomer, &str, &str); 2] = [
    (Newcomer::Lead, "lead", "becomes a lead"),
    (Newcomer::Contact, "contact", "becomes a contact"),
];

const LOGGED: [(LogAs, &str, &str); 2] = [
    (LogAs::Task, "task", "is logged as a task that is done"),
    (LogAs::Event, "event", "is logged as an event in the organizer's calendar"),
];

pub(crate) async fn ask(
    State(site): State<Shared>,
    Admin(visitor): Admin,
    At(connection): At,
) -> Shown {
    let org = connection.org.clone();
    let draft = site.draft(&connection).await?;
    let rules = &draft.settings.matching;
    let last = draft.chosen.last().map_or("objects".to_owned(), |last| format!("fields/{last}"));
    let body = html! {
        (steps(&visitor, &connection.org, "Matching"))
        form.card method="post" {
            (token(&visitor))
            p { "A meeting is about the records that its guests lead to. Rules are asked in their order; where several records fit, nobody guesses: you are asked." }
            (order("people", "A guest is", &PEOPLE, &rules.people))
            (order("account", "The account is", &ACCOUNT, &rules.account))
            (order("opportunity", "Of the account's open opportunities, it is about", &OPPORTUNITY, &rules.opportunity))
            fieldset {
                legend { "Where several people have one address" }
                label.choice { input type="radio" name="ties" value="review" checked[rules.ties == Ties::Review]; " ask me" }
                label.choice { input type="radio" name="ties" value="newest" checked[rules.ties == Ties::Newest]; " take the one that was changed last" }
            }
            div.field {
                label for="create" { "A guest who is in neither" }
                select #create name="create" aria-describedby="create-help" {
                    option value="" selected[rules.create.is_none()] { "stays so; what was learned waits for them" }
                    @for (of, word, said) in NEWCOMERS {
                        option value=(word) selected[rules.create == Some(of)] { (said) }
                    }
                }
                p.help #create-help { "Salesforce is asked first whether anyone has the address; its duplicate rules hold. Our own domains have to be named." }
            }
            div.field {
                label for="own_domains" { "Domains of our own people" }
                input #own_domains type="text" name="own_domains" value=(draft.settings.own_domains.join(", ")) aria-describedby="own-help";
                p.help #own-help { "They are no contacts. Separate several by commas." }
            }
            div.field {
                label for="free_mail" { "More free-mail domains" }
                input #free_mail type="text" name="free_mail" value=(rules.free_mail.join(", ")) aria-describedby="free-help";
                p.help #free-help { "They tell nothing of a company. The usual ones are known." }
            }
            div.field {
                label for="log" { "Each meeting itself" }
                select #log name="log" aria-describedby="log-help" {
                    option value="" selected[!draft.settings.log_meetings] { "is not logged" }
                    @for (of, word, said) in LOGGED {
                        option value=(word) selected[draft.settings.log_meetings && draft.settings.log_as == of] { (said) }
                    }
                }
                p.help #log-help { "With its summary and what was learned, about whom it was with. Where calendars are synced by something else, an event would be there twice." }
            }
            div.actions {
                button.main disabled[!visitor.is_admin()] { "Next: review" }
                a href=(format!("/orgs/{org}/setup/{last}")) { "Back to the fields" }
            }
        }
    };
    Ok(page(&visitor, Some(&connection), "Set-up", body))
}

/// A choice of each place of an order: first, then, at last.
fn order<T: Copy + PartialEq>(
    name: &str,
    question: &str,
    rules: &[(T, &str, &str)],
    chosen: &[T],
) -> Markup {
    html! {
        fieldset {
            legend { (question) }
            @for nth in 0..rules.len() {
                div.choice {
                    select name=(name) aria-label=(format!("{question}: {}", if nth == 0 { "first" } else { "then" })) {
                        option value="" selected[chosen.get(nth).is_none()] { @if nth == 0 { "nothing" } @else { "nothing more" } }
                        @for (rule, word, said) in rules {
                            option value=(word) selected[chosen.get(nth) == Some(rule)] { @if nth > 0 { "else " } (said) }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the rules that were chosen, in their order, each once.
fn chosen<T: Copy + PartialEq>(form: &Posted, name: &str, rules: &[(T, &str, &str)]) -> Vec<T> {
    let mut chosen = Vec::new();
    for word in form.all(name) {
        let rule = rules.iter().find(|(_, known, _)| *known == word).map(|(rule, ..)| *rule);
        chosen.extend(rule.filter(|rule| !chosen.contains(rule)));
    }
    chosen
}

/// Returns the domains that a field of the form lists.
fn listed(text: &str) -> Result<Vec<String>, Failed> {
    domains(text).map_err(|why| Failed::new(why).hint("Go back, and mend the field."))
}

pub(crate) async fn take(
    State(site): State<Shared>,
    At(connection): At,
    form: Posted,
) -> Result<Redirect, Refused> {
    let org = connection.org.clone();
    let mut draft = site.draft(&connection).await?;
    draft.settings.own_domains = listed(form.one("own_domains"))?;
    let logged = LOGGED.iter().find(|(_, word, _)| *word == form.one("log"));
    draft.settings.log_meetings = logged.is_some();
    draft.settings.log_as = logged.map(|(of, ..)| *of).unwrap_or_default();
    draft.settings.matching = Rules {
        people: chosen(&form, "people", &PEOPLE),
        account: chosen(&form, "account", &ACCOUNT),
        opportunity: chosen(&form, "opportunity", &OPPORTUNITY),
        ties: if form.one("ties") == "newest" { Ties::Newest } else { Ties::Review },
        free_mail: listed(form.one("free_mail"))?,
        create: NEWCOMERS
            .iter()
            .find(|(_, word, _)| *word == form.one("create"))
            .map(|(of, ..)| *of),
    };
    site.keep_draft(&org, &draft)?;
    Ok(Redirect::to(&format!("/orgs/{org}/setup/review")))
}
