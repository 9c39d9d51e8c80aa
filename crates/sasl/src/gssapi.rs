//! GSSAPI (RFC 4752): what SASL adds to Kerberos, without Kerberos.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::error::{Fault, Problem, SaslError};
use crate::{SaslClient, Step};

const MECHANISM: &str = "GSSAPI";

/// The security layer that Kafka uses: none.
const NO_LAYER: u8 = 1;

/// Kerberos needs one token of the server's, or two.
const MOST_TOKENS: usize = 16;

/// Tokens with a Windows domain's long lists of groups have some 10 KiB.
const MOST_BYTES: usize = 65_536;

/// A security context of a client, as GSS-API (RFC 2743) has it: Kerberos 5 from one library or another.
///
/// The context must be for the service's name at the broker's host (`kafka@broker1.example`), and have message integrity
/// available.
pub trait GssContext: Send + fmt::Debug {
    /// `GSS_Init_sec_context`: takes the server's token (`None` at first) and gives the next one.
    ///
    /// # Errors
    ///
    /// In the library's words, such as that a ticket has expired, and whether another try may do better.
    fn init(&mut self, token: Option<&[u8]>) -> Result<GssToken, GssError>;

    /// `GSS_Unwrap`: the message inside of a wrapped one, whose integrity has been checked.
    ///
    /// # Errors
    ///
    /// As [`init`](Self::init).
    fn unwrap(&mut self, wrapped: &[u8]) -> Result<Vec<u8>, GssError>;

    /// `GSS_Wrap` without confidentiality (`conf_flag` false).
    ///
    /// # Errors
    ///
    /// As [`init`](Self::init).
    fn wrap(&mut self, message: &[u8]) -> Result<Vec<u8>, GssError>;
}

/// What [`GssContext::init`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GssToken {
    /// For the server; `None` or empty where the context is established without another word.
    pub token: Option<Vec<u8>>,
    /// Whether the context is established on this side.
    pub is_established: bool,
}

/// A GSS-API library's failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GssError {
    /// In the library's words, without secrets.
    pub detail: String,
    /// Whether another try may do better, as where no KDC answers.
    pub is_retriable: bool,
}

/// The mechanism GSSAPI (RFC 4752), as Java's client speaks it: Kerberos by a [`GssContext`], then the choice of no
/// security layer.
pub struct Gssapi<C> {
    context: C,
    authorization_id: String,
    state: State,
}

/// `Initiating` -- tokens until the context stands --> `Choosing` -- offer, choice --> `Chosen` -- empty --> `Ended`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Initiating { tokens: usize },
    Choosing,
    Chosen,
    Ended,
}

impl<C: GssContext> Gssapi<C> {
    /// With a context that has not begun.
    pub fn new(context: C) -> Self {
        let authorization_id = String::new();
        Self { context, authorization_id, state: State::Initiating { tokens: 0 } }
    }

    /// Names the principal to act as, as Java's client does with its own. Without it, the server takes the one that
    /// has authenticated.
    ///
    /// # Errors
    ///
    /// [`SaslError::Credentials`] where it is empty or has the character NUL.
    pub fn with_authorization_id(mut self, id: impl Into<String>) -> Result<Self, SaslError> {
        self.authorization_id = id.into();
        let problem = match self.authorization_id.bytes().position(|byte| byte == 0) {
            Some(at) => Problem::Character { at },
            None if self.authorization_id.is_empty() => Problem::Empty,
            None => return Ok(self),
        };
        Err(SaslError::Credentials { mechanism: MECHANISM, what: "authorization id", problem })
    }

    /// RFC 4752, section 3.1, until the context is established.
    fn initiate(&mut self, challenge: Option<&[u8]>, tokens: usize) -> Result<Step, SaslError> {
        if tokens > MOST_TOKENS {
            let bytes = challenge.unwrap_or_default().len();
            return Err(SaslError::UnexpectedChallenge { mechanism: MECHANISM, bytes });
        }
        let next = self.context.init(challenge).map_err(failed)?;
        let token = next.token.unwrap_or_default();
        if token.is_empty() && !next.is_established {
            return Err(failed(GssError {
                detail: "the security context is not established, and has nothing to say".into(),
                is_retriable: false,
            }));
        }
        self.state = if next.is_established {
            State::Choosing
        } else {
            State::Initiating { tokens: tokens + 1 }
        };
        Ok(Step::Send(token.into()))
    }

    /// Answers the server's offer of security layers: a bit mask, and the longest message that it takes (3 bytes).
    fn choose(&mut self, challenge: &[u8]) -> Result<Bytes, SaslError> {
        let offer = self.context.unwrap(challenge).map_err(failed)?;
        let [offered, _, _, _] = offer[..] else {
            let (bytes, least, most) = (offer.len(), 4, 4);
            return Err(malformed(if bytes < least {
                Fault::TooShort { bytes, least }
            } else {
                Fault::TooLong { bytes, most }
            }));
        };
        if offered & NO_LAYER == 0 {
            return Err(SaslError::NoCommonLayer { mechanism: MECHANISM, offered });
        }
        // Without a layer, the longest message that the client takes must be 0.
        let mut choice = Vec::from([NO_LAYER, 0, 0, 0]);
        choice.extend_from_slice(self.authorization_id.as_bytes());
        Ok(self.context.wrap(&choice).map_err(failed)?.into())
    }
}

fn malformed(fault: Fault) -> SaslError {
    SaslError::Malformed { mechanism: MECHANISM, message: "offer of security layers", fault }
}

fn failed(error: GssError) -> SaslError {
    let GssError { detail, is_retriable } = error;
    SaslError::Provider { mechanism: MECHANISM, detail, is_retriable }
}

impl<C: GssContext> SaslClient for Gssapi<C> {
    fn mechanism(&self) -> &'static str {
        MECHANISM
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Step, SaslError> {
        let state = core::mem::replace(&mut self.state, State::Ended);
        let bytes = challenge.unwrap_or_default().len();
        if bytes > MOST_BYTES {
            let fault = Fault::TooLong { bytes, most: MOST_BYTES };
            return Err(SaslError::Malformed { mechanism: MECHANISM, message: "token", fault });
        }
        match state {
            State::Initiating { tokens: 0 } if bytes == 0 => self.initiate(None, 0),
            State::Initiating { tokens } if tokens > 0 => self.initiate(challenge, tokens),
            State::Choosing => {
                let choice = self.choose(challenge.unwrap_or_default())?;
                self.state = State::Chosen;
                Ok(Step::Send(choice))
            }
            State::Chosen if bytes == 0 => Ok(Step::Complete),
            State::Chosen | State::Initiating { .. } => {
                Err(SaslError::UnexpectedChallenge { mechanism: MECHANISM, bytes })
            }
            State::Ended => Err(SaslError::Finished { mechanism: MECHANISM }),
        }
    }
}

impl<C: GssContext> fmt::Debug for Gssapi<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gssapi")
            .field("context", &self.context)
            .field("authorization_id", &self.authorization_id)
            .field("state", &self.state)
            .finish()
    }
}

impl core::error::Error for GssError {}

impl fmt::Display for GssError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

#[cfg(test)]
mod tests;
