//! Java's properties that this producer has nothing for.

use super::ProducerConfig;
use super::property::PropertyType::{
    self, Boolean, Class, Double, Int, List, Long, Password, Short, String,
};
use super::property::{Property, Setter};
use super::reasons::{JVM, KERBEROS, METRICS, OAUTH, TRANSACTIONS};

const fn row(
    name: &'static [&'static str; 1],
    kind: PropertyType,
    default: &'static str,
    reason: &'static str,
    about: &'static str,
) -> Property<ProducerConfig> {
    Property::new(name, kind, default, Setter::Refused(reason), about)
}

#[rustfmt::skip]
pub(crate) static PROPERTIES: &[Property<ProducerConfig>] = &[
    row(&["metrics.num.samples"], Int, "2", METRICS, "Samples that Java keeps of each metric"),
    row(&["metrics.recording.level"], String, "INFO", METRICS, "Which metrics Java keeps").kip(&[105]),
    row(&["metrics.sample.window.ms"], Long, "30000", METRICS, "How long Java samples a metric"),
    row(&["sasl.kerberos.kinit.cmd"], String, "/usr/bin/kinit", KERBEROS, "The program that renews Kerberos tickets").kip(&[12]),
    row(&["sasl.kerberos.min.time.before.relogin"], Long, "60000", KERBEROS, "Milliseconds between two logins to Kerberos, at least").kip(&[12]),
    row(&["sasl.kerberos.service.name"], String, "", KERBEROS, "The brokers' principal in Kerberos").kip(&[12]),
    row(&["sasl.kerberos.ticket.renew.jitter"], Double, "0.05", KERBEROS, "How much chance is in the time of a ticket's renewal").kip(&[12]),
    row(&["sasl.kerberos.ticket.renew.window.factor"], Double, "0.8", KERBEROS, "After how much of its life a ticket is renewed").kip(&[12]),
    row(&["sasl.login.connect.timeout.ms"], Int, "", OAUTH, "How long connecting to an identity provider may take").kip(&[768]),
    row(&["sasl.login.read.timeout.ms"], Int, "", OAUTH, "How long an identity provider's answer may take").kip(&[768]),
    row(&["sasl.login.refresh.buffer.seconds"], Short, "300", OAUTH, "Seconds before its end at which a token is renewed, at the latest").kip(&[255]),
    row(&["sasl.login.refresh.min.period.seconds"], Short, "60", OAUTH, "Seconds between two renewals of a token, at least").kip(&[255]),
    row(&["sasl.login.refresh.window.factor"], Double, "0.8", OAUTH, "After how much of its life a token is renewed").kip(&[255]),
    row(&["sasl.login.refresh.window.jitter"], Double, "0.05", OAUTH, "How much chance is in the time of a token's renewal").kip(&[255]),
    row(&["sasl.login.retry.backoff.max.ms"], Long, "10000", OAUTH, "The longest pause between attempts to log in").kip(&[768]),
    row(&["sasl.login.retry.backoff.ms"], Long, "100", OAUTH, "The first pause between attempts to log in").kip(&[768]),
    row(&["sasl.oauthbearer.allow.unverified.audience"], Boolean, "false", OAUTH, "Take tokens whose audience is not checked"),
    row(&["sasl.oauthbearer.allow.unverified.issuer"], Boolean, "false", OAUTH, "Take tokens whose issuer is not checked"),
    row(&["sasl.oauthbearer.assertion.algorithm"], String, "RS256", OAUTH, "How an assertion is signed").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.claim.aud"], String, "", OAUTH, "For whom an assertion is").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.claim.exp.seconds"], Int, "300", OAUTH, "Seconds that an assertion is valid").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.claim.iss"], String, "", OAUTH, "Who made an assertion").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.claim.jti.include"], Boolean, "false", OAUTH, "Number each assertion").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.claim.nbf.seconds"], Int, "60", OAUTH, "Seconds by which an assertion is valid before it was made").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.claim.sub"], String, "", OAUTH, "About whom an assertion is").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.file"], String, "", OAUTH, "A file with an assertion").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.private.key.file"], String, "", OAUTH, "A file with the key that signs assertions").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.private.key.passphrase"], Password, "", OAUTH, "What decrypts the key that signs assertions").kip(&[1139]),
    row(&["sasl.oauthbearer.assertion.template.file"], String, "", OAUTH, "A file with an assertion's fixed part").kip(&[1139]),
    row(&["sasl.oauthbearer.client.credentials.client.id"], String, "", OAUTH, "Who asks an identity provider for a token").kip(&[1139]),
    row(&["sasl.oauthbearer.client.credentials.client.secret"], Password, "", OAUTH, "What proves that to the identity provider").kip(&[1139]),
    row(&["sasl.oauthbearer.clock.skew.seconds"], Int, "30", OAUTH, "Seconds by which clocks may differ when tokens are checked").kip(&[768]),
    row(&["sasl.oauthbearer.expected.audience"], List, "", OAUTH, "For whom tokens must be").kip(&[768]),
    row(&["sasl.oauthbearer.expected.issuer"], String, "", OAUTH, "Who must have made tokens").kip(&[768]),
    row(&["sasl.oauthbearer.header.urlencode"], Boolean, "false", OAUTH, "Encode credentials for URLs, as RFC 6749 says").kip(&[1025]),
    row(&["sasl.oauthbearer.jwks.endpoint.refresh.ms"], Long, "3600000", OAUTH, "How old an identity provider's keys may become").kip(&[768]),
    row(&["sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms"], Long, "10000", OAUTH, "The longest pause between attempts to get those keys").kip(&[768]),
    row(&["sasl.oauthbearer.jwks.endpoint.retry.backoff.ms"], Long, "100", OAUTH, "The first pause between attempts to get those keys").kip(&[768]),
    row(&["sasl.oauthbearer.jwks.endpoint.url"], String, "", OAUTH, "Where an identity provider's keys are").kip(&[768]),
    row(&["sasl.oauthbearer.jwt.retriever.class"], Class, "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", OAUTH, "What gets tokens").kip(&[1139]),
    row(&["sasl.oauthbearer.jwt.validator.class"], Class, "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", OAUTH, "What checks tokens").kip(&[1139]),
    row(&["sasl.oauthbearer.scope"], String, "", OAUTH, "What a token is to allow").kip(&[1139]),
    row(&["sasl.oauthbearer.scope.claim.name"], String, "scope", OAUTH, "The claim of a token that says what it allows").kip(&[768]),
    row(&["sasl.oauthbearer.sub.claim.name"], String, "sub", OAUTH, "The claim of a token that says whose it is").kip(&[768]),
    row(&["sasl.oauthbearer.token.endpoint.url"], String, "", OAUTH, "Where tokens are to be had").kip(&[768]),
    row(&["security.providers"], String, "", JVM, "Classes that provide security algorithms").kip(&[492]),
    row(&["transaction.timeout.ms"], Int, "60000", TRANSACTIONS, "How long a transaction may stay open before the brokers abort it").kip(&[98]),
    row(&["transactional.id"], String, "", TRANSACTIONS, "The name under which the brokers remember transactions").kip(&[98]),
];
