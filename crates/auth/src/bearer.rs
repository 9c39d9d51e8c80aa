//! OAUTHBEARER's credentials: a token for each connection.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use rohrpost_sasl::{ClaimNames, OAuthBearer, SaslClient, SaslError, UnsecuredToken};

use crate::clock::{Clock, SystemClock};
use crate::keeper::Keeper;
use crate::token::Provided;
use crate::{BoxFuture, Credentials, CredentialsError, RefreshSettings, Token, TokenProvider};

/// Credentials for OAUTHBEARER (KIP-255): tokens from somewhere, and extensions (KIP-342).
#[derive(Clone)]
pub struct BearerCredentials {
    tokens: Tokens,
    extensions: Vec<(String, String)>,
}

#[derive(Clone)]
enum Tokens {
    /// What costs a request: kept, and fetched anew ahead of its end.
    Kept(Keeper<Provided>),
    /// What is made or read at once: asked each time.
    Asked(Arc<dyn TokenProvider>),
}

impl BearerCredentials {
    /// With the tokens of this provider, each of them kept until it ends and replaced ahead of that by a task of its own. Several connections that
    /// wait for the first one wait for a single request.
    pub fn new(provider: Arc<dyn TokenProvider>, refresh: RefreshSettings) -> Self {
        Self::with_clock(provider, refresh, Arc::new(SystemClock))
    }

    pub(crate) fn with_clock(
        provider: Arc<dyn TokenProvider>,
        refresh: RefreshSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let tokens = Tokens::Kept(Keeper::new(Provided(provider), refresh, clock));
        Self { tokens, extensions: Vec::new() }
    }

    /// With the token that stands in a file, which is read anew for each connection: somebody else keeps it fresh, such as Kubernetes its projected
    /// service account tokens.
    pub fn from_file(path: impl Into<PathBuf>, names: ClaimNames) -> Self {
        let (path, was_read, clock) = (path.into(), AtomicBool::new(false), Arc::new(SystemClock));
        Self::asked(Arc::new(TokenFile { path, names, was_read, clock }))
    }

    /// With tokens that nobody signs, made anew for each connection. Whoever can write can make these: they are for development alone, and a broker
    /// takes them only if it is set up for them.
    pub fn unsecured(token: UnsecuredToken) -> Self {
        let extensions = token.extensions().to_vec();
        let clock = Arc::new(SystemClock);
        Self { extensions, ..Self::asked(Arc::new(Unsecured { token, clock })) }
    }

    fn asked(provider: Arc<dyn TokenProvider>) -> Self {
        Self { tokens: Tokens::Asked(provider), extensions: Vec::new() }
    }

    /// Adds an extension: a name and a value for the broker, sent after the token. Java has these as options `extension_<name>` of the login
    /// module.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`]: the name or the value has characters that it cannot have, or the name comes twice.
    pub fn with_extension(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, SaslError> {
        self.extensions.push((name.into(), value.into()));
        mechanism("checked", &self.extensions)?;
        Ok(self)
    }

    /// The token that a connection would get now: for servers beside Kafka that take bearer tokens (RFC 6750), such as a schema registry.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn token(&self) -> Result<Token, CredentialsError> {
        match &self.tokens {
            Tokens::Kept(keeper) => keeper.get().await.map(|token| (*token).clone()),
            Tokens::Asked(provider) => provider.token().await,
        }
    }

    /// The token that there is now that a server refused this one, though its time is not over: it was revoked, or the keys that tokens are verified by were exchanged.
    /// Of several that had the same one refused a single one asks for another. It may be the same again.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn token_instead_of(&self, refused: &Token) -> Result<Token, CredentialsError> {
        let value = refused.value().expose();
        match &self.tokens {
            Tokens::Kept(keeper) => {
                let other = keeper.get_unless(|token| token.value().expose() == value).await;
                other.map(|token| (*token).clone())
            }
            Tokens::Asked(provider) => provider.token().await,
        }
    }
}

fn mechanism(
    token: impl Into<rohrpost_sasl::Secret>,
    extensions: &[(String, String)],
) -> Result<OAuthBearer, SaslError> {
    extensions.iter().try_fold(OAuthBearer::new(token)?, |client, (name, value)| {
        client.with_extension(name, value)
    })
}

impl Credentials for BearerCredentials {
    fn client(
        &self,
        _host: &str,
    ) -> BoxFuture<'static, Result<Box<dyn SaslClient>, CredentialsError>> {
        let this = self.clone();
        Box::pin(async move {
            let token = this.token().await?.value().clone();
            Ok(Box::new(mechanism(token, &this.extensions)?) as Box<dyn SaslClient>)
        })
    }

    fn last_failure(&self) -> Option<CredentialsError> {
        match &self.tokens {
            Tokens::Kept(keeper) => keeper.last_failure(),
            Tokens::Asked(_) => None,
        }
    }
}

impl fmt::Debug for BearerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens: &dyn fmt::Debug = match &self.tokens {
            Tokens::Kept(keeper) => keeper,
            Tokens::Asked(provider) => provider,
        };
        // What is in extensions may be secret as well.
        let names: Vec<&str> = self.extensions.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("BearerCredentials")
            .field("tokens", tokens)
            .field("extensions", &names)
            .finish()
    }
}

/// A token in a file.
#[derive(Debug)]
struct TokenFile {
    path: PathBuf,
    names: ClaimNames,
    /// Once it was, whoever keeps it fresh may be exchanging it when it is missing.
    was_read: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl TokenProvider for TokenFile {
    fn token(&self) -> BoxFuture<'_, Result<Token, CredentialsError>> {
        Box::pin(async {
            let text = crate::file::read(&self.path, "the token file").await;
            let text = text.map_err(|error| CredentialsError {
                is_retriable: error.is_retriable || self.was_read.load(Ordering::Relaxed),
                ..error
            })?;
            self.was_read.store(true, Ordering::Relaxed);
            let from = format!("the file {}", self.path.display());
            let Some(value) = text.expose_str().map(str::trim).filter(|value| !value.is_empty())
            else {
                // Whoever keeps it fresh may be about to write it.
                let detail = format!("there is no token in {from}: it is empty or not text");
                return Err(CredentialsError::passing(detail));
            };
            Token::from_jwt(value, &self.names)
                .map_err(|error| CredentialsError::passing(format!("{from}: {error}")))?
                .checked(self.clock.now(), &from)
        })
    }
}

/// Tokens of one's own making.
#[derive(Debug)]
struct Unsecured {
    token: UnsecuredToken,
    clock: Arc<dyn Clock>,
}

impl TokenProvider for Unsecured {
    fn token(&self) -> BoxFuture<'_, Result<Token, CredentialsError>> {
        let now = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Box::pin(std::future::ready(Ok(Token::new(self.token.token(now)))))
    }
}

#[cfg(test)]
mod tests;
