//! The grant of client credentials (RFC 6749, section 4.4), as KIP-768 has it.

use base64ct::{Base64, Encoding};
use rohrpost_sasl::Secret;
use zeroize::Zeroizing;

use super::{Assertion, TokenEndpoint};
use crate::form::{self, Form};
use crate::{BoxFuture, CredentialsError, Token, TokenProvider};

/// Tokens for a client that is somebody by itself: it shows its id and its secret (KIP-768), or an assertion that it signed (RFC 7523, section 2.2).
///
/// ```no_run
/// use std::sync::Arc;
///
/// use rohrpost_auth::{BearerCredentials, ClientCredentials, RefreshSettings, TokenEndpoint};
///
/// let endpoint = TokenEndpoint::new("https://idp.example/oauth2/token")?;
/// let client = ClientCredentials::new(endpoint, "orders", &"its-secret".into())?.with_scope("kafka");
/// let credentials = BearerCredentials::new(Arc::new(client), RefreshSettings::default());
/// # Ok::<(), rohrpost_auth::CredentialsError>(())
/// ```
#[derive(Debug)]
pub struct ClientCredentials {
    endpoint: TokenEndpoint,
    client_id: String,
    proof: Proof,
    scope: Option<String>,
    urlencodes: bool,
}

#[derive(Debug)]
enum Proof {
    Secret(Secret),
    Assertion(Box<Assertion>),
}

impl ClientCredentials {
    /// `sasl.oauthbearer.client.credentials.client.id` and `.client.secret`, or `clientId` and `clientSecret` in Java's login module. Blanks around
    /// either do not count.
    ///
    /// # Errors
    ///
    /// Either is empty.
    pub fn new(
        endpoint: TokenEndpoint,
        client_id: &str,
        client_secret: &Secret,
    ) -> Result<Self, CredentialsError> {
        let secret = client_secret.expose().trim_ascii();
        if secret.is_empty() {
            return Err(CredentialsError::lasting(
                "the client secret for the token endpoint is empty",
            ));
        }
        if client_id.trim().is_empty() {
            return Err(CredentialsError::lasting("the client id for the token endpoint is empty"));
        }
        Ok(Self::with_proof(endpoint, client_id, Proof::Secret(Secret::new(secret))))
    }

    /// With an assertion instead of a secret. A blank client id is not sent (RFC 7521, section 4.2): the assertion's subject says it then.
    pub fn with_assertion(endpoint: TokenEndpoint, client_id: &str, assertion: Assertion) -> Self {
        Self::with_proof(endpoint, client_id, Proof::Assertion(Box::new(assertion)))
    }

    fn with_proof(endpoint: TokenEndpoint, client_id: &str, proof: Proof) -> Self {
        let client_id = client_id.trim().to_owned();
        Self { endpoint, client_id, proof, scope: None, urlencodes: false }
    }

    /// `sasl.oauthbearer.scope`: what the token shall be good for. Blank: not said.
    #[must_use]
    pub fn with_scope(mut self, scope: &str) -> Self {
        let scope = scope.trim();
        self.scope = (!scope.is_empty()).then(|| scope.to_owned());
        self
    }

    /// `sasl.oauthbearer.header.urlencode` (KIP-1025): whether id and secret are encoded in the header as RFC 6749 demands it. Default: no, as in
    /// Java.
    #[must_use]
    pub fn with_urlencoded_header(mut self, urlencodes: bool) -> Self {
        self.urlencodes = urlencodes;
        self
    }

    /// RFC 7617, with the base64 that is not for URLs.
    fn authorization(&self, secret: &Secret) -> Secret {
        let mut pair = Zeroizing::new(Vec::with_capacity(
            3 * (self.client_id.len() + secret.expose().len()) + 1,
        ));
        if self.urlencodes {
            form::encode(self.client_id.as_bytes(), &mut pair);
            pair.push(b':');
            form::encode(secret.expose(), &mut pair);
        } else {
            pair.extend_from_slice(self.client_id.as_bytes());
            pair.push(b':');
            pair.extend_from_slice(secret.expose());
        }
        let encoded = Zeroizing::new(Base64::encode_string(&pair));
        let mut header = String::with_capacity("Basic ".len() + encoded.len());
        header.push_str("Basic ");
        header.push_str(&encoded);
        Secret::from(header)
    }
}

impl TokenProvider for ClientCredentials {
    fn token(&self) -> BoxFuture<'_, Result<Token, CredentialsError>> {
        Box::pin(async {
            let mut form = Form::new().with("grant_type", "client_credentials");
            if let Some(scope) = &self.scope {
                form = form.with("scope", scope);
            }
            let who = match &self.proof {
                Proof::Assertion(assertion) if self.client_id.is_empty() => assertion.to_string(),
                _ => format!("the client {:?}", self.client_id),
            };
            match &self.proof {
                Proof::Secret(secret) => {
                    let authorization = self.authorization(secret);
                    let hidden = [secret, &authorization];
                    self.endpoint.ask(&who, Some(authorization.clone()), form, &hidden).await
                }
                Proof::Assertion(assertion) => {
                    let assertion = assertion.make(self.endpoint.clock.now()).await?;
                    if !self.client_id.is_empty() {
                        form = form.with("client_id", &self.client_id);
                    }
                    let form = form
                        .with(
                            "client_assertion_type",
                            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                        )
                        .with("client_assertion", assertion.expose());
                    self.endpoint.ask(&who, None, form, &[&assertion]).await
                }
            }
        })
    }
}
