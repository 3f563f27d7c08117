//! Newcomers: participants who are nobody that we or Salesforce know, and become leads or
//! contacts, where someone wants that. What else is put on them comes with the next push, as for
//! any other record: the mapping decides it.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::draft::{Draft, Target};
use super::ending::{Endings, MATCH_WINDOW};
use crate::model::{
    Direction, Entity, FieldName, Fields, Intent, Meeting, Mender, Object, Planned, Problem, Value,
};
use crate::salesforce::{DISGUISE, IS_DELETED};
use crate::store::{Subject, Trouble};
use crate::sync::matching::is_free_mail;
use crate::sync::plan::{forbidden, refusal, required};
use crate::sync::writing::{ACCOUNT, COMPANY, EMAIL, FIRST_NAME, LAST_NAME, Writing};
use crate::sync::{Doors, Error, Newcomer};

/// What stands for a company that is not known, as in Salesforce's own forms.
const NO_COMPANY: &str = "[not provided]";
/// Of how many guests of one meeting people are made; where there are more, of none.
const NEWCOMERS_MAX: usize = 25;
/// The objects among which Salesforce is asked for an address before someone is made of it.
const PEOPLE: [Object; 2] = [Object::Contact, Object::Lead];

/// The object of Salesforce's own users.
const USER: &str = "User";

/// Takes the newcomers out of drafts, each address once.
pub(super) fn taken_out(object: Object, drafts: &mut Vec<Draft>) -> Vec<Draft> {
    let is_new = |draft: &mut Draft| draft.mark().is_some() && object != Object::Task;
    let mut newcomers: Vec<Draft> = drafts.extract_if(.., is_new).collect();
    let mut seen = HashSet::new();
    newcomers.retain(|draft| draft.mark().is_some_and(|email| seen.insert(email.to_owned())));
    newcomers
}

/// Plans newcomers: those whose address nobody in Salesforce has. Asked right before they are
/// written, since whoever makes the same person meanwhile is not seen.
pub(super) async fn planned(
    doors: &Doors,
    writing: &Writing,
    newcomers: Vec<Draft>,
    now: Timestamp,
    endings: &mut Endings,
) -> Result<Vec<(Draft, Planned)>, Error> {
    let emails: Vec<String> = newcomers.iter().filter_map(Draft::mark).map(str::to_owned).collect();
    if emails.is_empty() {
        return Ok(Vec::new());
    }
    let known = match known(doors, &emails).await {
        Ok(known) => Ok(known),
        Err(error) if error.is_org_wide() => return Err(error),
        // Others are written to all the same.
        Err(error) => Err((error.problem(), error.mender())),
    };
    let mut planned = Vec::new();
    for draft in newcomers {
        let Target::New { mark: email } = &draft.target else { continue };
        let known = match &known {
            Ok(known) => known,
            Err((problem, mender)) => {
                fail(doors, &draft, email, (problem.clone(), *mender), now, endings)?;
                continue;
            }
        };
        if let Some(found) = known.get(email) {
            let why = format!("{found} has the address {email}; nobody is made of it");
            endings.unmatched(&draft.work, why);
            continue;
        }
        let after = fields(doors, writing, &draft, email)?;
        if let Some(problem) = refused(writing, &after) {
            fail(doors, &draft, email, (problem, Mender::SalesforceAdmin), now, endings)?;
            continue;
        }
        let change = Planned {
            object: draft.object,
            intent: Intent::Create { mark: email.clone() },
            meeting_id: draft.work.meeting_id.clone(),
            action_item_id: None,
            before: Fields::new(),
            after,
            mapping: writing.mapping.clone(),
            left: Vec::new(),
            undoes: None,
        };
        planned.push((draft, change));
    }
    Ok(planned)
}

/// Notes that a newcomer waits for a mend.
fn fail(
    doors: &Doors,
    draft: &Draft,
    email: &str,
    (problem, mender): (Problem, Mender),
    now: Timestamp,
    endings: &mut Endings,
) -> Result<(), Error> {
    endings.failed(&draft.work, problem.message.clone());
    let meeting_id = draft.work.meeting_id.clone();
    let subject = Subject::Person { meeting_id, email: email.to_owned() };
    let trouble = Trouble { code: "predicted".to_owned(), problem, mender };
    doors.store.fail(Direction::Push, draft.work.object, &subject, &trouble, now)?;
    Ok(())
}

/// Returns the addresses of a meeting of which people are to be made of an object.
pub(super) fn of(
    doors: &Doors,
    object: Object,
    meeting: &Meeting,
    unknown: &[String],
    now: Timestamp,
) -> Result<Vec<String>, Error> {
    let settings = &doors.settings;
    let is_wanted = settings.matching.create.map(Newcomer::object) == Some(object);
    // Where nobody has said who our own people are, they would become leads.
    let is_told = !settings.own_domains.is_empty();
    // What was told long ago must not come as a flood.
    let is_young = now.duration_since(meeting.started_at) <= MATCH_WINDOW;
    if !(is_wanted && is_told && is_young) {
        return Ok(Vec::new());
    }
    let mut emails = Vec::new();
    for email in unknown {
        // One that was made and is gone is not made again, as whatever it was.
        let made = PEOPLE.iter().map(|object| doors.store.was_made(*object, email));
        if !made.collect::<Result<Vec<_>, _>>()?.contains(&true) {
            emails.push(email.clone());
        }
    }
    // Of everyone who has listened to a talk, nobody wants leads.
    if emails.len() > NEWCOMERS_MAX {
        emails.clear();
    }
    Ok(emails)
}

/// Asks Salesforce who has these addresses: people, those in the recycle bin too, and its own
/// users.
async fn known(doors: &Doors, emails: &[String]) -> Result<HashMap<String, String>, Error> {
    let field: FieldName = EMAIL.parse().expect("a name that is written here is well formed");
    let mut known = HashMap::new();
    // A sandbox org disguises the addresses of its users.
    let disguised = emails.iter().map(|email| format!("{email}{DISGUISE}"));
    let spellings: Vec<String> = emails.iter().cloned().chain(disguised).collect();
    let fields = std::slice::from_ref(&field);
    let mut found = vec![(USER, doors.salesforce.find(USER, &field, &spellings, fields).await?)];
    for object in PEOPLE {
        // Whom a person has deleted is not made again.
        let people = doors.salesforce.find_deleted_too(object.as_str(), &field, &spellings).await?;
        found.push((object.as_str(), people));
    }
    for (object, table) in found {
        let (Some(id), Some(email)) = (table.column("Id"), table.column(EMAIL)) else { continue };
        let is_deleted = table.column(IS_DELETED);
        for row in &table.rows {
            let (Some(id), Some(email)) = (row[id].text(), row[email].text()) else { continue };
            let email = email.trim().to_lowercase();
            let plain = email.strip_suffix(DISGUISE).unwrap_or(&email);
            let is_gone = is_deleted.is_some_and(|place| row[place] == Value::Boolean(true));
            // Whoever is there is told of before those who were.
            match is_gone {
                true => {
                    let found = format!("{object} {id}, which was deleted,");
                    known.entry(plain.to_owned()).or_insert(found);
                }
                false => {
                    known.insert(plain.to_owned(), format!("{object} {id}"));
                }
            }
        }
    }
    Ok(known)
}

/// Returns what a new person gets, as far as the org takes it.
fn fields(doors: &Doors, writing: &Writing, draft: &Draft, email: &str) -> Result<Fields, Error> {
    let everyone = draft.meeting.organizer.iter().chain(&draft.meeting.participants);
    let mut named = everyone.filter(|one| {
        one.email.as_deref().is_some_and(|known| known.trim().eq_ignore_ascii_case(email))
    });
    let name = named.find_map(|one| one.name.as_deref()).unwrap_or_default().trim();
    let (local, domain) = email.split_once('@').unwrap_or((email, ""));
    let (first, last) = split(name).unwrap_or(("", local));
    let account = account(doors, draft, domain)?;
    let mut fields =
        vec![(LAST_NAME.to_owned(), Value::from(last)), (EMAIL.to_owned(), Value::from(email))];
    if !first.is_empty() {
        fields.push((FIRST_NAME.to_owned(), Value::from(first)));
    }
    match (draft.work.object, account) {
        (Object::Contact, Some(account)) => {
            fields.push((ACCOUNT.to_owned(), Value::from(account.id.as_str())));
        }
        (Object::Lead, account) => {
            let name = account.as_ref().and_then(|account| account.text("name"));
            let unknown = if is_free(doors, domain) { NO_COMPANY } else { domain };
            fields.push((COMPANY.to_owned(), Value::from(name.unwrap_or(unknown))));
        }
        _ => {}
    }
    let mut given = Fields::new();
    for (name, value) in fields {
        let Some(field) = writing.creatable.iter().find(|field| field.name == name) else {
            continue;
        };
        let room = usize::try_from(field.length).unwrap_or_default();
        // A name that is cut is better than none; an address that is cut is another's.
        let value = match value.text() {
            Some(text) if room > 0 && name != EMAIL => {
                Value::Text(text.chars().take(room).collect())
            }
            _ => value,
        };
        given.push((name, value));
    }
    Ok(given)
}

/// Splits a name as people write it, "Ada Marlow" or "Marlow, Ada", into first and last; none,
/// where it is no name.
fn split(name: &str) -> Option<(&str, &str)> {
    let (first, last) = match (name.split_once(','), name.rsplit_once(char::is_whitespace)) {
        (Some((last, first)), _) => (first, last),
        (None, Some((first, last))) => (first, last),
        (None, None) => ("", name),
    };
    let (first, last) = (first.trim(), last.trim());
    (!last.is_empty() && !name.contains('@')).then_some((first, last))
}

/// Returns the account that a newcomer is of: the only one at their domain; where that tells
/// nothing of a company, the one that the meeting is about.
fn account(doors: &Doors, draft: &Draft, domain: &str) -> Result<Option<Entity>, Error> {
    if is_free(doors, domain) {
        let found = draft.matching.of(Object::Account).next();
        let found = found.map(|found| doors.store.entity(Object::Account, &found.record_id));
        return Ok(found.transpose()?.flatten());
    }
    let mut accounts = doors.store.companies_by_domain(domain)?;
    Ok(accounts.pop().filter(|_| accounts.is_empty()))
}

fn is_free(doors: &Doors, domain: &str) -> bool {
    let more = &doors.settings.matching.free_mail;
    is_free_mail(domain) || more.iter().any(|free| free.eq_ignore_ascii_case(domain))
}

/// Tells what Salesforce would refuse about a new person, as far as describe says.
fn refused(writing: &Writing, fields: &Fields) -> Option<Problem> {
    let object = writing.object;
    if !writing.may_create {
        return Some(forbidden(object, true));
    }
    if writing.marks.is_empty() {
        return Some(Problem {
            message: format!("the connected user may not give a new {object} an address"),
            at: Some(EMAIL.to_owned()),
            hint: Some(format!(
                "Let it edit {object}.{EMAIL} (field-level security), or leave `create` out of the \
                 settings."
            )),
        });
    }
    if let Some(missing) = required(writing, fields) {
        return Some(missing);
    }
    fields.iter().find_map(|(name, value)| {
        let field = writing.creatable.iter().find(|field| field.name == *name)?;
        refusal(object, field, value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_as_people_write_it() {
        for (name, parts) in [
            ("Ada Marlow", Some(("Ada", "Marlow"))),
            ("Marlow, Ada", Some(("Ada", "Marlow"))),
            ("Nora van Newton", Some(("Nora van", "Newton"))),
            ("Ada", Some(("", "Ada"))),
            ("", None),
            (", Ada", None),
            ("ada@acme.example", None),
        ] {
            assert_eq!(split(name), parts, "{name}");
        }
    }
}
