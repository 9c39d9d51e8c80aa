//! What can go wrong, who is to blame, and what to do.

mod certificate;
mod store;

pub use certificate::CertificateProblem;
pub use store::StoreProblem;

use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::certificate::{enumerate, shown};
use crate::{CertificateInfo, CipherSuite, TlsVersion, time};

/// Why there is no TLS with a broker, or no configuration for it. Its text says what to do about it; no password and no
/// key is ever in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// A version of TLS that is not spoken here.
    Version {
        /// As it was given.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A cipher suite that is not spoken here.
    CipherSuite {
        /// As it was given.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A store type that is not known.
    StoreType {
        /// As it was given.
        name: String,
    },
    /// Settings that do not go together.
    Settings {
        /// Which, and why.
        reason: String,
    },
    /// The crate was built with neither the feature `ring` nor `aws-lc-rs`.
    NoCryptography,
    /// A file that cannot be read.
    File {
        /// What it is to be: `truststore`, `keystore` …
        purpose: &'static str,
        /// Where it is.
        path: PathBuf,
        /// How reading failed.
        kind: io::ErrorKind,
        /// The same in the system's words.
        detail: String,
    },
    /// A store that is of no use.
    Store {
        /// Which: `truststore client.jks`, or `keystore` if it is no file.
        store: String,
        /// What is wrong with it.
        problem: StoreProblem,
    },
    /// The system has no certificates of authorities, or they cannot be read.
    NoSystemRoots {
        /// What its programs said.
        detail: String,
    },
    /// A private key that is not the one of the certificate beside it.
    KeyMismatch {
        /// Which store.
        store: String,
        /// Whose certificate it is.
        subject: String,
    },
    /// The files have changed, what they hold now is of no use, and the certificate that was used until now has expired.
    Outdated {
        /// What is wrong with the new files.
        problem: Box<TlsError>,
        /// When the old certificate expired, in seconds since 1970.
        expired: u64,
    },
    /// A broker's address that TLS cannot look for in a certificate.
    HostName {
        /// The address.
        host: String,
    },
    /// The broker's certificate is not accepted.
    Certificate {
        /// The broker's address, as it was looked for.
        host: String,
        /// What is wrong.
        problem: CertificateProblem,
        /// What the broker has shown, its own certificate first; empty if that cannot be read.
        chain: Vec<CertificateInfo>,
    },
    /// The broker wants a certificate of the client, and there is none.
    ClientCertificateRequired {
        /// The broker's address.
        host: String,
        /// The issuers that it accepts, if it says.
        issuers: Vec<String>,
    },
    /// The broker does not accept the client's certificate.
    ClientCertificateRefused {
        /// The broker's address.
        host: String,
        /// Why, by TLS's name of the alert: `unknown_ca` …
        alert: &'static str,
        /// The certificate that it was shown.
        certificate: Box<CertificateInfo>,
        /// The issuers that it accepts, if it says.
        issuers: Vec<String>,
        /// If the files of the store have changed and cannot be used: what is wrong with them.
        outdated: Option<Box<TlsError>>,
    },
    /// What answers does not speak TLS.
    NotTls {
        /// The broker's address.
        host: String,
    },
    /// The connection ended while keys were agreed upon, without a word.
    Closed {
        /// The broker's address.
        host: String,
        /// How.
        kind: io::ErrorKind,
        /// Whether the broker had asked for a certificate, and there was none to show.
        wanted_certificate: bool,
    },
    /// The broker speaks none of the versions that are allowed here.
    NoCommonVersion {
        /// The broker's address.
        host: String,
        /// Those that are allowed here.
        versions: Vec<TlsVersion>,
    },
    /// The broker and the client have no cipher suite, key exchange or signature in common.
    NothingInCommon {
        /// The broker's address.
        host: String,
        /// What is lacking, as far as it is known.
        what: &'static str,
        /// The suites that are allowed here.
        suites: Vec<CipherSuite>,
    },
    /// The broker ended TLS with an alert that says nothing of certificates.
    Alert {
        /// The broker's address.
        host: String,
        /// TLS's name of it.
        alert: &'static str,
    },
    /// The broker does not keep to the protocol, or somebody between has changed what it said.
    Protocol {
        /// The broker's address.
        host: String,
        /// What it did.
        detail: String,
    },
    /// The connection failed; TLS has nothing to do with it.
    Connection {
        /// The broker's address.
        host: String,
        /// How.
        kind: io::ErrorKind,
        /// The same in the system's words.
        detail: String,
    },
}

impl TlsError {
    /// Whether it was there before any broker was asked: a setting, a file or a store is wrong.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Version { .. }
                | Self::CipherSuite { .. }
                | Self::StoreType { .. }
                | Self::Settings { .. }
                | Self::NoCryptography
                | Self::File { .. }
                | Self::Store { .. }
                | Self::NoSystemRoots { .. }
                | Self::KeyMismatch { .. }
                | Self::Outdated { .. }
        )
    }

    /// Whether one side has refused the other, so that trying again at once is of no use: Java's
    /// `SslAuthenticationException`. What is not may be the network's fault.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Closed { .. } | Self::Connection { .. }) && !self.is_configuration()
    }

    /// The broker that it is about, as it was looked for.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::HostName { host }
            | Self::Certificate { host, .. }
            | Self::ClientCertificateRequired { host, .. }
            | Self::ClientCertificateRefused { host, .. }
            | Self::NotTls { host }
            | Self::Closed { host, .. }
            | Self::NoCommonVersion { host, .. }
            | Self::NothingInCommon { host, .. }
            | Self::Alert { host, .. }
            | Self::Protocol { host, .. }
            | Self::Connection { host, .. } => Some(host),
            _ => None,
        }
    }

    pub(crate) fn store(store: &str, problem: StoreProblem) -> Self {
        Self::Store { store: store.to_owned(), problem }
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Outdated { problem, .. } => Some(problem),
            _ => None,
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { name, reason } => write!(
                f,
                "TLS version {} is not supported: {reason}. Supported are {}",
                quoted(name),
                list(&TlsVersion::ALL)
            ),
            Self::CipherSuite { name, reason } => write!(
                f,
                "cipher suite {} is not supported: {reason}. Supported are {}",
                quoted(name),
                list(&CipherSuite::all().collect::<Vec<_>>())
            ),
            Self::StoreType { name } => {
                write!(f, "store type {} is not supported. Supported are JKS, PKCS12 and PEM", quoted(name))
            }
            Self::Settings { reason } => f.write_str(reason),
            Self::NoCryptography => f.write_str(
                "TLS was built without cryptography: turn on the feature `ring` or `aws-lc-rs` of rohrpost-tls, or bring \
                 a rustls::ClientConfig",
            ),
            Self::File { purpose, path, detail, .. } => {
                write!(f, "the {purpose} {} cannot be read: {}", path.display(), detail)
            }
            Self::Store { store, problem } => write!(f, "{store}: {problem}"),
            Self::NoSystemRoots { detail } => {
                f.write_str("this system has no certificates of authorities to trust")?;
                if !detail.is_empty() {
                    write!(f, " ({detail})")?;
                }
                f.write_str(": install them (the package ca-certificates), or configure a truststore")
            }
            Self::KeyMismatch { store, subject } => write!(
                f,
                "{store}: the private key is not that of the certificate of {subject}: was one of the two replaced?"
            ),
            Self::Outdated { problem, expired } => write!(
                f,
                "the client's certificate expired at {}, and what has replaced it cannot be used: {problem}",
                time::display(*expired)
            ),
            Self::HostName { host } => write!(
                f,
                "{} is no name of a host and no address that a certificate could have: write it in ASCII (IDNA), without \
                 a port",
                quoted(host)
            ),
            Self::Certificate { host, problem, .. } => {
                write!(f, "the certificate of broker {host} is not accepted: {problem}")
            }
            Self::ClientCertificateRequired { host, issuers } => {
                write!(f, "broker {host} wants a certificate of the client, and none is configured")?;
                accepted_issuers(f, issuers)?;
                f.write_str(": configure a keystore (ssl.keystore.location)")
            }
            Self::ClientCertificateRefused { host, alert, certificate, issuers, outdated } => {
                write!(f, "broker {host} refuses the client's certificate ({alert}): {certificate}")?;
                accepted_issuers(f, issuers)?;
                match *alert {
                    "certificate_expired" => f.write_str(". Renew it, or look at the broker's clock")?,
                    "unknown_ca" => f.write_str(". Its issuer must be in the broker's truststore")?,
                    _ => f.write_str(
                        ". Its issuer must be in the broker's truststore, and it must be valid now and be for clients",
                    )?,
                }
                match outdated {
                    Some(problem) => write!(
                        f,
                        ". The files that it was read from have changed since, and cannot be used: {problem}"
                    ),
                    None => Ok(()),
                }
            }
            Self::NotTls { host } => write!(
                f,
                "what answers at {host} does not speak TLS: it may be a plaintext listener. Look at its port, or set \
                 security.protocol to PLAINTEXT or SASL_PLAINTEXT"
            ),
            Self::Closed { host, wanted_certificate: true, .. } => write!(
                f,
                "broker {host} closed the connection within the TLS handshake, after it had asked for a certificate of \
                 the client, and none is configured: configure a keystore (ssl.keystore.location)"
            ),
            Self::Closed { host, .. } => write!(
                f,
                "{host} closed the connection within the TLS handshake: this may be a plaintext listener (then look at \
                 its port, or set security.protocol to PLAINTEXT or SASL_PLAINTEXT), or something between cut it"
            ),
            Self::NoCommonVersion { host, versions } => write!(
                f,
                "broker {host} speaks no version of TLS that is allowed here ({}): look at ssl.enabled.protocols of both",
                list(versions)
            ),
            Self::NothingInCommon { host, what, suites } => {
                write!(f, "broker {host} and this client have {what} in common. Allowed here: {}. ", list(suites))?;
                f.write_str(
                    "CBC modes, RSA key exchange and finite-field Diffie-Hellman, which Java still has, are not \
                     supported: let the broker offer TLSv1.3, or an ECDHE suite with GCM or ChaCha20",
                )
            }
            Self::Alert { host, alert } => {
                write!(f, "broker {host} ended TLS: {alert}. Its log may say more")
            }
            Self::Protocol { host, detail } => {
                write!(f, "broker {host} does not keep to TLS: {detail}. Does something between change what is sent?")
            }
            Self::Connection { host, detail, .. } => write!(f, "the connection to {host} failed: {detail}"),
        }
    }
}

fn accepted_issuers(f: &mut fmt::Formatter<'_>, issuers: &[String]) -> fmt::Result {
    if issuers.is_empty() {
        Ok(())
    } else {
        write!(f, " (it accepts those issued by {})", enumerate(issuers))
    }
}

fn list<T: fmt::Display>(things: &[T]) -> String {
    things.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// What somebody wrote, as far as it is worth showing.
fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text))
}

/// Whether a host is an address.
pub(crate) fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}
