//! What can go wrong, who is to blame, and what to do.

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

/// What is wrong with a store of keys and certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreProblem {
    /// It is of another type than was said.
    WrongType {
        /// What was said.
        expected: &'static str,
        /// What it seems to be.
        found: &'static str,
    },
    /// Nothing that is known.
    UnknownType,
    /// It is cut off, or something in it is not what it should be.
    Broken {
        /// What, and where.
        detail: String,
    },
    /// The password is not the store's. A store that somebody changed looks the same.
    WrongPassword,
    /// The password is not the private key's.
    WrongKeyPassword {
        /// The key's alias, if it has one.
        alias: Option<String>,
    },
    /// It is encrypted, and no password was given.
    PasswordMissing,
    /// Its private key is encrypted, and no password was given.
    KeyPasswordMissing {
        /// The key's alias, if it has one.
        alias: Option<String>,
    },
    /// A password for a store that has none, such as PEM: only its key may have one.
    PasswordOfPem,
    /// It is protected in a way that is not supported.
    Unsupported {
        /// Which.
        what: String,
        /// How to change the store.
        remedy: &'static str,
    },
    /// It asks for more work than is sane to find out what it is protected by.
    TooManyIterations {
        /// How much work: the iterations of its key derivation.
        iterations: u64,
        /// The most that is allowed.
        most: u32,
    },
    /// There is no private key with a certificate in it.
    NoKey {
        /// How many certificates there are.
        certificates: usize,
    },
    /// There is more than one private key where only one can be, or more than a store may have.
    SeveralKeys {
        /// How many.
        keys: usize,
    },
    /// A private key without a certificate.
    NoCertificate,
    /// There is no certificate in it to be trusted.
    NothingTrusted {
        /// How many certificates there are that are not marked as trusted.
        unmarked: usize,
    },
    /// A private key of a kind or size that is not supported.
    Key {
        /// What is wrong with it.
        detail: String,
    },
    /// None of its certificates can be used.
    Certificates {
        /// Whose, and what is wrong.
        detail: String,
    },
}

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

impl fmt::Display for StoreProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alias = |alias: &Option<String>| match alias {
            Some(alias) => format!("private key \"{}\"", shown(alias)),
            None => "private key".to_owned(),
        };
        match self {
            Self::WrongType { expected, found } => {
                write!(f, "it is said to be {expected}, and seems to be {found}: set its type")
            }
            Self::UnknownType => f.write_str("it is neither JKS nor PKCS12 nor PEM"),
            Self::Broken { detail } => write!(f, "it is broken or cut off: {detail}"),
            Self::WrongPassword => f.write_str(
                "the password is wrong, or somebody changed the store after it was made",
            ),
            Self::WrongKeyPassword { alias: key } => write!(
                f,
                "the password of the {} is wrong: set ssl.key.password if it is not the store's",
                alias(key)
            ),
            Self::PasswordMissing => {
                f.write_str("it is encrypted, and there is no password for it")
            }
            Self::KeyPasswordMissing { alias: key } => {
                write!(
                    f,
                    "the {} is encrypted, and there is no password for it: set ssl.key.password",
                    alias(key)
                )
            }
            Self::PasswordOfPem => f.write_str(
                "PEM has no password of its own: the one of its private key is ssl.key.password",
            ),
            Self::Unsupported { what, remedy } => write!(f, "{what} is not supported: {remedy}"),
            Self::TooManyIterations { iterations, most } => write!(
                f,
                "its key derivation has {iterations} iterations, and {most} are the most in one store: make it anew with \
                 fewer"
            ),
            Self::NoKey { certificates } => write!(
                f,
                "there is no private key in it, only {certificates} certificates: is it the truststore?"
            ),
            Self::SeveralKeys { keys } => {
                write!(f, "there are {keys} or more private keys in it, which is too many")
            }
            Self::NoCertificate => f.write_str("there is no certificate for the private key"),
            Self::NothingTrusted { unmarked: 0 } => f.write_str("there is no certificate in it"),
            Self::NothingTrusted { unmarked } => write!(
                f,
                "none of its {unmarked} certificates is marked as trusted: add them by `keytool -importcert`, or use \
                 PEM"
            ),
            Self::Key { detail } => write!(f, "the private key cannot be used: {detail}"),
            Self::Certificates { detail } => {
                write!(f, "none of its certificates can be used: {detail}")
            }
        }
    }
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
            Self::BadSignature => f.write_str("its signature is not that of its issuer"),
            Self::Unsupported { what } => write!(f, "{what}. Have it made anew"),
            Self::Malformed => f.write_str("it cannot be read"),
            Self::Other { detail } => f.write_str(detail),
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
