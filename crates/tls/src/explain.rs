//! From an error of a connection to what it means.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use crate::identity::Request;
use crate::verify::Rejected;
use crate::{CertificateProblem, CipherSuite, TlsError, TlsVersion, time};

/// What is known besides the error.
pub(crate) struct Known {
    /// What a broker asked for when it last asked for a certificate.
    pub(crate) request: Option<Request>,
    /// Why the client's files as they are now could not be used.
    pub(crate) outdated: Option<TlsError>,
    pub(crate) versions: Vec<TlsVersion>,
    pub(crate) suites: Vec<CipherSuite>,
}

/// See [`crate::TlsClient::explain`].
pub(crate) fn explain(host: &str, error: &io::Error, known: Known) -> TlsError {
    let host = host.to_owned();
    match rustls_error(error) {
        Some(cause) => explain_tls(host, cause, known),
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => {
                let wanted_certificate =
                    known.request.is_some_and(|request| request.shown.is_none());
                TlsError::Closed { host, kind: error.kind(), wanted_certificate }
            }
            kind => TlsError::Connection { host, kind, detail: error.to_string() },
        },
    }
}

/// The error of rustls that an error of input or output is made of, however deep.
fn rustls_error(error: &io::Error) -> Option<&Error> {
    let mut cause: &(dyn StdError + 'static) = error.get_ref()?;
    loop {
        if let Some(found) = cause.downcast_ref::<Error>() {
            return Some(found);
        }
        cause = match cause.downcast_ref::<io::Error>() {
            Some(inner) => inner.get_ref()?,
            None => cause.source()?,
        };
    }
}

fn explain_tls(host: String, error: &Error, known: Known) -> TlsError {
    match error {
        Error::InvalidCertificate(error) => explain_certificate(host, error),
        Error::AlertReceived(alert) => explain_alert(host, *alert, known),
        // Before there are keys, nothing but TLS begins with a content type and a version of TLS.
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => TlsError::NotTls { host },
        Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => TlsError::NoCommonVersion { host, versions: known.versions },
        Error::PeerIncompatible(problem) => {
            let what = match problem {
                PeerIncompatible::NoCipherSuitesInCommon => "no cipher suite",
                PeerIncompatible::NoKxGroupsInCommon => "no key exchange",
                PeerIncompatible::NoSignatureSchemesInCommon
                | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => {
                    "no kind of signature"
                }
                other => {
                    return TlsError::Protocol { host, detail: format!("{other:?}") };
                }
            };
            TlsError::NothingInCommon { host, what, suites: known.suites }
        }
        other => TlsError::Protocol { host, detail: other.to_string() },
    }
}

fn explain_certificate(host: String, error: &CertificateError) -> TlsError {
    if let CertificateError::Other(other) = error {
        if let Some(Rejected { problem, chain }) = other.0.downcast_ref::<Rejected>() {
            return TlsError::Certificate { host, problem: problem.clone(), chain: chain.clone() };
        }
    }
    // From a verifier of somebody else's.
    let problem = match error {
        CertificateError::NotValidForNameContext { presented, .. } => {
            CertificateProblem::WrongHost { names: presented.clone() }
        }
        CertificateError::ExpiredContext { time, not_after } => CertificateProblem::Other {
            detail: format!(
                "it expired at {}, and here it is {}",
                time::display(not_after.as_secs()),
                time::display(time.as_secs())
            ),
        },
        other => CertificateProblem::Other { detail: other.to_string() },
    };
    TlsError::Certificate { host, problem, chain: Vec::new() }
}

fn explain_alert(host: String, alert: AlertDescription, known: Known) -> TlsError {
    use AlertDescription as Alert;
    let name = alert_name(alert);
    match alert {
        Alert::ProtocolVersion => TlsError::NoCommonVersion { host, versions: known.versions },
        Alert::BadCertificate
        | Alert::NoCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::DecryptError
        | Alert::CertificateRequired
        | Alert::HandshakeFailure => match known.request {
            Some(Request { issuers, shown: None }) => {
                TlsError::ClientCertificateRequired { host, issuers }
            }
            Some(Request { issuers, shown: Some(certificate) })
                if alert != Alert::HandshakeFailure =>
            {
                TlsError::ClientCertificateRefused {
                    host,
                    alert: name,
                    certificate: Box::new(certificate),
                    issuers,
                    outdated: known.outdated.map(Box::new),
                }
            }
            _ if alert == Alert::CertificateRequired => {
                TlsError::ClientCertificateRequired { host, issuers: Vec::new() }
            }
            _ if alert == Alert::HandshakeFailure => {
                let what = "no version, cipher suite or kind of certificate";
                TlsError::NothingInCommon { host, what, suites: known.suites }
            }
            _ => TlsError::Alert { host, alert: name },
        },
        Alert::InsufficientSecurity => {
            let what = "no cipher suite that is strong enough for it";
            TlsError::NothingInCommon { host, what, suites: known.suites }
        }
        _ => TlsError::Alert { host, alert: name },
    }
}

/// The name that the protocol gives an alert (RFC 8446, 6).
fn alert_name(alert: AlertDescription) -> &'static str {
    use AlertDescription as Alert;
    match alert {
        Alert::CloseNotify => "close_notify",
        Alert::UnexpectedMessage => "unexpected_message",
        Alert::BadRecordMac => "bad_record_mac",
        Alert::RecordOverflow => "record_overflow",
        Alert::HandshakeFailure => "handshake_failure",
        Alert::NoCertificate => "no_certificate",
        Alert::BadCertificate => "bad_certificate",
        Alert::UnsupportedCertificate => "unsupported_certificate",
        Alert::CertificateRevoked => "certificate_revoked",
        Alert::CertificateExpired => "certificate_expired",
        Alert::CertificateUnknown => "certificate_unknown",
        Alert::IllegalParameter => "illegal_parameter",
        Alert::UnknownCA => "unknown_ca",
        Alert::AccessDenied => "access_denied",
        Alert::DecodeError => "decode_error",
        Alert::DecryptError => "decrypt_error",
        Alert::ProtocolVersion => "protocol_version",
        Alert::InsufficientSecurity => "insufficient_security",
        Alert::InternalError => "internal_error",
        Alert::UserCanceled => "user_canceled",
        Alert::NoRenegotiation => "no_renegotiation",
        Alert::MissingExtension => "missing_extension",
        Alert::UnsupportedExtension => "unsupported_extension",
        Alert::UnrecognisedName => "unrecognized_name: it knows no such host",
        Alert::CertificateRequired => "certificate_required",
        _ => "an alert without a name",
    }
}
