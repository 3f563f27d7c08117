//! Faults on purpose: planned ones for a path, and random ones from a seed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::sync::watch;

use crate::refusal::{ROW_CODES, Refusal};

/// How long a hanging answer waits at most when nobody releases it.
const HANG_LIMIT: Duration = Duration::from_secs(600);

/// The most faults that can wait.
const FAULT_LIMIT: usize = 1_000;

/// A fault that waits for its request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fault {
    /// The method it waits for; any when absent.
    #[serde(default)]
    pub(crate) method: Option<String>,
    /// What the path starts with; anything when absent. `{V}` stands for any
    /// `/services/data/v…`.
    #[serde(default)]
    pub(crate) path: String,
    /// How many matching requests pass before it strikes.
    #[serde(default)]
    pub(crate) after: u32,
    /// How often it strikes.
    #[serde(default = "once")]
    pub(crate) times: u32,
    /// What it does.
    #[serde(flatten)]
    pub(crate) kind: FaultKind,
}

fn once() -> u32 {
    1
}

/// What goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum FaultKind {
    /// The request isn't carried out; the answer is this.
    Status {
        /// The status.
        status: u16,
        /// The body.
        #[serde(default)]
        body: Json,
    },
    /// The connection closes and nothing was done.
    CutBefore,
    /// It is done, then the connection closes without an answer.
    CutAfterCommit,
    /// It is done, then the answer waits.
    Hang {
        /// How long, unless it is released before.
        #[serde(default)]
        milliseconds: Option<u64>,
    },
    /// Some rows are locked by someone else.
    LockRow {
        /// How many.
        #[serde(default = "once")]
        rows: u32,
    },
    /// Some rows are refused for another reason.
    RefuseRow {
        /// How many.
        #[serde(default = "once")]
        rows: u32,
        /// The code, one that Salesforce knows.
        code: String,
        /// The sentence.
        #[serde(default)]
        message: String,
        /// The fields at fault.
        #[serde(default)]
        fields: Vec<String>,
    },
    /// A page of HTML with status 503.
    #[serde(rename = "html-503")]
    Html503,
    /// 403 with `REQUEST_LIMIT_EXCEEDED`.
    RequestLimit {
        /// The limit on requests at the same time instead of the daily one.
        #[serde(default)]
        concurrent: bool,
    },
}

/// What happens to the rows of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blow {
    /// How many are refused.
    pub(crate) rows: u32,
    /// Why, unless they are locked.
    pub(crate) refusal: Option<Refusal>,
}

impl Blow {
    /// Returns a blow with a code that Salesforce knows; another reads as
    /// `UNKNOWN_EXCEPTION`.
    pub(crate) fn refusing(rows: u32, code: &str, message: String, fields: Vec<String>) -> Self {
        let known = ROW_CODES.into_iter().find(|known| *known == code);
        let refusal = Refusal::new(known.unwrap_or("UNKNOWN_EXCEPTION"), message);
        Self { rows, refusal: Some(refusal.with_fields(fields)) }
    }
}

/// Faults that strike at random.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RandomFaults {
    /// Where the chance comes from.
    pub(crate) seed: u64,
    /// The share of requests that are struck, from 0 to 1.
    pub(crate) rate: f64,
    /// What can happen.
    pub(crate) kinds: Vec<FaultKind>,
    /// What a struck path starts with; anything when absent.
    #[serde(default)]
    pub(crate) path: String,
}

/// All faults, and the gate that hanging answers wait at.
#[derive(Debug)]
pub(crate) struct Faults {
    waiting: Mutex<Waiting>,
    gate: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Waiting {
    planned: Vec<Fault>,
    random: Option<(RandomFaults, StdRng)>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { waiting: Mutex::default(), gate: watch::Sender::new(0) }
    }
}

impl Faults {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault behind the others.
    ///
    /// # Errors
    ///
    /// Says that too many wait already.
    pub(crate) fn plan(&self, fault: Fault) -> Result<(), String> {
        let planned = &mut self.waiting().planned;
        if planned.len() >= FAULT_LIMIT {
            return Err(format!("{FAULT_LIMIT} faults wait already"));
        }
        planned.push(fault);
        Ok(())
    }

    /// Returns the faults that still wait.
    pub(crate) fn planned(&self) -> Vec<Fault> {
        self.waiting().planned.clone()
    }

    /// Sets or ends random faults.
    pub(crate) fn set_random(&self, random: Option<RandomFaults>) {
        self.waiting().random = random.map(|random| {
            let rng = StdRng::seed_from_u64(random.seed);
            (random, rng)
        });
    }

    /// Forgets all faults.
    pub(crate) fn clear(&self) {
        *self.waiting() = Waiting::default();
    }

    /// Returns what goes wrong with this request.
    pub(crate) fn strike(&self, method: &str, path: &str) -> Option<FaultKind> {
        let mut waiting = self.waiting();
        let place = waiting.planned.iter_mut().position(|fault| {
            if !fault.matches(method, path) {
                return false;
            }
            let strikes = fault.after == 0;
            fault.after = fault.after.saturating_sub(1);
            strikes
        });
        if let Some(place) = place {
            let fault = &mut waiting.planned[place];
            let kind = fault.kind.clone();
            fault.times = fault.times.saturating_sub(1);
            if fault.times == 0 {
                waiting.planned.remove(place);
            }
            return Some(kind);
        }
        let (random, rng) = waiting.random.as_mut()?;
        if random.kinds.is_empty() || !starts(path, &random.path) {
            return None;
        }
        let struck = rng.random::<f64>() < random.rate;
        let place = rng.random_range(0..random.kinds.len());
        struck.then(|| random.kinds[place].clone())
    }

    /// Returns the gate an answer waits at. Taken before the request is carried
    /// out, it opens at any release from then on.
    pub(crate) fn gate(&self) -> Gate {
        Gate(self.gate.subscribe())
    }

    /// Lets all hanging answers go.
    pub(crate) fn release(&self) {
        self.gate.send_modify(|count| *count += 1);
    }
}

/// What a hanging answer waits at.
#[derive(Debug)]
pub(crate) struct Gate(watch::Receiver<u64>);

impl Gate {
    /// Waits until the answer is released or its time has come.
    pub(crate) async fn wait(mut self, milliseconds: Option<u64>) {
        let limit = milliseconds.map_or(HANG_LIMIT, Duration::from_millis);
        // Either way the answer goes out.
        let _ = tokio::time::timeout(limit.min(HANG_LIMIT), self.0.changed()).await;
    }
}

impl Fault {
    fn matches(&self, method: &str, path: &str) -> bool {
        let fits = |wanted: &String| wanted.eq_ignore_ascii_case(method);
        self.method.as_ref().is_none_or(fits) && starts(path, &self.path)
    }
}

/// Returns whether a path starts so; `{V}` stands for any version.
fn starts(path: &str, start: &str) -> bool {
    let Some(start) = start.strip_prefix("{V}") else {
        return path.starts_with(start);
    };
    let rest = path.strip_prefix("/services/data/v");
    let after = rest.and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    after.unwrap_or("/").starts_with(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: Json) -> Fault {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_fault_strikes_as_often_as_it_says_and_only_where_it_says() {
        let faults = Faults::default();
        let json = serde_json::json!({"method": "POST", "path": "{V}/sobjects", "times": 2, "after": 1, "kind": "cut-before"});
        faults.plan(fault(json)).unwrap();
        let strikes: Vec<bool> = [
            ("GET", "/services/data/v66.0/sobjects/Task"),
            ("POST", "/services/data/v66.0/sobjects/Task"),
            ("POST", "/services/data/v60.0/sobjects/Task"),
            ("POST", "/services/data/v66.0/composite"),
            ("POST", "/services/data/v66.0/sobjects/Task"),
            ("POST", "/services/data/v66.0/sobjects/Task"),
        ]
        .map(|(method, path)| faults.strike(method, path).is_some())
        .to_vec();
        assert_eq!(strikes, [false, false, true, false, true, false]);
    }

    #[test]
    fn random_faults_repeat_with_their_seed() {
        let strikes = || {
            let faults = Faults::default();
            let random =
                serde_json::json!({"seed": 5, "rate": 0.3, "kinds": [{"kind": "html-503"}]});
            faults.set_random(Some(serde_json::from_value(random).unwrap()));
            (0..100).filter(|_| faults.strike("GET", "/").is_some()).count()
        };
        assert_eq!(strikes(), strikes());
        assert!((10..60).contains(&strikes()));
    }
}
