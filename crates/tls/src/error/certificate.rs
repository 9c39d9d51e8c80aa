//! What can be wrong with a broker's certificate.

use std::fmt;

use crate::certificate::{enumerate, shown};
use crate::time;

/// What is wrong with a broker's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// It, or one of its issuers, is not valid any more. Times in seconds since 1970.
    Expired {
        /// Whose certificate.
        subject: String,
        /// Up to when it was valid.
        not_after: u64,
        /// What time it is here.
        now: u64,
    },
    /// It, or one of its issuers, is not valid yet. Times in seconds since 1970.
    NotYetValid {
        /// Whose certificate.
        subject: String,
        /// From when on it is valid.
        not_before: u64,
        /// What time it is here.
        now: u64,
    },
    /// Nobody who is trusted vouches for it.
    UnknownIssuer {
        /// Who signed the last certificate that the broker has shown.
        issuer: String,
        /// Whether that one was signed by itself.
        is_self_signed: bool,
        /// Whether one of that name is trusted, with another key.
        has_namesake: bool,
        /// Who is trusted: `truststore x.jks (CN=a, CN=b)`.
        trusted: String,
    },
    /// It is for other hosts.
    WrongHost {
        /// The hosts and addresses that it is for.
        names: Vec<String>,
    },
    /// It has no subject alternative names, only a common name, which is not looked at.
    OnlyCommonName {
        /// The common name.
        common_name: Option<String>,
        /// Whether that is this host.
        is_host: bool,
    },
    /// It is a certificate of an authority, which signs others, and is none for a server.
    AuthorityAsServer {
        /// Whether it is in the truststore itself.
        is_trusted: bool,
    },
    /// It is for something else than servers, by its extended key usage.
    WrongPurpose,
    /// Its signature is not its issuer's.
    BadSignature,
    /// It is of a kind that is not supported, such as signed with SHA-1 or of X.509 version 1.
    Unsupported {
        /// What is not.
        what: String,
    },
    /// It cannot be read.
    Malformed,
    /// Another reason.
    Other {
        /// In the words of the library that verifies.
        detail: String,
    },
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { subject, not_after, now } => write!(
                f,
                "that of {subject} expired at {}, and here it is {}",
                time::display(*not_after),
                time::display(*now)
            ),
            Self::NotYetValid { subject, not_before, now } => write!(
                f,
                "that of {subject} is valid from {} on, and here it is {}: is this clock right?",
                time::display(*not_before),
                time::display(*now)
            ),
            Self::UnknownIssuer { issuer, is_self_signed, has_namesake, trusted } => {
                if *is_self_signed {
                    write!(f, "{issuer} has signed it itself, and is not trusted")?;
                } else {
                    write!(f, "its issuer {issuer} is not trusted")?;
                }
                if *has_namesake {
                    f.write_str(": one of the same name is, with another key (has it been made anew?)")?;
                }
                write!(f, ". Trusted are {trusted}. Add the issuer's certificate to the truststore")?;
                if *is_self_signed {
                    return Ok(());
                }
                f.write_str(", and let the broker send those between")
            }
            Self::WrongHost { names } if names.is_empty() => f.write_str("it is for no host at all"),
            Self::WrongHost { names } => write!(
                f,
                "it is for {}. Connect by one of these, or have it made for this name too",
                enumerate(names)
            ),
            Self::OnlyCommonName { common_name, is_host } => {
                match common_name {
                    Some(name) => write!(f, "it has only a common name ({}), ", shown(name))?,
                    None => f.write_str("it names no host, ")?,
                }
                f.write_str(
                    "and no subject alternative name, which is what counts (RFC 9525). Have it made with one \
                     (keytool -ext san=dns:…)",
                )?;
                if *is_host { f.write_str(", or accept common names, as Java does") } else { Ok(()) }
            }
            Self::AuthorityAsServer { is_trusted } => {
                f.write_str(
                    "it is that of an authority (CA:TRUE), which signs others: a server's must not be one. Have one made \
                     for the broker",
                )?;
                if *is_trusted {
                    f.write_str(", or accept trusted authorities as servers, as Java does")
                } else {
                    Ok(())
                }
            }
            Self::WrongPurpose => f.write_str(
                "it is not for servers: its extended key usage has no serverAuth. Have it made anew",
            ),
            Self::BadSignature => f.write_str(
                "its signature is not that of the issuer of this name who is trusted. If that authority was made anew, \
                 put its new certificate into the truststore",
            ),
            Self::Unsupported { what } => write!(f, "{what}. Have it made anew"),
            Self::Malformed => f.write_str("it cannot be read"),
            Self::Other { detail } => f.write_str(detail),
        }
    }
}
