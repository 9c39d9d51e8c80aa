//! Stage 1: what the settings mean together, and what is risky about them.

use super::report::Finding;
use super::{Case, Check, Doctor, Findings, Stage};
use crate::config::{Acks, ProducerConfig, SecurityProtocol};

/// The configuration, if there could be a producer with it.
pub(super) fn check(doctor: Doctor, findings: &mut Findings) -> Option<Case> {
    let Doctor { mut config, timeout, topic, sends } = doctor;
    let refused = |error: &dyn std::fmt::Display| {
        let remedy = "no producer could be built with this: correct the properties that are named";
        Check::failed("properties", Finding::new(error.to_string(), remedy))
    };
    if let Err(error) = config.validate() {
        findings.note(Stage::Configuration, refused(&error));
        return None;
    }
    // What is looked at is not to be made by looking.
    config.auto_create_topics = false;
    let driver = match config.to_driver().map_err(|error| config.locate(error)) {
        Ok(driver) => driver,
        Err(error) => {
            findings.note(Stage::Configuration, refused(&error));
            return None;
        }
    };
    let mechanism = driver.engine.cluster.sasl_mechanism.clone();
    let mut accepted = Check::ok("properties", "they go together")
        .fact("bootstrap_servers", config.bootstrap_servers.join(","))
        .fact("security_protocol", config.security.protocol.name());
    if let Some(mechanism) = &mechanism {
        accepted = accepted.fact("sasl_mechanism", mechanism);
    }
    accepted = accepted
        .fact("client_id", &driver.engine.cluster.client_id)
        .fact("acks", config.acks.to_string())
        .fact("idempotence", if config.is_idempotent() { "true" } else { "false" });
    findings.note(Stage::Configuration, accepted);
    for warning in warnings(&config, mechanism.as_deref()) {
        findings.note(Stage::Configuration, warning);
    }
    let timeout = timeout.unwrap_or(config.connection_setup_timeout);
    Some(Case { config, driver, timeout, topic, sends })
}

/// What is allowed and risky.
fn warnings(config: &ProducerConfig, mechanism: Option<&str>) -> Vec<Check> {
    let protocol = config.security.protocol;
    let mut warnings = Vec::new();
    if protocol == SecurityProtocol::SaslPlaintext
        && matches!(mechanism, Some("PLAIN" | "OAUTHBEARER"))
    {
        warnings.push(Check::warning(
            "security.protocol",
            "the password or token crosses the network as it is: SASL_PLAINTEXT does not encrypt",
            "use SASL_SSL, or a SCRAM mechanism where nobody else is in the network",
        ));
    }
    if let Some(name) = unused_security(config) {
        warnings.push(Check::warning(
            name,
            format!("it is set, and security.protocol={protocol} makes no use of it"),
            "set security.protocol to SSL or SASL_SSL for ssl.*, to SASL_PLAINTEXT or SASL_SSL for sasl.*, as the listener has it",
        ));
    }
    if protocol.is_tls() && !config.security.ssl.verify_host {
        warnings.push(Check::warning(
            "ssl.endpoint.identification.algorithm",
            "it is empty: whoever has any certificate of a trusted authority passes for the broker",
            "have the brokers' certificates made for the names that they are connected to by, and remove it",
        ));
    }
    if config.acks != Acks::All {
        warnings.push(Check::warning(
            "acks",
            format!("acks={} loses acknowledged records when a leader fails", config.acks),
            "set acks=all, unless records may get lost",
        ));
    } else if !config.is_idempotent() {
        warnings.push(Check::warning(
            "enable.idempotence",
            "it is off: a retry may write a record twice, or out of order",
            "leave it on, which is the default",
        ));
    }
    warnings
}

/// The first property of TLS or SASL that was set in vain.
fn unused_security(config: &ProducerConfig) -> Option<&'static str> {
    let security = &config.security;
    #[cfg(feature = "_tls")]
    if let (false, Some(name)) = (security.protocol.is_tls(), security.ssl.first_set()) {
        return Some(name);
    }
    let sasl = security.sasl.first_said(config.dialect);
    sasl.filter(|_| !security.protocol.is_sasl())
}
