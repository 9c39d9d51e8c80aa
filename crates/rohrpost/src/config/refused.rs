//! The properties of Kafka's producer that this one has nothing for.

use super::property::{Property, Setter};

const TLS: &str = "TLS is not implemented yet: use a PLAINTEXT listener, and remove it";
const SASL: &str = "SASL is not implemented yet: use a PLAINTEXT listener, and remove it";
const TRANSACTIONS: &str = "transactions are not implemented yet: remove it; idempotence, on by default, keeps each partition free of \
    duplicates";
const METRICS: &str = "it tunes the metrics of a JVM: remove it, and read Producer::stats instead";
const RACK: &str = "rack-aware partitioning (KIP-1123) is not implemented yet: remove it";
const JVM: &str = "it names classes of a JVM: remove it";

const fn refused(
    name: &'static str,
    default: &'static str,
    reason: &'static str,
    about: &'static str,
) -> Property {
    Property { name, default, about, setter: Setter::Refused(reason) }
}

#[rustfmt::skip]
pub(crate) static PROPERTIES: &[Property] = &[
    refused("client.rack", "", RACK, "The rack or zone of the producer"),
    refused("metrics.num.samples", "2", METRICS, "Samples that Java keeps of each metric"),
    refused("metrics.recording.level", "INFO", METRICS, "Which metrics Java keeps"),
    refused("metrics.sample.window.ms", "30000", METRICS, "How long Java samples a metric"),
    refused("sasl.client.callback.handler.class", "", SASL, "A setting of SASL authentication"),
    refused("sasl.jaas.config", "", SASL, "A setting of SASL authentication"),
    refused("sasl.kerberos.kinit.cmd", "/usr/bin/kinit", SASL, "A setting of SASL authentication"),
    refused("sasl.kerberos.min.time.before.relogin", "60000", SASL, "A setting of SASL authentication"),
    refused("sasl.kerberos.service.name", "", SASL, "A setting of SASL authentication"),
    refused("sasl.kerberos.ticket.renew.jitter", "0.05", SASL, "A setting of SASL authentication"),
    refused("sasl.kerberos.ticket.renew.window.factor", "0.8", SASL, "A setting of SASL authentication"),
    refused("sasl.login.callback.handler.class", "", SASL, "A setting of SASL authentication"),
    refused("sasl.login.class", "", SASL, "A setting of SASL authentication"),
    refused("sasl.login.connect.timeout.ms", "", SASL, "A setting of SASL authentication"),
    refused("sasl.login.read.timeout.ms", "", SASL, "A setting of SASL authentication"),
    refused("sasl.login.refresh.buffer.seconds", "300", SASL, "A setting of SASL authentication"),
    refused("sasl.login.refresh.min.period.seconds", "60", SASL, "A setting of SASL authentication"),
    refused("sasl.login.refresh.window.factor", "0.8", SASL, "A setting of SASL authentication"),
    refused("sasl.login.refresh.window.jitter", "0.05", SASL, "A setting of SASL authentication"),
    refused("sasl.login.retry.backoff.max.ms", "10000", SASL, "A setting of SASL authentication"),
    refused("sasl.login.retry.backoff.ms", "100", SASL, "A setting of SASL authentication"),
    refused("sasl.mechanism", "GSSAPI", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.allow.unverified.audience", "false", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.allow.unverified.issuer", "false", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.assertion.algorithm", "RS256", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.assertion.claim.aud", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.assertion.claim.exp.seconds", "300", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.assertion.claim.iss", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.assertion.claim.jti.include", "false", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.assertion.claim.nbf.seconds", "60", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.assertion.claim.sub", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.assertion.file", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.assertion.private.key.file", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.assertion.private.key.passphrase", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.assertion.template.file", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.client.credentials.client.id", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.client.credentials.client.secret", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.clock.skew.seconds", "30", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.expected.audience", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.expected.issuer", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.header.urlencode", "false", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.jwks.endpoint.refresh.ms", "3600000", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", "10000", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", "100", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.jwks.endpoint.url", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.jwt.retriever.class", "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.jwt.validator.class", "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.scope", "", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.scope.claim.name", "scope", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.sub.claim.name", "sub", SASL, "A setting of SASL authentication"),
    refused("sasl.oauthbearer.token.endpoint.url", "", SASL, "A setting of SASL authentication"),
    refused("security.providers", "", JVM, "Classes that provide security algorithms"),
    refused("ssl.cipher.suites", "", TLS, "A setting of TLS"),
    refused("ssl.enabled.protocols", "TLSv1.2, TLSv1.3", TLS, "A setting of TLS"),
    refused("ssl.endpoint.identification.algorithm", "https", TLS, "A setting of TLS"),
    refused("ssl.engine.factory.class", "", TLS, "A setting of TLS"),
    refused("ssl.key.password", "", TLS, "A setting of TLS"),
    refused("ssl.keymanager.algorithm", "SunX509", TLS, "A setting of TLS"),
    refused("ssl.keystore.certificate.chain", "", TLS, "A setting of TLS"),
    refused("ssl.keystore.key", "", TLS, "A setting of TLS"),
    refused("ssl.keystore.location", "", TLS, "A setting of TLS"),
    refused("ssl.keystore.password", "", TLS, "A setting of TLS"),
    refused("ssl.keystore.type", "JKS", TLS, "A setting of TLS"),
    refused("ssl.protocol", "TLSv1.3", TLS, "A setting of TLS"),
    refused("ssl.provider", "", TLS, "A setting of TLS"),
    refused("ssl.secure.random.implementation", "", TLS, "A setting of TLS"),
    refused("ssl.trustmanager.algorithm", "PKIX", TLS, "A setting of TLS"),
    refused("ssl.truststore.certificates", "", TLS, "A setting of TLS"),
    refused("ssl.truststore.location", "", TLS, "A setting of TLS"),
    refused("ssl.truststore.password", "", TLS, "A setting of TLS"),
    refused("ssl.truststore.type", "JKS", TLS, "A setting of TLS"),
    refused("transaction.timeout.ms", "60000", TRANSACTIONS, "How long a transaction may stay open before the broker aborts it"),
    refused("transactional.id", "", TRANSACTIONS, "The name under which the broker remembers transactions"),
];
