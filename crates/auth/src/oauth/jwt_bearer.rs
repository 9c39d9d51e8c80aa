//! The grant of a JWT bearer assertion (RFC 7523, section 2.1), as KIP-1139 has it.

use super::{Assertion, TokenEndpoint};
use crate::form::Form;
use crate::{BoxFuture, CredentialsError, Token, TokenProvider};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Tokens in exchange for an assertion that the client signs, or somebody did for it: no secret goes over the wire (KIP-1139).
#[derive(Debug)]
pub struct JwtBearer {
    endpoint: TokenEndpoint,
    assertion: Assertion,
    scope: Option<String>,
}

impl JwtBearer {
    /// With this assertion, made or read anew for each token.
    pub fn new(endpoint: TokenEndpoint, assertion: Assertion) -> Self {
        Self { endpoint, assertion, scope: None }
    }

    /// `sasl.oauthbearer.scope`: what the token shall be good for. Blank: not said.
    #[must_use]
    pub fn with_scope(mut self, scope: &str) -> Self {
        let scope = scope.trim();
        self.scope = (!scope.is_empty()).then(|| scope.to_owned());
        self
    }
}

impl TokenProvider for JwtBearer {
    fn token(&self) -> BoxFuture<'_, Result<Token, CredentialsError>> {
        Box::pin(async {
            let assertion = self.assertion.make(self.endpoint.clock.now()).await?;
            let mut form =
                Form::new().with("grant_type", GRANT_TYPE).with("assertion", assertion.expose());
            if let Some(scope) = &self.scope {
                form = form.with("scope", scope);
            }
            let who = self.assertion.to_string();
            self.endpoint.ask(&who, None, form, &[&assertion]).await
        })
    }
}
