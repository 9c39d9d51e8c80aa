//! SASL: every mechanism with and without TLS, and every wrong secret.

use super::Outcome::{In, Refused};
use super::{Case, REMOVED, case};
use crate::kafka::Mode::{
    Kerberos, Oauth, SaslPlain, SaslScram, SaslSslKerberos, SaslSslOauth, SaslSslPlain,
    SaslSslScram, Ssl,
};

const MECHANISM: &str = "sasl.mechanism";
const JAAS: &str = "sasl.jaas.config";
const TOKENS: &str = "sasl.oauthbearer.token.endpoint.url";
const PROTOCOL: &str = "security.protocol";

const PLAIN_OTHER: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"bärbel\" password=\"Schlüssel=\\\"; \\\\ñ\";";
const PLAIN_WRONG: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"alice\" password=\"wrong-secret\";";
const PLAIN_UNKNOWN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"mallory\" password=\"wrong-secret\";";
const PLAIN_ALICE: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required username='alice' password='alice-secret';";
const SCRAM_WRONG: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"alice\" password=\"wrong-secret\";";
const SCRAM_UNKNOWN: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"mallory\" password=\"wrong-secret\";";
const OAUTH: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;";
const OAUTH_WRONG: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId=\"alice\" clientSecret=\"wrong-secret\";";
const RETRIEVER: &str = "sasl.oauthbearer.jwt.retriever.class";
const JWT_BEARER: &str = "org.apache.kafka.common.security.oauthbearer.JwtBearerJwtRetriever";
const ASSERTION_KEY: &str = "sasl.oauthbearer.assertion.private.key.file";

const SERVICE: &str = "sasl.kerberos.service.name";
const KEYTAB: &str = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true doNotPrompt=true keyTab=\"{krb5 keytab}\" principal=\"alice\" serviceName=\"kafka\";";
const KEYTAB_MISSING: &str = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=\"{krb5 keytab}.none\" principal=\"alice@ROHRPOST.TEST\";";
const KEYTAB_TRUSTED: &str = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=\"{krb5 trusted keytab}\" principal=\"carol@ROHRPOST.TEST\";";
const KEYTAB_STALE: &str = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=\"{krb5 stale keytab}\" principal=\"bob@ROHRPOST.TEST\";";
const KEYTAB_OTHER: &str = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=\"{krb5 service keytab}\" principal=\"alice@ROHRPOST.TEST\";";
const KEYTAB_SERVICE: &str = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab=\"{krb5 keytab}\" principal=\"alice@ROHRPOST.TEST\" serviceName=http;";
const CACHE: &str = "com.sun.security.auth.module.Krb5LoginModule required useTicketCache=true ticketCache=\"{krb5 cache}\" doNotPrompt=true;";
const CACHE_OF: &str = "com.sun.security.auth.module.Krb5LoginModule required useTicketCache=true ticketCache=\"FILE:{krb5 cache}\" principal=\"alice@ROHRPOST.TEST\";";
const CACHE_OTHERS: &str = "com.sun.security.auth.module.Krb5LoginModule required useTicketCache=true ticketCache=\"{krb5 cache}\" principal=\"bob@ROHRPOST.TEST\";";
const CACHE_EXPIRED: &str = "com.sun.security.auth.module.Krb5LoginModule required useTicketCache=true ticketCache=\"{krb5 expired cache}\";";
const CACHE_MISSING: &str = "com.sun.security.auth.module.Krb5LoginModule required useTicketCache=true ticketCache=\"{krb5 cache}.none\";";

/// GSSAPI.
#[rustfmt::skip]
pub(super) const KERBEROS: &[Case] = &[
    case("GSSAPI by a keytab", Kerberos, &[], In),
    case("GSSAPI by a keytab, over TLS", SaslSslKerberos, &[], In),
    case("GSSAPI over TLS, JKS", SaslSslKerberos, &[("ssl.truststore.location", "{keys}/truststore.jks"), ("ssl.truststore.type", "JKS")], In),
    case("GSSAPI over TLS, inline PEM", SaslSslKerberos, &[("ssl.truststore.certificates", "{pem truststore.pem}"), ("ssl.truststore.type", "PEM"), ("ssl.truststore.location", REMOVED), ("ssl.truststore.password", REMOVED)], In),
    case("GSSAPI, the service by JAAS, the realm by krb5.conf", Kerberos, &[(JAAS, KEYTAB), (SERVICE, REMOVED)], In),
    case("GSSAPI by a keytab, without a proof first", Kerberos, &[(JAAS, KEYTAB_TRUSTED)], In),
    case("GSSAPI is the default", Kerberos, &[(MECHANISM, REMOVED)], In),
    case("GSSAPI by a ticket cache", Kerberos, &[(JAAS, CACHE)], In),
    case("GSSAPI by a ticket cache, over TLS", SaslSslKerberos, &[(JAAS, CACHE_OF)], In),
    case("GSSAPI, a keytab that is older than the key", Kerberos, &[(JAAS, KEYTAB_STALE)], Refused(&["bob@ROHRPOST.TEST", "bob.keytab", "127.0.0.1", "key is wrong", "export"])),
    case("GSSAPI, no keytab", Kerberos, &[(JAAS, KEYTAB_MISSING)], Refused(&["alice.keytab.none"])),
    case("GSSAPI over TLS, an authority that is unknown", SaslSslKerberos, &[("ssl.truststore.location", "{keys}/other-truststore.p12")], Refused(&["localhost", "not trusted"])),
    case("GSSAPI, another's keytab", Kerberos, &[(JAAS, KEYTAB_OTHER)], Refused(&["no key of alice@ROHRPOST.TEST", "kafka.keytab", "kafka/localhost@ROHRPOST.TEST"])),
    case("GSSAPI, a service that there is not", Kerberos, &[(SERVICE, "kafkaesque")], Refused(&["alice@ROHRPOST.TEST", "kafkaesque/localhost@ROHRPOST.TEST", "no such service principal", "sasl.kerberos.service.name"])),
    case("GSSAPI over TLS, a service that there is not", SaslSslKerberos, &[(SERVICE, "kafkaesque")], Refused(&["kafkaesque/localhost@ROHRPOST.TEST", "no such service principal"])),
    case("GSSAPI, two services", Kerberos, &[(JAAS, KEYTAB_SERVICE)], Refused(&["sasl.kerberos.service.name", "serviceName", "kafka", "http"])),
    case("GSSAPI, no service", Kerberos, &[(SERVICE, REMOVED)], Refused(&["sasl.kerberos.service.name"])),
    case("GSSAPI, a ticket that has expired", Kerberos, &[(JAAS, CACHE_EXPIRED)], Refused(&["alice@ROHRPOST.TEST", "expired.ccache", "has expired", "kinit"])),
    case("GSSAPI over TLS, a ticket that has expired", SaslSslKerberos, &[(JAAS, CACHE_EXPIRED)], Refused(&["has expired", "kinit"])),
    case("GSSAPI, no ticket", Kerberos, &[(JAAS, CACHE_MISSING)], Refused(&["alice.ccache.none", "kinit"])),
    case("GSSAPI, another's ticket", Kerberos, &[(JAAS, CACHE_OTHERS)], Refused(&["alice@ROHRPOST.TEST's", "bob@ROHRPOST.TEST"])),
    case("GSSAPI, no JAAS", Kerberos, &[(JAAS, REMOVED)], Refused(&["sasl.jaas.config", "Krb5LoginModule"])),
    case("GSSAPI, PLAIN's JAAS", Kerberos, &[(JAAS, PLAIN_ALICE)], Refused(&["sasl.jaas.config", "Krb5LoginModule"])),
    case("PLAIN where GSSAPI is wanted", Kerberos, &[(MECHANISM, "PLAIN"), (JAAS, PLAIN_ALICE), (SERVICE, REMOVED)], Refused(&["localhost", "PLAIN", "GSSAPI"])),
    case("GSSAPI where PLAIN is wanted", SaslPlain, &[(MECHANISM, "GSSAPI"), (JAAS, KEYTAB)], Refused(&["localhost", "GSSAPI", "PLAIN"])),
];

/// PLAIN and SCRAM.
#[rustfmt::skip]
pub(super) const PASSWORDS: &[Case] = &[
    case("PLAIN", SaslPlain, &[], In),
    case("PLAIN, quoted otherwise", SaslPlain, &[(JAAS, PLAIN_ALICE)], In),
    case("PLAIN, beyond ASCII", SaslPlain, &[(JAAS, PLAIN_OTHER)], In),
    case("PLAIN over TLS", SaslSslPlain, &[], In),
    case("PLAIN over TLS, beyond ASCII", SaslSslPlain, &[(JAAS, PLAIN_OTHER)], In),
    case("PLAIN over TLS, JKS", SaslSslPlain, &[("ssl.truststore.location", "{keys}/truststore.jks"), ("ssl.truststore.type", "JKS")], In),
    case("PLAIN over TLS, inline PEM", SaslSslPlain, &[("ssl.truststore.certificates", "{pem truststore.pem}"), ("ssl.truststore.type", "PEM"), ("ssl.truststore.location", REMOVED), ("ssl.truststore.password", REMOVED)], In),
    case("SCRAM-SHA-256", SaslScram, &[(MECHANISM, "SCRAM-SHA-256")], In),
    case("SCRAM-SHA-512", SaslScram, &[], In),
    case("SCRAM-SHA-256 over TLS", SaslSslScram, &[(MECHANISM, "SCRAM-SHA-256")], In),
    case("SCRAM-SHA-512 over TLS", SaslSslScram, &[], In),
    case("SCRAM over TLS, JKS", SaslSslScram, &[("ssl.truststore.location", "{keys}/truststore.jks"), ("ssl.truststore.type", "JKS")], In),
    case("SCRAM over TLS, inline PEM", SaslSslScram, &[("ssl.truststore.certificates", "{pem truststore.pem}"), ("ssl.truststore.type", "PEM"), ("ssl.truststore.location", REMOVED), ("ssl.truststore.password", REMOVED)], In),
    case("PLAIN, wrong password", SaslPlain, &[(JAAS, PLAIN_WRONG)], Refused(&["localhost", "PLAIN", "Invalid username or password"])),
    case("PLAIN, unknown user", SaslPlain, &[(JAAS, PLAIN_UNKNOWN)], Refused(&["localhost", "PLAIN", "Invalid username or password"])),
    case("PLAIN over TLS, wrong password", SaslSslPlain, &[(JAAS, PLAIN_WRONG)], Refused(&["localhost", "PLAIN", "Invalid username or password"])),
    case("SCRAM-SHA-256, wrong password", SaslScram, &[(MECHANISM, "SCRAM-SHA-256"), (JAAS, SCRAM_WRONG)], Refused(&["localhost", "SCRAM-SHA-256", "invalid credentials"])),
    case("SCRAM-SHA-512, unknown user", SaslScram, &[(JAAS, SCRAM_UNKNOWN)], Refused(&["localhost", "SCRAM-SHA-512", "invalid credentials"])),
    case("SCRAM over TLS, wrong password", SaslSslScram, &[(JAAS, SCRAM_WRONG)], Refused(&["localhost", "SCRAM-SHA-512", "invalid credentials"])),
    case("a mechanism that is off", SaslScram, &[(MECHANISM, "PLAIN"), (JAAS, PLAIN_ALICE)], Refused(&["localhost", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])),
    case("an authority unknown to SASL's TLS", SaslSslScram, &[("ssl.truststore.location", "{keys}/other-truststore.p12")], Refused(&["localhost", "not trusted"])),
    case("no JAAS", SaslPlain, &[(JAAS, REMOVED)], Refused(&["sasl.jaas.config"])),
    case("broken JAAS", SaslPlain, &[(JAAS, "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"alice\"")], Refused(&["sasl.jaas.config"])),
    case("another mechanism's JAAS", SaslPlain, &[(JAAS, OAUTH)], Refused(&["sasl.jaas.config", "sasl.mechanism", "PlainLoginModule"])),
    case("nobody where SASL is wanted", SaslPlain, &[(PROTOCOL, "PLAINTEXT"), (MECHANISM, REMOVED), (JAAS, REMOVED)], Refused(&["localhost", "security.protocol"])),
    case("SASL without TLS where TLS is spoken", SaslSslPlain, &[(PROTOCOL, "SASL_PLAINTEXT"), ("ssl.truststore.location", REMOVED), ("ssl.truststore.password", REMOVED), ("ssl.truststore.type", REMOVED)], Refused(&["localhost", "TLS", "security.protocol"])),
    case("SASL over TLS where none is spoken", SaslPlain, &[(PROTOCOL, "SASL_SSL"), ("ssl.truststore.location", "{keys}/truststore.p12"), ("ssl.truststore.password", "store-secret"), ("ssl.truststore.type", "PKCS12")], Refused(&["localhost", "TLS", "security.protocol"])),
    case("SASL where TLS is enough", Ssl, &[(PROTOCOL, "SASL_SSL"), (MECHANISM, "PLAIN"), (JAAS, PLAIN_ALICE)], Refused(&["localhost", "SASL"])),
];

/// OAUTHBEARER.
#[rustfmt::skip]
pub(super) const TOKEN_CASES: &[Case] = &[
    case("OAUTHBEARER", Oauth, &[], In),
    case("OAUTHBEARER over TLS", SaslSslOauth, &[], In),
    case("OAUTHBEARER over TLS, JKS", SaslSslOauth, &[("ssl.truststore.location", "{keys}/truststore.jks"), ("ssl.truststore.type", "JKS")], In),
    case("OAUTHBEARER over TLS, inline PEM", SaslSslOauth, &[("ssl.truststore.certificates", "{pem truststore.pem}"), ("ssl.truststore.type", "PEM"), ("ssl.truststore.location", REMOVED), ("ssl.truststore.password", REMOVED)], In),
    case("OAUTHBEARER, the client by properties", Oauth, &[(JAAS, OAUTH), ("sasl.oauthbearer.client.credentials.client.id", "alice"), ("sasl.oauthbearer.client.credentials.client.secret", "alice-secret"), ("sasl.oauthbearer.scope", "produce")], In),
    case("OAUTHBEARER, a provider that fails twice", Oauth, &[(TOKENS, "{tokens}/flaky/2/{nonce}")], In),
    case("OAUTHBEARER, a token from a file", Oauth, &[(JAAS, OAUTH), (TOKENS, "file://{token file}")], In),
    case("OAUTHBEARER, a signed assertion", SaslSslOauth, &[(JAAS, OAUTH), (RETRIEVER, JWT_BEARER), (ASSERTION_KEY, "{keys}/client.key"), ("sasl.oauthbearer.assertion.algorithm", "RS256"), ("sasl.oauthbearer.assertion.claim.sub", "alice"), ("sasl.oauthbearer.assertion.claim.iss", "alice"), ("sasl.oauthbearer.assertion.claim.aud", "tests"), ("sasl.oauthbearer.assertion.claim.exp.seconds", "60")], In),
    case("OAUTHBEARER, no file with a token", Oauth, &[(JAAS, OAUTH), (TOKENS, "file://{token file}.none")], Refused(&[".none"])),
    case("OAUTHBEARER over TLS, an authority that is unknown", SaslSslOauth, &[("ssl.truststore.location", "{keys}/other-truststore.p12")], Refused(&["localhost", "not trusted"])),
    case("OAUTHBEARER, wrong secret", Oauth, &[(JAAS, OAUTH_WRONG)], Refused(&["401", "invalid_client"])),
    case("OAUTHBEARER, a provider that refuses", Oauth, &[(TOKENS, "{tokens}/status/403")], Refused(&["403"])),
    case("OAUTHBEARER, a web page", Oauth, &[(TOKENS, "{tokens}/page")], Refused(&["localhost"])),
    case("OAUTHBEARER, no token", Oauth, &[(TOKENS, "{tokens}/nothing")], Refused(&["access_token"])),
    case("OAUTHBEARER, an endless answer", Oauth, &[(TOKENS, "{tokens}/endless")], Refused(&["localhost"])),
    case("OAUTHBEARER, a silent provider", Oauth, &[(TOKENS, "{tokens}/silent"), ("sasl.login.read.timeout.ms", "500"), ("sasl.login.retry.backoff.max.ms", "500")], Refused(&["localhost"])),
    case("OAUTHBEARER, an expired token", Oauth, &[(TOKENS, "{tokens}/expired")], Refused(&["expired"])),
    case("OAUTHBEARER, a forged token", Oauth, &[(TOKENS, "{tokens}/forged")], Refused(&["localhost", "OAUTHBEARER", "invalid_token"])),
    case("OAUTHBEARER over TLS, another's token", SaslSslOauth, &[(TOKENS, "{tokens}/audience")], Refused(&["localhost", "OAUTHBEARER", "invalid_token"])),
    case("OAUTHBEARER, a stranger's assertion", Oauth, &[(JAAS, OAUTH), (RETRIEVER, JWT_BEARER), (ASSERTION_KEY, "{keys}/server.key"), ("sasl.oauthbearer.assertion.algorithm", "RS256"), ("sasl.oauthbearer.assertion.claim.sub", "alice"), ("sasl.oauthbearer.assertion.claim.iss", "alice"), ("sasl.oauthbearer.assertion.claim.aud", "tests")], Refused(&["400", "invalid_grant"])),
];
