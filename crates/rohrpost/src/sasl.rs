//! SASL: who one is, and how one proves it. For [`ProducerBuilder::sasl`](crate::ProducerBuilder::sasl), with the feature `sasl`. The properties `sasl.*` say the same by Java's or
//! librdkafka's names.
//!
//! Tokens for OAUTHBEARER come from a [`TokenProvider`], which is asked ahead of each token's end: one of one's own, or with the feature `oauth` `ClientCredentials` and `JwtBearer`, which ask an
//! authorization server. With the feature `msk-iam` there is `Sasl::aws_msk_iam`, with the feature `gssapi` `Sasl::kerberos`. What a listener has beyond that, [`Credentials`] of one's own do.
//!
//! ```
//! use std::sync::Arc;
//! use rohrpost::Producer;
//! use rohrpost::sasl::{BoxFuture, CredentialsError, Sasl, Token, TokenProvider};
//!
//! #[derive(Debug)]
//! struct Tokens;
//!
//! impl TokenProvider for Tokens {
//!     fn token(&self) -> BoxFuture<'_, Result<Token, CredentialsError>> {
//!         Box::pin(async {
//!             let token = std::env::var("KAFKA_TOKEN").map_err(|_| CredentialsError::lasting("KAFKA_TOKEN is not set"))?;
//!             Ok(Token::new(token))
//!         })
//!     }
//! }
//!
//! let builder = Producer::builder().bootstrap_servers("broker:9096").sasl(Sasl::oauthbearer(Arc::new(Tokens)));
//! ```

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "oauth")]
pub use rohrpost_auth::{
    Assertion, AssertionAlgorithm, ClientCredentials, JwtBearer, TokenEndpoint,
};
#[cfg(feature = "msk-iam")]
pub use rohrpost_auth::{
    AwsCredentialsProvider, AwsEnvironment, AwsSession, DefaultAwsCredentials, MskIamCredentials,
};
pub use rohrpost_auth::{
    BearerCredentials, BoxFuture, Credentials, CredentialsError, RefreshSettings, Token,
    TokenProvider,
};
#[cfg(feature = "gssapi")]
pub use rohrpost_auth::{KerberosCredentials, KerberosEnvironment, KerberosLogin};
use rohrpost_auth::{PlainCredentials, ScramCredentials};
use rohrpost_sasl::ScramHash;
pub use rohrpost_sasl::{ClaimNames, OAuthBearer, SaslClient, SaslError, Secret, Step};

/// A mechanism, and what it proves who one is with. Secrets in it are never shown, and wiped from memory when the last clone is dropped.
#[derive(Clone)]
pub struct Sasl {
    mechanism: String,
    credentials: Result<Arc<dyn Credentials>, String>,
}

impl Sasl {
    /// User name and password as they are (PLAIN, RFC 4616): within TLS only, unless nobody else is in the network.
    pub fn plain(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::made("PLAIN", PlainCredentials::new(username, password))
    }

    /// SCRAM-SHA-256 (RFC 7677): the password itself is not sent, and the broker has to know it too.
    pub fn scram_sha_256(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::scram(ScramHash::Sha256, ScramCredentials::new(ScramHash::Sha256, username, password))
    }

    /// SCRAM-SHA-512: as [`scram_sha_256`](Self::scram_sha_256), with the longer digest.
    pub fn scram_sha_512(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::scram(ScramHash::Sha512, ScramCredentials::new(ScramHash::Sha512, username, password))
    }

    /// A delegation token (KIP-48): its id and its HMAC, by SCRAM-SHA-256.
    pub fn delegation_token(id: impl Into<String>, hmac: impl Into<Secret>) -> Self {
        let made = ScramCredentials::new(ScramHash::Sha256, id, hmac);
        Self::scram(ScramHash::Sha256, made.map(ScramCredentials::with_delegation_token))
    }

    /// OAUTHBEARER with the tokens of this provider, each of which is kept and replaced ahead of its end. [`BearerCredentials`] has more: tokens of a file, extensions.
    pub fn oauthbearer(provider: Arc<dyn TokenProvider>) -> Self {
        let credentials = BearerCredentials::new(provider, RefreshSettings::default());
        Self::credentials("OAUTHBEARER", Arc::new(credentials))
    }

    /// AWS_MSK_IAM with credentials from where AWS' own libraries look for them: the environment, profiles, web identities, containers, the machine.
    #[cfg(feature = "msk-iam")]
    pub fn aws_msk_iam() -> Self {
        let environment = AwsEnvironment::of_process();
        let provider = Arc::new(DefaultAwsCredentials::new(environment.clone()));
        let credentials = MskIamCredentials::new(provider, environment, RefreshSettings::default());
        Self::credentials("AWS_MSK_IAM", Arc::new(credentials))
    }

    /// GSSAPI: Kerberos, by a keytab or a ticket cache, with the brokers' service name, most often `kafka`. `KRB5_CONFIG` and `KRB5CCNAME` are the process's; [`KerberosCredentials`] takes
    /// others, and with [`credentials`](Self::credentials) they are given here.
    #[cfg(feature = "gssapi")]
    pub fn kerberos(login: KerberosLogin, service: &str) -> Self {
        let environment = KerberosEnvironment::of_process();
        let refresh =
            RefreshSettings { buffer: std::time::Duration::ZERO, ..RefreshSettings::default() };
        Self::made("GSSAPI", KerberosCredentials::new(login, service, environment, refresh))
    }

    /// Credentials of one's own, for this mechanism: `OAUTHBEARER`, `AWS_MSK_IAM`, whatever the listener has.
    pub fn credentials(mechanism: impl Into<String>, credentials: Arc<dyn Credentials>) -> Self {
        Self { mechanism: mechanism.into(), credentials: Ok(credentials) }
    }

    fn scram(hash: ScramHash, made: Result<ScramCredentials, SaslError>) -> Self {
        Self::made(hash.mechanism(), made)
    }

    fn made<C: Credentials + 'static>(mechanism: &str, made: Result<C, impl fmt::Display>) -> Self {
        let credentials = match made {
            Ok(credentials) => Ok(Arc::new(credentials) as _),
            Err(error) => Err(error.to_string()),
        };
        Self { mechanism: mechanism.to_owned(), credentials }
    }

    /// The mechanism's name.
    pub fn mechanism(&self) -> &str {
        &self.mechanism
    }

    /// Whether there is anything to be sent.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.credentials.as_ref().map(drop).map_err(Clone::clone)
    }

    /// The credentials without their secrets.
    #[cfg(all(test, feature = "gssapi"))]
    pub(crate) fn shown(&self) -> String {
        format!("{:?}", self.credentials)
    }

    pub(crate) fn into_parts(self) -> (String, Option<Arc<dyn Credentials>>) {
        (self.mechanism, self.credentials.ok())
    }
}

/// Equal to itself and its clones alone.
impl PartialEq for Sasl {
    fn eq(&self, other: &Self) -> bool {
        match (&self.credentials, &other.credentials) {
            (Ok(one), Ok(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}
