//! What hostile servers do, beyond failing: in a TLS handshake, and in a SASL exchange.

use std::time::Duration;

/// What becomes of a connection before anything is asked on it. The client is to have a bound for each of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionFault {
    /// It is closed at once.
    Close,
    /// It is closed when the first bytes have come: in the middle of a TLS handshake, if that is what they are.
    CloseAfterHello,
    /// What comes is read, nothing is answered, and the connection stays.
    Silence,
    /// The first bytes are answered with some that are neither TLS nor Kafka's protocol, and the connection is closed.
    Garbage,
    /// The first bytes are answered with a fatal TLS alert of this number (RFC 8446, section 6), and the connection is closed.
    /// `40` is handshake_failure, `116` certificate_required.
    TlsAlert(u8),
    /// Everything that the broker says comes one byte at a time, with this pause before each.
    Trickle(Duration),
}

/// A lie, or a trap, in a SASL exchange. Each strikes the messages that it is about, and no others.
#[cfg(feature = "sasl")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaslFault {
    /// SCRAM: the nonce is not the client's with more behind it.
    ForeignNonce,
    /// SCRAM: the nonce is the client's with nothing behind it.
    BareNonce,
    /// SCRAM: the answer to the client's first message is the one that the exchange before it got.
    ReplayedNonce,
    /// SCRAM: the server demands so many iterations. It computes with its own, so that the client's proof is refused, if it comes.
    Iterations(u32),
    /// SCRAM: the server takes the client, and its own signature is wrong: it does not know the password.
    WrongSignature,
    /// SCRAM: the server takes the client, and has no signature.
    NoSignature,
    /// SCRAM: the server takes the client by its code, while its last message is an error (`e=other-error`).
    ServerError,
    /// The token is not looked at: the client is let in, and told nothing.
    AcceptsAnything,
    /// The token is not looked at, and answered with a challenge; with [`Fault::always`](super::Fault::always), for ever.
    EndlessChallenges,
    /// The answer has a token that no mechanism can read.
    Nonsense,
    /// The session's lifetime is told to be so many milliseconds, which it is not.
    Lifetime(i64),
}

/// Where an exchange is when a token comes.
#[cfg_attr(not(feature = "sasl"), expect(dead_code, reason = "no exchange takes place"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SaslStep {
    ScramFirst,
    ScramLast,
    /// The token of another mechanism.
    Other,
}

#[cfg(feature = "sasl")]
impl SaslFault {
    pub(super) fn fits(self, step: SaslStep) -> bool {
        match self {
            Self::ForeignNonce | Self::BareNonce | Self::ReplayedNonce | Self::Iterations(_) => {
                step == SaslStep::ScramFirst
            }
            Self::WrongSignature | Self::NoSignature | Self::ServerError => {
                step == SaslStep::ScramLast
            }
            Self::Lifetime(_) => step != SaslStep::ScramFirst,
            Self::AcceptsAnything | Self::EndlessChallenges | Self::Nonsense => true,
        }
    }
}
