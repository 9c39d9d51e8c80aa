//! PLAIN (RFC 4616): the password itself, so that it belongs inside of TLS only.

use alloc::string::String;
use core::fmt;

use crate::error::{Problem, SaslError};
use crate::{SaslClient, Secret, Step};

const MECHANISM: &str = "PLAIN";

/// The mechanism PLAIN (RFC 4616): user name and password as they are.
///
/// ```
/// use rohrpost_sasl::{Plain, SaslClient, Step};
///
/// let mut plain = Plain::new("alice", "alice-secret")?;
/// assert_eq!(plain.step(None)?, Step::Send("\0alice\0alice-secret".into()));
/// assert_eq!(plain.step(Some(b""))?, Step::Complete);
/// # Ok::<(), rohrpost_sasl::SaslError>(())
/// ```
pub struct Plain {
    authorization_id: String,
    username: String,
    password: Secret,
    state: State,
}

/// `Start` -- message sent --> `Sent` -- empty challenge --> `Ended`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Sent,
    Ended,
}

impl Plain {
    /// As Java's `PlainLoginModule` and librdkafka's `sasl.username` and `sasl.password`.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`] where either is empty or holds the character NUL, which the message cannot carry.
    pub fn new(
        username: impl Into<String>,
        password: impl Into<Secret>,
    ) -> Result<Self, SaslError> {
        let (username, password) = (username.into(), password.into());
        check("user name", username.as_bytes(), false)?;
        check("password", password.expose(), false)?;
        let authorization_id = String::new();
        Ok(Self { authorization_id, username, password, state: State::Start })
    }

    /// Asks to act as another user. Kafka's own server takes only the user's own name.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`] where it holds the character NUL.
    pub fn with_authorization_id(mut self, id: impl Into<String>) -> Result<Self, SaslError> {
        self.authorization_id = id.into();
        check("authorization id", self.authorization_id.as_bytes(), true)?;
        Ok(self)
    }

    fn message(&self) -> Secret {
        let (id, username) = (self.authorization_id.as_bytes(), self.username.as_bytes());
        let password = self.password.expose();
        let mut message = Secret::with_capacity(id.len() + username.len() + password.len() + 2);
        for part in [id, b"\0", username, b"\0", password] {
            message.push(part);
        }
        message
    }
}

fn check(what: &'static str, value: &[u8], may_be_empty: bool) -> Result<(), SaslError> {
    let problem = if value.is_empty() && !may_be_empty {
        Problem::Empty
    } else if let Some(at) = value.iter().position(|&byte| byte == 0) {
        Problem::Character { at }
    } else if core::str::from_utf8(value).is_err() {
        Problem::NotUtf8
    } else {
        return Ok(());
    };
    Err(SaslError::Credentials { mechanism: MECHANISM, what, problem })
}

impl SaslClient for Plain {
    fn mechanism(&self) -> &'static str {
        MECHANISM
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Step, SaslError> {
        let challenge = challenge.unwrap_or_default();
        let state = core::mem::replace(&mut self.state, State::Ended);
        match state {
            State::Ended => Err(SaslError::Finished { mechanism: MECHANISM }),
            _ if !challenge.is_empty() => {
                let bytes = challenge.len();
                Err(SaslError::UnexpectedChallenge { mechanism: MECHANISM, bytes })
            }
            State::Start => {
                self.state = State::Sent;
                Ok(Step::Send(self.message().into_bytes()))
            }
            State::Sent => Ok(Step::Complete),
        }
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain")
            .field("authorization_id", &self.authorization_id)
            .field("username", &self.username)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn the_message_is_that_of_the_rfc() {
        let mut plain =
            Plain::new("Kurt", "xipj3plmq").unwrap().with_authorization_id("Ursel").unwrap();
        assert_eq!(plain.step(None), Ok(Step::Send("Ursel\0Kurt\0xipj3plmq".into())));
        assert_eq!(plain.step(Some(b"")), Ok(Step::Complete));
        assert_eq!(plain.step(Some(b"")), Err(SaslError::Finished { mechanism: "PLAIN" }));
    }

    #[test]
    fn what_the_message_cannot_carry_is_refused_before_it_is_sent() {
        let problem = |user: &str, password: &str| match Plain::new(user, password) {
            Err(SaslError::Credentials { what, problem, .. }) => (what, problem),
            other => panic!("{other:?}"),
        };
        assert_eq!(problem("", "x"), ("user name", Problem::Empty));
        assert_eq!(problem("x", ""), ("password", Problem::Empty));
        assert_eq!(problem("al\0ice", "x"), ("user name", Problem::Character { at: 2 }));
        assert_eq!(problem("alice", "\0"), ("password", Problem::Character { at: 0 }));
        assert!(Plain::new("alice", b"\xff".to_vec()).is_err());
        assert!(Plain::new("alice", "x").unwrap().with_authorization_id("a\0").is_err());
    }

    #[test]
    fn a_server_that_goes_on_asking_is_refused_at_once() {
        let mut plain = Plain::new("alice", "x").unwrap();
        plain.step(None).unwrap();
        let error = plain.step(Some(b"more?")).unwrap_err();
        assert_eq!(error, SaslError::UnexpectedChallenge { mechanism: "PLAIN", bytes: 5 });
        assert_eq!(plain.step(Some(b"")), Err(SaslError::Finished { mechanism: "PLAIN" }));
    }

    #[test]
    fn the_password_is_not_shown() {
        let mut plain = Plain::new("alice", "hush-hush").unwrap();
        let step = plain.step(None).unwrap();
        let shown = format!("{plain:?} {step:?}");
        assert!(shown.contains("alice") && !shown.contains("hush"), "{shown}");
    }
}
