//! A token endpoint (RFC 6749, section 3.2): asked with a form, answers in JSON.

use std::sync::Arc;
use std::time::Duration;

use rohrpost_sasl::{ClaimNames, JwtError, Secret};
use rohrpost_tls::TlsClient;
use serde::Deserialize;

use crate::clock::{Clock, SystemClock};
use crate::form::Form;
use crate::http::{HttpClient, Request, Response, Url};
use crate::text::quoted;
use crate::{CredentialsError, Token};

/// Where tokens are asked for, and how.
#[derive(Clone, Debug)]
pub struct TokenEndpoint {
    url: Url,
    http: HttpClient,
    names: ClaimNames,
    pub(super) clock: Arc<dyn Clock>,
}

impl TokenEndpoint {
    /// `sasl.oauthbearer.token.endpoint.url`: an `https` address, or `http` where the way there is safe otherwise.
    ///
    /// Connecting may take 10 s and the answer 30 s; TLS trusts whom this machine trusts.
    ///
    /// # Errors
    ///
    /// It is no such address.
    pub fn new(url: &str) -> Result<Self, CredentialsError> {
        let url = Url::parse(url).map_err(|problem| {
            CredentialsError::lasting(format!("the address of the token endpoint {problem}"))
        })?;
        let (http, names) = (HttpClient::default(), ClaimNames::default());
        Ok(Self { url, http, names, clock: Arc::new(SystemClock) })
    }

    /// `sasl.login.connect.timeout.ms`: for resolving the name, connecting and TLS together.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.http.connect_timeout = timeout;
        self
    }

    /// `sasl.login.read.timeout.ms`: for the whole answer; in Java it starts anew with every piece of it.
    #[must_use]
    pub fn with_read_timeout(mut self, timeout: Duration) -> Self {
        self.http.read_timeout = timeout;
        self
    }

    /// Whom to trust, and who one is, by TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsClient) -> Self {
        self.http.tls = Some(tls);
        self
    }

    /// Under which names tokens have their claims: `sasl.oauthbearer.sub.claim.name` and `sasl.oauthbearer.scope.claim.name`.
    #[must_use]
    pub fn with_claim_names(mut self, names: ClaimNames) -> Self {
        self.names = names;
        self
    }

    #[cfg(test)]
    pub(crate) fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Asks for a token. `who` tells errors on whose behalf; of `hidden` nothing is shown, should the server repeat it.
    pub(super) async fn ask(
        &self,
        who: &str,
        authorization: Option<Secret>,
        form: Form,
        hidden: &[&Secret],
    ) -> Result<Token, CredentialsError> {
        let mut request = Request::post(&self.url, form.into_secret())
            .with("accept", "application/json")
            .with("cache-control", "no-cache");
        if let Some(authorization) = authorization {
            request = request.with("authorization", authorization);
        }
        let response = self.http.send(request).await.map_err(|error| CredentialsError {
            detail: format!("the token endpoint {} {error}", self.url),
            is_retriable: error.is_retriable(),
        })?;
        if !response.is_success() {
            return Err(self.refusal(who, &response, hidden));
        }
        self.token(&response)
    }

    /// RFC 6749, section 5.1.
    fn token(&self, response: &Response) -> Result<Token, CredentialsError> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: Option<String>,
            id_token: Option<String>,
            #[serde(default, deserialize_with = "seconds")]
            expires_in: Option<u64>,
        }
        let strange = |what: &str| {
            let detail =
                format!("the token endpoint {} answers {what}: is it the right address?", self.url);
            CredentialsError::passing(detail)
        };
        // The error of the JSON is left out, since it may quote the answer.
        let answer: Answer = serde_json::from_slice(&response.body).map_err(|_| {
            strange(&format!("{}, but not with the JSON of a token", response.status))
        })?;
        let unused = answer.access_token.is_some().then(|| answer.id_token.clone()).flatten();
        drop(unused.map(zeroize::Zeroizing::new));
        let value = answer.access_token.or(answer.id_token).map(Secret::from);
        let value = value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| strange(&format!("{}, but with no access_token", response.status)))?;
        let now = self.clock.now();
        let ends = answer
            .expires_in
            .map(|seconds| now.checked_add(Duration::from_secs(seconds)).unwrap_or(now));
        let token = match (Token::from_jwt(value.clone(), &self.names), ends) {
            (Ok(token), Some(ends)) if token.expires_at().is_none() => token.with_expiry(ends),
            (Ok(token), _) => token,
            // Opaque tokens are for the broker to understand.
            (Err(JwtError::Parts(_) | JwtError::Encrypted), Some(ends)) => {
                Token::new(value).with_expiry(ends)
            }
            (Err(JwtError::Parts(_) | JwtError::Encrypted), None) => Token::new(value),
            (Err(error), _) => {
                let detail =
                    format!("what the token endpoint {} gave is of no use: {error}", self.url);
                return Err(CredentialsError::lasting(detail));
            }
        };
        token.checked(now, &format_args!("the token endpoint {}", self.url))
    }

    /// RFC 6749, section 5.2; `errorCode` and `errorSummary` are Okta's.
    fn refusal(&self, who: &str, response: &Response, hidden: &[&Secret]) -> CredentialsError {
        #[derive(Default, Deserialize)]
        struct Answer {
            #[serde(alias = "errorCode")]
            error: Option<String>,
            #[serde(alias = "errorSummary")]
            error_description: Option<String>,
        }
        let status = response.status;
        let answer: Answer = serde_json::from_slice(&response.body).unwrap_or_default();
        let words = match (&answer.error, &answer.error_description) {
            (Some(error), Some(description)) => {
                format!("{}: {}", quoted(error, hidden), quoted(description, hidden))
            }
            (Some(error), None) => quoted(error, hidden),
            _ => quoted(&String::from_utf8_lossy(&response.body), hidden),
        };
        let advice = match answer.error.as_deref() {
            Some("invalid_client") => "; check the client id and its secret or key",
            Some("invalid_grant") => {
                "; check the assertion: its issuer, subject and audience, the key, and the clocks"
            }
            Some("invalid_scope") => "; check the scope",
            Some("unauthorized_client" | "unsupported_grant_type") => {
                "; the client must be allowed this grant at the server"
            }
            _ => "",
        };
        let separator = if words.is_empty() { "" } else { ", " };
        CredentialsError {
            detail: format!(
                "the token endpoint {} refuses {who}: {status}{separator}{words}{advice}",
                self.url
            ),
            is_retriable: is_retriable(status),
        }
    }
}

/// A number, or one as text, as some servers write it.
fn seconds<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Whole(u64),
        Number(f64),
        Text(String),
    }
    Ok(match Option::<Seconds>::deserialize(reader)? {
        Some(Seconds::Whole(seconds)) => Some(seconds),
        Some(Seconds::Number(seconds)) => Some(seconds as u64),
        Some(Seconds::Text(text)) => text.trim().parse().ok(),
        None => None,
    })
}

/// Java's list of answers that last, turned round.
fn is_retriable(status: u16) -> bool {
    !matches!(status, 400..=407 | 409..=415 | 501 | 505)
}
