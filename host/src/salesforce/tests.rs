//! The door against a small server that speaks for Salesforce.

mod login;
mod query;
mod records;
mod server;
mod session;

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::{Http, Pace, Salesforce, Unlimited, Vault, VaultError};
use crate::secret::Grant;
use server::Server;

/// A client that waits next to nothing between attempts.
fn http() -> Http {
    let pace = Pace { first: Duration::from_millis(1), longest: Duration::from_millis(2), seed: 7 };
    Http::new(pace, None).unwrap()
}

/// An org that this server stands for, opened with the token `old`.
fn org(server: &Server) -> Salesforce {
    open(server, &Memory::with(server, "old", Some("refresh-1")))
}

fn open(server: &Server, vault: &Arc<Memory>) -> Salesforce {
    let login = server.url.parse().unwrap();
    Salesforce::open(&http(), login, "client", "66.0", Arc::clone(vault) as _, Arc::new(Unlimited))
        .unwrap()
}

/// A vault in memory, shared like one on disk.
struct Memory {
    grant: Mutex<Grant>,
    saves: Mutex<Vec<String>>,
    broken_saves: Mutex<u32>,
    turn: Arc<(Mutex<bool>, Condvar)>,
}

impl Memory {
    fn with(server: &Server, access: &str, refresh: Option<&str>) -> Arc<Self> {
        let grant = Grant {
            instance_url: server.url.clone(),
            access_token: access.into(),
            refresh_token: refresh.map(Into::into),
            client_secret: None,
        };
        let (saves, broken_saves, turn) = Default::default();
        Arc::new(Self { grant: Mutex::new(grant), saves, broken_saves, turn })
    }

    fn tokens(&self) -> (String, String) {
        let grant = self.grant.lock().unwrap();
        let refresh = grant.refresh_token.as_ref().unwrap();
        (grant.access_token.expose().to_owned(), refresh.expose().to_owned())
    }
}

impl Vault for Memory {
    fn load(&self) -> Result<Grant, VaultError> {
        Ok(self.grant.lock().unwrap().clone())
    }

    fn save(&self, grant: &Grant) -> Result<(), VaultError> {
        let mut broken = self.broken_saves.lock().unwrap();
        if *broken > 0 {
            *broken -= 1;
            return Err(VaultError::new("the disk is full"));
        }
        self.saves.lock().unwrap().push(grant.access_token.expose().to_owned());
        *self.grant.lock().unwrap() = grant.clone();
        Ok(())
    }

    fn lock(&self) -> Result<Box<dyn Send>, VaultError> {
        struct Turn(Arc<(Mutex<bool>, Condvar)>);
        impl Drop for Turn {
            fn drop(&mut self) {
                *self.0.0.lock().unwrap() = false;
                self.0.1.notify_one();
            }
        }
        let taken = self.turn.0.lock().unwrap();
        *self.turn.1.wait_while(taken, |taken| *taken).unwrap() = true;
        Ok(Box::new(Turn(Arc::clone(&self.turn))))
    }
}
