//! SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password, and neither tells it.

mod keys;
mod messages;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use base64ct::{Base64, Base64Unpadded, Encoding};
use bytes::Bytes;

use crate::error::{Fault, Problem, Refusal, SaslError};
use crate::text::{self, shown};
use crate::{SaslClient, Secret, Step};

use keys::Verifier;
use messages::{ServerFinal, ServerFirst};

/// Fewer iterations make a stolen exchange too easy to guess from (RFC 7677, section 4); Java's least.
const LEAST_ITERATIONS: u32 = 4_096;

/// Eight times what Kafka's brokers store at most; less than a tenth of a second's work.
const MOST_ITERATIONS: u32 = 131_072;

/// The longest message of a server that is read.
const MOST_BYTES: usize = 4_096;

/// Without channel binding, in BASE64: `n,,`.
const CHANNEL: &str = "biws";

/// The hash function of a [`Scram`] mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScramHash {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

impl ScramHash {
    /// The mechanism's name: `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub fn mechanism(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// What makes an exchange unlike every other. It must come from a cryptographic random source and be used once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientNonce(String);

impl ClientNonce {
    /// Of 192 random bits, as 32 printable characters.
    pub fn from_random(bytes: [u8; 24]) -> Self {
        Self(Base64Unpadded::encode_string(&bytes))
    }

    /// A text as it is, as in test vectors.
    ///
    /// # Errors
    ///
    /// It must be of at least 16 printable ASCII characters other than the comma (RFC 5802, section 7).
    pub fn from_text(text: impl Into<String>) -> Result<Self, Problem> {
        let text = text.into();
        match text.bytes().position(|byte| !messages::is_nonce_byte(byte)) {
            Some(at) => Err(Problem::Character { at }),
            None if text.is_empty() => Err(Problem::Empty),
            None if text.len() < 16 => Err(Problem::TooShort),
            None => Ok(Self(text)),
        }
    }
}

/// The mechanisms SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677), without channel binding, as Kafka speaks them.
///
/// Passwords and user names are UTF-8 as they are, without SASLprep, as Java's.
///
/// ```
/// use rohrpost_sasl::{ClientNonce, SaslClient, Scram, ScramHash, Step};
///
/// let nonce = ClientNonce::from_random([7; 24]); // of a random source, really
/// let mut scram = Scram::new(ScramHash::Sha512, "alice", "alice-secret", nonce)?;
/// let first = "n,,n=alice,r=BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";
/// assert_eq!(scram.step(None)?, Step::Send(first.into()));
/// // A server that answers with another exchange's nonce is found out before any work is done:
/// assert!(scram.step(Some(b"r=somebody-elses-nonce,s=c2FsdA==,i=4096")).is_err());
/// # Ok::<(), rohrpost_sasl::SaslError>(())
/// ```
pub struct Scram {
    hash: ScramHash,
    username: String,
    password: Secret,
    nonce: ClientNonce,
    is_token: bool,
    most_iterations: u32,
    state: State,
}

/// `Start` -- client-first --> `SentFirst` -- server-first: client-final --> `SentFinal` -- server-final --> `Ended`
///
/// Anything unexpected leads to `Ended`.
enum State {
    Start,
    SentFirst { bare: String },
    SentFinal { verifier: Box<Verifier> },
    Ended,
}

impl Scram {
    /// With the user's name and password.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`] where either is empty, or the name holds the character NUL, which the message cannot
    /// carry.
    pub fn new(
        hash: ScramHash,
        username: impl Into<String>,
        password: impl Into<Secret>,
        nonce: ClientNonce,
    ) -> Result<Self, SaslError> {
        let (username, password) = (username.into(), password.into());
        let refused = |what, problem| {
            Err(SaslError::Credentials { mechanism: hash.mechanism(), what, problem })
        };
        if username.is_empty() {
            return refused("user name", Problem::Empty);
        }
        if let Some(at) = username.bytes().position(|byte| byte == 0) {
            return refused("user name", Problem::Character { at });
        }
        if password.is_empty() {
            return refused("password", Problem::Empty);
        }
        let (is_token, most_iterations) = (false, MOST_ITERATIONS);
        let state = State::Start;
        Ok(Self { hash, username, password, nonce, is_token, most_iterations, state })
    }

    /// Says that name and password are a delegation token's id and HMAC (KIP-48): `tokenauth=true`.
    pub fn with_delegation_token(self) -> Self {
        Self { is_token: true, ..self }
    }

    /// Accepts up to so many iterations, instead of 131,072. They are spent inside of [`SaslClient::step`], some 200
    /// to 500 ns each, on the word of a server that has not proved itself yet. Kafka's own brokers store at most
    /// 16,384.
    pub fn with_max_iterations(self, most: u32) -> Self {
        Self { most_iterations: most.max(LEAST_ITERATIONS), ..self }
    }

    fn first_bare(&self) -> String {
        let name = escaped(&self.username);
        let extensions = if self.is_token { ",tokenauth=true" } else { "" };
        format!("n={name},r={}{extensions}", self.nonce.0)
    }

    /// Answers the server-first-message, once all that it asks for has been found reasonable.
    fn final_message(
        &self,
        bare: &str,
        challenge: &[u8],
    ) -> Result<(Bytes, Box<Verifier>), SaslError> {
        let mechanism = self.hash.mechanism();
        let malformed =
            |fault| SaslError::Malformed { mechanism, message: "server-first-message", fault };
        let text = text::utf8(mechanism, "server-first-message", challenge, MOST_BYTES)?;
        let first = ServerFirst::parse(text).map_err(malformed)?;
        let extends = first.nonce.len() > self.nonce.0.len();
        if !first.nonce.starts_with(&self.nonce.0) || !extends {
            return Err(SaslError::Nonce { mechanism });
        }
        let (least, most) = (LEAST_ITERATIONS, self.most_iterations);
        let asked = first.iterations;
        let iterations = match u32::try_from(asked) {
            Ok(iterations) if (least..=most).contains(&iterations) => iterations,
            _ => return Err(SaslError::Iterations { mechanism, asked, least, most }),
        };
        let without_proof = format!("c={CHANNEL},r={}", first.nonce);
        let exchange = format!("{bare},{text},{without_proof}");
        let (proof, verifier) =
            keys::prove(self.hash, self.password.expose(), &first.salt, iterations, &exchange);
        let message = format!("{without_proof},p={}", Base64::encode_string(&proof));
        Ok((message.into(), Box::new(verifier)))
    }

    fn verify(&self, verifier: Verifier, challenge: &[u8]) -> Result<(), SaslError> {
        let mechanism = self.hash.mechanism();
        let text = text::utf8(mechanism, "server-final-message", challenge, MOST_BYTES)?;
        let last = ServerFinal::parse(text, self.hash.bytes());
        let malformed = |fault: Fault| SaslError::Malformed {
            mechanism,
            message: "server-final-message",
            fault,
        };
        match last.map_err(malformed)? {
            ServerFinal::Error(reason) => {
                let reason = shown(reason);
                Err(SaslError::Refused(Box::new(Refusal {
                    mechanism,
                    reason,
                    ..Refusal::default()
                })))
            }
            ServerFinal::Signature(signature) if verifier.accepts(&signature) => Ok(()),
            ServerFinal::Signature(_) => Err(SaslError::ServerNotVerified { mechanism }),
        }
    }
}

impl SaslClient for Scram {
    fn mechanism(&self) -> &'static str {
        self.hash.mechanism()
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Step, SaslError> {
        let mechanism = self.mechanism();
        let challenge = challenge.unwrap_or_default();
        match core::mem::replace(&mut self.state, State::Ended) {
            State::Start if !challenge.is_empty() => {
                Err(SaslError::UnexpectedChallenge { mechanism, bytes: challenge.len() })
            }
            State::Start => {
                let bare = self.first_bare();
                let message = format!("n,,{bare}");
                self.state = State::SentFirst { bare };
                Ok(Step::Send(message.into()))
            }
            State::SentFirst { bare } => {
                let answered = self.final_message(&bare, challenge);
                // Of no use any more, whatever came of it.
                self.password = Secret::default();
                let (message, verifier) = answered?;
                self.state = State::SentFinal { verifier };
                Ok(Step::Send(message))
            }
            State::SentFinal { verifier } => {
                self.verify(*verifier, challenge)?;
                Ok(Step::Complete)
            }
            State::Ended => Err(SaslError::Finished { mechanism }),
        }
    }
}

/// A name with what separates attributes written otherwise (RFC 5802, section 5.1).
fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Start => "Start",
            State::SentFirst { .. } => "SentFirst",
            State::SentFinal { .. } => "SentFinal",
            State::Ended => "Ended",
        };
        f.debug_struct("Scram")
            .field("mechanism", &self.mechanism())
            .field("username", &self.username)
            .field("is_token", &self.is_token)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
