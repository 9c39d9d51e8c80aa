//! User name and password, or a delegation token, for SCRAM.

use std::fmt;
use std::future::ready;

use rohrpost_sasl::{ClientNonce, SaslClient, SaslError, Scram, ScramHash, Secret};

use crate::{BoxFuture, Credentials, CredentialsError};

/// A user name and a password that stay the same, for SCRAM-SHA-256 or SCRAM-SHA-512 (RFC 5802, RFC 7677). The broker never gets the password, and has to prove that it knows it.
///
/// Each connection gets a nonce of its own, from the operating system's randomness.
pub struct ScramCredentials {
    hash: ScramHash,
    username: String,
    password: Secret,
    is_token: bool,
}

impl ScramCredentials {
    /// As Java's `ScramLoginModule` has them, or librdkafka's `sasl.username` and `sasl.password`.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`]: one of them is empty, or has a character that the mechanism cannot carry.
    pub fn new(
        hash: ScramHash,
        username: impl Into<String>,
        password: impl Into<Secret>,
    ) -> Result<Self, SaslError> {
        let credentials =
            Self { hash, username: username.into(), password: password.into(), is_token: false };
        // This nonce is never sent.
        credentials.scram(ClientNonce::from_random([0; 24]))?;
        Ok(credentials)
    }

    /// Says that name and password are a delegation token's id and HMAC (KIP-48).
    #[must_use]
    pub fn with_delegation_token(self) -> Self {
        Self { is_token: true, ..self }
    }

    fn scram(&self, nonce: ClientNonce) -> Result<Scram, SaslError> {
        let scram = Scram::new(self.hash, self.username.clone(), self.password.clone(), nonce)?;
        Ok(if self.is_token { scram.with_delegation_token() } else { scram })
    }

    fn fresh(&self) -> Result<Box<dyn SaslClient>, CredentialsError> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).map_err(|error| {
            CredentialsError::passing(format!("the system gives no randomness: {error}"))
        })?;
        Ok(Box::new(self.scram(ClientNonce::from_random(bytes))?))
    }
}

impl Credentials for ScramCredentials {
    fn client(&self, _: &str) -> BoxFuture<'static, Result<Box<dyn SaslClient>, CredentialsError>> {
        Box::pin(ready(self.fresh()))
    }
}

impl fmt::Debug for ScramCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramCredentials")
            .field("hash", &self.hash)
            .field("username", &self.username)
            .field("is_token", &self.is_token)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use rohrpost_sasl::Step;

    use super::*;

    fn first_message(credentials: &ScramCredentials) -> String {
        let mut future = credentials.client("kafka");
        let Poll::Ready(Ok(mut client)) =
            future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        else {
            panic!("a password need not be waited for");
        };
        assert_eq!(client.mechanism(), "SCRAM-SHA-512");
        let Ok(Step::Send(message)) = client.step(None) else { panic!("{client:?}") };
        String::from_utf8(message.to_vec()).unwrap()
    }

    #[test]
    fn every_connection_has_a_nonce_of_its_own() {
        let credentials = ScramCredentials::new(ScramHash::Sha512, "alice", "hush-hush").unwrap();
        let (one, other) = (first_message(&credentials), first_message(&credentials));
        assert!(one.starts_with("n,,n=alice,r=") && other.starts_with("n,,n=alice,r="));
        assert_ne!(one, other);
        let unused = first_message(&credentials);
        assert!(!unused.contains("AAAAAAAAAAAAAAAA"), "{unused}");
        assert!(!format!("{credentials:?}").contains("hush"));
    }

    #[test]
    fn a_delegation_token_says_that_it_is_one() {
        let credentials = ScramCredentials::new(ScramHash::Sha512, "id", "hmac").unwrap();
        let message = first_message(&credentials.with_delegation_token());
        assert!(message.ends_with(",tokenauth=true"), "{message}");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_before_anybody_connects() {
        assert!(ScramCredentials::new(ScramHash::Sha256, "", "x").is_err());
        assert!(ScramCredentials::new(ScramHash::Sha256, "alice", "").is_err());
    }
}
