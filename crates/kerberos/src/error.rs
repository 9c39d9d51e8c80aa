//! What can go wrong, and who says so.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::EncryptionType;

/// Why there is no ticket, or no context. Never holds a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KerberosError {
    /// Bytes that are not what they should be.
    Malformed {
        /// Of which they should be: `keytab`, `answer of the KDC`.
        what: &'static str,
    },
    /// A file of a version of its format that is not known here.
    Version {
        /// Which file: `keytab`, `ticket cache`.
        what: &'static str,
        /// The first two bytes, which say the version.
        found: u16,
    },
    /// A text that is no principal's name.
    Principal {
        /// The text.
        name: String,
    },
    /// A line of `krb5.conf` that cannot be read.
    Config {
        /// From 1 on.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The KDC or the service refuses.
    Refused(Refusal),
    /// There is no key of a type that the KDC wants for this principal.
    NoKey {
        /// The types that the KDC names.
        wanted: Vec<i32>,
        /// The types that there are keys of.
        known: Vec<EncryptionType>,
    },
    /// Something does not decrypt, or its checksum is wrong: it is forged, or made with another key.
    Integrity {
        /// What it is.
        what: &'static str,
    },
    /// An answer that belongs to another question.
    Mismatch {
        /// In what it differs: `nonce`, `name of the service`.
        what: &'static str,
    },
    /// The KDC's clock and the one here differ by more than five minutes.
    ClockSkew {
        /// The KDC's time, since 1970.
        server: Duration,
        /// The time here, since 1970.
        here: Duration,
    },
    /// The service wants what is not done here.
    Unsupported {
        /// What that is.
        what: &'static str,
    },
}

/// A `KRB-ERROR` (RFC 4120, section 5.9.1). Nothing proves that it is the KDC's own: whoever stands in the network can write one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code (RFC 4120, section 7.5.9).
    pub code: i32,
    /// The other side's time, since 1970.
    pub server_time: Duration,
    /// The other side's words, without control characters, if it has any.
    pub text: String,
    /// What goes with the code: of [`Refusal::PREAUTHENTICATION_REQUIRED`] the ways to do that.
    pub(crate) data: Vec<u8>,
}

impl Refusal {
    /// The client's principal is unknown.
    pub const CLIENT_UNKNOWN: i32 = 6;
    /// The service's principal is unknown.
    pub const SERVICE_UNKNOWN: i32 = 7;
    /// None of the encryption types is to be had.
    pub const ENCRYPTION_TYPE: i32 = 14;
    /// The client's principal is locked.
    pub const CLIENT_REVOKED: i32 = 18;
    /// The principal's password has expired.
    pub const KEY_EXPIRED: i32 = 23;
    /// The client's key is wrong.
    pub const PREAUTHENTICATION_FAILED: i32 = 24;
    /// The client must prove that it knows the key.
    pub const PREAUTHENTICATION_REQUIRED: i32 = 25;
    /// The KDC is busy, or not ready.
    pub const UNAVAILABLE: i32 = 29;
    /// The service's key is not the one that the ticket is encrypted with.
    pub const INTEGRITY: i32 = 31;
    /// The ticket has expired.
    pub const TICKET_EXPIRED: i32 = 32;
    /// The ticket is not yet valid.
    pub const TICKET_EARLY: i32 = 33;
    /// The clocks differ too much.
    pub const CLOCK_SKEW: i32 = 37;
    /// The service has no key of the ticket's version.
    pub const KEY_VERSION: i32 = 44;
    /// The realm is another one.
    pub const WRONG_REALM: i32 = 68;

    /// What the code means.
    pub fn meaning(&self) -> &'static str {
        match self.code {
            Self::CLIENT_UNKNOWN => "there is no such client principal",
            Self::SERVICE_UNKNOWN => "there is no such service principal",
            12 => "its policy forbids it",
            13 => "it cannot do what is asked for",
            Self::ENCRYPTION_TYPE => "it has no encryption type in common with the client",
            Self::CLIENT_REVOKED => "the client principal is locked or disabled",
            Self::KEY_EXPIRED => "the client principal's password has expired",
            Self::PREAUTHENTICATION_FAILED => "the client principal's key is wrong",
            Self::PREAUTHENTICATION_REQUIRED => {
                "it wants another proof of the client's key than an encrypted time"
            }
            Self::UNAVAILABLE => "it is not available at the moment",
            Self::INTEGRITY => "it cannot decrypt the ticket: its key is another one",
            Self::TICKET_EXPIRED => "the ticket has expired",
            Self::TICKET_EARLY => "the ticket is not yet valid",
            34 => "it has seen the same request before",
            35 => "the ticket is for another service",
            Self::CLOCK_SKEW => "the clocks differ too much",
            41 => "the message has been changed on its way",
            Self::KEY_VERSION => "it has no key of the ticket's version",
            60 => "it failed",
            Self::WRONG_REALM => "the client belongs to another realm",
            _ => "it refuses",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (Kerberos error {}", self.meaning(), self.code)?;
        if !self.text.is_empty() {
            write!(f, ": {}", self.text)?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for KerberosError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { what } => write!(f, "the {what} is malformed"),
            Self::Version { what, found } => {
                write!(f, "it begins with {found:#06x}, which no {what} of a known version does")
            }
            Self::Principal { name } => {
                write!(f, "{name:?} is no principal: write it as name@REALM or service/host@REALM")
            }
            Self::Config { line, reason } => write!(f, "line {line}: {reason}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::NoKey { wanted, known } => {
                f.write_str("the KDC wants a key of ")?;
                list(f, wanted.iter().map(|number| Type(*number)))?;
                f.write_str(", and there are ones of ")?;
                list(f, known.iter())
            }
            Self::Integrity { what } => {
                write!(f, "the {what} does not decrypt with the key that it should be made with")
            }
            Self::Mismatch { what } => {
                write!(f, "the answer belongs to another request: its {what} differs")
            }
            Self::ClockSkew { server, here } => {
                let (ahead, behind) = (server.saturating_sub(*here), here.saturating_sub(*server));
                let (distance, way) =
                    if behind.is_zero() { (ahead, "ahead of") } else { (behind, "behind") };
                write!(f, "the KDC's clock is {} s {way} the one here", distance.as_secs())
            }
            Self::Unsupported { what } => write!(f, "{what} is not supported"),
        }
    }
}

impl core::error::Error for KerberosError {}

/// An encryption type by its number, which may be an unknown one.
struct Type(i32);

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match EncryptionType::from_number(self.0) {
            Some(kind) => kind.fmt(f),
            None => write!(f, "type {}", self.0),
        }
    }
}

fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl ExactSizeIterator<Item = T>,
) -> fmt::Result {
    if items.len() == 0 {
        return f.write_str("no type");
    }
    items
        .enumerate()
        .try_for_each(|(at, item)| write!(f, "{}{item}", if at > 0 { ", " } else { "" }))
}
