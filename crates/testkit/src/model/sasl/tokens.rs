//! [`Tokens`]: which tokens OAUTHBEARER takes.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::jws;

/// Which tokens the brokers take with OAUTHBEARER.
///
/// ```
/// use rohrpost_testkit::{BearerToken, TokenOwner, TokenRefusal, Tokens};
///
/// let these = Tokens::list([("some-token", "alice")]);
/// let checked = Tokens::check(|token: &BearerToken<'_>| match token.value {
///     "good" => Ok(TokenOwner::new("alice").expires_ms(token.now_ms + 60_000)),
///     "narrow" => Err(TokenRefusal::new("insufficient_scope").scope("kafka:write")),
///     _ => Err(TokenRefusal::new("invalid_token")),
/// });
/// # let _ = (these, checked);
/// ```
#[derive(Clone)]
pub struct Tokens(Kind);

#[derive(Clone)]
enum Kind {
    Unsecured { required_scope: Vec<String> },
    Listed(BTreeMap<String, String>),
    Checked(Arc<Check>),
}

type Check = dyn Fn(&BearerToken<'_>) -> Result<TokenOwner, TokenRefusal> + Send + Sync;

/// A token as a client shows it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BearerToken<'a> {
    /// The token.
    pub value: &'a str,
    /// What else the client says (RFC 7628, section 3.1; KIP-342).
    pub extensions: &'a BTreeMap<String, String>,
    /// The wall clock, ms since the epoch.
    pub now_ms: i64,
}

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOwner {
    pub(super) principal: String,
    pub(super) expires_ms: Option<i64>,
}

/// Why a token is not taken: what the broker answers in JSON (RFC 7628, section 3.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRefusal {
    status: String,
    scope: Option<String>,
    openid_configuration: Option<String>,
}

impl Tokens {
    /// Takes unsecured JSON Web Tokens (`"alg":"none"`) that have not expired, as Kafka does without a validator; `sub` names the
    /// client.
    #[must_use]
    pub fn unsecured() -> Self {
        Self(Kind::Unsecured { required_scope: Vec::new() })
    }

    /// Takes unsecured tokens that have all these in their `scope`.
    #[must_use]
    pub fn unsecured_with_scope(scope: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(Kind::Unsecured { required_scope: scope.into_iter().map(Into::into).collect() })
    }

    /// Takes these tokens, each for somebody. They do not expire.
    #[must_use]
    pub fn list(tokens: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        let pair = |(token, principal): (_, _)| (Into::into(token), Into::into(principal));
        Self(Kind::Listed(tokens.into_iter().map(pair).collect()))
    }

    /// Asks a function about each token. The brokers wait for it.
    #[must_use]
    pub fn check(
        check: impl Fn(&BearerToken<'_>) -> Result<TokenOwner, TokenRefusal> + Send + Sync + 'static,
    ) -> Self {
        Self(Kind::Checked(Arc::new(check)))
    }

    pub(super) fn validate(&self, token: &BearerToken<'_>) -> Result<TokenOwner, TokenRefusal> {
        match &self.0 {
            Kind::Unsecured { required_scope } => jws::validate(token, required_scope),
            Kind::Listed(listed) => match listed.get(token.value) {
                Some(principal) => Ok(TokenOwner::new(principal)),
                None => Err(TokenRefusal::invalid()),
            },
            Kind::Checked(check) => check(token),
        }
    }
}

impl TokenOwner {
    /// Somebody, with a token that does not expire.
    #[must_use]
    pub fn new(principal: impl Into<String>) -> Self {
        Self { principal: principal.into(), expires_ms: None }
    }

    /// When the token expires, ms since the epoch: the connection is good until then.
    #[must_use]
    pub fn expires_ms(mut self, expires_ms: i64) -> Self {
        self.expires_ms = Some(expires_ms);
        self
    }
}

impl TokenRefusal {
    /// A refusal with this `status`, for example `invalid_token`.
    #[must_use]
    pub fn new(status: impl Into<String>) -> Self {
        Self { status: status.into(), scope: None, openid_configuration: None }
    }

    /// Which scope it takes.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Where the client can learn how to get a token.
    #[must_use]
    pub fn openid_configuration(mut self, url: impl Into<String>) -> Self {
        self.openid_configuration = Some(url.into());
        self
    }

    pub(super) fn invalid() -> Self {
        Self::new("invalid_token")
    }

    /// The refusal as Kafka writes it.
    pub(super) fn to_json(&self) -> String {
        let fields = [
            ("status", Some(&self.status)),
            ("scope", self.scope.as_ref()),
            ("openid-configuration", self.openid_configuration.as_ref()),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| {
            let value = serde_json::Value::from(value?.as_str());
            Some(format!("\"{name}\":{value}"))
        });
        format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
    }
}

/// Without the tokens.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Unsecured { required_scope } => {
                f.debug_struct("Unsecured").field("required_scope", required_scope).finish()
            }
            Kind::Listed(listed) => f.debug_tuple("Listed").field(&listed.len()).finish(),
            Kind::Checked(_) => f.write_str("Checked"),
        }
    }
}

/// Functions are equal if they are the same one.
impl PartialEq for Tokens {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (
                Kind::Unsecured { required_scope: ours },
                Kind::Unsecured { required_scope: theirs },
            ) => ours == theirs,
            (Kind::Listed(ours), Kind::Listed(theirs)) => ours == theirs,
            (Kind::Checked(ours), Kind::Checked(theirs)) => Arc::ptr_eq(ours, theirs),
            _ => false,
        }
    }
}

impl Eq for Tokens {}
