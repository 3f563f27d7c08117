//! Notices: tells a webhook and a command when the state of an org changes: a connection that
//! breaks, a job that can't go on, failures that come up, and when all is well again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use url::Url;

use crate::model::{Direction, Ending, Failure, JobKey, Mender, Object, OrgId};
use crate::secret::Secret;
use crate::store::{self, Store};

/// How long a webhook or a command may take.
const DELIVERY_MAX: Duration = Duration::from_secs(30);
/// How often failures that come up are told of, at most.
const DIGEST_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// How many causes of failures are told of.
const CAUSES_MAX: u32 = 20;
/// How long a secret may be, in bytes.
const SECRET_MAX: u64 = 4_096;
/// The header that signs a notice: `t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY`.
const SIGNATURE: &str = "efficlose-signature";

/// Whom notices go to; `[notices]` in the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where each notice is posted to, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Url>,
    /// The file whose content signs what is posted; it is not signed without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// A program and its arguments that is given each notice as JSON on its standard input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

impl Settings {
    /// Tells whether nothing is said of notices.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Tells whether anybody is told.
    pub fn tells(&self) -> bool {
        self.webhook.is_some() || !self.command.is_empty()
    }
}

/// Something that has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The org.
    pub org: OrgId,
    /// The user who connected it.
    pub username: String,
    /// What it is about: `connection`, a job such as `Contact pull`, `failures`.
    pub about: String,
    /// Whether it is well again.
    pub is_mended: bool,
    /// What is the case, as a sentence.
    pub message: String,
    /// What mends it.
    pub mend: Option<String>,
    /// When it was found.
    pub at: Timestamp,
    /// Of failures, their causes, that of most of them first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

/// Why failures wait for a mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// How many wait for that.
    pub count: u64,
    /// The object.
    pub object: Object,
    /// Which way it was going.
    pub direction: Direction,
    /// A word for it: `mapping`, or Salesforce's own code.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What mends it.
    pub mend: Option<String>,
    /// Who can.
    pub mender: Mender,
}

impl From<(Failure, u64)> for Cause {
    fn from((failure, count): (Failure, u64)) -> Self {
        let Failure { object, direction, code, problem, mender, .. } = failure;
        let (message, mend) = (problem.message, problem.hint);
        Self { count, object, direction, code, message, mend, mender }
    }
}

/// A way by which notices go. Each is told by itself: what one doesn't take, the other hears once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Webhook,
    Command,
}

impl Way {
    /// Returns the ways that the settings name.
    fn all(settings: &Settings) -> impl Iterator<Item = Self> {
        let webhook = settings.webhook.as_ref().map(|_| Self::Webhook);
        let command = settings.command.first().map(|_| Self::Command);
        webhook.into_iter().chain(command)
    }
}

/// What was last told of an org, by each way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    webhook: Told,
    command: Told,
}

impl Kept {
    fn by(&mut self, way: Way) -> &mut Told {
        match way {
            Way::Webhook => &mut self.webhook,
            Way::Command => &mut self.command,
        }
    }
}

/// What was last told of an org.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Told {
    /// What is wrong. In what words is not told again: Salesforce has others for each time.
    wrong: BTreeSet<String>,
    /// How many failures waited for a mend.
    failures: u64,
    /// When these were told of last.
    digest_at: Option<Timestamp>,
}

/// What went wrong in telling.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store can't do it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The webhook did not take it.
    #[error("the webhook at {host} did not take a notice: {cause}")]
    Webhook {
        /// The host.
        host: String,
        /// Why.
        cause: String,
    },
    /// The command did not take it.
    #[error("the command {program} did not take a notice: {cause}")]
    Command {
        /// The program.
        program: String,
        /// Why.
        cause: String,
    },
    /// The secret can't be read.
    #[error("cannot read the secret {}: {cause}", path.display())]
    Secret {
        /// Its file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
}

/// Tells of all that has changed of an org and these of its jobs since it was last told of.
/// What can't be told is told the next time.
pub async fn tell(
    settings: &Settings,
    control: &Store,
    org: &OrgId,
    jobs: &[JobKey],
    now: Timestamp,
) -> Result<(), Error> {
    if settings.is_none() {
        return Ok(());
    }
    let kept = control.told(org)?.and_then(|text| serde_json::from_str(&text).ok());
    let mut kept: Kept = kept.unwrap_or_default();
    let mut untold = None;
    for way in Way::all(settings) {
        for (notice, told) in changes(control, org, jobs, kept.by(way).clone(), now)? {
            if let Some(notice) = notice
                && let Err(error) = deliver(settings, way, &notice).await
            {
                untold = untold.or(Some(error));
                break;
            }
            *kept.by(way) = told;
            let text = serde_json::to_string(&kept).expect("names are texts");
            control.save_told(org, &text)?;
        }
    }
    untold.map_or(Ok(()), Err)
}

/// Tells of nothing but that telling works, by each way; returns what went wrong.
pub async fn test(settings: &Settings, org: &OrgId, username: &str, now: Timestamp) -> Vec<Error> {
    let notice = Notice {
        org: org.clone(),
        username: username.to_owned(),
        about: "test".to_owned(),
        is_mended: true,
        message: "this is a test: notices arrive".to_owned(),
        mend: None,
        at: now,
        causes: Vec::new(),
    };
    let mut failed = Vec::new();
    for way in Way::all(settings) {
        failed.extend(deliver(settings, way, &notice).await.err());
    }
    failed
}

/// Returns what has changed since it was told of, one after the other, and what is told of after
/// each.
fn changes(
    control: &Store,
    org: &OrgId,
    jobs: &[JobKey],
    mut told: Told,
    now: Timestamp,
) -> Result<Vec<(Option<Notice>, Told)>, store::Error> {
    let connections = control.connections()?;
    let Some(connection) = connections.into_iter().find(|connection| connection.org == *org) else {
        return Ok(Vec::new());
    };
    let notice = |about: &str, is_mended: bool, message: String, mend: Option<String>| Notice {
        org: org.clone(),
        username: connection.username.clone(),
        about: about.to_owned(),
        is_mended,
        message,
        mend,
        at: now,
        causes: Vec::new(),
    };
    let mut wrong: BTreeMap<String, (String, Option<String>)> = BTreeMap::new();
    if let Some(why) = &connection.broken {
        let mend = "Run `efficlose connect` to connect it anew.".to_owned();
        wrong.insert("connection".to_owned(), (why.clone(), Some(mend)));
    }
    let mut unknown = BTreeSet::new();
    for job in jobs {
        let about = format!("{} {}", job.object, job.direction);
        match control.last_verdict(job)?.and_then(|run| run.ending) {
            Some(Ending::Broken(problem)) => {
                wrong.insert(about, (problem.message, problem.hint));
            }
            Some(_) => {}
            None => drop(unknown.insert(about)),
        }
    }
    let mut steps = Vec::new();
    for (about, (message, mend)) in wrong.iter().map(|(about, why)| (about, why.clone())) {
        if told.wrong.insert(about.clone()) {
            steps.push((Some(notice(about, false, message, mend)), told.clone()));
        }
    }
    let is_mended = |about: &String| !wrong.contains_key(about) && !unknown.contains(about);
    for about in told.wrong.clone().into_iter().filter(is_mended) {
        told.wrong.remove(&about);
        let message = format!("{about} is well again");
        steps.push((Some(notice(&about, true, message, None)), told.clone()));
    }
    let failures = control.org(org)?.failure_count()?;
    let is_due = told.digest_at.is_none_or(|at| now.duration_since(at) >= DIGEST_EVERY);
    let before = told.failures;
    told.failures = before.min(failures);
    let digest = if failures == 0 && before > 0 {
        let message = "no failure waits for a mend any more".to_owned();
        Some(notice("failures", true, message, None))
    } else if failures > told.failures && is_due {
        (told.failures, told.digest_at) = (failures, Some(now));
        let mend = "`efficlose failures list` shows each with what mends it.".to_owned();
        let message = match failures {
            1 => "one failure waits for a mend".to_owned(),
            _ => format!("{failures} failures wait for a mend"),
        };
        let causes = control.org(org)?.causes(CAUSES_MAX)?.into_iter().map(Cause::from).collect();
        Some(Notice { causes, ..notice("failures", false, message, Some(mend)) })
    } else {
        None
    };
    // What was mended since counts anew when it fails again.
    if digest.is_some() || before != told.failures {
        steps.push((digest, told));
    }
    Ok(steps)
}

async fn deliver(settings: &Settings, way: Way, notice: &Notice) -> Result<(), Error> {
    let body = serde_json::to_vec(notice).expect("names are texts");
    match (way, &settings.webhook, settings.command.as_slice()) {
        (Way::Webhook, Some(webhook), _) => {
            let secret = settings.secret_file.as_deref().map(secret).transpose()?;
            let posted = post(webhook, secret.as_ref(), notice.at, body).await;
            posted.map_err(|cause| Error::Webhook {
                host: webhook.host_str().unwrap_or_default().to_owned(),
                cause,
            })
        }
        (Way::Command, _, [program, arguments @ ..]) => {
            let ran = tokio::time::timeout(DELIVERY_MAX, run(program, arguments, &body)).await;
            let ran = ran.unwrap_or_else(|_| Err("it took too long".to_owned()));
            ran.map_err(|cause| Error::Command { program: program.clone(), cause })
        }
        _ => Ok(()),
    }
}

async fn post(
    webhook: &Url,
    secret: Option<&Secret>,
    at: Timestamp,
    body: Vec<u8>,
) -> Result<(), String> {
    // Another part may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .user_agent(concat!("efficlose/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(DELIVERY_MAX)
        .build()
        .map_err(|error| error.to_string())?;
    let mut request = client.post(webhook.clone()).header("content-type", "application/json");
    if let Some(secret) = secret {
        request = request.header(SIGNATURE, signature(secret, at, &body));
    }
    // The address may hold a token, and is not told.
    let answer =
        request.body(body).send().await.map_err(|error| error.without_url().to_string())?;
    match answer.status().is_success() {
        true => Ok(()),
        false => Err(format!("HTTP {}", answer.status().as_u16())),
    }
}

/// Returns what proves that a notice is ours, and when it was sent.
fn signature(secret: &Secret, at: Timestamp, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let seconds = at.as_second();
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{seconds}.").as_bytes());
    context.update(body);
    let digits: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={digits}")
}

async fn run(program: &str, arguments: &[String], body: &[u8]) -> Result<(), String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|cause| cause.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        // One that doesn't read it is told by its end.
        let _ = input.write_all(&[body, b"\n"].concat()).await;
    }
    let ended = child.wait().await.map_err(|cause| cause.to_string())?;
    if ended.success() { Ok(()) } else { Err(format!("it ended with {ended}")) }
}

fn secret(path: &Path) -> Result<Secret, Error> {
    let failed = |cause: String| Error::Secret { path: path.to_owned(), cause };
    let size = std::fs::metadata(path).map_err(|cause| failed(cause.to_string()))?.len();
    if size > SECRET_MAX {
        return Err(failed(format!("it is larger than {SECRET_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|cause| failed(cause.to_string()))?;
    match text.trim() {
        "" => Err(failed("it is empty".to_owned())),
        text => Ok(Secret::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Connection, Problem};
    use crate::secret::{Grant, Key};

    fn connection(org: &OrgId) -> Connection {
        Connection {
            org: org.clone(),
            login_url: "https://login.salesforce.com".to_owned(),
            client_id: "client".to_owned(),
            username: "admin@example.com".to_owned(),
            user_id: "005000000000001AAA".to_owned(),
            api_version: "66.0".to_owned(),
            connected_at: Timestamp::UNIX_EPOCH,
            broken: None,
            name: None,
            is_sandbox: false,
        }
    }

    fn grant() -> Grant {
        Grant {
            instance_url: "https://acme.my.salesforce.com".to_owned(),
            access_token: "token".into(),
            refresh_token: None,
            client_secret: None,
        }
    }

    #[test]
    fn a_job_is_well_again_once_a_run_came_to_its_end_and_not_when_one_was_stopped() {
        let home = tempfile::tempdir().unwrap();
        let control = Store::open(home.path(), Key::generate()).unwrap();
        let org: OrgId = "00D000000000001".parse().unwrap();
        control.connect(&connection(&org), &grant()).unwrap();
        let (object, direction) = (Object::Contact, Direction::Pull);
        let jobs = [JobKey { org: org.clone(), object, direction }];
        let now = Timestamp::UNIX_EPOCH;
        let mut told = Told::default();
        // What is told after a run that ended so: for each notice, whether it is of a mend.
        let mut after = |ending: &Ending| -> Vec<bool> {
            let run = control.start_run(&jobs[0], now).unwrap();
            control.end_run(&run.id, now, ending).unwrap();
            let steps = changes(&control, &org, &jobs, told.clone(), now).unwrap();
            let mut mended = Vec::new();
            for (notice, next) in steps {
                mended.extend(notice.map(|notice| notice.is_mended));
                told = next;
            }
            mended
        };
        let message = "the mapping is gone".to_owned();
        let broken = Ending::Broken(Problem { message, at: None, hint: None });
        for (ending, mended) in [
            (&Ending::Stopped, vec![]),
            (&broken, vec![false]),
            (&Ending::Stopped, vec![]),
            (&broken, vec![]),
            (&Ending::Complete, vec![true]),
            (&Ending::Stopped, vec![]),
        ] {
            assert_eq!(after(ending), mended, "{ending:?}");
        }
    }

    #[test]
    fn a_signature_is_that_of_the_time_and_the_body() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let signed = signature(&Secret::from("key"), at, b"{}");
        // echo -n '1700000000.{}' | openssl dgst -sha256 -hmac key
        let digest = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";
        assert_eq!(signed, format!("t=1700000000,v1={digest}"));
        let other = signature(&Secret::from("other"), at, b"{}");
        assert_ne!(other, signed);
    }
}
