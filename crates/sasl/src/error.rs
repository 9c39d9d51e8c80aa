//! What goes wrong in an exchange, whose fault it is and what to do.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// Why an exchange cannot begin or go on. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaslError {
    /// What was configured cannot be sent by this mechanism.
    Credentials {
        /// The mechanism.
        mechanism: &'static str,
        /// What of it: `user name`, `password`, `extension name`.
        what: &'static str,
        /// What is wrong with it.
        problem: Problem,
    },
    /// The server refuses the client in the mechanism's own words.
    Refused(Box<Refusal>),
    /// The server has not proved that it knows the password: it is not the one that the client means to talk to,
    /// or keeps another password.
    ServerNotVerified {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// A message of the server breaks the mechanism's rules.
    Malformed {
        /// The mechanism.
        mechanism: &'static str,
        /// Which message, by the name its standard gives it: `server-first-message`.
        message: &'static str,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The server's nonce does not begin with the client's, or adds nothing to it: an answer from another exchange.
    Nonce {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// The server asks for fewer hash iterations than is safe, or for more than anybody should spend on it.
    Iterations {
        /// The mechanism.
        mechanism: &'static str,
        /// How many it asked for.
        asked: u64,
        /// The fewest that are safe.
        least: u32,
        /// The most that are accepted.
        most: u32,
    },
    /// The server goes on asking where the mechanism has ended.
    UnexpectedChallenge {
        /// The mechanism.
        mechanism: &'static str,
        /// The length of what it sent.
        bytes: usize,
    },
    /// Kafka sends nothing after authentication inside of SASL, and the server insists on that.
    NoCommonLayer {
        /// The mechanism.
        mechanism: &'static str,
        /// The server's offer: bit 1 for none, 2 for integrity, 4 for confidentiality.
        offered: u8,
    },
    /// Whoever provides the mechanism's tokens, such as a Kerberos library, failed.
    Provider {
        /// The mechanism.
        mechanism: &'static str,
        /// In its words.
        detail: String,
        /// Whether trying again can help, as where a KDC cannot be reached.
        is_retriable: bool,
    },
    /// The caller went on with an exchange that had ended.
    Finished {
        /// The mechanism.
        mechanism: &'static str,
    },
}

/// What is wrong with something configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// It is empty.
    Empty,
    /// It has a character that the message cannot carry.
    Character {
        /// At this byte.
        at: usize,
    },
    /// It is not UTF-8.
    NotUtf8,
    /// It is a name that the mechanism keeps for itself.
    Reserved,
    /// It is given twice.
    Doubled,
    /// It is not a number, or not one in the range allowed.
    Number,
    /// It is shorter than is safe.
    TooShort,
    /// It is neither a text nor a list of texts.
    NotText,
    /// Nobody knows it.
    Unknown,
    /// It is missing.
    Missing,
}

/// What is wrong with a message of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is longer than anything reasonable.
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The most accepted.
        most: usize,
    },
    /// It is shorter than it must be.
    TooShort {
        /// Its length in bytes.
        bytes: usize,
        /// The least.
        least: usize,
    },
    /// It is not UTF-8 from this byte on.
    NotUtf8 {
        /// The first byte that is wrong.
        at: usize,
    },
    /// An attribute is missing, or something else stands in its place.
    Missing(&'static str),
    /// An attribute's value is not what it must be.
    Value(&'static str),
    /// It has an extension that whoever does not know it must refuse.
    MandatoryExtension,
    /// It is not the JSON object that it must be.
    NotJson,
}

/// A server's refusal in a mechanism's own words. Texts are the server's, cut to a reasonable length and free of
/// control characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The mechanism.
    pub mechanism: &'static str,
    /// SCRAM's `e=` (`invalid-proof`), OAUTHBEARER's `status` (`invalid_token`).
    pub reason: String,
    /// OAUTHBEARER: the scope that a token would need.
    pub scope: Option<String>,
    /// OAUTHBEARER: where tokens come from, by the server's word.
    pub openid_configuration: Option<String>,
}

/// Who has to do something about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The client's configuration: its credentials.
    Configuration,
    /// The server, or somebody in its place.
    Server,
    /// The provider of tokens.
    Provider,
    /// The code that drives the mechanism.
    Caller,
}

impl SaslError {
    /// The mechanism that it happened in.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::Credentials { mechanism, .. }
            | Self::ServerNotVerified { mechanism }
            | Self::Malformed { mechanism, .. }
            | Self::Nonce { mechanism }
            | Self::Iterations { mechanism, .. }
            | Self::UnexpectedChallenge { mechanism, .. }
            | Self::NoCommonLayer { mechanism, .. }
            | Self::Provider { mechanism, .. }
            | Self::Finished { mechanism } => mechanism,
            Self::Refused(refusal) => refusal.mechanism,
        }
    }

    /// Who has to do something about it.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Credentials { .. } | Self::Refused(_) => Blame::Configuration,
            Self::ServerNotVerified { .. }
            | Self::Malformed { .. }
            | Self::Nonce { .. }
            | Self::Iterations { .. }
            | Self::UnexpectedChallenge { .. }
            | Self::NoCommonLayer { .. } => Blame::Server,
            Self::Provider { .. } => Blame::Provider,
            Self::Finished { .. } => Blame::Caller,
        }
    }

    /// Whether the same credentials may do better at another time.
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Provider { is_retriable: true, .. })
    }
}

impl core::error::Error for SaslError {}

impl fmt::Display for SaslError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.mechanism())?;
        match self {
            Self::Credentials { what, problem, .. } => write!(f, "the {what} {problem}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::ServerNotVerified { .. } => f.write_str(
                "the server's signature is wrong: it does not know this password, and may be an impostor; nothing more was sent to it",
            ),
            Self::Malformed { message, fault, .. } => {
                write!(f, "the server's {message} {fault}: either it is no Kafka broker, or something between changes what is sent")
            }
            Self::Nonce { .. } => f.write_str(
                "the server's nonce does not continue the client's: its answer belongs to another exchange, perhaps a replayed one",
            ),
            Self::Iterations { asked, least, most, .. } if asked > &u64::from(*most) => write!(
                f,
                "the server asks for {asked} iterations, of {least} to {most} accepted; raise the maximum only for a server that is known to need it"
            ),
            Self::Iterations { asked, least, most, .. } => write!(
                f,
                "the server asks for {asked} iterations, of {least} to {most} accepted: the user's credentials must be created anew with more"
            ),
            Self::UnexpectedChallenge { bytes, .. } => {
                write!(f, "the server sent {bytes} bytes where the exchange had ended")
            }
            Self::NoCommonLayer { offered, .. } => write!(
                f,
                "the server offers only security layers ({offered:#04x}) that Kafka does not use; its quality of protection must allow `auth`"
            ),
            Self::Provider { detail, .. } => f.write_str(detail),
            Self::Finished { .. } => f.write_str("the exchange had ended already"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::Character { at } => {
                write!(f, "has at byte {at} a character that the mechanism cannot carry")
            }
            Self::NotUtf8 => f.write_str("is not UTF-8"),
            Self::Reserved => f.write_str("is one that the mechanism keeps for itself"),
            Self::Doubled => f.write_str("is given twice"),
            Self::Number => f.write_str("is not a number in the range allowed"),
            Self::TooShort => f.write_str("is shorter than is safe"),
            Self::NotText => f.write_str("is neither a text nor a list of texts"),
            Self::Unknown => f.write_str("is unknown"),
            Self::Missing => f.write_str("is missing"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, most } => {
                write!(f, "has {bytes} bytes, more than the {most} accepted")
            }
            Self::TooShort { bytes, least } => {
                write!(f, "has {bytes} bytes, fewer than the {least} needed")
            }
            Self::NotUtf8 { at } => write!(f, "is not UTF-8 at byte {at}"),
            Self::Missing(what) => write!(f, "lacks {what} in its place"),
            Self::Value(what) => write!(f, "has a value for {what} that is not allowed"),
            Self::MandatoryExtension => f.write_str("asks for an extension that nobody defined"),
            Self::NotJson => f.write_str("is not the JSON object that it should be"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server refuses the credentials: {}", self.reason)?;
        if let Some(scope) = &self.scope {
            write!(f, "; it wants the scope {scope}")?;
        }
        if let Some(place) = &self.openid_configuration {
            write!(f, "; it takes tokens of {place}")?;
        }
        Ok(())
    }
}

impl core::error::Error for Problem {}
