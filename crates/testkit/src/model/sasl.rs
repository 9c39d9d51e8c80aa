//! SASL on the brokers' listeners: who may come in, and how clients show who they are (KIP-12, KIP-43, KIP-84, KIP-152, KIP-255).
//!
//! The model is the server's side, and nothing of it is shared with a client's: it follows what Kafka's
//! `SaslServerAuthenticator` does.

mod base64;
mod jws;
mod login;
mod oauth;
mod plain;
mod scram;
mod tokens;

pub(super) use login::Login;
pub(super) use scram::Credentials;
pub use tokens::{BearerToken, TokenOwner, TokenRefusal, Tokens};

use core::fmt;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a broker iterates with for a user that does not say, as Kafka's tools do.
const DEFAULT_ITERATIONS: u32 = 4096;

/// A mechanism that the brokers can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SaslMechanism {
    /// A name and a password as they are (RFC 4616).
    Plain,
    /// A salted challenge (RFC 5802) with SHA-256.
    ScramSha256,
    /// A salted challenge (RFC 5802) with SHA-512.
    ScramSha512,
    /// A token (RFC 7628).
    OAuthBearer,
}

impl SaslMechanism {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Plain, Self::ScramSha256, Self::ScramSha512, Self::OAuthBearer];

    /// Its name in SaslHandshake and in `sasl.mechanism`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }
}

impl fmt::Display for SaslMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How clients show who they are: mechanisms, users, tokens, and for how long a connection is good.
///
/// ```
/// use std::time::Duration;
/// use rohrpost_testkit::{Sasl, SaslMechanism};
///
/// let sasl = Sasl::new([SaslMechanism::Plain, SaslMechanism::ScramSha512])
///     .user("alice", "alice-secret")
///     // Whoever does not authenticate again within two seconds is cut off (`connections.max.reauth.ms`).
///     .max_reauth(Duration::from_secs(2));
/// assert!(!format!("{sasl:?}").contains("alice-secret"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Sasl {
    mechanisms: Vec<SaslMechanism>,
    users: BTreeMap<String, User>,
    tokens: Tokens,
    max_reauth: Option<Duration>,
    iterations: u32,
}

/// Somebody who has a password.
#[derive(Clone, PartialEq, Eq)]
struct User {
    password: String,
    /// Whose delegation token it is; `None` for a user.
    owner: Option<String>,
}

impl Sasl {
    /// Enables mechanisms (`sasl.enabled.mechanisms`). There are no users yet; with OAUTHBEARER, unsecured tokens are taken.
    #[must_use]
    pub fn new(mechanisms: impl IntoIterator<Item = SaslMechanism>) -> Self {
        Self {
            mechanisms: mechanisms.into_iter().collect(),
            users: BTreeMap::new(),
            tokens: Tokens::unsecured(),
            max_reauth: None,
            iterations: DEFAULT_ITERATIONS,
        }
    }

    /// Adds a user, for PLAIN and SCRAM, or gives one another password.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.set_password(name, password);
        self
    }

    /// Adds a delegation token (KIP-48), for SCRAM: its id stands for a user's name, its HMAC in Base64 for a password, and the client
    /// says `tokenauth=true`. Whoever has it is taken for its owner.
    #[must_use]
    pub fn delegation_token(
        mut self,
        id: impl Into<String>,
        hmac: impl Into<String>,
        owner: impl Into<String>,
    ) -> Self {
        let token = User { password: hmac.into(), owner: Some(owner.into()) };
        self.users.insert(id.into(), token);
        self
    }

    /// Which tokens are taken with OAUTHBEARER; unsecured ones, if not said.
    #[must_use]
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = tokens;
        self
    }

    /// How long a connection is good before the client has to authenticate again (`connections.max.reauth.ms`, KIP-368); for ever, if
    /// not said. A token that expires earlier ends it earlier.
    #[must_use]
    pub fn max_reauth(mut self, lifetime: Duration) -> Self {
        self.max_reauth = Some(lifetime);
        self
    }

    /// The iterations that SCRAM demands, 4096 if not said.
    #[must_use]
    pub fn iterations(mut self, count: u32) -> Self {
        self.iterations = count;
        self
    }

    /// Gives a user, new or not, a password. Connections that are open stay.
    pub fn set_password(&mut self, name: impl Into<String>, password: impl Into<String>) {
        let user = User { password: password.into(), owner: None };
        self.users.insert(name.into(), user);
    }

    /// Takes a user or a delegation token away. Says whether there was one. Connections that are open stay.
    pub fn remove_user(&mut self, name: &str) -> bool {
        self.users.remove(name).is_some()
    }

    /// Enables these mechanisms and no others.
    pub fn set_mechanisms(&mut self, mechanisms: impl IntoIterator<Item = SaslMechanism>) {
        self.mechanisms = mechanisms.into_iter().collect();
    }

    /// Takes these tokens from now on.
    pub fn set_tokens(&mut self, tokens: Tokens) {
        self.tokens = tokens;
    }

    /// How long connections are good that are authenticated from now on; for ever with `None`.
    pub fn set_max_reauth(&mut self, lifetime: Option<Duration>) {
        self.max_reauth = lifetime;
    }
}

/// Without what is secret.
impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanisms", &self.mechanisms)
            .field("users", &self.users.keys())
            .field("tokens", &self.tokens)
            .field("max_reauth", &self.max_reauth)
            .field("iterations", &self.iterations)
            .finish()
    }
}
