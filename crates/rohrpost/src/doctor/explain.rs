//! From what went wrong to a finding: what it is, in one sentence, and what to do, in another.

use rohrpost_cluster::{AuthenticationError, ConnectErrorKind, LostError, TroubleKind};
use rohrpost_codec::{ApiKey, ErrorCode, PeerHint};
use rohrpost_driver::probe::ProbeError;

use super::report::Finding;
use super::{Case, Check, Stage};

/// Which stage a failure belongs to, that came up in this one.
pub(super) fn stage_of(error: &ProbeError, stage: Stage) -> Stage {
    match error {
        #[cfg(feature = "_tls")]
        ProbeError::Tls(_) | ProbeError::TlsTimedOut { .. } => Stage::Tls,
        ProbeError::Connect(_) => Stage::Connect,
        _ => stage,
    }
}

/// A check that failed for this reason.
pub(super) fn check(label: &str, error: &ProbeError, case: &Case) -> Check {
    let check = Check::failed(label, finding(error, case));
    #[cfg(feature = "_tls")]
    if let ProbeError::Tls(rohrpost_tls::TlsError::Certificate { chain, .. }) = error {
        return super::certificates::facts(check, chain);
    }
    check
}

/// What went wrong, and what to do.
pub(super) fn finding(error: &ProbeError, case: &Case) -> Finding {
    match error {
        ProbeError::Connect(error) => {
            let remedy = match error.kind {
                ConnectErrorKind::Refused => {
                    "nothing listens there: check the host and the port, and that the broker runs"
                }
                ConnectErrorKind::TimedOut => {
                    "packets are lost on the way: check the address, firewalls and security groups"
                }
                ConnectErrorKind::Unreachable => {
                    "no way leads there: check the address, routes and VPNs"
                }
                _ => "check the address, and the limits of this process",
            };
            Finding::new(error.to_string(), remedy)
        }
        #[cfg(feature = "_tls")]
        ProbeError::Tls(error) => super::tls_errors::finding(error),
        #[cfg(feature = "_tls")]
        ProbeError::TlsTimedOut { timeout } => Finding::new(
            format!("connected, but nobody answered the TLS handshake within {timeout:?}"),
            "check that this is a broker's TLS listener: another service may wait for other words, and a proxy for its backend",
        ),
        ProbeError::Trouble(kind) => trouble(kind, case),
        other => Finding::new(format!("{other:?}"), ""),
    }
}

fn trouble(kind: &TroubleKind, case: &Case) -> Finding {
    let is_tls = case.config.security.protocol.is_tls();
    match kind {
        TroubleKind::Silent { timeout } => Finding::new(
            format!("connected, but the first request was not answered within {timeout:?}"),
            if is_tls {
                "check that this is a Kafka broker, and that it is not paused or overloaded"
            } else {
                "check that this is a Kafka broker; if its listener wants TLS, set security.protocol to SSL or SASL_SSL"
            },
        ),
        TroubleKind::LostEarly(LostError::Frame(error)) => match error.hint() {
            Some(PeerHint::Tls) => Finding::new(
                "it answered a plaintext request with TLS: this is a TLS listener",
                "set security.protocol to SSL or SASL_SSL, or use the port of the plaintext listener",
            ),
            Some(PeerHint::Http) => Finding::new(
                "it answered HTTP: this is a web server, or a proxy",
                "check the port: brokers listen on 9092 to 9096 as a rule",
            ),
            _ => Finding::new(
                format!("what it answered is not Kafka's protocol ({error})"),
                "check the port: this is no Kafka broker",
            ),
        },
        TroubleKind::LostEarly(error) => Finding::new(
            format!("{error} before it answered the first request"),
            if is_tls {
                "look at the broker's log: it may limit connections, or refuse this address or certificate"
            } else {
                "if its listener wants TLS, set security.protocol to SSL or SASL_SSL; otherwise check the port, and look at the broker's log"
            },
        ),
        TroubleKind::LostUnserved(error) => Finding::new(
            format!("{error} when it was asked more than its versions"),
            "its listener wants SASL: set security.protocol to SASL_SSL or SASL_PLAINTEXT, and the credentials",
        ),
        TroubleKind::LostInAuthentication(error) => Finding::new(
            format!("{error} in the middle of the authentication"),
            "check whether this listener has SASL at all (security.protocol), and look at the broker's log",
        ),
        TroubleKind::Authentication(error) => authentication(error),
        TroubleKind::Credentials(error) => Finding::new(
            format!("there are no credentials: {error}"),
            "look at what provides them: a token endpoint, a file, the environment",
        ),
        TroubleKind::CredentialsTimedOut { timeout } => Finding::new(
            format!("there were no credentials within {timeout:?}"),
            "look at what provides them: a token endpoint, a file, the environment",
        ),
        TroubleKind::AuthenticationTimedOut { timeout } => Finding::new(
            format!("the authentication was not complete within {timeout:?}"),
            "look at the broker's log, and at what it asks about credentials itself",
        ),
        TroubleKind::RequestTimedOut { api_key, timeout } => Finding::new(
            format!("{} was not answered within {timeout:?}", api_key.name()),
            "look at the broker's load and log: it is connected to, and does not answer",
        ),
        TroubleKind::Refused { api_key, code } => {
            Finding::new(format!("it refuses {}: {code}", api_key.name()), of_code(*code))
        }
        TroubleKind::Unreadable(_) | TroubleKind::Unasked { .. } => Finding::new(
            kind.to_string(),
            "check what listens there: this is not how brokers answer",
        ),
        TroubleKind::NoCommonVersion { api_key, ours, theirs } => Finding::new(
            match theirs {
                Some(theirs) => format!(
                    "it speaks {} in versions {theirs}, this client in {ours}",
                    api_key.name()
                ),
                None => format!("it does not know {}", api_key.name()),
            },
            "check that this is a broker, not a controller, and that the two releases are not too far apart",
        ),
        other => Finding::new(other.to_string(), "look at the broker's log"),
    }
}

fn authentication(error: &AuthenticationError) -> Finding {
    match error {
        AuthenticationError::Refused { mechanism, message, .. } => Finding::new(
            match message {
                Some(message) => {
                    format!("the broker refuses the credentials ({}): {message}", &**mechanism)
                }
                None => format!("the broker refuses the credentials ({})", &**mechanism),
            },
            "check the user and the password or token, and that the broker knows this user for this very mechanism",
        ),
        AuthenticationError::UnsupportedMechanism { mechanism, enabled } => Finding::new(
            format!(
                "the listener does not have the mechanism {}; it has {}",
                &**mechanism,
                if enabled.is_empty() { "none".to_owned() } else { enabled.join(", ") }
            ),
            "set sasl.mechanism to one that it has, or use the port of another listener",
        ),
        AuthenticationError::Code { api_key: ApiKey::SaslHandshake, code, .. }
            if *code == ErrorCode::ILLEGAL_SASL_STATE =>
        {
            Finding::new(
                "this listener has no SASL",
                "set security.protocol to SSL or PLAINTEXT, or use the port of a listener with SASL",
            )
        }
        AuthenticationError::Mechanism(error) => Finding::new(
            format!("the exchange was ended here: {error}"),
            "do not trust what answers: either it does not know the password itself, or it does not keep to the mechanism",
        ),
        AuthenticationError::Endless { .. } => Finding::new(
            error.to_string(),
            "do not trust what answers: no mechanism goes on asking for ever",
        ),
        AuthenticationError::Credentials(error) => Finding::new(
            format!("there are no credentials: {error}"),
            "look at what provides them: sasl.jaas.config, a token endpoint, a file, the environment",
        ),
        other => Finding::new(other.to_string(), "look at the broker's log"),
    }
}

/// What to do about an error of a broker's.
pub(super) fn of_code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::TOPIC_AUTHORIZATION_FAILED => {
            "give the principal the operations Describe and Write on the topic (kafka-acls --producer --topic)"
        }
        ErrorCode::CLUSTER_AUTHORIZATION_FAILED => {
            "give the principal the operation Write on any topic, or IdempotentWrite on the cluster"
        }
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => {
            "create the topic, or check its name; a principal that may not describe it sees the same"
        }
        ErrorCode::INVALID_TOPIC_EXCEPTION => "check the topic's name",
        ErrorCode::LEADER_NOT_AVAILABLE => {
            "wait a moment; if it stays, look for brokers that are down"
        }
        ErrorCode::REBOOTSTRAP_REQUIRED => {
            "connect to the bootstrap servers anew: the cluster has moved"
        }
        code if code.is_retriable() => {
            "wait a moment, and try again; if it stays, look at the broker's log"
        }
        _ => "look at the broker's log",
    }
}
