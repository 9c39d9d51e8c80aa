//! Bearer tokens and where they come from.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rohrpost_sasl::{ClaimNames, Jwt, JwtError, Secret};

use crate::clock::{distance, from_millis};
use crate::keeper::{Expiring, Source};
use crate::{BoxFuture, CredentialsError};

/// Gives tokens for OAUTHBEARER, as a login callback handler does in Java.
///
/// [`BearerCredentials::new`](crate::BearerCredentials::new) asks it for a first token, and for the next one ahead of the end of the last one: an
/// implementation need not keep any. `Debug` must leave secrets out.
pub trait TokenProvider: Send + Sync + fmt::Debug {
    /// A token that is valid now. The future may be dropped at any time.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`]: there is none. What is retriable is tried again after a pause.
    fn token(&self) -> BoxFuture<'_, Result<Token, CredentialsError>>;
}

/// A bearer token and what is known of it. The token itself is wiped when it is dropped, and not shown.
#[derive(Clone, Debug)]
pub struct Token {
    value: Secret,
    principal: Option<String>,
    valid_from: Option<SystemTime>,
    expires_at: Option<SystemTime>,
}

impl Token {
    /// A token that nothing is known of. Without an end it is asked for anew for each connection.
    pub fn new(value: impl Into<Secret>) -> Self {
        Self { value: value.into(), principal: None, valid_from: None, expires_at: None }
    }

    /// A JSON Web Token: its lifetime is that of its claims `iat` and `exp`, its principal `sub`, or what is called so here. The signature is for
    /// the broker to verify.
    ///
    /// # Errors
    ///
    /// It is no JWT, or its claims are not what they must be.
    pub fn from_jwt(value: impl Into<Secret>, names: &ClaimNames) -> Result<Self, JwtError> {
        let mut token = Self::new(value);
        let jwt = Jwt::parse(token.value.expose_str().unwrap_or_default(), names)?;
        let moment =
            |since: Duration| from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        token.valid_from = jwt.issued_at.map(moment);
        token.expires_at = jwt.expires_at.map(moment);
        token.principal = jwt.subject;
        Ok(token)
    }

    /// Says when it ends.
    #[must_use]
    pub fn with_expiry(mut self, at: SystemTime) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// The token as it goes over the wire.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// Whom it stands for, where that is known.
    pub fn principal(&self) -> Option<&str> {
        self.principal.as_deref()
    }

    /// Since when it is valid, where that is known.
    pub fn valid_from(&self) -> Option<SystemTime> {
        self.valid_from
    }

    /// When it ends, where that is known.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// Refuses a token that is over, saying where it is from.
    pub(crate) fn checked(
        self,
        now: SystemTime,
        from: &dyn fmt::Display,
    ) -> Result<Self, CredentialsError> {
        match self.expires_at {
            Some(end) if end <= now => Err(CredentialsError::passing(format!(
                "the token of {from} expired {}: get a new one, and compare the clocks if it is new",
                distance(now, end)
            ))),
            _ => Ok(self),
        }
    }
}

/// Seconds since 1970.
#[cfg(feature = "oauth")]
pub(crate) fn epoch_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Expiring for Token {
    const WHAT: &'static str = "token";

    fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    fn valid_from(&self) -> Option<SystemTime> {
        self.valid_from
    }
}

/// A provider whose tokens are kept.
#[derive(Debug)]
pub(crate) struct Provided(pub(crate) Arc<dyn TokenProvider>);

impl Source for Provided {
    type Item = Token;

    fn fetch(&self) -> BoxFuture<'_, Result<Token, CredentialsError>> {
        self.0.token()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwt_tells_its_lifetime_and_principal() {
        // {"sub":"alice","exp":1700000600,"iat":1700000000}
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6MTcwMDAwMDYwMCwiaWF0IjoxNzAwMDAwMDAwLCJzY29wZSI6InJlYWQgd3JpdGUifQ.";
        let token = Token::from_jwt(jwt, &ClaimNames::default()).unwrap();
        assert_eq!(token.principal(), Some("alice"));
        assert_eq!(token.valid_from(), Some(from_millis(1_700_000_000_000)));
        assert_eq!(token.expires_at(), Some(from_millis(1_700_000_600_000)));
        let error =
            token.clone().checked(from_millis(1_700_000_660_000), &"somewhere").unwrap_err();
        assert!(error.is_retriable && error.detail.contains("expired 1m 0s ago"), "{error}");
        assert!(token.checked(from_millis(1_700_000_599_999), &"somewhere").is_ok());
        assert_eq!(Token::from_jwt("x", &ClaimNames::default()).unwrap_err(), JwtError::Parts(1));
    }
}
