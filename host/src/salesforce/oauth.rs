//! Logins: the authorization code flow with PKCE, renewal and revocation.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AccessToken, AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, Client, ClientId,
    ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    StandardRevocableToken, TokenResponse, TokenUrl,
};
use reqwest::{Method, StatusCode};
use url::Url;

use super::{Error, Http, LoginUrl, Result, clean};
use crate::model::{OrgId, SalesforceId};
use crate::secret::{Grant, Secret};

/// What is asked for: calls, and leave to go on making them.
const SCOPES: [&str; 2] = ["api", "refresh_token"];

/// The connected app or external client app at Salesforce.
#[derive(Debug, Clone)]
pub struct App {
    /// Its consumer key.
    pub client_id: String,
    /// Its consumer secret, where it has one.
    pub client_secret: Option<Secret>,
}

/// A login that was begun and waits for its code.
pub struct Authorization {
    /// Where the person's browser has to go.
    pub url: Url,
    login: LoginUrl,
    app: App,
    redirect: Url,
    state: CsrfToken,
    verifier: Secret,
}

impl Authorization {
    /// Begins a login. `redirect` must be registered with the app, character for
    /// character; the state and the verifier come from the operating system's
    /// randomness.
    pub fn begin(login: &LoginUrl, app: &App, redirect: Url) -> Self {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = client(login, &app.client_id, app.client_secret.as_ref())
            .set_redirect_uri(RedirectUrl::from_url(redirect.clone()));
        let (url, state) = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(SCOPES.map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge)
            .url();
        let verifier = verifier.into_secret().into();
        Self { url, login: login.clone(), app: app.clone(), redirect, state, verifier }
    }

    /// Asks Salesforce for the login page, as the browser will, and fails where it
    /// shows an error in its place.
    ///
    /// An app that isn't known, or a callback that isn't registered, never comes
    /// back to the callback: only the person at the browser would see why.
    pub async fn probe(&self, http: &Http) -> Result<()> {
        let request = built(http.request(Method::GET, self.url.clone()))?;
        let answer = http.send(request).await?;
        let to = answer.location.and_then(|location| self.url.join(&location).ok());
        let Some(to) = to else { return Ok(()) };
        let said = |name| to.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        match said("error") {
            Some(code) => Err(Error::OAuth {
                code: clean::shown(&code),
                description: clean::shown(&said("error_description").unwrap_or_default()),
            }),
            None => Ok(()),
        }
    }

    /// Tells whether an arrival at the callback ends this login.
    pub fn is_ended_by(&self, arrival: &Arrival) -> bool {
        arrival.is_for(&self.state())
    }

    /// Returns where people log in, and by way of which app.
    pub fn way(&self) -> (&LoginUrl, &App) {
        (&self.login, &self.app)
    }

    /// Returns the state that the answer must bear.
    pub(super) fn state(&self) -> Secret {
        self.state.secret().as_str().into()
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("login", &self.login).finish_non_exhaustive()
    }
}

/// What Salesforce adds to the callback's address at the end of a login. Each value is
/// decoded exactly once: a code ends in `=`, and decoding it twice or not at all spoils it.
#[derive(Debug, serde::Deserialize)]
pub struct Arrival {
    code: Option<Secret>,
    state: Option<Secret>,
    error: Option<String>,
    error_description: Option<String>,
}

impl Arrival {
    /// Tells whether it ends the login that was begun with this state.
    pub(super) fn is_for(&self, state: &Secret) -> bool {
        self.state.as_ref().is_some_and(|theirs| state.is_same(theirs.expose()))
    }

    /// Returns the code, or why there is none.
    pub fn code(self) -> Result<Code> {
        match (self.error, self.code) {
            (None, Some(code)) if !code.expose().is_empty() => Ok(Code(code)),
            (error, _) => Err(Error::OAuth {
                code: clean::shown(error.as_deref().unwrap_or("unknown_error")),
                description: clean::shown(self.error_description.as_deref().unwrap_or_default()),
            }),
        }
    }
}

/// The code that a login ends with; good for one exchange within minutes.
#[derive(Debug, Clone)]
pub struct Code(pub(super) Secret);

impl From<Secret> for Code {
    /// Takes a code that was copied by hand, decoded as it stands in the address.
    fn from(code: Secret) -> Self {
        Self(code)
    }
}

/// An org that a person has just allowed us to use.
#[derive(Debug, Clone)]
pub struct Connected {
    /// What opens the org.
    pub grant: Grant,
    /// The org.
    pub org: OrgId,
    /// The user who allowed it.
    pub user: SalesforceId,
    /// What was granted, separated by spaces; empty where Salesforce is silent.
    pub scope: String,
}

/// Exchanges the code of a login for a grant.
///
/// Sent once: a code is used up by the first exchange, even if its answer is
/// lost. Fails with [`Error::NoRefreshToken`] where the app's policy gives none.
pub async fn exchange(http: &Http, authorization: &Authorization, code: Code) -> Result<Connected> {
    let Authorization { login, app, redirect, verifier, .. } = authorization;
    let client = client(login, &app.client_id, app.client_secret.as_ref())
        .set_redirect_uri(RedirectUrl::from_url(redirect.clone()));
    let answer = client
        .exchange_code(AuthorizationCode::new(code.0.expose().to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()))
        .request_async(http)
        .await
        .map_err(|error| failed(login, error))?;
    let (org, user) = answer.identity(login)?;
    let Some(refresh) = &answer.refresh_token else {
        return Err(Error::NoRefreshToken);
    };
    let grant = Grant {
        instance_url: answer.instance(login)?,
        access_token: answer.access_token.secret().as_str().into(),
        refresh_token: Some(refresh.secret().as_str().into()),
        client_secret: app.client_secret.clone(),
    };
    Ok(Connected { grant, org, user, scope: answer.scope.unwrap_or_default() })
}

/// Returns the grant with a new access token, and with a new refresh token where
/// the app rotates them: then the old one is dead, and the grant must be kept
/// before it is used.
///
/// Sent again only where no connection came about; with rotation, a second use
/// of a token revokes the whole grant.
pub async fn renew(http: &Http, login: &LoginUrl, client_id: &str, grant: &Grant) -> Result<Grant> {
    let Some(refresh) = &grant.refresh_token else {
        let code = "no_refresh_token".to_owned();
        return Err(Error::SessionEnded { code, description: String::new() });
    };
    let refresh = RefreshToken::new(refresh.expose().to_owned());
    let client = client(login, client_id, grant.client_secret.as_ref());
    let never_left = |error: &Error| matches!(error, Error::Unreachable { .. });
    let renewed = http
        .persist(never_left, || async {
            let answer = client.exchange_refresh_token(&refresh).request_async(http).await;
            answer.map_err(|error| failed(login, error))
        })
        .await;
    let answer = renewed.map_err(|error| match error {
        Error::OAuth { code, description } if code == "invalid_grant" => {
            Error::SessionEnded { code, description }
        }
        other => other,
    })?;
    let refresh = answer.refresh_token.as_ref().map(|token| Secret::from(token.secret().as_str()));
    Ok(Grant {
        instance_url: match &answer.instance_url {
            Some(_) => answer.instance(login)?,
            None => grant.instance_url.clone(),
        },
        access_token: answer.access_token.secret().as_str().into(),
        refresh_token: refresh.or_else(|| grant.refresh_token.clone()),
        client_secret: grant.client_secret.clone(),
    })
}

/// Revokes a grant at Salesforce. A token that Salesforce does not know is as
/// good as revoked.
pub async fn revoke(http: &Http, login: &LoginUrl, grant: &Grant) -> Result<()> {
    let token = grant.refresh_token.as_ref().unwrap_or(&grant.access_token).expose();
    let url = login.at("/services/oauth2/revoke");
    http.persist(Error::passes_soon, || async {
        let request = http.request(Method::POST, url.clone()).form(&[("token", token)]);
        let answer = http.send(built(request)?).await?;
        match answer.status {
            200..300 | 400 => Ok(()),
            _ => answer.accepted().map(drop),
        }
    })
    .await
}

/// Returns a request, which fails for none of ours: addresses and bodies are
/// checked before.
pub(super) fn built(request: reqwest::RequestBuilder) -> Result<reqwest::Request> {
    request.build().map_err(unbuilt)
}

fn unbuilt(error: reqwest::Error) -> Error {
    Error::Setup { cause: error.without_url().to_string() }
}

type Login = Client<
    BasicErrorResponse,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

fn client(login: &LoginUrl, client_id: &str, secret: Option<&Secret>) -> Login {
    let client = Client::new(ClientId::new(client_id.to_owned()))
        .set_auth_type(AuthType::RequestBody)
        .set_auth_uri(AuthUrl::from_url(login.at("/services/oauth2/authorize")))
        .set_token_uri(TokenUrl::from_url(login.at("/services/oauth2/token")));
    match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
        None => client,
    }
}

/// The OAuth library sends its calls by the client that all other calls take.
impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(unbuilt)?;
            let answer = self.send(request).await?;
            if answer.status >= 500 {
                return Err(Error::Server { host: answer.host, status: answer.status });
            }
            // Told here, where the kind of text is known.
            if serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body).is_err() {
                return Err(answer.not_json());
            }
            let status = StatusCode::from_u16(answer.status).unwrap_or_default();
            let mut response = HttpResponse::new(answer.body);
            *response.status_mut() = status;
            Ok(response)
        })
    }
}

fn failed(login: &LoginUrl, error: RequestTokenError<Error, BasicErrorResponse>) -> Error {
    let host = || login.at("").host_str().unwrap_or_default().to_owned();
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(answer) => {
            let description = answer.error_description().map_or("", String::as_str);
            Error::OAuth {
                code: clean::shown(answer.error().as_ref()),
                description: clean::shown(description),
            }
        }
        // The rest of these hold the body, and with it a token.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            Error::NotJson { host: host(), status: 200, what: "JSON of another shape" }
        }
    }
}

/// The answer of the token service. Salesforce's own: it tells where the org is
/// and who the user is, never how long the token lasts, and older captures leave
/// the type out.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct TokenAnswer {
    access_token: AccessToken,
    #[serde(default)]
    refresh_token: Option<RefreshToken>,
    #[serde(default)]
    instance_url: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    scope: Option<String>,
}

impl TokenAnswer {
    fn instance(&self, login: &LoginUrl) -> Result<String> {
        let url = login.instance(self.instance_url.as_deref().unwrap_or_default())?;
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    /// Returns the org and the user, which the identity URL ends with.
    fn identity(&self, login: &LoginUrl) -> Result<(OrgId, SalesforceId)> {
        let mut steps = self.id.as_deref().unwrap_or_default().rsplit('/');
        let mut next = || steps.next().and_then(|step| step.parse().ok());
        match (next(), next()) {
            (Some(user), Some(org)) => Ok((org, user)),
            _ => Err(failed(login, RequestTokenError::Other(String::new()))),
        }
    }
}

impl TokenResponse for TokenAnswer {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &BasicTokenType::Bearer
    }

    fn expires_in(&self) -> Option<Duration> {
        None
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}
