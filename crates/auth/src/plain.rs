//! User name and password for PLAIN.

use std::fmt;
use std::future::ready;

use rohrpost_sasl::{Plain, SaslClient, SaslError, Secret};

use crate::{BoxFuture, Credentials, CredentialsError};

/// A user name and a password that stay the same, for PLAIN (RFC 4616). The broker gets the password itself: over TLS only, if others can read along.
pub struct PlainCredentials {
    username: String,
    password: Secret,
    authorization_id: String,
}

impl PlainCredentials {
    /// As Java's `PlainLoginModule` has them, or librdkafka's `sasl.username` and `sasl.password`.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`]: one of them is empty, or has a character that the mechanism cannot carry.
    pub fn new(
        username: impl Into<String>,
        password: impl Into<Secret>,
    ) -> Result<Self, SaslError> {
        let (username, password) = (username.into(), password.into());
        Plain::new(username.clone(), password.clone())?;
        Ok(Self { username, password, authorization_id: String::new() })
    }

    /// Asks to act as another user. Kafka's own brokers take only the user's own name.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`] where it has a character that the mechanism cannot carry.
    pub fn with_authorization_id(self, id: impl Into<String>) -> Result<Self, SaslError> {
        let with = Self { authorization_id: id.into(), ..self };
        with.plain()?;
        Ok(with)
    }

    fn plain(&self) -> Result<Plain, SaslError> {
        let plain = Plain::new(self.username.clone(), self.password.clone())?;
        plain.with_authorization_id(self.authorization_id.clone())
    }
}

impl Credentials for PlainCredentials {
    fn client(&self, _: &str) -> BoxFuture<'static, Result<Box<dyn SaslClient>, CredentialsError>> {
        let client = self.plain().map(|client| Box::new(client) as _);
        Box::pin(ready(client.map_err(CredentialsError::from)))
    }
}

impl fmt::Debug for PlainCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainCredentials")
            .field("username", &self.username)
            .field("authorization_id", &self.authorization_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use rohrpost_sasl::Step;

    use super::*;

    #[test]
    fn every_connection_says_the_same() {
        let credentials = PlainCredentials::new("alice", "hush-hush").unwrap();
        for host in ["kafka-1", "kafka-2"] {
            let mut future = credentials.client(host);
            let Poll::Ready(Ok(mut client)) =
                future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            else {
                panic!("a password need not be waited for");
            };
            assert_eq!(client.mechanism(), "PLAIN");
            assert_eq!(client.step(None), Ok(Step::Send("\0alice\0hush-hush".into())));
        }
        assert!(!format!("{credentials:?}").contains("hush"));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_before_anybody_connects() {
        assert!(PlainCredentials::new("alice", "").is_err());
        assert!(PlainCredentials::new("al\0ice", "x").is_err());
        let credentials = PlainCredentials::new("alice", "x").unwrap();
        assert!(credentials.with_authorization_id("b\0b").is_err());
    }
}
