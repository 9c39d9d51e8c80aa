//! Why a broker and this client did not agree on who the client is: [`AuthenticationError`].

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use rohrpost_codec::{ApiKey, ByteStr, ErrorCode, VersionRange};
use rohrpost_sasl::{CredentialsError, SaslError};

/// Why a broker and this client did not agree on who the client is. Final for the credentials and the configuration that were used (KIP-152): trying again
/// changes nothing, until somebody mends something.
///
/// Texts that a broker sent are cut to a reasonable length and free of control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// The broker refuses the credentials (SASL_AUTHENTICATION_FAILED).
    Refused {
        /// The mechanism.
        mechanism: ByteStr,
        /// What the broker says.
        message: Option<String>,
        /// What it said in the mechanism's own words before, where the mechanism has any.
        refusal: Option<SaslError>,
    },
    /// The broker does not offer the mechanism (UNSUPPORTED_SASL_MECHANISM).
    UnsupportedMechanism {
        /// The mechanism.
        mechanism: ByteStr,
        /// Those that it offers.
        enabled: Vec<String>,
    },
    /// The broker answered with another error.
    Code {
        /// The request's API.
        api_key: ApiKey,
        /// The error.
        code: ErrorCode,
        /// What the broker says about it.
        message: Option<String>,
    },
    /// The mechanism ended the exchange: the server has not proved itself, or broke the mechanism's rules.
    Mechanism(SaslError),
    /// The broker went on asking.
    Endless {
        /// How many challenges it sent.
        challenges: u32,
        /// Their bytes.
        bytes: usize,
    },
    /// The broker knows no SASL that is carried by requests, only tokens in bare frames (before Kafka 1.0, KIP-152).
    TooOld {
        /// The API that it lacks, or knows in other versions only.
        api_key: ApiKey,
        /// Its versions.
        theirs: Option<VersionRange>,
    },
    /// One of the two refuses the other by TLS: Java's `SslAuthenticationException`.
    Tls {
        /// Whose certificate is not accepted, or what else is wrong, and what to do.
        detail: String,
    },
    /// The credentials are for another mechanism than the one configured.
    OtherMechanism {
        /// The one configured.
        configured: ByteStr,
        /// That of the credentials.
        given: ByteStr,
    },
    /// There are no credentials, and asking again will not help.
    Credentials(CredentialsError),
}

impl AuthenticationError {
    /// The broker's error, where one was the reason.
    #[must_use]
    pub const fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { .. } => Some(ErrorCode::SASL_AUTHENTICATION_FAILED),
            Self::UnsupportedMechanism { .. } => Some(ErrorCode::UNSUPPORTED_SASL_MECHANISM),
            Self::Code { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether it was TLS where the two did not agree, before a word of Kafka's protocol.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        matches!(self, Self::Tls { .. })
    }
}

/// The longest text of a broker that is shown, in characters.
const LONGEST_TEXT: usize = 300;

/// The most mechanisms that are named.
const MOST_NAMES: usize = 16;

/// A broker's text as people may see it.
pub(crate) fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.chars().take(LONGEST_TEXT).map(plain).collect();
    if text.chars().nth(LONGEST_TEXT).is_some() {
        shown.push('…');
    }
    shown
}

/// A broker's list of mechanisms as people may see it.
pub(crate) fn shown_names(names: &[ByteStr]) -> Vec<String> {
    names.iter().take(MOST_NAMES).map(|name| shown(name)).collect()
}

impl fmt::Display for AuthenticationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { mechanism, message, refusal } => {
                write!(f, "the broker refuses the credentials ({})", &**mechanism)?;
                if let Some(message) = message {
                    write!(f, ": {message}")?;
                }
                if let Some(refusal) = refusal {
                    write!(f, "; before, {refusal}")?;
                }
                f.write_str("; check the credentials, and that the broker knows this user")
            }
            Self::UnsupportedMechanism { mechanism, enabled } if enabled.is_empty() => write!(
                f,
                "the broker does not offer the mechanism {}, nor does it say which it does: check sasl.mechanism",
                &**mechanism
            ),
            Self::UnsupportedMechanism { mechanism, enabled } => write!(
                f,
                "the broker does not offer the mechanism {} but {}: set sasl.mechanism to what it offers",
                &**mechanism,
                enabled.join(", ")
            ),
            Self::Code { api_key: ApiKey::SaslHandshake, code, .. }
                if *code == ErrorCode::ILLEGAL_SASL_STATE =>
            {
                write!(
                    f,
                    "the broker's listener does not authenticate by SASL ({code}): check security.protocol and the port"
                )
            }
            Self::Code { api_key, code, message } => {
                write!(f, "the broker ends the authentication ({}: {code})", api_key.name())?;
                match message {
                    Some(message) => write!(f, ": {message}"),
                    None => Ok(()),
                }
            }
            Self::Mechanism(error) => error.fmt(f),
            Self::Tls { detail } => f.write_str(detail),
            Self::Endless { challenges, bytes } => write!(
                f,
                "the broker goes on asking after {challenges} challenges of {bytes} bytes in all: either it is no Kafka broker, or something between changes what is sent"
            ),
            Self::TooOld { api_key, theirs: Some(theirs) } => write!(
                f,
                "the broker speaks {} {theirs} only, as Kafka did before 1.0: this client needs SaslHandshake 1 and SaslAuthenticate",
                api_key.name()
            ),
            Self::TooOld { api_key, theirs: None } => write!(
                f,
                "the broker does not know {}, as Kafka did not before 1.0: this client needs SaslHandshake 1 and SaslAuthenticate",
                api_key.name()
            ),
            Self::OtherMechanism { configured, given } => write!(
                f,
                "the credentials are for the mechanism {}, and sasl.mechanism is {}",
                &**given, &**configured
            ),
            Self::Credentials(error) => write!(f, "no credentials: {error}"),
        }
    }
}

impl core::error::Error for AuthenticationError {}
