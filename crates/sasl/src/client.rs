//! What every mechanism is to whoever carries its messages.

use core::fmt;

use bytes::Bytes;

use crate::SaslError;

/// One run of a mechanism on one connection: made for it, and of no use afterwards.
///
/// Kafka carries the messages in SaslAuthenticate requests (KIP-152): what [`step`](Self::step) wants sent
/// goes out as `auth_bytes`, and the `auth_bytes` of the answer are the next challenge.
///
/// `Debug` of every mechanism leaves its secrets out.
pub trait SaslClient: Send + fmt::Debug {
    /// The mechanism's registered name, as SaslHandshake names it: `SCRAM-SHA-512`.
    fn mechanism(&self) -> &'static str;

    /// Takes what the server answered (`None` at first) and says what to do.
    ///
    /// The first call gives what to send. It is not to be called after [`Step::Complete`] or an error: it
    /// then fails with [`SaslError::Finished`].
    ///
    /// # Errors
    ///
    /// Whatever ends the exchange: the server's refusal, or its breach of the mechanism's rules. Nothing more is
    /// to be sent on this connection then.
    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Step, SaslError>;

    /// Why the server is about to end the exchange, where the mechanism has words for that and the server has said
    /// them already.
    ///
    /// OAUTHBEARER's server explains itself in a challenge and fails the exchange only after the client's answer
    /// (RFC 7628, section 3.2.3), with an error code of Kafka's: by then this tells more than the code.
    fn refusal(&self) -> Option<&SaslError> {
        None
    }
}

/// What to do next in an exchange.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this, and call [`SaslClient::step`] with the answer. The bytes may hold a secret, as PLAIN's and
    /// OAUTHBEARER's do: they are wiped when the last reference goes, and do not belong into a log.
    Send(Bytes),
    /// It is done: there is nothing more to send, and the server has proved itself where the mechanism has it do
    /// so.
    Complete,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
            Self::Complete => f.write_str("Complete"),
        }
    }
}
