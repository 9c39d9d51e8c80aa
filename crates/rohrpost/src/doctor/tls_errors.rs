//! What is wrong with TLS, and what to do: the errors of `rohrpost-tls`, each in two sentences.

use rohrpost_tls::{CertificateProblem, TlsError};

use super::report::Finding;

/// An error of a handshake, or of TLS later on.
pub(super) fn finding(error: &TlsError) -> Finding {
    match error {
        TlsError::Certificate { problem, .. } => certificate(problem),
        TlsError::ClientCertificateRequired { issuers, .. } => Finding::new(
            format!(
                "the broker wants a certificate of the client, and there is none{}",
                accepts(issuers)
            ),
            "set ssl.keystore.location, or ssl.keystore.key and ssl.keystore.certificate.chain",
        ),
        TlsError::Closed { wanted_certificate: true, .. } => Finding::new(
            "the broker asked for a certificate of the client, got none, and closed the connection",
            "set ssl.keystore.location, or ssl.keystore.key and ssl.keystore.certificate.chain",
        ),
        TlsError::ClientCertificateRefused { alert, certificate, issuers, .. } => Finding::new(
            format!(
                "the broker refuses the client's certificate ({alert}): {certificate}{}",
                accepts(issuers)
            ),
            match *alert {
                "certificate_expired" => "renew it, or look at the broker's clock",
                "unknown_ca" => "its issuer must be in the broker's truststore",
                _ => {
                    "its issuer must be in the broker's truststore, and it must be valid now, and be for clients"
                }
            },
        ),
        TlsError::NotTls { .. } => Finding::new(
            "what answers does not speak TLS: this may be a plaintext listener",
            "set security.protocol to PLAINTEXT or SASL_PLAINTEXT, or use the port of the TLS listener",
        ),
        TlsError::Closed { .. } => Finding::new(
            "the connection was closed within the TLS handshake: plaintext listeners do that",
            "check the port; if its listener has no TLS, set security.protocol to PLAINTEXT or SASL_PLAINTEXT",
        ),
        TlsError::NoCommonVersion { versions, .. } => {
            let ours: Vec<&str> = versions.iter().map(|version| version.name()).collect();
            Finding::new(
                format!(
                    "the broker speaks no version of TLS that is allowed here ({})",
                    ours.join(", ")
                ),
                "look at ssl.enabled.protocols of both sides",
            )
        }
        TlsError::NothingInCommon { what, .. } => Finding::new(
            format!("the broker and this client have {what} in common"),
            "let the broker offer TLSv1.3, or an ECDHE suite with GCM or ChaCha20",
        ),
        TlsError::Alert { alert, .. } => {
            Finding::new(format!("the broker ended TLS: {alert}"), "look at the broker's log")
        }
        TlsError::HostName { host } => Finding::new(
            format!("{host:?} is no name of a host that a certificate could have"),
            "write it in ASCII (IDNA)",
        ),
        TlsError::Protocol { detail, .. } => Finding::new(
            format!("the broker does not keep to TLS: {detail}"),
            "look for something between that changes what is sent",
        ),
        TlsError::Connection { detail, .. } => Finding::new(
            format!("the connection failed: {detail}"),
            "check the network between, and the broker's log",
        ),
        other => Finding::new(other.to_string(), "correct what the properties ssl.* name"),
    }
}

fn certificate(problem: &CertificateProblem) -> Finding {
    match problem {
        CertificateProblem::Expired { subject, .. } => Finding::new(
            format!("the broker's certificate is not accepted: {problem}"),
            format!("have the certificate of {subject} renewed, or look at this machine's clock"),
        ),
        CertificateProblem::NotYetValid { .. } => Finding::new(
            format!("the broker's certificate is not accepted: {problem}"),
            "look at this machine's clock first, then at the broker's certificate",
        ),
        CertificateProblem::UnknownIssuer { issuer, is_self_signed, has_namesake, trusted } => {
            let what = match is_self_signed {
                true => format!(
                    "{issuer} has signed the broker's certificate itself, and is not trusted"
                ),
                false => {
                    format!("the issuer of the broker's certificate, {issuer}, is not trusted")
                }
            };
            let remedy = match (has_namesake, is_self_signed) {
                (true, _) => {
                    "one of the same name is trusted, with another key: replace it in the truststore, if it has been made anew"
                }
                (false, true) => "add the certificate to the truststore (ssl.truststore.location)",
                (false, false) => {
                    "add the issuer's certificate to the truststore (ssl.truststore.location), and let the broker send those between"
                }
            };
            Finding::new(format!("{what}. Trusted are {trusted}"), remedy)
        }
        CertificateProblem::WrongHost { names } if names.is_empty() => Finding::new(
            "the broker's certificate is for no host at all",
            "have it made with the broker's name as its subject alternative name",
        ),
        CertificateProblem::WrongHost { names } => Finding::new(
            format!("the broker's certificate is for other hosts: {}", some(names)),
            "connect by one of these names, or have it made for this one too",
        ),
        CertificateProblem::OnlyCommonName { common_name, .. } => Finding::new(
            format!(
                "the broker's certificate names its host in the common name only ({})",
                common_name.as_deref().unwrap_or("none")
            ),
            "have it made with a subject alternative name (keytool -ext san=dns:…); a program may accept common names (TlsSettings::accept_common_name)",
        ),
        CertificateProblem::AuthorityAsServer { .. } => Finding::new(
            "the broker shows the certificate of an authority (CA:TRUE) as its own",
            "have one made for the broker; a program may accept it (TlsSettings::accept_trusted_ca_as_server)",
        ),
        CertificateProblem::WrongPurpose => Finding::new(
            "the broker's certificate is not for servers: its extended key usage has no serverAuth",
            "have it made anew",
        ),
        CertificateProblem::BadSignature => Finding::new(
            "the signature of the broker's certificate is not that of its issuer: who is trusted by that name has another key",
            "replace the authority in the truststore (ssl.truststore.location), if it has been made anew; otherwise do not trust what answers",
        ),
        other => Finding::new(
            format!("the broker's certificate is not accepted: {other}"),
            "have it made anew",
        ),
    }
}

fn accepts(issuers: &[String]) -> String {
    match issuers.is_empty() {
        true => String::new(),
        false => format!("; it accepts those issued by {}", some(issuers)),
    }
}

/// A few of them, and how many more there are.
fn some(names: &[String]) -> String {
    const MOST: usize = 8;
    let few = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST).filter(|more| *more > 0) {
        Some(more) => format!("{few} and {more} more"),
        None => few,
    }
}
