//! The grants: what is shown, and which tokens it gives.

use super::proofs::{check_verifier, letters};
use super::{
    APPROVAL_LIMIT, Access, Approval, CODE_SECONDS, Granted, KEPT_LIMIT, OauthError, Proof,
    RefreshToken, Session, error,
};
use crate::ids::Id;

impl Access {
    /// Exchanges a code. It works once, even when the rest is wrong.
    ///
    /// # Errors
    ///
    /// The app's errors, `invalid_grant` and `redirect_uri_mismatch`.
    pub(crate) fn exchange(
        &mut self,
        proof: &Proof,
        code: &str,
        redirect_uri: &str,
        verifier: Option<&str>,
        now: i64,
    ) -> Result<Granted, OauthError> {
        let known = self.codes.remove(code);
        let has_challenge = known.as_ref().is_some_and(|code| code.challenge.is_some());
        self.authenticate(proof, !has_challenge && verifier.is_none())?;
        let code = known
            .filter(|code| code.client == proof.client_id)
            .ok_or_else(|| error("invalid_grant", "invalid authorization code"))?;
        if now - code.issued_at > CODE_SECONDS {
            return Err(error("invalid_grant", "expired authorization code"));
        }
        if code.redirect_uri != redirect_uri {
            let description = "redirect_uri must match configuration";
            return Err(error("redirect_uri_mismatch", description));
        }
        match (&code.challenge, verifier) {
            (None, _) => {}
            (Some(_), None) => return Err(error("invalid_grant", "code verifier missing")),
            (Some(challenge), Some(verifier)) => check_verifier(challenge, verifier)?,
        }
        Ok(self.grant(self.integration, &code.client, &code.scope, now))
    }

    /// Returns a session of the integration user without a person at a browser.
    ///
    /// # Errors
    ///
    /// The app's errors.
    pub(crate) fn client_credentials(
        &mut self,
        proof: &Proof,
        now: i64,
    ) -> Result<Granted, OauthError> {
        self.authenticate(proof, true)?;
        let (user, client) = (self.integration, proof.client_id.clone());
        Ok(Granted {
            access_token: self.open_session(user, &client, "api", None, now),
            refresh_token: None,
            user,
            scope: "api".to_owned(),
        })
    }

    /// Makes an approval with its tokens.
    pub(crate) fn grant(&mut self, user: Id, client: &str, scope: &str, now: i64) -> Granted {
        let lasting = scope
            .split_whitespace()
            .any(|scope| matches!(scope, "refresh_token" | "offline_access"));
        if !lasting {
            return Granted {
                access_token: self.open_session(user, client, scope, None, now),
                refresh_token: None,
                user,
                scope: scope.to_owned(),
            };
        }
        self.next_approval += 1;
        let approval = self.next_approval;
        let shared =
            self.approvals.iter().filter(|(_, known)| known.user == user && known.client == client);
        let shared: Vec<u64> = shared.map(|(number, _)| *number).collect();
        if shared.len() >= APPROVAL_LIMIT {
            self.end_approval(shared[0]);
        }
        self.approvals.insert(
            approval,
            Approval { user, client: client.to_owned(), scope: scope.to_owned() },
        );
        Granted {
            access_token: self.open_session(user, client, scope, Some(approval), now),
            refresh_token: Some(self.new_refresh_token(approval)),
            user,
            scope: scope.to_owned(),
        }
    }

    fn new_refresh_token(&mut self, approval: u64) -> String {
        let token = format!("5Aep861{}", letters(&mut self.rng, 80));
        self.refresh_tokens.insert(token.clone(), RefreshToken { approval, current: true });
        token
    }

    pub(super) fn open_session(
        &mut self,
        user: Id,
        client: &str,
        scope: &str,
        approval: Option<u64>,
        now: i64,
    ) -> String {
        if self.sessions.len() >= KEPT_LIMIT {
            let oldest = self.sessions.iter().min_by_key(|(_, session)| session.used_at);
            if let Some(token) = oldest.map(|(token, _)| token.clone()) {
                self.sessions.remove(&token);
            }
        }
        let token = format!("{}!AQ{}", self.org.short(), letters(&mut self.rng, 90));
        self.sessions.insert(
            token.clone(),
            Session {
                user,
                client: client.to_owned(),
                scope: scope.to_owned(),
                used_at: now,
                approval,
            },
        );
        token
    }

    /// Refreshes a session. A token that was rotated out ends its approval.
    ///
    /// # Errors
    ///
    /// The app's errors, and `invalid_grant` for a dead token.
    pub(crate) fn refresh(
        &mut self,
        proof: &Proof,
        token: &str,
        now: i64,
    ) -> Result<Granted, OauthError> {
        self.authenticate(proof, false)?;
        let dead = || error("invalid_grant", "expired access/refresh token");
        let known = self.refresh_tokens.get(token).ok_or_else(dead)?;
        let (number, current) = (known.approval, known.current);
        if !current {
            self.end_approval(number);
            return Err(dead());
        }
        let approval = self.approvals.get(&number).ok_or_else(dead)?;
        if approval.client != proof.client_id {
            return Err(dead());
        }
        let (user, scope) = (approval.user, approval.scope.clone());
        let refresh_token = self.rotate.then(|| {
            if let Some(old) = self.refresh_tokens.get_mut(token) {
                old.current = false;
            }
            self.new_refresh_token(number)
        });
        Ok(Granted {
            access_token: self.open_session(user, &proof.client_id, &scope, Some(number), now),
            refresh_token,
            user,
            scope,
        })
    }
}
